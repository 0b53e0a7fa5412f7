"""Curves drawn from a prior: shapes only, as the amplitude is integrated in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtri

from theratrial.dosimetry.population.families import SHAPES, TERMS, Floats, unit_terms
from theratrial.dosimetry.population.prior import FamilyPrior, RegionPrior

DRAWS = 4096
_MOST_SHAPE_PARAMETERS = max(len(shape) for shape in SHAPES.values())


@dataclass(frozen=True, slots=True, eq=False)
class ShapeDraws:
    """`n` curves of unit amplitude, with the prior of the amplitude given each shape. Never written to."""

    family: np.ndarray
    """Index into the families of the prior, ``(n,)``."""
    shape: Floats
    """Standardised shape parameters (normal with unit variance under the prior), ``(n, 4)``; unused columns are 0."""
    coefficients: Floats
    """``(n, 3)``."""
    effective_per_h: Floats
    """Physical decay included, ``(n, 3)``."""
    log_amplitude_mean: Floats
    log_amplitude_variance: Floats
    normal: Floats
    """A standard normal value each, for drawing the amplitude."""
    log_weight: Floats
    """Logarithm of prior over proposal density; zeros where drawn from the prior itself."""

    @property
    def log_unit_tia_h(self) -> Floats:
        """ln of the integral of the unit curve with physical decay [h]."""
        return np.log((self.coefficients / self.effective_per_h).sum(axis=1))

    def log_unit_activity(self, hours: Floats) -> Floats:
        """ln of the unit curves at times [h], physical decay included, ``(n, times)``."""
        decayed = np.exp(-self.effective_per_h[:, :, None] * hours[None, None, :])
        # Two nearly equal exponentials may cancel to zero at very early times.
        activity = (self.coefficients[:, :, None] * decayed).sum(axis=1)
        return np.log(np.maximum(activity, np.finfo(float).tiny))


def uniform_points(count: int, dimensions: int, seed: int) -> Floats:
    """Evenly spread points in the unit cube, ``(count, dimensions)``: an additive recurrence, shifted by the seed.

    References
    ----------
    Roberts M. The unreasonable effectiveness of quasirandom sequences, 2018 (generalised golden ratio); Niederreiter
    H. Random Number Generation and Quasi-Monte Carlo Methods, SIAM 1992 (Kronecker sequences).
    """
    ratio = 2.0
    for _ in range(64):
        ratio = (1 + ratio) ** (1 / (dimensions + 1))
    steps = ratio ** -np.arange(1.0, dimensions + 1)
    shift = np.random.default_rng(seed).random(dimensions)
    points = (shift + np.arange(1.0, count + 1)[:, None] * steps) % 1.0
    return np.clip(points, 1e-12, 1 - 1e-12)


def conditional_amplitude(family: FamilyPrior) -> tuple[float, Floats, float]:
    """Mean of ln amplitude, its slope on the standardised shape, and its remaining variance."""
    covariance = np.array(family.covariance)
    factor = np.linalg.cholesky(covariance[1:, 1:])
    slope = np.linalg.solve(factor, covariance[1:, 0])
    return family.mean[0], slope, float(covariance[0, 0] - slope @ slope)


def shapes(
    prior: RegionPrior, decay_constant_per_h: float, family: np.ndarray, standard: Floats, normal: Floats
) -> ShapeDraws:
    """Draws of given families and standardised shape parameters."""
    count = len(family)
    coefficients, rates = np.zeros((count, TERMS)), np.ones((count, TERMS))
    mean, variance = np.zeros(count), np.zeros(count)
    standard = standard.copy()
    for index, one in enumerate(prior.families):
        mine = family == index
        size = len(one.mean) - 1
        standard[mine, size:] = 0.0
        factor = np.linalg.cholesky(np.array(one.covariance)[1:, 1:])
        values = np.array(one.mean[1:]) + standard[mine, :size] @ factor.T
        coefficients[mine], rates[mine] = unit_terms(one.family, values)
        centre, slope, left = conditional_amplitude(one)
        mean[mine], variance[mine] = centre + standard[mine, :size] @ slope, left
    return ShapeDraws(
        family, standard, coefficients, rates + decay_constant_per_h, mean, variance, normal, np.zeros(count)
    )


@lru_cache(maxsize=32)
def prior_draws(prior: RegionPrior, decay_constant_per_h: float, count: int = DRAWS, seed: int = 0) -> ShapeDraws:
    """Evenly spread draws of shapes from a region's prior; the same arguments give the same draws."""
    points = uniform_points(count, _MOST_SHAPE_PARAMETERS + 2, seed)
    edges = np.cumsum([family.weight for family in prior.families])
    chosen = np.minimum(np.searchsorted(edges, points[:, 0], side="right"), len(edges) - 1)
    normals = ndtri(points[:, 1:])
    return shapes(prior, decay_constant_per_h, chosen, normals[:, :-1], normals[:, -1])
