"""Time-integrated activity of a curve, with a 95 % interval (docs/methods/time_activity.md)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import Final

from theratrial.dosimetry.curve import Determinacy, Line, TimeActivityCurve
from theratrial.dosimetry.plan import DosePlan
from theratrial.dosimetry.points import TimeActivityPoint
from theratrial.errors import InputError, NumericalError
from theratrial.nuclides import Nuclide
from theratrial.trace import Quantity, Trace

VERSION: Final = "2"
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
    before_first_scan_fraction: float | None = None
    sd_MBq_h: float | None = None
    """Standard deviation to first order, of all stated contributions; None where there is no value."""
    assumptions: tuple[str, ...] = ()
    """What the value rests on beyond the points, in words."""

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


def common_relative_sd(points: tuple[TimeActivityPoint, ...], plan: DosePlan) -> float | None:
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


def observed_MBq_h(points: tuple[TimeActivityPoint, ...]) -> float:
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


def with_slow_phase(
    best: float, upper: float, flat: float, bound: float, determinacy: Determinacy, probability: float
) -> float:
    """Upper 95 % end that the determinacy earns; all values are logarithms.

    A bounded or extrapolated curve has the end without clearance after the last scan. A determined one has its own,
    raised to the 97.5 % quantile of the mixture of both curves, the flat one with the plan's `probability`.

    Parameters
    ----------
    best, upper
        Of the fitted curve.
    flat, bound
        Best value and upper end of the curve without clearance after the last scan.
    """
    if determinacy is not Determinacy.DETERMINED:
        return bound
    if probability == 0 or math.isinf(bound):
        return upper if probability == 0 else bound
    spreads = [max((end - centre) / Z_95, 1e-12) for centre, end in ((best, upper), (flat, bound))]

    def below(end: float) -> float:
        fitted, slow = (NormalDist(centre, sd).cdf(end) for centre, sd in zip((best, flat), spreads, strict=True))
        return (1 - probability) * fitted + probability * slow

    low, high = min(upper, bound), max(upper, bound)
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) < 0.975 else (low, middle)
    return max(high, upper)


def _ends(curve: TimeActivityCurve, plan: DosePlan, common: float) -> tuple[float | None, float, float]:
    """Lower and upper end, and upper end without clearance after the last scan [MBq h]."""
    line, clearance, points = curve.line, curve.clearance_per_h, curve.points
    if curve.clearance_per_h is None and len(points) > 1 and all(point.activity_MBq > 0 for point in points):
        scale = math.hypot(max(point.uncorrelated_relative_sd for point in points), common)
        return observed_MBq_h(points) * math.exp(-Z_95 * scale), math.inf, math.inf
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
    upper = with_slow_phase(
        best, upper, line.log_activity + flat(fitted), bound, curve.determinacy, plan.slow_phase_probability
    )
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
    common = common_relative_sd(curve.points, plan)
    value = None
    if curve.line is not None and curve.clearance_per_h is not None:
        value = _exp(curve.line.log_activity + _log_mono(curve.line)(curve.clearance_per_h))
        if math.isinf(value):
            raise NumericalError(
                f"the exponential through the points (half-life {curve.effective_half_life_h:.3g} h) needs more "
                "activity at administration than a number can hold; check the activities, or scan earlier"
            )
    lower, upper, no_clearance = _ends(curve, plan, common or 0.0)
    log_sd = None
    if curve.line is not None and curve.clearance_per_h is not None:
        tilt = (curve.line.centre_h - 1 / curve.clearance_per_h) * curve.line.clearance_sd_per_h
        log_sd = math.hypot(curve.line.log_activity_sd, tilt, common or 0.0, plan.model_relative_sd)
    return stated(
        curve.points,
        curve.nuclide,
        plan,
        administered_activity_MBq=administered_activity_MBq,
        value_MBq_h=value,
        ends_MBq_h=(lower, upper, no_clearance),
        log_sd=log_sd,
        shares=(curve.before_first_scan_fraction, curve.extrapolated_fraction),
        determinacy=curve.determinacy,
        because=curve.because,
        method="dosimetry.time_integrated_activity",
        version=VERSION,
    )


def stated(
    points: tuple[TimeActivityPoint, ...],
    nuclide: Nuclide,
    plan: DosePlan,
    *,
    administered_activity_MBq: float,
    value_MBq_h: float | None,
    ends_MBq_h: tuple[float | None, float, float],
    log_sd: float | None,
    shares: tuple[float | None, float | None],
    determinacy: Determinacy,
    because: str,
    method: str,
    version: str,
    inputs: Mapping[str, str] | None = None,
    not_in_interval: tuple[str, ...] = (),
    assumptions: tuple[str, ...] = (),
) -> TimeIntegratedActivity:
    """A time-integrated activity of any method with its trace, and with what its interval lacks.

    Parameters
    ----------
    ends_MBq_h
        Lower end, upper end, and upper end without clearance after the last scan [MBq h].
    shares
        Of the time-integrated activity before the first and after the last scan.
    inputs
        What the method was given beyond points, nuclide, plan and administered activity.

    Raises
    ------
    InputError
        If the administered activity is not positive.
    """
    if not (math.isfinite(administered_activity_MBq) and administered_activity_MBq > 0):
        raise InputError(f"administered activity must be above 0 MBq, got {administered_activity_MBq}")
    unknown = bool(points) and common_relative_sd(points, plan) is None
    return TimeIntegratedActivity(
        time_integrated_activity_MBq_h=value_MBq_h,
        lower_MBq_h=ends_MBq_h[0],
        upper_MBq_h=ends_MBq_h[1],
        no_clearance_upper_MBq_h=ends_MBq_h[2],
        coefficient_h=None if value_MBq_h is None else value_MBq_h / administered_activity_MBq,
        extrapolated_fraction=shares[1],
        determinacy=determinacy,
        because=because,
        not_in_interval=(("uncertainty of the calibration (not known)",) if unknown else ()) + not_in_interval,
        trace=Trace(
            method=method,
            version=version,
            inputs={
                **{f"point {n}": _point_text(point) for n, point in enumerate(points, start=1)},
                "nuclide": nuclide.source,
                "administered_activity_MBq": f"given:{administered_activity_MBq!r} MBq",
                "plan": plan.clause,
                **(inputs or {}),
            },
            demonstration=plan.demonstration,
        ),
        before_first_scan_fraction=shares[0],
        sd_MBq_h=None if value_MBq_h is None or log_sd is None else value_MBq_h * log_sd,
        assumptions=assumptions + _slow_phase(determinacy, plan),
    )


def _slow_phase(determinacy: Determinacy, plan: DosePlan) -> tuple[str, ...]:
    if determinacy is not Determinacy.DETERMINED or plan.slow_phase_probability == 0:
        return ()
    return (
        f"the upper end allows a chance of {plan.slow_phase_probability:.0%} that clearance ends with the last scan",
    )


def _point_text(point: TimeActivityPoint) -> str:
    source = point.source or "given:"
    return f"{source} at {point.hours_after_administration!r} h: {point.activity_MBq!r} MBq"
