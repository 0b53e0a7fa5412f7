"""The stopping rule on what happened: boundary, characteristics, order, those not judged, words."""

from datetime import date
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.pipeline.stopping import stopping_boundary, stopping_result
from theratrial.protocol.plans.toxicity import StoppingPlan
from theratrial.results.toxicity import LimitingToxicity
from theratrial.trace import Trace

# Pocock-type boundaries for 15 participants with the exact probability of stopping in vain and at rates .3/.4/.5, and
# the expected number at .4: two programs that are not ours agree on them (a dynamic programme, and `toxbdry` of the R
# package clinfun with delta = 0, its high boundary).
TABLE = [
    (0.10, 0.05, "-,2,3,3,3,3,3,4,4,4,4,4,5,5,5", 0.0468, (0.600, 0.846, 0.961), 7.94),
    (0.10, 0.10, "-,2,2,2,3,3,3,3,3,4,4,4,4,4,5", 0.0969, (0.713, 0.904, 0.979), 6.44),
    (0.20, 0.05, "-,-,3,4,4,4,5,5,5,6,6,6,7,7,7", 0.0437, (0.198, 0.471, 0.752), 11.97),
    (0.20, 0.10, "-,2,3,3,4,4,4,5,5,5,6,6,6,6,7", 0.0980, (0.306, 0.591, 0.829), 10.28),
    (0.30, 0.05, "-,-,-,4,5,5,6,6,6,7,7,8,8,9,9", 0.0447, (0.045, 0.171, 0.410), 13.96),
    (0.30, 0.10, "-,-,3,4,4,5,5,6,6,6,7,7,8,8,9", 0.0898, (0.090, 0.261, 0.520), 13.02),
]


def plan(**given):
    common = {"kind": "pocock", "acceptable_rate_fraction": 0.2, "overall_probability_fraction": 0.05}
    return StoppingPlan.model_validate({**common, "participants": 15, **given})


def bayesian(**given):
    return StoppingPlan.model_validate(
        {
            "kind": "bayesian",
            "acceptable_rate_fraction": 0.2,
            "certainty_fraction": 0.9,
            "prior_events": 1,
            "prior_without": 1,
            "participants": 15,
            **given,
        }
    )


def person(name, verdict, day=None):
    on = None if day is None else date(2024, 1, day)
    found = LimitingToxicity(verdict, "", on, (), Trace("m", "1"))
    return SimpleNamespace(participant_id=name, toxicity=SimpleNamespace(limiting=found))


def trial(*verdicts):
    return [
        person(f"P{k:02}", verdict, k if verdict in ("yes", "no") else None) for k, verdict in enumerate(verdicts, 1)
    ]


@pytest.mark.parametrize(("p0", "overall", "printed", "in_vain", "stops", "expected"), TABLE)
def test_the_published_boundaries_come_with_their_characteristics(p0, overall, printed, in_vain, stops, expected):
    rates = (0.3, 0.4, 0.5)
    wanted = plan(acceptable_rate_fraction=p0, overall_probability_fraction=overall, shown_rates_fraction=rates)
    found = stopping_result(wanted, [])
    assert ",".join("-" if one is None else str(one) for one in found.boundary) == printed
    does = {one.rate_fraction: one for one in found.characteristics}
    assert does[p0].stop_probability_fraction == pytest.approx(in_vain, abs=6e-5)
    assert [does[rate].stop_probability_fraction for rate in rates] == pytest.approx(stops, abs=6e-4)
    assert does[0.4].expected_participants == pytest.approx(expected, abs=6e-3)


def test_a_bayesian_rule_is_shown_with_how_often_it_stops_in_vain():
    """Posterior above 0.2 with 90 %, Beta(1, 1): stops at one of one, and in vain in 43.16 %, computed elsewhere."""
    found = stopping_result(bayesian(), [])
    assert found.boundary[0] == 1
    assert any("after the first patient" in one for one in found.warnings)
    assert any("43.2%" in one for one in found.warnings)
    later = stopping_result(bayesian(minimum_participants=3), [])
    assert later.boundary[:2] == (None, None)
    assert not any("first patient" in one for one in later.warnings)
    assert stopping_result(plan(), []).warnings == ()


def test_participants_are_counted_in_the_order_in_which_they_could_be_judged():
    people = [person("P01", "no", 20), person("P02", "yes", 5), person("P03", "yes", 9), person("P04", "yes", 11)]
    found = stopping_result(plan(), people)
    assert [(one.participant_id, one.events, one.participants, one.stopped) for one in found.steps] == [
        ("P02", 1, 1, False),
        ("P03", 2, 2, False),
        ("P04", 3, 3, True),
        ("P01", 3, 4, False),
    ]
    assert "reached on 2024-01-11: 3 of 3" in found.sentence


def test_who_is_not_judged_is_in_no_step_and_the_worst_case_is_said():
    """Boundary -,-,3,4: two of three, one not known, could have been three of three."""
    found = stopping_result(plan(), trial("yes", "undetermined", "yes", "no"))
    assert [one.participant_id for one in found.steps] == ["P01", "P03", "P04"]
    assert found.undetermined == ("P02",)
    assert found.worst_case_stops
    assert "would be reached" in found.sentence
    waiting = stopping_result(plan(), trial("yes", "not_yet", "yes", "no"))
    assert waiting.not_yet == waiting.undetermined == ("P02",)
    assert not waiting.worst_case_stops  # it can only come fourth: 3 of 4, and 4 stop
    assert "would not be reached" in waiting.sentence


def test_the_boundary_is_told_in_plain_words():
    """clinfun prints, for p0 = 0.2 and 10 %, the most that are acceptable: 1/2 2/4 3/7 4/10 5/14 6/15."""
    words = stopping_result(plan(overall_probability_fraction=0.1), []).plain_words
    printed = ["1/2", "2/4", "3/7", "4/10", "5/14", "6/15"]
    assert f"no more than {', '.join(one.replace('/', ' of the first ') for one in printed)} participants" in words
    assert stopping_result(plan(), []).sentence == "No participant is judged yet."
    assert "Of 2 participants judged, 1 had" in stopping_result(plan(), trial("no", "yes")).sentence


def test_more_participants_than_the_rule_was_made_for_are_said_and_not_judged_by_it():
    found = stopping_result(plan(participants=3), trial("no", "no", "no", "yes"))
    assert len(found.steps) == 3
    assert any("made for 3" in one for one in found.warnings)


@given(st.lists(st.sampled_from(["yes", "no"]), max_size=15))
def test_the_replay_stops_exactly_where_the_counted_events_reach_the_boundary(verdicts):
    wanted = plan()
    boundary, _ = stopping_boundary(wanted)
    found = stopping_result(wanted, trial(*verdicts))
    for k, step in enumerate(found.steps, 1):
        events = verdicts[:k].count("yes")
        assert step.stopped == (boundary[k - 1] is not None and events >= boundary[k - 1])
    assert found.worst_case_stops == any(step.stopped for step in found.steps)
