"""A page of IRCT saved or copied as text: in English or Persian, with or without the bold marks of a conversion."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Final

from theratrial.errors import InputError
from theratrial.exchange.irct.labels import HEADINGS, plain, steps
from theratrial.exchange.irct.values import record_of
from theratrial.exchange.irct.walk import Stray, Walked, walked
from theratrial.registry.fields import sections
from theratrial.registry.imported import Imported, Unplaced
from theratrial.registry.words import Language, Text

_FEWEST_LABELS: Final = 8
_PRINTED: Final = re.compile(r"[0-9]{1,2} [A-Z][a-z]{2} [0-9]{4}")
_PRINTED_PAIR: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}), \d{4}/\d{2}/\d{2}")
REGISTRY: Final = dict(zip(("en", "fa"), HEADINGS["registry"], strict=True))


def read_irct_text(text: str, *, today: date) -> Imported:
    """The record of a page as text.

    Raises
    ------
    InputError
        Too few labels of the page stand in it: it is no such page.
    """
    return read_irct_lines(list(enumerate(text.splitlines(), 1)), today=today, format_="irct-text")


def read_irct_lines(lines: Iterable[tuple[int, str]], *, today: date, format_: str) -> Imported:
    """The record of a page as numbered lines.

    Raises
    ------
    InputError
        Too few labels of the page stand in it.
    """
    numbered = list(lines)
    found = walked(numbered)
    if found.labels_seen < _FEWEST_LABELS:
        raise InputError(
            f"only {found.labels_seen} labels of IRCT's page were found; save the whole page, from "
            "'Protocol summary' to 'Sharing plan'"
        )
    language = _language(numbered)
    printed, title = _head(found)
    record, unplaced = record_of(found, today=today, language=language)
    registration = record.registration.model_copy(
        update={"printed_on": printed or record.registration.printed_on, "registry": _registry(numbered)}
    )
    return Imported(
        record.model_copy(update={"registration": registration}),
        format_,
        (*(one for one in unplaced if not _is_title(one, title)), *_cut_off(found, numbered, language)),
    )


def _cut_off(found: Walked, lines: list[tuple[int, str]], language: Language) -> list[Unplaced]:
    """The sections that a page always has, and that this one ends before."""
    shown = {one.field.section for one in steps() if one.field.empty != "hidden"}
    names = [one for one in sections() if one.name in shown]
    places = [one.name for one in names]
    if found.last_section not in places or places[-1] == found.last_section:
        return []
    at = places.index(found.last_section)
    missing = ", ".join(one.title(language) for one in names[at + 1 :])
    why = f"were not found: the copy ends in '{names[at].title(language)}'; save the whole page"
    return [Unplaced(f"line {lines[-1][0]}", "end of the page", missing, why)]


def _language(lines: list[tuple[int, str]]) -> Language:
    persian = sum(1 for _, line in lines for letter in line if "\u0600" <= letter <= "\u06ff")
    latin = sum(1 for _, line in lines for letter in line if letter.isascii() and letter.isalpha())
    return "fa" if persian > latin else "en"


def _registry(lines: list[tuple[int, str]]) -> Text:
    whole = {plain(line) for _, line in lines}
    return Text(**{language: name for language, name in REGISTRY.items() if plain(name) in whole})


def _head(found: Walked) -> tuple[date | None, str]:
    """The day of the print and the title above the first section: parts of the page, not strays."""
    printed: date | None = None
    title = ""
    path = "scientific_title"
    known = next((plain(piece.words) for piece in found.pieces if piece.path == path), "")
    kept: list[Stray] = []
    for stray in found.strays:
        if not stray.after or stray.after in REGISTRY.values():
            if day := _printed(stray.words):
                printed = day
                continue
            if known and plain(stray.words) == known:
                title = stray.words
                continue
        kept.append(stray)
    found.strays[:] = kept
    return printed, title


def _printed(words: str) -> date | None:
    """The day of a print as the head gives it: ``09 Jun 2026``, or both calendars on a Persian page of ours."""
    pair = _PRINTED_PAIR.fullmatch(words)
    try:
        if pair:
            return date.fromisoformat(pair[1])
        return datetime.strptime(words, "%d %b %Y").date() if _PRINTED.fullmatch(words) else None
    except ValueError:
        return None


def _is_title(one: Unplaced, title: str) -> bool:
    return bool(title) and one.value == title
