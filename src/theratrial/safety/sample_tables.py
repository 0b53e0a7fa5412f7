"""Laboratory values as lines of text: a CSV that people write, with every mistake named and nothing guessed."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Final

from theratrial.errors import InputError
from theratrial.reference import table
from theratrial.safety.samples import FACTS, Sample
from theratrial.safety.terms import test_names

ALIASES: Final = {
    "anc": "neutrophils",
    "plt": "platelets",
    "hb": "haemoglobin",
    "hgb": "haemoglobin",
    "hemoglobin": "haemoglobin",
    "wbc": "white_cells",
    "leucocytes": "white_cells",
    "leukocytes": "white_cells",
    "white_blood_cells": "white_cells",
    "thrombocytes": "platelets",
    "alt": "alanine_aminotransferase",
    "ast": "aspartate_aminotransferase",
    "alp": "alkaline_phosphatase",
    "ggt": "gamma_glutamyltransferase",
    "egfr": "estimated_gfr",
    "crcl": "creatinine_clearance",
    "lvef": "ejection_fraction",
    "na": "sodium",
    "k": "potassium",
    "mg": "magnesium",
    "ca": "calcium",
}
"""What people call a test -> its name here."""
_BLOOD_COUNTS: Final = ("neutrophils", "lymphocytes", "white_cells", "platelets", "haemoglobin")
"""Never guessed: their names are alike and their grades are not."""

REQUIRED: Final = ("test", "value", "unit")
NUMBERS: Final = ("value", "lower_limit", "upper_limit", "baseline")
TEXTS: Final = ("limit_unit", "baseline_unit")
LABELS: Final = ("subject", "date")
COLUMNS: Final = (*LABELS, "test", *NUMBERS[:1], "unit", *NUMBERS[1:], *TEXTS, *FACTS)
"""Every column that a file may have."""

MOST_SHOWN: Final = 20
_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
_TRUTH: Final = {"yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class SampleLine:
    """One line of a file: whose value, when, of which test."""

    line: int
    subject: str
    date: str
    test: str
    sample: Sample


@lru_cache(maxsize=1024)
def test_called(name: str) -> str:
    """The name of a test from what people call it.

    Raises
    ------
    InputError
        If nobody calls a test so.

    Examples
    --------
    >>> test_called("Plt"), test_called("white cells")
    ('platelets', 'white_cells')
    """
    plain = re.sub(r"[\s-]+", "_", name.strip().lower())
    named = ALIASES.get(plain, plain)
    known = sorted({*test_names(), *(row.text("test") for row in table("safety/ctcae_not_by_value"))})
    if named in known:
        return named
    guessed = [one for one in (*known, *ALIASES) if ALIASES.get(one, one) not in _BLOOD_COUNTS]
    close = get_close_matches(named, guessed, n=1, cutoff=0.6)
    # A slip of a letter or two may be told even there.
    close = close or get_close_matches(named, [*known, *ALIASES], n=1, cutoff=0.85)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise InputError(f"test {name!r} is not known; {hint}graded are {', '.join(test_names())}")


def samples_from_csv(text: str) -> tuple[SampleLine, ...]:
    """The laboratory values of a CSV file.

    The first line names the columns: ``test``, ``value`` and ``unit``, and any of ``subject``, ``date``,
    ``lower_limit``, ``upper_limit``, ``baseline``, ``limit_unit``, ``baseline_unit`` and the facts (yes or no:
    ``symptomatic``, ``fasting``, ``cardiac_finding``, ``new_reduction``). An empty cell is not known, never zero.

    Raises
    ------
    InputError
        With every line that cannot be read.
    """
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        columns = [cell.strip() for cell in next(reader, [])]
        _check_columns(columns)
        lines, problems = [], []
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            try:
                lines.append(_line(reader.line_num, columns, cells))
            except InputError as error:
                problems.append(f"line {reader.line_num}: {error}")
    except csv.Error as error:
        raise InputError(f"line {reader.line_num} is not CSV: {error}") from None
    if problems:
        more = f"\nand {len(problems) - MOST_SHOWN} more" if len(problems) > MOST_SHOWN else ""
        raise InputError("\n".join(problems[:MOST_SHOWN]) + more)
    if not lines:
        raise InputError("there is no laboratory value below the line of column names")
    return tuple(lines)


def _check_columns(columns: list[str]) -> None:
    missing = [name for name in REQUIRED if name not in columns]
    odd = sorted({name for name in columns if name not in COLUMNS or columns.count(name) > 1})
    if missing or odd:
        raise InputError(
            f"columns missing: {', '.join(missing) or 'none'}; not known or given twice: "
            f"{', '.join(map(repr, odd)) or 'none'}; allowed are {', '.join(COLUMNS)}, separated by commas"
        )


def _line(number: int, columns: list[str], cells: list[str]) -> SampleLine:
    if len(cells) != len(columns):
        raise InputError(f"{len(cells)} cells for {len(columns)} columns")
    given = {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}
    value, lower, upper, baseline = (_number(name, given.get(name, "")) for name in NUMBERS)
    sample = Sample(
        value,
        given["unit"],
        lower,
        upper,
        baseline,
        given.get("limit_unit", ""),
        given.get("baseline_unit", ""),
        _facts(given),
    )
    return SampleLine(number, given.get("subject", ""), given.get("date", ""), test_called(given["test"]), sample)


def _number(name: str, cell: str) -> float | None:
    if not cell:
        return None
    if not _NUMBER.fullmatch(cell):
        raise InputError(f"{name} {cell!r} is not a number; write it with a decimal point, and nothing where not known")
    return float(cell)


def _facts(given: Mapping[str, str]) -> dict[str, bool]:
    found = {}
    for name in FACTS:
        if cell := given.get(name, "").lower():
            if cell not in _TRUTH:
                raise InputError(f"{name} is yes, no or empty (not known), got {cell!r}")
            found[name] = _TRUTH[cell]
    return found
