"""Dates of a registration record in the Gregorian calendar and the Jalali (solar Hijri) one, and whether they agree."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Final

from theratrial.errors import InputError

_WRITTEN: Final = re.compile(r"([0-9]{4})[/-]([0-9]{1,2})[/-]([0-9]{1,2})")
# Persian and Arabic-Indic digits as people type them.
_DIGITS: Final = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "01234567890123456789")
_GREGORIAN_SINCE: Final = 1800
# Before 1206 and after 1498 AP the common implementations of the leap rule part company.
_JALALI_YEARS: Final = range(1206, 1499)
# Gregorian years 1900-2100 taken for Jalali, and the Jalali years above taken for Gregorian.
_TWICE_GREGORIAN: Final = range(1900 + 621, 2100 + 623)
_TWICE_JALALI: Final = range(1206 - 622, 1499 - 620)


def jalali_text(day: date) -> str:
    """The Jalali date of a Gregorian day, as ``1400/07/26``.

    Raises
    ------
    InputError
        The day lies outside 1206-1498 AP, where calendars in use disagree.

    Examples
    --------
    >>> jalali_text(date(2021, 10, 18))
    '1400/07/26'
    """
    from persiantools.jdatetime import JalaliDate

    try:
        found = JalaliDate(day)
    except ValueError:
        found = None
    if found is None or found.year not in _JALALI_YEARS:
        raise InputError(f"{day.isoformat()} has no certain Jalali date; years 1206 to 1498 AP are converted")
    return f"{found.year:04d}/{found.month:02d}/{found.day:02d}"


def gregorian_date(jalali: str) -> date:
    """The Gregorian day of a Jalali date written ``1400/07/26`` or ``1400-07-26``, in Latin or Persian digits.

    Raises
    ------
    InputError
        It is no date of that calendar (``1400/12/30`` is none), or looks like a Gregorian one.

    Examples
    --------
    >>> gregorian_date("1399/12/30").isoformat()
    '2021-03-20'
    """
    match = _WRITTEN.fullmatch(jalali.strip().translate(_DIGITS))
    if match is None:
        raise InputError(f"'{jalali}' is no Jalali date; write it as 1400/07/26")
    year, month, day = (int(part) for part in match.groups())
    if year >= _GREGORIAN_SINCE:
        raise InputError(f"'{jalali}' looks like a Gregorian date; the Jalali year of today is about {year - 621}")
    if year not in _JALALI_YEARS:
        raise InputError(f"Jalali year {year} is not converted; 1206 to 1498 are")
    from persiantools.jdatetime import JalaliDate

    try:
        found: date = JalaliDate(year, month, day).to_gregorian()
    except ValueError:
        raise InputError(f"there is no Jalali date {year:04d}/{month:02d}/{day:02d}") from None
    return found


def jalali_month_length(year: int, month: int) -> int:
    """Days of a Jalali month.

    Examples
    --------
    >>> jalali_month_length(1399, 12), jalali_month_length(1400, 12)
    (30, 29)
    """
    if month <= 6:
        return 31
    if month < 12:
        return 30
    from persiantools.jdatetime import JalaliDate

    return 30 if JalaliDate.is_leap(year) else 29


def meant_before_conversion(year: int, month: int, day: int) -> str:
    """The date that was converted once too often, where a year shows that it was; empty otherwise.

    A Gregorian date taken for Jalali and converted lands in the 27th century; a Jalali one taken for Gregorian, in the
    7th to 9th. The way back leads through years in which calendars in use disagree by a day: for a person to decide.

    Examples
    --------
    >>> meant_before_conversion(2641, 6, 14)
    '2020-03-24'
    >>> meant_before_conversion(779, 5, 4)
    '1400/07/26'
    """
    from persiantools.jdatetime import JalaliDate

    try:
        if year in _TWICE_GREGORIAN:
            found = JalaliDate(date(year, month, day))
            return date(found.year, found.month, found.day).isoformat()
        if year in _TWICE_JALALI:
            back: date = JalaliDate(year, month, day).to_gregorian()
            return f"{back.year:04d}/{back.month:02d}/{back.day:02d}"
    except ValueError:
        return ""
    return ""


def disagreement(day: date, jalali: str) -> str:
    """What is wrong with a pair of dates that should be the same day; empty if nothing is."""
    try:
        same = gregorian_date(jalali)
    except InputError as error:
        return str(error)
    if same == day:
        return ""
    apart = same - day
    days = "1 day" if abs(apart) == timedelta(days=1) else f"{abs(apart.days)} days"
    return f"{day.isoformat()} and {jalali} are {days} apart: {jalali} is {same.isoformat()}, {day.isoformat()} is " + (
        jalali_text(day)
    )
