"""What stored values are called on pages: choices, products, visits and roles in words, dates in both calendars."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from theratrial.protocol.schema import Form, Protocol
from theratrial.trialfolder.tables import Column
from theratrial.trialfolder.tables import table as table_definition
from theratrial.web.capture.naming import language, planned_label
from theratrial.web.people.labels import role_text
from theratrial.web.sentences.table import table as sentences
from theratrial.web.templatetags.shown import day, moment

_WORDS: Final = {
    "yes": gettext_noop("yes"),
    "no": gettext_noop("no"),
    "done": gettext_noop("done"),
    "missed": gettext_noop("missed"),
    "fa": gettext_noop("Persian"),
    "en": gettext_noop("English"),
}
_WORDED: Final = {
    ("visits", "status"): ("done", "missed"),
    ("consents", "language"): ("fa", "en"),
    ("eligibility", "value"): ("yes", "no"),
}
"""Columns that no choices of a form say, with the words they hold."""
_ROLES: Final = frozenset({"reader_role", "examiner_role"})
_PLAIN_WORDS: Final = frozenset(
    {
        *(("lesion_readings", "site"), ("administrations", "route"), ("tumour_measurements", "organ")),
        *(("adverse_events", "action_taken"), ("serious_reports", "recipient"), ("pregnancies", "recipient")),
    }
)
"""Text columns of which the usual words are known in Persian."""
_LESION: Final = re.compile(r"lesion[_ ](\d+)")


class ValueWords:
    """Says stored cells in one language; what it looks up is kept, so a page of a thousand cells asks once."""

    def __init__(self, protocol: Protocol, spoken: str) -> None:
        self.protocol = protocol
        self.spoken = spoken
        self._maps: dict[tuple[str, str], Mapping[str, str]] = {}

    def __call__(self, table: str, column: str, text: str) -> str:
        """The words for what is stored; the text itself where it is its own word (numbers, codes, remarks)."""
        found = self._maps.get((table, column))
        if found is None:
            found = self._maps[table, column] = self._words(table, column)
        if text in found:
            return found[text]
        if column in _ROLES:
            return role_text(text)
        if (table, column) in _PLAIN_WORDS:
            return self._plain(text)
        if (match := _LESION.fullmatch(text)) is not None and column == "lesion_id":
            return _("lesion %(number)s") % {"number": match[1]}
        return text

    def measured(self, value: str, unit: str) -> str:
        """A value with its unit: ``3.87 10^9/L`` stays left to right among Persian words, a unit that is a word not."""
        if self.spoken != "fa" or not unit:
            return f"{value} {unit}".strip()
        known = sentences().words.get(unit)
        return f"{value} {known}" if known else f"\u2066{value} {unit}\u2069"

    def _plain(self, text: str) -> str:
        """A usual word; what somebody typed otherwise stays as it was typed."""
        known = sentences().words.get(text)
        if known is None:
            return text
        return known if self.spoken == "fa" else text.replace("_", " ")

    def _words(self, table: str, column: str) -> Mapping[str, str]:
        """Stored word -> what it is called, of everything that a column can hold by name."""
        definition = next((one for one in table_definition(table).columns if one.name == column), None)
        found = {one: _(_WORDS[one]) for one in _WORDED.get((table, column), ())}
        if definition is not None:
            found |= self._of_the_table(definition)
        for clause in self.protocol.forms.values():
            if clause.reading is not None and clause.reading.table == table:
                found |= self._of_the_form(clause.reading, column)
        return found

    def _of_the_table(self, column: Column) -> dict[str, str]:
        if column.type == "flag":
            return {one: _(_WORDS[one]) for one in ("yes", "no")}
        if column.refers_to == "product":
            return {
                key: clause.reading.name for key, clause in self.protocol.products.items() if clause.reading is not None
            }
        if column.refers_to in ("visit", "visit_or_imaging", "imaging"):
            planned = (*self.protocol.schedule, *self.protocol.imaging)
            return {one: planned_label(one, self.protocol) for one in planned}
        return {one: self._plain(one).replace("_", " ") for one in column.choices}

    def _of_the_form(self, form: Form, column: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for item in form.items:
            if (item.column or item.id) == column:
                labels = item.choice_labels.get(self.spoken) or item.choice_labels.get("en") or {}
                found |= labels
            # A column that tells rows apart (test, item) is said by the label of what stands in such a row.
            if (key := (item.where or {}).get(column)) is not None:
                found.setdefault(key, item.labels.get(self.spoken, item.label))
        return found


_KEPT: Final[dict[tuple[int, str], ValueWords]] = {}
"""By the identity of the protocol, which is parsed once per process and held by its words, and the language."""


def value_words(protocol: Protocol) -> ValueWords:
    """The words of a protocol in the language of the request."""
    key = (id(protocol), language())
    found = _KEPT.get(key)
    if found is None:
        found = _KEPT[key] = ValueWords(protocol, language())
    return found


@cache
def moment_kind(table: str, column: str) -> str:
    """``date`` or ``datetime`` of a column that holds one; else empty."""
    found = next((one.type for one in table_definition(table).columns if one.name == column), "")
    return found if found in ("date", "datetime") else ""


def cell_words(context: Any, words: ValueWords) -> Callable[[str, str, str], str]:
    """A function that says any cell for one page: days and instants in both calendars, the rest in words."""
    said: dict[tuple[str, str], str] = {}

    def shown(table: str, column: str, text: str) -> str:
        kind = moment_kind(table, column)
        if not kind:
            return words(table, column, text)
        found = said.get((kind, text))
        if found is None:
            found = said[kind, text] = _moment(context, kind, text)
        return found

    return shown


def _moment(context: Any, kind: str, text: str) -> str:
    """What cannot be read as a day or an instant is shown as it is stored."""
    try:
        return day(context, date.fromisoformat(text)) if kind == "date" else moment(context, _instant(text))
    except ValueError:
        return text


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if found.tzinfo is None:
        raise ValueError(text)
    return found
