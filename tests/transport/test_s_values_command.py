"""`theratrial svalues`: shows shipped tables, makes new ones, and refuses what it should."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from theratrial.cli.svalues import app
from theratrial.dosimetry.transport.s_value_files import s_values_from_text, shipped_s_values
from theratrial.errors import InputError

RUNNER = CliRunner()


def made(*arguments: str) -> object:
    return RUNNER.invoke(app, ["make", "--nuclide", "Lu-177", "--phantom", "adult_male", *arguments])


def test_show_prints_the_shipped_self_doses_with_their_uncertainty():
    result = RUNNER.invoke(app, ["show", "177Lu", "adult_female"])
    assert result.exit_code == 0
    liver = next(line for line in result.stdout.splitlines() if line.count("liver") == 2)
    value = shipped_s_values("adult_female", "Lu-177").value("liver", "liver")
    assert f"{value.total_Gy_per_MBq_h / 3.6:.3e}" in liver
    assert "1400" in liver


def test_show_as_json_holds_every_target_of_a_source():
    result = RUNNER.invoke(app, ["show", "Lu-177", "adult_male", "--source", "liver", "--json"])
    rows = json.loads(result.stdout)["s_values"]
    assert {row["source"] for row in rows} == {"liver"}
    assert {"liver", "kidneys", "red_marrow", "total_body"} <= {row["target"] for row in rows}


def test_show_of_an_unknown_region_names_the_known_ones():
    result = RUNNER.invoke(app, ["show", "Lu-177", "adult_male", "--source", "tail"])
    assert isinstance(result.exception, InputError)
    assert "'tail'" in str(result.exception)
    assert "kidneys" in str(result.exception)


@pytest.mark.long
def test_make_writes_a_table_that_reads_back_and_does_not_overwrite_it(tmp_path: Path):
    out = tmp_path / "table.csv"
    arguments = ("--out", str(out), "--histories", "1000", "--relative-sd", "10%", "--workers", "1", "--seed", "5")
    result = made(*arguments)
    assert result.exit_code == 0, result.output
    table = s_values_from_text(out.read_text(encoding="utf-8"), "made")
    assert (table.phantom, table.nuclide) == ("adult_male", "Lu-177")
    assert table.value("liver", "liver").photon_relative_sd <= 0.1
    again = made(*arguments)
    assert isinstance(again.exception, InputError)
    assert "is there already" in str(again.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"], "nothing half written stays"


@pytest.mark.parametrize("wrong", ["0", "1", "-1%", "some"])
def test_make_refuses_an_uncertainty_that_is_no_fraction(tmp_path: Path, wrong: str):
    result = made("--out", str(tmp_path / "t.csv"), f"--relative-sd={wrong}")
    assert isinstance(result.exception, InputError)
    assert "--relative-sd" in str(result.exception)


def test_make_refuses_an_unknown_phantom_before_it_computes(tmp_path: Path):
    result = RUNNER.invoke(app, ["make", "--nuclide", "Lu-177", "--phantom", "cat", "--out", str(tmp_path / "t.csv")])
    assert isinstance(result.exception, InputError)
    assert "adult_female" in str(result.exception)


def test_make_refuses_a_folder_that_is_not_there(tmp_path: Path):
    result = made("--out", str(tmp_path / "none" / "t.csv"))
    assert isinstance(result.exception, InputError)
    assert "is no folder" in str(result.exception)
