"""Months and years counted on the calendar, as rules of registries count them."""

from __future__ import annotations

from calendar import monthrange
from datetime import date


def months_later(day: date, months: int) -> date:
    """The same day of the month so many months later; the last day of a month that is shorter.

    Examples
    --------
    >>> months_later(date(2024, 2, 29), 12).isoformat()
    '2025-02-28'
    """
    count = day.year * 12 + day.month - 1 + months
    year, month = divmod(count, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
