"""Dates and instants as people type them: ISO 8601 is read, everything else is named with what was probably meant."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final
from zoneinfo import ZoneInfo

from persiantools.jdatetime import JalaliDate

EARLIEST_YEAR: Final = 1900
LATEST_YEAR: Final = 2100
_JALALI_YEARS: Final = range(1200, 1500)
_SPREADSHEET_DAY_ZERO: Final = date(1899, 12, 30)
_ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_ISO_INSTANT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?\s?(Z|[+-]\d{2}:?\d{2})?", re.ASCII
)
_YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:[T ].*)?", re.ASCII)
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})(?:[T ].*)?", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_DAY_NUMBER = re.compile(r"([234]\d{4}|5\d{4})(?:\.\d+)?", re.ASCII)


class CellProblem(ValueError):
    """Why a cell is not read: the message, and what to write instead."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    @property
    def said(self) -> str:
        """Message and remedy as one text."""
        return f"{self.message}; {self.remedy}" if self.remedy else self.message


def read_date(text: str) -> date:
    """A Gregorian ISO 8601 date.

    Raises
    ------
    CellProblem
        The text is anything else; the remedy names the date it probably means, where only one comes to mind.

    Examples
    --------
    >>> read_date("2022-03-05")
    datetime.date(2022, 3, 5)
    >>> try:
    ...     read_date("1400/11/01")
    ... except CellProblem as problem:
    ...     print(problem.message, "->", problem.remedy)
    '1400/11/01' looks like a Jalali date; dates are Gregorian -> write 2022-01-21
    """
    match = _ISO_DATE.fullmatch(text)
    if match is None:
        raise _not_a_date(text)
    year, month, day = (int(part) for part in match.groups())
    if year in _JALALI_YEARS:
        raise _jalali(text, year, month, day)
    if not EARLIEST_YEAR <= year <= LATEST_YEAR:
        raise CellProblem(f"{text!r}: the year {year} is not between {EARLIEST_YEAR} and {LATEST_YEAR}")
    if not 1 <= month <= 12:
        swapped = "; day and month may be swapped" if 1 <= day <= 12 and month <= 31 else ""
        raise CellProblem(f"{text!r} is not a date: there is no month {month}{swapped}", "write year-month-day")
    last_day = monthrange(year, month)[1]
    if not 1 <= day <= last_day:
        raise CellProblem(f"{text!r} is not a date: {year}-{month:02} has the days 1 to {last_day}")
    return date(year, month, day)


def _jalali(text: str, year: int, month: int, day: int) -> CellProblem:
    message = f"{text!r} looks like a Jalali date; dates are Gregorian"
    try:
        gregorian = JalaliDate(year, month, day).to_gregorian()
    except ValueError:
        return CellProblem(f"{message} (and the Jalali calendar has no such day)", "write year-month-day, Gregorian")
    return CellProblem(message, f"write {gregorian.isoformat()}")


def _not_a_date(text: str) -> CellProblem:
    """What was probably meant."""
    remedy = "write year-month-day, as 2022-03-05"
    if match := _YEAR_FIRST.fullmatch(text):
        year, month, day = int(match[1]), int(match[3]), int(match[4])
        if year in _JALALI_YEARS:
            return _jalali(text, year, month, day)
        if meant := _valid(year, month, day):
            kind = "has a time in a column of dates" if "T" in text or " " in text else "is not an ISO date"
            return CellProblem(f"{text!r} {kind}", f"write {meant}")
    if match := _YEAR_LAST.fullmatch(text):
        first, second, year = int(match[1]), int(match[3]), int(match[4])
        if len(match[4]) == 2:
            return CellProblem(f"{text!r}: the year has two digits, and day and month could be either", remedy)
        if year in _JALALI_YEARS:
            return CellProblem(f"{text!r} looks like a Jalali date with the year last; dates are Gregorian", remedy)
        either = sorted({_valid(year, second, first), _valid(year, first, second)} - {""})
        if len(either) == 2:
            return CellProblem(f"{text!r}: day and month could be either", f"write {either[0]} or {either[1]}")
        if either:
            return CellProblem(f"{text!r} has the year last", f"write {either[0]}")
    if (match := _COMPACT.fullmatch(text)) and (meant_one := _valid(*(int(part) for part in match.groups()))):
        return CellProblem(f"{text!r} has no dashes", f"write {meant_one}")
    if match := _DAY_NUMBER.fullmatch(text):
        meant_one = (_SPREADSHEET_DAY_ZERO + timedelta(days=int(match[1]))).isoformat()
        return CellProblem(f"{text!r} looks like a spreadsheet's day number", f"write {meant_one}, if that is the day")
    return CellProblem(f"{text!r} is not a date", remedy)


def _valid(year: int, month: int, day: int) -> str:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return ""


def read_instant(text: str, zone: ZoneInfo) -> datetime:
    """An ISO 8601 instant; without an offset it is a wall-clock time in `zone`.

    The result carries the offset of `zone` at that instant as a fixed offset: its ``date()`` is the day at the
    trial, and the difference of two results is the time that passed, also over a change of the clocks.

    Raises
    ------
    CellProblem
        The text is no instant, or names a wall-clock time that `zone` skipped or had twice.

    Examples
    --------
    >>> read_instant("2022-03-05T09:30", ZoneInfo("Asia/Tehran")).isoformat()
    '2022-03-05T09:30:00+03:30'
    """
    match = _ISO_INSTANT.fullmatch(text)
    if match is None:
        if _ISO_DATE.fullmatch(text):
            day = read_date(text)
            raise CellProblem(f"{text!r} has no time", f"write {day}T09:30, with the time it was")
        if _YEAR_FIRST.fullmatch(text) or _YEAR_LAST.fullmatch(text):
            problem = _not_a_date(text)
            raise CellProblem(
                problem.message.replace("has a time in a column of dates", "is not an ISO 8601 instant"),
                f"{problem.remedy}, then T and the time, as 2022-03-05T09:30",
            )
        raise CellProblem(f"{text!r} is not a date with a time", "write it as 2022-03-05T09:30")
    day = read_date(match[1])
    hour, minute, second = int(match[2]), int(match[3]), int(match[4] or 0)
    if hour > 23 or minute > 59 or second > 59:
        raise CellProblem(f"{text!r}: there is no time {match[2]}:{match[3]}{':' + match[4] if match[4] else ''}")
    micros = int((match[5] or "0").ljust(6, "0"))
    wall = datetime(day.year, day.month, day.day, hour, minute, second, micros)
    if match[6] is None:
        return _fixed(_local(wall, zone, text))
    return _fixed((wall.replace(tzinfo=_offset(match[6], text))).astimezone(zone))


def _offset(text: str, whole: str) -> timezone:
    if text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    # Offsets in use lie between -12:00 and +14:00; beyond, it is a misprint.
    if minutes > 59 or hours * 60 + minutes > 14 * 60:
        raise CellProblem(f"{whole!r}: there is no offset {text}", "write an offset as +03:30, or none")
    size = timedelta(hours=hours, minutes=minutes)
    return timezone(-size if text[0] == "-" else size)


def _local(wall: datetime, zone: ZoneInfo, text: str) -> datetime:
    earlier, later = wall.replace(tzinfo=zone, fold=0), wall.replace(tzinfo=zone, fold=1)
    before, after = earlier.utcoffset(), later.utcoffset()
    if before is None or after is None or before == after:
        return earlier
    # PEP 495: in a gap fold=0 takes the smaller offset from before the change, in an overlap the larger one.
    if before < after:
        raise CellProblem(
            f"{text!r} did not exist in {zone.key}: the clocks were put forward over it", "correct the time"
        )
    raise CellProblem(
        f"{text!r} happened twice in {zone.key}: the clocks were put back",
        f"add the offset: {earlier.isoformat(timespec='minutes')} or {later.isoformat(timespec='minutes')}",
    )


def _fixed(instant: datetime) -> datetime:
    offset = instant.utcoffset()
    return instant.replace(tzinfo=timezone(offset or timedelta()), fold=0)
