"""Times in the words of an outcome, as days: whether two wordings mean the same time."""

from __future__ import annotations

import re
from typing import Final

_DIGITS: Final = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩٫", "01234567890123456789.")
_WORDS: Final = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "twelve": 12, "یک": 1, "دو": 2, "سه": 3, "چهار": 4, "پنج": 5, "شش": 6, "هفت": 7, "هشت": 8, "نه": 9, "ده": 10,
    "دوازده": 12,
}  # fmt: skip
_UNITS: Final = (
    (r"hours?|hrs?|h|ساعت", 1 / 24),
    (r"days?|d|روز", 1.0),
    (r"weeks?|wks?|هفتهٔ?|هفته", 7.0),
    (r"months?|ماه", 365.25 / 12),
    (r"years?|سال", 365.25),
)
_NUMBER: Final = r"(?:\d+(?:\.\d+)?|" + "|".join(_WORDS) + ")"
_TO: Final = r"\s*(?:-|–|—|to|till|until|تا)\s*"
_AND: Final = r"(?:\s*,\s*(?:and\s+)?|\s*،\s*|\s+and\s+|\s+و\s+)"
_UNIT: Final = "|".join(f"(?:{words})" for words, _ in _UNITS)
_AFTER: Final = re.compile(
    rf"(?<![\w.])(?P<low>{_NUMBER})(?:{_TO}(?P<high>{_NUMBER}))?[\s\u200c-]*(?P<unit>{_UNIT})(?![\w])", re.IGNORECASE
)
_LIST: Final = re.compile(
    rf"(?<![\w.])(?P<list>{_NUMBER}(?:{_AND}{_NUMBER})+)[\s\u200c-]*(?P<unit>{_UNIT})(?![\w])", re.IGNORECASE
)
_BEFORE: Final = re.compile(
    rf"(?<!\w)(?P<unit>{_UNIT})\s*(?P<low>{_NUMBER})(?:{_TO}(?:{_UNIT})?\s*(?P<high>{_NUMBER}))?(?![\w.])",
    re.IGNORECASE,
)
_SESSION: Final = r"(?:session|cycle|treatment|therapy|injection|administration|dose)"
_ANCHORS: Final = (
    ("last session", rf"(?:last|final|end of)\s+(?:\w+\s+)?{_SESSION}"),
    ("last session", r"آخرین\s+(?:نوبت|جلسه|تزریق|تجویز|دوز|درمان)"),
    ("first session", rf"first\s+(?:\w+\s+)?{_SESSION}"),
    ("first session", r"نخستین\s+(?:نوبت|جلسه|تزریق|تجویز|دوز|درمان)|اولین\s+(?:نوبت|جلسه|تزریق|تجویز|دوز|درمان)"),
    ("each session", rf"(?:each|every)\s+(?:\w+\s+)?{_SESSION}"),
    ("each session", r"هر\s+(?:نوبت|جلسه|تزریق|تجویز|دوز)"),
    ("enrolment", r"enrol|randomi[sz]|screening|consent|ورود|غربالگری|رضایت"),
)
_TOLERANCE_DAYS: Final = 1.0


def windows(words: str) -> tuple[tuple[float, float], ...]:
    """Every span or moment that the words name [days], in their order, each once.

    Examples
    --------
    >>> windows("4-6 weeks after last treatment session")
    ((28.0, 42.0),)
    >>> windows("Day 28 to day 63 (weeks 4 to 9) after the last session")
    ((28.0, 63.0),)
    """
    text = words.translate(_DIGITS)
    found: list[tuple[float, float]] = []
    taken: list[tuple[int, int]] = []
    for pattern in (_LIST, _BEFORE, _AFTER):
        for match in pattern.finditer(text):
            if any(match.start() < end and match.end() > start for start, end in taken):
                continue
            taken.append(match.span())
            factor = next(days for unit, days in _UNITS if re.fullmatch(unit, match["unit"], re.IGNORECASE))
            found += [(low * factor, high * factor) for low, high in _spans(match)]
    return tuple(dict.fromkeys(found))


def _spans(match: re.Match[str]) -> list[tuple[float, float]]:
    """Each moment of a list, or from one number to the other, in the unit of the words."""
    named = match.groupdict()
    if named.get("list"):
        moments = [_value(one) for one in re.findall(_NUMBER, named["list"], re.IGNORECASE)]
        return [(one, one) for one in moments]
    low = _value(match["low"])
    high = _value(match["high"]) if match["high"] else low
    return [(min(low, high), max(low, high))]


def _value(text: str) -> float:
    known = _WORDS.get(text.casefold())
    return float(text) if known is None else float(known)


def anchors(words: str) -> frozenset[str]:
    """What the times count from, where the words say so."""
    return frozenset(name for name, pattern in _ANCHORS if re.search(pattern, words, re.IGNORECASE))


def same_time(registered: str, reported: str) -> bool:
    """Whether every time that was registered is reported, counted from the same event.

    Words without any time are the same only letter by letter: what cannot be read is for a person to compare.
    """
    ours, theirs = windows(registered), windows(reported)
    if not ours or not theirs:
        return _plain(registered) == _plain(reported)
    from_ours, from_theirs = anchors(registered), anchors(reported)
    if from_ours and from_theirs and not from_ours & from_theirs:
        return False
    return all(any(_near(one, other) for other in theirs) for one in ours)


def _near(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return all(abs(a - b) <= _TOLERANCE_DAYS for a, b in zip(one, other, strict=True))


def _plain(words: str) -> str:
    return " ".join(re.findall(r"\w+", words.casefold()))
