"""Rows of a table as a list: headings, order and words are those of the protocol's form."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from theratrial.forms import FormDefinition
from theratrial.forms.definition import Field
from theratrial.web.capture.models import Record
from theratrial.web.capture.value_words import ValueWords

_NONE: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class ListedCell:
    """One cell: what is stored, and how the form says it."""

    field: Field
    value: str
    text: str


@dataclass(frozen=True, slots=True)
class ListedRow:
    """A record with its cells in the order of the form."""

    record: Record
    cells: tuple[ListedCell, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """The items that head the columns, and the rows under them."""

    fields: tuple[Field, ...]
    rows: tuple[ListedRow, ...]


def choice_text(definition: FormDefinition, column: str, value: str) -> str:
    """How the form says a stored word; the word itself where it is none of the form's choices."""
    for field in definition.fields:
        if field.column == column:
            return next((choice.label for choice in field.choices if choice.value == value), value)
    return value


def listing(
    definition: FormDefinition, records: Iterable[Record], words: ValueWords, *, without: Collection[str] = _NONE
) -> Listing:
    """The records under the items of the form; calculated items and the columns `without` are left out."""
    fields = tuple(
        field
        for field in definition.fields
        if field.calculated is None and not field.group and field.column not in without
    )
    table = definition.table.name
    return Listing(fields, tuple(ListedRow(one, _cells(table, fields, one, words)) for one in records))


def _cells(table: str, fields: Iterable[Field], record: Record, words: ValueWords) -> tuple[ListedCell, ...]:
    stored = [(field, record.cells.get(field.column, "")) for field in fields]
    return tuple(ListedCell(field, value, words(table, field.column, value)) for field, value in stored)
