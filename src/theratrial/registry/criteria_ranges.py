"""Limits that criteria write as a range: grades of ECOG's scale ("0-2", "0 or 1"), ages ("18 to 75 years")."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

_NUMERALS: Final = {
    **{"zero": 0, "one": 1, "two": 2, "three": 3, "four": 4},
    **{"صفر": 0, "یک": 1, "دو": 2, "سه": 3, "چهار": 4},
}
_HIGHEST_GRADE: Final = 5
_GRADE: Final = rf"(?:[0-{_HIGHEST_GRADE}]|{'|'.join(_NUMERALS)})"
_VALUE: Final = re.compile(rf"\d+|{'|'.join(_NUMERALS)}")
_DASH: Final = r"(?:-|‐|‑|–|—|−)"
_JOINED: Final = rf"(?:\s*[,،]\s*)?(?:{_DASH}|/|to|through|up to|or|and|تا|یا|و)"
_CLAUSE_END: Final = re.compile(r"[;؛]|\.\s|\(i+v?\)")
_RANGES: Final = {
    # A number of days or years in between is no grade.
    "ecog": re.compile(
        rf"[^0-9≥≤<>=]{{0,40}}?(?<![\d.\w])(?P<values>{_GRADE}(?:\s*{_JOINED}\s*{_GRADE}|\s*[,،]\s*{_GRADE})*)"
        r"(?![\d%\w]|[.,]\d|\s*(?:days|weeks|months|years|روز|هفته|ماه|سال))"
        r"(?P<better>\s*(?:or (?:better|lower|less|below)|یا (?:بهتر|کمتر)))?"
    ),
    "age": re.compile(
        rf"[^0-9≥≤<>=]{{0,25}}?(?<![\d.])(?P<values>\d{{1,3}}\s*(?:years?|سال)?\s*(?:{_DASH}|to|and|تا|و)\s*\d{{1,3}})"
        r"(?![\d%]|[.,]\d|\s*(?:days|weeks|months|روز|هفته|ماه))(?P<better>)"
    ),
}


@dataclass(frozen=True, slots=True)
class Range:
    """Both ends, included, and how many letters it took."""

    low: float
    high: float
    length: int


def range_after(topic: str, rest: str) -> Range | None:
    """The range that follows a topic's name, before the next sentence or entry; None where there is none.

    One grade alone ("ECOG 2") is no limit: it may be the least or the worst that is allowed.

    Examples
    --------
    >>> range_after("ecog", " performance status of 0, 1 or 2")
    Range(low=0.0, high=2.0, length=32)
    >>> range_after("ecog", " 2") is None
    True
    """
    pattern = _RANGES.get(topic)
    if pattern is None:
        return None
    found = pattern.match(_CLAUSE_END.split(rest, maxsplit=1)[0].lower())
    if found is None:
        return None
    values = [float(_NUMERALS.get(one, one)) for one in _VALUE.findall(found["values"])]
    if topic == "ecog" and found["better"]:
        values.append(0.0)
    if len(values) < 2 or min(values) == max(values):
        return None
    return Range(min(values), max(values), found.end())


def ecog_limit(
    comparator: Literal[">=", ">", "<=", "<", ""], value: float | None
) -> tuple[Literal[">=", "<="], float] | None:
    """Grades are whole numbers: ``< 3`` is ``<= 2``; what is no grade of the scale is no limit."""
    if value is None or value > _HIGHEST_GRADE or not comparator:
        return None
    if comparator in ("<", "<="):
        return "<=", value - (comparator == "<")
    return ">=", value + (comparator == ">")
