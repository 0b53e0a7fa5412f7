"""Visits and images of the protocol as dates, from what was given and done so far."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from theratrial.errors import InputError
from theratrial.protocol.schema import ImagingPlan, Protocol, Visit
from theratrial.protocol.vocabulary import ANCHORS
from theratrial.schedule.history import History, RecordedVisit, Status
from theratrial.schedule.sessions import (
    days_outside,
    days_window,
    given_sessions,
    last_session,
    sessions_reading,
    trial_time,
    window_status,
)

_LEAVES: Final = frozenset({"withdrawal", "death", "lost_to_follow_up"})
"""Endings after which nobody comes to a visit; the others, withdrawal from treatment among them, end the treatment
only: the visits that watch over what was given stay due."""


@dataclass(frozen=True, slots=True)
class PlannedVisit:
    """A visit with its window.

    `earliest` and `latest` are None where the window cannot be known yet, and `note` says why. `provisional` marks a
    window counted from the planned window of a visit that has not been held. `days_outside` is negative before the
    window, positive after it, None without a date or window.
    """

    visit_id: str
    session: int | None
    earliest: date | None
    latest: date | None
    status: Status
    occurred_on: date | None = None
    days_outside: int | None = None
    provisional: bool = False
    note: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class PlannedImage:
    """An image with its window of instants; `hours_outside` [h] as `PlannedVisit.days_outside`."""

    imaging_id: str
    session: int | None
    earliest_at: datetime | None
    latest_at: datetime | None
    status: Status
    taken_at: datetime | None = None
    hours_outside: float | None = None
    required: bool = True
    note: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class _Span:
    """First and last day of what a window counts from; the same day where it has happened."""

    first: date
    last: date
    happened: bool


def planned_visits(protocol: Protocol, history: History, now: datetime) -> tuple[PlannedVisit, ...]:
    """Every visit of the schedule: once, or once per session given; in the order of the protocol, then by session.

    Parameters
    ----------
    now
        The moment to judge by, aware; days are counted in the protocol's time zone.

    Raises
    ------
    InputError
        Windows count from each other in a circle, or from something that does not exist; or the clause on sessions
        is open.
    """
    visits = {key: clause.reading for key, clause in protocol.schedule.items() if clause.reading is not None}
    refuse_cyclic_anchors(visits)
    now = trial_time(protocol, now)
    never_treated = _never_treated(protocol, history)
    numbers = [one.session for one in given_sessions(protocol, history)]
    planned = []
    for key, visit in visits.items():
        for session in numbers if visit.per_session else [None]:
            span, note = _anchor(visits, visit, session, protocol, history)
            planned.append(_visit(key, visit, session, span, note, history, now, never_treated))
    return tuple(planned)


def visit_window(
    protocol: Protocol, history: History, visit_id: str, session: int | None = None
) -> tuple[date, date] | None:
    """First and last day of a visit's window, None where it cannot be known yet.

    Raises
    ------
    InputError
        There is no such visit, or as for `planned_visits`.
    """
    clause = protocol.schedule.get(visit_id)
    if clause is None or clause.reading is None:
        raise InputError(f"the protocol has no visit {visit_id!r}; its visits: {', '.join(protocol.schedule)}")
    visits = {key: one.reading for key, one in protocol.schedule.items() if one.reading is not None}
    refuse_cyclic_anchors(visits)
    span, _ = _anchor(visits, clause.reading, session, protocol, history)
    return _window(clause.reading, span) if span else None


def refuse_cyclic_anchors(visits: dict[str, Visit]) -> None:
    """Raise InputError where a visit's window counts, by way of others, from itself or from nothing."""
    for start in visits:
        chain = [start]
        while (anchor := visits[chain[-1]].anchor) not in ANCHORS:
            if anchor in chain:
                raise InputError(
                    f"the window of visit {anchor!r} counts from itself: {' <- '.join([*chain, anchor])}; "
                    f"anchor one of them on {', '.join(ANCHORS)}"
                )
            if anchor not in visits:
                raise InputError(
                    f"visit {chain[-1]!r} counts from {anchor!r}, which is no visit of the protocol; "
                    f"known: {', '.join((*ANCHORS, *visits))}"
                )
            chain.append(anchor)


def _anchor(
    visits: dict[str, Visit], visit: Visit, session: int | None, protocol: Protocol, history: History
) -> tuple[_Span | None, str]:
    """What the visit's window counts from, or why that is not known."""
    if visit.anchor == "screening":
        return _Span(history.screened_on, history.screened_on, True), ""
    if visit.anchor == "administration":
        given = history.of_session(sessions_reading(protocol).product, session)
        if given is None:
            return None, "the session has not been given" if session else "the visit belongs to no session"
        return _Span(given.injected_at.date(), given.injected_at.date(), True), ""
    if visit.anchor == "last_administration":
        last = last_session(protocol, history)
        if not last.known:
            return None, f"whether the session was the last is not known: {last.because}"
        given = history.of_session(sessions_reading(protocol).product, last.session)
        if given is None:
            return None, f"no session was given: {last.because}"
        return _Span(given.injected_at.date(), given.injected_at.date(), True), ""
    return _other_visit(visits, visits[visit.anchor], session, protocol, history)


def _other_visit(
    visits: dict[str, Visit], other: Visit, session: int | None, protocol: Protocol, history: History
) -> tuple[_Span | None, str]:
    session = session if other.per_session else None
    recorded = _recorded(history, other.id, session)
    if recorded is not None and recorded.occurred_on is not None:
        return _Span(recorded.occurred_on, recorded.occurred_on, True), ""
    span, note = _anchor(visits, other, session, protocol, history)
    if span is None:
        return None, note
    return _Span(*_window(other, span), False), f"counted from the planned window of {other.id}"


def _window(visit: Visit, span: _Span) -> tuple[date, date]:
    return days_window(span.first, visit.window_days)[0], days_window(span.last, visit.window_days)[1]


def _recorded(history: History, visit_id: str, session: int | None) -> RecordedVisit | None:
    return next((one for one in history.visits if (one.visit_id, one.session) == (visit_id, session)), None)


def _visit(
    key: str,
    visit: Visit,
    session: int | None,
    span: _Span | None,
    note: str,
    history: History,
    now: datetime,
    never_treated: bool,
) -> PlannedVisit:
    earliest, latest = _window(visit, span) if span else (None, None)
    provisional = span is not None and not span.happened
    recorded = _recorded(history, key, session)
    if recorded is not None:
        day = recorded.occurred_on
        outside = days_outside(day, earliest, latest) if day and earliest and latest else None
        status = Status(recorded.status)
        return PlannedVisit(key, session, earliest, latest, status, day, outside, provisional, note, recorded.source)
    status = window_status(earliest, latest, now)
    gone = _left_before(history, latest)
    if gone or (span is None and never_treated):
        status, note = Status.NOT_EXPECTED, gone or note
    return PlannedVisit(key, session, earliest, latest, status, None, None, provisional, note)


def _never_treated(protocol: Protocol, history: History) -> bool:
    """Whether it is certain that no session will ever be given: what counts from one is then not expected."""
    last = last_session(protocol, history)
    return last.known and last.session is None


def _left_before(history: History, latest: date | None) -> str:
    for ending in history.endings:
        if ending.kind not in _LEAVES:
            continue
        if ending.until is not None and (latest is None or latest >= ending.until):
            continue  # She came back before the window closed.
        if latest is None or ending.on <= latest:
            return f"{ending.kind.replace('_', ' ')} on {ending.on.isoformat()}"
    return ""


def planned_images(protocol: Protocol, history: History, now: datetime) -> tuple[PlannedImage, ...]:
    """Every planned image: once, or once per session given, in the order of the protocol, then by session.

    The window of an image after ``administration`` counts from the injection of the imaged product, for the same
    session, or for the image's time point where it is taken once.
    """
    now = trial_time(protocol, now)
    numbers = [one.session for one in given_sessions(protocol, history)]
    planned = []
    for key, clause in protocol.imaging.items():
        if clause.reading is None:
            continue
        for session in numbers if clause.reading.per_session else [None]:
            planned.append(_image(key, clause.reading, session, protocol, history, now))
    return tuple(planned)


def _image(
    key: str, plan: ImagingPlan, session: int | None, protocol: Protocol, history: History, now: datetime
) -> PlannedImage:
    start, note = _image_anchor(plan, session, protocol, history, now)
    earliest = start + timedelta(hours=plan.window_h.minimum) if start else None
    latest = start + timedelta(hours=plan.window_h.maximum) if start else None
    taken = next((one for one in history.images if (one.imaging_id, one.session) == (key, session)), None)
    recorded = _recorded(history, key, session)
    if taken is not None:
        outside = _hours_outside(taken.taken_at, earliest, latest) if earliest and latest else None
        return PlannedImage(
            key, session, earliest, latest, Status.DONE, taken.taken_at, outside, plan.required, note, taken.source
        )
    if recorded is not None:
        status = Status(recorded.status)
        return PlannedImage(key, session, earliest, latest, status, None, None, plan.required, note, recorded.source)
    if earliest is None or latest is None or now < earliest:
        status = Status.NOT_DUE
    else:
        status = Status.DUE if now <= latest else Status.OVERDUE
    gone = _left_before(history, latest.date() if latest else None)
    if gone or (start is None and _never_treated(protocol, history)):
        status, note = Status.NOT_EXPECTED, gone or note
    return PlannedImage(key, session, earliest, latest, status, required=plan.required, note=note)


def _image_anchor(
    plan: ImagingPlan, session: int | None, protocol: Protocol, history: History, now: datetime
) -> tuple[datetime | None, str]:
    if plan.after == "screening":
        day = history.screened_on
        return datetime(day.year, day.month, day.day, tzinfo=now.tzinfo), ""
    if plan.after == "last_administration":
        last = last_session(protocol, history)
        if not last.known:
            return None, f"whether the session was the last is not known: {last.because}"
        given = history.of_session(sessions_reading(protocol).product, last.session)
    elif plan.per_session:
        given = history.of_session(plan.product, session)
    else:
        given = history.of_timepoint(plan.product, plan.timepoint)
    return (given.injected_at, "") if given else (None, f"{plan.product} has not been given for it")


def _hours_outside(taken_at: datetime, earliest: datetime, latest: datetime) -> float:
    if taken_at < earliest:
        return (taken_at - earliest).total_seconds() / 3600.0
    return max((taken_at - latest).total_seconds() / 3600.0, 0.0)
