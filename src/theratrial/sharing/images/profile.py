"""What DICOM PS3.15 Annex E wants done with an element, under the options this trial's data need.

The standard's table is the program: `sharing/images/confidentiality_profile` holds Table E.1-1, `action` reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from theratrial.errors import SourceError
from theratrial.reference import table

OPTIONS: Final = ("safe_private", "retain_patient", "modified_dates", "clean_descriptors", "clean_structured")
"""Columns of the table whose action, where there is one, replaces that of the basic profile."""

METHOD_CODES: Final = (
    ("113100", "Basic Application Confidentiality Profile"),
    ("113104", "Clean Structured Content Option"),
    ("113105", "Clean Descriptors Option"),
    ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    ("113108", "Retain Patient Characteristics Option"),
    ("113111", "Retain Safe Private Option"),
)
"""DICOM PS3.16 CID 7050, for DeidentificationMethodCodeSequence. Clean Pixel Data (113101) is not claimed: pixels are
never changed; what may hold burned-in text is withheld."""

_ACTIONS: Final = frozenset(("D", "Z", "X", "K", "C", "U", "X/Z", "X/D", "Z/D", "X/Z/D", "X/Z/U*"))


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of Table E.1-1 under the options taken."""

    name: str
    basic: str
    """Action of the basic profile: D, Z, X, U or one of the conditional ones (X/Z/D ...)."""
    taken: str
    """Action under the options: K or C where one of them says so."""
    descriptor: bool
    """Whether the table counts it as a descriptor (Clean Descriptors Option)."""


@cache
def _rules() -> dict[str, Rule]:
    found: dict[str, Rule] = {}
    for row in table("sharing/images/confidentiality_profile"):
        basic = row.text("basic")
        said = [row.text(option) for option in OPTIONS if row.text(option)]
        taken = "C" if "C" in said else said[0] if said else basic
        if basic not in _ACTIONS or taken not in _ACTIONS:
            raise SourceError(f"confidentiality profile {row.text('tag')}: unknown action {basic!r} or {taken!r}")
        key = row.text("tag").strip("()").replace(",", "")
        found[key] = Rule(row.text("name"), basic, taken, row.text("clean_descriptors") == "C")
    return found


@cache
def rule(tag: int) -> Rule | None:
    """The rule for an element of a standard (even) group; None where the table says nothing of it.

    Examples
    --------
    >>> rule(0x00181072).taken
    'C'
    >>> rule(0x00100010).basic, rule(0x00080070)
    ('Z', None)
    """
    group, element = tag >> 16, tag & 0xFFFF
    if 0x5000 <= group <= 0x50FF:
        return _rules()["50xxxxxx"]
    if 0x6000 <= group <= 0x60FF:
        return _rules().get(f"60xx{element:04X}")
    return _rules().get(f"{tag:08X}")


def rule_count() -> int:
    """Rows of the table."""
    return len(_rules())


def settled(action: str, kind: str) -> str:
    """A conditional action, settled by the type the element has in its object: 1 needs a value, 2 may be empty.

    Parameters
    ----------
    action
        As in the table.
    kind
        Type of the element in its IOD: 1, 1C, 2, 2C, 3 or "" where the IOD does not know it.

    Examples
    --------
    >>> settled("X/Z/D", "2"), settled("X/Z/D", "1C"), settled("X/D", "3"), settled("Z/D", "1")
    ('Z', 'D', 'X', 'D')
    """
    allowed: Sequence[str] = action.split("/")
    if len(allowed) == 1:
        return action
    if "U*" in allowed:
        return "U"
    wanted = {"1": "D", "1C": "D", "2": "Z", "2C": "Z"}.get(kind, "X")
    for choice in (wanted, "Z", "D", "X"):
        if choice in allowed:
            return choice
    raise SourceError(f"action {action!r} of the confidentiality profile is unknown")
