"""What the core said, in the language, calendar and digits of the reader: as markup and as plain text."""

from __future__ import annotations

import re
from typing import Any

from django.db import Error
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext

from theratrial.protocol.schema import Protocol
from theratrial.trialfolder.tables import TABLES
from theratrial.web.capture.naming import column_label, table_label
from theratrial.web.sentences.matching import CODE, CODE_END, END, ENGLISH, said
from theratrial.web.sentences.table import table

_PERSIAN = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
_ARABIC = re.compile("[\u0600-\u06ff]")
_COLUMN = re.compile(r"([a-z_]+)\.(\w+)")
_DATES = re.compile(r"\d{4}[-/]\d\d[-/]\d\d(?:[ T]\d\d:\d\d(?::\d\d)?)?")
_TABLES = {one.name for one in TABLES}
_WORDS_OF_TITLES = (("title", "titles"), ("label", "labels"))


def _titles(protocol: Protocol) -> dict[str, str]:
    """English -> Persian of every title and label that a protocol gives in both; names of what it calls by an id."""
    found: dict[str, str] = {}

    def walked(node: Any) -> None:
        if isinstance(node, dict):
            for one, several in _WORDS_OF_TITLES:
                if isinstance(node.get(several), dict) and "fa" in node[several]:
                    found[node[one]] = node[several]["fa"]
        for inside in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            walked(inside)

    walked(protocol.model_dump(mode="json"))
    for clauses in (protocol.schedule, protocol.imaging):
        for key, clause in clauses.items():
            if clause.reading is not None:
                found.setdefault(key, clause.reading.titles.get("fa", key))
    found |= {key: clause.reading.name for key, clause in protocol.products.items() if clause.reading is not None}
    return found


class _Words:
    """The titles and columns of one protocol, then the interface's catalogue."""

    def __init__(self, protocol: Protocol | None) -> None:
        self.protocol = protocol
        self._titles = _titles(protocol) if protocol is not None else {}

    def __call__(self, text: str) -> str:
        if (found := self._titles.get(text)) is not None:
            return found
        column = _COLUMN.fullmatch(text)
        if self.protocol is not None and column is not None and column[1] in _TABLES:
            return f"{table_label(column[1], self.protocol)}، {self._column(column[1], column[2])}"
        return gettext(text) if text else text

    def _column(self, name: str, column: str) -> str:
        label = column_label(name, column, self.protocol)
        return table().words.get(column, column.replace("_", " ")) if label.isascii() else label


_KNOWN: dict[int, _Words] = {}
"""By the identity of the protocol, which is parsed once per process and held by its words."""


def words_in_force() -> _Words:
    """Words of the protocol in force."""
    from theratrial.web.trials.models import Trial
    from theratrial.web.trials.selectors import protocol_in_force

    try:
        protocol = protocol_in_force()
    except (Trial.DoesNotExist, Error):
        return _NONE
    found = _KNOWN.get(id(protocol))
    if found is None:
        found = _KNOWN[id(protocol)] = _Words(protocol)
    return found


_NONE = _Words(None)


def is_persian(text: str) -> bool:
    """Whether a text holds a Persian letter."""
    return _ARABIC.search(text) is not None


def speaks_persian() -> bool:
    """Whether the page that is made is Persian."""
    return (get_language() or "en").startswith("fa")


def _marked(text: str, user: Any, words: _Words | None) -> str:
    found = said(text, jalali=getattr(user, "calendar", "") == "jalali", words=words or words_in_force())
    if not getattr(user, "persian_digits", False):
        return found.text
    pieces = found.text.split(ENGLISH)
    out = [_digits(pieces[0])]
    for piece in pieces[1:]:
        english, _end, rest = piece.partition(END)
        out.append(f"{ENGLISH}{english}{END}{_digits(rest)}")
    return "".join(out)


def _digits(text: str) -> str:
    """Persian digits in numbers and dates; a code with letters keeps its own."""
    pieces = text.split(CODE)
    out = [pieces[0].translate(_PERSIAN)]
    for piece in pieces[1:]:
        inside, end, rest = piece.partition(CODE_END)
        number, _gap, _unit = inside.partition(" ")
        if not any(c.isalpha() for c in inside):
            inside = inside.translate(_PERSIAN)
        elif not any(c.isalpha() for c in number):
            inside = number.translate(_PERSIAN) + inside[len(number) :]
        out.append(f"{CODE}{inside}{end}{rest.translate(_PERSIAN)}")
    return "".join(out)


def said_plain(text: Any, user: Any = None) -> str:
    """A sentence of the core for a place that takes no markup; unchanged where the page is English."""
    english = "" if text is None else str(text)
    if not english or not speaks_persian() or _ARABIC.search(english):
        return english
    return _marked(english, user, None).replace(ENGLISH, CODE).replace(END, CODE_END)


def said_markup(text: Any, user: Any = None, words: _Words | None = None) -> SafeString:
    """A sentence of the core on a page: Persian with the English as its title, or English marked as such."""
    english = "" if text is None else str(text)
    if not english or not speaks_persian():
        return escape(english)
    if _ARABIC.search(english):
        # The interface's own sentence, translated before it came here; its dates would be read backwards.
        return mark_safe(_DATES.sub(r'<bdi dir="ltr">\g<0></bdi>', str(escape(english))))
    shown = _marked(english, user, words)
    if shown == f"{ENGLISH}{english}{END}":
        return format_html('<bdi lang="en" dir="ltr">{}</bdi>', english)
    markup = str(escape(shown)).replace(ENGLISH, '<bdi lang="en" dir="ltr">').replace(END, "</bdi>")
    # Made of escaped text and two fixed tags.
    return format_html('<span dir="rtl" title="{}">{}</span>', english, mark_safe(markup))
