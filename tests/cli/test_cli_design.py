"""`theratrial design`: the commands say what the core computed, in words and as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from theratrial.cli.design import app
from theratrial.errors import InputError

RUNNER = CliRunner()


def run(*arguments: str) -> Any:
    return RUNNER.invoke(app, list(arguments))


def test_the_smallest_single_stage_design_is_said_in_a_sentence() -> None:
    found = run("single", "--p0", "0.3", "--p1", "0.6")
    assert found.exit_code == 0
    assert "17 participants; worth pursuing if more than 8 have the outcome." in found.stdout


def test_two_stage_designs_stand_from_minimax_to_optimal() -> None:
    said = run("simon", "--p0", "0.2", "--p1", "0.4", "--n-max", "50").stdout
    assert said.index("minimax") < said.index("admissible") < said.index("│ optimal")
    assert "10 of 33" in said
    found = json.loads(run("simon", "--p0", "0.2", "--p1", "0.4", "--n-max", "50", "--json").stdout)
    assert (found["optimal"]["n"], found["minimax"]["n"]) == (43, 33)


def test_what_fifteen_can_show_is_said_with_what_one_participant_weighs() -> None:
    said = run("power", "--p0", "0.3").stdout
    assert "At least 9 of 15 would show that the rate exceeds 0.3" in said
    assert "6.7 percentage points" in said
    assert "too small for that question" in run("power", "--n", "2", "--p0", "0.5").stdout


def test_a_toxicity_rule_is_never_shown_without_how_often_it_stops_in_vain() -> None:
    found = json.loads(run("toxicity", "--p0", "0.2", "--json").stdout)
    assert found["stop_at_or_above"][:4] == [None, None, 3, 4]
    assert {one["rate"] for one in found["characteristics"]} >= {0.2, 0.3, 0.5}
    bayes = run("toxicity", "--p0", "0.2", "--posterior", "0.9")
    assert "stops 43% of the time although" in bayes.stderr
    assert "first participant" in bayes.stderr


def test_inference_after_two_stages_knows_of_the_look() -> None:
    found = json.loads(run("after", "--p0", ".2", "--first", "3/13", "--total", "12/43", "--x", "13", "--json").stdout)
    assert found["p_value"] < 0.05 < found["naive"] < found["unbiased"]


def test_futility_looks_come_with_their_limits_and_rates() -> None:
    found = json.loads(run("futility", "--p0", "0.2", "--looks", "10,15,20,25,30,35,40", "--json").stdout)
    assert found["stop_at_or_below"] == [1, 2, 3, 5, 7, 9, 11]
    assert "at participant" in run("futility", "--p0", "0.3", "--looks", "5,10,15").stdout


def test_every_design_is_shown_with_what_it_does_at_other_rates() -> None:
    found = json.loads(run("single", "--p0", "0.3", "--p1", "0.6", "--json").stdout)
    does = {one["rate"]: one["pursue"] for one in found["characteristics"]}
    assert (does[0.3], does[0.6]) == pytest.approx((found["alpha"], found["power"]))
    found = json.loads(run("simon", "--p0", "0.2", "--p1", "0.4", "--n-max", "50", "--json").stdout)
    for design, rows in zip(found["admissible"], found["characteristics"], strict=True):
        under = next(one for one in rows if one["rate"] == 0.2)
        assert (under["pursue"], under["stop_early"], under["expected_n"]) == pytest.approx(
            (design["alpha"], design["stop_early"], design["expected_n"])
        )
        chances = [one["pursue"] for one in rows]
        assert chances == sorted(chances)
    assert "What the minimax design does" in run("simon", "--p0", "0.2", "--p1", "0.4", "--n-max", "50").stdout


def test_predictive_probability_is_that_of_the_worked_example_and_its_looks_come_with_their_rates() -> None:
    # Lee and Liu, Clin Trials 2008;5:93: 16 of 23 with Beta(.6, .4), 40 in all, as computed by phase1b (R).
    arguments = ("predictive", "--p0", "0.6", "--looks", "23,40", "--prior", ".6,.4", "--x", "16", "--n", "23")
    found = json.loads(run(*arguments, "--json").stdout)
    assert found["now"]["predictive"] == pytest.approx(0.5655589, abs=0.5e-7)
    assert found["now"]["posterior"] == pytest.approx(0.8359808, abs=0.5e-7)
    said = run(*arguments).stdout
    assert "ends without success" in said
    assert "predictive probability 0.5656" in said


def test_looks_at_every_participant_are_those_of_lee_and_lius_example() -> None:
    # 36 participants, p0 = 20 %, theta_L = .001, theta_T = .922, prior Beta(.2, .8): stopping at 0/10, 1/17, 2/21 ...
    # 10/36. The limits are as their paper gives them, from memory, not collated with the print.
    from theratrial.statistics.designs.bayesian import Beta, predictive_boundary

    looks = (10, 17, 21, 24, 27, 29, 31, 33, 34, 35, 36)
    found = predictive_boundary(looks, 0.2, threshold=0.922, lowest=0.001, prior=(Beta(0.2, 0.8),))
    assert found == tuple(range(11))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("predictive", "--p0", "0.3", "--looks", "5,10", "--x", "3"), "--x and --n belong together"),
        (("predictive", "--p0", "0.3", "--looks", "5,10", "--x", "3", "--n", "0"), "--x 3 of --n 0 cannot be"),
        (("single", "--p0", "0.6", "--p1", "0.3"), "p0 < p1"),
        (("futility", "--p0", "0.3", "--looks", "five"), "--looks are numbers"),
        (("after", "--p0", ".2", "--first", "13", "--total", "12/43", "--x", "5"), "--first is a limit"),
        (("toxicity", "--p0", "0.2", "--posterior", "0.9", "--prior", "1"), "--prior is the two numbers"),
    ],
)
def test_a_mistake_is_refused_by_name(arguments: tuple[str, ...], said: str) -> None:
    found = run(*arguments)
    assert isinstance(found.exception, InputError)
    assert said in str(found.exception)
