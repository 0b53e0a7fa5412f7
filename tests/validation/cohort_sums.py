"""What many rows of a cohort say together: medians of the error and how often an interval holds the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from cohort_rows import Row

LESION_SIZES: tuple[tuple[str, float, float], ...] = (
    ("lesions below 5 mL", 0.0, 5.0),
    ("lesions of 5-20 mL", 5.0, 20.0),
    ("lesions above 20 mL", 20.0, float("inf")),
)


@dataclass(frozen=True, slots=True)
class Sum:
    """Rows of one kind together; errors in percent of the truth."""

    rows: int
    values: int
    """Rows that give a value."""
    median_percent: float
    median_absolute_percent: float
    lowest_percent: float
    highest_percent: float
    intervals: int
    """Rows that give both ends."""
    holds_fraction: float
    """Of the intervals, those that hold the truth; nan where there is none."""
    width: float
    """Median of upper over lower end; infinite where a lower end is 0, nan where there is none."""


def sum_of(rows: Sequence[Row]) -> Sum:
    """The rows together; nan for what no row gives."""
    errors = np.array([row.error for row in rows if row.got is not None]) * 100
    ends = [row for row in rows if row.lower is not None and row.upper is not None and np.isfinite(row.upper)]
    nothing = float("nan")
    return Sum(
        rows=len(rows),
        values=len(errors),
        median_percent=float(np.median(errors)) if len(errors) else nothing,
        median_absolute_percent=float(np.median(np.abs(errors))) if len(errors) else nothing,
        lowest_percent=float(errors.min()) if len(errors) else nothing,
        highest_percent=float(errors.max()) if len(errors) else nothing,
        intervals=len(ends),
        holds_fraction=float(np.mean([row.holds for row in ends])) if ends else nothing,
        width=float(np.median([_width(row) for row in ends])) if ends else nothing,
    )


def _width(row: Row) -> float:
    assert row.lower is not None
    assert row.upper is not None
    return row.upper / row.lower if row.lower > 0 else float("inf")


def picked(rows: Sequence[Row], route: str, *, region: str = "", kind: str = "") -> list[Row]:
    """Rows of a route, of one region or of one kind."""
    return [
        row
        for row in rows
        if row.route == route and (not region or row.region == region) and (not kind or row.kind == kind)
    ]


def of_size(rows: Sequence[Row], low_mL: float, high_mL: float) -> list[Row]:
    """Rows of lesions from `low_mL` to below `high_mL`."""
    return [row for row in rows if row.kind == "lesion" and low_mL <= row.volume_mL < high_mL]
