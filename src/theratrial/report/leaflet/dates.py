"""Dates of the sheet in both calendars, the reader's own first."""

from __future__ import annotations

from datetime import date
from typing import Final

from theratrial.registry.calendars import jalali_text
from theratrial.registry.words import Language

_PERSIAN_DIGITS: Final = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
_JALALI_MONTHS: Final = (
    *("فروردین", "اردیبهشت", "خرداد", "تیر", "مرداد", "شهریور"),
    *("مهر", "آبان", "آذر", "دی", "بهمن", "اسفند"),
)
_JALALI_LATIN: Final = (
    *("Farvardin", "Ordibehesht", "Khordad", "Tir", "Mordad", "Shahrivar"),
    *("Mehr", "Aban", "Azar", "Dey", "Bahman", "Esfand"),
)
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_WEEKDAYS: Final[dict[Language, tuple[str, ...]]] = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "fa": ("دوشنبه", "سه‌شنبه", "چهارشنبه", "پنجشنبه", "جمعه", "شنبه", "یکشنبه"),
}


def persian_digits(text: str) -> str:
    """Latin digits as Persian ones."""
    return text.translate(_PERSIAN_DIGITS)


def own_date(day: date, language: Language) -> str:
    """The day in the calendar of the language, with its weekday.

    Examples
    --------
    >>> own_date(date(2026, 3, 24), "en")
    'Tuesday 24 March 2026'
    >>> own_date(date(2026, 3, 24), "fa")
    'سه‌شنبه ۴ فروردین ۱۴۰۵'
    """
    weekday = _WEEKDAYS[language][day.weekday()]
    if language == "fa":
        year, month, number = jalali_text(day).split("/")
        return persian_digits(f"{weekday} {int(number)} {_JALALI_MONTHS[int(month) - 1]} {year}")
    return f"{weekday} {day.day} {_MONTHS[day.month - 1]} {day.year}"


def other_date(day: date, language: Language) -> str:
    """The same day in the other calendar.

    Examples
    --------
    >>> other_date(date(2026, 3, 24), "en")
    '4 Farvardin 1405'
    """
    if language == "fa":
        return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"
    year, month, number = jalali_text(day).split("/")
    return f"{int(number)} {_JALALI_LATIN[int(month) - 1]} {year}"
