"""Participants made by hand with readers' lesions in every metric, for what is made of them over the trial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

from theratrial.pipeline.cohort import counted
from theratrial.protocol.reader import shipped_protocol
from theratrial.response import LesionReading
from theratrial.response.replay import Readings, replayed_category
from theratrial.results.criteria import (
    CriteriaResult,
    LesionCourse,
    ParticipantCriteria,
    ReaderCategory,
    ReaderReading,
    ReadUptake,
)
from theratrial.results.values import ParticipantResult, ResponseOutcome, SessionResult
from theratrial.trace import Quantity, Trace

PROTOCOL = shipped_protocol("IRCT20210612051548N3")
STARTED = datetime(2022, 3, 1, 6, tzinfo=UTC)
TRACE = Trace("test", "1")

Lesions = Mapping[str, float]


def blank(kind: type, /, **values: Any) -> Any:
    return kind(**{item.name: None for item in fields(kind)} | values)


def quantity(value: float | None, unit: str = "g/mL", **ends: float) -> Quantity:
    return Quantity(value, unit, TRACE, **ends, note="" if value is not None else "not there")


def _read(name: str, peak: float) -> ReadUptake:
    # SUVmax is above the peak and SUVmean below it; by a constant, so that no metric alone changes a category.
    uptakes = (quantity(peak), quantity(peak * 1.2), quantity(peak * 0.7))
    return ReadUptake(name, "target", "present", *uptakes, f"record:records/lesion_readings.csv#{name}")


def outcome(before: Mapping[str, Lesions], after: Mapping[str, Lesions], adjudicated_to: str = "") -> ResponseOutcome:
    """The response by the shipped rule; reader -> lesion -> SUVpeak, at both time points."""
    rule = PROTOCOL.response.reading
    assert rule is not None
    readings = tuple(
        ReaderReading(reader, when, tuple(_read(name, peak) for name, peak in lesions.items()))
        for when, side in (("baseline", before), ("response", after))
        for reader, lesions in side.items()
    )
    as_lesions = [
        {
            reader: [LesionReading(n, "target", "present", peak) for n, peak in lesions.items()]
            for reader, lesions in side.items()
        }
        for side in (before, after)
    ]
    category, arithmetic = replayed_category(lambda _: Readings(*as_lesions), rule, adjudicated_to=adjudicated_to)
    alone = {
        reader: replayed_category(lambda _, r=reader: Readings(as_lesions[0], {r: as_lesions[1][r]}), rule)
        for reader in after
    }
    return ResponseOutcome(
        category=category,
        arithmetic=arithmetic,
        rule_name=rule.name,
        exploratory=True,
        metric=rule.metric,
        change_percent=None,
        lesions=(),
        trace=TRACE,
        readings=readings,
        by_reader=tuple(ReaderCategory(reader, *answer) for reader, answer in alone.items()),
        adjudicated_to=adjudicated_to,
    )


def participant(
    who: str,
    before: Mapping[str, Lesions] | None,
    after: Mapping[str, Lesions] | None,
    *,
    criteria: ParticipantCriteria | None = None,
    adjudicated_to: str = "",
    in_set: bool = True,
) -> ParticipantResult:
    """A treated participant as the run leaves her; without lesions there is no response image."""
    endpoint = PROTOCOL.endpoint.reading
    assert endpoint is not None
    response = None if before is None or after is None else outcome(before, after, adjudicated_to)
    made: ParticipantResult = blank(
        ParticipantResult,
        participant_id=who,
        treated=True,
        sessions=(blank(SessionResult, session=1, injected_at=STARTED),),
        response=response,
        analysis_sets=(endpoint.analysis_set,) if in_set else (),
        counted="not analysed",
        counted_because="",
        criteria=criteria or ParticipantCriteria(),
    )
    return counted(made, endpoint)


def judged(
    criteria: str, category: str, *, controlled: bool | None, readers: Mapping[str, str] | None = None
) -> CriteriaResult:
    by_reader = tuple(ReaderCategory(reader, one, "test") for reader, one in (readers or {}).items())
    return CriteriaResult(
        criteria=criteria,  # type: ignore[arg-type]
        title={"recist_1_1": "RECIST 1.1", "percist_1_0": "PERCIST 1.0"}.get(criteria, criteria),
        exploratory=False,
        category=category,
        controlled=controlled,
        because="test",
        reader="",
        assessments=(),
        options=(),
        trace=TRACE,
        readers=by_reader,
    )


def course(name: str, dose: Quantity | None, change: float | None, *, status: str = "present") -> LesionCourse:
    made: LesionCourse = blank(
        LesionCourse,
        lesion_id=name,
        site="bone",
        role="target",
        absorbed_dose_Gy=dose,
        determinacy="determined" if dose is not None and dose.value is not None else "undetermined",
        sessions_counted=1,
        dose_region=name,
        session_doses=(),
        matched_by="test",
        status_response=status,
        change_percent=None if change is None else quantity(change, "percent"),
    )
    return made


def with_lesions(one: ParticipantResult, *lesions: LesionCourse) -> ParticipantResult:
    return replace(one, criteria=replace(one.criteria, lesions=lesions))
