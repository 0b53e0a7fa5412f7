"""Dates and times of DICOM, moved by whole days and shown by one clock: every interval and every decay stays."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Final

from pydicom.datadict import tag_for_keyword

from theratrial.imaging.times import date_from_da, moment, time_from_tm
from theratrial.sharing.images import elements

_DT: Final = re.compile(r"^(\d{8})(\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?)?([+\-]\d{4})?$")
_OFFSET: Final = re.compile(r"^([+\-])(\d{2}):?(\d{2})$")
_OLDEST_SHOWN_YEARS: Final = 89
_SHOWN: Final = "+0000"
"""The offset from UTC of everything that is shared: another one, or one that changes, tells where and when."""
_DAY_MINUTES: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class Shift:
    """How the moments of one object move.

    Parameters
    ----------
    days
        Those of the participant.
    shown
        Minutes by which the clock that the object is shown by is ahead of UTC; None where nothing says.
    minutes
        What its own clock is behind that one: added to every time of day.
    zone
        Where its own clock stands, if the object does not state an offset: `minutes` may then differ with the day.
    """

    days: int
    shown: int | None = None
    minutes: int = 0
    zone: tzinfo | None = None

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
        """A DT value moved, its precision as it was. None where it is no moment with at least a day.

        Examples
        --------
        >>> Shift(-366, 210).moment("20240301093000.500000+0330")
        '20230301093000.500000+0000'
        >>> Shift(-366, 210).moment("20240301060000+0000")
        '20230301093000+0000'
        """
        match = _DT.match(text.strip(" \0"))
        if not match or (match[2] and time_from_tm(match[2]) is None):
            return None
        ahead = offset_minutes(match[3]) if match[3] else 0
        if ahead is None:
            return None
        clock, on = match[2] or "", match[1]
        if clock and match[3] and self.shown is not None:
            on, clock = _on_clock(on, clock, self.shown - ahead)
        elif clock and not match[3]:
            on, clock = _on_clock(on, clock, self.minutes_at(on, clock))
        day = self.day(on)
        return None if day is None else f"{day}{clock}{_SHOWN if match[3] else ''}"

    def offset(self, text: str) -> str | None:
        """``+0000`` in the place of an offset from UTC; None where it is none.

        Examples
        --------
        >>> Shift(0, 210).offset("+0430"), Shift(0).offset("Tehran")
        ('+0000', None)
        """
        return None if offset_minutes(text) is None else _SHOWN

    def minutes_at(self, day: str | None, clock: str | None) -> int:
        """What is added to the time of day of a moment without an offset of its own."""
        if self.zone is None or self.shown is None:
            return self.minutes
        at = moment(day, clock, self.zone)
        ahead = at.utcoffset() if at is not None else None
        return self.minutes if ahead is None else self.shown - round(ahead.total_seconds() / 60)


def by_clock(dataset: Any, shift: Shift) -> None:
    """Put the days and times of day of a data set, at every level, to the clock it is shown by; in place.

    A time of day goes with the day of the same name (AcquisitionDate and AcquisitionTime). Values with an offset of
    their own are moments, and `Shift.moment` does it.
    """
    if shift.zone is None and not shift.minutes:
        return
    for tag in list(dataset.keys()):
        vr = elements.representation(dataset.get_item(tag)) if not tag.is_private else ""
        if vr == "SQ":
            for item in dataset[tag].value or ():
                by_clock(item, shift)
        elif vr == "TM":
            _time_by_clock(dataset, tag, shift)


def _time_by_clock(dataset: Any, tag: Any, shift: Shift) -> None:
    element = dataset[tag]
    beside = tag_for_keyword(elements.keyword(tag).removesuffix("Time") + "Date")
    day = dataset[beside] if beside is not None and beside in dataset else None
    clocks = [str(one).strip(" \0") for one in elements.listed(element.value)]
    days = [str(one).strip(" \0") for one in elements.listed(day.value)] if day is not None else []
    paired = len(days) == len(clocks)
    for index, clock in enumerate(clocks):
        if time_from_tm(clock) is None:
            continue
        on = days[index] if paired and date_from_da(days[index]) is not None else ""
        moved, clocks[index] = _on_clock(on, clock, shift.minutes_at(on, clock))
        if on:
            days[index] = moved
    element.value = clocks if len(clocks) > 1 else "".join(clocks)
    if day is not None and paired:
        day.value = days if len(days) > 1 else "".join(days)


def _on_clock(day: str, clock: str, minutes: int) -> tuple[str, str]:
    """A DA (or none) and a TM value some minutes later, the precision as it was where it can be."""
    if not minutes:
        return day, clock
    digits = clock.replace(":", "")
    of_day = int(digits[:2]) * 60 + int(digits[2:4] or 0) + minutes
    carried, of_day = divmod(of_day, _DAY_MINUTES)
    on = date_from_da(day)
    if on is not None and carried:
        try:
            later = datetime.combine(on, datetime.min.time()) + timedelta(days=carried)
        except OverflowError:
            return day, clock
        day = f"{later.year:04d}{later.month:02d}{later.day:02d}"
    rest = f"{of_day % 60:02d}{digits[4:]}" if len(digits) > 2 or of_day % 60 else ""
    return day, f"{of_day // 60:02d}{rest}"


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
