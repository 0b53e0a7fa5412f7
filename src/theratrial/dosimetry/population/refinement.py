"""Draws moved to where the points are, for points that leave few draws of the prior any weight."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from scipy.special import chdtri, gammaln, logsumexp, ndtri

from theratrial.dosimetry.population.draws import ShapeDraws, shapes, uniform_points
from theratrial.dosimetry.population.families import Floats
from theratrial.dosimetry.population.prior import RegionPrior
from theratrial.dosimetry.population.weighing import Weighed, weighed

_DEGREES: Final = 5.0
"""Of the t distribution proposed from: its tails are heavier than those of any posterior here."""
_ROUNDS: Final = 8
_INFLATION: Final = 1.5
_LEAST_SHARE: Final = 0.05
"""Of the draws given to every family, whatever its weight so far."""


def _tempered(log_weight: Floats, wanted: float) -> Floats:
    """Weights to the largest power not above 1 that keeps `wanted` effective draws."""

    def to_the_power(power: float) -> Floats:
        return np.exp(power * log_weight - logsumexp(power * log_weight))

    if 1 / (to_the_power(1.0) ** 2).sum() >= wanted:
        return to_the_power(1.0)
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        if 1 / (to_the_power(middle) ** 2).sum() >= wanted:
            low = middle
        else:
            high = middle
    return to_the_power(low)


def _log_t(standard: Floats, centre: Floats, factor: Floats) -> Floats:
    size = len(centre)
    scaled = np.linalg.solve(factor, (standard - centre).T)
    distance = (scaled**2).sum(axis=0)
    constant = gammaln((_DEGREES + size) / 2) - gammaln(_DEGREES / 2) - 0.5 * size * math.log(_DEGREES * math.pi)
    return constant - np.log(np.diag(factor)).sum() - 0.5 * (_DEGREES + size) * np.log1p(distance / _DEGREES)


def refined(
    prior: RegionPrior,
    decay_constant_per_h: float,
    draws: ShapeDraws,
    hours: Floats,
    log_activity: Floats,
    uncorrelated_sd: Floats,
    common_sd: Floats,
    *,
    seed: int,
    enough: float,
) -> tuple[ShapeDraws, Weighed]:
    """Draws from t distributions fitted round by round to the weighted draws, and their weights.

    Population Monte Carlo with tempering: deterministic for a seed. Assumes one mode per family.

    References
    ----------
    Cappé O, Guillin A, Marin JM, Robert CP. Population Monte Carlo. J Comput Graph Stat 2004;13:907.
    """

    def measure(one: ShapeDraws) -> Weighed:
        return weighed(one, one.log_unit_activity(hours), log_activity, uncorrelated_sd, common_sd)

    result = measure(draws)
    for number in range(_ROUNDS):
        if result.effective_sample_size[0] >= enough:
            break
        log_weight = np.log(np.maximum(result.weight[0], 1e-300))
        weight = _tempered(log_weight, min(enough, len(log_weight) / 8))
        draws = _proposed(prior, decay_constant_per_h, draws, weight, seed + number + 1)
        result = measure(draws)
    return draws, result


def _proposed(
    prior: RegionPrior, decay_constant_per_h: float, draws: ShapeDraws, weight: Floats, seed: int
) -> ShapeDraws:
    count = len(weight)
    width = draws.shape.shape[1]
    shares = np.array([weight[draws.family == index].sum() for index in range(len(prior.families))])
    shares = np.maximum(shares, _LEAST_SHARE)
    shares /= shares.sum()
    points = uniform_points(count, width + 3, seed)
    family = np.minimum(np.searchsorted(np.cumsum(shares), points[:, 0], side="right"), len(shares) - 1)
    normals = ndtri(points[:, 2:])
    radius = np.sqrt(_DEGREES / chdtri(_DEGREES, points[:, 1]))
    standard = np.zeros((count, width))
    log_weight = np.zeros(count)
    for index, one in enumerate(prior.families):
        mine, size = family == index, len(one.mean) - 1
        centre, factor = _fitted(draws.shape[draws.family == index][:, :size], weight[draws.family == index])
        standard[mine, :size] = centre + (normals[mine, :size] * radius[mine, None]) @ factor.T
        values = standard[mine, :size]
        log_prior = -0.5 * (values**2).sum(axis=1) - 0.5 * size * math.log(2 * math.pi) + math.log(one.weight)
        log_weight[mine] = log_prior - _log_t(values, centre, factor) - math.log(shares[index])
    moved = shapes(prior, decay_constant_per_h, family, standard, normals[:, -1])
    return ShapeDraws(
        moved.family,
        moved.shape,
        moved.coefficients,
        moved.effective_per_h,
        moved.log_amplitude_mean,
        moved.log_amplitude_variance,
        moved.normal,
        log_weight,
    )


def _fitted(standard: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Weighted mean and root of the inflated covariance; the prior where the family has next to no weight."""
    size = standard.shape[1]
    total = weight.sum()
    if total < 1e-12 or (weight / total).max() > 0.5:
        return np.zeros(size), np.eye(size)
    share = weight / total
    centre = share @ standard
    spread = (standard - centre).T @ ((standard - centre) * share[:, None])
    return centre, np.linalg.cholesky(_INFLATION * spread + 1e-6 * np.eye(size))
