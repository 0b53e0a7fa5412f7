"""docs/validation.md is what the comparing tests say, checked without running them again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import validation_page as made  # noqa: E402


@pytest.fixture(scope="module")
def rows() -> list[tuple[str, ...]]:
    return made.page_rows(made.PAGE.read_text(encoding="utf-8"))


def test_every_comparing_test_has_its_rows_and_every_row_its_test(rows) -> None:
    text = made.PAGE.read_text(encoding="utf-8")
    on_page = {row[-1].strip("`") for row in rows}
    tests = made.comparing_tests()
    assert not {name for names in tests.values() for name in names} - on_page, "make validation"
    assert not on_page - {name for names in tests.values() for name in names}, "make validation"
    assert not [module for module in tests if f"`{module}`" not in text]


def test_every_row_is_whole_and_inside_its_tolerance(rows) -> None:
    assert len(rows) > 200
    for row in rows:
        assert len(row) == 7, row
        what, expected, got, _, tolerance, source, _ = row
        allowed, unit = float(tolerance.split()[0]), tolerance.split()[1:]
        if unit[:1] == ["%"] and "[%]" not in what:
            allowed *= abs(float(expected)) / 100
        # What was got is rounded on the page, by less than a tenth of its tolerance.
        assert abs(float(got) - float(expected)) <= allowed * 1.1, what
        assert source


def test_every_number_that_is_not_matched_says_why(rows) -> None:
    text = made.PAGE.read_text(encoding="utf-8")
    apart = [row for row in rows if made.NOT_MATCHED in row[3]]
    reasons = text.split("## What is not matched, and why")[1].split("\n## ")[0]
    assert apart
    assert reasons.count("\n- ") >= len({row[-1] for row in apart}) / 3
    assert f"{len(rows)} comparisons, {len(apart)} of them not matched" in text


def test_a_number_that_moved_by_more_than_its_last_digits_is_told() -> None:
    row = ("TIA [MBq h]", "7593.75", "7593.8", "+0.001 %", "0.01 %", "paper", "`test_x`")
    assert made.told_apart([row], [row]) == []
    assert made.told_apart([row], [(*row[:2], "7593.9", *row[3:])]) == []
    assert made.told_apart([row], [(*row[:2], "7800", *row[3:])]) == [
        "TIA [MBq h]: the page says 7593.8, the test 7800"
    ]
    assert made.told_apart([row], []) == ["no longer compared: TIA [MBq h]"]
    assert made.told_apart([], [row]) == ["not on the page: TIA [MBq h]"]
