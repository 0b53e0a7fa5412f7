"""Two readers' answers out of a CSV table, one line per subject; what cannot be is named by line."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from theratrial.errors import InputError, Problem, Problems
from theratrial.statistics.agreement import Weighting

_COLUMNS: Final = ("subject", "first", "second")
_MOST_CATEGORIES: Final = 50


@dataclass(frozen=True, slots=True)
class PairedAnswers:
    """Who was judged by both, and who by one or neither."""

    pairs: tuple[tuple[str, str], ...]
    left_out: tuple[str, ...]
    """Subjects with an empty cell: no answer is no category."""


def paired_table(text: str) -> PairedAnswers:
    """The lines of a table with the columns subject, first and second; an empty answer leaves the subject out.

    Raises
    ------
    Problems
        The first fault of each line: no subject, a subject twice, more cells than columns.
    InputError
        No line, or columns missing or twice.
    """
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=None), strict=True)
    try:
        return _table(rows)
    except csv.Error as error:
        raise InputError(f"line {rows.line_num} is no CSV ({error}) -> save the table as CSV anew") from None


def _table(rows: csv.DictReader[str]) -> PairedAnswers:
    names = [name.strip().lower() for name in rows.fieldnames or ()]
    missing = [name for name in _COLUMNS if names.count(name) != 1]
    if missing:
        raise InputError(
            f"columns {', '.join(missing)} are missing or stand twice -> the table has subject, first and second, "
            "parted by commas"
        )
    problems: list[Problem] = []
    pairs: list[tuple[str, str]] = []
    left_out: list[str] = []
    seen: dict[str, int] = {}
    for row in rows:
        cells = {key.strip().lower(): (value or "").strip() for key, value in row.items() if isinstance(key, str)}
        line, subject = rows.line_num, cells["subject"]
        if None in row:
            problems.append(
                Problem(f"line {line}", "there are more cells than columns: it is not known which is which")
            )
        elif not subject:
            problems.append(Problem(f"line {line}", "column subject is empty"))
        elif seen.setdefault(subject, line) != line:
            problems.append(
                Problem(f"line {line}, column subject", f"{subject} stands on line {seen[subject]} already")
            )
        elif cells["first"] and cells["second"]:
            pairs.append((cells["first"], cells["second"]))
        else:
            left_out.append(subject)
    if problems:
        raise Problems("the table of answers", problems)
    if not seen:
        raise InputError("the table has no line, so there is nobody to compare")
    return PairedAnswers(tuple(pairs), tuple(left_out))


def categories(pairs: Sequence[tuple[str, str]], order: Sequence[str], weighting: Weighting) -> tuple[str, ...]:
    """The categories of the answers in `order`, or by name where no order is given and none is needed.

    Raises
    ------
    InputError
        An answer that is not in the order, or weights over more than two categories without an order: names do not say
        which lies between which, and weights rest on that alone. More than fifty categories: then it is no category.
    """
    found = sorted({answer for pair in pairs for answer in pair})
    if len(found) > _MOST_CATEGORIES:
        raise InputError(f"{len(found)} different answers are no categories; at most {_MOST_CATEGORIES} are compared")
    if not order:
        if weighting != "unweighted" and len(found) > 2:
            raise InputError(f"weights need the order of {', '.join(found)} -> --order {','.join(found)}, best first")
        return tuple(found)
    unknown = [name for name in found if name not in order]
    if unknown or len(set(order)) < len(order):
        said = f"{', '.join(unknown)} is not in it" if unknown else "a category stands twice in it"
        raise InputError(f"the order is {', '.join(order)} and {said} -> name every category once")
    return tuple(order)
