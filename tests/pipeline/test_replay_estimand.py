"""The replay counts as the trial does: intercurrent events keep their word under another rule of response."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.pipeline.analysis_example import Case, analysed
from tests.pipeline.response_example import outcome

from theratrial.pipeline.response_replay import replay, replay_rules, trial_estimand
from theratrial.response.replay import AS_IS

FELL, ROSE = ({"R1": {"a": 10.0}}, {"R1": {"a": 5.0}}), ({"R1": {"a": 10.0}}, {"R1": {"a": 12.8}})

# P1 has a partial response and died before the assessment; P2 rose by 28 %; P3 has no assessment.
DIED = "P1,2022-08-20,death,\n"


def trial(place: Path):
    cases = {"P1": Case("PR"), "P2": Case("SD"), "P3": Case(None, assessed=None)}
    made = analysed(place, cases, {"dispositions": DIED})
    responses = {"P1": outcome(*FELL), "P2": outcome(*ROSE), "P3": None}
    people = tuple(replace(one, response=responses[one.participant_id]) for one in made.participants)
    rules, estimand = replay_rules(made.folder.protocol), trial_estimand(made.folder)
    assert rules is not None
    assert estimand is not None
    return made, people, rules, estimand


def test_without_a_change_the_replay_meets_the_primary_count_where_an_event_decides(tmp_path):
    made, people, rules, estimand = trial(tmp_path)
    assert [one.counted for one in people] == ["failure", "success", "failure"]
    found = replay(people, rules, AS_IS, estimand=estimand)
    assert (found.successes, found.analysed, found.flipped) == (made.endpoint.successes, made.endpoint.analysed, ())
    assert found.trace.inputs["estimand"] == "protocol:analysis"
    assert found.trace.inputs["P1 death_before_assessment"] == "record:records/dispositions.csv#2"
    # Without the estimand the death would be forgotten, and P1 would flip to a success.
    forgotten = replay(people, rules, AS_IS)
    assert [one.participant_id for one in forgotten.flipped] == ["P1"]


def test_another_threshold_flips_a_category_and_leaves_the_dead_a_failure(tmp_path):
    _, people, rules, estimand = trial(tmp_path)
    found = replay(people, rules, rules.change("progression_increase_percent=25"), estimand=estimand)
    assert [(one.participant_id, one.after, one.counted_after) for one in found.flipped] == [("P2", "PD", "failure")]
    assert (found.successes, found.analysed) == (0, 3)


def test_a_missing_response_left_out_asks_that_rule_and_not_the_strategy_for_what_cannot_be_assessed(tmp_path):
    _, people, rules, estimand = trial(tmp_path)
    found = replay(people, rules, rules.change("missing=excluded"), estimand=estimand)
    assert [(one.participant_id, one.counted_after) for one in found.flipped] == [("P3", "excluded")]
    assert (found.successes, found.analysed) == (1, 2)
