"""CDISC's controlled terms: which list a variable has, cut to the terms that occur, with NCI's codes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from theratrial.errors import SourceError
from theratrial.exchange.datasets.values import Codelist, Standard, Term
from theratrial.reference import table

PACKAGE: Final = "2025-03-28"
TERMINOLOGY: Final = Standard("CDISC/NCI", "CT", PACKAGE, "SDTM")
_BY_DOMAIN: Final = frozenset({"UNIT", "ROUTE", "FRM", "FREQ", "LOC", "METHOD", "EVAL", "MEDEVAL", "DOMAIN"})
"""Lists so wide that each data set shows its own part of them."""


@dataclass(frozen=True, slots=True)
class TermList:
    """A list of CDISC's, as far as the shipped table goes."""

    code: str
    name: str
    title: str
    extensible: bool
    terms: Mapping[str, Term]


@cache
def _lists() -> Mapping[str, TermList]:
    found: dict[str, TermList] = {}
    terms: dict[str, dict[str, Term]] = {}
    for row in table("exchange/sdtm/terminology"):
        code = row.text("list_code")
        hers = terms.setdefault(code, {})
        hers[row.text("value")] = Term(row.text("value"), row.text("decode"), row.text("code"))
        found[code] = TermList(
            code, row.text("list"), row.text("list_name"), row.text("extensible") == "yes", terms[code]
        )
    return found


def term_list(name: str) -> TermList:
    """A list by its short name (``ROUTE``) or NCI's code.

    Raises
    ------
    SourceError
        The shipped table does not have it.

    Examples
    --------
    >>> term_list("ROUTE").terms["INTRAVENOUS"].code
    'C38276'
    """
    for one in _lists().values():
        if name in (one.code, one.name):
            return one
    raise SourceError(f"the shipped terminology has no list {name!r} -> add it in scripts/sdtm_terminology.py")


def has_list(code: str) -> bool:
    """Whether the shipped table has a list of this code."""
    return code in _lists()


def codelist(name: str, values: Iterable[str], *, domain: str = "") -> Codelist:
    """A list cut to these values; values of the sponsor's own stand without a code, where the list may be extended.

    Raises
    ------
    SourceError
        A value is no term of a list that may not be extended: nothing may be written that the standard forbids.
    """
    one = term_list(name)
    used = sorted(set(values))
    odd = [value for value in used if value not in one.terms]
    if odd and not one.extensible:
        raise SourceError(f"{', '.join(odd)}: no term of {one.name} ({one.code}), which may not be extended")
    terms = tuple(one.terms.get(value) or Term(value, value.capitalize()) for value in used)
    suffix = f".{domain}" if one.name in _BY_DOMAIN and domain else ""
    return Codelist(f"{one.name}{suffix}", one.title, terms, one.code, TERMINOLOGY)
