"""How a value of each kind of column stands in a backup, in SQLite and in PostgreSQL."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.db import models

from theratrial.errors import InputError
from theratrial.web.ledger.chain import json_digest

KINDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("AutoField", "BigAutoField", "SmallAutoField"), "integer"),
    **dict.fromkeys(("IntegerField", "BigIntegerField", "SmallIntegerField"), "integer"),
    **dict.fromkeys(("PositiveIntegerField", "PositiveBigIntegerField", "PositiveSmallIntegerField"), "integer"),
    **dict.fromkeys(("CharField", "TextField", "SlugField", "EmailField", "URLField"), "text"),
    **dict.fromkeys(("GenericIPAddressField", "IPAddressField"), "address"),
    "BooleanField": "boolean",
    "DateTimeField": "instant",
    "DateField": "day",
    "UUIDField": "uuid",
    "JSONField": "json",
    "FloatField": "real",
}
POSTGRESQL: Final[Mapping[str, str]] = {
    "integer": "bigint",
    "text": "text",
    "address": "inet",
    "boolean": "boolean",
    "instant": "timestamptz",
    "day": "date",
    "uuid": "uuid",
    "json": "jsonb",
    "real": "double precision",
}
"""Kind -> what PostgreSQL is told a value is."""


@dataclass(frozen=True, slots=True)
class TableColumns:
    """A table as a backup holds it: its columns with their kinds, and by which it is ordered."""

    name: str
    columns: tuple[tuple[str, str], ...]
    key: str

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(kind for _name, kind in self.columns)


def kind_of(field: Any) -> str:
    """The kind of a column.

    Raises
    ------
    InputError
        No backup knows it yet.
    """
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    name = field.get_internal_type()
    if name not in KINDS:
        raise InputError(f"a backup knows no column of kind {name} ({field}); add it to theratrial.web.backup.kinds")
    return KINDS[name]


def portable(kind: str, value: Any) -> Any:
    """A value as it stands in a backup, from what either database gives.

    >>> portable("instant", "2026-11-23 08:00:00"), portable("boolean", 1)
    ('2026-11-23T08:00:00.000000Z', True)
    """
    if value is None or kind in ("integer", "text", "real", "json", "address"):
        return value
    if kind == "boolean":
        return bool(value)
    if kind == "uuid":
        return str(value if isinstance(value, UUID) else UUID(value))
    if kind == "day":
        return value if isinstance(value, str) else value.isoformat()
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def for_sqlite(kind: str, value: Any) -> Any:
    """A value of a backup as Django keeps it in SQLite."""
    if value is None:
        return None
    if kind == "uuid":
        return UUID(value).hex
    if kind == "instant":
        return str(datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ"))
    return int(value) if kind == "boolean" else value


_TYPES: Final[Mapping[str, tuple[type, ...]]] = {"integer": (int,), "boolean": (bool,), "real": (float, int)}


def checked(table: TableColumns, row: Any) -> Sequence[Any]:
    """A row of a backup, refused where it is none of this table.

    Raises
    ------
    InputError
        It has other columns, or values of another type.
    """
    if isinstance(row, list) and len(row) == len(table.columns):
        cells = zip(table.kinds, row, strict=True)
        if all(value is None or isinstance(value, _TYPES.get(kind, (str,))) for kind, value in cells):
            return row
    raise InputError(f"{table.name}: a row of the backup does not have the columns of this table")


class ContentDigest:
    """One digest over the rows of a table, the same whatever database they come from."""

    def __init__(self, kinds: Sequence[str]) -> None:
        self._kinds, self._digest, self.rows = tuple(kinds), hashlib.sha256(), 0

    def take(self, row: Iterable[Any]) -> None:
        cells = [
            json_digest(json.loads(value)) if kind == "json" and value is not None else value
            for kind, value in zip(self._kinds, row, strict=True)
        ]
        line = json.dumps(cells, ensure_ascii=False, separators=(",", ":"))
        self._digest.update(f"{len(line)}:{line}\n".encode())
        self.rows += 1

    @property
    def hexadecimal(self) -> str:
        return self._digest.hexdigest()
