"""Rows of a record table out of the answers of a form, and what the trial folder's rules say of them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final
from zoneinfo import ZoneInfo

from theratrial.forms.answers import ReadAnswer
from theratrial.forms.definition import FormDefinition
from theratrial.trace import bytes_hash
from theratrial.trialfolder import checks
from theratrial.trialfolder.cells import read_cell
from theratrial.trialfolder.moments import CellProblem
from theratrial.trialfolder.records import Row, Value
from theratrial.trialfolder.tables import Reference, Table
from theratrial.trialfolder.writer import cell_text

_UNIT: Final = "unit"


@dataclass(frozen=True, slots=True)
class Entered:
    """What was typed for a cell: kept beside it, because the cell is normalised."""

    item: str
    text: str
    unit: str = ""
    calendar: str = ""


@dataclass(frozen=True, slots=True)
class FormRow:
    """A row of a record table.

    Parameters
    ----------
    table
        Name of the table.
    group
        Key of the row among those of the form (``test=platelets``), empty where the form keeps one.
    cells
        Column -> text, exactly as the table's CSV has it; empty cells are left out.
    entered
        Column -> what was typed.
    """

    table: str
    group: str
    cells: Mapping[str, str]
    entered: Mapping[str, Entered]


@dataclass(frozen=True, slots=True)
class RowIssue:
    """What is wrong with a row, at the item that fills the column."""

    item: str
    code: str
    message: str
    remedy: str = ""
    key: tuple[tuple[str, str], ...] = ()
    """Column and text of the key that is there already."""


_NOUNS: Final[Mapping[str, str]] = {
    "participants": "a participant who is registered",
    "batches": "the number of a batch that is recorded",
}
"""What a reference of a form must be: a form has no files."""
_LISTED: Final = 5


def form_rows(
    definition: FormDefinition, kept: Mapping[str, ReadAnswer], participant_id: str = "", unread: Collection[str] = ()
) -> tuple[FormRow, ...]:
    """The rows that the answers make: one, or one for each group with an answer of its own.

    A group with only an answer that could not be read (`unread`) has its row too, so that nothing seems complete.
    """
    answered = {field.group for field in definition.fields if field.id in kept or field.id in unread}
    rows = []
    for group in definition.groups:
        if group in answered or (not group and answered):
            rows.append(_row(definition, group, kept, participant_id))
    return tuple(rows)


def _row(definition: FormDefinition, group: str, kept: Mapping[str, ReadAnswer], participant_id: str) -> FormRow:
    names = {column.name for column in definition.table.columns}
    cells: dict[str, str] = {"participant_id": participant_id} if participant_id and "participant_id" in names else {}
    entered: dict[str, Entered] = {}
    for field in definition.fields:
        if field.group not in ("", group) or field.calculated is not None:
            continue
        if field.group:
            cells.update(field.where or {})
        answer = kept.get(field.id)
        if answer is None:
            continue
        cells[field.column] = answer.cell
        if field.group and answer.unit and _UNIT in names:
            cells[_UNIT] = answer.unit
        entered[field.column] = Entered(field.id, answer.typed.text, answer.typed.unit, answer.calendar)
    return FormRow(definition.table.name, group, cells, entered)


def row_key(table: Table, cells: Mapping[str, str], zone: ZoneInfo) -> tuple[str, ...]:
    """The key of a row as text that is the same however its cells were written; empty where a cell cannot be read."""
    key = []
    for name in table.key:
        try:
            value = read_cell(cells.get(name, ""), replace(table.column(name), required=False), zone)
        except CellProblem:
            return ()
        key.append(cell_text(value))
    return tuple(key)


def row_digest(table: Table, cells: Mapping[str, str], zone: ZoneInfo) -> str:
    """Hash of a row's cells, the same however they were written; a cell that cannot be read counts as it is."""
    normal = []
    for column in table.columns:
        text = cells.get(column.name, "")
        try:
            normal.append(cell_text(read_cell(text, replace(column, required=False), zone)))
        except CellProblem:
            normal.append(text)
    return bytes_hash(json.dumps([table.name, *normal], ensure_ascii=False).encode("utf-8"))


def row_issues(
    definition: FormDefinition,
    rows: Iterable[FormRow],
    zone: ZoneInfo,
    ids: Mapping[Reference, tuple[str, ...]],
    taken: Collection[tuple[str, ...]],
) -> Iterator[RowIssue]:
    """Everything the rules of a trial folder say of the rows; an empty required cell has the code ``missing``."""
    known = replace(definition.known, ids={**definition.known.ids, **ids})
    for number, row in enumerate(rows, start=1):
        values, found = _values(definition, row, zone)
        yield from found
        if any(issue.code != "missing" for issue in found):
            continue
        yield from _line_issues(definition, row, Row(definition.table.name, number, values), known)
        key = row_key(definition.table, row.cells, zone)
        if key and key in taken:
            shown = ", ".join(text for text in key if text)
            message = f"this is entered already ({shown})"
            item, named = _item(definition, row, definition.table.key[-1]), zip(definition.table.key, key, strict=True)
            yield RowIssue(item, "repeated", message, "change that entry", tuple(named))


def _values(definition: FormDefinition, row: FormRow, zone: ZoneInfo) -> tuple[dict[str, Value], list[RowIssue]]:
    """Typed cells of the row, and what is wrong with them; the participant may still be unnamed."""
    values: dict[str, Value] = {}
    found: list[RowIssue] = []
    for column in definition.table.columns:
        text = row.cells.get(column.name, "")
        if not text:
            values[column.name] = None
            asked = _fills(definition, row, column.name)
            if column.required and asked:
                found.append(RowIssue(asked, "missing", f"{definition.field(asked).label} is empty", "fill it in"))
            continue
        try:
            values[column.name] = read_cell(text, column, zone)
        except CellProblem as problem:
            found.append(RowIssue(_item(definition, row, column.name), "cell", problem.message, problem.remedy))
    return values, found


def _line_issues(definition: FormDefinition, row: FormRow, line: Row, known: checks.KnownIds) -> list[RowIssue]:
    found: list[RowIssue] = []

    def report(_: Row, column: str, message: str, remedy: str) -> None:
        # An empty cell can still be filled: that must not keep an incomplete form from being saved.
        code = "line" if row.cells.get(column) else "missing"
        found.append(RowIssue(_item(definition, row, column), code, message, remedy))

    checks.check_references(definition.table, (line,), known, report, nouns=_NOUNS, listed=_LISTED)
    checks.check_within_lines(definition.table, (line,), known, report)
    if definition.table.name == "laboratory" and line.values.get("value") is not None:
        checks.laboratory_in_core_units(line, row.cells, report)
    elif definition.table.name == "eligibility":
        checks.typed_eligibility(line, known, report)
    return found


def _fills(definition: FormDefinition, row: FormRow, column: str) -> str:
    """The item of the row that fills a column; empty where none does."""
    for field in definition.fields:
        if field.column == column and field.group in ("", row.group):
            return field.id
    return ""


def _item(definition: FormDefinition, row: FormRow, column: str) -> str:
    """The item to point at for a column; for one that no item fills, the first of the row."""
    first = next(field.id for field in definition.fields if field.group == row.group and field.calculated is None)
    return _fills(definition, row, column) or first
