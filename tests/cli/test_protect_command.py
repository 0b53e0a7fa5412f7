"""`theratrial protect`: a file of dose rates judged, and every mistake in it named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from theratrial.cli.protect import app
from theratrial.errors import InputError

FILE = "hours_after,distance_m,dose_rate_uSv_per_h,background_uSv_per_h\n2,1,14.1,0.1\n24,1,12.6,0.1\n72,2,2.8,0.1\n"
GIVEN = ("--administered-MBq", "7400", "--limit", "common_european_20uSv_h")


def judged(place: Path, text: str, *arguments: str) -> str:
    file = place / "rates.csv"
    file.write_text(text, encoding="utf-8")
    found = CliRunner().invoke(app, [str(file), *GIVEN, *arguments])
    if found.exception is not None and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert found.exit_code == 0, found.output
    return found.stdout


def test_a_file_gives_verdict_and_restrictions_as_json(tmp_path: Path) -> None:
    values = json.loads(judged(tmp_path, FILE, "--household", "adult:bed", "--household", "child_under_2", "--json"))
    assert values["verdict"] == "may_leave"
    assert values["kinetics"] == "measured_dose_rates"
    assert [one["kind"] for one in values["restrictions"]][:3] == ["adult", "adult", "child_under_2"]
    half = values["effective_half_life_h"]
    assert half["lower"] < half["value"] < half["upper"] <= 159.6


def test_the_same_in_words(tmp_path: Path) -> None:
    said = judged(tmp_path, FILE)
    assert "may leave" in said
    assert "public transport every day" in said


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (FILE.replace("14.1", "-14.1"), "line 2"),
        (FILE.replace("2,1,14.1", "-2,1,14.1"), "before it"),
        (FILE.replace("24,1,", "24,,"), "distance_m is empty"),
        (FILE.replace("24,1,", "24,0.1,"), "measure at 1 m"),
        (FILE.replace("12.6", "12,6"), "cells"),
        (FILE.replace("12.6", "many"), "not a number"),
        (FILE.replace("distance_m", "distance"), "columns missing"),
        ("hours_after,distance_m,dose_rate_uSv_per_h\n", "no dose rate below"),
        (FILE.replace("hours_after", "measured_at"), "needs the time"),
        ("", "columns missing"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_line(tmp_path: Path, text: str, word: str) -> None:
    with pytest.raises(InputError, match=word):
        judged(tmp_path, text)


def test_rising_rates_are_told_as_contamination_not_as_a_verdict(tmp_path: Path) -> None:
    values = json.loads(judged(tmp_path, FILE.replace("12.6", "30").replace("72,2,2.8", "72,1,50"), "--json"))
    assert values["verdict"] == "undetermined"
    assert "contamination" in values["because"]
    assert values["restrictions"] == []


def test_times_of_day_are_read_with_their_offset(tmp_path: Path) -> None:
    text = FILE.replace("hours_after", "measured_at").replace("\n2,", "\n2026-03-02T12:30:00+03:30,")
    text = text.replace("\n24,", "\n2026-03-03T10:30:00+03:30,").replace("\n72,", "\n2026-03-05T10:30:00+03:30,")
    at = ("--administered-at", "2026-03-02T10:30:00+03:30")
    with_times = json.loads(judged(tmp_path, text, *at, "--json"))
    with_hours = json.loads(judged(tmp_path, FILE, *at, "--json"))
    assert with_times == with_hours


def test_a_sheet_of_no_results_is_refused(tmp_path: Path) -> None:
    found = CliRunner().invoke(app, ["leaflet", str(tmp_path), "--participant", "P01", "--session", "1"])
    assert isinstance(found.exception, InputError)
