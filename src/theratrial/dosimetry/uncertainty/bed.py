"""Biologically effective dose with its uncertainty."""

from __future__ import annotations

import math

from theratrial.dosimetry.uncertainty.budget import Budget, Contribution
from theratrial.errors import InputError


def repair_fraction(effective_half_life_h: float, repair_half_time_h: float) -> float:
    """Lea-Catcheside factor of a dose rate that falls with one exponential: ``T_rep / (T_rep + T_eff)``.

    Examples
    --------
    >>> round(repair_fraction(60.0, 2.8), 5)
    0.04459
    """
    for what, value in (("effective half-life", effective_half_life_h), ("repair half-time", repair_half_time_h)):
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"{what} must be above 0 h, got {value}")
    return repair_half_time_h / (repair_half_time_h + effective_half_life_h)


def bed_budget(
    dose: Budget,
    *,
    alpha_beta_Gy: float,
    repair_half_time_h: float,
    effective_half_life_h: float,
    alpha_beta_relative_sd: float | None = None,
    repair_relative_sd: float | None = None,
    half_life_relative_sd: float | None = None,
) -> Budget:
    """BED [Gy] of one session, ``D (1 + D G / (alpha/beta))``, with the dose's contributions carried through.

    Assumes one exponential. The half-life's own uncertainty is taken as independent of the dose's: a longer half-life
    gives more dose and less BED per dose, so that this overstates a little.

    Parameters
    ----------
    dose
        Absorbed dose of the session with its contributions [Gy].
    alpha_beta_relative_sd, repair_relative_sd, half_life_relative_sd
        None means not known, and is named.

    Raises
    ------
    InputError
        If a parameter is not positive.

    References
    ----------
    Dale RG, Br J Radiol 1985;58:515. Gear JI et al., Eur J Nucl Med Mol Imaging 2018;45:2456.
    """
    if not (math.isfinite(alpha_beta_Gy) and alpha_beta_Gy > 0):
        raise InputError(f"alpha/beta must be above 0 Gy, got {alpha_beta_Gy}")
    repair = repair_fraction(effective_half_life_h, repair_half_time_h)
    extra = dose.value * repair / alpha_beta_Gy
    quadratic = extra / (1 + extra)
    """Share of the BED that goes as the square of the dose."""
    parts = [
        Contribution(part.name, part.log_slope * (1 + quadratic), part.input_relative_sd, part.why)
        for part in dose.parts
    ]
    missing = list(dose.not_in_interval)
    own = (
        ("alpha_beta", -quadratic, alpha_beta_relative_sd),
        ("repair_half_time", quadratic * (1 - repair), repair_relative_sd),
        ("effective_half_life", -quadratic * (1 - repair), half_life_relative_sd),
    )
    for name, slope, sd in own:
        if sd is None:
            missing.append(f"uncertainty of {name.replace('_', ' ')} (not known)")
        else:
            parts.append(Contribution(name, slope, sd))
    return Budget(dose.value * (1 + extra), "Gy", tuple(parts), tuple(missing))
