"""The printed grade intervals of a laboratory test, read from the CTCAE tables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Final

from theratrial.errors import SourceError
from theratrial.reference import Table, table

TABLES: Final[dict[str, str]] = {"5.0": "safety/ctcae_v5_0", "6.0": "safety/ctcae_v6_0"}
"""CTCAE version -> its table."""

_NUMBER: Final = re.compile(r"\d+(\.\d+)?")


@dataclass(frozen=True, slots=True)
class Bound:
    """End of an interval: a number, or the laboratory's lower limit of normal (LLN)."""

    number: Decimal | None

    def value(self, lower_limit: Decimal | None) -> Decimal | None:
        """The number; None where it is the LLN and the LLN is missing."""
        return lower_limit if self.number is None else self.number

    def __str__(self) -> str:
        return "LLN" if self.number is None else str(self.number)


@dataclass(frozen=True, slots=True)
class GradeInterval:
    """``at_least <= value < below`` is this grade; None leaves that side open."""

    grade: int
    at_least: Bound | None
    below: Bound | None
    clinician: str
    """What the printed grade says beyond the laboratory value."""

    def holds(self, value: Decimal, lower_limit: Decimal | None) -> bool | None:
        """Whether the value lies in the interval; None where that depends on a missing LLN."""
        low = self._above(value, lower_limit)
        high = self._below(value, lower_limit)
        if low is False or high is False:
            return False
        return None if low is None or high is None else True

    def _above(self, value: Decimal, lower_limit: Decimal | None) -> bool | None:
        if self.at_least is None:
            return True
        end = self.at_least.value(lower_limit)
        return None if end is None else value >= end

    def _below(self, value: Decimal, lower_limit: Decimal | None) -> bool | None:
        if self.below is None:
            return True
        end = self.below.value(lower_limit)
        return None if end is None else value < end

    def __str__(self) -> str:
        if self.below is None:
            return f">= {self.at_least}"
        if self.at_least is None:
            return f"< {self.below}"
        return f"< {self.below} to {self.at_least}"


@dataclass(frozen=True, slots=True)
class Scale:
    """All grades of one test in one printed unit, worst first."""

    test: str
    term: str
    unit: str
    intervals: tuple[GradeInterval, ...]
    highest_believable: Decimal
    table: Table


def _bound(printed: str, where: str) -> Bound | None:
    if not printed:
        return None
    if printed == "LLN":
        return Bound(None)
    if _NUMBER.fullmatch(printed):
        return Bound(Decimal(printed))
    raise SourceError(f"{where}: {printed!r} is neither a number nor LLN")


@cache
def known_terms() -> tuple[str, ...]:
    """The CTCAE terms of every table, in alphabetical order."""
    return tuple(sorted({row.text("term") for name in TABLES.values() for row in table(name)}))


@cache
def grade_scale(version: str) -> dict[tuple[str, str], Scale]:
    """(test, printed unit) -> scale, of one CTCAE version.

    Raises
    ------
    SourceError
        If the version has no table, or a row of it cannot be read.
    """
    if version not in TABLES:
        raise SourceError(f"CTCAE version {version!r} is not graded here; allowed: {', '.join(TABLES)}")
    source = table(TABLES[version])
    believable = {(row.text("test"), row.text("unit")): row for row in table("safety/believable_values")}
    rows: dict[tuple[str, str], list[GradeInterval]] = {}
    terms: dict[tuple[str, str], str] = {}
    for row in source:
        key = (row.text("test"), row.text("unit"))
        where = f"table {source.name} line {row.line}"
        terms[key] = row.text("term")
        rows.setdefault(key, []).append(
            GradeInterval(
                int(row.number("grade")),
                _bound(row.text("at_least"), where),
                _bound(row.text("below"), where),
                row.text("clinician"),
            )
        )
    return {
        (test, unit): Scale(
            test,
            terms[test, unit],
            unit,
            tuple(sorted(intervals, key=lambda interval: -interval.grade)),
            Decimal(believable[test, unit].text("highest")),
            source,
        )
        for (test, unit), intervals in rows.items()
    }
