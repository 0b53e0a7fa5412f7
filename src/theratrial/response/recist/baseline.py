"""Which visit is the baseline: the last one before the treatment, never one after it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

LONGEST_BEFORE_days: Final = 28


def baseline_at(days: Sequence[date], treatment_start: date) -> tuple[int, tuple[str, ...], str]:
    """Index of the baseline among days in order, what to know of it, and why there is none (empty: there is one).

    References
    ----------
    Eisenhauer et al., Eur J Cancer 2009;45:228, section 4.2: as close to the treatment as possible, never more than
    four weeks before it.

    Examples
    --------
    >>> baseline_at([date(2024, 3, 1)], date(2024, 1, 1))[2]
    'baseline missing: the first measurement, 2024-03-01, is after the treatment of 2024-01-01'
    """
    before = [day for day in days if day <= treatment_start]
    if not before:
        return 0, (), f"baseline missing: the first measurement, {days[0]}, is after the treatment of {treatment_start}"
    cautions = []
    if len(before) > 1:
        earlier = ", ".join(str(day) for day in before[:-1])
        cautions.append(f"the baseline is the last measurement before treatment, {before[-1]}; not used: {earlier}")
    waited = (treatment_start - before[-1]).days
    if waited > LONGEST_BEFORE_days:
        cautions.append(f"the baseline is {waited} days before treatment; the criteria ask for at most 28")
    return len(before) - 1, tuple(cautions), ""
