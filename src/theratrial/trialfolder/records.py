"""The values a trial folder is read into: typed lines that know where they stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from theratrial.protocol.schema import Protocol
from theratrial.registry.history import History
from theratrial.registry.record import RegistrationRecord
from theratrial.trialfolder.tables import ColumnType
from theratrial.trialfolder.tables import table as table_definition

Value = str | float | int | bool | date | datetime | None
"""A cell. ``datetime`` is always aware, with a fixed offset, so that differences are true durations. None: empty."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a record table.

    ``row["participant_id"]`` is the typed value of a column; a column the table does not have is a KeyError.

    Parameters
    ----------
    table
        Name of the table.
    line
        Line of the file at which it starts, the header being line 1.
    values
        Column -> value, None where the cell is empty. Laboratory values and their limits are in the core unit that
        ``unit`` names; eligibility values have the type and unit of the protocol's variable.
    original
        The cells as they were written, of every column whose value was converted.
    origin
        Where the line is kept if not in a file: ``record:consents/<id>@2`` of a site. Empty: in the file.
    unreadable
        Column -> why its cell, which is not empty, cannot be read, and what to do; its value is None. A folder that
        was read has none: it is refused. Records of a site may: who judges by them must not take them for missing.
    """

    table: str
    line: int
    values: Mapping[str, Value]
    original: Mapping[str, str] = field(default_factory=dict)
    origin: str = ""
    unreadable: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))
        object.__setattr__(self, "original", MappingProxyType(dict(self.original)))
        object.__setattr__(self, "unreadable", MappingProxyType(dict(self.unreadable)))

    def __getitem__(self, column: str) -> Any:
        return self.values[column]

    def __reduce__(self) -> tuple[Any, ...]:
        values, original, unreadable = dict(self.values), dict(self.original), dict(self.unreadable)
        return (Row, (self.table, self.line, values, original, self.origin, unreadable))

    @property
    def moment(self) -> date | datetime | None:
        """When the line became true (sample taken, form signed ...), None where no date is filled."""
        for column in table_definition(self.table).moment:
            value = self.values[column]
            if isinstance(value, date):
                return value
        return None

    @property
    def moment_columns(self) -> tuple[str, ...]:
        """Columns of which the first filled one is the moment."""
        return table_definition(self.table).moment

    def column_type(self, column: str) -> ColumnType:
        """Type of a column, as the table defines it."""
        return table_definition(self.table).column(column).type

    @property
    def file(self) -> str:
        """The file, relative to the folder: ``records/consents.csv``."""
        return f"records/{self.table}.csv"

    @property
    def source(self) -> str:
        """The line as the input of a trace: ``record:records/consents.csv#12``, or its `origin`."""
        return self.origin or f"record:{self.file}#{self.line}"


@dataclass(frozen=True, slots=True)
class TrialFolder:
    """A trial folder, read and found sound.

    Parameters
    ----------
    registration
        The registration record, None where the folder has none.
    tables
        Every table of `TABLES`, absent ones empty; lines in the order of the file.
    image_files
        Files below ``images/``, sorted by path, nothing of them read.
    manifest
        File, relative to the folder -> ``sha256:<hex>``, of every file read.
    notes
        What a person should know though nothing is wrong.
    simulated
        Whether ``folder.yaml`` says that the participants are virtual.
    locked
        Whether ``folder.yaml`` says that the data were locked when it was written; a folder that says nothing is not.
    """

    path: Path
    protocol: Protocol
    registration: RegistrationRecord | None
    tables: Mapping[str, tuple[Row, ...]]
    image_files: tuple[Path, ...]
    manifest: Mapping[str, str]
    zone: ZoneInfo
    schema_version: str
    notes: tuple[str, ...] = ()
    simulated: bool = False
    registration_history: History | None = None
    """Versions of the registration record, where the folder has files of them; the newest is `registration`."""
    locked: bool = False
    _of_participant: dict[str, dict[object, tuple[Row, ...]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Table -> participant -> her lines, made when first asked for: walks over a cohort ask for each in turn."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "tables", MappingProxyType(dict(self.tables)))
        object.__setattr__(self, "manifest", MappingProxyType(dict(self.manifest)))

    def __reduce__(self) -> tuple[Any, ...]:
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.init}
        values.update(tables=dict(self.tables), manifest=dict(self.manifest))
        return (TrialFolder, tuple(values.values()))

    def rows(self, table: str, **where: Value) -> tuple[Row, ...]:
        """Lines of a table whose columns have these values, in the order of the file.

        Raises
        ------
        KeyError
            There is no such table or column: a misspelt name must not look like an empty answer.
        """
        definition = table_definition(table)
        for column in where:
            definition.column(column)
        rows = self.tables[table]
        if "participant_id" in where:
            rows = self._lines_of(table, where["participant_id"])
        return tuple(row for row in rows if all(row[column] == value for column, value in where.items()))

    def _lines_of(self, table: str, participant_id: object) -> tuple[Row, ...]:
        if table not in self._of_participant:
            found: dict[object, list[Row]] = {}
            for row in self.tables[table]:
                found.setdefault(row["participant_id"], []).append(row)
            self._of_participant[table] = {key: tuple(lines) for key, lines in found.items()}
        return self._of_participant[table].get(participant_id, ())

    @property
    def participant_ids(self) -> tuple[str, ...]:
        """Everybody screened, in the order of ``participants.csv``."""
        return tuple(row["participant_id"] for row in self.tables["participants"])
