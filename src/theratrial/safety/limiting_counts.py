"""How much counts of a test say: the gaps between them, the worst, and whether the last one speaks for later days."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import datetime

from theratrial.errors import TheratrialError
from theratrial.safety.limiting_watch import Watch
from theratrial.safety.nadirs import falls
from theratrial.safety.results import GradedResult
from theratrial.safety.samples import scale_of
from theratrial.safety.terms import terms


def taken_at(one: GradedResult) -> datetime:
    return one.result.collected_at


def longest_gap(inside: Sequence[GradedResult], watch: Watch) -> float:
    """Longest time without a value from the injection to the end of the window, or to now [days]."""
    times = [watch.injected_at, *(taken_at(one) for one in inside), min(watch.closes_at, watch.as_of)]
    return max((b - a).total_seconds() / 86400 for a, b in itertools.pairwise(times))


def stays(values: Sequence[GradedResult], watch: Watch, end: datetime) -> bool:
    """Whether the last value may speak for the days up to `end`.

    It does when it is near `end`; or when it was taken near the close of the window or later, when the nadir is over,
    and the counts had turned: it is better than the worst before it. Values of units that do not convert to one another
    show no turn.
    """
    last = values[-1]
    if _days_between(taken_at(last), end) <= watch.longest_gap_days:
        return True
    if _days_between(taken_at(last), watch.closes_at) > watch.longest_gap_days:
        return False
    numbers = _in_one_unit(values)
    if numbers is None:
        return False
    if falls(last.result.test, last.grade.ctcae_version):
        return numbers[-1] > min(numbers)
    return numbers[-1] < max(numbers)


def _days_between(first: datetime, second: datetime) -> float:
    return (second - first).total_seconds() / 86400


def _in_one_unit(values: Sequence[GradedResult]) -> list[float] | None:
    """The values on the scale that grades them; None where they have no common one."""
    last = values[-1]
    own = terms(last.grade.ctcae_version).get(last.result.test, ())
    try:
        scales = [scale_of(own, one.result.unit) for one in values]
    except TheratrialError:
        return None
    if not own or len({scale for scale, _ in scales}) != 1:
        return None
    return [one.result.value * factor for one, (_, factor) in zip(values, scales, strict=True)]


def counted(inside: Sequence[GradedResult], watch: Watch) -> str:
    """How many values, the worst, and the longest time without one: what is not counted is not seen."""
    if not inside:
        return "no value so far"
    worst = max((one.grade.grade for one in inside if one.grade.grade is not None), default=None)
    gap = longest_gap(inside, watch)
    said = "no grade" if worst is None else f"worst grade {worst}"
    plural = "" if len(inside) == 1 else "s"
    return f"{len(inside)} value{plural}, {said}; longest time without a value {gap:.0f} days"
