"""`theratrial analyse`: what the core computed, in words and as JSON; tables that cannot be are refused by line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from theratrial.cli.analyse import app
from theratrial.errors import InputError, Problems, TheratrialError
from theratrial.statistics.survival_table import survival_table

RUNNER = CliRunner()
FREIREICH = "subject,time,event\n" + "".join(
    f"S{index},{time},{int(index < 9)}\n"
    for index, time in enumerate([6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35])
)


def run(*arguments: str) -> Any:
    return RUNNER.invoke(app, list(arguments))


def test_nine_of_fifteen_have_the_six_intervals_of_the_table() -> None:
    found = json.loads(run("proportion", "9", "15", "--null", "0.3", "--json").stdout)
    # The table of fifteen, computed in another program.
    exact = found["intervals"]["clopper_pearson"]
    assert (round(exact["lower_fraction"], 4), round(exact["upper_fraction"], 4)) == (0.3229, 0.8366)
    assert len(found["intervals"]) == 6
    assert (found["against"]["reject_from"], round(found["against"]["p_value"], 4)) == (9, 0.0152)
    assert round(found["against"]["posterior_above"], 4) == 0.9929
    said = run("proportion", "9", "15", "--null", "0.3").stdout
    assert "rejected from 9 of 15 on" in said
    assert "no control group" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("16", "15"), "16 of 15 cannot be"),
        (("0", "0"), "empty"),
        (("9", "15", "--null", "1.2"), "p0 lies between"),
        (("9", "15", "--null", "0.3", "--prior", "1;1"), "--prior"),
        (("9", "15", "--level", "95"), "level"),
    ],
)
def test_counts_and_rates_that_cannot_be_are_refused(arguments: tuple[str, ...], said: str) -> None:
    found = run("proportion", *arguments)
    assert isinstance(found.exception, InputError)
    assert said in str(found.exception)


def test_a_table_of_times_gives_the_published_curve_and_names_the_transform(tmp_path: Path) -> None:
    file = tmp_path / "times.csv"
    file.write_text(FREIREICH, encoding="utf-8")
    found = json.loads(run("survival", str(file), "--transform", "log", "--json").stdout)["survival"]
    assert (found["median"], found["median_lower"], found["median_upper"]) == (23, 16, None)
    said = run("survival", str(file)).stdout
    assert "log_log transform" in said
    assert "Median: 23; 0.95 interval from 13 to no upper limit." in said
    assert "Median follow-up (reverse Kaplan-Meier): 25" in said


def test_dates_become_months() -> None:
    (one,) = survival_table("subject,origin,end,event\nA,2022-01-01,2023-01-01,censored\n")
    assert (one.event, one.time) == (False, pytest.approx(365 / (365.25 / 12)))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("A,-1,1", "an event before the origin cannot be"),
        ("A,,1", "column time is empty"),
        ("A,5,", "column event is empty; missing is never 0"),
        ("A,5,2", "it is 1 or 0"),
        ("A,five,1", "a number with a point"),
        ("A,nan,1", "from 0"),
        ("A,inf,1", "from 0"),
        (",5,1", "column subject is empty"),
        ("B,4,1\nB,5,0", "B stands on line 2 already"),
        ("A,5,1,extra", "more cells than columns"),
    ],
)
def test_a_line_that_cannot_be_is_named(line: str, said: str) -> None:
    text = f"subject,time,event\n{line}\n"
    with pytest.raises(Problems) as caught:
        survival_table(text)
    assert said in str(caught.value)
    assert "line " in str(caught.value)


def test_every_bad_line_is_named_at_once() -> None:
    text = "subject,origin,end,event\nA,2022-01-02,2022-01-01,1\nB,x,2022-01-01,1\nC,2022-01-01,2022-02-01,\n"
    with pytest.raises(Problems) as caught:
        survival_table(text)
    assert len(caught.value.problems) == 3
    assert "the end 2022-01-01 lies before the origin 2022-01-02" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "missing"),
        ("subject,time,event\n", "nobody to follow"),
        ("subject,event\nA,1\n", "origin, end"),
        ("subject,time,origin,end,event\nA,1,2022-01-01,2022-02-01,1\n", "both times and dates"),
        ("subject,time,time,event\nA,1,2,1\n", "stands twice"),
    ],
)
def test_a_table_without_its_columns_or_with_two_answers_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        survival_table(text)


@given(st.text(max_size=200))
def test_no_text_gets_through_but_a_table(text: str) -> None:
    try:
        found = survival_table("subject,time,event\n" + text)
    except TheratrialError:
        return
    assert found
    assert all(one.time >= 0 for one in found)


@pytest.mark.parametrize("prior", ["inf,1", "nan,1", "0,0", "1", "-1,2"])
@pytest.mark.parametrize("more", [(), ("--null", "0.3")])
def test_a_prior_that_is_none_is_refused_whether_it_is_used_or_not(prior: str, more: tuple[str, ...]) -> None:
    found = run("proportion", "8", "15", "--prior", prior, *more)
    assert isinstance(found.exception, InputError)
    assert "--prior" in str(found.exception)


def test_a_level_that_is_none_is_refused_whether_it_is_used_or_not() -> None:
    assert "alpha lies between" in str(run("proportion", "8", "15", "--alpha", "5").exception)


def test_a_p_value_just_above_the_level_is_not_printed_as_the_level() -> None:
    """8 of 15 against 0.3: P = 0.0500125 (R: pbinom(7, 15, 0.3, lower.tail = FALSE)); rejected from 9 on."""
    said = run("proportion", "8", "15", "--null", "0.3").stdout
    assert "one-sided P 0.05001;" in said
    assert "one-sided P 0.0152;" in run("proportion", "9", "15", "--null", "0.3").stdout


@pytest.mark.parametrize(
    ("end", "said"), [("20240301", "a day is written 2024-03-31"), ("2999-01-01", "more than 100 years after")]
)
def test_days_that_are_not_written_as_asked_or_of_another_age_are_refused(end: str, said: str) -> None:
    with pytest.raises(Problems, match=said):
        survival_table(f"subject,event,origin,end\nA,1,2024-01-01,{end}\n")


def test_a_table_parted_by_semicolons_is_told_so() -> None:
    with pytest.raises(InputError, match="parted by commas, not semicolons"):
        survival_table("subject;time;event\nA;3;1\n")
