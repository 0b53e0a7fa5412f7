"""What the protocol expects of a participant by now against what is recorded: complete, late, incomplete, missing.

A page over many participants does not match all their records anew: each process remembers what it found
(`ParticipantMemory`), never older than the ledger, and not beyond the next opening or closing of a window.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from django.conf import settings

from theratrial.protocol.schema import Form, Protocol
from theratrial.schedule.history import History, Status, TakenImage
from theratrial.schedule.sessions import given_sessions, trial_time
from theratrial.schedule.visits import PlannedImage, PlannedVisit, planned_images, planned_visits
from theratrial.trialfolder.histories import participant_history
from theratrial.web.capture.completeness_rows import EntryDays, entry_days, images_of, lines_of
from theratrial.web.capture.form_matching import FormState, Line, at_visit, filled
from theratrial.web.capture.selectors import rows_of
from theratrial.web.ledger.memory import ParticipantMemory
from theratrial.web.ledger.models import Head
from theratrial.web.participants.models import Participant
from theratrial.web.trials.selectors import protocol_in_force, trial_zone

HISTORY_TABLES: Final = ("participants", "consents", "withdrawals", "visits", "administrations", "dispositions")
EVENT_DRIVEN: Final = (
    *("adverse_events", "dispositions", "serious_reports", "pregnancies", "household", "later_therapy"),
)
"""Tables that rightly stay empty where nothing happened, or where nobody else lives."""
STATES: Final = ("missing", "incomplete", "late", "due", "complete", "missed", "not_due", "not_expected")
"""From the worst on."""
_EVER: Final = datetime(1, 1, 2, tzinfo=UTC)
_NEVER: Final = datetime(9999, 12, 30, tzinfo=UTC)
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


@dataclass(frozen=True, slots=True)
class _Remembered:
    """What is expected of a participant, and between which instants no window opens or closes."""

    expected: tuple[Expected, ...]
    images: tuple[TakenImage, ...]
    late_after_days: int
    since: datetime
    until: datetime

    def holds(self, now: datetime, images: tuple[TakenImage, ...]) -> bool:
        """Whether it says the same now, of these images: moving an image away is an event of whom it moves to."""
        return self.since <= now < self.until and images == self.images and late_entry_days() == self.late_after_days


_MEMORY: Final = ParticipantMemory[_Remembered]()


def standings(participants: Sequence[Participant], now: datetime) -> list[Standing]:
    """How complete the records of some participants are; the number of queries does not depend on how many."""
    protocol, zone = protocol_in_force(), trial_zone()
    head = Head.objects.first()
    known, images = _MEMORY.at(head, protocol), images_of(participants, zone)
    unknown = [
        one for one in participants if one.code not in known or not known[one.code].holds(now, images.get(one.pk, ()))
    ]
    if unknown:
        made = _computed(unknown, protocol, zone, images, now)
        _MEMORY.keep(head, made)
        known |= made
    return [Standing(one.code, one.site.code, one.data_state, known[one.code].expected) for one in participants]


def forget() -> None:
    """Empty the memory of this process; for tests and measurements."""
    _MEMORY.forget()


def _computed(
    participants: Sequence[Participant],
    protocol: Protocol,
    zone: ZoneInfo,
    images: Mapping[int, tuple[TakenImage, ...]],
    now: datetime,
) -> dict[str, _Remembered]:
    lines, entered = lines_of(participants), entry_days(participants, zone)
    # Her batches are not asked: what is expected follows from when something was given, not from what.
    folder = rows_of([one for mine in lines.values() for one in mine if one.table in HISTORY_TABLES]).folder
    found = {}
    for one in participants:
        expected: tuple[Expected, ...] = (Expected("form", "screening", None, "screening", "missing"),)
        since, until, taken = _EVER, _NEVER, images.get(one.pk, ())
        if folder.rows("participants", participant_id=one.code):
            history = participant_history(folder, one.code, images=taken)
            expected = tuple(_expected(protocol, history, lines.get(one.pk, []), entered, now))
            since, until = _unchanged(protocol, history, now)
        found[one.code] = _Remembered(expected, taken, late_entry_days(), since, until)
    return found


def _unchanged(protocol: Protocol, history: History, now: datetime) -> tuple[datetime, datetime]:
    """The last instant up to `now`, and the next after it, at which a window opens or closes."""
    here, edges = trial_time(protocol, now), [_EVER, _NEVER]
    for visit in planned_visits(protocol, history, now):
        for day in (visit.earliest, visit.latest + timedelta(days=1) if visit.latest else None):
            if day is not None:
                edges.append(datetime.combine(day, time.min, here.tzinfo))
    for image in planned_images(protocol, history, now):
        edges += [image.earliest_at] if image.earliest_at else []
        edges += [image.latest_at + timedelta(microseconds=1)] if image.latest_at else []
    return max(one for one in edges if one <= here), min(one for one in edges if one > here)


def _expected(
    protocol: Protocol, history: History, records: list[Line], entered: EntryDays, now: datetime
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


def _form(form: Form, planned: PlannedVisit, found: FormState, entered: EntryDays, failed: bool) -> Expected:
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


def _read(protocol: Protocol, image: PlannedImage, reads: list[Line], entered: EntryDays) -> Iterator[Expected]:
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


def _administrations(protocol: Protocol, records: list[Line], entered: EntryDays) -> Iterator[Expected]:
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


def _lateness(records: Iterable[Line], entered: EntryDays, visit_day: date | None) -> tuple[bool, date | None]:
    """Whether any was entered too long after it happened, and when the last was entered."""
    late, last = False, None
    for record in records:
        day = entered.of(record.pk) if record.source.startswith(("form", "import:")) else None
        if day is None:
            continue
        last = max(last, day) if last else day
        happened = record.day or visit_day
        late = late or (happened is not None and (day - happened).days > late_entry_days())
    return late, last
