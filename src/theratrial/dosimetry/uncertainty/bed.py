"""Biologically effective dose as a budget: the contributions of the dose carried on, those of its own added."""

from __future__ import annotations

import math

from theratrial.dosimetry.biological import Radiobiology, biological_dose, dose_rate_factor
from theratrial.dosimetry.exponentials import SumOfExponentials
from theratrial.dosimetry.uncertainty.budget import Budget, Contribution
from theratrial.errors import InputError

_STEP = 1e-4
"""In a logarithm, of the central difference of G."""


def _log_factor_slope(curve: SumOfExponentials, repair_per_h: float) -> float:
    """``d ln G`` per relative stretch of the curve in time; G knows rates only through their ratio to repair."""
    up, down = (dose_rate_factor(curve, repair_per_h * math.exp(step)) for step in (_STEP, -_STEP))
    return (math.log(up) - math.log(down)) / (2 * _STEP)


def bed_budget(
    dose: Budget,
    curve: SumOfExponentials,
    parameters: Radiobiology,
    *,
    region: str,
    alpha_beta_relative_sd: float | None = None,
    repair_relative_sd: float | None = None,
    kinetics_relative_sd: float | None = None,
    fit_kinetics_correlation: float = 0.0,
) -> Budget:
    """BED [Gy] of one session, ``D (1 + G D / (alpha/beta))``, by contribution.

    Each contribution to the dose grows by one plus the share of the BED that goes as the square of the dose.

    Parameters
    ----------
    dose
        Absorbed dose of the session with its contributions [Gy]; the one named ``fit`` is that of the kinetics.
    curve
        Of the region; only its shape counts.
    alpha_beta_relative_sd, repair_relative_sd
        Of the tissue's parameters; None means not known, and is named.
    kinetics_relative_sd
        Of a factor that stretches the whole curve in time (the effective half-life of one exponential); likewise.
    fit_kinetics_correlation
        Between the contribution ``fit`` and that factor: a longer half-life means a larger dose and a smaller G, so
        that leaving it at 0 overstates.

    Raises
    ------
    InputError
        If a parameter is out of range, or a correlation is given to a dose without the contribution ``fit``.

    References
    ----------
    Dale RG, Br J Radiol 1985;58:515. Gear JI et al., Eur J Nucl Med Mol Imaging 2018;45:2456.
    """
    if not -1 <= fit_kinetics_correlation <= 1:
        raise InputError(f"a correlation lies from -1 to 1, got {fit_kinetics_correlation}")
    fit = next((part for part in dose.parts if part.name == "fit"), None)
    if fit_kinetics_correlation and (fit is None or fit.relative_sd == 0 or kinetics_relative_sd is None):
        raise InputError(f"region {region}: a correlation of fit and kinetics needs an uncertainty of both")
    value = biological_dose(dose.value, curve, parameters, region=region).biologically_effective_dose_Gy
    quadratic = 1 - dose.value / value
    by_kinetics = quadratic * _log_factor_slope(curve, parameters.repair_per_h)
    parts = []
    for part in dose.parts:
        slope = part.log_slope * (1 + quadratic)
        if part is fit and fit_kinetics_correlation:
            # What of the kinetics moves with the fit is carried by the fit, the rest stands on its own.
            slope += by_kinetics * fit_kinetics_correlation * (kinetics_relative_sd or 0.0) / part.input_relative_sd
        parts.append(Contribution(part.name, slope, part.input_relative_sd, part.why))
    own = (
        ("alpha_beta", -quadratic, alpha_beta_relative_sd),
        ("repair", -by_kinetics, repair_relative_sd),
        ("kinetics", by_kinetics * math.sqrt(1 - fit_kinetics_correlation**2), kinetics_relative_sd),
    )
    missing = [f"uncertainty of {name.replace('_', ' ')} (not known)" for name, _, sd in own if sd is None]
    parts.extend(Contribution(name, slope, sd) for name, slope, sd in own if sd is not None)
    return Budget(value, "Gy", tuple(parts), (*dose.not_in_interval, *missing))
