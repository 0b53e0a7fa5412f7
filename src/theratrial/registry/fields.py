"""The fields of a registration record in the order of the registry's page: one table for all who read or show a record.

Import of a page, its rendering, the sheet to paste, the difference of two versions, the completeness score and the form
of the site all walk this table; a field that is added to the record needs its row here and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, Final, Literal, NamedTuple

from theratrial.reference import table
from theratrial.registry.record import PERSONAL, RegistrationRecord
from theratrial.registry.words import Language, is_blank

Kind = Literal["text", "string", "date", "day", "code", "count", "percent", "age", "texts", "strings"]
_PERSONAL_ENDINGS: Final = tuple(f".{name}" for name in PERSONAL)


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the page."""

    name: str
    en: str
    fa: str

    def title(self, language: Language) -> str:
        """Its heading."""
        return self.fa if language == "fa" else self.en


@dataclass(frozen=True, slots=True)
class Field:
    """A field: `path` like ``ethics[].approved_on``, ``[]`` standing for each member of a repeating group."""

    path: str
    section: str
    en: str
    fa: str
    kind: Kind
    list_name: str
    """Code list of a coded field."""
    trds: int | None
    """Item of the WHO Trial Registration Data Set 1.3.1."""
    empty: Literal["", "empty", "hidden"]
    """What the page prints where the field is empty: the label, the label and ``empty``, or nothing at all."""
    style: Literal["", "line", "criteria", "age"]

    @property
    def group(self) -> str:
        """Path of its repeating group (``ethics``); empty for a field that stands once."""
        return self.path.partition("[]")[0] if "[]" in self.path else ""

    @property
    def personal(self) -> bool:
        """Whether it points at a person and stays out of public exports."""
        return self.path.endswith(_PERSONAL_ENDINGS) and self.path.split(".")[0].removesuffix("[]") in (
            "people",
            "ethics",
            "centres",
            "sponsors",
        )

    def label(self, language: Language) -> str:
        """Its label."""
        return self.fa if language == "fa" else self.en


class Filled(NamedTuple):
    """A field of one record: its full path (``ethics[0].approved_on``) and value."""

    field: Field
    path: str
    value: Any

    @property
    def blank(self) -> bool:
        """Whether nothing was registered."""
        return _is_blank(self.field.kind, self.value)


@cache
def sections() -> tuple[Section, ...]:
    """Sections in the order of the page."""
    return tuple(Section(row.text("section"), row.text("en"), row.text("fa")) for row in table("registry/sections"))


@cache
def fields() -> tuple[Field, ...]:
    """Fields in the order of the page."""
    found = []
    for row in table("registry/fields"):
        cells: dict[str, Any] = dict(row.cells)
        trds = int(cells["trds"]) if cells["trds"] else None
        found.append(
            Field(
                cells["path"],
                cells["section"],
                cells["en"],
                cells["fa"],
                cells["kind"],
                cells["list"],
                trds,
                cells["empty"],
                cells["style"],
            )
        )
    return tuple(found)


@cache
def field_of(path: str) -> Field:
    """The field of a path, with or without indices.

    Raises
    ------
    KeyError
        There is no such field.

    Examples
    --------
    >>> field_of("ethics[2].reference").en
    'Ethics committee reference number'
    """
    general = re.sub(r"\[[0-9]+\]", "[]", path)
    for field in fields():
        if field.path == general:
            return field
    raise KeyError(path)


def value_at(record: RegistrationRecord, path: str) -> Any:
    """The value at a full path (``ethics[0].contact.city``); None where a repeating group is not that long."""
    if (of := _getter(path)) is not None:
        try:
            return of(record)
        except AttributeError:
            pass  # on the way something is None, or there is no such field
    value: Any = record
    for step in _steps(path):
        if isinstance(step, str):
            value = getattr(value, step)
        elif step >= len(value):
            return None
        else:
            value = value[step]
        if value is None:
            return None
    return value


@lru_cache(maxsize=4096)
def _getter(path: str) -> attrgetter[Any] | None:
    """Gets the value of a path without places in lists."""
    return None if "[" in path else attrgetter(path)


@lru_cache(maxsize=4096)
def _steps(path: str) -> tuple[str | int, ...]:
    return tuple(int(step[1:-1]) if step.startswith("[") else step for step in path.replace("[", ".[").split("."))


def _is_blank(kind: Kind, value: Any) -> bool:
    if kind == "text":
        return value is None or not (value.en or value.fa)
    return not value if kind in ("code", "age") else is_blank(value)


def filled_fields(record: RegistrationRecord, *, blank: bool = True) -> Iterator[Filled]:
    """Every field of a record with its value; repeating groups member by member.

    Parameters
    ----------
    blank
        Whether fields in which nothing was registered are among them.
    """
    for group, members in _groups():
        if not group:
            field, of = members[0]
            value = of(record)
            if blank or not _is_blank(field.kind, value):
                yield Filled(field, field.path, value)
            continue
        for index, member in enumerate(getattr(record, group)):
            for field, of in members:
                value = of(member)
                if blank or not _is_blank(field.kind, value):
                    yield Filled(field, _member_path(field.path, index), value)


@lru_cache(maxsize=4096)
def _member_path(path: str, index: int) -> str:
    return path.replace("[]", f"[{index}]", 1)


@cache
def _groups() -> tuple[tuple[str, tuple[tuple[Field, attrgetter[Any]], ...]], ...]:
    """Fields in their order, those of a repeating group together where its first one stands; how each is got."""
    found: dict[str, list[tuple[Field, attrgetter[Any]]]] = {}
    for field in fields():
        inside = field.path.partition("[].")[2] or field.path
        found.setdefault(field.group or f" {field.path}", []).append((field, attrgetter(inside)))
    return tuple((key if not key.startswith(" ") else "", tuple(members)) for key, members in found.items())
