"""Source verification: a cell compared with its source; a later change of the cell makes the verification stale."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from django.db.models import Count, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.trialfolder.tables import table as table_definition
from theratrial.web.capture.locking import unlocked_or_refused
from theratrial.web.capture.models import Query, Record, Verification
from theratrial.web.capture.record_changes import last_changes
from theratrial.web.capture.services import ConflictError
from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import Event
from theratrial.web.ledger.signing import row_id
from theratrial.web.participants.models import Participant
from theratrial.web.people.permissions import may


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell and how its verification stands: verified | stale | unverified."""

    column: str
    text: str
    state: str
    verified_by: str = ""
    verified_at: datetime | None = None
    record_version: int = 0
    queries: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A record with its filled cells."""

    record: Record
    cells: tuple[Cell, ...]
    own: bool
    """Whether its last change is by who looks: she cannot verify it."""

    @property
    def done(self) -> bool:
        """Whether every cell is verified as it is now."""
        return all(cell.state == "verified" for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of a participant's data is verified."""

    cells: int
    verified: int
    stale: int

    @property
    def percent(self) -> int:
        """Whole per cent, rounded down: 100 only where everything is verified."""
        return 100 * self.verified // self.cells if self.cells else 0


def verifiable_columns(record: Record) -> list[str]:
    """Filled cells but the pseudonym, in the order of the table; empty ones have no source to compare with."""
    return [name for name in columns_with_source(record.table) if record.cells.get(name, "")]


def cells_verified(actor: Any, record: Record, columns: Iterable[str], *, seen_version: int) -> int:
    """Note that the cells agree with their source as they are at `seen_version`; how many are newly verified.

    Raises
    ------
    InputError
        A cell is empty or unknown, or its last change is by the verifier herself.
    ConflictError
        The record has another version by now.
    LockedError
        The data are locked.
    PermissionError
        The person may not verify at that site.
    """
    if not may(actor, "source.verify", site=record.site):
        raise PermissionError("source.verify")
    with act(actor, "source.verify"):
        current = Record.objects.select_for_update(of=("self",)).select_related("participant").get(pk=record.pk)
        unlocked_or_refused(current.participant, current)
        if current.version != seen_version:
            raise ConflictError(current)
        wanted = list(dict.fromkeys(columns))
        if unknown := [name for name in wanted if name not in verifiable_columns(current)]:
            raise InputError(_("there is nothing to verify in %(columns)s") % {"columns": ", ".join(unknown)})
        if last_changed_by([current]).get(current.pk) == actor.get_username():
            raise InputError(_("you made the last change of this record yourself; another person has to verify it"))
        held = set(_current(current).values_list("column", flat=True))
        new = [name for name in wanted if name not in held]
        now = timezone.now()
        for name in new:
            Verification.objects.create(
                record=current,
                column=name,
                record_version=current.version,
                verified_by=actor.get_username(),
                verified_at=now,
            )
    return len(new)


def last_changed_by(records: Sequence[Record]) -> dict[uuid.UUID, str]:
    """Who made the last change of each record, from the ledger."""
    keys = {row_id(one): one.pk for one in records}
    events = Event.objects.filter(entity=Record._meta.db_table, entity_id__in=list(keys), op__in=("insert", "update"))
    found: dict[uuid.UUID, str] = {}
    for key, actor in events.order_by("seq").values_list("entity_id", "actor"):
        found[keys[key]] = actor
    return found


def rows_to_verify(participant: Participant, user: Any) -> list[Row]:
    """Her records with every filled cell, in the order of the exported tables; a handful of queries."""
    from theratrial.web.results.blinding import hidden_records

    hidden = hidden_records(user, participant).records
    wanted = Record.objects.filter(participant=participant, entered_in_error=False).exclude(pk__in=hidden)
    records = list(wanted.order_by("table", "sequence", "id"))
    latest = _latest(Verification.objects.filter(record__participant=participant))
    changed, asked = _changed(records, latest), _pending_queries(participant)
    own = _own(records, user)
    return [
        Row(
            record,
            tuple(_cell(record, name, latest, changed, asked) for name in verifiable_columns(record)),
            record.pk in own,
        )
        for record in records
    ]


def progress(rows: Sequence[Row]) -> Progress:
    """Progress over rows."""
    return _progress([cell.state for row in rows for cell in row.cells])


def progress_by_participant(participants: Sequence[Participant]) -> dict[int, Progress]:
    """Progress of several participants; six queries.

    A cell of a record that was never changed stands as it was verified, so those are counted; only the verified cells
    of changed records are held against what changed.
    """
    wanted = Record.objects.filter(participant__in=[one.pk for one in participants], entered_in_error=False).order_by()
    cells, verified, stale = _cells_of(wanted), _verified_unchanged(wanted), Counter[int]()
    done = Verification.objects.filter(record__in=wanted.filter(version__gt=1))
    changed_ones = list(wanted.filter(version__gt=1, pk__in=done.values("record")))
    latest = _latest(done) if changed_ones else {}
    changed = _changed(changed_ones, latest)
    for record in changed_ones:
        states = [_state(record, name, latest, changed) for name in verifiable_columns(record)]
        verified[record.participant_id or 0] += states.count("verified")
        stale[record.participant_id or 0] += states.count("stale")
    return {one.pk: Progress(cells[one.pk], verified[one.pk], stale[one.pk]) for one in participants}


def _cells_of(records: QuerySet[Record]) -> Counter[int]:
    """Participant -> cells that can be verified."""
    found: Counter[int] = Counter()
    for participant, table, cells in records.values_list("participant", "table", "cells"):
        known = columns_with_source(table)
        found[participant or 0] += sum(1 for name, text in cells.items() if text and name in known)
    return found


def _verified_unchanged(records: QuerySet[Record]) -> Counter[int]:
    """Participant -> verified cells of records in their first version."""
    done = Verification.objects.filter(record__in=records.filter(version=1)).order_by()
    return Counter(dict(done.values_list("record__participant").annotate(n=Count("pk"))))


@cache
def columns_with_source(table: str) -> dict[str, None]:
    """Columns that have a source to compare with, in the order of the table."""
    return {column.name: None for column in table_definition(table).columns if column.name != "participant_id"}


def _latest(verifications: QuerySet[Verification]) -> dict[tuple[uuid.UUID, str], Verification]:
    return {(one.record_id, one.column): one for one in verifications.order_by("record_version")}


def _changed(
    records: Sequence[Record], latest: dict[tuple[uuid.UUID, str], Verification]
) -> dict[uuid.UUID, dict[str, int]]:
    """Last changes of records that have a verification of an earlier version; the others need none."""
    earlier = {one.record_id: one.record_version for one in latest.values()}
    return last_changes([one for one in records if one.version > 1 and one.pk in earlier])


def _state(
    record: Record,
    name: str,
    latest: dict[tuple[uuid.UUID, str], Verification],
    changed: dict[uuid.UUID, dict[str, int]],
) -> str:
    found = latest.get((record.pk, name))
    if found is None:
        return "unverified"
    return "verified" if found.record_version >= changed.get(record.pk, {}).get(name, 1) else "stale"


def _progress(states: Sequence[str]) -> Progress:
    return Progress(len(states), states.count("verified"), states.count("stale"))


def _current(record: Record) -> QuerySet[Verification]:
    return Verification.objects.filter(record=record, record_version=record.version)


def _own(records: Sequence[Record], user: Any) -> set[uuid.UUID]:
    mine = user.get_username()
    return {pk for pk, actor in last_changed_by(records).items() if actor == mine}


def _pending_queries(participant: Participant) -> dict[tuple[uuid.UUID, str], int]:
    pending = Query.objects.filter(participant=participant, record__isnull=False, state__in=("open", "answered"))
    rows = pending.values_list("record", "column").annotate(n=Count("pk"))
    return {(record, column): n for record, column, n in rows.order_by()}


def _cell(
    record: Record,
    name: str,
    latest: dict[tuple[uuid.UUID, str], Verification],
    changed: dict[uuid.UUID, dict[str, int]],
    asked: dict[tuple[uuid.UUID, str], int],
) -> Cell:
    found = latest.get((record.pk, name))
    text, queries = record.cells[name], asked.get((record.pk, name), 0)
    if found is None:
        return Cell(name, text, "unverified", queries=queries)
    state = _state(record, name, latest, changed)
    return Cell(name, text, state, found.verified_by, found.verified_at, found.record_version, queries)
