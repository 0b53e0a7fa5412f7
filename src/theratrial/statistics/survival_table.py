"""Times to event out of a CSV table: one line per subject, with times or dates; what cannot be is named by line."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from theratrial.errors import InputError, Problem, Problems
from theratrial.statistics.survival import DAYS_PER_MONTH

_YES_NO: Final = {"1": True, "yes": True, "true": True, "event": True} | {
    "0": False,
    "no": False,
    "false": False,
    "censored": False,
}
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LONGEST_DAYS: Final = 36525


@dataclass(frozen=True, slots=True)
class SubjectTime:
    """One line of the table."""

    line: int
    subject: str
    time: float
    """As given, or in months where the table has dates."""
    event: bool


def survival_table(text: str) -> tuple[SubjectTime, ...]:
    """The lines of a table with the columns subject, event and either time or both origin and end (YYYY-MM-DD).

    Raises
    ------
    Problems
        What is wrong with it, the first fault of each line: a time below 0, an end before the origin, a subject twice,
        an event that is not yes or no, an empty cell. Nothing is taken for 0 or for "no".
    InputError
        No line, or columns missing.
    """
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=None), strict=True)
    try:
        return _table(rows)
    except csv.Error as error:
        raise InputError(f"line {rows.line_num} is no CSV ({error}) -> save the table as CSV anew") from None


def _table(rows: csv.DictReader[str]) -> tuple[SubjectTime, ...]:
    names = [name.strip().lower() for name in rows.fieldnames or ()]
    if len(set(names)) < len(names):
        raise InputError(f"a column stands twice among {', '.join(names)} -> keep one of them")
    dated = "time" not in names
    wanted = ("subject", "event", "origin", "end") if dated else ("subject", "event", "time")
    missing = [name for name in wanted if name not in names]
    if missing:
        raise InputError(
            f"columns {', '.join(missing)} are missing -> the table has subject, event, and time or origin and end"
            + (", parted by commas, not semicolons" if any(";" in name for name in names) else "")
        )
    if not dated and {"origin", "end"} & set(names):
        raise InputError("the table has both times and dates -> keep one of them, for they may differ")
    problems: list[Problem] = []
    found: list[SubjectTime] = []
    seen: dict[str, int] = {}
    for row in rows:
        cells = {key.strip().lower(): (value or "").strip() for key, value in row.items() if isinstance(key, str)}
        line = rows.line_num
        try:
            if None in row:
                raise InputError("there are more cells than columns, so it is not known which is which")
            found.append(_line(line, cells, dated))
        except InputError as error:
            problems.append(Problem(f"line {line}", str(error)))
            continue
        first = seen.setdefault(found[-1].subject, line)
        if first != line:
            problems.append(
                Problem(f"line {line}, column subject", f"{found[-1].subject} stands on line {first} already")
            )
    if problems:
        raise Problems("the table of times", problems)
    if not found:
        raise InputError("the table has no line, so there is nobody to follow")
    return tuple(found)


def _line(line: int, cells: Mapping[str, str], dated: bool) -> SubjectTime:
    for name in ("subject", "event", *(("origin", "end") if dated else ("time",))):
        if not cells.get(name):
            raise InputError(f"column {name} is empty; missing is never 0 and never 'no'")
    event = _YES_NO.get(cells["event"].lower())
    if event is None:
        raise InputError(f"column event is {cells['event']!r}; it is 1 or 0, yes or no, event or censored")
    return SubjectTime(line, cells["subject"], _months(cells) if dated else _time(cells["time"]), event)


def _time(text: str) -> float:
    try:
        time = float(text)
    except ValueError:
        raise InputError(f"column time is {text!r}; it is a number with a point for decimals") from None
    if not math.isfinite(time) or time < 0:
        raise InputError(f"column time is {text}; a time is a number from 0, and an event before the origin cannot be")
    return time


def _months(cells: Mapping[str, str]) -> float:
    days = []
    for name in ("origin", "end"):
        try:
            days.append(date.fromisoformat(cells[name] if _DAY.fullmatch(cells[name]) else ""))
        except ValueError:
            raise InputError(f"column {name} is {cells[name]!r}; a day is written 2024-03-31") from None
    if days[1] < days[0]:
        raise InputError(f"the end {days[1]} lies before the origin {days[0]}: both cannot be true")
    if (days[1] - days[0]).days > _LONGEST_DAYS:
        raise InputError(f"the end {days[1]} lies more than 100 years after the origin {days[0]}: mend the year")
    return (days[1] - days[0]).days / DAYS_PER_MONTH
