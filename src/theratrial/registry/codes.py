"""The code lists of a registration record: one entry, its words in both languages, and its codes elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from theratrial.errors import InputError
from theratrial.reference import table


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a code list."""

    code: str
    en: str
    """As IRCT prints it in English."""
    fa: str
    ictrp: str
    """In the ICTRP exchange format; empty where it has none."""
    ctgov: str
    """In the ClinicalTrials.gov v2 API; empty where it has none."""


@cache
def code_lists() -> Mapping[str, Mapping[str, Entry]]:
    """Name of the list -> code -> entry, in the order of the table."""
    found: dict[str, dict[str, Entry]] = {}
    for row in table("registry/code_lists").rows:
        entry = Entry(row.text("code"), row.text("en"), row.text("fa"), row.text("ictrp"), row.text("ctgov"))
        found.setdefault(row.text("list"), {})[entry.code] = entry
    return MappingProxyType({name: MappingProxyType(entries) for name, entries in found.items()})


def code_list(name: str) -> Mapping[str, Entry]:
    """The entries of a list by code.

    Raises
    ------
    InputError
        There is no such list.
    """
    try:
        return code_lists()[name]
    except KeyError:
        raise InputError(f"there is no code list '{name}'; known: {', '.join(code_lists())}") from None


def code_list_problem(name: str, code: str) -> str:
    """Why a code is none of the list; empty if it is one, or empty."""
    entries = code_list(name)
    return "" if not code or code in entries else f"'{code}' is none of {', '.join(entries)}"


def code_of(name: str, words: str) -> str:
    """The code whose English, Persian, ICTRP or ClinicalTrials.gov words these are; empty where none is certain.

    Examples
    --------
    >>> code_of("recruitment_status", "Recruitment complete")
    'complete'
    """
    plain = " ".join(words.split()).casefold()
    for entry in code_list(name).values():
        if plain and plain in (
            entry.en.casefold(),
            entry.fa.casefold(),
            entry.ictrp.casefold(),
            entry.ctgov.casefold(),
        ):
            return entry.code
    return ""
