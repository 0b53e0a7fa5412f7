"""Values to record tables, so that reading them again gives the same values."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from theratrial.errors import InputError
from theratrial.trialfolder.cells import read_cell
from theratrial.trialfolder.moments import CellProblem
from theratrial.trialfolder.records import Row, Value
from theratrial.trialfolder.tables import Column, Table

_UTC = ZoneInfo("UTC")


def write_table(path: Path, table: Table, rows: Iterable[Row | Mapping[str, Value]]) -> None:
    """Write a record table, whole or not at all: UTF-8, commas, LF, ISO dates, empty cells for None.

    Parameters
    ----------
    rows
        Lines in the order in which they are to stand. A column that a mapping lacks is empty. Of a `Row`, values that
        reading converted are written as they stood in its file.

    Raises
    ------
    InputError
        A value would not be read back as it is: a text with spaces at its ends, an instant without offset, ...
    """
    content = table_bytes(table, rows)
    partial = path.with_name(f".{path.name}.part")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def table_bytes(table: Table, rows: Iterable[Row | Mapping[str, Value]]) -> bytes:
    """The content `write_table` writes."""
    names = [column.name for column in table.columns]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for number, row in enumerate(rows, start=1):
        values = row.values if isinstance(row, Row) else row
        original = row.original if isinstance(row, Row) else {}
        for name in values:
            if name not in names:
                raise InputError(f"{table.name} has no column {name!r}; its columns: {', '.join(names)}")
        cells = []
        for column in table.columns:
            try:
                cells.append(original.get(column.name) or _cell(values.get(column.name), column))
            except CellProblem as problem:
                raise InputError(f"{table.name} row {number}, column {column.name}: {problem}") from None
        writer.writerow(cells)
    return text.getvalue().encode("utf-8")


def table_cells(table: Table, rows: Iterable[Row | Mapping[str, Value]]) -> list[dict[str, str]]:
    """The cells `write_table` writes, column -> text, without the empty ones."""
    lines = csv.DictReader(io.StringIO(table_bytes(table, rows).decode("utf-8")))
    return [{name: text for name, text in line.items() if text} for line in lines]


def _cell(value: Value, column: Column) -> str:
    text = cell_text(value)
    # Reading back is the rule that decides what may be written: nobody can then write what nobody can read.
    if read_cell(text, column, _UTC) != value:
        raise CellProblem(f"{value!r} is not of type {column.type}, or would be read back as another value")
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise CellProblem(f"{value!r} cannot be written in UTF-8") from None
    return text


def cell_text(value: Value) -> str:
    """A value as a cell: empty for None, yes or no, ISO 8601."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else repr(value)
        case datetime():
            offset = value.utcoffset()
            if offset is None:
                raise CellProblem(f"{value.isoformat()} has no offset")
            # ISO 8601 has no seconds in an offset; the zones of a hundred years ago do.
            return (value if offset.total_seconds() % 60 == 0 else value.astimezone(UTC)).isoformat()
        case date():
            return value.isoformat()
        case _:
            return str(value)
