"""Nadir, recovery and forecast of every test of the gate after every session of a participant."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Literal

from theratrial.errors import InputError
from theratrial.protocol.schema import GradeLimit, SafetyGate
from theratrial.results.toxicity import NadirResult
from theratrial.safety import LaboratoryResult, graded
from theratrial.safety.nadirs import (
    METHOD,
    METHOD_VERSION,
    CountCourse,
    NadirFound,
    RecoveryFound,
    count_course,
    falls,
    nadir_of,
    recovery_of,
    rising,
    target_count,
)
from theratrial.safety.recovery_forecast import Forecast, log_linear_forecast
from theratrial.safety.terms import CORE_UNIT
from theratrial.trace import Quantity, Trace
from theratrial.trialfolder.records import TrialFolder

VisitState = Literal["before", "not_before", "cannot_be_known", "none"]


def nadirs(
    folder: TrialFolder,
    participant_id: str,
    laboratory: Iterable[LaboratoryResult],
    sessions: Iterable[tuple[int, datetime]],
    *,
    until: datetime,
    demonstration: tuple[str, ...] = (),
) -> tuple[tuple[NadirResult, ...], tuple[str, ...]]:
    """Nadirs of the gate's tests that are graded for low values, and what could not be done.

    Parameters
    ----------
    sessions
        (session, start of the injection), in order.
    until
        Instant up to which the records speak.
    """
    gate = folder.protocol.safety_gate.reading
    if gate is None:
        return (), ()
    own, given = tuple(laboratory), tuple(sessions)
    found, refused = [], []
    for limit in gate.laboratory:
        if not falls(limit.test, gate.ctcae_version):
            continue
        for index, (session, injected_at) in enumerate(given):
            end = given[index + 1][1] if index + 1 < len(given) else until
            course = count_course(own, limit.test, injected_at=injected_at, until=end)
            visit_on = _visit_on(folder, participant_id, gate, session)
            try:
                one = _nadir(course, session, gate, limit, folder, visit_on, demonstration)
            except InputError as error:
                refused.append(str(error))
                continue
            if one is not None:
                found.append(one)
    return tuple(found), tuple(dict.fromkeys(refused))


def _visit_on(folder: TrialFolder, participant_id: str, gate: SafetyGate, session: int) -> tuple[date | None, str]:
    rows = folder.rows("visits", participant_id=participant_id, visit_id=gate.visit, session=session)
    done = [row for row in rows if row["status"] == "done" and row["occurred_on"] is not None]
    return (done[0]["occurred_on"], done[0].source) if done else (None, "")


def _nadir(
    course: CountCourse,
    session: int,
    gate: SafetyGate,
    limit: GradeLimit,
    folder: TrialFolder,
    visit: tuple[date | None, str],
    demonstration: tuple[str, ...],
) -> NadirResult | None:
    found = nadir_of(course)
    if found is None:
        return None
    lowest = found.result
    inputs = {f"count {i}": one.record for i, one in enumerate(course.counts, 1) if one.record}
    if course.before is not None and course.before.record:
        inputs["before"] = course.before.record
    if visit[1]:
        inputs["visit"] = visit[1]
    trace = Trace(METHOD, METHOD_VERSION, {**inputs, "clause": "protocol:safety_gate"}, demonstration=demonstration)
    recovery = recovery_of(course, limit.maximum_grade, gate.ctcae_version)
    target = target_count(lowest, limit.maximum_grade, gate.ctcae_version)
    forecast = _forecast(course, found, recovery, target)
    state, said = _visit_said(course, found, gate, visit[0], folder)
    first_day = course.injected_at.astimezone(folder.zone).date()
    return NadirResult(
        test=course.test,
        session=session,
        baseline=None if course.before is None else Quantity(course.before.value, course.before.unit, trace),
        nadir=Quantity(
            lowest.value, lowest.unit, trace, note="" if found.passed else "no later count is higher: it may fall on"
        ),
        nadir_at=lowest.collected_at,
        days_to_nadir=Quantity(
            found.days, "d", trace, found.earliest_days, found.latest_days, "bounds are the counts on both sides"
        ),
        grade=graded(lowest, gate.ctcae_version).grade.grade,
        recovered_on=None if recovery.at is None else recovery.at.astimezone(folder.zone).date(),
        days_to_recovery=_to_recovery(found, recovery, limit, trace),
        predicted_recovery_on=_day(first_day, forecast.days),
        predicted_recovery_days=None
        if forecast.days is None
        else Quantity(forecast.days, "d", trace, forecast.lower_days, forecast.upper_days, forecast.because),
        visit_before_nadir=said,
        trace=trace,
        visit=state,
        visit_on=visit[0],
        recovery=recovery.state,
        recovery_target=_target_said(limit, target, lowest.unit),
        predicted_earliest_on=_day(first_day, forecast.lower_days),
        predicted_latest_on=_day(first_day, forecast.upper_days),
        prediction_because=forecast.because,
    )


def _forecast(course: CountCourse, found: NadirFound, recovery: RecoveryFound, target: float | None) -> Forecast:
    if recovery.state in ("recovered", "never_beyond"):
        return Forecast(None)
    if target is None or target <= 0 or recovery.state == "cannot_be_known":
        return Forecast(None, because="which count is recovered is not known")
    days, values = rising(course, found)
    if any(value <= 0 for value in values):
        return Forecast(None, because="a count of zero has no logarithm")
    return log_linear_forecast(days, values, target)


def _day(first: date, days: float | None) -> date | None:
    """The date so many days after the session; a part of a day belongs to it."""
    if days is None or not math.isfinite(days):
        return None
    return first + timedelta(days=math.floor(days))


def _to_recovery(found: NadirFound, recovery: RecoveryFound, limit: GradeLimit, trace: Trace) -> Quantity:
    grade = f"grade {limit.maximum_grade}, which the gate allows"
    if recovery.days is not None and recovery.earliest_days is not None:
        return Quantity(
            recovery.days - found.days,
            "d",
            trace,
            max(recovery.earliest_days - found.days, 0.0),
            recovery.days - found.days,
            "from the nadir to the first count that is back; bounds are that count and the one before",
        )
    said = {
        "never_beyond": f"never worse than {grade}",
        "not_recovered": f"not back at {grade}, by the last count",
    }.get(recovery.state, f"whether it is back at {grade} cannot be known: a grade is open")
    return Quantity(None, "d", trace, note=said)


def _target_said(limit: GradeLimit, target: float | None, unit: str) -> str:
    if target is None:
        return f"grade {limit.maximum_grade}, which the gate allows"
    printed = next((name for name, core in CORE_UNIT.items() if core == unit), unit)
    return f"{target:g} {printed}: grade {limit.maximum_grade}, which the gate allows"


def _visit_said(
    course: CountCourse, found: NadirFound, gate: SafetyGate, visit_on: date | None, folder: TrialFolder
) -> tuple[VisitState, str]:
    if visit_on is None:
        return "none", ""
    first = course.injected_at.astimezone(folder.zone).date()
    nadir_on = found.result.collected_at.astimezone(folder.zone).date()
    name = gate.visit.replace("_", " ")
    day = (visit_on - first).days
    if visit_on < nadir_on:
        return "before", f"the visit {name} on day {day} falls before the nadir on day {(nadir_on - first).days}"
    if found.passed:
        return "not_before", ""
    return (
        "cannot_be_known",
        f"whether the visit {name} on day {day} falls before the nadir cannot be known: no count after the lowest is "
        "higher",
    )
