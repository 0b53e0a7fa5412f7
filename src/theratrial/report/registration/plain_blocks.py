"""Blocks of the plain-language page: paragraphs, lists, tables, people as a picture. Every text is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

from theratrial.registry.words import Language, Text
from theratrial.report.registration.said import DIRECTION

MOST_DRAWN: Final = 60
"""With more people than this a picture of each is no help."""
_IN_A_ROW: Final = 15
_STEP: Final = 26


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under heads; the first cell of a row is its head."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str | Markup, ...], ...]


def paragraph(words: str | Markup, css: str = "") -> Markup:
    """A paragraph; empty words give nothing."""
    if not words:
        return Markup("")
    return Markup("<p{}>{}</p>\n").format(_class(css), words)


def _class(css: str) -> Markup:
    return Markup(' class="{}"').format(css) if css else Markup("")


def listed(items: Iterable[str | Markup]) -> Markup:
    """A list; no items give nothing."""
    made = Markup("").join(Markup("<li>{}</li>\n").format(item) for item in items if item)
    return Markup("<ul>\n{}</ul>\n").format(made) if made else Markup("")


def table(one: Table) -> Markup:
    """A table with caption and heads of rows and columns."""
    heads = Markup("").join(Markup('<th scope="col">{}</th>').format(head) for head in one.heads)
    rows = Markup("").join(
        Markup('<tr><th scope="row">{}</th>{}</tr>\n').format(
            row[0], Markup("").join(Markup("<td>{}</td>").format(cell) for cell in row[1:])
        )
        for row in one.rows
    )
    return Markup(
        '<div class="table"><table>\n<caption>{}</caption>\n<thead><tr>{}</tr></thead>\n'
        "<tbody>\n{}</tbody>\n</table></div>\n"
    ).format(one.caption, heads, rows)


def registered(text: Text, language: Language) -> Markup:
    """Words of the record; in the other language, and marked as such, where they were never given in this one."""
    if words := text.said(language):
        return _lines(words)
    other: Language = "en" if language == "fa" else "fa"
    words = text.said(other)
    return other_language(words, other) if words else Markup("")


def other_language(words: str, language: Language) -> Markup:
    """Words of another language than the page's."""
    return Markup('<span lang="{}" dir="{}">{}</span>').format(language, DIRECTION[language], _lines(words))


def _lines(words: str) -> Markup:
    return Markup("<br>\n").join(escape(line) for line in words.split("\n"))


def people(reached: int, total: int, words: str) -> Markup:
    """So many of so many as people, filled and hollow; nothing where there are too many to be counted by eye."""
    if not 0 < total <= MOST_DRAWN:
        return Markup("")
    rows = (total + _IN_A_ROW - 1) // _IN_A_ROW
    figures = Markup("").join(_person(place, "reached" if place < reached else "not-reached") for place in range(total))
    return Markup(
        '<svg class="people" role="img" aria-label="{}" viewBox="0 0 {} {}" width="{}" height="{}">\n{}</svg>\n'
    ).format(
        words,
        min(total, _IN_A_ROW) * _STEP,
        rows * _STEP * 2,
        min(total, _IN_A_ROW) * _STEP,
        rows * _STEP * 2,
        figures,
    )


# As attributes of the drawing: a printer of pages does not hand the page's style down into it.
_LOOK: Final = {
    "reached": Markup('fill="#1f5f8b" stroke="#1f5f8b" stroke-width="1.5"'),
    "not-reached": Markup('fill="#ffffff" stroke="#6b7785" stroke-width="1.5"'),
}


def _person(place: int, css: str) -> Markup:
    x, y = place % _IN_A_ROW * _STEP + _STEP // 2, place // _IN_A_ROW * _STEP * 2
    return Markup(
        '<g class="{}" {}><circle cx="{}" cy="{}" r="6"/><path d="M{} {} v-12 a8 8 0 0 1 16 0 v12 z"/></g>\n'
    ).format(css, _LOOK[css], x, y + 9, x - 8, y + 42)


def section(number: int, heading: str, blocks: Sequence[Markup], top: int) -> Markup:
    """A part of the page under its heading."""
    return Markup(
        '<section id="plain-{}" aria-labelledby="plain-{}-title">\n<h{} id="plain-{}-title">{}</h{}>\n{}</section>\n'
    ).format(number, number, top, number, heading, top, Markup("").join(blocks))
