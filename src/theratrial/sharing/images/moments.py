"""Dates and times of DICOM, moved by whole days: the time of day stays, so every interval and every decay stays."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from theratrial.imaging.times import date_from_da, time_from_tm

_DT: Final = re.compile(r"^(\d{8})(\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?)?([+\-]\d{4})?$")
_OFFSET: Final = re.compile(r"^([+\-])(\d{2}):?(\d{2})$")
_OLDEST_SHOWN_YEARS: Final = 89


@dataclass(frozen=True, slots=True)
class Shift:
    """How the moments of one participant move."""

    days: int
    zone_minutes: int = 0
    """Taken from every stated offset from UTC, so that the region of the world is not told but differences (summer
    time) stay."""

    def day(self, text: str) -> str | None:
        """A DA value moved; None where it is no date or would leave the calendar.

        Examples
        --------
        >>> Shift(-1).day("20240301"), Shift(-1).day("2024.03.01"), Shift(-1).day("20241341")
        ('20240229', '20240229', None)
        """
        found = date_from_da(text)
        if found is None:
            return None
        try:
            moved = found + timedelta(days=self.days)
        except OverflowError:
            return None
        return f"{moved.year:04d}{moved.month:02d}{moved.day:02d}"

    def moment(self, text: str) -> str | None:
        """A DT value moved; its time of day and precision stay. None where it is no moment with at least a day.

        Examples
        --------
        >>> Shift(-366, 210).moment("20240301093000.500000+0330")
        '20230301093000.500000+0000'
        """
        match = _DT.match(text.strip(" \0"))
        if not match or (match[2] and time_from_tm(match[2]) is None):
            return None
        day = self.day(match[1])
        zone = self.offset(match[3]) if match[3] else ""
        return None if day is None or zone is None else f"{day}{match[2] or ''}{zone}"

    def offset(self, text: str) -> str | None:
        """A ``+HHMM`` offset from UTC less `zone_minutes`; None where it is none or leaves -1200 to +1400.

        Examples
        --------
        >>> Shift(0, 210).offset("+0430")
        '+0100'
        """
        minutes = offset_minutes(text)
        if minutes is None or not -720 <= minutes - self.zone_minutes <= 840:
            return None
        left = minutes - self.zone_minutes
        return f"{'-' if left < 0 else '+'}{abs(left) // 60:02d}{abs(left) % 60:02d}"


def offset_minutes(text: str) -> int | None:
    """Minutes of a ``+HHMM`` offset from UTC; None where it is none."""
    match = _OFFSET.match(text.strip(" \0"))
    if not match or int(match[2]) > 14 or int(match[3]) > 59:
        return None
    minutes = int(match[2]) * 60 + int(match[3])
    return minutes if match[1] == "+" else -minutes


def is_time(text: str) -> bool:
    """Whether a TM value is a time of day and nothing else."""
    return time_from_tm(text) is not None


def capped_age(text: str) -> str | None:
    """An AS value, 90 years where it is above 89 (the oldest are few); None where it is no age.

    Examples
    --------
    >>> capped_age("093Y"), capped_age("045Y"), capped_age("old")
    ('090Y', '045Y', None)
    """
    match = re.fullmatch(r"(\d{3})([DWMY])", text.strip(" \0"))
    if not match:
        return None
    years = int(match[1]) / {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}[match[2]]
    return "090Y" if years >= _OLDEST_SHOWN_YEARS + 1 else match[0]


def dates_in(text: str) -> tuple[date, ...]:
    """The day of a DA or DT value, nothing where it is none."""
    found = date_from_da(text.strip(" \0")[:10]) or date_from_da(text.strip(" \0")[:8])
    return (found,) if found else ()
