"""Records, images and days of entry of several participants, a query each, as light as completeness needs them."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from theratrial.schedule.history import TakenImage
from theratrial.web.capture.form_matching import LINE_FIELDS, Line, day_of
from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import live_records
from theratrial.web.ledger.models import Event
from theratrial.web.participants.models import Participant
from theratrial.web.studies.models import Series


def lines_of(participants: Sequence[Participant]) -> dict[int, list[Line]]:
    """Her records that count, in the order of the exported files."""
    found: dict[int, list[Line]] = defaultdict(list)
    records = live_records().filter(participant__in=[one.pk for one in participants])
    for row in records.values_list(*LINE_FIELDS):
        line = Line._make((*row, day_of(row[1], row[5])))
        found[line.participant_id or 0].append(line)
    return found


def images_of(participants: Sequence[Participant], zone: ZoneInfo) -> dict[int, tuple[TakenImage, ...]]:
    found: dict[int, list[TakenImage]] = defaultdict(list)
    matched = Series.objects.filter(participant__in=[one.pk for one in participants], state="matched").exclude(
        imaging=""
    )
    rows = matched.values_list("participant_id", "imaging", "session", "acquired_at").order_by("acquired_at")
    for participant, imaging, session, acquired_at in rows:
        if acquired_at is not None:
            found[participant].append(TakenImage(imaging, acquired_at.astimezone(zone), session))
    return {pk: tuple(taken) for pk, taken in found.items()}


class EntryDays:
    """When each record was first entered, from the ledger; an instant becomes a day only where it is asked for."""

    __slots__ = ("_days", "_instants", "_zone")

    def __init__(self, instants: Mapping[str, str], zone: ZoneInfo) -> None:
        self._instants, self._zone = instants, zone
        self._days: dict[str, date] = {}

    def of(self, pk: uuid.UUID) -> date | None:
        """The day in the trial's zone; None for who was never entered."""
        at = self._instants.get(str(pk))
        if at is None:
            return None
        # A cohort is imported within minutes: the same minute is the same day.
        minute = at[:16]
        found = self._days.get(minute)
        if found is None:
            local = datetime.fromisoformat(at.replace("Z", "+00:00")).astimezone(self._zone)
            found = self._days[minute] = local.date()
        return found


def entry_days(participants: Sequence[Participant], zone: ZoneInfo) -> EntryDays:
    codes = [one.code for one in participants]
    # Not entity=...: SQLite would then walk through the events of everybody's records instead of those of these people.
    inserted = Event.objects.filter(entity__startswith=Record._meta.db_table, op="insert").order_by()
    events = inserted.filter(participant__in=codes)
    return EntryDays(dict(events.values_list("entity_id", "at")), zone)
