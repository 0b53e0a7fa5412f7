"""What happened after treatment began and changes what the endpoint means: found in the records, never guessed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from theratrial.protocol.plans.analysis import AnalysisPlan, EventKind
from theratrial.protocol.schema import Protocol, Sessions
from theratrial.results.places import participant_place, session_place
from theratrial.results.values import ParticipantResult
from theratrial.schedule.sessions import last_session
from theratrial.trialfolder.histories import participant_history
from theratrial.trialfolder.records import TrialFolder
from theratrial.trialfolder.withdrawals import ENDS_SESSIONS, standing_withdrawals


@dataclass(frozen=True, slots=True)
class Happened:
    """An intercurrent event of one participant."""

    event: EventKind
    on: date | None
    because: str
    record: str
    """Where it stands, as the input of a trace."""


@dataclass(frozen=True, slots=True)
class _Course:
    """One participant between the first injection and the assessment."""

    folder: TrialFolder
    result: ParticipantResult
    therapy: Sessions
    began_on: date
    assessed_on: date | None
    """Day of the response image that was read; None: there is none."""
    pending: bool

    def between(self, on: date) -> bool:
        """Whether the day lies after treatment began and before the assessment."""
        # A day is all that is recorded of most events; what falls on the day of the image did not change it.
        return on >= self.began_on and (self.assessed_on is None or on < self.assessed_on)


def analysis_plan(protocol: Protocol) -> AnalysisPlan | None:
    """The reading of the clause on the analysis; None where the protocol has none, or an open one."""
    return protocol.analysis.reading if protocol.analysis is not None else None


def assessed_on(folder: TrialFolder, result: ParticipantResult) -> date | None:
    """Day of the response image, where a response with a category was read from it; else None."""
    rule = folder.protocol.response.reading
    if rule is None or result.response is None or result.response.category == "NE":
        return None
    taken = [scan.acquired_at for scan in result.pet_scans if scan.imaging_id == rule.imaging_response]
    return next((at.astimezone(folder.zone).date() for at in taken if at is not None), None)


def first_therapy_on(folder: TrialFolder, result: ParticipantResult) -> date | None:
    """Day of the first injection of the therapy product; None where not treated."""
    moments = [session.injected_at for session in result.sessions]
    return min(moments).astimezone(folder.zone).date() if moments else None


def happened(folder: TrialFolder, result: ParticipantResult, *, pending: bool) -> tuple[Happened, ...]:
    """The intercurrent events of a participant that the protocol names, in the protocol's order; none without its plan.

    Parameters
    ----------
    pending
        The response is missing only because its visit is still to come: it is not missing yet.
    """
    plan, therapy = analysis_plan(folder.protocol), folder.protocol.sessions.reading
    began_on = first_therapy_on(folder, result)
    if plan is None or therapy is None or began_on is None:
        return ()
    course = _Course(folder, result, therapy, began_on, assessed_on(folder, result), pending)
    return tuple(
        found for named in plan.estimand.intercurrent_events for found in _FINDERS[named.event](course) if found
    )


def deaths(folder: TrialFolder, participant_id: str) -> Sequence[tuple[date, str, str]]:
    """Recorded deaths as (day, what is said, record), the day of death itself before the day it was heard of."""
    ended = folder.rows("dispositions", participant_id=participant_id, event="death")
    heard = folder.rows("follow_up", participant_id=participant_id, status="dead")
    return [
        *((row["occurred_on"], f"died on {row['occurred_on']}", row.source) for row in ended),
        *(
            (
                row["seen_on"],
                f"known to have died by {row['seen_on']}; the day itself is not recorded",
                row.source,
            )
            for row in heard
        ),
    ]


def _fewer_sessions(course: _Course) -> Iterator[Happened]:
    given, planned = len(course.result.sessions), course.therapy.maximum_sessions
    past = participant_history(course.folder, course.result.participant_id)
    last = last_session(course.folder.protocol, past)
    if given >= planned or not last.known:
        return
    on = next((ending.on for ending in past.endings if ending.source == last.source), None)
    because = f"{given} of {planned} sessions: {last.because}"
    yield Happened("fewer_sessions", on, because, last.source or f"value:{_place(course)}.sessions")


def _new_therapy(course: _Course) -> Iterator[Happened]:
    rows = course.folder.rows("later_therapy", participant_id=course.result.participant_id)
    for row in sorted(rows, key=lambda row: row["started_on"]):
        if course.between(row["started_on"]):
            because = f"{row['agent']} began on {row['started_on']}, {_before(course)}"
            yield Happened("new_anticancer_therapy", row["started_on"], because, row.source)
            return


def _death(course: _Course) -> Iterator[Happened]:
    for on, said, record in deaths(course.folder, course.result.participant_id):
        if course.between(on):
            yield Happened("death_before_assessment", on, f"{said}, {_before(course)}", record)
            return


def _not_assessable(course: _Course) -> Iterator[Happened]:
    response = course.result.response
    if course.pending or (response is not None and response.category != "NE"):
        return
    because = "no response assessment is there" if response is None else response.arithmetic
    yield Happened("not_assessable", None, because, f"value:{_place(course)}.response")


def _pregnancy(course: _Course) -> Iterator[Happened]:
    rows = course.folder.rows("pregnancies", participant_id=course.result.participant_id, whose="participant")
    for row in sorted(rows, key=lambda row: row["became_aware_at"]):
        on = row["became_aware_at"].astimezone(course.folder.zone).date()
        if course.between(on):
            yield Happened("pregnancy", on, f"known since {on}, {_before(course)}", row.source)
            return


def _activity(course: _Course) -> Iterator[Happened]:
    allowed, planned_MBq = course.therapy.activity_tolerance_percent, course.therapy.administered_activity_MBq
    for session in course.result.sessions:
        given_MBq = session.administered_activity_MBq.value
        from_prescribed = session.deviation_percent.value
        if given_MBq is None or from_prescribed is None:
            continue
        from_plan = (given_MBq - planned_MBq) / planned_MBq * 100
        off = from_prescribed if abs(from_prescribed) > allowed else from_plan
        if abs(off) > allowed:
            what = "the prescribed activity" if off is from_prescribed else f"the protocol's {planned_MBq:g} MBq"
            yield Happened(
                "activity_deviation",
                session.injected_at.astimezone(course.folder.zone).date(),
                f"session {session.session}: {given_MBq:.0f} MBq, {off:+.1f} % of {what}; {allowed:g} % are allowed",
                f"value:{session_place(course.result.participant_id, session.session)}.administered_activity_MBq",
            )
            return


def _blocked(course: _Course) -> Iterator[Happened]:
    fall = course.result.criteria.uptake_fall
    if fall is not None and fall.label == "blocking":
        record = f"value:{_place(course)}.criteria.uptake_fall"
        yield Happened("blocked_uptake", course.assessed_on, fall.because, record)


def _withdrawal(course: _Course) -> Iterator[Happened]:
    for one in standing_withdrawals(course.folder, course.result.participant_id):
        on = one.withdrawn_at.astimezone(course.folder.zone).date()
        if one.kind in ENDS_SESSIONS and course.between(on):
            what = {"all": "everything", "follow_up": "follow-up"}.get(one.kind, one.kind)
            yield Happened("withdrawal", on, f"withdrew from {what} on {on}, {_before(course)}", one.source)
            return
    for row in course.folder.rows("dispositions", participant_id=course.result.participant_id, event="withdrawal"):
        if course.between(row["occurred_on"]):
            because = f"ended by withdrawal on {row['occurred_on']}, {_before(course)}"
            yield Happened("withdrawal", row["occurred_on"], because, row.source)
            return


_FINDERS: Final[Mapping[EventKind, Callable[[_Course], Iterator[Happened]]]] = {
    "fewer_sessions": _fewer_sessions,
    "new_anticancer_therapy": _new_therapy,
    "death_before_assessment": _death,
    "not_assessable": _not_assessable,
    "pregnancy": _pregnancy,
    "activity_deviation": _activity,
    "blocked_uptake": _blocked,
    "withdrawal": _withdrawal,
}


def _before(course: _Course) -> str:
    if course.assessed_on is None:
        return "and no response was assessed"
    return f"before the assessment of {course.assessed_on}"


def _place(course: _Course) -> str:
    return participant_place(course.result.participant_id)
