"""When a count that has not recovered will have: from its own rise, or from the courses of others, or nothing said."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from theratrial.errors import InputError

METHOD: Final = "safety.recovery_forecast"
METHOD_VERSION: Final = "1"

LEAST_COUNTS: Final = 3
"""Of a rise: two points give a line and nothing about how sure it is."""
LEAST_COURSES: Final = 5
LEVEL: Final = 0.95
FARTHEST_DAYS: Final = 365.0
"""A rise that would take longer than this is no forecast."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """A day after the injection on which the count will have recovered, with its interval; none with the reason."""

    days: float | None
    lower_days: float | None = None
    upper_days: float | None = None
    """Infinite where the counts set no later end."""
    because: str = ""


def log_linear_forecast(days: Sequence[float], counts: Sequence[float], target: float) -> Forecast:
    """When the straight line through the logarithms of the counts reaches the target.

    The interval is Fieller's: all days on which the 95 % interval of the line holds the target. It begins no earlier
    than the last count, which was below.

    Parameters
    ----------
    days, counts
        Of the counts after the nadir [d after the injection; any unit]; the nadir itself is left out, because it was
        chosen for being low.
    target
        The count that is recovered [unit of the counts].

    Raises
    ------
    InputError
        Lengths that differ, or a count or target that is not above zero.

    References
    ----------
    Fieller, J R Stat Soc B 1954;16:175.

    Examples
    --------
    >>> round(log_linear_forecast([0, 7, 14], [20, 28.2843, 40], 80).days, 3)
    28.0
    """
    from scipy.stats import t as student

    if len(days) != len(counts) or target <= 0 or any(count <= 0 for count in counts):
        raise InputError("a rise needs as many days as counts, and counts and a target above zero")
    if len(set(days)) < LEAST_COUNTS:
        return Forecast(None, because=f"fewer than {LEAST_COUNTS} counts after the nadir")
    n = len(days)
    logs = [math.log(count) for count in counts]
    mean_day, mean_log = math.fsum(days) / n, math.fsum(logs) / n
    spread = math.fsum((x - mean_day) ** 2 for x in days)
    slope = math.fsum((x - mean_day) * (y - mean_log) for x, y in zip(days, logs, strict=True)) / spread
    if slope <= 0:
        return Forecast(None, because="the counts after the nadir do not rise")
    residual = math.fsum((y - mean_log - slope * (x - mean_day)) ** 2 for x, y in zip(days, logs, strict=True))
    rise = math.log(target) - mean_log
    predicted = mean_day + rise / slope
    last = max(days)
    if predicted > FARTHEST_DAYS:
        return Forecast(None, because=f"the rise is too slow for a forecast within {FARTHEST_DAYS:g} days")
    width = float(student.ppf((1 + LEVEL) / 2, n - 2)) ** 2 * residual / (n - 2)
    lower, upper = _fieller(slope, rise, width, n, spread)
    said = f"straight line through the logarithms of {n} counts after the nadir"
    if not math.isfinite(upper):
        return Forecast(max(predicted, last), last, math.inf, f"{said}; the rise is not sure")
    return Forecast(max(predicted, last), max(mean_day + lower, last), max(mean_day + upper, last), said)


def _fieller(slope: float, rise: float, width: float, n: int, spread: float) -> tuple[float, float]:
    """Ends of ``{u: (slope u - rise)^2 <= width (1/n + u^2/spread)}``; unbounded where the slope may be zero."""
    lead = slope**2 - width / spread
    if lead <= 0:
        return -math.inf, math.inf
    root = math.sqrt(max((slope * rise) ** 2 - lead * (rise**2 - width / n), 0.0))
    return (slope * rise - root) / lead, (slope * rise + root) / lead


def cohort_forecast(recoveries_days: Sequence[float], so_far_days: float) -> Forecast:
    """From the courses of others that took longer than this one has so far: their median, and from first to last.

    A next course lies between the shortest and the longest of n with probability (n - 1)/(n + 1), whatever their
    distribution, if it is one of the same kind.

    Parameters
    ----------
    recoveries_days
        Days from injection to recovery of courses that recovered.
    so_far_days
        Day of the last count of this course, which was not recovered.
    """
    longer = sorted(one for one in recoveries_days if one > so_far_days)
    n = len(longer)
    if n < LEAST_COURSES:
        return Forecast(
            None, because=f"{n} recovered courses of others lasted so long; at least {LEAST_COURSES} are needed"
        )
    middle = (longer[(n - 1) // 2] + longer[n // 2]) / 2
    chance = (n - 1) / (n + 1)
    said = f"median of {n} recovered courses of others; a next one lies between the first and the last of them with "
    return Forecast(middle, longer[0], longer[-1], f"{said}{chance:.0%} probability")
