"""A field's value in words: as the registry's page prints it, in either language."""

from __future__ import annotations

from typing import Any, Final

from theratrial.registry.codes import code_list
from theratrial.registry.fields import Field
from theratrial.registry.record import Age
from theratrial.registry.words import Coded, Language, RecordDate, Text

_UNITS: Final = {"years": "سال", "months": "ماه", "weeks": "هفته", "days": "روز"}


def shown(field: Field, value: Any, language: Language = "en", *, either: bool = True) -> str:
    """The value of a field in words; empty where nothing was registered.

    Parameters
    ----------
    either
        Whether a text that is missing in the language may be shown in the other one: a reader is better served by
        it than by nothing. Exports by language ask with False.

    Examples
    --------
    >>> from theratrial.registry.fields import field_of
    >>> shown(field_of("recruitment.status"), Coded(code="complete"))
    'Recruitment complete'
    """
    if value is None:
        return ""
    if isinstance(value, Text):
        return _said(value, language, either=either)
    if isinstance(value, Coded):
        if value.text:
            return _said(value.text, language, either=either)
        if not value.code:
            return ""
        entry = code_list(field.list_name)[value.code]
        return entry.fa if language == "fa" else entry.en
    if isinstance(value, RecordDate):
        return value.pair
    if isinstance(value, Age):
        return _age(value, language, either=either)
    if isinstance(value, tuple):
        return "\n".join(text for one in value if (text := shown(field, one, language, either=either)))
    if isinstance(value, float):
        return f"{value:g}"
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


_OTHER: Final[dict[Language, tuple[Language, str]]] = {"en": ("fa", "Persian"), "fa": ("en", "انگلیسی")}
_GIVEN: Final[dict[Language, tuple[str, str, str, str]]] = {
    "en": ("given as", "both calendars", "Gregorian", "Jalali"),
    "fa": ("داده‌شده به", "هر دو تقویم", "میلادی", "شمسی"),
}


def shown_apart(field: Field, old: Any, new: Any, language: Language = "en") -> tuple[str, str]:
    """Two values that differ, in words that differ: in the other language, or how they were given, where need be.

    Examples
    --------
    >>> from theratrial.registry.fields import field_of
    >>> day = {"gregorian": "2021-10-18"}
    >>> one, other = RecordDate.model_validate(day | {"jalali": "1400/07/26"}), RecordDate.model_validate(day)
    >>> shown_apart(field_of("registration.registered_on"), one, other)[1]
    '2021-10-18, 1400/07/26 (given as Gregorian)'
    """
    said = shown(field, old, language), shown(field, new, language)
    if said[0] != said[1]:
        return said
    other, name = _OTHER[language]
    before, after = (shown(field, one, other, either=False) for one in (old, new))
    if before != after:
        empty = "(خالی)" if language == "fa" else "(empty)"
        return f"{name}: {before or empty}", f"{name}: {after or empty}"
    return _as_given(said[0], old, language), _as_given(said[1], new, language)


def _as_given(words: str, value: Any, language: Language) -> str:
    given, both, gregorian, jalali = _GIVEN[language]
    if not isinstance(value, RecordDate):
        return words
    how = both if value.jalali else jalali if value.calendar == "jalali" else gregorian
    return f"{words} ({given} {f'“{value.text}”' if value.text else how})"


def _said(text: Text, language: Language, *, either: bool) -> str:
    words = text.said(language)
    return words or (str(text) if either else "")


def _age(value: Age, language: Language, *, either: bool) -> str:
    if value.text:
        return _said(value.text, language, either=either)
    if value.value is None:
        return ""
    return f"{value.value:g} {_UNITS[value.unit] if language == 'fa' else value.unit}"
