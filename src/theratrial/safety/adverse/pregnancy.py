"""Pregnancy in a trial of a radiopharmaceutical: what it was exposed to, and until when contraception is needed."""

from __future__ import annotations

import math
from calendar import monthrange
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from theratrial.errors import InputError

_MONTHS_PER_YEAR: Final = 12
_DAYS_PER_MONTH: Final = 30.436875
"""Mean of the Gregorian calendar; only for the part of a month."""


def contraception_until(last_administration_on: date, months: float) -> date:
    """The last day on which contraception is needed.

    Whole months are counted by the calendar; a day that the month does not have becomes the first of the next, never
    an earlier one. Part of a month is counted in days, upwards.

    Raises
    ------
    InputError
        If the months are not a positive number.

    Examples
    --------
    >>> contraception_until(date(2024, 1, 31), 7).isoformat()
    '2024-08-31'
    >>> contraception_until(date(2023, 7, 31), 7).isoformat()
    '2024-03-01'
    """
    if not (math.isfinite(months) and months > 0):
        raise InputError(f"contraception for {months} months; the number must be positive")
    whole = int(months)
    year, month0 = divmod(last_administration_on.year * _MONTHS_PER_YEAR + last_administration_on.month - 1 + whole, 12)
    day, month = last_administration_on.day, month0 + 1
    if day <= monthrange(year, month)[1]:
        until = date(year, month, day)
    else:
        until = date(year, month, monthrange(year, month)[1]) + timedelta(days=1)
    return until + timedelta(days=math.ceil((months - whole) * _DAYS_PER_MONTH))


def exposure(conceived_on: date | None, given_on: Sequence[date], months: float | None) -> str:
    """What a pregnancy was exposed to, in words.

    Parameters
    ----------
    conceived_on
        Presumed day of conception; None: not known.
    given_on
        Days of the administrations, imaging and therapy.
    months
        Contraception that the protocol asks for after the last; None: it asks for none.
    """
    if not given_on:
        return "nothing was given in the trial"
    days = sorted(given_on)
    if conceived_on is None:
        return f"the day of conception is not recorded; the last administration was on {days[-1].isoformat()}"
    after = [day for day in days if day >= conceived_on]
    before = [day for day in days if day < conceived_on]
    said = []
    if after:
        listed = ", ".join(f"{day.isoformat()} (day {(day - conceived_on).days} of it)" for day in after)
        said.append(f"given during it: {listed}")
    if before:
        said.append(
            f"began {(conceived_on - before[-1]).days} days after the administration of {before[-1].isoformat()}"
        )
        if months is not None and not after:
            until = contraception_until(before[-1], months)
            if conceived_on <= until:
                said.append(f"within the time of contraception, until {until.isoformat()}")
            else:
                said.append(f"after the time of contraception, until {until.isoformat()}")
    return "; ".join(said)
