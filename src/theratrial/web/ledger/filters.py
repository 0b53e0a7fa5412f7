"""What the ledger's list is narrowed by, from a query string."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from theratrial.errors import InputError
from theratrial.forms.moments import CellProblem, typed_date
from theratrial.web.ledger.act import utc_text
from theratrial.web.ledger.models import Event


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filters as typed; empty ones narrow nothing."""

    participant: str = ""
    actor: str = ""
    action: str = ""
    entity: str = ""
    since: str = ""
    until: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Wanted:
        """From a query string; a NUL, which no stored text holds, is left out."""
        names = ("participant", "actor", "action", "entity", "since", "until")
        return cls(*(query.get(name, "").replace("\x00", "").strip() for name in names))

    def narrowed(self, events: QuerySet[Event], zone: ZoneInfo) -> QuerySet[Event]:
        """The events that are wanted.

        Raises
        ------
        InputError
            A day is none.
        """
        for name in ("participant", "actor", "entity"):
            if value := getattr(self, name):
                events = events.filter(**{name: value})
        if self.action:
            events = events.filter(action__startswith=self.action)
        if self.since:
            events = events.filter(effective_at__gte=utc_text(day_start(self.since, zone)))
        if self.until:
            events = events.filter(effective_at__lt=utc_text(day_start(self.until, zone) + timedelta(days=1)))
        return events


def day_start(text: str, zone: ZoneInfo) -> datetime:
    """The first moment of a day typed in either calendar.

    Raises
    ------
    InputError
        It is no day.
    """
    try:
        return datetime.combine(typed_date(text).value, time.min, zone).astimezone(UTC)
    except CellProblem as error:
        raise InputError(error.said) from error


def moment(text: str, zone: ZoneInfo) -> datetime:
    """``2022-03-05 14:30`` or ``1400/12/14 14:30`` in the trial's zone; a day alone means its end.

    Raises
    ------
    InputError
        It is no moment.
    """
    day, _space, clock = text.strip().replace("T", " ").partition(" ")
    start = day_start(day, zone).astimezone(zone)
    if not clock.strip():
        return (start + timedelta(days=1)).astimezone(UTC) - timedelta(microseconds=1)
    try:
        at = time.fromisoformat(clock.strip())
    except ValueError as error:
        raise InputError(f"{clock!r} is no time of day; write it as 14:30") from error
    return datetime.combine(start.date(), at.replace(tzinfo=None), zone).astimezone(UTC)
