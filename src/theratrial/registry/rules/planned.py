"""What the rules on protocols share: a clause's words, and durations and numbers read from a record's text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from theratrial.registry.fields import field_of, value_at
from theratrial.registry.found import Quote, Sentence
from theratrial.registry.readings import plain
from theratrial.registry.rules.frame import Case
from theratrial.registry.shown import shown

if TYPE_CHECKING:
    from theratrial.protocol.clauses import Clause

TEXTS: Final = ("summary.design", "summary.settings_and_conduct", "summary.intervention_groups")
"""Paragraphs beside the intervention groups that say what is done."""
_SUPERSCRIPT: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_DAYS: Final = {"day": 1.0, "week": 7.0, "month": 30.4375, "روز": 1.0, "هفته": 7.0, "ماه": 30.4375}
_WORDS: Final = {
    name: number
    for number, name in enumerate(
        "one two three four five six seven eight nine ten eleven twelve".split(),  # noqa: SIM905
        1,
    )
} | {"یک": 1, "دو": 2, "سه": 3, "چهار": 4, "پنج": 5, "شش": 6, "هفت": 7, "هشت": 8, "نه": 9, "ده": 10}
SAY_THE_SAME: Final = Sentence(
    "Find out which holds; correct the record, or amend the protocol",
    "روشن کنید کدام درست است؛ سوابق را درست کنید یا پروتکل را اصلاح کنید",
)
NUMBER: Final = r"(?:\d{1,4}(?:\.\d{1,2})?|" + "|".join(sorted(_WORDS, key=len, reverse=True)) + r")"
_SPAN: Final = re.compile(
    rf"\b(?P<low>{NUMBER})(?:\s?(?:-|–|to|تا)\s?(?P<high>{NUMBER}))?\s?-?(?P<unit>days?|weeks?|months?|روز|هفته|ماه)\b",
    re.IGNORECASE,
)
_REST: Final = 120


@dataclass(frozen=True, slots=True)
class Span:
    """A duration as written: ``4-6 weeks`` is 28 to 42 days."""

    text: str
    low_days: float
    high_days: float

    def is_window(self, low_days: float, high_days: float) -> bool:
        """Whether it says the window; a single number says it where it lies inside."""
        if self.low_days == self.high_days:
            return low_days - 1 <= self.low_days <= high_days + 1
        return abs(self.low_days - low_days) <= 1 and abs(self.high_days - high_days) <= 1


def spans(text: str, after: str) -> list[Span]:
    """Durations followed by words (a regular expression): ``4-6 weeks after last treatment session``."""
    found = []
    for match in _SPAN.finditer(text):
        # Only the rest of the clause is looked at: a hostile text must not be read anew from every number.
        rest = re.split(r"[.;,]", text[match.end() : match.end() + _REST])[0]
        words = re.match(after, rest, re.IGNORECASE)
        if words:
            low, high = number(match["low"]), number(match["high"] or match["low"])
            scale = _DAYS[match["unit"].casefold().removesuffix("s")]
            found.append(Span(match[0] + words[0], low * scale, high * scale))
    return found


def sentences(text: str) -> list[str]:
    """The sentences of a text; a point between digits ends none."""
    return re.split(r"[.;](?!\d)", text)


def number(word: str) -> float:
    """``six`` and ``6`` are 6."""
    known = _WORDS.get(word.casefold())
    return float(word) if known is None else float(known)


def words_at(case: Case, path: str) -> str:
    """The words of a field for reading numbers: digits of both scripts and superscripts made plain."""
    return plain(str(value_at(case.record, path) or "")).translate(_SUPERSCRIPT)


def treatment_words(case: Case) -> Iterator[tuple[str, str]]:
    """(path, words) of every text that says what is done to the participants."""
    paths = [f"interventions[{index}].description" for index in range(len(case.record.interventions))]
    for path in (*paths, *TEXTS):
        if words := words_at(case, path):
            yield path, words


def said_in(case: Case, path: str) -> Sentence:
    """A field of the record in the words of both languages."""
    field, value = field_of(path), value_at(case.record, path)
    return Sentence(shown(field, value) or "empty", shown(field, value, "fa") or "خالی")


def where_it_stands(case: Case) -> str:
    """The field to mend where something about the treatment is lacking."""
    return "interventions[0].description" if case.record.interventions else "summary.intervention_groups"


def assumed(clause: Clause[Any]) -> Sentence:
    """What is added where the protocol file itself does not hold the clause for settled."""
    if clause.decision.status.value in ("demonstration", "open"):
        return Sentence(
            " (an assumption of the protocol file: nobody of the trial has decided on it)",
            " (فرض فایل پروتکل است: کسی از کارآزمایی دربارهٔ آن تصمیم نگرفته است)",
        )
    return Sentence("", "")


def of_protocol(text: str, path: str) -> Quote:
    """Words of the protocol, and the clause they stand in."""
    return Quote(text, "", f"protocol, {path}")


def same_words(one: str, other: str) -> bool:
    """Whether two texts are the same but for case, spaces, punctuation at the end and superscripts."""
    first, second = (plain(text).translate(_SUPERSCRIPT).casefold().strip(" .") for text in (one, other))
    return first == second
