"""What stands in a field, as elements of a page: words with their language and direction, dates in both calendars."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup, escape

from theratrial.registry.fields import Field, Filled
from theratrial.registry.record import Age
from theratrial.registry.shown import shown
from theratrial.registry.words import Language, RecordDate

_PERSIAN: Final = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
_WEB: Final = re.compile(r"https?://[^\s<>\"']+")
_EMAIL: Final = re.compile(r"[^\s@<>\"'?&]+@[^\s@<>\"'?&]+\.[^\s@<>\"'?&]+")
# Persian would set the two numbers of a power from right to left: 10^9 read as 9^10.
_POWER: Final = re.compile(r"((?:\d+(?:[.,٫]\d+)?\s?×\s?)?\d+\^[-−+]?\d+)")
DIRECTION: Final[dict[Language, str]] = {"en": "ltr", "fa": "rtl"}


@dataclass(frozen=True, slots=True)
class Said:
    """Words of a value; `language` is theirs, empty for numbers, dates and addresses, which run from left to right."""

    words: str
    language: Language | None = None


def said(one: Filled, language: Language, *, either: bool = True) -> Said:
    """The value of a field in words of a language.

    Parameters
    ----------
    either
        Whether words that are missing in the language are shown in the other one.
    """
    if one.blank:
        return Said("")
    if one.field.kind in ("date", "day"):
        return Said(dated(one.value, language))
    if one.field.kind in ("count", "percent"):
        return Said(
            digits(shown(one.field, one.value, language).replace(".", "٫" if language == "fa" else "."), language)
        )
    if one.field.kind in ("string", "strings"):
        return Said(shown(one.field, one.value, language))
    words = shown(one.field, one.value, language, either=False)
    if words:
        return Said(digits(words, language) if _is_ours(one.value) else words, language)
    other: Language = "en" if language == "fa" else "fa"
    return Said(shown(one.field, one.value, other, either=False), other) if either else Said("", language)


def _is_ours(value: Any) -> bool:
    return isinstance(value, Age) and not value.text


def digits(text: str, language: Language) -> str:
    """Numbers that we write ourselves, in the digits of a language."""
    return text.translate(_PERSIAN) if language == "fa" else text


def dated(value: Any, language: Language) -> str:
    """A date in both calendars, the Jalali one with Persian digits in Persian: ``2021-10-18, ۱۴۰۰/۰۷/۲۶``."""
    if not isinstance(value, RecordDate):
        value = RecordDate(gregorian=value)
    gregorian, comma, jalali = value.pair.partition(", ")
    return gregorian + comma + digits(jalali, language)


def element(name: str, one: Said, page: Language | None, css: str = "") -> Markup:
    """An element with words in it, marked where they are of another language than the page."""
    attributes = Markup(' class="{}"').format(css) if css else Markup("")
    if one.language and one.language != page:
        attributes += Markup(' lang="{}" dir="{}"').format(one.language, DIRECTION[one.language])
    inside = linked(one.words)
    if one.words and one.language is None:
        inside = Markup('<bdi dir="ltr">{}</bdi>').format(inside)
    return Markup("<{}{}>{}</{}>").format(Markup(name), attributes, inside, Markup(name))


def linked(words: str) -> Markup:
    """Words escaped, their lines kept; an address of the web or of e-mail that stands alone as a link."""
    return Markup("<br>").join(_link(line) for line in words.split("\n"))


def _link(line: str) -> Markup:
    if _WEB.fullmatch(line):
        return Markup('<a href="{0}">{0}</a>').format(line)
    if _EMAIL.fullmatch(line):
        return Markup('<a href="mailto:{0}">{0}</a>').format(line)
    return isolated(line)


def isolated(words: str) -> Markup:
    """Words escaped, with powers kept in their own direction."""
    pieces = _POWER.split(words)
    return Markup("").join(
        Markup('<bdi dir="ltr">{}</bdi>').format(piece) if index % 2 else escape(piece)
        for index, piece in enumerate(pieces)
    )


def label(words: str) -> Markup:
    """A label, which a narrow column may break behind a stroke."""
    return Markup("/<wbr>").join(escape(one) for one in words.split("/"))


def has_languages(field: Field) -> bool:
    """Whether a field holds words, in one language or the other."""
    return field.kind in ("text", "texts", "code", "age")
