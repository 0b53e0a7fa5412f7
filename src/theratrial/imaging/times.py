"""DICOM dates and times -> datetime, with the time zone where the file or the caller knows it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Any, Final

from theratrial.errors import InputError

_DA: Final = re.compile(r"^(\d{4})[.\-]?(\d{2})[.\-]?(\d{2})$")
_TM: Final = re.compile(r"^(\d{2})(?::?(\d{2})(?::?(\d{2})(?:\.(\d{1,6})\d*)?)?)?$")
_DT: Final = re.compile(r"^(\d{8})(\d{2}(?:\d{2}(?:\d{2}(?:\.\d+)?)?)?)?([+\-]\d{4})?$")
_OFFSET: Final = re.compile(r"^([+\-])(\d{2}):?(\d{2})$")


def date_from_da(text: str | None) -> date | None:
    """Date of a DA value (also the old ``YYYY.MM.DD``); None where it is absent or impossible.

    Examples
    --------
    >>> date_from_da("20181115")
    datetime.date(2018, 11, 15)
    >>> date_from_da("20181345") is None
    True
    """
    match = _DA.match((text or "").strip(" \0"))
    if not match:
        return None
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None


def time_from_tm(text: str | None) -> time | None:
    """Time of day of a TM value (also the old ``HH:MM:SS``); None where it is absent or impossible.

    A leap second (60) is read as 59, one second early.

    Examples
    --------
    >>> time_from_tm("130628.148000")
    datetime.time(13, 6, 28, 148000)
    """
    match = _TM.match((text or "").strip(" \0"))
    if not match:
        return None
    try:
        return time(
            int(match[1]), int(match[2] or 0), min(int(match[3] or 0), 59), int((match[4] or "0").ljust(6, "0")[:6])
        )
    except ValueError:
        return None


def zone_from_offset(text: str | None) -> tzinfo | None:
    """Time zone of a ``+HHMM`` offset; None where it is absent or impossible (DICOM allows -1200 to +1400)."""
    match = _OFFSET.match((text or "").strip(" \0"))
    if not match:
        return None
    hours, minutes = int(match[2]), int(match[3])
    if hours > 14 or minutes > 59:
        return None
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(offset if match[1] == "+" else -offset)


def moment_from_dt(text: str | None, zone: tzinfo | None = None) -> datetime | None:
    """Moment of a DT value that has at least a day and an hour.

    The value's own offset wins over `zone`; without either the result is naive.

    Examples
    --------
    >>> moment_from_dt("20250101100000.000000+0100").isoformat()
    '2025-01-01T10:00:00+01:00'
    """
    match = _DT.match((text or "").strip(" \0"))
    if not match or not match[2]:
        return None
    day, clock = date_from_da(match[1]), time_from_tm(match[2])
    if day is None or clock is None:
        return None
    return datetime.combine(day, clock, zone_from_offset(match[3]) or zone)


def moment(day: str | None, clock: str | None, zone: tzinfo | None = None) -> datetime | None:
    """Moment of a DA and a TM value; None where either is absent or impossible."""
    on, at = date_from_da(day), time_from_tm(clock)
    return None if on is None or at is None else datetime.combine(on, at, zone)


def header_zone(header: Any, fallback: tzinfo | None = None) -> tzinfo | None:
    """Time zone of a header: TimezoneOffsetFromUTC (0008,0201), else `fallback`."""
    return zone_from_offset(str(header.get("TimezoneOffsetFromUTC") or "")) or fallback


def in_zone(at: datetime | None, zone: tzinfo | None) -> datetime | None:
    """`at` with `zone` attached where it has none of its own."""
    return at.replace(tzinfo=zone) if at is not None and at.tzinfo is None and zone is not None else at


def aware(at: datetime, what: str) -> datetime:
    """`at`, which must know its time zone.

    Raises
    ------
    InputError
        If it does not.
    """
    if at.tzinfo is None:
        raise InputError(
            f"{what} is {at.isoformat(sep=' ')} without a time zone: the file has no TimezoneOffsetFromUTC "
            "(0008,0201); name the zone of the site (timezone=..., --timezone)"
        )
    return at


def seconds_between(later: datetime, earlier: datetime) -> float:
    """``later - earlier`` [s]; where only one of the two knows its zone, both are taken as local clocks.

    Examples
    --------
    The clocks went forward in the night between:

    >>> from zoneinfo import ZoneInfo
    >>> berlin = ZoneInfo("Europe/Berlin")
    >>> seconds_between(datetime(2025, 3, 30, 10, tzinfo=berlin), datetime(2025, 3, 29, 10, tzinfo=berlin)) / 3600
    23.0
    """
    if (later.tzinfo is None) != (earlier.tzinfo is None):
        later, earlier = later.replace(tzinfo=None), earlier.replace(tzinfo=None)
    elif later.tzinfo is not None:
        # Python subtracts two times of one zone as clock readings and forgets a change of the clocks between them.
        later, earlier = later.astimezone(UTC), earlier.astimezone(UTC)
    return (later - earlier).total_seconds()
