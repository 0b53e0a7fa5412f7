"""Numbers made from the parameters of a fit, and how they change with them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from theratrial.dosimetry.fit_models import Array, KineticModel

_STEP: Final = 1e-5
"""In a logarithm: of central differences, whose error is then near 1e-10."""


def decays_MBq_h(model: KineticModel, theta: Array) -> float:
    """Integral of the curve from administration to infinity [MBq h]."""
    return model.curve(theta).time_integrated_activity_MBq_h


def no_clearance_MBq_h(model: KineticModel, theta: Array, last_h: float, physical_per_h: float) -> float:
    """The same with physical decay alone from `last_h` on [MBq h]."""
    curve = model.curve(theta)
    return curve.between_MBq_h(0.0, last_h) + curve.activity_MBq(last_h) / physical_per_h


def growth_per_h(model: KineticModel, theta: Array, hours: float, physical_per_h: float) -> float:
    """Relative growth of the decay-corrected activity at `hours`; negative where the region clears [1/h]."""
    curve = model.curve(theta)
    slope = math.fsum(
        -term.activity_MBq * term.effective_per_h * math.exp(-term.effective_per_h * hours) for term in curve.terms
    )
    return slope / curve.activity_MBq(hours) + physical_per_h


def gradient(functional: Callable[[Array], float], theta: Array) -> Array:
    """Derivative of a functional by each parameter, shape (parameters,)."""
    found = np.empty_like(theta)
    for n in range(theta.size):
        step = np.zeros_like(theta)
        step[n] = _STEP
        found[n] = (functional(theta + step) - functional(theta - step)) / (2 * _STEP)
    return found


def log_gradient(functional: Callable[[Array], float], theta: Array) -> Array:
    """Derivative of its logarithm."""
    return gradient(lambda one: math.log(functional(one)), theta)


def natural_covariance(
    model: KineticModel, theta: Array, covariance: Array | None
) -> tuple[list[tuple[str, float, str]], Array | None]:
    """Name, value and unit of each parameter, and their covariance in these units."""
    coefficients, clearances, uptake = model.split(theta)
    several = model.phases > 1
    number = [f" {n + 1}" if several else "" for n in range(model.phases)]
    found = [(f"activity{number[n]}", float(coefficients[n]), "MBq") for n in range(model.phases)]
    found += [(f"clearance{number[n]}", float(clearances[n]), "1/h") for n in range(model.phases)]
    if model.uptake:
        found.append(("uptake", uptake, "1/h"))
    if covariance is None:
        return found, None
    change = np.diag(np.concatenate([coefficients, clearances, [uptake - clearances.max()] * model.uptake]))
    if model.uptake:
        # The uptake rate is the fastest clearance plus the fitted excess.
        change[-1, model.phases + int(clearances.argmax())] = clearances.max()
    return found, change @ covariance @ change.T
