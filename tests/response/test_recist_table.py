"""The table of lesions: read whole, or refused by line; and the command on it."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from theratrial.cli.respond import app
from theratrial.errors import InputError, Problems
from theratrial.response.recist.options import RecistOptions
from theratrial.response.recist.table import read_lesions, subject_responses

HEADER = "subject,date,lesion,role,status,length_mm,nodal,organ,treatment_start\n"
TABLE = (
    HEADER
    + """\
P02,2022-03-01,T1,target,measured,30,no,liver,
P02,2022-01-01,T1,target,measured,30.0,no,liver,
P02,2022-03-01,X,new,present,,,,
P01,2022-01-01,T1,target,measured,30,no,liver,2022-01-10
P01,2022-01-01,T2,target,measured,20,yes,,
P01,2022-03-01,T1,target,measured,12,no,liver,
P01,2022-03-01,T2,target,measured,9,yes,,
P01,2022-04-05,T1,target,measured,13,no,liver,
"""
)


def test_lines_in_any_order_become_visits_in_the_order_of_their_days() -> None:
    second, first = read_lesions(TABLE)
    assert (second.subject, first.subject) == ("P02", "P01")
    assert [visit.day for visit in second.visits] == [date(2022, 1, 1), date(2022, 3, 1)]
    assert (first.treatment_start, second.treatment_start) == (date(2022, 1, 10), None)


def test_a_lesion_without_a_line_was_not_evaluated() -> None:
    found = {one.subject: one for one in subject_responses(read_lesions(TABLE))}
    assert [point.overall for point in found["P01"].time_points] == ["PR", "NE"]
    assert found["P01"].time_points[1].missing == ("T2",)
    assert found["P01"].best.response == "SD"
    assert (found["P02"].best.response, found["P02"].reference_is_baseline) == ("PD", True)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("P01,2022-01-01,T1,target,measured,30 mm,no,,", "line 2: a length in millimetres"),
        ("P01,01.02.2022,T1,target,measured,30,no,,", "line 2: date is a day"),
        ("P01,2022-01-01,T1,main,measured,30,no,,", "role is one of target, non_target, new"),
        (
            "P01,2022-01-01,T1,target,present,,no,,",
            "status is one of measured, absent, too_small, merged, not_evaluated",
        ),
        ("P01,2022-01-01,T1,target,measured,,no,,", "has no length"),
        ("P01,2022-01-01,T1,target,absent,0,no,,", "has a length"),
        ("P01,2022-01-01,T1,target,measured,30,perhaps,,", "nodal is yes or no"),
        (",2022-01-01,T1,target,measured,30,no,,", "subject is empty"),
        ("P01,2022-01-01,T1,target,measured,30,no,,,spare", "more cells than the header"),
        ("P01,2022-01-01,T1,target", "status is one of"),
    ],
)
def test_a_cell_that_cannot_be_read_is_named_with_its_line(line: str, said: str) -> None:
    with pytest.raises(Problems, match=said):
        read_lesions(HEADER + line + "\n")


def test_every_line_is_named_at_once_and_nothing_is_half_read() -> None:
    broken = TABLE.replace("30.0", "x").replace(",12,", ",y,")
    with pytest.raises(Problems) as refused:
        read_lesions(broken)
    assert [problem.place for problem in refused.value.problems] == ["table line 3", "table line 7"]


def test_columns_that_are_missing_or_unknown_are_named_with_those_allowed() -> None:
    with pytest.raises(Problems, match=r"missing: status; unknown: size.*needed: subject"):
        read_lesions("subject,date,lesion,role,size\n")
    with pytest.raises(Problems, match="no line below its header"):
        read_lesions(HEADER)


def test_two_starts_of_treatment_are_refused() -> None:
    with pytest.raises(Problems, match="treatment_start of P01"):
        read_lesions(TABLE + "P01,2022-05-05,T1,target,measured,13,no,liver,2022-01-11\n")


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["recist", *arguments])


def test_the_command_tells_every_visit_and_the_best_response(tmp_path: Path) -> None:
    file = tmp_path / "lesions.csv"
    file.write_text("\ufeff" + TABLE, encoding="utf-8")
    said = run(str(file)).stdout
    assert "P01: SD, no progression 50 days after 2022-01-10, PR without confirmation" in said
    assert "-58.0 % from baseline 50 mm" in said
    found = json.loads(run(str(file), "--json", "--confirm", "-1").stdout)
    assert {one["subject"]: one["best"]["response"] for one in found["subjects"]} == {"P01": "PR", "P02": "PD"}


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    file = tmp_path / "lesions.csv"
    file.write_bytes(TABLE.replace("liver", "Müller").encode("cp1252"))
    found = run(str(file))
    assert isinstance(found.exception, InputError)
    assert "not UTF-8" in str(found.exception)


def judged(*lines: str, **options: Any) -> Any:
    (one,) = subject_responses(
        read_lesions(HEADER + "".join(f"P01,{line}\n" for line in lines)), RecistOptions(**options)
    )
    return one


def test_a_first_visit_after_the_treatment_is_no_baseline() -> None:
    with pytest.raises(Problems, match="baseline missing: the first measurement, 2022-03-01"):
        judged("2022-03-01,A,target,measured,30,no,,2022-01-01", "2022-05-01,A,target,measured,30,no,,")


def test_progression_before_the_treatment_is_none_for_the_last_visit_before_it_is_the_baseline() -> None:
    """20 and 30 mm before, 24 and 20 mm after: -20 % and -33 % of 30."""
    found = judged(
        "2021-11-01,A,target,measured,20,no,,2022-01-10",
        "2022-01-05,A,target,measured,30,no,,",
        "2022-03-01,A,target,measured,24,no,,",
        "2022-05-01,A,target,measured,20,no,,",
    )
    assert [point.overall for point in found.time_points] == ["SD", "PR"]
    assert str(found.baseline) == "2022-01-05"
    assert "not used: 2021-11-01" in found.cautions[0]


def test_a_node_stays_a_node_where_the_cell_is_empty_and_may_not_become_one() -> None:
    """8 mm of a node is normal; 9 mm of a liver lesion is a metastasis."""
    node = judged("2022-01-01,N,target,measured,16,yes,,", "2022-03-01,N,target,measured,8,,,")
    assert [point.overall for point in node.time_points] == ["CR"]
    with pytest.raises(Problems, match="lesion L is a node and was none"):
        judged("2022-01-01,L,target,measured,12,no,liver,", "2022-03-01,L,target,measured,9,yes,liver,")
    with pytest.raises(Problems, match="lesion L is in lung and was in liver"):
        judged("2022-01-01,L,target,measured,12,no,liver,", "2022-03-01,L,target,measured,9,no,lung,")


def test_a_node_too_small_to_measure_is_normal_and_one_that_stays_below_10_mm_is_no_progression() -> None:
    found = judged(
        "2022-01-01,N,target,measured,16,yes,,",
        "2022-03-01,N,target,too_small,,yes,,",
        "2022-05-01,N,target,measured,4,yes,,",
        "2022-07-01,N,target,measured,9.2,yes,,",
        "2022-09-01,N,target,measured,10,yes,,",
    )
    assert [point.overall for point in found.time_points] == ["CR", "CR", "CR", "PD"]


def test_a_target_seen_again_after_a_complete_response_is_progression_however_small() -> None:
    """Eisenhauer 2009, appendix: after CR its return is progression; after PR it is added to the sum."""
    lines = (
        "2022-01-01,A,target,measured,30,no,,",
        "2022-03-01,A,target,absent,,no,,",
        "2022-05-01,A,target,measured,4,no,,",
    )
    assert [point.overall for point in judged(*lines).time_points] == ["CR", "PD"]
    assert [point.overall for point in judged(*lines, reappeared_progresses=False).time_points] == ["CR", "PR"]
    partial = (*lines, *(f"{day},B,non_target,present,,no,," for day in ("2022-01-01", "2022-03-01", "2022-05-01")))
    assert [point.overall for point in judged(*partial).time_points] == ["PR", "PR"]


def test_a_new_lesion_in_doubt_that_is_confirmed_counts_from_the_day_it_was_seen() -> None:
    """Eisenhauer 2009, 4.3.5: progression is declared using the date of the initial scan."""
    lines = (
        "2022-01-01,A,target,measured,30,no,,",
        "2022-03-01,A,target,measured,20,no,,",
        "2022-03-01,X,new,not_evaluated,,,,",
        "2022-05-01,A,target,measured,20,no,,",
    )
    assert [point.overall for point in judged(*lines).time_points] == ["PR", "PR"]
    found = judged(*lines, "2022-05-01,X,new,present,,,,")
    assert [point.overall for point in found.time_points] == ["PD", "PD"]
    assert (found.best.response, str(found.best.day)) == ("PD", "2022-03-01")


UNITS = "subject,date,lesion,role,status,length,unit,nodal,axis,organ,merged_into\n"


def test_lengths_in_centimetres_are_those_in_millimetres() -> None:
    lines = "P01,2022-01-01,A,target,measured,2.5,cm,no,long,,\nP01,2022-03-01,A,target,measured,1.75,cm,no,,,\n"
    (one,) = subject_responses(read_lesions(UNITS + lines))
    assert [(point.overall, point.sum_mm) for point in one.time_points] == [("PR", 17.5)]
    assert one.cautions == ("no treatment_start: the earliest visit, 2022-01-01, is the baseline and day 0",)


@pytest.mark.parametrize(
    ("header", "line", "said"),
    [
        (UNITS, "2022-03-01,A,target,measured,24,mm,no,,,", "line 3: lesion A is in mm and was in cm; write it in one"),
        (UNITS, "2022-03-01,A,target,measured,2.4,,no,,,", "line 3: unit is one of mm, cm, got ''"),
        (UNITS, "2022-03-01,A,target,measured,2.4,inch,no,,,", "unit is one of mm, cm, got 'inch'"),
        (UNITS, "2022-03-01,A,target,measured,2.4 cm,cm,no,,,", "a length in centimetres is a number"),
        (UNITS, "2022-03-01,A,target,measured,51,cm,no,,,", "a length lies from 0 to 500 mm"),
        (UNITS, "2022-03-01,A,target,measured,2.4,cm,no,short,,", "no node and its short axis is given"),
        (UNITS, "2022-03-01,N,target,measured,3.1,cm,yes,long,,", "N is a node and its long axis is given"),
        (UNITS, "2022-03-01,A,target,measured,2.4,cm,no,wide,,", "axis is one of"),
        (UNITS, "2022-03-01,A,target,merged,,,no,,,", "is merged and merged into no other"),
        (
            UNITS.replace("length", "length_mm"),
            "2022-03-01,A,target,measured,2.4,cm,no,,,",
            "unit is cm beside a length_mm",
        ),
        (UNITS.replace("length,unit,", "length,"), "", "column length without unit"),
        (UNITS.replace("organ", "length_mm"), "", "keep one of them"),
    ],
)
def test_units_and_axes_that_do_not_fit_are_named(header: str, line: str, said: str) -> None:
    first = "P01,2022-01-01,A,target,measured,2.5,cm,no,long,,\n"
    with pytest.raises(Problems) as refused:
        read_lesions(f"{header}{first}P01,{line}\n")
    assert said in str(refused.value)


def test_the_long_axis_of_a_node_is_refused_where_another_line_calls_it_one() -> None:
    table = UNITS + (
        "P01,2022-03-01,N,target,measured,3.1,cm,,long,,\nP01,2022-01-01,N,target,measured,2.0,cm,yes,short,,\n"
    )
    with pytest.raises(Problems, match="line 2: lesion N is a node and its long axis is given"):
        read_lesions(table)


def test_an_organ_is_compared_with_the_first_that_was_named() -> None:
    with pytest.raises(Problems, match="lesion L is in lung and was in liver"):
        judged(
            "2022-01-01,L,target,measured,12,no,,",
            "2022-03-01,L,target,measured,9,no,liver,",
            "2022-05-01,L,target,measured,9,no,lung,",
        )


def test_a_day_to_come_is_refused_and_today_is_not() -> None:
    read_lesions(TABLE, latest=date(2022, 4, 5))
    with pytest.raises(Problems, match=r"date is 2022-04-05, which is still to come; today is 2022-04-04"):
        read_lesions(TABLE, latest=date(2022, 4, 4))
    with pytest.raises(Problems, match="treatment_start is 2092-01-10"):
        read_lesions(TABLE.replace("2022-01-10", "2092-01-10"), latest=date(2026, 1, 1))


def test_lengths_that_change_tenfold_and_a_lone_baseline_are_told(tmp_path: Path) -> None:
    file = tmp_path / "lesions.csv"
    lone = "P02,2022-01-01,A,target,measured,25,no,,2022-01-02\n"
    file.write_text(
        f"{HEADER}P01,2022-01-01,A,target,measured,25,no,,2022-01-02\nP01,2022-03-01,A,target,measured,2.4,no,,\n{lone}",
        encoding="utf-8",
    )
    found = run(str(file))
    assert "A: 25 mm on 2022-01-01, 2.4 mm on 2022-03-01: about tenfold" in " ".join(found.stderr.split())
    assert "P02: MISSING, measured at baseline alone, 2022-01-01" in found.stdout
    assert found.stdout.count("because") == 1, "no empty table for the lone baseline"


def test_every_open_place_of_the_criteria_is_an_option_of_the_command(tmp_path: Path) -> None:
    file = tmp_path / "lesions.csv"
    file.write_text(TABLE, encoding="utf-8")
    flags = {
        "--confirm=14": ("confirmation_days", 14),
        "--stable=28": ("stable_days", 28),
        "--partial-stays=never": ("partial_stays", "never"),
        "--ne-between=0": ("not_evaluable_between", 0),
        "--sd-between": ("stable_between", True),
        "--too-small=4": ("too_small_mm", 4.0),
        "--beyond-progression": ("beyond_progression", True),
        "--reappeared-by-sum": ("reappeared_progresses", False),
        "--normal-nodes-by-sum": ("normal_nodes_progress", True),
        "--doubt-dated=confirmed": ("doubtful_dated", "confirmed"),
        "--cr-was-pr": ("partial_after_complete", True),
        "--early-cr-pd": ("early_complete_progresses", True),
        "--missing-is-ne": ("missing_is_not_evaluable", True),
        "--targets=4": ("largest_targets", 4),
        "--per-organ=3": ("largest_targets_per_organ", 3),
    }
    assert {name for name, _value in flags.values()} == {one.name for one in fields(RecistOptions)}
    defaults = json.loads(run(str(file), "--json").stdout)["options"]
    changed = json.loads(run(str(file), "--json", *flags).stdout)["options"]
    assert changed == dict(flags.values())
    assert all(defaults[name] != value for name, value in flags.values())
