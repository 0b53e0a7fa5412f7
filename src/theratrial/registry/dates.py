"""Dates as registries and people write them: either calendar, both at once, a month only; the impossible and the
suspicious are refused with what was probably meant."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from theratrial.errors import InputError
from theratrial.registry.calendars import disagreement, gregorian_date, jalali_month_length, meant_before_conversion
from theratrial.registry.words import RecordDate

Order = Literal["year_first", "day_first", "month_first"]
CalendarName = Literal["gregorian", "jalali"]

LATEST_YEAR: Final = 2100
EARLIEST_YEAR: Final = 1900
_JALALI_YEARS: Final = range(1206, 1499)
_WRITE: Final = "write year-month-day: 2021-10-18, or 1400/07/26"
_DIGITS: Final = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "01234567890123456789", "\u200e\u200f\u202a\u202b\u202c\u200c")
_PAIR: Final = re.compile(
    r"([0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2})\s*[,،;·]\s*([0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2})"
)
_YEAR_FIRST: Final = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})")
_YEAR_LAST: Final = re.compile(r"([0-9]{1,2})([-/. ])([0-9]{1,2})\2([0-9]{4})")
_COMPACT: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_MONTH_ONLY: Final = re.compile(r"([0-9]{4})[-/]([0-9]{1,2})")
_SERIAL: Final = re.compile(r"[345]\d{4}")
"""A day of the years 1982 to 2064 as a spreadsheet keeps it."""
_SPREADSHEET_ZERO: Final = date(1899, 12, 30)
_YEAR_ONLY: Final = re.compile(r"[0-9]{4}")
_WITH_TIME: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ][0-9]{2}:[0-9]{2}.*")
_MONTHS: Final = (
    "january february march april may june july august september october november december".split(" ")  # noqa: SIM905
)
_JALALI_MONTHS: Final = (
    "فروردین اردیبهشت خرداد تیر مرداد شهریور مهر آبان آذر دی بهمن اسفند".split(" ")  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class _Parts:
    year: int
    month: int
    day: int


class DateProblem(InputError):
    """Why a text is not taken as a date; `suggestion` is the date probably meant, empty where none is likelier."""

    def __init__(self, text: str, why: str, suggestion: str = "") -> None:
        self.text, self.why, self.suggestion = text, why, suggestion
        super().__init__(f"'{text}' {why}; " + (f"probably {suggestion} was meant" if suggestion else _WRITE))


def read_date(
    text: str, *, today: date, calendar: CalendarName | None = None, order: Order = "year_first"
) -> RecordDate:
    """The date that a text names.

    Assumes that years 1206-1498 are Jalali and 1900-2100 Gregorian; in those Jalali years the common implementations of
    the calendar agree (`theratrial.registry.calendars`).

    Parameters
    ----------
    today
        For judging what lies too far ahead to be meant: more than 50 years.
    calendar
        The calendar that the field demands; None takes either.
    order
        Order of the parts where the year stands last; with ``year_first`` a text that could be two days is refused.

    Raises
    ------
    DateProblem
        There is no such day, the calendars of a pair disagree, or the date is not believable; with the date probably
        meant.

    Examples
    --------
    >>> read_date("2021-10-18, 1400/07/26", today=date(2026, 1, 1)).jalali
    '1400/07/26'
    >>> read_date("۱۴۰۰/۷/۲۶", today=date(2026, 1, 1)).gregorian.isoformat()
    '2021-10-18'
    >>> try:
    ...     read_date("2641-06-14", today=date(2026, 1, 1))
    ... except DateProblem as problem:
    ...     print(problem.suggestion)
    2020-03-24
    """
    written = " ".join(text.translate(_DIGITS).split())
    if pair := _PAIR.fullmatch(written):
        return _pair(text, pair[1], pair[2])
    if with_time := _WITH_TIME.fullmatch(written):
        written = with_time[1]
    parts, precision = _parts(text, written, order)
    kind: CalendarName = "jalali" if parts.year in _JALALI_YEARS else "gregorian"
    if calendar is not None and kind != calendar:
        raise _other_calendar(text, parts, calendar)
    if kind == "jalali":
        return _from_jalali(text, parts, precision)
    day = _gregorian(text, parts)
    if day.year - today.year > 50:
        raise DateProblem(text, f"lies {day.year - today.year} years ahead")
    canonical = day.isoformat()[: {"day": 10, "month": 7, "year": 4}[precision]]
    return RecordDate(gregorian=day, precision=precision, text="" if text.strip() == canonical else text.strip())


def _parts(text: str, written: str, order: Order) -> tuple[_Parts, Literal["day", "month", "year"]]:
    if match := _YEAR_FIRST.fullmatch(written):
        return _Parts(int(match[1]), int(match[3]), int(match[4])), "day"
    if match := _COMPACT.fullmatch(written):
        return _Parts(int(match[1]), int(match[2]), int(match[3])), "day"
    if match := _YEAR_LAST.fullmatch(written):
        return _year_last(text, int(match[4]), int(match[1]), int(match[3]), order), "day"
    if match := _MONTH_ONLY.fullmatch(written):
        return _Parts(int(match[1]), int(match[2]), 1), "month"
    if _YEAR_ONLY.fullmatch(written):
        return _Parts(int(written), 1, 1), "year"
    if named := _named_month(written):
        return named
    if _SERIAL.fullmatch(written):
        day = _SPREADSHEET_ZERO + timedelta(days=int(written))
        raise DateProblem(text, "is a number of days as spreadsheets count them, not a date", day.isoformat())
    raise DateProblem(text, "is not a date")


def _year_last(text: str, year: int, first: int, second: int, order: Order) -> _Parts:
    day_first, month_first = _Parts(year, second, first), _Parts(year, first, second)
    possible = [one for one in (day_first, month_first) if one.month <= 12]
    if order != "year_first":
        chosen = day_first if order == "day_first" else month_first
        if chosen.month > 12 and possible:
            raise DateProblem(text, f"has no month {chosen.month}", _written(possible[0]))
        return chosen
    if first != second and len(possible) == 2:
        raise DateProblem(text, "could be two days", f"{_written(day_first)} or {_written(month_first)}")
    return possible[0] if possible else day_first


def _named_month(written: str) -> tuple[_Parts, Literal["day", "month", "year"]] | None:
    """``January 25, 2020``, ``25 Jan 2020``, ``October 2021``, ``26 مهر 1400``."""
    words = written.replace(",", " ").replace("،", " ").replace(".", " ").split()
    months = [(word, _month_number(word)) for word in words]
    named = [number for _, number in months if number]
    numbers = [word for word, number in months if not number]
    if len(named) != 1 or not all(re.fullmatch("[0-9]{1,4}", one) for one in numbers) or len(numbers) not in (1, 2):
        return None
    years = [one for one in numbers if len(one) == 4]
    if len(years) != 1:
        return None
    days = [one for one in numbers if len(one) <= 2]
    return _Parts(int(years[0]), named[0], int(days[0]) if days else 1), "day" if days else "month"


def _month_number(word: str) -> int:
    plain = word.casefold()
    for number, name in enumerate(_MONTHS, 1):
        if len(plain) >= 3 and name.startswith(plain):
            return number
    return _JALALI_MONTHS.index(word) + 1 if word in _JALALI_MONTHS else 0


def _from_jalali(text: str, parts: _Parts, precision: Literal["day", "month", "year"]) -> RecordDate:
    if not 1 <= parts.month <= 12:
        raise DateProblem(text, f"has no month {parts.month}")
    last = jalali_month_length(parts.year, parts.month)
    if not 1 <= parts.day <= last:
        where = f"Jalali {parts.year}/{parts.month:02d} has the days 1 to {last}"
        meant = f"{parts.year}/{parts.month:02d}/{last:02d}" if parts.day == last + 1 else ""
        raise DateProblem(text, f"is no day: {where}", meant)
    jalali = f"{parts.year:04d}/{parts.month:02d}/{parts.day:02d}"
    day = gregorian_date(jalali)
    if precision != "day":
        raise DateProblem(text, "names no day of the Jalali calendar, and its months are not Gregorian ones")
    kept = "" if text.strip() == jalali else text.strip()
    return RecordDate(gregorian=day, jalali=jalali, calendar="jalali", text=kept)


def _gregorian(text: str, parts: _Parts) -> date:
    if not EARLIEST_YEAR <= parts.year <= LATEST_YEAR:
        meant = meant_before_conversion(parts.year, parts.month, parts.day)
        if meant:
            before, after = ("Gregorian", "Jalali") if parts.year > LATEST_YEAR else ("Jalali", "Gregorian")
            why = f"lies in the year {parts.year}, as a {before} date does that was converted as if it had been {after}"
            raise DateProblem(text, why, meant)
        raise DateProblem(text, f"lies in the year {parts.year}; {EARLIEST_YEAR} to {LATEST_YEAR} are taken")
    if not 1 <= parts.month <= 12:
        turned = _Parts(parts.year, parts.day, parts.month)
        meant = _written(turned) if turned.month <= 12 and turned.day <= 31 else ""
        raise DateProblem(text, f"has no month {parts.month}", meant)
    last = monthrange(parts.year, parts.month)[1]
    if not 1 <= parts.day <= last:
        raise DateProblem(text, f"is no day: {parts.year}-{parts.month:02d} has the days 1 to {last}")
    return date(parts.year, parts.month, parts.day)


def _other_calendar(text: str, parts: _Parts, demanded: CalendarName) -> DateProblem:
    if demanded == "jalali":
        return DateProblem(text, "looks like a Gregorian date; a Jalali one is asked for", _converted(parts, "jalali"))
    return DateProblem(text, "looks like a Jalali date; a Gregorian one is asked for", _converted(parts, "gregorian"))


def _converted(parts: _Parts, to: CalendarName) -> str:
    from theratrial.registry.calendars import jalali_text

    try:
        if to == "jalali":
            return jalali_text(date(parts.year, parts.month, parts.day))
        return gregorian_date(_written(parts)).isoformat()
    except (ValueError, InputError):
        return ""


def _pair(text: str, first: str, second: str) -> RecordDate:
    """Both calendars side by side; the years tell which is which."""
    sides = sorted((re.split(r"[-/.]", one) for one in (first, second)), key=lambda one: -int(one[0]))
    gregorian, jalali = (_Parts(*(int(part) for part in one)) for one in sides)
    if jalali.year not in _JALALI_YEARS:
        meant = meant_before_conversion(gregorian.year, gregorian.month, gregorian.day)
        raise DateProblem(text, "is no pair of a Gregorian and a Jalali date", meant)
    day, written = _gregorian(text, gregorian), _written(jalali)
    _from_jalali(text, jalali, "day")
    if fault := disagreement(day, written):
        raise DateProblem(text, f"names two days ({fault})")
    canonical = f"{day.isoformat()}, {written}"
    return RecordDate(gregorian=day, jalali=written, text="" if text.strip() == canonical else text.strip())


def _written(parts: _Parts) -> str:
    separator = "/" if parts.year in _JALALI_YEARS else "-"
    return f"{parts.year:04d}{separator}{parts.month:02d}{separator}{parts.day:02d}"
