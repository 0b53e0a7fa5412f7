"""The lowest count after a session, the way down and the way back. Method: docs/methods/nadir.md."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from theratrial.errors import TheratrialError
from theratrial.safety.results import GradedResult, LaboratoryResult, graded, nadir
from theratrial.safety.samples import scale_of
from theratrial.safety.terms import terms

METHOD: Final = "safety.nadir"
METHOD_VERSION: Final = "1"

RecoveryState = Literal["recovered", "not_recovered", "never_beyond", "cannot_be_known"]


@dataclass(frozen=True, slots=True)
class CountCourse:
    """Counts of one test from one session to the next.

    `counts` are after the injection and up to the next one (or the end of the records), in order of time; `before` is
    the last count up to the injection.
    """

    test: str
    injected_at: datetime
    before: LaboratoryResult | None
    counts: tuple[LaboratoryResult, ...]

    def days(self, at: datetime) -> float:
        """Days after the injection."""
        return (at - self.injected_at).total_seconds() / 86400


@dataclass(frozen=True, slots=True)
class NadirFound:
    """The lowest count; `earliest_days` and `latest_days` are those of its neighbours, between which the true nadir is.

    `latest_days` is infinite where no count follows: then the counts may still have been falling.
    """

    result: LaboratoryResult
    days: float
    earliest_days: float
    latest_days: float

    @property
    def passed(self) -> bool:
        """Whether a later count shows that the counts rose again."""
        return math.isfinite(self.latest_days)


@dataclass(frozen=True, slots=True)
class RecoveryFound:
    """Whether and when the counts came back to the grade that is asked; days after the injection."""

    state: RecoveryState
    at: datetime | None = None
    days: float | None = None
    earliest_days: float | None = None
    """Of the last count before it that was still worse."""


def count_course(
    results: Iterable[LaboratoryResult], test: str, *, injected_at: datetime, until: datetime
) -> CountCourse:
    """The counts of `test` after `injected_at`, up to `until`."""
    own = sorted((one for one in results if one.test == test), key=lambda one: (one.collected_at, one.value))
    before = [one for one in own if one.collected_at <= injected_at]
    inside = tuple(one for one in own if injected_at < one.collected_at <= until)
    return CountCourse(test, injected_at, before[-1] if before else None, inside)


def nadir_of(course: CountCourse) -> NadirFound | None:
    """The lowest count of a course, the earliest of equals; None without a count.

    Raises
    ------
    InputError
        The counts are in more than one unit.
    """
    lowest = nadir(course.counts, course.test)
    if lowest is None:
        return None
    earlier = [one for one in course.counts if one.collected_at < lowest.collected_at]
    # A later count that is as low does not end the nadir: the way back has not begun with it.
    later = [one for one in course.counts if one.collected_at > lowest.collected_at and one.value > lowest.value]
    return NadirFound(
        lowest,
        course.days(lowest.collected_at),
        course.days(earlier[-1].collected_at) if earlier else 0.0,
        course.days(later[0].collected_at) if later else math.inf,
    )


def recovery_of(course: CountCourse, maximum_grade: int, version: str) -> RecoveryFound:
    """When the counts came back to `maximum_grade` or better, and stayed there as far as they were counted."""
    found = nadir_of(course)
    if found is None:
        return RecoveryFound("cannot_be_known")
    answers = [within(graded(one, version), maximum_grade) for one in course.counts]
    if all(answer is True for answer in answers):
        return RecoveryFound("never_beyond")
    if None in answers:
        return RecoveryFound("cannot_be_known")
    last_worse = max(index for index, answer in enumerate(answers) if answer is False)
    if last_worse + 1 == len(course.counts):
        return RecoveryFound("not_recovered")
    back, worse = course.counts[last_worse + 1], course.counts[last_worse]
    return RecoveryFound(
        "recovered", back.collected_at, course.days(back.collected_at), course.days(worse.collected_at)
    )


def within(item: GradedResult, maximum_grade: int) -> bool | None:
    """Whether a value is of that grade or better; None where its grade is open across it."""
    grade = item.grade
    if grade.at_most is not None and grade.at_most <= maximum_grade:
        return True
    if grade.grade is not None:
        return grade.grade <= maximum_grade
    if grade.at_least is not None and grade.at_least > maximum_grade:
        return False
    return None


def falls(test: str, version: str) -> bool:
    """Whether the version grades a test for low values, so that a nadir of it means something."""
    return any(term.direction == "down" for term in terms(version).get(test, ()))


def target_count(result: LaboratoryResult, maximum_grade: int, version: str) -> float | None:
    """The lowest count [unit of the result] that is of `maximum_grade` or better; None where nothing says it.

    The end of the mildest printed grade that is worse: 75 x 10^9/L of platelets for grade 1, the laboratory's lower
    limit for grade 0.

    Examples
    --------
    >>> from datetime import UTC
    >>> one = LaboratoryResult("platelets", 40_000, "/mm3", 150_000, None, datetime(2024, 1, 1, tzinfo=UTC))
    >>> target_count(one, 1, "5.0"), target_count(one, 0, "5.0")
    (75000.0, 150000.0)
    """
    own = terms(version).get(result.test, ())
    if not own:
        return None
    try:
        unit, factor = scale_of(own, result.unit)
    except TheratrialError:
        return None
    worse = [
        one
        for term in own
        if term.unit == unit and term.direction == "down"
        for one in term.criteria
        if one.grade > maximum_grade and not one.when and not one.also and len(one.ends) == 1
    ]
    if not worse:
        return None
    end = min(worse, key=lambda one: one.grade).ends[0]
    if end.number is not None:
        return float(f"{float(end.number) / factor:.12g}")
    if end.limit == "LLN" and result.lower_limit is not None:
        return float(end.times) * result.lower_limit - float(end.minus)
    return None


def rising(course: CountCourse, found: NadirFound) -> tuple[Sequence[float], Sequence[float]]:
    """Days and values of the counts after the nadir: the way back as far as it was counted."""
    after = [one for one in course.counts if one.collected_at > found.result.collected_at]
    return [course.days(one.collected_at) for one in after], [one.value for one in after]
