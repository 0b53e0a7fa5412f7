"""How well drawn curves agree with measured activities: weights, amplitudes and time-integrated activities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from theratrial.dosimetry.population.draws import ShapeDraws
from theratrial.dosimetry.population.families import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """Posterior of `p` sets of points over `n` drawn shapes, per administered activity."""

    weight: Floats
    """Sums to 1 over the draws, ``(p, n)``."""
    log_amplitude_mean: Floats
    """ln of the amplitude given the shape, ``(p, n)``."""
    log_amplitude_variance: Floats
    effective_sample_size: Floats
    """``(p,)``."""
    smallest_distance_squared: Floats
    """``(p,)``: the least, over the curves, of the squared Mahalanobis distance of the points from the curve plus that
    of the curve from the centre of its family. For a linear model this is chi-square with one degree per point."""


def weighed(
    draws: ShapeDraws,
    log_unit: Floats,
    log_activity: Floats,
    uncorrelated_sd: Floats,
    common_sd: Floats,
) -> Weighed:
    """Weights of the draws given points, the amplitude integrated in closed form.

    Assumes errors that are normal on the logarithmic scale: independent ones per point, one shared by all.

    Parameters
    ----------
    log_unit
        Unit curves at the times of the points, ``(n, times)``.
    log_activity
        ln of measured over administered activity, ``(p, times)``.
    uncorrelated_sd
        ``(p, times)``, above 0.
    common_sd
        ``(p,)``.
    """
    precision = uncorrelated_sd**-2
    total = precision.sum(axis=1)[:, None]
    curve = log_unit + draws.log_amplitude_mean[:, None]
    linear = np.zeros((len(log_activity), len(curve)))
    square = np.zeros_like(linear)
    # Point by point: a matrix product with two or three columns costs more in threads than it saves.
    for column in range(log_activity.shape[1]):
        residual = log_activity[:, column, None] - curve[:, column]
        weighted = precision[:, column, None] * residual
        linear += weighted
        square += weighted * residual
    own = draws.log_amplitude_variance[None, :]
    shared = own + common_sd[:, None] ** 2
    spread = 1 + shared * total
    distance = square - shared * linear**2 / spread
    log_weight = draws.log_weight - 0.5 * (distance + np.log(spread))
    log_weight -= log_weight.max(axis=1, keepdims=True)
    weight = np.exp(log_weight)
    weight /= weight.sum(axis=1, keepdims=True)
    return Weighed(
        weight=weight,
        log_amplitude_mean=draws.log_amplitude_mean + own * linear / spread,
        log_amplitude_variance=own - own**2 * total / spread,
        effective_sample_size=1 / (weight**2).sum(axis=1),
        smallest_distance_squared=np.maximum((distance + (draws.shape**2).sum(axis=1)).min(axis=1), 0.0),
    )


def unweighed(draws: ShapeDraws) -> Weighed:
    """The prior itself, as if there were no points."""
    weight = np.exp(draws.log_weight - draws.log_weight.max())
    weight /= weight.sum()
    return Weighed(
        weight[None, :],
        draws.log_amplitude_mean[None, :],
        draws.log_amplitude_variance[None, :],
        1 / (weight**2).sum(keepdims=True),
        np.zeros(1),
    )


def log_moments(weighed_: Weighed, log_unit_value: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of ln(amplitude times a value of the unit curve), each ``(p,)``."""
    values = weighed_.log_amplitude_mean + log_unit_value
    mean = (weighed_.weight * values).sum(axis=1)
    variance = (weighed_.weight * ((values - mean[:, None]) ** 2 + weighed_.log_amplitude_variance)).sum(axis=1)
    return mean, variance


def drawn_log_values(weighed_: Weighed, draws: ShapeDraws, log_unit_value: Floats) -> Floats:
    """One value of ln(amplitude times a value of the unit curve) for each draw, ``(p, n)``."""
    sd = np.sqrt(np.maximum(weighed_.log_amplitude_variance, 0.0))
    return weighed_.log_amplitude_mean + log_unit_value + sd * draws.normal


def weighted_quantiles(values: Floats, weights: Floats, probabilities: Floats) -> Floats:
    """Quantiles of weighted values row by row, ``(p, len(probabilities))``; the weights of a row sum to 1."""
    order = np.argsort(values, axis=1)
    sorted_values = np.take_along_axis(values, order, axis=1)
    middle = np.take_along_axis(weights, order, axis=1)
    middle = np.cumsum(middle, axis=1) - middle / 2
    return np.array([np.interp(probabilities, mid, value) for mid, value in zip(middle, sorted_values, strict=True)])
