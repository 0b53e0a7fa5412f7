"""Time-integrated activity without a kinetic model: straight pieces between scans (docs/methods/time_activity.md)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final

import numpy as np

from theratrial.dosimetry.curve import Determinacy, TimeActivityCurve, ordered_points, time_activity_curve
from theratrial.dosimetry.fit_functionals import gradient
from theratrial.dosimetry.fit_models import Array
from theratrial.dosimetry.plan import DosePlan
from theratrial.dosimetry.points import TimeActivityPoint
from theratrial.dosimetry.time_integrated import (
    Z_95,
    TimeIntegratedActivity,
    common_relative_sd,
    stated,
    with_slow_phase,
)
from theratrial.errors import InputError, NumericalError
from theratrial.nuclides import Nuclide

VERSION: Final = "1"
_LARGEST_EXPONENT: Final = 600.0


class FirstInterval(StrEnum):
    """What is assumed from administration to the first scan."""

    LINEAR_FROM_ZERO = "linear_from_zero"
    """Rises on a straight line from zero: slow uptake."""
    CONSTANT = "constant"
    """The activity of the first scan all along."""
    BACK_EXTRAPOLATED = "back_extrapolated"
    """The exponential through the first two scans, back to administration; where they rise, it rises from less."""


class Tail(StrEnum):
    """What is assumed after the last scan."""

    PHYSICAL = "physical"
    """Physical decay alone: nothing is cleared any more."""
    LAST_TWO = "last_two"
    """The exponential through the last two scans; refused where it is slower than physical decay."""


@dataclass(frozen=True, slots=True)
class TrapezoidIntegral:
    """Three pieces and their sum [MBq h]; with the state of the exponential through the last two scans."""

    points: tuple[TimeActivityPoint, ...]
    first_interval: FirstInterval
    tail: Tail
    before_first_MBq_h: float
    between_MBq_h: float
    after_last_MBq_h: float
    tia: TimeIntegratedActivity

    @property
    def total_MBq_h(self) -> float:
        """Of the three pieces, whatever the state [MBq h]."""
        return self.before_first_MBq_h + self.between_MBq_h + self.after_last_MBq_h


def _exponential_piece(one: float, other: float, hours: float) -> float:
    """Integral of the exponential from `one` to `other` over `hours`."""
    ratio = math.log(one / other)
    return hours * ((one - other) / ratio if abs(ratio) > 1e-9 else one)


def _pieces(
    hours: Sequence[float], activity: Sequence[float], first_interval: FirstInterval, tail: Tail, physical_per_h: float
) -> tuple[float, float, float]:
    first_h, first = hours[0], activity[0]
    if first_interval is FirstInterval.LINEAR_FROM_ZERO:
        before = first_h * first / 2
    elif first_interval is FirstInterval.CONSTANT:
        before = first_h * first
    else:
        rate = math.log(first / activity[1]) / (hours[1] - first_h)
        if rate * first_h > _LARGEST_EXPONENT:
            raise NumericalError(
                f"back-extrapolation of the scans at {hours[0]:.4g} h and {hours[1]:.4g} h needs more activity at "
                "administration than a number can hold; name another first interval"
            )
        before = _exponential_piece(first * math.exp(rate * first_h), first, first_h)
    between = math.fsum(
        (later - earlier) * (a + b) / 2 for (earlier, a), (later, b) in pairwise(zip(hours, activity, strict=True))
    )
    rate = physical_per_h
    if tail is Tail.LAST_TWO:
        rate = math.log(activity[-2] / activity[-1]) / (hours[-1] - hours[-2])
    return before, between, activity[-1] / rate


def _state(terminal: TimeActivityCurve, tail: Tail, after_last: float, plan: DosePlan) -> tuple[Determinacy, str]:
    """That of the last two scans, judged by the share that this integral has after the last of them."""
    if terminal.determinacy not in (Determinacy.DETERMINED, Determinacy.EXTRAPOLATED):
        return terminal.determinacy, terminal.because
    if after_last > plan.maximum_extrapolated_fraction:
        return Determinacy.EXTRAPOLATED, (
            f"{after_last:.0%} of the time-integrated activity lie after the last scan ({tail} tail), "
            f"the protocol allows {plan.maximum_extrapolated_fraction:.0%}"
        )
    return Determinacy.DETERMINED, (
        "clearance between the last two scans is faster than physical decay "
        f"({plan.clearance_significance:.0%} one-sided)"
    )


def trapezoid(
    points: Sequence[TimeActivityPoint],
    nuclide: Nuclide,
    plan: DosePlan,
    *,
    administered_activity_MBq: float,
    first_interval: FirstInterval,
    tail: Tail = Tail.PHYSICAL,
) -> TrapezoidIntegral:
    """Straight lines between scans, a stated piece before the first and a stated tail after the last.

    Assumes nothing of kinetics between scans; straight lines lie above a convex clearance and below an uptake. With the
    physical tail the value is an upper estimate of what follows the last scan as long as nothing is taken up any more;
    state and reason are those of the exponential through the last two scans.

    Raises
    ------
    InputError
        If there are fewer than two points, one has no activity, or a tail of the last two scans would be slower than
        physical decay.
    NumericalError
        If a back-extrapolation runs beyond the range of numbers.

    Examples
    --------
    >>> from theratrial.nuclides import nuclide
    >>> plan = DosePlan(clearance_significance=0.95, maximum_extrapolated_fraction=0.9, model_relative_sd=0.0)
    >>> points = [TimeActivityPoint(24, 100, 0.02), TimeActivityPoint(48, 70, 0.02)]
    >>> found = trapezoid(points, nuclide("Lu-177"), plan, administered_activity_MBq=7400,
    ...                   first_interval=FirstInterval.LINEAR_FROM_ZERO)
    >>> found.before_first_MBq_h, found.between_MBq_h, round(found.after_last_MBq_h)
    (1200.0, 2040.0, 16111)
    """
    ordered = ordered_points(points, nuclide)
    if len(ordered) < 2:
        raise InputError(f"a trapezoid needs at least two scans, got {len(ordered)}; use a single-point method")
    zeros = [f"{point.hours_after_administration:.4g} h" for point in ordered if point.activity_MBq == 0]
    if zeros:
        raise InputError(f"no activity found at {', '.join(zeros)}; its noise and tail are not known, leave it out")
    hours = [float(point.hours_after_administration) for point in ordered]
    activity = [float(point.activity_MBq) for point in ordered]
    physical = nuclide.decay_constant_per_h
    if tail is Tail.LAST_TWO:
        rate = math.log(activity[-2] / activity[-1]) / (hours[-1] - hours[-2])
        if rate < physical * (1 - 1e-9):
            raise InputError("the last two scans clear slower than physical decay; use the physical tail")

    noise = np.array([point.uncorrelated_relative_sd for point in ordered])
    common = common_relative_sd(ordered, plan) or 0.0

    def with_log_sd(after: Tail) -> tuple[float, float]:
        def log_total(logs: Array) -> float:
            return math.log(math.fsum(_pieces(hours, np.exp(logs).tolist(), first_interval, after, physical)))

        logs = np.log(activity)
        independent = float(np.linalg.norm(gradient(log_total, logs) * noise))
        return math.exp(log_total(logs)), math.hypot(independent, common, plan.model_relative_sd)

    pieces = _pieces(hours, activity, first_interval, tail, physical)
    (total, log_sd), (flat, flat_sd) = with_log_sd(tail), with_log_sd(Tail.PHYSICAL)
    after_last = pieces[2] / total
    state, because = _state(time_activity_curve(ordered[-2:], nuclide, plan), tail, after_last, plan)
    has_value = state.has_value
    own = math.log(total) + Z_95 * log_sd
    bound = max(math.log(flat) + Z_95 * flat_sd, own)
    upper = with_slow_phase(math.log(total), own, math.log(flat), bound, state, plan.slow_phase_probability)
    lower = total * math.exp(-Z_95 * log_sd)
    if not has_value:
        lower = pieces[1] * math.exp(-Z_95 * math.hypot(float(noise.max()), common))
    tia = stated(
        ordered,
        nuclide,
        plan,
        administered_activity_MBq=administered_activity_MBq,
        value_MBq_h=total if has_value else None,
        ends_MBq_h=(lower, math.exp(upper), math.exp(bound)) if has_value else (lower, math.inf, math.inf),
        log_sd=log_sd,
        shares=(pieces[0] / total, after_last) if has_value else (None, None),
        determinacy=state,
        because=because,
        method="dosimetry.trapezoid",
        version=VERSION,
        inputs={"first_interval": f"given:{first_interval}", "tail": f"given:{tail}"},
        assumptions=(f"first interval {first_interval}", f"tail {tail}"),
    )
    return TrapezoidIntegral(ordered, first_interval, tail, *pieces, tia)
