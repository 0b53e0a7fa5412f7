"""The response under one change: as the run has it without one, and by the laws of the rule with one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.protocol.plans.criteria import RecistPlan
from theratrial.protocol.schema import ResponseRule
from theratrial.response import LesionReading, response_category
from theratrial.response.replay import (
    AS_IS,
    Readings,
    change_names,
    parsed_change,
    reader_pairs,
    replayed_category,
    systematic_changes,
)

RULE = ResponseRule(
    name="HER2-PERCIST-like",
    imaging_baseline="pet_baseline",
    imaging_response="pet_response",
    metric="suv_peak",
    maximum_target_lesions=5,
    partial_decrease_percent=30,
    partial_decrease_absolute=0.8,
    progression_increase_percent=30,
    progression_increase_absolute=0.8,
    complete_means="all_lesions_resolved",
    new_lesion_is_progression=True,
    exploratory=True,
)
RECIST = RecistPlan()
ORDER = ["CR", "PR", "SD", "PD"]


def lesions(**uptakes):
    return [LesionReading(name, "target", "present", value) for name, value in uptakes.items()]


def readings(baseline, response):
    return lambda _metric: Readings(baseline, response)


def replayed(before, after, text=None, **kept):
    change = AS_IS if text is None else parsed_change(text, RULE, missing="failure", recist=RECIST)
    return replayed_category(readings({"R1": before}, {"R1": after}), RULE, change, **kept)


UPTAKES = st.dictionaries(st.sampled_from("abcd"), st.floats(0.1, 40), min_size=1)


@given(before=UPTAKES, after=UPTAKES)
def test_without_a_change_the_replay_is_the_response(before, after):
    one, other = lesions(**before), lesions(**after)
    direct = response_category(one, other, RULE)
    assert replayed(one, other) == (direct.category, direct.arithmetic)


@given(before=UPTAKES, after=UPTAKES, factor=st.floats(0.5, 2))
def test_scaling_the_response_is_reading_scaled_uptakes(before, after, factor):
    scaled = {name: value * factor for name, value in after.items()}
    direct = response_category(lesions(**before), lesions(**scaled), RULE)
    assert replayed(lesions(**before), lesions(**after), f"response_uptake={factor!r}")[0] == direct.category


@given(before=UPTAKES, after=UPTAKES, low=st.floats(5, 90), high=st.floats(5, 90))
def test_a_stricter_threshold_of_response_never_betters_a_category(before, after, low, high):
    low, high = sorted((low, high))
    lenient = replayed(lesions(**before), lesions(**after), f"partial_decrease_percent={low!r}")[0]
    strict = replayed(lesions(**before), lesions(**after), f"partial_decrease_percent={high!r}")[0]
    assert (lenient == "NE") == (strict == "NE")
    if lenient != "NE":
        assert ORDER.index(strict) >= ORDER.index(lenient)


def test_a_fall_of_a_quarter_flips_where_a_quarter_is_enough():
    before, after = lesions(a=10.0), lesions(a=7.5)
    assert replayed(before, after)[0] == "SD"
    assert replayed(before, after, "partial_decrease_percent=25")[0] == "PR"
    assert replayed(before, after, "response_uptake=0.9")[0] == "PR"  # 6.75: a fall of 32.5 %
    assert replayed(before, after, "response_uptake=0.95")[0] == "SD"  # 7.125: 28.75 %
    assert replayed(before, after, "baseline_uptake=1.1")[0] == "PR"  # 7.5 of 11: 31.8 %


def test_a_rise_beside_a_fall_is_progression_or_blocks_the_response():
    before, after = lesions(a=10.0, b=3.0), lesions(a=5.0, b=4.5)
    assert replayed(before, after)[0] == "PD"
    assert replayed(before, after, "other_lesion_rise=blocks_response")[0] == "SD"


def test_the_metric_that_is_asked_for_is_read():
    asked = []

    def read(metric):
        asked.append(metric)
        return Readings({"R1": lesions(a=10.0)}, {"R1": lesions(a=9.0 if metric == "suv_peak" else 5.0)})

    assert replayed_category(read, RULE)[0] == "SD"
    change = parsed_change("metric=suv_max", RULE, missing="failure")
    assert replayed_category(read, RULE, change)[0] == "PR"
    assert asked == ["suv_peak", "suv_max"]


def test_readers_who_come_to_differ_are_not_evaluable_unless_adjudicated():
    before = {"R1": lesions(a=10.0), "R2": lesions(a=10.0)}
    after = {"R1": lesions(a=7.5), "R2": lesions(a=8.0)}
    change = parsed_change("partial_decrease_percent=25", RULE, missing="failure")
    assert replayed_category(readings(before, after), RULE)[0] == "SD"
    category, why = replayed_category(readings(before, after), RULE, change)
    assert category == "NE"
    assert "R1 PR, R2 SD" in why
    assert replayed_category(readings(before, after), RULE, change, adjudicated_to="R1")[0] == "PR"


def test_a_reader_without_baseline_is_compared_with_every_reader_of_it():
    assert reader_pairs({"R1": (), "R2": ()}, {"R2": (), "R3": ()}) == (("R2", "R2"), ("R1", "R3"), ("R2", "R3"))
    assert reader_pairs(None, {"R1": ()}) == (("", "R1"),)


def test_a_missing_image_is_not_an_image_that_nobody_read():
    new = [LesionReading("n", "new", "present", 4.0)]
    assert replayed_category(readings(None, {"R1": new}), RULE)[0] == "NE"
    assert replayed_category(readings({"": ()}, {"R1": new}), RULE)[0] == "PD"


def test_every_field_of_the_rule_that_judges_is_varied_and_nothing_twice():
    changes = systematic_changes(RULE, missing="failure", recist=RECIST)
    named = {change.name.partition("=")[0] for change in changes}
    judged = set(ResponseRule.model_fields) - {
        "name",
        "imaging_baseline",
        "imaging_response",
        "complete_means",
        "exploratory",
    }
    assert judged <= named
    # Of RECIST's places only the size of what is too small is measured anew by no reader.
    assert named >= {f"recist.{name}" for name in RecistPlan.model_fields if name != "too_small_mm"}
    assert named == set(change_names(RECIST))
    assert len({change.name for change in changes}) == len(changes)
    assert all(change.applied(RULE) != RULE for change in changes if change.rule)
    assert all(change.recist_applied(RECIST) != RECIST for change in changes if change.recist)


def test_a_protocol_without_recist_has_no_change_of_it():
    assert not [one for one in systematic_changes(RULE, missing="failure") if one.recist]
    with pytest.raises(InputError, match="does not judge by RECIST"):
        parsed_change("recist.stable_days=28", RULE, missing="failure")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "written name=value"),
        ("metric", "written name=value"),
        ("metric=", "written name=value"),
        ("metric=suv_total", "cannot be"),
        ("partial_decrease_percent=-5", "cannot be"),
        ("partial_decrease_percent=many", "is a number"),
        ("partial_decrease_percent=nan", "is a number"),
        ("partial_decrease_percent=inf", "is a number"),
        ("maximum_target_lesions=2.5", "is a whole number"),
        ("maximum_target_lesions=0", "cannot be"),
        ("new_lesion_is_progression=maybe", "is yes or no"),
        ("missing=success", "is failure or excluded"),
        ("baseline_uptake=0", "a factor above 0"),
        ("baseline_uptake=-1", "a factor above 0"),
        ("recist.too_small_mm=3", "can be changed, not 'too_small_mm'"),
        ("recist.confirmation_days=soon", "is a whole number"),
        ("exploratory=no", "nothing can be changed by the name"),
        ("__class__=x", "nothing can be changed by the name"),
    ],
)
def test_what_cannot_be_changed_is_refused_by_name(text, said):
    with pytest.raises(InputError, match=said):
        parsed_change(text, RULE, missing="failure", recist=RECIST)


@given(text=st.text(max_size=40))
def test_no_text_ends_in_anything_but_a_change_or_a_named_refusal(text):
    for one in (
        text,
        f"partial_decrease_percent={text}",
        f"maximum_target_lesions={text}",
        f"recist.stable_days={text}",
    ):
        try:
            change = parsed_change(one, RULE, missing="failure", recist=RECIST)
        except InputError:
            continue
        assert change.words
