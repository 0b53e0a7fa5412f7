"""Dose rates as lines of text: a CSV that people write, with every mistake named and nothing guessed."""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime
from typing import Final

from theratrial.errors import InputError
from theratrial.safety.protection.geometry import distance_factor
from theratrial.safety.protection.readings import Reading

COLUMNS: Final = ("hours_after", "measured_at", "distance_m", "dose_rate_uSv_per_h", "background_uSv_per_h")
_REQUIRED: Final = ("distance_m", "dose_rate_uSv_per_h")
_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
_MOST_SHOWN: Final = 20


def readings_from_csv(text: str, administered_at: datetime | None = None) -> tuple[Reading, ...]:
    """The readings of a CSV file.

    The first line names the columns: ``distance_m``, ``dose_rate_uSv_per_h``, one of ``hours_after`` and
    ``measured_at`` (ISO 8601 with its offset, which then needs the time of the administration), and
    ``background_uSv_per_h`` where it was measured. An empty background is not known, never zero.

    Raises
    ------
    InputError
        With every line that cannot be used.
    """
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        columns = [cell.strip() for cell in next(reader, [])]
        _check(columns, administered_at)
        found, problems = [], []
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            try:
                found.append(_reading(reader.line_num, columns, cells, administered_at))
            except InputError as error:
                problems.append(f"line {reader.line_num}: {error}")
    except csv.Error as error:
        raise InputError(f"line {reader.line_num} is not CSV: {error}") from None
    if problems:
        more = f"\nand {len(problems) - _MOST_SHOWN} more" if len(problems) > _MOST_SHOWN else ""
        raise InputError("\n".join(problems[:_MOST_SHOWN]) + more)
    if not found:
        raise InputError("there is no dose rate below the line of column names")
    return tuple(found)


def _check(columns: list[str], administered_at: datetime | None) -> None:
    missing = [name for name in _REQUIRED if name not in columns]
    times = [name for name in ("hours_after", "measured_at") if name in columns]
    odd = sorted({name for name in columns if name not in COLUMNS or columns.count(name) > 1})
    if missing or odd or len(times) != 1:
        raise InputError(
            f"columns missing: {', '.join(missing) or 'none'}; not known or given twice: "
            f"{', '.join(map(repr, odd)) or 'none'}; times: exactly one of hours_after and measured_at, "
            f"got {' and '.join(times) or 'none'}; allowed are {', '.join(COLUMNS)}"
        )
    if times == ["measured_at"] and administered_at is None:
        raise InputError("column measured_at needs the time of the administration -> give it, or use hours_after")


def _reading(line: int, columns: list[str], cells: list[str], administered_at: datetime | None) -> Reading:
    if len(cells) != len(columns):
        raise InputError(f"{len(cells)} cells for {len(columns)} columns")
    given = {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}
    distance_m, rate = (_number(name, given[name]) for name in _REQUIRED)
    if distance_m is None:
        raise InputError("distance_m is empty: a dose rate without its distance says nothing")
    if rate is None:
        raise InputError("dose_rate_uSv_per_h is empty -> leave the line out; what was not measured is not zero")
    distance_factor(distance_m)
    background = _number("background_uSv_per_h", given.get("background_uSv_per_h", ""))
    return Reading(_hours(given, administered_at), distance_m, rate, background, f"line {line}")


def _hours(given: dict[str, str], administered_at: datetime | None) -> float:
    if "hours_after" in given:
        hours = _number("hours_after", given["hours_after"])
        if hours is None:
            raise InputError("hours_after is empty")
        return hours
    assert administered_at is not None
    try:
        at = datetime.fromisoformat(given["measured_at"])
    except ValueError:
        raise InputError(f"measured_at {given['measured_at']!r} is no time; write 2026-03-02T10:30:00+03:30") from None
    if (at.tzinfo is None) != (administered_at.tzinfo is None):
        raise InputError("measured_at and the administration are both written with their offset, or both without")
    return (at - administered_at).total_seconds() / 3600


def _number(name: str, cell: str) -> float | None:
    if not cell:
        return None
    if not _NUMBER.fullmatch(cell):
        raise InputError(f"{name} {cell!r} is not a number; write it with a decimal point")
    return float(cell)
