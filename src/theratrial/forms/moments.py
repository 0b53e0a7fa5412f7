"""Dates and instants typed in either calendar, in any digits: read into one value, shown in both calendars."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

from theratrial.errors import InputError
from theratrial.forms.numbers import latin
from theratrial.registry.calendars import gregorian_date, jalali_month_length, jalali_text, meant_before_conversion
from theratrial.trialfolder.moments import EARLIEST_YEAR, LATEST_YEAR, CellProblem, read_date, read_instant

CalendarName = Literal["gregorian", "jalali"]

_JALALI_YEARS: Final = range(1206, 1499)
# A date of our time taken for Jalali once too often, and for Gregorian once too often.
_TWICE_GREGORIAN: Final = range(EARLIEST_YEAR + 621, LATEST_YEAR + 623)
_TWICE_JALALI: Final = range(1206 - 622, 1499 - 620)
_WRITE_DATE: Final = "write year-month-day: 2022-03-05, or 1400/12/14"
_WRITE_INSTANT: Final = "write the date and the time: 2022-03-05 09:30, or 1400/12/14 09:30"

_YEAR_FIRST = re.compile(r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})", re.ASCII)
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})", re.ASCII)
_OTHER_SEPARATORS = re.compile(r"(\d{4})[-/.\s](\d{1,2})[-/.\s](\d{1,2})", re.ASCII)
_TWO_DIGIT_YEAR = re.compile(r"\d{1,2}([-/.])\d{1,2}\1\d{1,2}", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_WITH_TIME = re.compile(r"(\S+?)(?:[T\s]\s*)(\d{1,2}):(\d{2})(:\d{2}(?:\.\d{1,6})?)?\s?(Z|[+-]\d{2}:?\d{2})?", re.ASCII)
_HALF_DAY = re.compile(r"\d\s*(?:[ap]\.?\s?m\.?|ق\.?\s?ظ|ب\.?\s?ظ|صبح|عصر|ظهر)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TypedDate:
    """A day as it was typed. `value` is Gregorian."""

    value: date
    calendar: CalendarName
    text: str


@dataclass(frozen=True, slots=True)
class TypedInstant:
    """An instant as it was typed. `value` is UTC."""

    value: datetime
    calendar: CalendarName
    text: str


def typed_date(text: str) -> TypedDate:
    """The day that a text names, in the Gregorian or the Jalali calendar; the year tells which.

    Assumes that a year of 1206-1498 is Jalali and one of 1900-2100 Gregorian: no day of a trial lies in both.

    Raises
    ------
    CellProblem
        The text is no date, or could be several; the remedy names what was probably meant.

    Examples
    --------
    >>> typed_date("۱۴۰۰/۷/۲۶").value.isoformat()
    '2021-10-18'
    >>> typed_date("2021-10-18").calendar
    'gregorian'
    """
    written = latin(text)
    match = _YEAR_FIRST.fullmatch(written)
    if match is None:
        raise _not_a_date(text, written)
    year, month, day = int(match[1]), int(match[3]), int(match[4])
    if year in _JALALI_YEARS:
        return TypedDate(_from_jalali(text, year, month, day), "jalali", text.strip())
    _refuse_double_conversion(text, year, month, day)
    return TypedDate(read_date(f"{year:04d}-{month:02d}-{day:02d}"), "gregorian", text.strip())


def typed_instant(text: str, zone: ZoneInfo) -> TypedInstant:
    """The instant that a date in either calendar and a time of 24 hours name in the trial's time zone.

    Raises
    ------
    CellProblem
        As `typed_date`; the time is missing or impossible; or `zone` skipped the time, or had it twice.

    Examples
    --------
    >>> typed_instant("1400/12/14 09:30", ZoneInfo("Asia/Tehran")).value.isoformat()
    '2022-03-05T06:00:00+00:00'
    """
    written = latin(text)
    if _HALF_DAY.search(written):
        raise CellProblem(f"{text!r} names a half of the day", "write the time with 24 hours, as 14:30")
    match = _WITH_TIME.fullmatch(written)
    if match is None:
        raise _without_time(text, written)
    day = typed_date(match[1])
    iso = f"{day.value.isoformat()}T{int(match[2]):02d}:{match[3]}{match[4] or ''}{match[5] or ''}"
    return TypedInstant(read_instant(iso, zone).astimezone(UTC), day.calendar, text.strip())


def shown_date(value: date, *, persian_digits: bool = False) -> str:
    """A day in both calendars.

    Examples
    --------
    >>> shown_date(date(2021, 10, 18))
    '2021-10-18 · 1400/07/26'
    """
    try:
        pair = f"{value.isoformat()} · {jalali_text(value)}"
    except InputError:
        pair = value.isoformat()
    return persian(pair) if persian_digits else pair


def shown_instant(value: datetime, zone: ZoneInfo, *, persian_digits: bool = False) -> str:
    """An instant in both calendars and the trial's time zone.

    Examples
    --------
    >>> shown_instant(datetime(2022, 3, 5, 6, 0, tzinfo=UTC), ZoneInfo("Asia/Tehran"))
    '2022-03-05 · 1400/12/14 09:30'
    """
    local = value.astimezone(zone)
    time = local.strftime("%H:%M:%S" if local.second else "%H:%M")
    return f"{shown_date(local.date(), persian_digits=persian_digits)} {persian(time) if persian_digits else time}"


def persian(text: str) -> str:
    """The text with its digits Persian."""
    return text.translate(_PERSIAN)


_PERSIAN: Final = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")


def _from_jalali(text: str, year: int, month: int, day: int) -> date:
    try:
        return gregorian_date(f"{year:04d}/{month:02d}/{day:02d}")
    except InputError:
        pass
    if not 1 <= month <= 12:
        raise CellProblem(f"{text!r}: there is no month {month}", _WRITE_DATE)
    last = jalali_month_length(year, month)
    raise CellProblem(f"{text!r} is no day: Jalali {year}/{month:02d} has the days 1 to {last}", "correct the day")


def _refuse_double_conversion(text: str, year: int, month: int, day: int) -> None:
    for years, before, after in (
        (_TWICE_GREGORIAN, "Gregorian", "Jalali"),
        (_TWICE_JALALI, "Jalali", "Gregorian"),
    ):
        if year in years:
            likely = meant_before_conversion(year, month, day)
            raise CellProblem(
                f"{text!r}: the year {year} looks like a {before} date converted as if it had been {after}",
                f"write {likely}, if that is the day" if likely else _WRITE_DATE,
            )


def _not_a_date(text: str, written: str) -> CellProblem:
    if match := _YEAR_LAST.fullmatch(written):
        return _year_last(text, int(match[4]), int(match[3]), int(match[1]))
    if _TWO_DIGIT_YEAR.fullmatch(written):
        message = f"{text!r}: the year has two digits, so calendar, day and month could be several"
        return CellProblem(message, "write the year with four digits first: 2022-03-05, or 1400/12/14")
    match = _OTHER_SEPARATORS.fullmatch(written) or _COMPACT.fullmatch(written)
    if match is not None and (meant := _readable(int(match[1]), int(match[2]), int(match[3]))):
        return CellProblem(f"{text!r} is not separated by - or /", f"write {meant}")
    if _WITH_TIME.fullmatch(written):
        return CellProblem(f"{text!r} has a time; here a day is asked for", _WRITE_DATE)
    return _gregorian_problem(text, written)


def _year_last(text: str, year: int, second: int, first: int) -> CellProblem:
    either = sorted({_readable(year, second, first), _readable(year, first, second)} - {""})
    if len(either) == 2:
        return CellProblem(f"{text!r}: day and month could be either", f"write {either[0]} or {either[1]}")
    return CellProblem(f"{text!r} has the year last", f"write {either[0]}" if either else _WRITE_DATE)


def _readable(year: int, month: int, day: int) -> str:
    """The date in the notation of its calendar; empty where there is none."""
    separator = "/" if year in _JALALI_YEARS else "-"
    written = f"{year:04d}{separator}{month:02d}{separator}{day:02d}"
    try:
        typed_date(written)
    except CellProblem:
        return ""
    return written


def _gregorian_problem(text: str, written: str) -> CellProblem:
    try:
        read_date(written)
    except CellProblem as problem:
        if "spreadsheet" in problem.message:
            return problem
    return CellProblem(f"{text!r} is not a date", _WRITE_DATE)


def _without_time(text: str, written: str) -> CellProblem:
    try:
        day = typed_date(written)
    except CellProblem as problem:
        first = written.split()[0] if written.split() else written
        if first == written:
            return CellProblem(problem.message, f"{problem.remedy}, then the time, as 09:30")
        return CellProblem(f"{text!r} is not a date with a time", _WRITE_INSTANT)
    return CellProblem(f"{text!r} has no time", f"write {day.text} 09:30, with the time it was")
