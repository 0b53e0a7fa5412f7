"""A record in the order of the registry's page: parts, entries of repeating groups, rows with what stands in them.

The order is that of the table of fields, which the import of a page walks too (`exchange.irct.walk`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from theratrial.exchange.irct.labels import HEADINGS
from theratrial.registry.fields import Filled, fields, filled_fields, sections
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.words import Language

_INSIDE: Final = ("registration", "registrant")
"""Sections that stand as a box inside the part of general information."""
_IN_HEAD: Final = ("registration.printed_on", "registration.registry")
"""What the page prints above its title."""
_ENTRY: Final = re.compile(r"\[(\d+)\]")
_MEMBER: Final = re.compile(r"([a-z_]+)\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Named:
    """Words of a heading in both languages."""

    en: str
    fa: str

    def said(self, language: Language) -> str:
        """Those of one language."""
        return self.fa if language == "fa" else self.en


@dataclass(frozen=True, slots=True)
class Row:
    """A field, or a box of fields under a heading of its own."""

    fields: tuple[Filled, ...]
    box: Named | None = None
    name: str = ""
    """Of the box."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Rows of a part; of a repeating group, of one member of it."""

    rows: tuple[Row, ...]
    number: int = 0
    """From 1; 0 in a part that does not repeat."""
    heading: Named | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A section of the page."""

    name: str
    title: Named
    entries: tuple[Entry, ...]


def parts(record: RegistrationRecord, *, wanted: Iterable[str] = ()) -> tuple[Part, ...]:
    """The record in the order of the page.

    Parameters
    ----------
    wanted
        Full paths to show although they are empty and the page would hide them; a member of a repeating group that is
        not there is shown empty.
    """
    asked = frozenset(wanted)
    found = list(_filled(record, asked))
    made = []
    for section in sections():
        if section.name in _INSIDE:
            continue
        inside = [one for one in found if _part_of(one) == section.name]
        repeats = any(one.group for one in fields() if one.section == section.name)
        entries = tuple(_entries(section.name, inside, repeats=repeats))
        if entries or repeats:
            made.append(Part(section.name, Named(section.en, section.fa), entries))
    return tuple(made)


def path_id(path: str) -> str:
    """Id of a field's element: ``ethics[0].approved_on`` -> ``field-ethics-0-approved_on``."""
    return "field-" + re.sub(r"[^a-z0-9_]+", "-", path).strip("-")


def _filled(record: RegistrationRecord, asked: frozenset[str]) -> Iterator[Filled]:
    seen = set()
    for one in filled_fields(record):
        seen.add(one.path)
        if one.path not in _IN_HEAD and not (one.blank and one.field.empty == "hidden" and one.path not in asked):
            yield one
    for group, index in _members_not_there(asked - seen):
        for field in fields():
            path = field.path.replace("[]", f"[{index}]", 1)
            if field.group == group and (field.empty != "hidden" or path in asked):
                yield Filled(field, path, None)


def _members_not_there(paths: Iterable[str]) -> list[tuple[str, int]]:
    """Group and index of members that are wanted, though the record has no such member."""
    found = [_MEMBER.match(path) for path in paths]
    return sorted({(one[1], int(one[2])) for one in found if one})


def _part_of(one: Filled) -> str:
    return "general" if one.field.section in _INSIDE else one.field.section


def _entries(section: str, inside: list[Filled], *, repeats: bool) -> Iterator[Entry]:
    heading = HEADINGS.get("contact" if section.endswith(("_inquiries", "data_updating")) else section)
    named = Named(*heading) if heading and section != "general" else None
    if not repeats:
        if inside:
            yield Entry(tuple(_rows(inside)), heading=named)
        return
    for number, members in groupby(inside, key=_number):
        yield Entry(tuple(Row((one,)) for one in members), number, named)


def _number(one: Filled) -> int:
    match = _ENTRY.search(one.path)
    return int(match[1]) + 1 if match else 0


def _rows(inside: list[Filled]) -> Iterator[Row]:
    for name, members in groupby(inside, key=_box):
        held = tuple(members)
        if not name:
            yield from (Row((one,)) for one in held)
            continue
        yield Row(held, _box_title(name), name)
        if name == "registration":
            # The registry prints the day of registration once more below the box.
            yield from (Row((one,)) for one in held if one.path == "registration.registered_on")


def _box(one: Filled) -> str:
    if one.field.section in _INSIDE:
        return one.field.section
    if one.field.style in ("criteria", "age"):
        return one.field.style
    return "sample_size" if one.path.endswith("_sample_size") else ""


def _box_title(name: str) -> Named:
    if name in HEADINGS:
        return Named(*HEADINGS[name])
    section = next(one for one in sections() if one.name == name)
    return Named(section.en, section.fa)
