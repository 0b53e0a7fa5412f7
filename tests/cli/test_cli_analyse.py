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
from theratrial.statistics.paired_table import paired_table
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


def test_a_count_below_zero_is_refused_by_its_name_and_a_wrong_option_as_before() -> None:
    for arguments in (("-1", "15"), ("--json", "-1", "15")):
        found = run("proportion", *arguments)
        assert isinstance(found.exception, InputError)
        assert "x = -1" in str(found.exception)
    assert "No such option" in run("proportion", "8", "15", "--nul", "0.3").output


def answers(tmp_path: Path, *lines: str) -> str:
    file = tmp_path / "answers.csv"
    file.write_text("\n".join(("subject,first,second", *lines)) + "\n", encoding="utf-8")
    return str(file)


def table_lines(counts: dict[tuple[str, str], int]) -> list[str]:
    pairs = [pair for pair, count in counts.items() for _ in range(count)]
    return [f"S{number},{first},{second}" for number, (first, second) in enumerate(pairs)]


def test_agreement_prints_the_kappa_that_bonett_prints_and_the_exact_interval(tmp_path: Path) -> None:
    # statpsych, help of ci.kappa(.05, 31, 12, 4, 58): 0.6756757, 0.5317210 to 0.8196303.
    counts = {("a", "a"): 31, ("a", "b"): 12, ("b", "a"): 4, ("b", "b"): 58}
    file = answers(tmp_path, *table_lines(counts), "T1,a,", "T2,,")
    found = json.loads(run("agreement", file, "--json").stdout)
    assert found["table"] == [[31, 12], [4, 58]]
    kappa = found["kappa"]
    assert (kappa["value"], kappa["lower"], kappa["upper"]) == pytest.approx(
        (0.6756757, 0.5317210, 0.8196303), abs=5e-8
    )
    assert (found["compared"], found["agreed"], found["left_out"]) == (105, 89, ["T1", "T2"])
    stats = pytest.importorskip("scipy.stats").binomtest(89, 105).proportion_ci(0.95, "exact")
    share = found["share_agreed"]
    assert (share["lower_fraction"], share["upper_fraction"]) == pytest.approx((stats.low, stats.high))
    said = run("agreement", file).stdout
    assert "Left out, without an answer of both: T1, T2." in said
    assert "Agreed 89 of 105: 0.8476; exact 0.95 interval" in said
    assert "Kappa: 0.6757; large-sample 0.95 interval from 0.5317 to 0.8196." in said


def test_weights_rest_on_the_order_that_is_given_and_are_those_of_statsmodels(tmp_path: Path) -> None:
    rater = pytest.importorskip("statsmodels.stats.inter_rater")
    names, table = ("CR", "PR", "SD", "PD"), [[5, 2, 1, 0], [1, 9, 3, 0], [0, 2, 8, 2], [1, 0, 2, 7]]
    counts = {(one, two): table[i][j] for i, one in enumerate(names) for j, two in enumerate(names)}
    file = answers(tmp_path, *table_lines(counts))
    for weights in ("linear", "quadratic"):
        assert "weights need the order" in str(run("agreement", file, "--weights", weights).exception)
        found = json.loads(run("agreement", file, "--weights", weights, "--order", "CR,PR,SD,PD", "--json").stdout)
        peer = rater.cohens_kappa(table, wt=weights)
        assert found["kappa"]["value"] == pytest.approx(peer.kappa)
        assert found["kappa"]["standard_error"] == pytest.approx(peer.std_kappa)
    plain = json.loads(run("agreement", file, "--json").stdout)["kappa"]["value"]
    assert plain == pytest.approx(rater.cohens_kappa(table).kappa)


@pytest.mark.parametrize(
    ("lines", "more", "said"),
    [
        (["A,x,y", "A,x,x"], (), "A stands on line 2 already"),
        ([",x,y"], (), "column subject is empty"),
        (["A,x,y,z"], (), "more cells than columns"),
        ([], (), "nobody to compare"),
        (["A,x,y"], ("--order", "x,z"), "y is not in it"),
        (["A,x,y"], ("--order", "x,y,x"), "stands twice"),
        (["A,x,y"], ("--level", "95"), "level"),
        ([f"S{number},{number},0" for number in range(60)], (), "are no categories"),
    ],
)
def test_a_table_of_answers_that_cannot_be_is_refused(
    tmp_path: Path, lines: list[str], more: tuple[str, ...], said: str
) -> None:
    found = run("agreement", answers(tmp_path, *lines), *more)
    assert isinstance(found.exception, TheratrialError)
    assert said in str(found.exception)


def test_nobody_compared_and_one_category_have_no_kappa_and_say_so(tmp_path: Path) -> None:
    assert "nobody was compared" in run("agreement", answers(tmp_path, "A,x,")).stdout
    same = run("agreement", answers(tmp_path, "A,x,x", "B,x,x")).stdout
    assert "Agreed 2 of 2: 1.0000" in same
    assert "Kappa: not defined" in same


@given(st.text(max_size=200))
def test_no_text_gets_through_as_answers_but_a_table(text: str) -> None:
    try:
        found = paired_table("subject,first,second\n" + text)
    except TheratrialError:
        return
    assert found.pairs or found.left_out
    assert all(first and second for first, second in found.pairs)
