"""What an event of the ledger changed in a record, cell by cell."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from theratrial.web.capture.models import Record
from theratrial.web.ledger.chain import REDACTED
from theratrial.web.ledger.models import Event, Payload
from theratrial.web.ledger.signing import row_id

BESIDE_CELLS: Final = ("incomplete", "entered_in_error", "data_state", "visit", "session", "entered_late", "source")

Change = tuple[str, str | None, str | None]
"""Column, old, new; None where there was or is no value."""


def ledger_row(text: str | None) -> dict[str, Any]:
    """A row as the ledger keeps it; of a redacted one nothing."""
    if text is None or text.startswith(REDACTED):
        return {}
    found = json.loads(text)
    return found if isinstance(found, dict) else {}


def changes_between(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Changes of cells, and of what stands beside them once the record exists."""
    before, after = _cells(old), _cells(new)
    found: list[Change] = [
        (name, before.get(name), after.get(name))
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]
    for name in BESIDE_CELLS if old else ():
        first, second = _text(old.get(name)), _text(new.get(name))
        if first != second:
            found.append((name, first, second))
    return found


def last_changes(records: Sequence[Record]) -> dict[uuid.UUID, dict[str, int]]:
    """Record -> column -> version of its last change. Where a payload was redacted, every cell counts as changed."""
    keys = {row_id(one): one for one in records}
    events = Event.objects.filter(entity=Record._meta.db_table, entity_id__in=list(keys), op="update")
    numbers = dict(events.order_by("seq").values_list("seq", "entity_id"))
    found: dict[uuid.UUID, dict[str, int]] = {one.pk: {} for one in records}
    for payload in Payload.objects.filter(seq__in=list(numbers)).order_by("seq"):
        record = keys[numbers[payload.seq]]
        old, new = ledger_row(payload.old), ledger_row(payload.new)
        if not old or not new:
            found[record.pk].update(dict.fromkeys(record.cells, record.version))
            continue
        found[record.pk].update(_versions(changes_between(old, new), int(new.get("version", record.version))))
    return found


def _versions(changes: Iterable[Change], version: int) -> dict[str, int]:
    return {column: version for column, _old, _new in changes}


def _cells(row: Mapping[str, Any]) -> dict[str, str]:
    cells = row.get("cells") or {}
    return dict(json.loads(cells) if isinstance(cells, str) else cells)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)
