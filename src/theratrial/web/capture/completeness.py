"""What the protocol expects of a participant by now against what is recorded: complete, late, incomplete, missing."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.conf import settings

from theratrial.protocol.schema import Form, Protocol
from theratrial.schedule.history import History, Status, TakenImage
from theratrial.schedule.sessions import given_sessions
from theratrial.schedule.visits import PlannedImage, PlannedVisit, planned_images, planned_visits
from theratrial.trialfolder.histories import participant_history
from theratrial.web.capture.form_matching import FormState, at_visit, filled
from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import records_about, rows_of
from theratrial.web.ledger.models import Event
from theratrial.web.participants.models import Participant
from theratrial.web.studies.models import Series
from theratrial.web.trials.selectors import protocol_in_force, trial_zone

HISTORY_TABLES: Final = ("participants", "consents", "visits", "administrations", "dispositions")
EVENT_DRIVEN: Final = ("adverse_events", "dispositions")
"""Tables that rightly stay empty where nothing happened."""
STATES: Final = ("missing", "incomplete", "late", "due", "complete", "missed", "not_due", "not_expected")
"""From the worst on."""
_OF_STATUS: Final = {
    Status.DONE: "complete",
    Status.MISSED: "missed",
    Status.OVERDUE: "missing",
    Status.DUE: "due",
    Status.NOT_DUE: "not_due",
    Status.NOT_EXPECTED: "not_expected",
}


@dataclass(frozen=True, slots=True)
class Expected:
    """One visit, image or form that the protocol expects, and how it stands."""

    kind: str
    """visit | image | form"""
    identifier: str
    session: int | None
    visit: str
    """Visit it belongs to; empty for images between visits."""
    state: str
    earliest: date | None = None
    latest: date | None = None
    occurred_on: date | None = None
    entered_on: date | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """All that is expected of one participant."""

    code: str
    site: str
    data_state: str
    expected: tuple[Expected, ...]

    def count(self, state: str) -> int:
        """How many stand so."""
        return sum(one.state == state for one in self.expected)


def late_entry_days() -> int:
    """Days after which an entry counts as late; setting ``LATE_ENTRY_DAYS``, else 5."""
    return int(getattr(settings, "LATE_ENTRY_DAYS", 5))


def standings(participants: Sequence[Participant], now: datetime) -> list[Standing]:
    """How complete the records of some participants are; the number of queries does not depend on how many."""
    protocol = protocol_in_force()
    records = _records_by_participant(participants)
    shared = [record for record in records.pop(None, []) if record.table == "batches"]
    mine = [record for found in records.values() for record in found if record.table in HISTORY_TABLES]
    folder = rows_of([*shared, *mine]).folder
    images, entered = _images(participants), _entry_days(participants)
    found = []
    for participant in participants:
        own = records.get(participant.pk, [])
        if not folder.rows("participants", participant_id=participant.code):
            missing = Expected("form", "screening", None, "screening", "missing")
            found.append(Standing(participant.code, participant.site.code, participant.data_state, (missing,)))
            continue
        history = participant_history(folder, participant.code, images=images.get(participant.pk, ()))
        expected = tuple(_expected(protocol, history, own, entered, now))
        found.append(Standing(participant.code, participant.site.code, participant.data_state, expected))
    return found


def _expected(
    protocol: Protocol, history: History, records: list[Record], entered: Mapping[uuid.UUID, date], now: datetime
) -> Iterator[Expected]:
    tables = defaultdict(list)
    for record in records:
        tables[record.table].append(record)
    given = given_sessions(protocol, history)
    treated_on = given[0].injected_at.date() if given else None
    failed = any(one.kind == "screen_failure" for one in history.endings)
    images = planned_images(protocol, history, now)
    for planned in planned_visits(protocol, history, now):
        visit = protocol.schedule[planned.visit_id].reading
        assert visit is not None, "a planned visit has a reading"
        yield _visit(planned)
        for form_id in visit.procedures:
            clause = protocol.forms.get(form_id)
            if clause is None or clause.reading is None or clause.reading.table in EVENT_DRIVEN:
                continue
            form = clause.reading
            matching = at_visit(form, visit, planned, tables[form.table], protocol, treated_on=treated_on)
            yield _form(form, planned, filled(form, matching), entered, failed)
        yield from (_image(one, planned.visit_id) for one in images if one.imaging_id in visit.procedures)
    at_visits = {name for clause in protocol.schedule.values() if clause.reading for name in clause.reading.procedures}
    for one in images:
        if one.imaging_id not in at_visits:
            yield _image(one, "")
            yield from _read(protocol, one, tables["biodistribution_reads"], entered)
    yield from _administrations(protocol, tables["administrations"], entered)


def _visit(planned: PlannedVisit) -> Expected:
    return Expected(
        "visit",
        planned.visit_id,
        planned.session,
        planned.visit_id,
        _OF_STATUS[planned.status],
        planned.earliest,
        planned.latest,
        planned.occurred_on,
        note=planned.note,
    )


def _image(planned: PlannedImage, visit: str) -> Expected:
    state = _OF_STATUS[planned.status]
    return Expected(
        "image",
        planned.imaging_id,
        planned.session,
        visit,
        "not_expected" if state == "missing" and not planned.required else state,
        planned.earliest_at.date() if planned.earliest_at else None,
        planned.latest_at.date() if planned.latest_at else None,
        planned.taken_at.date() if planned.taken_at else None,
        note=planned.note,
    )


def _form(
    form: Form, planned: PlannedVisit, found: FormState, entered: Mapping[uuid.UUID, date], failed: bool
) -> Expected:
    state = _OF_STATUS[planned.status]
    if found.records:
        state = "complete" if found.complete else "incomplete"
    elif state in ("complete", "missing"):
        # Who failed the screening was rightly not examined further.
        state = "not_expected" if failed and form.table not in ("participants", "consents") else "missing"
    elif state == "missed":
        state = "not_expected"
    late, day = _lateness(found.records, entered, planned.occurred_on)
    return Expected(
        "form",
        form.id,
        planned.session,
        planned.visit_id,
        "late" if late and state == "complete" else state,
        planned.earliest,
        planned.latest,
        planned.occurred_on,
        day,
        ", ".join(found.missing),
    )


def _read(
    protocol: Protocol, image: PlannedImage, reads: list[Record], entered: Mapping[uuid.UUID, date]
) -> Iterator[Expected]:
    plan = protocol.biodistribution_read.reading if protocol.biodistribution_read else None
    form = next(
        (c.reading for c in protocol.forms.values() if c.reading and c.reading.table == "biodistribution_reads"), None
    )
    if plan is None or form is None or image.imaging_id not in plan.imaging or image.status is not Status.DONE:
        return
    wanted = (image.imaging_id, str(image.session or ""))
    found = filled(
        form, [one for one in reads if (one.cells.get("imaging_id"), one.cells.get("session", "")) == wanted]
    )
    state = "missing" if not found.records else "complete" if found.complete else "incomplete"
    late, day = _lateness(found.records, entered, image.taken_at.date() if image.taken_at else None)
    state = "late" if late and state == "complete" else state
    yield Expected("form", form.id, image.session, "", state, entered_on=day, note=", ".join(found.missing))


def _administrations(
    protocol: Protocol, records: list[Record], entered: Mapping[uuid.UUID, date]
) -> Iterator[Expected]:
    form = next(
        (c.reading for c in protocol.forms.values() if c.reading and c.reading.table == "administrations"), None
    )
    for record in records:
        if form is None or not record.cells.get("session", "").isdigit():
            continue
        found = filled(form, [record])
        late, day = _lateness([record], entered, None)
        state = "incomplete" if not found.complete else "late" if late else "complete"
        session = int(record.cells["session"])
        yield Expected("form", form.id, session, "", state, entered_on=day, note=", ".join(found.missing))


def _lateness(
    records: Iterable[Record], entered: Mapping[uuid.UUID, date], visit_day: date | None
) -> tuple[bool, date | None]:
    """Whether any was entered too long after it happened, and when the last was entered."""
    late, last = False, None
    for record in records:
        day = entered.get(record.pk)
        if day is None or not record.source.startswith(("form", "import:")):
            continue
        last = max(last, day) if last else day
        happened = _moment(record) or visit_day
        late = late or (happened is not None and (day - happened).days > late_entry_days())
    return late, last


def _moment(record: Record) -> date | None:
    from theratrial.trialfolder.tables import table

    for name in table(record.table).moment:
        try:
            return date.fromisoformat(record.cells.get(name, "")[:10])
        except ValueError:
            continue
    return None


def _records_by_participant(participants: Sequence[Participant]) -> dict[int | None, list[Record]]:
    found: dict[int | None, list[Record]] = defaultdict(list)
    fields = (
        "id",
        "table",
        "participant_id",
        "session",
        "visit",
        "cells",
        "version",
        "incomplete",
        "source",
        "sequence",
    )
    for record in records_about(participants).only(*fields):
        found[record.participant_id].append(record)
    return found


def _images(participants: Sequence[Participant]) -> dict[int, list[TakenImage]]:
    found: dict[int, list[TakenImage]] = defaultdict(list)
    matched = Series.objects.filter(participant__in=[one.pk for one in participants], state="matched").exclude(
        imaging=""
    )
    rows = matched.values_list("participant_id", "imaging", "session", "acquired_at").order_by("acquired_at")
    zone = trial_zone()
    for participant, imaging, session, acquired_at in rows:
        if acquired_at is not None:
            found[participant].append(TakenImage(imaging, acquired_at.astimezone(zone), session))
    return found


def _entry_days(participants: Sequence[Participant]) -> dict[uuid.UUID, date]:
    """When each record was first entered, from the ledger."""
    codes = [one.code for one in participants]
    events = Event.objects.filter(participant__in=codes, entity=Record._meta.db_table, op="insert")
    zone = trial_zone()
    return {
        uuid.UUID(pk): datetime.fromisoformat(at.replace("Z", "+00:00")).astimezone(zone).date()
        for pk, at in events.values_list("entity_id", "at")
    }
