"""The table of lesions on PET: read whole or refused by line; the commands percist and eortc on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from theratrial.cli.respond import app
from theratrial.errors import InputError, Problems
from theratrial.protocol.plans.criteria import UptakeBy
from theratrial.response.pet.scans import Comparability
from theratrial.response.pet.table import read_scans
from theratrial.response.pet.table_responses import pet_responses

SCAN = "liver_mean_g_per_mL,liver_sd_g_per_mL,uptake_min,injected_MBq,scanner,glucose_mg_per_dL,cycles"
HEADER = f"subject,date,lesion,role,status,uptake_g_per_mL,{SCAN}\n"
TABLE = (
    HEADER
    + """\
P01,2024-03-01,A,target,present,6.0,2.0,0.3,62,310,mCT VG60,95,1
P01,2024-01-01,A,target,present,10.0,2.0,0.3,60,300,mCT VG60,90,
P01,2024-01-01,B,target,present,6.0,,,,,,,
P01,2024-03-01,B,target,present,4.0,,,,,,,
P01,2024-05-01,A,target,present,6.1,2.1,0.3,61,305,mCT VG60,95,3
P01,2024-05-01,X,new,present,,,,,,,,
"""
)


def test_every_later_scan_is_judged_against_the_earliest_whatever_the_order_of_lines() -> None:
    (one,) = pet_responses(read_scans(TABLE), "percist", Comparability())
    assert [(str(at.day), at.response.category) for at in one.responses] == [
        ("2024-03-01", "PMR"),
        ("2024-05-01", "PMD"),
    ]
    assert one.responses[0].response.change_percent == pytest.approx(-40.0)
    (summed,) = pet_responses(read_scans(TABLE), "eortc", Comparability())
    # 16 to 10: by the sum of the targets.
    assert summed.responses[0].response.change_percent == pytest.approx(-37.5)
    assert [at.response.category for at in summed.responses] == ["PMR", "PMD"]


def test_uptake_by_weight_is_converted_by_the_named_formula_of_the_scans_own_weight() -> None:
    """A woman of 160 cm has 46.572 kg at 70 kg by James, at 60 kg 1.07 * 60 - 148 * (60 / 160)**2 = 43.3875 kg."""
    table = "subject,date,lesion,status,uptake_g_per_mL,weight_kg,height_cm,sex\n"
    table += "P01,2024-01-01,A,present,10,70,160,F\nP01,2024-03-01,A,present,10,60,160,F\n"
    (one,) = pet_responses(read_scans(table, formula="james_128"), "percist", None)
    (eortc,) = pet_responses(
        read_scans(table.replace("sex\n", "sex,cycles\n").replace("60,160,F\n", "60,160,F,1\n"), formula="james_128"),
        "eortc",
        None,
    )
    found = eortc.responses[0].response
    assert found.before == pytest.approx(10 * 46.571875 / 70)
    assert found.after == pytest.approx(10 * 43.3875 / 60)
    assert one.responses[0].response.category == "NE"
    with pytest.raises(Problems, match="lean body mass needs weight_kg, height_cm and sex"):
        read_scans(TABLE, formula="james_128")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("P01,2024-02-30,A,target,present,6,,,,,,,", "line 8: date is a day"),
        ("P01,2024-06-01,A,target,present,,,,,,,,", "line 8: uptake_g_per_mL is empty and the lesion is present"),
        ("P01,2024-06-01,A,target,present,6 g/mL,,,,,,,", "without a unit, got '6 g/mL'"),
        ("P01,2024-06-01,A,target,present,-1,,,,,,,", "number of 0 or more"),
        ("P01,2024-06-01,A,target,present,nan,,,,,,,", "number of 0 or more"),
        ("P01,2024-06-01,A,target,gone,6,,,,,,,", "status is one of present, resolved, not_assessable"),
        ("P01,2024-06-01,A,hot,present,6,,,,,,,", "role is one of"),
        ("P01,2024-06-01,A,target,not_assessable,6,,,,,,,", "not_assessable and has an uptake"),
        ("P01,2024-03-01,A,target,present,6,,,,,,,", "lesion A stands twice in the scan of 2024-03-01"),
        ("P01,2024-03-01,C,target,present,6,,,70,,,,", "uptake_min of this scan is 70 and was 62"),
        ("P01,2024-06-01,A,target,present,6,2.0,,,,,,", "given together"),
        ("P01,2024-06-01,A,target,present,6,,,,,,,1.5", "cycles is a whole number"),
        ("P02,2024-06-01,A,target,present,6,,,,,,,", "P02 has one scan"),
        ("P01,2024-06-01,A,target,present,6,,,,,,,,,spare", "more cells than the header"),
        (",2024-06-01,A,target,present,6,,,,,,,", "subject is empty"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(line: str, said: str) -> None:
    with pytest.raises(Problems) as refused:
        read_scans(TABLE + line + "\n")
    assert said in str(refused.value)


def test_columns_that_nobody_reads_and_new_lesions_at_baseline_are_refused() -> None:
    with pytest.raises(Problems, match="missing: uptake_g_per_mL; unknown: suv"):
        read_scans("subject,date,lesion,status,suv\n")
    new = TABLE + "P01,2024-01-01,N,new,present,,,,,,,,\n"
    with pytest.raises(Problems, match="new lesions at baseline"):
        list(pet_responses(read_scans(new), "percist", None))
    with pytest.raises(Problems, match="cycles is not given on 2024-03-01"):
        list(pet_responses(read_scans(TABLE.replace(",95,1\n", ",95,\n")), "eortc", None))


def run(tmp_path: Path, *arguments: str, table: str = TABLE) -> Any:
    file = tmp_path / "lesions.csv"
    file.write_text(table, encoding="utf-8")
    return CliRunner().invoke(app, [arguments[0], str(file), *arguments[1:]])


def test_the_commands_tell_category_and_arithmetic(tmp_path: Path) -> None:
    said = run(tmp_path, "percist").stdout
    assert "P01: PERCIST 1.0, baseline 2024-01-01" in said
    assert "SULpeak 10.00 (A) to 6.00 (A) g/mL, -4.00, -40.0 %" in said
    found = json.loads(run(tmp_path, "eortc", "--json").stdout)
    assert found["criteria"] == "EORTC 1999"
    assert found["comparability"]["shortest_uptake_min"] == 50
    assert [at["response"]["category"] for at in found["subjects"][0]["responses"]] == ["PMR", "PMD"]


def test_scans_that_are_not_comparable_are_so_unless_somebody_vouches_for_them(tmp_path: Path) -> None:
    late = TABLE.replace(",62,", ",90,")
    for command in ("percist", "eortc"):
        found = json.loads(run(tmp_path, command, "--json", table=late).stdout)
        first = found["subjects"][0]["responses"][0]["response"]
        assert first["category"] == "NE"
        assert "response: uptake time 90 min, not 50 to 70" in first["because"]
        vouched = json.loads(run(tmp_path, command, "--json", "--assume-comparable", table=late).stdout)
        assert vouched["subjects"][0]["responses"][0]["response"]["category"] == "PMR"
        assert vouched["comparability"] is None
    without = TABLE.replace(",95,", ",,").replace(",90,\n", ",,\n")
    assert "blood glucose is not recorded" in run(tmp_path, "percist", "--json", table=without).stdout
    assert "blood glucose" not in run(tmp_path, "percist", "--json", "--no-glucose", table=without).stdout


def test_a_window_that_is_none_is_refused(tmp_path: Path) -> None:
    found = run(tmp_path, "percist", "--earliest", "90")
    assert isinstance(found.exception, InputError)
    assert "no window" in str(found.exception)


WEIGHED = "subject,date,lesion,status,uptake_g_per_mL,weight_kg,height_cm,cycles\n"


def test_eortc_by_body_surface_takes_weight_and_height_of_each_scan(tmp_path: Path) -> None:
    """Du Bois of 70 kg, 160 cm: 0.007184 * 160^0.725 * 70^0.425 = 1.7319 m2; of 60 kg: 1.6221 m2 (by logarithms).

    By weight the fall is 26 %, a partial response after two cycles; by surface, as the body shrank, 19 %: none.
    """
    table = WEIGHED + "P01,2024-01-01,A,present,10,70,160,\nP01,2024-03-01,A,present,7.4,60,160,2\n"
    (by_weight,) = pet_responses(read_scans(table), "eortc", None)
    (by_surface,) = pet_responses(read_scans(table, by="body_surface_area"), "eortc", None)
    found = by_surface.responses[0].response
    assert found.before == pytest.approx(10 * 17319 / 70000, rel=1e-4)
    assert found.after == pytest.approx(7.4 * 16221 / 60000, rel=1e-4)
    assert "cm2/mL" in found.because
    assert [one.responses[0].response.category for one in (by_weight, by_surface)] == ["PMR", "SMD"]
    file = tmp_path / "lesions.csv"
    file.write_text(table, encoding="utf-8")
    shown = CliRunner().invoke(app, ["eortc", str(file), "--bsa", "--assume-comparable", "--json"])
    assert json.loads(shown.stdout)["unit"] == "cm2/mL"
    with pytest.raises(InputError, match="give one"):
        CliRunner().invoke(app, ["eortc", str(file), "--bsa", "--lbm", "james_128"], catch_exceptions=False)
    with pytest.raises(Problems, match="needs weight_kg and height_cm"):
        read_scans(TABLE, by="body_surface_area")


def test_at_constant_weight_the_change_is_the_same_by_every_measure() -> None:
    table = WEIGHED.replace("cycles", "sex,cycles") + (
        "P01,2024-01-01,A,present,10,70,160,F,\nP01,2024-03-01,A,present,7.4,70,160,F,2\n"
    )
    measures: tuple[UptakeBy, ...] = ("body_weight", "lean_body_mass", "body_surface_area")
    found = [pet_responses(read_scans(table, by=by, formula="janmahasatian"), "eortc", None) for by in measures]
    changes = [next(one).responses[0].response.change_percent for one in found]
    assert changes == pytest.approx([-26.0] * 3)


BARE = "subject,date,lesion,role,status,uptake_g_per_mL,cycles,treatment_start\n"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            ["2024-02-01,A,target,present,10,,2024-01-10", "2024-03-01,A,target,present,5,2,2024-01-10"],
            "baseline missing",
        ),
        (["2024-01-01,A,target,present,10,1,", "2024-03-01,A,target,present,5,2,"], "cycles is 1 on the first scan"),
        (["2024-01-01,A,target,present,10,,2024-01-10", "2024-03-01,A,target,present,5,2,2024-01-11"], "two days of"),
        (
            ["2023-11-01,A,target,present,9,,2024-01-10", "2024-01-01,A,target,present,10,,"],
            "no scan after the baseline",
        ),
        (
            ["2024-01-01,A,target,present,10,,", "2024-03-01,A,target,present,5,2,", "2024-03-01,Z,target,present,9,,"],
            "lesion Z was not there at baseline",
        ),
    ],
)
@pytest.mark.parametrize("criteria", ["percist", "eortc"])
def test_a_baseline_that_is_missing_and_a_lesion_that_is_not_called_new_are_refused(
    criteria: Any, lines: list[str], said: str
) -> None:
    table = BARE + "".join(f"P01,{line}\n" for line in lines)
    with pytest.raises(Problems, match=said):
        list(pet_responses(read_scans(table), criteria, None))


def test_the_last_scan_before_treatment_is_the_baseline_and_earlier_ones_are_told() -> None:
    table = BARE + (
        "P01,2023-11-01,A,target,present,20,,2024-01-10\nP01,2024-01-01,A,target,present,10,,\n"
        "P01,2024-03-01,A,target,present,9,2,\n"
    )
    (one,) = pet_responses(read_scans(table), "eortc", None)
    assert str(one.baseline) == "2024-01-01"
    assert one.responses[0].response.change_percent == pytest.approx(-10)
    assert "not used: 2023-11-01" in one.cautions[0]


def test_a_lesion_that_may_be_new_allows_no_response_but_takes_no_progression_away() -> None:
    def found(uptake: float) -> str:
        table = HEADER + (
            "P01,2024-01-01,A,target,present,10.0,2.0,0.3,60,310,mCT VG60,90,\n"
            f"P01,2024-03-01,A,target,present,{uptake},2.0,0.3,62,310,mCT VG60,95,1\n"
            "P01,2024-03-01,X,new,not_assessable,,,,,,,,\n"
        )
        (percist,), (eortc,) = (
            [one.responses[0].response for one in pet_responses(read_scans(table), criteria, None)]
            for criteria in ("percist", "eortc")
        )
        assert percist.category == eortc.category
        return percist.because if percist.category == "NE" else percist.category

    assert found(5) == "not assessable: X may be new and was not assessable"
    assert found(14) == "PMD"


def test_a_role_that_changes_and_a_day_to_come_are_refused(tmp_path: Path) -> None:
    moved = TABLE.replace("P01,2024-03-01,B,target", "P01,2024-03-01,B,non_target")
    with pytest.raises(Problems, match="2024-03-01: lesion B changes its role"):
        list(pet_responses(read_scans(moved), "percist", None))
    later = run(tmp_path, "percist", table=TABLE.replace("2024-05-01", "2924-05-01"))
    assert "date is 2924-05-01, which is still to come" in str(later.exception)


def test_percists_open_places_are_options_of_the_command_and_the_baseline_is_told(tmp_path: Path) -> None:
    flags = ("--other-rise", "-1", "--beyond-limits", "--blood-without-sd")
    found = json.loads(run(tmp_path, "percist", "--json", *flags).stdout)
    asked = {"other_rise_percent": None, "fall_at_limit": False, "measurable_at_limit": False}
    assert found["options"] | asked | {"blood_pool_two_sd": False} == found["options"]
    told = ["no treatment_start: the earliest scan, 2024-01-01, is the baseline"]
    assert found["subjects"][0]["cautions"] == told
    assert isinstance(run(tmp_path, "percist", "--other-rise", "-2").exception, InputError)
