"""Two sets of readings of criteria: where they part, and a limit in people's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from theratrial.registry.criteria_ranges import ecog_limit
from theratrial.registry.readings import Comparator, Reading, topics
from theratrial.registry.words import Language

_OPPOSITE: Final[dict[str, Comparator]] = {">=": "<", ">": "<=", "<=": ">", "<": ">="}
_SIGNS: Final = {">=": "≥", "<=": "≤"}
_UNITS: Final = {
    "e9_per_L": (" × 10⁹/L", " × 10⁹ در لیتر"),
    "g_per_L": (" g/L", " گرم در لیتر"),
    "percent": (" %", "٪"),
    "years": (" years", " سال"),
}


@dataclass(frozen=True, slots=True)
class ReadingDifference:
    """Where two sets of readings part: one lacks a topic, has it on the other side, or sets another limit."""

    topic: str
    kind: Literal["only_in_first", "only_in_second", "other_limit", "other_side"]
    first: Reading | None
    second: Reading | None


def reading_differences(first: tuple[Reading, ...], second: tuple[Reading, ...]) -> tuple[ReadingDifference, ...]:
    """Topic by topic; limits are compared where both sides give them, a number never with a mere name."""
    found: list[ReadingDifference] = []
    named = {reading.topic for reading in (*first, *second)}
    for topic in topics():
        if topic not in named:
            continue
        one, other = [r for r in first if r.topic == topic], [r for r in second if r.topic == topic]
        if not other:
            found.append(ReadingDifference(topic, "only_in_first", one[0], None))
        elif not one:
            found.append(ReadingDifference(topic, "only_in_second", None, other[0]))
        else:
            found += _both(topic, one, other)
    return tuple(found)


def _both(topic: str, one: list[Reading], other: list[Reading]) -> list[ReadingDifference]:
    limits, others = demanded(one), demanded(other)
    if limits and others:
        return [] if limits == others else [ReadingDifference(topic, "other_limit", *_that_differ(one, other))]
    # What both ask for and one excludes in a part of its own ("brain metastases") is no contradiction.
    if limits or others or {r.side for r in one} & {r.side for r in other}:
        return []
    return [ReadingDifference(topic, "other_side", one[0], other[0])]


def _that_differ(one: list[Reading], other: list[Reading]) -> tuple[Reading, Reading]:
    """A limit of each that the other lacks; where all of one are in the other, its first."""
    limits, others = demanded(one), demanded(other)
    first, second = [r for r in one if r.value is not None], [r for r in other if r.value is not None]
    return (
        next((r for r in first if not demanded([r]) <= others), first[0]),
        next((r for r in second if not demanded([r]) <= limits), second[0]),
    )


def demanded(found: list[Reading]) -> set[tuple[str, float]]:
    """Limits as inclusion demands them: who is excluded at ``ECOG > 2`` is included at ``<= 2``."""
    limits: set[tuple[str, float]] = set()
    for one in found:
        if one.value is None:
            continue
        comparator, value = one.comparator, one.value
        if one.side == "exclusion" and comparator:
            comparator = _OPPOSITE[comparator]
        if one.topic == "ecog" and (grade := ecog_limit(comparator, value)):
            comparator, value = grade
        limits.add((comparator, value))
    return limits


def limit_said(one: Reading, language: Language = "en") -> str:
    """A limit in people's words; empty where there is none.

    Examples
    --------
    >>> limit_said(Reading("haemoglobin", "inclusion", ">=", 90.0, "g_per_L", "Hb at least 9 g/dL"))
    '≥ 90 g/L'
    """
    if one.value is None:
        return ""
    unit = _UNITS.get(one.unit, ("", ""))[language == "fa"]
    return f"{_SIGNS.get(one.comparator, one.comparator)} {one.value:g}{unit}".strip()
