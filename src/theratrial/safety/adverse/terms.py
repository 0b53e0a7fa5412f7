"""The terms of CTCAE 5.0 and 6.0 as NCI prints them: system organ class, and the text of each grade that exists."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

from theratrial.errors import InputError
from theratrial.reference import table

EVENT_TABLES: Final = MappingProxyType({"5.0": "safety/ctcae_v5_0_events", "6.0": "safety/ctcae_v6_0_events"})
"""CTCAE version -> the table of all its terms."""

OTHER_SPECIFY: Final = " - Other, specify"
"""How NCI ends the term of each system organ class under which everything else is reported."""

_DASHES: Final = re.compile(r"\s*[-\u2010-\u2015]\s*")
# The specification of an "Other, specify" is written behind it: "... - Other, specify: dry heel".
_SPECIFICATION: Final = re.compile(r"(?P<term>.* - other, specify)\s*[:;,(]\s*\S", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class EventTerm:
    """A term of one CTCAE version."""

    term: str
    system_organ_class: str
    version: str
    grades: Mapping[int, str]
    """Grade -> its text as printed, of the grades that exist for the term only."""
    definition: str
    note: str
    """What NCI says about choosing it."""
    source: str
    """The line of the table, as the input of a trace."""

    @property
    def is_other(self) -> bool:
        """Whether it is the "Other, specify" of its system organ class."""
        return self.term.endswith(OTHER_SPECIFY)


def as_written(text: str) -> str:
    """A term as it is compared: single spaces, small letters, one kind of dash.

    Examples
    --------
    >>> as_written("Cardiac disorders \u2013 Other,  specify")
    'cardiac disorders - other, specify'
    """
    return _DASHES.sub(lambda found: " - " if found.group() != "-" else "-", " ".join(text.split())).casefold()


def _version_table(version: str) -> str:
    try:
        return EVENT_TABLES[version]
    except KeyError:
        allowed = ", ".join(EVENT_TABLES)
        raise InputError(f"CTCAE version {version!r}: no terms are kept; allowed: {allowed}") from None


@cache
def event_terms(version: str) -> Mapping[str, EventTerm]:
    """Every term of a version by `as_written`, in NCI's order.

    Raises
    ------
    InputError
        If no terms of the version are kept.

    Examples
    --------
    >>> len(event_terms("5.0")), len(event_terms("6.0"))
    (837, 850)
    """
    printed = table(_version_table(version))
    found = {}
    for row in printed:
        name = row.text("term")
        grades = {grade: text for grade in range(1, 6) if (text := row.text(f"grade_{grade}"))}
        found[as_written(name)] = EventTerm(
            term=name,
            system_organ_class=row.text("system_organ_class"),
            version=version,
            grades=MappingProxyType(grades),
            definition=row.text("definition"),
            note=row.text("note"),
            source=f"{printed.trace_key}#{name}",
        )
    return MappingProxyType(found)


@cache
def system_organ_classes(version: str) -> tuple[str, ...]:
    """The system organ classes of a version, in NCI's order."""
    return tuple(dict.fromkeys(one.system_organ_class for one in event_terms(version).values()))


def event_term(name: str, version: str) -> EventTerm | None:
    """The term of that name, however its letters, spaces and dashes are written; None where the version has none.

    ``<system organ class> - Other, specify`` is found with its specification behind it, too.

    Examples
    --------
    >>> event_term("nausea", "5.0").term
    'Nausea'
    >>> sorted(event_term("NAUSEA", "5.0").grades)
    [1, 2, 3]
    >>> event_term("Cardiac disorders - Other, specify: flutter", "6.0").system_organ_class
    'Cardiac disorders'
    """
    known = event_terms(version)
    written = as_written(name)
    if found := known.get(written):
        return found
    specified = _SPECIFICATION.match(written)
    return known.get(specified["term"]) if specified else None
