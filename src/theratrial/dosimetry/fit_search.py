"""Finds the least squares of a kinetic model: a grid of rates with the best coefficients for each, then refined."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from scipy.optimize import least_squares, nnls

from theratrial.dosimetry.fit_models import Array, KineticModel
from theratrial.dosimetry.fit_weights import Target
from theratrial.errors import NumericalError

_STARTS: Final = 4
_REFINED: Final = 2
_FASTEST_PER_FIRST_SCAN: Final = 50.0
"""A rate beyond this many over the first scan time has ended before it: exp(-50) of it is left."""
_AT_THE_BOUND: Final = 1e-5
"""Difference of logarithms below which a rate is at its bound."""
_SMALLEST_SHARE: Final = 1e-6
"""A coefficient below this share of the largest is no phase that points could show."""


@dataclass(frozen=True, slots=True)
class _Precision:
    tolerance: float
    steps: int


_COARSE: Final = _Precision(1e-6, 25)
_FINE: Final = _Precision(1e-14, 150)


@dataclass(frozen=True, slots=True)
class Minimum:
    """Parameters of the least squares, clearances from slow to fast."""

    theta: Array
    chi_square: float
    jacobian: Array
    """Of the residuals, all parameters free."""
    residuals: Array
    held_to_physical_decay: bool
    """Whether the slowest clearance would be slower than physical decay without the constraint."""


def _rates(target: Target, physical_per_h: float, count: int) -> Array:
    later = target.hours[target.hours > 0]
    first_h = max(float(later.min()), 1e-3) if later.size else 1.0
    fastest = max(_FASTEST_PER_FIRST_SCAN / 5 / first_h, 20 * physical_per_h)
    return np.geomspace(physical_per_h, fastest, count)


def _starts(model: KineticModel, target: Target, physical_per_h: float) -> list[Array]:
    """Best parameters over a grid of rates, coefficients by non-negative least squares; best first."""
    rates = _rates(target, physical_per_h, (24, 16, 12)[model.phases - 1])
    sd = target.linear_sd_MBq
    exponentials = np.exp(-np.outer(target.hours, rates)) / sd[:, None]
    measured = target.activity_MBq / sd
    found: list[tuple[float, Array]] = []
    for chosen in combinations(range(len(rates)), model.phases + int(model.uptake)):
        columns = exponentials[:, chosen[: model.phases]]
        if model.uptake:
            columns = columns - exponentials[:, chosen[-1]][:, None]
        coefficients, norm = nnls(columns, measured)
        if not coefficients.any():
            continue
        # A start without one of its phases still may lead to one with it.
        coefficients = np.maximum(coefficients, 1e-2 * coefficients.max())
        uptake = float(rates[chosen[-1]])
        found.append((norm, model.theta(coefficients, rates[list(chosen[: model.phases])], uptake)))
    found.sort(key=lambda one: one[0])
    return [theta for _, theta in found[:_STARTS]]


def _bounds(model: KineticModel, target: Target, physical_per_h: float) -> tuple[Array, Array]:
    log_activity = np.log(target.activity_MBq.max())
    slowest = np.log(physical_per_h)
    fastest = np.log(_rates(target, physical_per_h, 2)[-1] * 5)
    low = [log_activity - 40] * model.phases + [slowest] * model.phases
    high = [log_activity + 80] * model.phases + [fastest] * model.phases
    if model.uptake:
        low, high = [*low, slowest - 12], [*high, fastest + 2]
    return np.array(low), np.array(high)


def _refined(
    model: KineticModel, target: Target, start: Array, low: Array, high: Array, free: Array, precision: _Precision
) -> tuple[Array, float, bool]:
    def whole(part: Array) -> Array:
        theta = start.copy()
        theta[free] = part
        return theta

    # Far from the minimum a trust region may divide by a zero step; it recovers or the search is seen not to end.
    with np.errstate(all="ignore"):
        result = least_squares(
            lambda part: target.residuals(model, whole(part)),
            np.clip(start, low + 1e-9, high - 1e-9)[free],
            jac=lambda part: target.jacobian(model, whole(part))[:, free],
            bounds=(low[free], high[free]),
            x_scale="jac",
            ftol=precision.tolerance,
            xtol=precision.tolerance,
            gtol=precision.tolerance,
            max_nfev=precision.steps,
        )
    return whole(result.x), 2 * float(result.cost), bool(result.success)


def _held(model: KineticModel, target: Target, theta: Array, low: Array, high: Array) -> tuple[Array, float]:
    """The minimum with the slowest clearance exactly at physical decay."""
    slowest = model.phases
    fixed = theta.copy()
    fixed[slowest] = low[slowest]
    free = np.arange(theta.size) != slowest
    found, chi_square, _ = _refined(model, target, fixed, low, high, free, _FINE)
    return found, chi_square


def _refuse_vanished(model: KineticModel, theta: Array, low: Array, high: Array) -> None:
    coefficients = np.exp(theta[: model.phases])
    if coefficients.min() < _SMALLEST_SHARE * coefficients.max():
        raise NumericalError(f"the points show no {('', 'second', 'third')[model.phases - 1]} phase of {model.name}")
    if (high - theta < _AT_THE_BOUND)[model.phases : 2 * model.phases].any():
        raise NumericalError(f"the fastest phase of {model.name} has ended before the first scan; the points miss it")
    if model.uptake and high[-1] - theta[-1] < 2:
        raise NumericalError(f"the uptake of {model.name} has ended before the first scan; the points miss it")
    if model.uptake and theta[-1] - low[-1] < 1:
        raise NumericalError(f"uptake and clearance of {model.name} cannot be told apart by these points")


def least_squares_minimum(model: KineticModel, target: Target, physical_per_h: float) -> Minimum:
    """Least squares of `model` over the points with no clearance slower than physical decay; the same in every run.

    Raises
    ------
    NumericalError
        If there are fewer points than parameters, no search ends in a minimum, or the best one has lost a phase.
    """
    if target.hours.size < model.parameters:
        raise NumericalError(
            f"{model.name} has {model.parameters} parameters and there are {target.hours.size} points; "
            "use a model of fewer parameters, or scan more often"
        )
    if model.uptake and (target.activity_MBq[target.hours == 0] > 0).any():
        raise NumericalError(f"{model.name} starts at zero, but there is activity at 0 h; use a model without uptake")
    if not target.activity_MBq.any():
        raise NumericalError("every activity is zero; no exponential fits")
    low, high = _bounds(model, target, physical_per_h)
    everything = np.ones(low.size, dtype=bool)
    coarse = [
        _refined(model, target, start, low, high, everything, _COARSE)
        for start in _starts(model, target, physical_per_h)
    ]
    found = []
    for start, _, _ in sorted(coarse, key=lambda one: one[1])[:_REFINED]:
        theta, chi_square, converged = _refined(model, target, start, low, high, everything, _FINE)
        if converged and np.isfinite(chi_square):
            found.append((chi_square, theta))
    if not found:
        raise NumericalError(
            f"{model.name}: the points lead the search for least squares to no end; use a model of fewer parameters"
        )
    best = min(found, key=lambda one: one[0])
    chi_square, theta = best[0], model.sorted(best[1])
    held = bool(theta[model.phases] - low[model.phases] < 1e-3)
    if held:
        at_bound, chi_square_at_bound = _held(model, target, theta, low, high)
        # Exactly physical decay is a fit, not a constraint: only a slope that pushes against the bound is one.
        column = target.jacobian(model, at_bound)[:, model.phases]
        push = column @ target.residuals(model, at_bound)
        held = bool(chi_square_at_bound <= chi_square * (1 + 1e-9) + 1e-18 and push > 1e-9 * column @ column)
        if held:
            theta, chi_square = at_bound, chi_square_at_bound
    _refuse_vanished(model, theta, low, high)
    residuals = target.residuals(model, theta)
    return Minimum(theta, float(residuals @ residuals), target.jacobian(model, theta), residuals, held)
