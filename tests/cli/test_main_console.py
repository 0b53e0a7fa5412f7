"""The helpers that every command prints with."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import io
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.cli import console
from theratrial.errors import NumericalError


class Verdict(enum.Enum):
    PROCEED = "proceed"


@dataclasses.dataclass(frozen=True, slots=True)
class Dose:
    absorbed_dose_Gy: float
    verdict: Verdict
    upper_Gy: float | None = None


def test_json_is_pure_and_keeps_the_order_of_the_keys(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_json({"suv_min": 0.2, "suv_max": 4.0, "a": "é µ ☢"})
    captured = capsys.readouterr()
    assert captured.out == '{\n  "suv_min": 0.2,\n  "suv_max": 4.0,\n  "a": "é µ ☢"\n}\n'
    assert captured.err == ""


def test_json_understands_the_values_of_the_core(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_json(
        {
            "dose": Dose(1.5, Verdict.PROCEED),
            "float32": np.float32(0.5),
            "int64": np.int64(7),
            "flag": np.bool_(True),
            "array": np.array([[1.0, 2.0]]),
            "path": Path("a b"),
            "when": datetime.datetime(2024, 5, 1, 12, tzinfo=datetime.UTC),
            "set": frozenset({"b", "a"}),
        }
    )
    assert json.loads(capsys.readouterr().out) == {
        "dose": {"absorbed_dose_Gy": 1.5, "verdict": "proceed", "upper_Gy": None},
        "float32": 0.5,
        "int64": 7,
        "flag": True,
        "array": [[1.0, 2.0]],
        "path": "a b",
        "when": "2024-05-01T12:00:00+00:00",
        "set": ["a", "b"],
    }


@pytest.mark.parametrize("number", [math.nan, math.inf, np.float32("nan"), np.array([1.0, -np.inf])])
def test_a_number_that_is_none_is_refused_with_its_place(number: object, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(NumericalError, match=r"value\.kidney"):
        console.print_json({"kidney": number})
    assert capsys.readouterr().out == ""


def test_what_has_no_json_form_is_refused() -> None:
    with pytest.raises(TypeError, match=r"value\[0\] is a object"):
        console.print_json([object()])


def test_json_is_utf8_whatever_the_locale_and_survives_a_name_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    stdout = io.TextIOWrapper(raw, encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stdout)
    name = b"scan\xff.dcm".decode("utf-8", "surrogateescape")
    console.print_json({"file": name, "unit": "µ"})
    assert json.loads(raw.getvalue().decode("utf-8")) == {"file": name, "unit": "µ"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(json_values)
def test_json_brings_every_value_back(value: object) -> None:
    raw = io.BytesIO()
    stdout = io.TextIOWrapper(raw, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", stdout)
        console.print_json(value)
    assert json.loads(raw.getvalue()) == value


@given(st.text())
def test_harmless_text_is_printable_and_leaves_good_text_alone(text: str) -> None:
    shown = console.harmless(text)
    assert all(character in "\n\t" or character.isprintable() for character in shown)
    if text.isascii() and text.isprintable():
        assert shown == text


def test_progress_without_a_terminal_is_a_few_plain_lines_on_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with console.progress("Simulating", total=1000) as steps:
        for number in range(1000):
            steps.advance(f"participant {number}")
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert len(lines) == 10
    assert lines[0] == "Simulating: 100 of 1000 (participant 99)"
    assert lines[-1] == "Simulating: 1000 of 1000 (participant 999)"


def test_a_short_task_gets_a_line_for_every_piece(capsys: pytest.CaptureFixture[str]) -> None:
    with console.progress("Running", total=3) as steps:
        for name in ("[a]", "b", "c"):
            steps.advance(name)
    assert capsys.readouterr().err.splitlines() == [
        "Running: 1 of 3 ([a])",
        "Running: 2 of 3 (b)",
        "Running: 3 of 3 (c)",
    ]


def test_a_table_on_a_pipe_is_not_cut_and_shows_what_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    long_name = "a region with a very long name " * 5
    console.print_table(("region", "dose [Gy]"), [(long_name, 1.5), ("[bold]kidney", None)], title="[x]")
    out = capsys.readouterr().out
    assert long_name.strip() in out
    assert "[bold]kidney" in out
    assert "dose [Gy]" in out
    assert "–" in out


@pytest.mark.parametrize(("setting", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_no_color_is_honoured(setting: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    for name, value in setting.items():
        monkeypatch.setenv(name, value)
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    console.note("careful", style="red")
    assert ("\x1b[31m" in stream.getvalue()) is coloured
