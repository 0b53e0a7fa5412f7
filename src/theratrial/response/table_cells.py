"""Cells of the tables that `theratrial respond` reads: each read or refused by its column."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date
from functools import lru_cache
from operator import itemgetter
from typing import Final

from theratrial.errors import InputError, Problem, Problems

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_YES_NO: Final = {"": False, "no": False, "n": False, "0": False, "false": False} | dict.fromkeys(
    ("yes", "y", "1", "true"), True
)


def require_columns(found: Iterable[str], needed: Collection[str], optional: Collection[str], name: str) -> None:
    """Refuse a header that lacks a column or has one that nobody reads.

    Raises
    ------
    Problems
        Naming the missing and the unknown columns.
    """
    given = tuple(found)
    missing = [column for column in needed if column not in given]
    unknown = [column for column in given if column not in (*needed, *optional)]
    twice = sorted({column for column in given if given.count(column) > 1})
    if missing or unknown or twice:
        said = [f"missing: {', '.join(missing)}"] if missing else []
        said += [f"unknown: {', '.join(unknown)}"] if unknown else []
        said += [f"twice: {', '.join(twice)}"] if twice else []
        allowed = f"needed: {', '.join(needed)}; may be there: {', '.join(optional)}"
        raise Problems(name, [Problem(f"{name} line 1", f"columns {'; '.join(said)}", allowed)])


def table_lines(
    text: str, needed: Collection[str], optional: Collection[str], name: str
) -> tuple[tuple[str, ...], Iterator[tuple[int, list[str]]]]:
    """The columns of a CSV text, and its lines with their numbers; empty lines are passed over.

    Raises
    ------
    Problems
        As `require_columns`.
    """
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    columns = tuple(next(reader, ()))
    require_columns(columns, needed, optional, name)
    return columns, enumerate((row for row in reader if row), 2)


def stripped_cells(columns: Sequence[str], row: Sequence[str], *, filled: Iterable[str]) -> dict[str, str]:
    """The cells of a line by column, without surrounding blanks; `filled` must not be empty.

    Raises
    ------
    InputError
        More cells than the header has, or an empty one that must be filled.
    """
    if len(row) > len(columns):
        raise InputError("has more cells than the header; put a text with a comma into quotes")
    cells = dict.fromkeys(columns, "") if len(row) < len(columns) else {}
    cells.update(zip(columns, map(str.strip, row), strict=False))
    for column in filled:
        if not cells[column]:
            raise InputError(f"{column} is empty")
    return cells


def picked_cells(columns: Sequence[str], wanted: Sequence[str]) -> Callable[[list[str]], tuple[str, ...]]:
    """How the wanted cells are taken from a line, without surrounding blanks; empty where the table has no such column.

    The first two of them must not be empty. As `stripped_cells`, for tables of hundreds of thousands of lines.

    Examples
    --------
    >>> picked_cells(("a", "b"), ("b", "a", "c"))([" 1", "2 "])
    ('2', '1', '')
    """
    width = len(columns)
    pick = itemgetter(*(columns.index(column) if column in columns else width for column in wanted))
    first, second = wanted[:2]

    def taken(row: list[str]) -> tuple[str, ...]:
        if len(row) > width:
            raise InputError("has more cells than the header; put a text with a comma into quotes")
        cells = [*map(str.strip, row), *("",) * (width + 1 - len(row))]
        found: tuple[str, ...] = pick(cells)
        if not found[0] or not found[1]:
            raise InputError(f"{second if found[0] else first} is empty")
        return found

    return taken


def known_day(column: str, text: str, latest: date | None) -> date:
    """The cell as a day that is not after `latest`, where one is given."""
    found = day(column, text)
    if latest is not None and found > latest:
        raise InputError(f"{column} is {found}, which is still to come; today is {latest}")
    return found


def one_of(column: str, value: str, allowed: tuple[str, ...]) -> str:
    """The cell, if it is one of the words."""
    if value not in allowed:
        raise InputError(f"{column} is one of {', '.join(allowed)}, got {value!r}")
    return value


def yes_or_no(column: str, value: str) -> bool:
    """The cell as an answer; empty: no."""
    if value.lower() not in _YES_NO:
        raise InputError(f"{column} is yes or no, got {value!r}")
    return _YES_NO[value.lower()]


@lru_cache(maxsize=8192)
def day(column: str, text: str) -> date:
    """The cell as a day."""
    try:
        return date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError:
        raise InputError(f"{column} is a day as 2022-01-31, got {text!r}") from None


@lru_cache(maxsize=8192)
def number(column: str, text: str) -> float | None:
    """The cell as a number of 0 or more; None where it is empty."""
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise InputError(f"{column} is a number of 0 or more, without a unit, got {text!r}")
    return value
