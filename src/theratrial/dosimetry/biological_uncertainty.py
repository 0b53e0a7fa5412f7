"""Uncertainty of a biologically effective dose: to first order, and by sampling (docs/methods/biological_dose.md)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from theratrial.dosimetry.biological import BiologicalDose, biological_dose, dose_rate_factor
from theratrial.dosimetry.exponentials import Exponential, SumOfExponentials
from theratrial.dosimetry.plan import checked_relative_sd
from theratrial.errors import InputError

_Z_95: Final = 1.959963984540054
_PARTS: Final = ("absorbed_dose", "kinetics", "alpha_beta", "repair")


@dataclass(frozen=True, slots=True)
class BiologicalSpread:
    """Relative standard deviations of what a biologically effective dose is made of, each of a log-normal quantity.

    Parameters
    ----------
    absorbed_dose_relative_sd
        Of the absorbed dose, its share from the kinetics included.
    kinetics_relative_sd
        Of a factor that stretches the whole curve in time (the effective half-life of one exponential).
    alpha_beta_relative_sd, repair_relative_sd
        Of the tissue's parameters; from their source.
    dose_kinetics_correlation
        Between absorbed dose and that factor. For activities measured at given times a longer half-life means a
        larger dose, so it is seldom 0.
    """

    absorbed_dose_relative_sd: float
    kinetics_relative_sd: float
    alpha_beta_relative_sd: float
    repair_relative_sd: float
    dose_kinetics_correlation: float

    def __post_init__(self) -> None:
        for name in (
            "absorbed_dose_relative_sd",
            "kinetics_relative_sd",
            "alpha_beta_relative_sd",
            "repair_relative_sd",
        ):
            checked_relative_sd(getattr(self, name), name)
        if not -1 <= self.dose_kinetics_correlation <= 1:
            raise InputError(f"a correlation lies from -1 to 1, got {self.dose_kinetics_correlation}")

    @property
    def covariance(self) -> NDArray[np.float64]:
        """Of the logarithms, 4 x 4: absorbed dose, kinetics, alpha/beta, repair."""
        sds = np.array(
            [
                self.absorbed_dose_relative_sd,
                self.kinetics_relative_sd,
                self.alpha_beta_relative_sd,
                self.repair_relative_sd,
            ]
        )
        found = np.diag(sds**2)
        found[0, 1] = found[1, 0] = self.dose_kinetics_correlation * sds[0] * sds[1]
        return found


@dataclass(frozen=True, slots=True)
class BiologicalInterval:
    """Standard deviation and 95 % interval of a biologically effective dose [Gy]."""

    relative_sd: float
    lower_Gy: float
    upper_Gy: float
    contributions: Mapping[str, float]
    """Relative standard deviation by source, each alone; the covariance term is ``dose with kinetics``, a signed root
    so that the squares sum to the whole. Empty for sampling."""
    method: str


def _stretched(curve: SumOfExponentials, factor: float) -> SumOfExponentials:
    return SumOfExponentials(tuple(Exponential(t.activity_MBq, t.effective_per_h / factor) for t in curve.terms))


def first_order_interval(
    dose: BiologicalDose, curve: SumOfExponentials, spread: BiologicalSpread
) -> BiologicalInterval:
    """Standard deviation to first order, and the 95 % interval of a log-normal quantity with it.

    Assumes small relative standard deviations; `sampled_interval` shows where that fails.
    """
    value = dose.biologically_effective_dose_Gy
    if value == 0:
        return BiologicalInterval(0.0, 0.0, 0.0, {}, "first order; no dose")
    quadratic = 1 - dose.absorbed_dose_Gy / value
    step = 1e-4
    repair = dose.parameters.repair_per_h

    def log_factor(stretch: float, repair_per_h: float) -> float:
        return math.log(dose_rate_factor(_stretched(curve, stretch), repair_per_h))

    by_kinetics = (log_factor(math.exp(step), repair) - log_factor(math.exp(-step), repair)) / (2 * step)
    # G depends on rates only through their ratio to repair: a slower repair acts like a faster curve.
    slopes = np.array([1 + quadratic, quadratic * by_kinetics, -quadratic, -quadratic * by_kinetics])
    covariance = spread.covariance
    variance = float(slopes @ covariance @ slopes)
    contributions = {
        name: abs(float(slope)) * math.sqrt(float(covariance[n, n]))
        for n, (name, slope) in enumerate(zip(_PARTS, slopes, strict=True))
    }
    shared = 2 * float(slopes[0] * slopes[1] * covariance[0, 1])
    contributions["dose with kinetics"] = math.copysign(math.sqrt(abs(shared)), shared)
    sd = math.sqrt(max(variance, 0.0))
    return BiologicalInterval(
        relative_sd=sd,
        lower_Gy=value * math.exp(-_Z_95 * sd),
        upper_Gy=value * math.exp(_Z_95 * sd),
        contributions=contributions,
        method="first order, log-normal",
    )


def sampled_interval(
    dose: BiologicalDose,
    curve: SumOfExponentials,
    spread: BiologicalSpread,
    *,
    generator: np.random.Generator,
    samples: int = 10_000,
) -> BiologicalInterval:
    """Standard deviation and central 95 % of samples of the four log-normal inputs, whatever their size."""
    logs = generator.multivariate_normal(np.zeros(4), spread.covariance, size=samples, method="eigh")
    values = np.empty(samples)
    for n, (absorbed, stretch, ratio, repair) in enumerate(np.exp(logs)):
        parameters = replace(
            dose.parameters,
            alpha_beta_Gy=dose.parameters.alpha_beta_Gy * ratio,
            repair_half_life_h=dose.parameters.repair_half_life_h * repair,
        )
        made = biological_dose(
            dose.absorbed_dose_Gy * absorbed, _stretched(curve, stretch), parameters, region=dose.region
        )
        values[n] = made.biologically_effective_dose_Gy
    lower, upper = np.quantile(values, (0.025, 0.975))
    centre = dose.biologically_effective_dose_Gy
    return BiologicalInterval(
        relative_sd=float(values.std(ddof=1) / centre) if centre else 0.0,
        lower_Gy=float(lower),
        upper_Gy=float(upper),
        contributions={},
        method=f"{samples} samples",
    )
