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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
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
