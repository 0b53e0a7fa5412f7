"""The words of a document in its language: its own from a table, the core's through whoever can say them.

A text of a document is written in English where it is used and looked up in ``words_fa.csv``; a test demands the
Persian of every one. What the core said (reasons, sentences of results) goes through the speaker that the caller gives,
for the table of those sentences belongs to the shell (decision 0012); without a speaker it stays English, marked.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from importlib import resources
from typing import Any, Final, Literal

from theratrial.errors import InputError
from theratrial.registry.calendars import jalali_text
from theratrial.registry.words import Text
from theratrial.report.texts import in_percent, number, probability_text, unit_text
from theratrial.trace import Quantity

DocumentLanguage = Literal["en", "fa"]
LANGUAGES: Final[tuple[DocumentLanguage, ...]] = ("en", "fa")
ENGLISH, END = "\ue000", "\ue001"
"""Around what stays English in a Persian document; the renderer makes ``lang="en" dir="ltr"`` of it."""
CODE, CODE_END = "\u2066", "\u2069"
"""Around numbers, dates and codes among Persian letters: isolated, left to right."""
Speaker = Callable[[str], str]
"""A sentence of the core in Persian with the marks above."""

_WRITTEN: Final[Mapping[str, str]] = {
    "clopper pearson": "Clopper-Pearson",
    "wilson": "Wilson",
    "wilson continuity": "Wilson with continuity correction",
    "jeffreys": "Jeffreys",
    "mid p": "mid-P",
    "agresti coull": "Agresti-Coull",
    "log log": "log-log",
    "pet ct": "PET/CT",
    "spect": "SPECT",
    "suv peak": "SUVpeak",
    "suv max": "SUVmax",
    "suv mean": "SUVmean",
    "s values": "S values",
    "james 128": "James (128)",
    "morgan 120": "Morgan (120)",
    "janmahasatian": "Janmahasatian",
}
"""Words of fixed lists that English writes in another way than their identifiers."""

_ARABIC = re.compile("[\u0600-\u06ff]")
_LATIN = re.compile("[A-Za-z]")
_LEFT_ENGLISH = re.compile(f"{ENGLISH}([^{END}]*){END}")


def unspoken(text: str) -> str:
    """The speaker of who has none: English, marked."""
    return f"{ENGLISH}{text}{END}" if _LATIN.search(text) else text


@cache
def persian_words() -> Mapping[str, str]:
    """English -> Persian of every text of the documents."""
    text = resources.files(__package__).joinpath("words_fa.csv").read_text(encoding="utf-8")
    return {row["english"]: row["persian"] for row in csv.DictReader(text.splitlines())}


@cache
def persian_reasons() -> Mapping[str, str]:
    """English -> Persian of the answers and reasons of the protocol that the product ships."""
    text = resources.files(__package__).joinpath("reasons_fa.csv").read_text(encoding="utf-8")
    return {row["english"]: row["persian"] for row in csv.DictReader(text.splitlines())}


@dataclass(frozen=True, slots=True)
class Voice:
    """Says texts, titles, dates and quantities in one language."""

    language: DocumentLanguage = "en"
    speaker: Speaker = unspoken
    titles: Mapping[str, str] = field(default_factory=dict)
    """English -> Persian of titles that the protocol gives in both."""

    def __call__(self, english: str, **values: Any) -> str:
        """A text of the document's own with its values set in.

        Raises
        ------
        InputError
            The table lacks its Persian.
        """
        text = english
        if self.language == "fa":
            if english not in persian_words():
                raise InputError(f"words_fa.csv lacks the Persian of {english!r}")
            text = persian_words()[english]
        return text.format(**{name: self.inside(value) for name, value in values.items()}) if values else text

    @property
    def arrow(self) -> str:
        """From one word to the next in the direction of reading: arrows are not mirrored by themselves."""
        return "←" if self.language == "fa" else "→"

    def listed(self, parts: Iterable[str]) -> str:
        """Words with commas, of the kind that the language writes."""
        return ("، " if self.language == "fa" else ", ").join(parts)

    def clauses(self, parts: Iterable[str]) -> str:
        """Clauses with semicolons, of the kind that the language writes."""
        return ("؛ " if self.language == "fa" else "; ").join(parts)

    def inside(self, value: Any) -> str:
        """A value for a text: isolated where it would run in the other direction."""
        text = str(value)
        if self.language == "en" or not text or _ARABIC.search(text) or text[0] in (CODE, ENGLISH):
            return text
        return f"{CODE}{text}{CODE_END}"

    def core(self, text: str) -> str:
        """What the core or the protocol said in English."""
        if self.language == "en" or not text or _ARABIC.search(text):
            return text
        if (found := self.titles.get(text) or persian_words().get(text) or persian_reasons().get(text)) is not None:
            return found
        return _LEFT_ENGLISH.sub(self._known, self.speaker(text))

    def _known(self, found: re.Match[str]) -> str:
        """A piece that the speaker left in English, where a table here has it: a title or a word within a sentence."""
        piece = found[1].strip(CODE + CODE_END)
        return self.titles.get(piece) or persian_words().get(piece) or persian_reasons().get(piece) or found[0]

    def quoted(self, text: str) -> str:
        """Words that stay as they were written (a registered sentence, a citation)."""
        return unspoken(text) if self.language == "fa" and not _ARABIC.search(text) else text

    def registered(self, text: Text) -> str:
        """Words of the registration record, in the other language where it has none in this."""
        return text.said(self.language) or self.quoted(str(text))

    def word(self, identifier: str) -> str:
        """A word of a fixed list (a verdict, a disposition): from the document's table, else as the core says it."""
        plain = identifier.replace("_", " ")
        if self.language == "en":
            return _WRITTEN.get(plain, plain)
        return persian_words().get(plain) or self.core(plain)

    def day(self, moment: date | datetime | None) -> str:
        """A day; in Persian in both calendars, Jalali first."""
        if moment is None:
            return self("not known")
        day = moment.date() if isinstance(moment, datetime) else moment
        if self.language == "en":
            return day.isoformat()
        return f"{CODE}{jalali_text(day)}{CODE_END} ({CODE}{day.isoformat()}{CODE_END})"

    def short_day(self, moment: date | datetime | None) -> str:
        """A day for a narrow column: in Persian the Jalali one alone."""
        if moment is None:
            return "–"
        day = moment.date() if isinstance(moment, datetime) else moment
        return day.isoformat() if self.language == "en" else f"{CODE}{jalali_text(day)}{CODE_END}"

    def minute(self, moment: datetime | None) -> str:
        """An instant to the minute."""
        if moment is None:
            return self("not known")
        clock = moment.strftime("%H:%M")
        return f"{moment:%Y-%m-%d} {clock}" if self.language == "en" else f"{self.day(moment)} {CODE}{clock}{CODE_END}"

    def value(self, quantity: Quantity | None, *, signed: bool = False, unit: bool = True) -> str:
        """A quantity with its unit; never a number where there is none."""
        if quantity is None:
            return self("not known")
        if quantity.value is None:
            return self("undetermined")
        if quantity.unit == "fraction":
            return in_percent(quantity.value)
        if quantity.unit == "probability":
            return self._probability(probability_text(quantity.value))
        sign = "+" if signed and quantity.value > 0 else ""
        if quantity.unit == "percent":
            return f"{sign}{quantity.value:.1f} %"
        shown = f"{sign}{number(quantity.value)}"
        return f"{shown} {unit_text(quantity.unit)}" if unit and quantity.unit else shown

    def _probability(self, text: str) -> str:
        side, _, level = text.partition(" ")
        if side == "below":
            return self("below {level}", level=level)
        return self("above {level}", level=level) if side == "above" else self.inside(text)

    def interval(self, quantity: Quantity | None) -> str:
        """The interval of a quantity, without its unit; "" where none is stated."""
        if quantity is None:
            return ""
        shown = in_percent if quantity.unit == "fraction" else number
        lower, upper = quantity.lower, quantity.upper
        if upper == float("inf"):
            known = lower is not None and lower > 0
            return self("at least {lower}", lower=shown(lower)) if known else self("no upper bound")  # type: ignore[arg-type]
        if lower is not None and upper is not None:
            return self("{lower} to {upper}", lower=shown(lower), upper=shown(upper))
        if lower is not None:
            return self("at least {lower}", lower=shown(lower))
        return self("at most {upper}", upper=shown(upper)) if upper is not None else ""
