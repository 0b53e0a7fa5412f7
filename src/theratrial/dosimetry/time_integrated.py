"""Time-integrated activity of a curve, with a 95 % interval (docs/methods/time_activity.md)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from theratrial.dosimetry.curve import Determinacy, Line, TimeActivityCurve
from theratrial.dosimetry.plan import DosePlan
from theratrial.dosimetry.points import TimeActivityPoint
from theratrial.errors import InputError, NumericalError
from theratrial.trace import Quantity, Trace

VERSION: Final = "1"
_LARGEST_EXPONENT: Final = 700.0
Z_95: Final = 1.959963984540054
"""Two-sided 95 % quantile of the normal distribution."""


@dataclass(frozen=True, slots=True)
class TimeIntegratedActivity:
    """Decays of a region over all time, as MBq h."""

    time_integrated_activity_MBq_h: float | None
    """None where the curve has no value."""
    lower_MBq_h: float | None
    """Lower 95 % end; without a value, what was observed between the scans; None where nothing was."""
    upper_MBq_h: float
    """Upper 95 % end; infinite where nothing bounds it."""
    no_clearance_upper_MBq_h: float
    """Upper 95 % end if nothing is cleared after the last scan; infinite where even that does not bound it."""
    coefficient_h: float | None
    """Time-integrated activity per administered activity [h]."""
    extrapolated_fraction: float | None
    determinacy: Determinacy
    because: str
    not_in_interval: tuple[str, ...]
    """Contributions whose size is not known and that the interval lacks."""
    trace: Trace

    def quantity(self) -> Quantity:
        """The value as it may leave the product."""
        return Quantity(
            value=self.time_integrated_activity_MBq_h,
            unit="MBq h",
            trace=self.trace,
            lower=self.lower_MBq_h,
            upper=self.upper_MBq_h,
            note=f"{self.determinacy}: {self.because}",
        )


def _common_relative_sd(points: tuple[TimeActivityPoint, ...], plan: DosePlan) -> float | None:
    """Largest calibration uncertainty of the points, the plan's where a point has none; None if one stays unknown."""
    sds = [
        plan.calibration_relative_sd if point.common_relative_sd is None else point.common_relative_sd
        for point in points
    ]
    known = [sd for sd in sds if sd is not None]
    return max(known) if known and len(known) == len(sds) else None


def _log_mono(line: Line) -> Callable[[float], float]:
    """ln of TIA over the activity at the centre, by clearance: one exponential from administration to infinity."""
    return lambda clearance: clearance * line.centre_h - math.log(clearance)


def _log_no_clearance(line: Line, last_h: float, physical_per_h: float) -> Callable[[float], float]:
    """The same with the exponential up to the last scan and physical decay alone from there on. Convex."""

    def log_integral(clearance: float) -> float:
        growth = -clearance * last_h
        if growth > _LARGEST_EXPONENT:
            return clearance * line.centre_h + growth + math.log(1 / -clearance + 1 / physical_per_h)
        seen = last_h if clearance == 0 else -math.expm1(growth) / clearance
        return clearance * line.centre_h + math.log(seen + math.exp(growth) / physical_per_h)

    return log_integral


def _spread_down(
    log_integral: Callable[[float], float], at: float, low: float, high: float, minimum_at: float
) -> float:
    return log_integral(at) - log_integral(min(max(minimum_at, low), high))


def _spread_up(log_integral: Callable[[float], float], at: float, low: float, high: float) -> float:
    return max(log_integral(low), log_integral(high)) - log_integral(at)


def _observed_MBq_h(points: tuple[TimeActivityPoint, ...]) -> float:
    """Integral from the first to the last scan, exponential between neighbours [MBq h]."""
    total = 0.0
    for one, other in pairwise(points):
        hours = other.hours_after_administration - one.hours_after_administration
        ratio = math.log(one.activity_MBq / other.activity_MBq)
        difference = one.activity_MBq - other.activity_MBq
        total += hours * (difference / ratio if abs(ratio) > 1e-9 else one.activity_MBq)
    return total


def _exp(exponent: float) -> float:
    """Infinite beyond the range of numbers: an upper end there bounds nothing."""
    return math.exp(exponent) if exponent < _LARGEST_EXPONENT else math.inf


def _ends(curve: TimeActivityCurve, plan: DosePlan, common: float) -> tuple[float | None, float, float]:
    """Lower and upper end, and upper end without clearance after the last scan [MBq h]."""
    line, clearance, points = curve.line, curve.clearance_per_h, curve.points
    if curve.clearance_per_h is None and len(points) > 1 and all(point.activity_MBq > 0 for point in points):
        scale = math.hypot(max(point.uncorrelated_relative_sd for point in points), common)
        return _observed_MBq_h(points) * math.exp(-Z_95 * scale), math.inf, math.inf
    if line is None or clearance is None:
        return None, math.inf, math.inf
    physical = curve.nuclide.decay_constant_per_h
    scale = Z_95 * math.hypot(line.log_activity_sd, common, plan.model_relative_sd)
    tilt = Z_95 * line.clearance_sd_per_h

    mono = _log_mono(line)
    best = line.log_activity + mono(clearance)
    low, high = max(physical, line.clearance_per_h - tilt), max(physical, line.clearance_per_h + tilt)
    lower = best - math.hypot(scale, _spread_down(mono, clearance, low, high, 1 / line.centre_h))
    upper = best + math.hypot(scale, _spread_up(mono, clearance, low, high))

    flat = _log_no_clearance(line, points[-1].hours_after_administration, physical)
    fitted = line.clearance_per_h
    bound = line.log_activity + flat(fitted)
    bound += math.hypot(scale, _spread_up(flat, fitted, fitted - tilt, fitted + tilt))
    # Physical decay is among the slopes just tried, so that the bound holds the value; rounding must not undo that.
    bound = max(bound, best)
    if curve.determinacy is not Determinacy.DETERMINED:
        upper = bound
    return _exp(lower), _exp(upper), _exp(bound)


def time_integrated_activity(
    curve: TimeActivityCurve, plan: DosePlan, *, administered_activity_MBq: float
) -> TimeIntegratedActivity:
    """Time-integrated activity [MBq h] from administration to infinity, with a 95 % interval.

    Assumes what the curve assumes; the interval holds counting, repeatability and calibration as far as stated, and
    the plan's ``model_relative_sd`` for kinetics that the scans cannot see.

    Raises
    ------
    InputError
        If the administered activity is not positive.
    NumericalError
        If the curve runs beyond the range of numbers before the first scan.

    References
    ----------
    Zou and Donner, Stat Med 2008;27:1693 (how asymmetric intervals are combined).
    """
    if not (math.isfinite(administered_activity_MBq) and administered_activity_MBq > 0):
        raise InputError(f"administered activity must be above 0 MBq, got {administered_activity_MBq}")
    common = _common_relative_sd(curve.points, plan)
    value = None
    if curve.line is not None and curve.clearance_per_h is not None:
        value = _exp(curve.line.log_activity + _log_mono(curve.line)(curve.clearance_per_h))
        if math.isinf(value):
            raise NumericalError(
                f"the exponential through the points (half-life {curve.effective_half_life_h:.3g} h) needs more "
                "activity at administration than a number can hold; check the activities, or scan earlier"
            )
    lower, upper, no_clearance = _ends(curve, plan, common or 0.0)
    return TimeIntegratedActivity(
        time_integrated_activity_MBq_h=value,
        lower_MBq_h=lower,
        upper_MBq_h=upper,
        no_clearance_upper_MBq_h=no_clearance,
        coefficient_h=None if value is None else value / administered_activity_MBq,
        extrapolated_fraction=curve.extrapolated_fraction,
        determinacy=curve.determinacy,
        because=curve.because,
        not_in_interval=("uncertainty of the calibration (not known)",) if curve.points and common is None else (),
        trace=Trace(
            method="dosimetry.time_integrated_activity",
            version=VERSION,
            inputs={
                **{f"point {n}": _point_text(point) for n, point in enumerate(curve.points, start=1)},
                "nuclide": curve.nuclide.source,
                "administered_activity_MBq": f"given:{administered_activity_MBq!r} MBq",
                "plan": plan.clause,
            },
            demonstration=plan.demonstration,
        ),
    )


def _point_text(point: TimeActivityPoint) -> str:
    source = point.source or "given:"
    return f"{source} at {point.hours_after_administration!r} h: {point.activity_MBq!r} MBq"
