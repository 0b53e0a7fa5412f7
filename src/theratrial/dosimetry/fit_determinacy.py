"""How far the points determine a fitted curve; the states mean what they mean for two points."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

import numpy as np
from scipy.special import stdtrit

from theratrial.dosimetry.curve import CALIBRATION_MARGIN, ROUNDING, Determinacy
from theratrial.dosimetry.fit_functionals import decays_MBq_h, gradient, growth_per_h
from theratrial.dosimetry.fit_models import Array, KineticModel
from theratrial.dosimetry.fit_search import Minimum
from theratrial.dosimetry.fit_weights import Target, Weighting
from theratrial.dosimetry.plan import DosePlan
from theratrial.nuclides import Nuclide

_LARGEST_LOG_SD: Final = 1.0
"""A coefficient or rate known to a factor e at best is not identified by the points."""


def _quantile(plan: DosePlan, target: Target, freedom: int) -> float:
    if target.noise_known or not freedom:
        return NormalDist().inv_cdf(plan.clearance_significance)
    return float(stdtrit(freedom, plan.clearance_significance))


def _sd(functional_gradient: Array, covariance: Array | None) -> float:
    if covariance is None:
        return 0.0
    return math.sqrt(max(float(functional_gradient @ covariance @ functional_gradient), 0.0))


def _not_identified(model: KineticModel, covariance: Array | None) -> str:
    if covariance is None:
        return ""
    names = [f"{what} {n + 1}" for what in ("activity", "clearance") for n in range(model.phases)] + ["uptake"]
    sds = np.sqrt(np.diag(covariance))
    worst = int(sds.argmax())
    if sds[worst] <= _LARGEST_LOG_SD:
        return ""
    known_to = f"standard deviation {sds[worst]:.0%}" if sds[worst] < 10 else "not even its order of magnitude"
    return f"the points do not identify the {names[worst]} of {model.name} ({known_to})"


def _last_two_rise(target: Target, scale: float | None, physical_per_h: float, z: float) -> bool:
    # Uptake that lasts to the last scan can hide in a fit that has no uptake phase; the last two points show it.
    if target.hours.size < 3 or (target.activity_MBq[-2:] == 0).any():
        return False
    growth = math.log(target.activity_MBq[-1] / target.activity_MBq[-2]) / (target.hours[-1] - target.hours[-2])
    relative = (
        target.sd if target.weighting is Weighting.RELATIVE else target.sd / np.maximum(target.activity_MBq, 1e-300)
    )
    # Stated noise stands as it is: residuals of a model that does not fit must not hide the rise.
    factor = 1.0 if target.noise_known else scale or 0.0
    noise = float(np.hypot(*relative[-2:])) * factor / float(target.hours[-1] - target.hours[-2])
    return bool(growth + physical_per_h > max(z * noise, ROUNDING * physical_per_h))


def _needs_more_than_given(
    model: KineticModel,
    theta: Array,
    covariance: Array | None,
    nuclide: Nuclide,
    administered_MBq: float | None,
    z: float,
) -> bool:
    """Whether the curve, corrected for decay, ever holds more than was administered, beyond the noise of the fit."""
    if administered_MBq is None:
        return False
    physical = nuclide.decay_constant_per_h
    _, clearances, uptake = model.split(theta)
    peak_h = 0.0
    if model.uptake:
        hours = np.geomspace(1e-3 / uptake, 50 / clearances.max(), 400)
        held = model.activity_MBq(theta, hours) * np.exp(physical * hours)
        peak_h = float(hours[int(held.argmax())])

    def log_peak(one: Array) -> float:
        return math.log(model.curve(one).activity_MBq(peak_h))

    noise = math.hypot(_sd(gradient(log_peak, theta), covariance), CALIBRATION_MARGIN)
    return log_peak(theta) + physical * peak_h - z * noise > math.log(administered_MBq)


def fit_determinacy(
    model: KineticModel,
    minimum: Minimum,
    covariance: Array | None,
    target: Target,
    scale: float | None,
    nuclide: Nuclide,
    plan: DosePlan,
    administered_MBq: float | None,
) -> tuple[Determinacy, str]:
    """State and reason of a fit.

    Parameters
    ----------
    covariance
        Of the fitted logarithms, noise included; None where the noise is not known.
    scale
        Factor on the standard deviations of the points.
    """
    theta, physical = minimum.theta, nuclide.decay_constant_per_h
    z = _quantile(plan, target, target.hours.size - model.parameters)
    sure = f"{plan.clearance_significance:.0%} one-sided"
    last_h = float(target.hours[-1])

    def growth(one: Array) -> float:
        return growth_per_h(model, one, last_h, physical)

    growing = growth(theta) > max(z * _sd(gradient(growth, theta), covariance), ROUNDING * physical)
    if growing or _last_two_rise(target, scale, physical, z):
        return Determinacy.RISING, f"activity corrected for physical decay still rises ({sure})"
    if why := _not_identified(model, covariance):
        return Determinacy.UNDETERMINED, why + "; use a model of fewer parameters, or scan more often"
    if _needs_more_than_given(model, theta, covariance, nuclide, administered_MBq, z):
        return Determinacy.UNDETERMINED, (
            "the curve through the points would need more activity than was administered; "
            "what happened before the first scan is not known"
        )
    slowest = float(np.exp(theta[model.phases]))
    sd = slowest * math.sqrt(covariance[model.phases, model.phases]) if covariance is not None else 0.0
    if minimum.held_to_physical_decay:
        return Determinacy.BOUNDED, (
            f"the slowest clearance of {model.name} would be slower than physical decay; it is held to physical decay"
        )
    if slowest - physical <= max(z * sd, ROUNDING * physical):
        return Determinacy.BOUNDED, f"the slowest clearance cannot be told from physical decay ({sure})"
    after_last = model.curve(theta).between_MBq_h(last_h, math.inf) / decays_MBq_h(model, theta)
    if after_last > plan.maximum_extrapolated_fraction:
        return Determinacy.EXTRAPOLATED, (
            f"{after_last:.0%} of the time-integrated activity lie after the last scan, "
            f"the protocol allows {plan.maximum_extrapolated_fraction:.0%}"
        )
    return Determinacy.DETERMINED, f"every clearance is faster than physical decay ({sure})"
