"""Virtual patients drawn from a prior: true curves, and what a schedule would measure of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theratrial.dosimetry.population.draws import shapes
from theratrial.dosimetry.population.families import Floats
from theratrial.dosimetry.population.prior import RegionPrior
from theratrial.errors import InputError

_LARGEST_NOISE = 0.5
_UNUSABLE_NOISE = 0.3
"""A scan whose counting noise in the region exceeds this gives no point."""


@dataclass(frozen=True, slots=True, eq=False)
class TrueCurves:
    """One region of `p` patients per administered activity: sums of exponentials with physical decay."""

    coefficients: Floats
    """``(p, terms)``."""
    effective_per_h: Floats
    decay_constant_per_h: float

    @property
    def coefficient_h(self) -> Floats:
        """Time-integrated activity coefficient, ``(p,)`` [h]."""
        return np.asarray((self.coefficients / self.effective_per_h).sum(axis=1), dtype=float)

    def fraction(self, hours: Floats) -> Floats:
        """Share of the administered activity at times [h], ``(p, times)``; physical decay included."""
        decayed = np.exp(-self.effective_per_h[:, :, None] * hours)
        return np.asarray((self.coefficients[:, :, None] * decayed).sum(axis=1), dtype=float)

    def after_fraction(self, hours: float) -> Floats:
        """Share of the time-integrated activity after a time [h], ``(p,)``."""
        left = self.coefficients / self.effective_per_h * np.exp(-self.effective_per_h * hours)
        return np.asarray(left.sum(axis=1) / self.coefficient_h, dtype=float)

    def still_rising(self, hours: float) -> np.ndarray:
        """Whether the region still gains more than it loses at a time, physical decay aside, ``(p,)``."""
        biological = self.effective_per_h - self.decay_constant_per_h
        slope = (-biological * self.coefficients * np.exp(-self.effective_per_h * hours)).sum(axis=1)
        return np.asarray(slope > 0)


@dataclass(frozen=True, slots=True)
class MeasurementNoise:
    """Relative standard deviations of a region's activity.

    Parameters
    ----------
    repeatability
        Independent from scan to scan.
    counting
        Of the region at the reference time; grows with the inverse root of its own activity.
    calibration
        Common to the scans of a patient.
    reference_h
        Time at which `counting` holds [h].
    """

    repeatability: float
    counting: float
    calibration: float
    reference_h: float = 24.0

    def __post_init__(self) -> None:
        for name in ("repeatability", "counting", "calibration"):
            value = getattr(self, name)
            if not (0 <= value <= _LARGEST_NOISE):
                raise InputError(f"{name} noise must be a relative standard deviation from 0 to 0.5, got {value}")
        if self.repeatability == 0 and self.counting == 0:
            raise InputError("without repeatability and counting noise there is nothing to judge a schedule by")

    def uncorrelated(self, fraction: Floats, reference_fraction: Floats) -> Floats:
        """Per point, ``(p, times)``; infinite where too little is left to be seen.

        Parameters
        ----------
        reference_fraction
            At the reference time, ``(p, 1)``.
        """
        counting = self.counting * np.sqrt(reference_fraction / np.maximum(fraction, 1e-30))
        return np.where(counting > _UNUSABLE_NOISE, np.inf, np.hypot(self.repeatability, counting))


def true_curves(
    prior: RegionPrior,
    decay_constant_per_h: float,
    patients: int,
    rng: np.random.Generator,
    *,
    spread: float = 1.0,
    shift: float = 0.0,
) -> TrueCurves:
    """Curves of patients of a prior.

    Parameters
    ----------
    spread
        Spread of the shape parameters around their mean, in standard deviations of the prior. The prior holds both
        how patients differ and how little is known of their mean; `BETWEEN_PATIENTS` is the first alone.
    shift
        By how many standard deviations of the prior the mean of every shape parameter is moved.
    """
    weights = [family.weight for family in prior.families]
    family = rng.choice(len(weights), size=patients, p=np.array(weights) / sum(weights))
    standard = spread * rng.standard_normal((patients, 4))
    for index, one in enumerate(prior.families):
        factor = np.linalg.cholesky(np.array(one.covariance)[1:, 1:])
        size = len(factor)
        moved = np.linalg.solve(factor, shift * np.sqrt(np.diag(factor @ factor.T)))
        standard[np.ix_(family == index, range(size))] += moved
    drawn = shapes(prior, decay_constant_per_h, family, standard, rng.standard_normal(patients))
    amplitude = np.exp(drawn.log_amplitude_mean + np.sqrt(drawn.log_amplitude_variance) * drawn.normal)
    return TrueCurves(drawn.coefficients * amplitude[:, None], drawn.effective_per_h, decay_constant_per_h)


def measured(
    curves: TrueCurves, hours: Floats, noise: MeasurementNoise, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """ln of measured over administered activity and its uncorrelated standard deviation, each ``(p, times)``.

    Where too little is left to be seen, the standard deviation is infinite and the value means nothing.
    """
    fraction = curves.fraction(hours)
    sds = noise.uncorrelated(fraction, curves.fraction(np.array([noise.reference_h])))
    common = noise.calibration * rng.standard_normal((len(fraction), 1))
    error = np.where(np.isinf(sds), 0.0, sds) * rng.standard_normal(fraction.shape)
    return np.log(np.maximum(fraction, 1e-300)) + error + common, sds
