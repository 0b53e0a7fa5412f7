"""A centre's own licensed dictionary of adverse events (MedDRA): term -> code and name. None is shipped."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from theratrial.errors import InputError
from theratrial.safety.adverse.terms import as_written

_REQUIRED: Final = ("term", "code", "name")
_OPTIONAL: Final = ("class", "dictionary")
_LARGEST_BYTES: Final = 50_000_000


@dataclass(frozen=True, slots=True)
class DictionaryEntry:
    """How a dictionary codes a term."""

    term: str
    code: str
    name: str
    organ_class: str = ""
    dictionary: str = ""
    """Which dictionary and version, as the centre names it ("MedDRA 28.0")."""


@dataclass(frozen=True, slots=True)
class Dictionary:
    """A dictionary that was given; the empty one codes nothing."""

    entries: Mapping[str, DictionaryEntry] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "entries", MappingProxyType(dict(self.entries)))

    def coded(self, term: str) -> DictionaryEntry | None:
        """The entry of a term, however its letters and spaces are written; None: it is not in the dictionary."""
        return self.entries.get(as_written(term))

    def uncoded(self, terms: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the terms that the dictionary does not have, each once."""
        return tuple(dict.fromkeys(term for term in terms if self.coded(term) is None))


def dictionary_from_csv(text: str) -> Dictionary:
    """The dictionary in a CSV with the columns term, code, name and, if given, class and dictionary.

    Raises
    ------
    InputError
        If a column is missing or unknown, a cell is empty, or a term stands twice with different codes.

    Examples
    --------
    >>> dictionary_from_csv("term,code,name\\nNausea,X1,Nausea\\n").coded("NAUSEA").code
    'X1'
    """
    if len(text) > _LARGEST_BYTES:
        raise InputError(f"the dictionary has {len(text)} characters; at most {_LARGEST_BYTES} are read")
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    found: dict[str, DictionaryEntry] = {}
    try:
        columns = tuple(cell.strip() for cell in next(reader, ()))
        _check_columns(columns)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                _add(found, _entry(columns, cells, reader.line_num), reader.line_num)
    except csv.Error as error:
        raise InputError(f"the dictionary is not CSV: {error} (line {reader.line_num})") from None
    if not found:
        raise InputError("the dictionary has no entries; give lines of term, code, name")
    return Dictionary(found)


def _check_columns(columns: tuple[str, ...]) -> None:
    missing = [name for name in _REQUIRED if name not in columns]
    unknown = [name for name in columns if name not in (*_REQUIRED, *_OPTIONAL)]
    if missing or unknown or len(set(columns)) != len(columns):
        raise InputError(
            f"the dictionary's first line is {', '.join(columns) or 'empty'}; it must name term, code, name "
            "and may name class and dictionary, each once"
        )


def _entry(columns: tuple[str, ...], cells: list[str], line: int) -> DictionaryEntry:
    if len(cells) != len(columns):
        raise InputError(f"dictionary line {line}: {len(cells)} cells for {len(columns)} columns")
    values = {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}
    for name in _REQUIRED:
        if not values[name]:
            raise InputError(f"dictionary line {line}: {name} is empty; fill it, or take the line out")
    return DictionaryEntry(
        values["term"], values["code"], values["name"], values.get("class", ""), values.get("dictionary", "")
    )


def _add(found: dict[str, DictionaryEntry], entry: DictionaryEntry, line: int) -> None:
    earlier = found.setdefault(as_written(entry.term), entry)
    if earlier.code != entry.code:
        raise InputError(
            f"dictionary line {line}: {entry.term!r} has code {entry.code}, an earlier line {earlier.code}; keep one"
        )
