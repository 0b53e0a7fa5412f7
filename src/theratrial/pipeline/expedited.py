"""Reports of suspected unexpected serious reactions to the authority, within days: due, undetermined, their clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from theratrial.protocol.plans.toxicity import ExpeditedReports, SeriousEvents
from theratrial.results.toxicity import Expedited, SeriousReport
from theratrial.safety.adverse.clock import report_clock
from theratrial.safety.adverse.expedited import Suspicion, end_of_day, suspicion, urgency
from theratrial.safety.adverse.terms import EVENT_TABLES, as_written, event_term
from theratrial.trace import Trace
from theratrial.trialfolder.records import Row, TrialFolder

_FATAL_GRADE = 5


@dataclass(frozen=True, slots=True)
class _Case:
    """One event with what its expedited reports are judged by."""

    folder: TrialFolder
    event: Row
    plan: ExpeditedReports
    suspected: Suspicion
    aware: datetime | None
    now: datetime
    trace: Trace


def is_fatal(row: Row) -> bool:
    """Whether a recorded event was fatal, by its grade or its outcome."""
    return row["grade"] == _FATAL_GRADE or row["outcome"] == "fatal"


def to_the_authority_alone(plan: SeriousEvents | None, recipient: str | None) -> bool:
    """Whether a report to this recipient runs by the clock of days and not by that of hours."""
    if plan is None or recipient is None:
        return False
    who = as_written(recipient)
    return who in {as_written(one) for one in plan.expedited.recipients} and who not in {
        as_written(one) for one in plan.recipients
    }


def expedited_of(
    folder: TrialFolder, event: Row, reported: Sequence[Row], plan: SeriousEvents, now: datetime, trace: Trace
) -> Expedited:
    """What a serious event is owed at the authority at a moment.

    Day 0 is the earliest day on which anybody was aware: the sponsor cannot have known earlier, so no report is
    called in time that is late. `reported` are the event's reports, the earliest first.
    """
    suspected = _suspected(event, reported, plan)
    known = [one for one in reported if one["became_aware_at"]]
    first = min(known, key=lambda one: (one["became_aware_at"], one.line), default=None)
    aware = first["became_aware_at"] if first is not None else None
    inputs = {"aware": first.source} if first is not None else {}
    expected = {f"expectedness {n}": one.source for n, one in enumerate(reported, 1) if one["expected"]}
    seen = replace(trace, inputs={**trace.inputs, **inputs})
    case = _Case(folder, event, plan.expedited, suspected, aware, now, seen)
    reports = [report for one in plan.expedited.recipients for report in _reports_to(case, one, reported)]
    judged = Trace(
        "safety.expedited", "1", {**seen.inputs, **expected, "event": event.source}, demonstration=trace.demonstration
    )
    return Expedited(suspected.verdict, suspected.urgent, suspected.because, tuple(reports), judged)


def _suspected(event: Row, reported: Sequence[Row], plan: SeriousEvents) -> Suspicion:
    version, grade = event["ctcae_version"] or "", event["grade"]
    term = event_term(event["term"] or "", version) if version in EVENT_TABLES else None
    urgent, why = urgency(
        fatal=is_fatal(event),
        reasons=event["seriousness"] or "",
        criteria=plan.criteria,
        urgent_criteria=plan.urgent_criteria,
        grade=grade,
        text=term.grades.get(grade, "") if term is not None and grade is not None else "",
    )
    # A fatal event is serious whatever is recorded; the contradiction is named where the event is listed.
    return suspicion(
        serious=True if is_fatal(event) else event["serious"],
        related=event["related"],
        expected=[one["expected"] for one in reported],
        urgent=urgent,
        urgent_because=why,
    )


def _reports_to(case: _Case, recipient: str, reported: Sequence[Row]) -> tuple[SeriousReport, ...]:
    """The reports to one recipient: those recorded, and those owed that are not."""
    to = [one for one in reported if as_written(one["recipient"] or "") == as_written(recipient)]
    initial = [one for one in to if one["report"] == "initial"]
    further = [one for one in to if one["report"] != "initial"]
    owed = case.suspected.verdict != "not_due"
    found: list[SeriousReport] = []
    days = case.plan.urgent_days if case.suspected.urgent else case.plan.other_days
    # One that was sent settles the clock; where several were, the first.
    initial.sort(key=lambda one: (one["sent_at"] is None, one["sent_at"] or case.now, one.line))
    firsts: Sequence[Row | None] = initial or ([None] if owed else [])
    for one in firsts:
        found.append(_report(case, "expedited", recipient, one, _due(case, days) if owed else None))
    sent = initial[0]["sent_at"] if initial else None
    until = _further_due(case, sent) if owed and case.suspected.urgent else None
    seconds: Sequence[Row | None] = further or ([None] if until is not None else [])
    for index, one in enumerate(seconds):
        found.append(_report(case, "expedited_follow_up", recipient, one, until if index == 0 else None))
    return tuple(found)


def _due(case: _Case, days: int) -> datetime | None:
    return end_of_day(case.aware, days, case.folder.zone) if case.aware is not None else None


def _further_due(case: _Case, sent: datetime | None) -> datetime | None:
    """Eight days after the first report went, and never later than eight after it was due."""
    if case.aware is None:
        return None
    last = end_of_day(case.aware, case.plan.urgent_days + case.plan.further_days, case.folder.zone)
    if sent is None or sent < case.aware:
        return last
    return min(last, end_of_day(sent, case.plan.further_days, case.folder.zone))


def _report(case: _Case, kind: str, recipient: str, row: Row | None, due: datetime | None) -> SeriousReport:
    sent = row["sent_at"] if row is not None else None
    aware = case.aware
    began: date | None = case.event["started_on"]
    clock = report_clock(
        became_aware_at=aware,
        sent_at=sent,
        now=case.now,
        within_h=(due - aware) / timedelta(hours=1) if due is not None and aware is not None else None,
        not_before=began,
    )
    inputs = {**case.trace.inputs, **({"report": row.source} if row is not None else {})}
    return SeriousReport(
        kind, recipient, aware, due, sent, clock.state, clock.because, replace(case.trace, inputs=inputs)
    )
