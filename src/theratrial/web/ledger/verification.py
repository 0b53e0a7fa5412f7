"""Verification of the ledger in the database: its chain, its anchors, and the tables against its last images."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from theratrial.web.ledger import triggers_postgresql, triggers_sqlite
from theratrial.web.ledger.chain import Anchor, ChainCheck, columns_that_differ, json_digest, verify_chain
from theratrial.web.ledger.models import Event, Head, Payload, Redaction, Signature
from theratrial.web.ledger.startup import anchors_of
from theratrial.web.ledger.tables import DIGESTED, AuditedTable, audited_tables
from theratrial.web.ledger.triggers import installed_triggers_differ

BATCH = 2000
LARGE_BATCH = 20
"""Rows fetched at once where one may hold a megabyte."""


@dataclass(frozen=True, slots=True)
class RowFault:
    """A row that is not as the ledger knows it: somebody edited the table past the triggers."""

    table: str
    entity_id: str
    message: str


@dataclass(frozen=True, slots=True)
class Verification:
    """Everything that was found; the ledger is whole when there are no faults."""

    events: int
    hash: str
    chain: ChainCheck
    rows: tuple[RowFault, ...]
    triggers: tuple[str, ...]

    @property
    def whole(self) -> bool:
        return not (self.chain.faults or self.rows or self.triggers)

    def sentences(self) -> list[str]:
        """What is wrong, the first altered event first."""
        return [
            *(f"event {fault.seq}: {fault.message}" for fault in self.chain.faults),
            *(f"table {fault.table}, row {fault.entity_id}: {fault.message}" for fault in self.rows),
            *(f"trigger {fault}" for fault in self.triggers),
        ]


def stored_events(advance: Callable[[int], None] = lambda _count: None) -> Iterator[dict[str, Any]]:
    """Every event with its payload, in order, a batch at a time."""
    last: int | None = None
    while True:
        wanted = Event.objects.order_by("seq") if last is None else Event.objects.order_by("seq").filter(seq__gt=last)
        batch = list(wanted.values()[:BATCH])
        if not batch:
            return
        payloads = {
            row["seq"]: {
                "salt": row["salt"],
                "old": row["old"],
                "new": row["new"],
                "redacted_by": row["redacted_by_id"],
            }
            for row in Payload.objects.filter(seq__gte=batch[0]["seq"], seq__lte=batch[-1]["seq"]).values()
        }
        for event in batch:
            yield {**event, "payload": payloads.get(event["seq"])}
        advance(len(batch))
        last = batch[-1]["seq"]


def ledger_verified(folder: Path, advance: Callable[[int], None] = lambda _count: None) -> Verification:
    """Verify everything against everything, in one look at the database."""
    with transaction.atomic():
        if connection.vendor == "postgresql" and not connection.savepoint_ids:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return _verified(folder, advance)


def _verified(folder: Path, advance: Callable[[int], None]) -> Verification:
    head = Head.objects.first()
    signatures = [
        Anchor(seq, value, f"signature {pk}")
        for pk, seq, value in Signature.objects.filter(ledger_seq__gt=0).values_list("pk", "ledger_seq", "ledger_hash")
    ]
    check = verify_chain(
        stored_events(advance),
        head=Anchor(head.seq, head.hash, "the ledger's head") if head else None,
        anchors=[*anchors_of(folder), *signatures],
    )
    rows = tuple(_state_faults(check.images)) + tuple(_redaction_faults())
    differ = installed_triggers_differ()
    if head is None:
        differ.append("the ledger has no head")
    return Verification(check.seq, check.hash, check, rows, tuple(differ))


def _redaction_faults() -> Iterator[RowFault]:
    done = {r.pk: r for r in Redaction.objects.all()}
    for seq, by in Payload.objects.exclude(redacted_by=None).values_list("seq", "redacted_by_id"):
        redaction = done.get(by)
        if redaction is None or redaction.approved_by in ("", redaction.requested_by) or seq not in redaction.seqs:
            yield RowFault("ledger_payload", str(seq), "it was redacted without two people's agreement")


def _state_faults(images: Mapping[tuple[str, str], str | None]) -> Iterator[RowFault]:
    made = set(connection.introspection.table_names())
    for table in audited_tables():
        if table.name not in made:
            continue
        seen: set[str] = set()
        for entity_id, image in _current_rows(table):
            seen.add(entity_id)
            if (known := images.get((table.name, entity_id))) is None:
                yield RowFault(table.name, entity_id, "it is not in the ledger: it was put in past it")
            elif columns := columns_that_differ(known, image):
                yield RowFault(table.name, entity_id, f"changed past the ledger: {_shown(columns, known, image)}")
        for name, entity_id in images:
            if name == table.name and entity_id not in seen and images[name, entity_id] is not None:
                yield RowFault(table.name, entity_id, "the ledger knows it, but it is gone")
        yield from _digest_faults(table)


def _digest_faults(table: AuditedTable) -> Iterator[RowFault]:
    """Large columns that the ledger holds only by the row's digest: whether they still give it."""
    names = DIGESTED.get(table.name, ())
    if not names:
        return
    postgresql = connection.vendor == "postgresql"
    key = (triggers_postgresql if postgresql else triggers_sqlite).key(table, "t")
    columns = ", ".join(f'(t."{name}")::text' if postgresql else f't."{name}"' for name in names)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {key}, t.digest, {columns} FROM {table.name} t")
        while rows := cursor.fetchmany(LARGE_BATCH):
            for entity_id, digest, *texts in rows:
                if _digest(names, texts) != digest:
                    what = " or ".join(names)
                    yield RowFault(table.name, entity_id, f"changed past the ledger: {what} does not give its digest")


def _digest(names: tuple[str, ...], texts: list[str]) -> str | None:
    try:
        return json_digest({name: json.loads(text) for name, text in zip(names, texts, strict=True)})
    except (ValueError, TypeError):
        return None


def _shown(columns: list[str], known: str, image: str) -> str:
    old, new = json.loads(known), json.loads(image)
    return "; ".join(
        f"{name} {json.dumps(one, ensure_ascii=False)[:60]} -> {json.dumps(other, ensure_ascii=False)[:60]}"
        for column in columns
        for name, one, other in _differing(column, old[column], new[column])
    )


def _differing(name: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """The values that differ: of a column of named values those alone, as ``cells.value``."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        yield name, old, new
        return
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            yield f"{name}.{key}", old.get(key), new.get(key)


def _current_rows(table: AuditedTable) -> Iterator[tuple[str, str]]:
    module = triggers_postgresql if connection.vendor == "postgresql" else triggers_sqlite
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # As the triggers write instants, whatever the session's zone.
            cursor.execute("SET LOCAL timezone TO 'UTC'")
        cast = "::text" if connection.vendor == "postgresql" else ""
        cursor.execute(f"SELECT {module.key(table, 't')}, ({module.image(table, 't')}){cast} FROM {table.name} t")
        while rows := cursor.fetchmany(BATCH):
            yield from rows


def exported_lines() -> Iterator[str]:
    """The ledger as JSON lines: one event each with its payload, the head last."""
    last = None
    for event in stored_events():
        last = event
        yield json.dumps(event, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    if last is not None:
        yield json.dumps({"head": {"seq": last["seq"], "hash": last["hash"]}}, separators=(",", ":"))
