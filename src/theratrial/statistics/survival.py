"""Time to event: Kaplan-Meier, its interval by a named transform, median and follow-up (docs/methods/survival.md)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, Literal, get_args

import numpy as np

from theratrial.errors import InputError

VERSION: Final = "1"

DAYS_PER_MONTH: Final = 365.25 / 12
"""Mean month: days between two dates are told in months of this length."""

Transform = Literal["log_log", "log", "plain"]

_TIE: Final = 1.5e-8
"""How near a product of fractions must come to one half to be it: the root of the spacing of floats, as in R."""


@dataclass(frozen=True, slots=True)
class KaplanMeierStep:
    """The estimate from one time on."""

    time: float
    at_risk: int
    """Under observation just before."""
    events: int
    censored: int
    survival_fraction: float
    lower_fraction: float | None
    """None while nobody has had the event, and once everybody has: the formula says nothing there."""
    upper_fraction: float | None


@dataclass(frozen=True, slots=True)
class KaplanMeier:
    """Survival over time; times in the unit that was given."""

    steps: tuple[KaplanMeierStep, ...]
    """One for every time at which somebody had the event or was censored, in their order."""
    transform: Transform
    level: float
    median: float | None
    """None: not reached."""
    median_lower: float | None
    median_upper: float | None
    """None: no upper bound."""

    @property
    def number(self) -> int:
        """How many were followed."""
        return self.steps[0].at_risk

    @property
    def events(self) -> int:
        """How many had the event."""
        return sum(step.events for step in self.steps)


def kaplan_meier(
    times: Sequence[float], events: Sequence[bool], *, transform: Transform = "log_log", level: float = 0.95
) -> KaplanMeier:
    """The product-limit estimate with pointwise intervals, and the median with an interval by the same transform.

    Assumes that people are independent and that who is censored fares as those who go on. Somebody censored at the
    time of an event was at risk for it.

    Parameters
    ----------
    times
        From the origin to the event or to where observation ended.
    events
        Whether the time ended with the event.
    transform
        Of the survival probability S on which the interval is symmetric: ``log_log`` log(-log S), ``log`` log S,
        ``plain`` S itself. Limits beyond 0 and 1 are cut off.
    level
        Two-sided confidence.

    Raises
    ------
    InputError
        Nobody, lists of different length, a time that is negative or no number, an event that is not yes or no,
        an unknown transform, a level outside 0 to 1.

    References
    ----------
    Kaplan and Meier, J Am Stat Assoc 1958;53:457. Greenwood 1926. Brookmeyer and Crowley, Biometrics 1982;38:29.

    Examples
    --------
    Of four people one had the event at 2 and one at 5; the others were watched until 3 and 6:

    >>> curve = kaplan_meier([2, 3, 5, 6], [True, False, True, False])
    >>> [(step.time, step.at_risk, step.survival_fraction) for step in curve.steps]
    [(2.0, 4, 0.75), (3.0, 3, 0.75), (5.0, 2, 0.375), (6.0, 1, 0.375)]
    >>> curve.median
    5.0
    """
    at, had = _required(times, events)
    if transform not in get_args(Transform):
        raise InputError(f"unknown transform {transform!r}; known: {', '.join(get_args(Transform))}")
    if not 0 < level < 1:
        raise InputError(f"confidence level lies between 0 and 1 (0.95 is 95 %), got {level}")
    steps = tuple(_steps(at, had, transform, NormalDist().inv_cdf((1 + level) / 2)))
    lower, median, upper = (
        _half_reached([(step.time, value) for step in steps if (value := of(step)) is not None])
        for of in (_lower_limit, _estimate, _upper_limit)
    )
    return KaplanMeier(steps, transform, level, median, lower, upper)


def reverse_kaplan_meier(
    times: Sequence[float], events: Sequence[bool], *, transform: Transform = "log_log", level: float = 0.95
) -> KaplanMeier:
    """How long people could be followed: ends of observation are its events, and events its censoring.

    The parameters and refusals are those of `kaplan_meier`.

    References
    ----------
    Schemper and Smith, Control Clin Trials 1996;17:343.
    """
    at, had = _required(times, events)
    return kaplan_meier(at, [not one for one in had], transform=transform, level=level)


def at_risk(times: Sequence[float], time: float) -> int:
    """How many are under observation just before `time`."""
    return sum(one >= time for one in times)


def _required(times: Sequence[float], events: Sequence[bool]) -> tuple[list[float], list[bool]]:
    if len(times) != len(events):
        raise InputError(f"{len(times)} times and {len(events)} events; give each time its event")
    if not len(times):
        raise InputError("a time to event of nobody is none; the analysis set is empty")
    for index, (time, event) in enumerate(zip(times, events, strict=True), 1):
        if isinstance(time, bool) or not isinstance(time, int | float | np.number) or not math.isfinite(time):
            raise InputError(f"time {index} is {time!r}; a time is a number from 0, with the unit of the others")
        if time < 0:
            raise InputError(
                f"time {index} is {time!r}: an event before the origin cannot be; check both dates, nothing is set to 0"
            )
        if not isinstance(event, bool | np.bool_):
            raise InputError(f"event {index} is {event!r}; it is True where the time ended with the event, else False")
    return [float(one) for one in times], [bool(one) for one in events]


def _steps(times: list[float], events: list[bool], transform: Transform, z: float) -> Iterator[KaplanMeierStep]:
    # Imported here so that a start-up does not pay for it.
    from scipy.stats import CensoredData, ecdf

    all_times, had = np.asarray(times), np.asarray(events)
    curve = ecdf(CensoredData(uncensored=all_times[had], right=all_times[~had])).sf
    in_order, ended = np.sort(all_times), Counter(all_times[had].tolist())
    greenwood = 0.0
    for time, survival in zip(curve.quantiles.tolist(), curve.probabilities.tolist(), strict=True):
        first, after = np.searchsorted(in_order, time, "left"), np.searchsorted(in_order, time, "right")
        risk, events_now = len(times) - int(first), ended[time]
        greenwood += events_now / (risk * (risk - events_now)) if events_now < risk else math.inf
        lower, upper = _INTERVALS[transform](survival, greenwood, z) if 0 < survival < 1 else (None, None)
        yield KaplanMeierStep(time, risk, events_now, int(after - first) - events_now, survival, lower, upper)


def _log_log(survival: float, greenwood: float, z: float) -> tuple[float, float]:
    half = z * math.sqrt(greenwood) / abs(math.log(survival))
    return survival ** math.exp(half), survival ** math.exp(-half)


def _log(survival: float, greenwood: float, z: float) -> tuple[float, float]:
    half = math.exp(z * math.sqrt(greenwood))
    return survival / half, min(1.0, survival * half)


def _plain(survival: float, greenwood: float, z: float) -> tuple[float, float]:
    half = z * survival * math.sqrt(greenwood)
    return max(0.0, survival - half), min(1.0, survival + half)


_INTERVALS: Final[dict[str, Callable[[float, float, float], tuple[float, float]]]] = {
    "log_log": _log_log,
    "log": _log,
    "plain": _plain,
}


def _lower_limit(step: KaplanMeierStep) -> float | None:
    return step.lower_fraction


def _estimate(step: KaplanMeierStep) -> float | None:
    return step.survival_fraction


def _upper_limit(step: KaplanMeierStep) -> float | None:
    return step.upper_fraction


def _half_reached(curve: Sequence[tuple[float, float]]) -> float | None:
    """When a falling step curve comes to one half; None where it never does.

    Where it lies at one half for a while and then falls on, the middle of that while is taken, as R and SAS do.
    """
    reached = next((time for time, value in curve if value <= 0.5 + _TIE), None)
    below = next((time for time, value in curve if value < 0.5 - _TIE), None)
    if reached is None or below is None:
        return reached
    return (reached + below) / 2
