"""The exports for daily use: the trial folder, listings, the ledger."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from theratrial.errors import InputError
from theratrial.trialfolder.tables import TABLES
from theratrial.web.capture.models import Record
from theratrial.web.exports.folder import ORIGINS_FILE, folder_written
from theratrial.web.exports.scope import Scope, data_use_withdrawn, json_bytes, provenance
from theratrial.web.ledger.chain import HALF_SALT, REDACTED, half_digest
from theratrial.web.ledger.models import Event, Payload
from theratrial.web.people.permissions import may

FOLDER: Final = "trial/"
PROVENANCE_FILE: Final = "export.json"
LEFT_OUT: Final = "left out of this export: the use of the data was withdrawn"
_BATCH: Final = 2000


def folder_files(records: Iterable[Record], *, contacts: bool = False) -> dict[str, bytes]:
    """The trial folder without images, name -> content: depends on the records, protocol and registration alone."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "trial"
        folder_written(root, records, (), contacts=contacts)
        return {
            file.relative_to(root).as_posix(): file.read_bytes() for file in sorted(root.rglob("*")) if file.is_file()
        }


def folder_package(user: Any, scope: Scope, now: datetime) -> dict[str, bytes]:
    """The trial folder, which record stands in which line, and where it all comes from."""
    files = folder_files(scope.records(), contacts=may(user, "registration.edit"))
    origins = files.pop(ORIGINS_FILE)
    about = provenance(user, scope, now) | {
        "images": "not in this file; they are stored in the site folder under their hashes"
    }
    return {
        **{FOLDER + name: content for name, content in files.items()},
        ORIGINS_FILE: origins,
        PROVENANCE_FILE: json_bytes(about),
    }


def listing_package(user: Any, scope: Scope, tables: list[str], now: datetime) -> dict[str, bytes]:
    """Some record tables as CSV.

    Raises
    ------
    InputError
        There is no such table, or none was named.
    """
    known = [table.name for table in TABLES]
    if not tables or (unknown := [name for name in tables if name not in known]):
        got = ", ".join(unknown) if tables else "none"
        raise InputError(f"choose tables to list; got {got}; there are {', '.join(known)}")
    files = folder_files(scope.records().filter(table__in=tables))
    about = provenance(user, scope, now) | {"tables": tables}
    return {f"{name}.csv": files[f"records/{name}.csv"] for name in tables} | {PROVENANCE_FILE: json_bytes(about)}


def ledger_events(events: Any, without: frozenset[str] = frozenset()) -> Iterator[dict[str, Any]]:
    """Events with their payloads, in order; of participants in `without` digests only, which the chain needs."""
    last = 0
    while batch := list(events.filter(seq__gt=last).order_by("seq").values()[:_BATCH]):
        numbers = [event["seq"] for event in batch]
        payloads = {row.seq: row for row in Payload.objects.filter(seq__in=numbers)}
        for event in batch:
            yield {**event, "payload": _payload(payloads.get(event["seq"]), event["participant"] in without)}
        last = numbers[-1]


def ledger_lines(*, inspection: bool = False) -> Iterator[str]:
    """The whole ledger as JSON lines, the head last, as ``theratrial ledger verify`` reads them."""
    without = frozenset() if inspection else data_use_withdrawn()
    last = None
    for last in ledger_events(Event.objects.all(), without):
        yield event_line(last)
    if last is not None:
        yield json.dumps({"head": {"seq": last["seq"], "hash": last["hash"]}}, separators=(",", ":"))


def event_line(event: dict[str, Any]) -> str:
    """One event as a line."""
    return json.dumps(event, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _payload(payload: Payload | None, left_out: bool) -> dict[str, Any] | None:
    if payload is None:
        return None
    old, new, by = payload.old, payload.new, payload.redacted_by_id
    if left_out:
        salts = (payload.salt[:HALF_SALT], payload.salt[HALF_SALT:])
        old, new = (REDACTED + half_digest(salt, text) for salt, text in zip(salts, (old, new), strict=True))
        return {"salt": "", "old": old, "new": new, "redacted_by": by or LEFT_OUT}
    return {"salt": payload.salt, "old": old, "new": new, "redacted_by": by}
