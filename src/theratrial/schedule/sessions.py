"""Treatment sessions: when the next one may be, and whether there will be one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from theratrial.errors import InputError
from theratrial.protocol.clauses import Window
from theratrial.protocol.schema import Protocol, Sessions
from theratrial.schedule.history import Administration, EndingKind, History, Status


@dataclass(frozen=True, slots=True)
class LastSession:
    """Which session was the last.

    Parameters
    ----------
    known
        Whether no further session can follow.
    session
        The last session given so far, None before the first. Final only where `known`.
    reason
        What made it the last; empty while it is not known.
    because
        The same in words.
    source
        The line it rests on.
    """

    known: bool
    session: int | None
    reason: EndingKind | Literal["maximum_reached", ""]
    because: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class PlannedSession:
    """A treatment session, given or to come.

    `earliest` and `latest` are None for the first session, which follows eligibility, and where the session before has
    not been given. `days_outside` counts from the window: negative before it, positive after it, None without a date.
    """

    session: int
    earliest: date | None
    latest: date | None
    status: Status
    given_on: date | None
    days_outside: int | None
    source: str = ""


def sessions_reading(protocol: Protocol) -> Sessions:
    """The clause on sessions.

    Raises
    ------
    InputError
        Nobody has decided on it.
    """
    if protocol.sessions.reading is None:
        raise InputError("the protocol's clause sessions is open: decide on activity, number and interval of sessions")
    return protocol.sessions.reading


def given_sessions(protocol: Protocol, history: History) -> tuple[Administration, ...]:
    """Administrations of the therapy product, by session."""
    product = sessions_reading(protocol).product
    given = (one for one in history.administrations if one.product_id == product and one.session is not None)
    return tuple(sorted(given, key=lambda one: one.session or 0))


def last_session(protocol: Protocol, history: History) -> LastSession:
    """Which session was the last, or that it is not known yet.

    What counts is listed in the protocol (``sessions.ends_when``). An ending on a day before a later administration
    was overruled by it and does not count. Who failed the screening, has completed the
    trial or is lost gets no session either.

    Examples
    --------
    >>> from theratrial.protocol.reader import shipped_protocol
    >>> answer = last_session(shipped_protocol("IRCT20210612051548N3"), History("P-001", date(2022, 2, 1)))
    >>> answer.known, answer.because
    (False, 'no session has been given')
    """
    sessions = sessions_reading(protocol)
    given = given_sessions(protocol, history)
    latest = given[-1] if given else None
    number = latest.session if latest else None
    counting = {*sessions.ends_when, "screen_failure", "completed", "lost_to_follow_up", "treatment_withdrawal"}
    endings = [
        ending
        for ending in sorted(history.endings, key=lambda ending: ending.on)
        if ending.kind in counting
        and ending.until is None
        and (latest is None or ending.on >= latest.injected_at.date())
    ]
    # The maximum is reached with the injection itself, before anything that ends participation later.
    if number is not None and number >= sessions.maximum_sessions and "maximum_reached" in sessions.ends_when:
        because = f"session {number} is the last of {sessions.maximum_sessions}"
        return LastSession(True, number, "maximum_reached", because, latest.source if latest else "")
    if endings:
        first = endings[0]
        because = f"{first.kind.replace('_', ' ')} on {first.on.isoformat()}"
        return LastSession(True, number, first.kind, because, first.source)
    if latest is None:
        return LastSession(False, None, "", "no session has been given")
    because = f"session {number} of at most {sessions.maximum_sessions} was given on {latest.injected_at.date()}"
    return LastSession(False, number, "", because, latest.source)


def days_window(anchor: date, window: Window) -> tuple[date, date]:
    """First and last whole day of a window of days after `anchor`."""
    return anchor + timedelta(days=math.ceil(window.minimum)), anchor + timedelta(days=math.floor(window.maximum))


def days_outside(day: date, earliest: date, latest: date) -> int:
    """0 inside the window, negative before it, positive after it."""
    if day < earliest:
        return (day - earliest).days
    return max((day - latest).days, 0)


def planned_sessions(protocol: Protocol, history: History, now: datetime) -> tuple[PlannedSession, ...]:
    """Every session up to the protocol's maximum, given or to come; whether a gate allows it is not judged here.

    Raises
    ------
    InputError
        The protocol's clause on sessions is open.
    """
    sessions, now = sessions_reading(protocol), trial_time(protocol, now)
    last = last_session(protocol, history)
    given = {one.session: one for one in given_sessions(protocol, history)}
    planned = []
    for number in range(1, max([sessions.maximum_sessions, *(key for key in given if key)]) + 1):
        this, before = given.get(number), given.get(number - 1)
        earliest, latest = days_window(before.injected_at.date(), sessions.interval_days) if before else (None, None)
        if this is not None:
            day = this.injected_at.date()
            outside = days_outside(day, earliest, latest) if earliest and latest else None
            planned.append(PlannedSession(number, earliest, latest, Status.DONE, day, outside, this.source))
            continue
        status = window_status(earliest, latest, now)
        if last.known or (last.session is not None and number < last.session):
            status = Status.NOT_EXPECTED
        planned.append(PlannedSession(number, earliest, latest, status, None, None))
    return tuple(planned)


def trial_time(protocol: Protocol, now: datetime) -> datetime:
    """`now` in the time zone in which the trial counts its days.

    Raises
    ------
    InputError
        `now` has no offset, or the protocol's identity, which names the zone, is open.
    """
    if now.utcoffset() is None:
        raise InputError(f"the moment {now.isoformat()} has no offset; give it one")
    if protocol.identity.reading is None:
        raise InputError("the protocol's clause identity is open, so its days have no time zone; fill it in")
    return now.astimezone(ZoneInfo(protocol.identity.reading.timezone))


def window_status(earliest: date | None, latest: date | None, now: datetime) -> Status:
    """Status of something of which nothing is recorded."""
    if earliest is None or latest is None or now.date() < earliest:
        return Status.NOT_DUE
    return Status.DUE if now.date() <= latest else Status.OVERDUE
