"""A criterion of a grade, as ``> 3.0*ULN`` or ``<= BASELINE - 10``: met, not met, or open while a limit is missing.

A limit that is not known is not a hole: it lies in a range (an upper limit above the lower one, an abnormal baseline
above the upper limit), and a value beyond the whole range meets the criterion all the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Final, Literal

from theratrial.errors import SourceError

Limit = Literal["LLN", "ULN", "BASELINE"]
LIMITS: Final[tuple[Limit, ...]] = ("LLN", "ULN", "BASELINE")
DIGITS: Final = Context(prec=9)
"""No laboratory reports more digits; what lies beyond is noise of binary floats (0.1 * 3, 1499 * 1e-3)."""


def reported(value: float) -> Decimal:
    """The decimal number that was reported, without the noise of binary floats.

    Examples
    --------
    >>> reported(0.1 * 3), reported(1499 * 1e-3)
    (Decimal('0.3'), Decimal('1.499'))
    """
    return DIGITS.create_decimal(repr(float(value))).normalize(DIGITS)


_END: Final = re.compile(
    r"(?P<operator>[<>]=?) (?:(?P<number>\d+(?:\.\d+)?)|(?:(?P<times>\d+(?:\.\d+)?)\*)?(?P<limit>LLN|ULN|BASELINE)"
    r"(?: - (?P<minus>\d+))?)"
)
_CONDITION: Final = re.compile(r"BASELINE (?P<rest>[<>]=? .+)")


@dataclass(frozen=True, slots=True)
class Range:
    """Where a number lies: `low` = `high` where it is known, `high` None where nothing bounds it above."""

    low: Decimal
    high: Decimal | None

    @property
    def known(self) -> bool:
        """Whether it is one number."""
        return self.low == self.high

    @property
    def rounded(self) -> Range:
        """The same to the digits that are compared."""
        high = None if self.high is None else DIGITS.create_decimal(self.high)
        return Range(DIGITS.create_decimal(self.low), high)


Limits = Mapping[Limit, Range]


@dataclass(frozen=True, slots=True)
class End:
    """One comparison: the value with a number, or with a multiple of a limit less so many units."""

    operator: str
    number: Decimal | None
    limit: Limit | None
    times: Decimal
    minus: Decimal

    @property
    def inclusive(self) -> bool:
        """Whether the end itself belongs to the grade."""
        return self.operator.endswith("=")

    @property
    def upwards(self) -> bool:
        """Whether values above meet it."""
        return self.operator[0] == ">"

    def range(self, limits: Limits) -> Range:
        """Where the end lies."""
        if self.limit is None:
            assert self.number is not None
            return Range(self.number, self.number)
        given = limits[self.limit]
        high = None if given.high is None else self._of(given.high)
        return Range(self._of(given.low), high)

    def _of(self, limit: Decimal) -> Decimal:
        return DIGITS.create_decimal(limit * self.times - self.minus)

    def holds(self, value: Range, limits: Limits) -> bool | None:
        """Whether the value is beyond the end; None where the ranges leave it open."""
        end = self.range(limits)
        if not self.upwards:
            return _beyond(end, value, self.inclusive)
        return _beyond(value, end, self.inclusive)

    def __str__(self) -> str:
        if self.limit is None:
            return f"{self.operator} {self.number}"
        times = "" if self.times == 1 else f"{self.times} x "
        minus = f" - {self.minus}" if self.minus else ""
        return f"{self.operator} {times}{self.limit.lower() if self.limit == 'BASELINE' else self.limit}{minus}"


def _beyond(upper: Range, lower: Range, inclusive: bool) -> bool | None:
    """Whether ``upper > lower`` (``>=`` where inclusive): of all numbers in the ranges, of none (False), or open."""
    if lower.high is not None and (upper.low > lower.high or (inclusive and upper.low == lower.high)):
        return True
    if upper.high is not None and (upper.high < lower.low or (not inclusive and upper.high == lower.low)):
        return False
    return None


@dataclass(frozen=True, slots=True)
class Criterion:
    """One way to a grade: where `when` holds of the baseline, all of `ends` hold of the value, and the fact `also`."""

    grade: int
    ends: tuple[End, ...]
    when: tuple[End, ...]
    also: str
    clinician: str
    """What the printed grade says beyond the laboratory value."""
    printed: str
    """The grade text."""

    def within(self, limits: Limits) -> tuple[bool | None, Limits]:
        """Whether `when` holds, and the limits as far as it narrows them where that is open."""
        answer: bool | None = True
        narrowed = dict(limits)
        baseline = limits["BASELINE"].rounded if self.when else limits["BASELINE"]
        for end in self.when:
            found = end.holds(baseline, limits)
            if found is False:
                return False, limits
            if found is None:
                answer = None
                narrowed["BASELINE"] = _narrowed(narrowed["BASELINE"], end, end.range(limits))
        return answer, narrowed

    def missing(self, limits: Limits) -> set[str]:
        """The limits it speaks of that are not known."""
        named = {end.limit for end in (*self.ends, *self.when) if end.limit}
        if self.when:
            named.add("BASELINE")
        return {name for name in named if not limits[name].known}

    def __str__(self) -> str:
        said = " and ".join(str(end) for end in self.ends)
        if self.when:
            said = f"{said} as baseline is {' and '.join(str(end) for end in self.when)}"
        return said


def _narrowed(given: Range, end: End, by: Range) -> Range:
    """A range that is not known, cut to where the condition holds."""
    if given.known:
        return given
    if end.upwards:
        return Range(max(given.low, by.low), given.high)
    highs = [high for high in (given.high, by.high) if high is not None]
    return Range(given.low, min(highs) if highs else None)


def criterion(
    grade: int, when: str, text: str, also: str, clinician: str, printed: str, where: str
) -> Criterion | None:
    """The criterion of a table's row; None for a grade that is clinical altogether.

    Raises
    ------
    SourceError
        If an expression cannot be read; `where` names the row.
    """
    if not text:
        return None
    conditions = tuple(_condition(part, where) for part in when.split(" and ")) if when else ()
    ends = tuple(_end(part, where) for part in text.split(" and "))
    if len({end.upwards for end in ends}) != 1:
        raise SourceError(f"{where}: {text!r} goes both ways; a criterion has one direction")
    return Criterion(grade, ends, conditions, also, clinician, printed)


def _condition(text: str, where: str) -> End:
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise SourceError(f"{where}: condition {text!r} must read as 'BASELINE > ULN'")
    return _end(found["rest"], where)


def _end(text: str, where: str) -> End:
    found = _END.fullmatch(text)
    if found is None:
        raise SourceError(f"{where}: {text!r} must read as '> 3.0*ULN', '< 10' or '<= BASELINE - 10'")
    number = None if found["number"] is None else Decimal(found["number"])
    limit: Limit | None = next((name for name in LIMITS if name == found["limit"]), None)
    return End(found["operator"], number, limit, Decimal(found["times"] or 1), Decimal(found["minus"] or 0))
