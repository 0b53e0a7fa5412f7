"""The clock of a report owed within hours of becoming aware: in time, late, owed, overdue, or not known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal

from theratrial.errors import InputError

ClockState = Literal["in_time", "late", "sent", "owed", "overdue", "not_known"]

_HOURS_READ: Final = 72
"""Hours up to which a span is told in hours."""


@dataclass(frozen=True, slots=True)
class ReportClock:
    """When a report is or was due, and how it stands at a moment."""

    due_at: datetime | None
    state: ClockState
    because: str


def report_clock(
    *,
    became_aware_at: datetime | None,
    sent_at: datetime | None,
    now: datetime,
    within_h: float | None,
    not_before: date | None = None,
) -> ReportClock:
    """How a report stands at `now`.

    A contradiction of the record (aware before the event began, sent before aware, sent later than now) never makes a
    report "in time"; a report that was not sent stays owed or overdue by the moment that is written, which then can
    only be too early.

    Parameters
    ----------
    became_aware_at
        The moment the investigator became aware; None: nobody recorded it.
    sent_at
        When the report went; None: it did not, as far as is recorded.
    now
        The moment at which is judged.
    within_h
        Hours from becoming aware [h]; None: the protocol sets no time.
    not_before
        First day of the event, in the time zone of the moments.

    Raises
    ------
    InputError
        If a moment has no time zone, or the hours are not positive.

    Examples
    --------
    >>> from datetime import datetime, UTC
    >>> aware = datetime(2024, 3, 1, 9, tzinfo=UTC)
    >>> report_clock(became_aware_at=aware, sent_at=None, now=datetime(2024, 3, 2, 9, 1, tzinfo=UTC), within_h=24).state
    'overdue'
    """
    for moment in (became_aware_at, sent_at, now):
        if moment is not None and moment.tzinfo is None:
            raise InputError(f"{moment.isoformat()} has no time zone; a clock of hours needs one")
    if within_h is not None and not within_h > 0:
        raise InputError(f"a report is due within {within_h} h; the time must be positive")
    if became_aware_at is None:
        return _unaware(sent_at)
    odd = _contradiction(became_aware_at, sent_at, now, not_before)
    due = None if within_h is None else became_aware_at + timedelta(hours=within_h)
    if sent_at is not None:
        return _sent(became_aware_at, sent_at, due, odd)
    if due is None:
        return ReportClock(None, "owed", "; ".join(("not sent; the protocol sets no time for it", *odd)))
    if now <= due:
        left = _hours(due - now)
        return ReportClock(due, "owed", "; ".join((f"not sent; {left} are left", *odd)))
    return ReportClock(due, "overdue", "; ".join((f"not sent; overdue by {_hours(now - due)}", *odd)))


def _unaware(sent_at: datetime | None) -> ReportClock:
    if sent_at is None:
        return ReportClock(None, "not_known", "no report is recorded, nor when the investigator became aware")
    return ReportClock(None, "not_known", "sent, but when the investigator became aware is not recorded")


def _contradiction(aware: datetime, sent: datetime | None, now: datetime, not_before: date | None) -> tuple[str, ...]:
    found = []
    if not_before is not None and aware.date() < not_before:
        found.append(f"aware on {aware.date().isoformat()}, before the event began on {not_before.isoformat()}")
    if sent is not None and sent < aware:
        found.append("sent before anybody was aware")
    if aware > now:
        found.append("became aware later than now")
    if sent is not None and sent > now:
        found.append("sent later than now")
    return tuple(found)


def _sent(aware: datetime, sent: datetime, due: datetime | None, odd: tuple[str, ...]) -> ReportClock:
    if odd:
        return ReportClock(due, "not_known", "; ".join((*odd, "correct the record")))
    after = f"sent {_hours(sent - aware)} after becoming aware"
    if due is None:
        return ReportClock(None, "sent", f"{after}; the protocol sets no time for it")
    if sent <= due:
        return ReportClock(due, "in_time", after)
    return ReportClock(due, "late", f"{after}, {_hours(sent - due)} late")


def _hours(span: timedelta) -> str:
    """``26 h`` or ``26 h 5 min``, in whole minutes, upwards: a second late is not zero minutes late.

    Days and whole hours beyond 72 h: nobody reads 15251 h.
    """
    minutes = -(-span // timedelta(minutes=1))
    hours, rest = divmod(minutes, 60)
    if hours > _HOURS_READ:
        return f"{hours // 24} days {hours % 24} h"
    return f"{hours} h {rest} min" if rest else f"{hours} h"
