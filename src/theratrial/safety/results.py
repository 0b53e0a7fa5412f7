"""Laboratory results over time: the latest, the worst grade and the nadir in a window."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from theratrial.errors import InputError
from theratrial.safety.grades import Grade, laboratory_grade


@dataclass(frozen=True, slots=True)
class LaboratoryResult:
    """One result as reported. `record` is where it stands (``record:laboratory.csv#12``)."""

    test: str
    value: float
    unit: str
    lower_limit: float | None
    upper_limit: float | None
    collected_at: datetime
    record: str = ""
    baseline: float | None = None
    """The participant's value before the first administration; None where none is known."""
    baseline_unit: str = ""
    baseline_record: str = ""

    def __post_init__(self) -> None:
        if self.collected_at.tzinfo is None:
            raise InputError(f"the {self.test} result of {self.collected_at} must carry its time zone")


@dataclass(frozen=True, slots=True)
class GradedResult:
    """A result and its grade."""

    result: LaboratoryResult
    grade: Grade


def graded(result: LaboratoryResult, version: str) -> GradedResult:
    """A result with its CTCAE grade."""
    return GradedResult(
        result,
        laboratory_grade(
            result.test,
            result.value,
            result.unit,
            result.lower_limit,
            result.upper_limit,
            version,
            baseline=result.baseline,
            baseline_unit=result.baseline_unit,
        ),
    )


def with_baselines(
    results: Iterable[LaboratoryResult], first_injection_at: datetime | None
) -> tuple[LaboratoryResult, ...]:
    """The results with the participant's baseline of each test: the last one before the first administration.

    Where two results of that last instant differ, or nothing was given yet, there is no baseline.
    """
    given = tuple(results)
    if first_injection_at is None:
        return given
    before: dict[str, list[LaboratoryResult]] = {}
    for result in given:
        if result.collected_at < first_injection_at:
            before.setdefault(result.test, []).append(result)
    baselines = {test: one for test, own in before.items() if (one := _only_last(own)) is not None}
    return tuple(
        result
        if (of := baselines.get(result.test)) is None
        else replace(result, baseline=of.value, baseline_unit=of.unit, baseline_record=of.record)
        for result in given
    )


def _only_last(results: Sequence[LaboratoryResult]) -> LaboratoryResult | None:
    newest = max(result.collected_at for result in results)
    last = [result for result in results if result.collected_at == newest]
    return last[0] if len({(result.value, result.unit) for result in last}) == 1 else None


def _in_window(
    results: Iterable[LaboratoryResult], test: str, start: datetime | None, end: datetime | None
) -> list[LaboratoryResult]:
    return [
        result
        for result in results
        if result.test == test
        and (start is None or result.collected_at >= start)
        and (end is None or result.collected_at <= end)
    ]


def latest(results: Iterable[LaboratoryResult], test: str, *, at: datetime) -> tuple[LaboratoryResult, ...]:
    """The latest result of a test not after `at`: one, none, or several that share the very same time."""
    before = _in_window(results, test, None, at)
    newest = max((result.collected_at for result in before), default=None)
    return tuple(result for result in before if result.collected_at == newest)


def worst(
    results: Iterable[LaboratoryResult],
    test: str,
    version: str,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
) -> GradedResult | None:
    """The result with the highest grade in the closed window, the earliest of equals; None where none is gradable.

    Results that cannot be graded do not count as grade 0; `graded` each of them to know why.
    """
    known = [graded(result, version) for result in _in_window(results, test, start, end)]
    gradable = [item for item in known if item.grade.grade is not None]
    if not gradable:
        return None
    return min(gradable, key=lambda item: (-(item.grade.grade or 0), item.result.collected_at))


def nadir(
    results: Sequence[LaboratoryResult],
    test: str,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
) -> LaboratoryResult | None:
    """The lowest result in the closed window, the earliest of equals; None where there is none.

    Raises
    ------
    InputError
        If the results do not share one unit: the lowest number would not be the lowest count.
    """
    inside = _in_window(results, test, start, end)
    units = sorted({result.unit for result in inside})
    if len(units) > 1:
        raise InputError(f"{test}: results in {', '.join(units)} have no common nadir; report them in one unit")
    return min(inside, key=lambda result: (result.value, result.collected_at), default=None)
