"""Where each participant stands: milestones and planned windows, kept in memory and provably fresh.

A page over a thousand participants cannot judge all their records by the core. Each process therefore keeps one
`Standing` per participant, computed by the core from the few tables that the schedule depends on. It is never older
than the ledger: the memory remembers the last event it has seen (number and hash), and whoever has an event after
that is computed anew before anything is answered. Events are written by the database itself, so no write escapes.
Another protocol in force, or a ledger that does not hold the remembered event (restored, or a test's), empties it.
Whether something is due or overdue depends on the day and is judged at reading (`Planned.status`), not kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from threading import Lock
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db.models import Q

from theratrial.errors import InputError
from theratrial.protocol.schema import Protocol
from theratrial.schedule.history import History, Status, TakenImage
from theratrial.schedule.sessions import PlannedSession, given_sessions, planned_sessions
from theratrial.schedule.visits import planned_images, planned_visits
from theratrial.trialfolder.histories import participant_history
from theratrial.trialfolder.reader import rows_of_cells
from theratrial.trialfolder.records import TrialFolder
from theratrial.trialfolder.tables import FOLDER_SCHEMA_VERSION
from theratrial.trialfolder.withdrawals import WithdrawalLine, withdrawals
from theratrial.web.capture.models import Record
from theratrial.web.ledger.memory import without_changed
from theratrial.web.ledger.models import Event, Head
from theratrial.web.participants.models import Participant
from theratrial.web.studies.models import Series
from theratrial.web.trials.selectors import protocol_of, the_trial

TABLES: Final = (
    *("participants", "consents", "withdrawals", "administrations", "visits", "dispositions", "selection_reads"),
)
_BEFORE_ALL: Final = datetime(1900, 1, 1, tzinfo=ZoneInfo("UTC"))


@dataclass(frozen=True, slots=True)
class Consent:
    """A line of the consents table."""

    record_id: str
    form_version: str
    signed_at: datetime
    withdrawn_at: datetime | None
    kind: str


@dataclass(frozen=True, slots=True)
class Planned:
    """A visit or an image of the schedule; `first` and `last` are None while its window is not known."""

    kind: str  # visit | image | session
    id: str
    session: int | None
    first: date | datetime | None
    last: date | datetime | None
    fixed: str
    """``done``, ``missed`` or ``not_expected``; empty while nothing is recorded."""
    on: date | datetime | None = None
    outside: float | None = None
    """Days of a visit, hours of an image; negative before the window."""
    required: bool = True
    provisional: bool = False
    note: str = ""

    def status(self, now: datetime) -> str:
        """How it stands at the instant `now`, in the trial's zone."""
        if self.fixed:
            return self.fixed
        if self.first is None or self.last is None:
            return Status.NOT_DUE.value
        here: date | datetime = now if isinstance(self.first, datetime) else now.date()
        if here < self.first:
            return Status.NOT_DUE.value
        return (Status.DUE if here <= self.last else Status.OVERDUE).value

    @property
    def last_day(self) -> date | None:
        """Last day of the window."""
        return self.last.date() if isinstance(self.last, datetime) else self.last

    @property
    def first_day(self) -> date | None:
        """First day of the window."""
        return self.first.date() if isinstance(self.first, datetime) else self.first

    @property
    def on_day(self) -> date | None:
        """The day it was done."""
        return self.on.date() if isinstance(self.on, datetime) else self.on


@dataclass(frozen=True, slots=True)
class Standing:
    """The milestones of one participant."""

    code: str
    pk: int
    screened_on: date
    consents: tuple[Consent, ...] = ()
    sessions: tuple[tuple[int, datetime], ...] = ()
    pets: tuple[tuple[str, datetime], ...] = ()
    planned: tuple[Planned, ...] = ()
    ends: tuple[tuple[str, date, str], ...] = ()
    """(event, day, reason) of the dispositions."""
    withdrawn: tuple[WithdrawalLine, ...] = ()
    """Every withdrawal of consent in the order of time, those that a later consent took back too."""
    selection: str = ""
    """Result of the latest selection read."""
    unreadable: str = ""
    """Why nothing could be judged; a person must correct the record named."""

    @property
    def withdrawals(self) -> dict[str, datetime]:
        """Kind -> when it was withdrawn first, of what stands: no later consent took it back."""
        found: dict[str, datetime] = {}
        for one in self.withdrawn:
            if one.taken_back_at is None:
                found.setdefault(one.kind, one.withdrawn_at)
        return found

    def withdrawn_at(self, at: datetime) -> frozenset[str]:
        """Kinds that stood withdrawn at an instant."""
        return frozenset(one.kind for one in self.withdrawn if one.stands(at))

    @property
    def consent(self) -> Consent | None:
        """The consent signed last."""
        return max(self.consents, key=lambda one: one.signed_at, default=None)

    @property
    def ended(self) -> tuple[str, date, str] | None:
        """The first ending recorded."""
        return min(self.ends, key=lambda one: one[1], default=None)

    def of(self, status: str, now: datetime) -> list[Planned]:
        """Visits and images with that status at `now`."""
        return [one for one in self.planned if one.required and one.status(now) == status]


@dataclass
class _Memory:
    lock: Lock = field(default_factory=Lock)
    protocol: str = ""
    seq: int = 0
    hash: str = ""
    known: dict[str, Standing] = field(default_factory=dict)


_MEMORY: Final = _Memory()


def standings(participants: Iterable[Participant]) -> dict[str, Standing]:
    """Code -> standing of these participants, fresh. A bounded number of queries."""
    wanted = {one.code: one for one in participants}
    trial = the_trial()
    version = trial.in_force
    assert version is not None, "a trial has a protocol from its set-up on"
    head = Head.objects.first()
    with _MEMORY.lock:
        known = _still_true(head, f"{version.number}:{version.sha256}")
    missing = [one for code, one in wanted.items() if code not in known]
    made = _computed(missing, protocol_of(version)) if missing else {}
    if made and head is not None and head.seq:
        with _MEMORY.lock:
            if (_MEMORY.seq, _MEMORY.hash) == (head.seq, head.hash):
                _MEMORY.known.update(made)
    return {code: made.get(code) or known[code] for code in wanted}


def standing(participant: Participant) -> Standing:
    """One participant's standing."""
    return standings([participant])[participant.code]


def _still_true(head: Head | None, protocol: str) -> dict[str, Standing]:
    """What is remembered and holds at `head`; moves the memory there."""
    if head is None or not head.seq:
        _MEMORY.known, _MEMORY.seq, _MEMORY.hash = {}, 0, ""
        return {}
    same_chain = (
        _MEMORY.protocol == protocol
        and _MEMORY.seq <= head.seq
        and (
            (_MEMORY.seq, _MEMORY.hash) == (head.seq, head.hash)
            or Event.objects.filter(seq=_MEMORY.seq, hash=_MEMORY.hash).exists()
        )
    )
    if not same_chain:
        _MEMORY.known = {}
    elif _MEMORY.seq < head.seq:
        _MEMORY.known = without_changed(_MEMORY.known, _MEMORY.seq, head.seq)
    _MEMORY.protocol, _MEMORY.seq, _MEMORY.hash = protocol, head.seq, head.hash
    return dict(_MEMORY.known)


def _computed(participants: list[Participant], protocol: Protocol) -> dict[str, Standing]:
    by_pk = {one.pk: one for one in participants}
    lines: dict[int, dict[str, list[tuple[str, dict[str, str]]]]] = {pk: {} for pk in by_pk}
    chosen = Q(participant_id__in=by_pk) if len(by_pk) <= 500 else Q(participant__isnull=False)
    rows = (
        Record.objects.filter(chosen, table__in=TABLES, entered_in_error=False)
        .order_by("table", "sequence", "id")
        .values_list("participant_id", "table", "pk", "version", "cells")
    )
    for pk, table, record_id, version, cells in rows.iterator(chunk_size=2000):
        if pk in lines:
            lines[pk].setdefault(table, []).append((f"record:{table}/{record_id}@{version}", cells))
    images = _images(chosen)
    reading = protocol.identity.reading
    zone = ZoneInfo(reading.timezone if reading else "UTC")
    return {one.code: _judged(one, lines[pk], images.get(pk, ()), protocol, zone) for pk, one in by_pk.items()}


def _images(chosen: Q) -> dict[int, list[TakenImage]]:
    found: dict[int, list[TakenImage]] = {}
    rows = Series.objects.filter(chosen, state="matched", acquired_at__isnull=False).exclude(imaging="")
    for pk, imaging, session, at, key in rows.values_list("participant_id", "imaging", "session", "acquired_at", "pk"):
        assert at is not None, "asked for above"
        found.setdefault(pk, []).append(TakenImage(imaging, at, session, f"series:{key}"))
    return found


def _judged(
    participant: Participant,
    lines: Mapping[str, list[tuple[str, dict[str, str]]]],
    images: Iterable[TakenImage],
    protocol: Protocol,
    zone: ZoneInfo,
) -> Standing:
    empty = Standing(participant.code, participant.pk, participant.screened_on)
    tables, problems = rows_of_cells(lines, protocol, zone)
    folder = TrialFolder(Path("."), protocol, None, tables, (), {}, zone, FOLDER_SCHEMA_VERSION, ())
    try:
        past = history_of(folder, participant.code, images)
        # Statuses that do not depend on the day are those of a moment before every window.
        planned = planned_things(protocol, past, _BEFORE_ALL)
    except (InputError, TypeError, AttributeError) as error:
        told = "; ".join(f"{one.place}: {one.message}" for one in problems[:3]) or str(error)
        return replace(empty, unreadable=told)
    return replace(_told(empty, folder, past, planned, protocol), unreadable=_unread(lines, folder))


def _unread(lines: Mapping[str, list[tuple[str, dict[str, str]]]], folder: TrialFolder) -> str:
    """Cells that hold something that cannot be read: what is judged without them may be wrong."""
    read = {row.source: row for rows in folder.tables.values() for row in rows}
    found = [
        f"{table}.{column}: {text!r}"
        for table, entries in lines.items()
        for origin, cells in entries
        for column, text in cells.items()
        if text and (origin not in read or read[origin].values.get(column) is None)
    ]
    return "; ".join(found[:3])


def _told(
    empty: Standing, folder: TrialFolder, past: History, planned: tuple[Planned, ...], protocol: Protocol
) -> Standing:
    code = empty.code
    reads = sorted(folder.rows("selection_reads", participant_id=code), key=lambda row: row["read_at"] or _BEFORE_ALL)
    consents = tuple(
        Consent(
            _record_id(row.source),
            row["form_version"],
            row["signed_at"],
            row["withdrawn_at"],
            row["withdrawal_kind"] or "",
        )
        for row in folder.rows("consents", participant_id=code)
        if row["signed_at"] is not None
    )
    return replace(
        empty,
        screened_on=past.screened_on,
        consents=consents,
        withdrawn=withdrawals(folder, code),
        sessions=tuple(
            (one.session or 0, one.injected_at) for one in given_sessions(protocol, past) if one.injected_at
        ),
        pets=tuple(
            (one.timepoint, one.injected_at) for one in past.administrations if one.timepoint and one.injected_at
        ),
        planned=planned,
        ends=tuple(
            (row["event"], row["occurred_on"], row["reason"] or "")
            for row in folder.rows("dispositions", participant_id=code)
            if row["occurred_on"] is not None
        ),
        selection=reads[-1]["result"] or "" if reads else "",
    )


def _record_id(source: str) -> str:
    """``record:consents/<id>@2`` -> the id."""
    return source.partition("/")[2].partition("@")[0]


def history_of(folder: TrialFolder, code: str, images: Iterable[TakenImage]) -> History:
    """What the schedule needs of a participant: the core's rule, as `theratrial run` applies it."""
    return participant_history(folder, code, images=images)


def planned_things(protocol: Protocol, past: History, now: datetime) -> tuple[Planned, ...]:
    """Sessions, visits and images as one list, judged by the core at `now`."""
    open_ = (Status.DUE, Status.NOT_DUE, Status.OVERDUE)
    found = [_session(one) for one in planned_sessions(protocol, past, now)]
    for visit in planned_visits(protocol, past, now):
        fixed = "" if visit.status in open_ else visit.status.value
        found.append(
            Planned(
                "visit", visit.visit_id, visit.session, visit.earliest, visit.latest, fixed, visit.occurred_on,
                visit.days_outside, True, visit.provisional, visit.note,
            )
        )  # fmt: skip
    # An image that is recorded and not here yet has a day only, no instant.
    recorded = {(one.visit_id, one.session): one.occurred_on for one in past.visits}
    for image in planned_images(protocol, past, now):
        fixed = "" if image.status in open_ else image.status.value
        found.append(
            Planned(
                "image", image.imaging_id, image.session, image.earliest_at, image.latest_at, fixed,
                image.taken_at or recorded.get((image.imaging_id, image.session)),
                image.hours_outside, image.required, False, image.note,
            )
        )  # fmt: skip
    return tuple(found)


def _session(one: PlannedSession) -> Planned:
    fixed = one.status.value if one.status in (Status.DONE, Status.NOT_EXPECTED) else ""
    # That a session may follow does not make it owed: the gate decides, so it is never overdue by itself.
    return Planned(
        "session", "session", one.session, one.earliest, one.latest, fixed, one.given_on, one.days_outside, False
    )


def forget() -> None:
    """Empty the memory of this process; for tests and after a restore."""
    with _MEMORY.lock:
        _MEMORY.known, _MEMORY.seq, _MEMORY.hash = {}, 0, ""


__all__: list[Any] = [
    "Consent",
    "Planned",
    "Standing",
    "forget",
    "history_of",
    "planned_things",
    "standing",
    "standings",
]
