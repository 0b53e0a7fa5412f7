"""The exponential through the activities of a region, and how much it determines (docs/methods/time_activity.md)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from statistics import NormalDist
from typing import Final

from theratrial.dosimetry.exponentials import Exponential, SumOfExponentials
from theratrial.dosimetry.plan import DosePlan
from theratrial.dosimetry.points import TimeActivityPoint
from theratrial.errors import InputError
from theratrial.nuclides import Nuclide, nuclide_name

_SAME_TIME_H: Final = 1e-6
ROUNDING: Final = 1e-9
"""Relative difference of decay constants that noise-free input makes by rounding alone."""

_LEAST_SEEN_FRACTION: Final = 0.01
"""Share of the time-integrated activity after the first scan that noise must leave; below, scans see nothing of it."""

CALIBRATION_MARGIN: Final = 0.1
"""Relative: by how much camera and activity meter may disagree before a curve is called impossible."""


class Determinacy(StrEnum):
    """How far the points determine the curve."""

    DETERMINED = "determined"
    BOUNDED = "bounded"
    """Clearance cannot be told from physical decay; physical decay after the last scan bounds it."""
    RISING = "rising"
    """Takes up activity still; nothing bounds it."""
    EXTRAPOLATED = "extrapolated"
    """More of it lies after the last scan than the protocol allows; physical decay after the last scan bounds it."""
    SINGLE_POINT = "single_point"
    UNDETERMINED = "undetermined"
    """No point, a measured zero, scans too close together for their noise, or a curve that the points do not determine
    or that would need more activity than was administered."""

    @property
    def is_determined(self) -> bool:
        """Whether the value may be relied upon; true for ``determined`` only."""
        return self is Determinacy.DETERMINED

    @property
    def has_upper_bound(self) -> bool:
        """Whether the upper end is finite whatever the clearance after the last scan."""
        return self in (Determinacy.DETERMINED, Determinacy.BOUNDED, Determinacy.EXTRAPOLATED)

    @property
    def has_value(self) -> bool:
        """Whether there is a best value, to be relied upon or not."""
        return self.has_upper_bound


@dataclass(frozen=True, slots=True)
class Line:
    """``ln A(t) = log_activity - clearance_per_h * (t - centre_h)``, activity in MBq; both terms independent."""

    centre_h: float
    log_activity: float
    log_activity_sd: float
    clearance_per_h: float
    clearance_sd_per_h: float
    chi_square: float
    degrees_of_freedom: int

    def activity_MBq(self, hours: float) -> float:
        """Activity at `hours` after administration [MBq]."""
        return math.exp(self.log_activity - self.clearance_per_h * (hours - self.centre_h))


@dataclass(frozen=True, slots=True)
class TimeActivityCurve:
    """Points of a region in one session, the exponential through them, and its determinacy."""

    points: tuple[TimeActivityPoint, ...]
    """By time."""
    nuclide: Nuclide
    determinacy: Determinacy
    because: str
    line: Line | None
    """The fit as it is, whether possible or not; None where there is no fit."""
    clearance_per_h: float | None
    """Effective decay constant the value rests on; None where there is no value."""

    @property
    def held_to_physical_decay(self) -> bool:
        """Whether the fit was slower than physical decay and the value is made with physical decay instead."""
        return (
            self.line is not None
            and self.clearance_per_h is not None
            and (self.clearance_per_h > self.line.clearance_per_h)
        )

    @property
    def effective_half_life_h(self) -> float | None:
        """``ln 2`` over the clearance the value rests on [h]."""
        return None if self.clearance_per_h is None else math.log(2) / self.clearance_per_h

    @property
    def effective_half_life_sd_h(self) -> float | None:
        """Standard deviation of the effective half-life [h], to first order."""
        if self.clearance_per_h is None or self.line is None:
            return None
        return math.log(2) / self.clearance_per_h**2 * self.line.clearance_sd_per_h

    @property
    def extrapolated_fraction(self) -> float | None:
        """Share of the time-integrated activity after the last scan."""
        if self.clearance_per_h is None:
            return None
        return math.exp(-self.clearance_per_h * self.points[-1].hours_after_administration)

    @property
    def before_first_scan_fraction(self) -> float | None:
        """Share of the time-integrated activity before the first scan."""
        if self.clearance_per_h is None:
            return None
        return -math.expm1(-self.clearance_per_h * self.points[0].hours_after_administration)

    @property
    def kinetics(self) -> SumOfExponentials | None:
        """The exponential the value rests on, from administration on; None where there is no value."""
        at_start = self.activity_MBq(0.0)
        if at_start is None or self.clearance_per_h is None:
            return None
        return SumOfExponentials((Exponential(at_start, self.clearance_per_h),))

    def activity_MBq(self, hours: float) -> float | None:
        """Activity of the curve the value rests on at `hours` after administration [MBq]; None where there is none."""
        if self.line is None or self.clearance_per_h is None:
            return None
        return math.exp(self.line.log_activity - self.clearance_per_h * (hours - self.line.centre_h))


def ordered_points(points: Sequence[TimeActivityPoint], nuclide: Nuclide) -> tuple[TimeActivityPoint, ...]:
    """The points by time.

    Raises
    ------
    InputError
        If two have the same time or one is of another nuclide.
    """
    ordered = tuple(sorted(points, key=lambda point: point.hours_after_administration))
    for one, next_one in pairwise(ordered):
        hours = next_one.hours_after_administration
        if hours - one.hours_after_administration < _SAME_TIME_H:
            raise InputError(f"two scans at {hours:.4g} h after administration; give one activity per time")
    for point in ordered:
        if point.nuclide and nuclide_name(point.nuclide) != nuclide.name:
            raise InputError(
                f"the scan at {point.hours_after_administration:.4g} h is of {point.nuclide}, "
                f"the dose is asked for {nuclide.name}"
            )
    return ordered


def _weights(points: Sequence[TimeActivityPoint]) -> tuple[float, ...]:
    sds = [point.uncorrelated_relative_sd for point in points]
    if all(sds):
        return tuple(1 / sd**2 for sd in sds)
    if any(sds):
        raise InputError("some points state an uncertainty and some state none; state it for each point of the curve")
    return (1.0,) * len(points)


def fitted_line(points: Sequence[TimeActivityPoint]) -> Line:
    """Weighted least-squares line through the logarithms of at least two positive activities.

    Assumes independent errors of the stated relative standard deviations; for more than two points both standard
    deviations grow by ``sqrt(chi^2 / (n - 2))`` where that exceeds 1.
    """
    weights = _weights(points)
    exact = not points[0].uncorrelated_relative_sd
    times = [point.hours_after_administration for point in points]
    logs = [math.log(point.activity_MBq) for point in points]
    total = math.fsum(weights)
    centre = math.fsum(w * t for w, t in zip(weights, times, strict=True)) / total
    mean = math.fsum(w * y for w, y in zip(weights, logs, strict=True)) / total
    spread = math.fsum(w * (t - centre) ** 2 for w, t in zip(weights, times, strict=True))
    clearance = -math.fsum(w * (t - centre) * y for w, t, y in zip(weights, times, logs, strict=True)) / spread
    chi_square = math.fsum(
        w * (y - mean + clearance * (t - centre)) ** 2 for w, t, y in zip(weights, times, logs, strict=True)
    )
    freedom = len(points) - 2
    scale = math.sqrt(chi_square / freedom) if freedom else 0.0
    scale = scale if exact else max(1.0, scale)
    return Line(
        centre_h=centre,
        log_activity=mean,
        log_activity_sd=scale / math.sqrt(total),
        clearance_per_h=clearance,
        clearance_sd_per_h=scale / math.sqrt(spread),
        chi_square=chi_square,
        degrees_of_freedom=freedom,
    )


def _excess(line: Line, nuclide: Nuclide, z: float) -> int:
    """1 where the line clears faster than physical decay beyond the noise, -1 where it rises, 0 where neither."""
    physical = nuclide.decay_constant_per_h
    difference = line.clearance_per_h - physical
    if abs(difference) <= max(z * line.clearance_sd_per_h, ROUNDING * physical):
        return 0
    return 1 if difference > 0 else -1


def _too_close(points: Sequence[TimeActivityPoint], line: Line, z: float) -> bool:
    """Whether noise alone may put all but `_LEAST_SEEN_FRACTION` of the curve before the first scan.

    It looks at the spacing of the scans and their noise only, so that no drawn activity makes a curve look better.
    """
    first_h = points[0].hours_after_administration
    return z * line.clearance_sd_per_h * first_h > -math.log(_LEAST_SEEN_FRACTION)


def _rises(points: Sequence[TimeActivityPoint], line: Line, nuclide: Nuclide, z: float) -> bool:
    if _excess(line, nuclide, z) < 0:
        return True
    # Uptake that lasts to the last scan can hide in a line through many points; the last two show it.
    return len(points) > 2 and _excess(fitted_line(points[-2:]), nuclide, z) < 0


def _needs_more_than_given(line: Line, clearance_per_h: float, administered_MBq: float | None, z: float) -> bool:
    """Whether the exponential holds more at administration than was administered, beyond the noise of the fit."""
    if administered_MBq is None:
        return False
    at_start = line.log_activity + clearance_per_h * line.centre_h
    noise = math.hypot(line.log_activity_sd, line.clearance_sd_per_h * line.centre_h, CALIBRATION_MARGIN)
    return at_start - z * noise > math.log(administered_MBq)


def time_activity_curve(
    points: Sequence[TimeActivityPoint],
    nuclide: Nuclide,
    plan: DosePlan,
    *,
    administered_activity_MBq: float | None = None,
) -> TimeActivityCurve:
    """The curve of a region in one session and what it determines.

    Assumes one exponential from administration on; what that cannot see is in ``docs/methods/time_activity.md``.

    Parameters
    ----------
    points
        In any order; activities at scan time, physical decay included.
    administered_activity_MBq
        Where given, a curve that would need more than this at administration is undetermined.

    Raises
    ------
    InputError
        If two points have the same time, only some state an uncertainty, or a point is of another nuclide.

    Examples
    --------
    >>> from theratrial.nuclides import nuclide
    >>> plan = DosePlan(clearance_significance=0.95, maximum_extrapolated_fraction=0.9, model_relative_sd=0.1)
    >>> points = [TimeActivityPoint(24, 100, 0.02), TimeActivityPoint(48, 70.710678, 0.02)]
    >>> curve = time_activity_curve(points, nuclide("Lu-177"), plan)
    >>> curve.determinacy.value, round(curve.effective_half_life_h, 3)
    ('determined', 48.0)
    """
    ordered = ordered_points(points, nuclide)

    def without_value(determinacy: Determinacy, because: str, line: Line | None = None) -> TimeActivityCurve:
        return TimeActivityCurve(ordered, nuclide, determinacy, because, line, None)

    if not ordered:
        return without_value(Determinacy.UNDETERMINED, "no scan gives the activity of this region")
    zeros = [f"{p.hours_after_administration:.4g} h" for p in ordered if p.activity_MBq == 0]
    if zeros:
        return without_value(Determinacy.UNDETERMINED, f"no activity found at {', '.join(zeros)}: no exponential fits")
    if len(ordered) == 1:
        hours = ordered[0].hours_after_administration
        return without_value(Determinacy.SINGLE_POINT, f"one scan, at {hours:.4g} h, says nothing about clearance")

    z = NormalDist().inv_cdf(plan.clearance_significance)
    line = fitted_line(ordered)
    if _too_close(ordered, line, z):
        hours = ordered[-1].hours_after_administration - ordered[0].hours_after_administration
        return without_value(
            Determinacy.UNDETERMINED,
            f"the scans lie {hours:.3g} h apart, too close together for their noise: within it the clearance may be "
            f"anything up to {z * line.clearance_sd_per_h:.3g} per hour",
            line,
        )
    if _rises(ordered, line, nuclide, z):
        return without_value(
            Determinacy.RISING,
            f"activity corrected for physical decay still rises ({plan.clearance_significance:.0%} one-sided)",
            line,
        )
    clearance = max(line.clearance_per_h, nuclide.decay_constant_per_h)
    if _needs_more_than_given(line, clearance, administered_activity_MBq, z):
        return without_value(
            Determinacy.UNDETERMINED,
            "the exponential through the points would need more activity at administration than was administered; "
            "what happened before the first scan is not known",
            line,
        )
    after_last = math.exp(-clearance * ordered[-1].hours_after_administration)
    if _excess(line, nuclide, z) == 0:
        determinacy = Determinacy.BOUNDED
        because = f"clearance cannot be told from physical decay ({plan.clearance_significance:.0%} one-sided)"
        if clearance > line.clearance_per_h:
            because += "; the fit was slower than physical decay, the value is made with physical decay"
    elif after_last > plan.maximum_extrapolated_fraction:
        determinacy = Determinacy.EXTRAPOLATED
        because = (
            f"{after_last:.0%} of the time-integrated activity lie after the last scan, "
            f"the protocol allows {plan.maximum_extrapolated_fraction:.0%}"
        )
    else:
        determinacy = Determinacy.DETERMINED
        because = f"clearance is faster than physical decay ({plan.clearance_significance:.0%} one-sided)"
    return TimeActivityCurve(ordered, nuclide, determinacy, because, line, clearance)
