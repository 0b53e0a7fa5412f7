"""Outcomes reported against outcomes registered: same, switched, added, missing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.registry.reported_example import any_reported, primary, reported

from theratrial.registry.found import Sentence
from theratrial.registry.outcome_links import linked
from theratrial.registry.outcomes_compared import outcomes_compared
from theratrial.registry.reader import shipped_registration
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.time_frames import same_time, windows

SEED = shipped_registration("IRCT20210612051548N3")
GOOD = shipped_registration("IRCT20240110000000N1")
RESPONSE = {
    "description": {"en": "Proportion of patients with complete, partial or stable response", "fa": "نسبت پاسخ"},
    "timepoint": "4-6 weeks after last treatment session",
    "method": "PERCIST on PET/CT",
}


def record(*primary: dict, secondary: tuple[dict, ...] = ()) -> RegistrationRecord:
    return RegistrationRecord.model_validate({"primary_outcomes": primary, "secondary_outcomes": secondary})


def other(title: str, description: str = "", time_frame: str = "", **changes):
    return primary(
        rank="other",
        registered="",
        title=Sentence(title),
        description=Sentence(description),
        time_frame=Sentence(time_frame),
        **changes,
    )


def test_what_was_registered_in_other_words_of_the_same_meaning_is_the_same():
    (found,) = outcomes_compared(record(RESPONSE), reported())
    assert (found.kind, found.differs, found.reported) == ("same", (), (0,))


@pytest.mark.parametrize(
    ("registered", "differs"),
    [
        ({"timepoint": "12 weeks after last treatment session"}, ("time_frame",)),
        ({"timepoint": "4-6 weeks after the first session"}, ("time_frame",)),
        ({"timepoint": ""}, ("time_frame",)),
        ({"description": "Proportion of patients with complete or partial response"}, ("measure",)),
        ({"description": "Number of treated patients"}, ("measure",)),
        ({"description": "Overall survival"}, ("measure",)),
        ({"method": "RECIST 1.1 on CT"}, ("method",)),
    ],
)
def test_what_differs_is_named_with_both_wordings(registered, differs):
    (found,) = outcomes_compared(record(RESPONSE | registered), reported())
    assert (found.kind, found.differs) == ("switched", differs)
    side = next(one for one in found.sides if one.aspect == differs[0])
    ours = {"measure": "description", "method": "method", "time_frame": "timepoint"}[differs[0]]
    assert side.registered.en == registered.get(ours, "")
    assert side.reported.en
    assert all((found.message.en, found.message.fa))


def test_the_seeds_outcome_was_switched_in_measure_and_time():
    seen = primary(time_frame=Sentence("Day 28 to day 63 (weeks 4 to 9) after the last session"))
    (found,) = outcomes_compared(SEED, reported(outcomes=(seen,)))
    assert (found.kind, found.differs) == ("switched", ("measure", "time_frame"))
    sides = {one.aspect: (one.registered.en, one.reported.en) for one in found.sides}
    assert sides["measure"][0] == "Numbe of treated breast cancer patients"
    assert sides["time_frame"] == ("4-6 weeks after last treatment session", seen.time_frame.en)


def test_an_outcome_of_another_rank_is_switched():
    demoted = other(
        "Proportion of patients with complete, partial or stable response", "Image-based response by PERCIST"
    )
    demoted = replace(demoted, registered="primary_outcomes[0]", time_frame=primary().time_frame)
    (found,) = outcomes_compared(record(RESPONSE), reported(outcomes=(demoted,)))
    assert (found.kind, found.differs) == ("switched", ("rank",))


def test_what_was_registered_and_is_not_reported_is_missing():
    plan = record(RESPONSE, secondary=({"description": "Quality of life", "timepoint": "12 weeks"},))
    first, second = outcomes_compared(plan, reported())
    assert (first.kind, second.kind, second.registered, second.reported) == (
        "same",
        "missing",
        "secondary_outcomes[0]",
        (),
    )
    assert second.title.en == "Quality of life"


def test_what_was_not_registered_is_added():
    told = reported(outcomes=(primary(), other("Pain after one year")))
    _, found = outcomes_compared(record(RESPONSE), told)
    assert (found.kind, found.registered, found.reported, found.title.en) == ("added", "", (1,), "Pain after one year")


def test_several_reported_outcomes_may_answer_one():
    organs = [
        other(f"Absorbed dose over all sessions: {name}") for name in ("Liver", "Kidneys", "Spleen", "Red marrow")
    ]
    found = outcomes_compared(GOOD, reported(outcomes=tuple(organs)))
    by_path = {one.registered: one for one in found}
    assert by_path["secondary_outcomes[1]"].reported == (0, 1, 3)
    assert [one.title.en for one in found if one.kind == "added"] == ["Absorbed dose over all sessions: Spleen"]
    assert by_path["secondary_outcomes[0]"].kind == by_path["primary_outcomes[0]"].kind == "missing"


def test_lesions_that_were_promised_are_missed_in_the_measure():
    organs = [other(f"Absorbed dose: {name}") for name in ("Liver", "Kidneys", "Red marrow", "Lesions")]
    whole, without = (
        next(one for one in outcomes_compared(GOOD, reported(outcomes=tuple(some))) if one.reported)
        for some in (organs, organs[:3])
    )
    assert [next(side.same for side in one.sides if side.aspect == "measure") for one in (whole, without)] == [
        True,
        False,
    ]


def test_an_outcome_that_answers_a_secondary_one_becomes_secondary():
    told = linked(reported(outcomes=(primary(), other("Adverse events by worst grade"))), GOOD)
    assert [(one.rank, one.registered) for one in told.outcomes] == [
        ("primary", "primary_outcomes[0]"),
        ("secondary", "secondary_outcomes[0]"),
    ]


def test_of_two_primary_outcomes_the_one_about_the_same_is_answered():
    plan = record({"description": "Overall survival"}, RESPONSE)
    assert linked(reported(), plan).outcomes[0].registered == "primary_outcomes[1]"


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(results=any_reported(), plan=st.sampled_from((SEED, GOOD, RegistrationRecord())))
def test_every_outcome_stands_in_the_comparison_exactly_once(results, plan):
    found = outcomes_compared(plan, results)
    places = [place for one in found for place in one.reported]
    assert sorted(places) == list(range(len(results.outcomes)))
    paths = [one.registered for one in found if one.registered]
    assert len(paths) == len(plan.primary_outcomes) + len(plan.secondary_outcomes) == len(set(paths))


@pytest.mark.parametrize(
    ("words", "days"),
    [
        ("4-6 weeks after last treatment session", [(28, 42)]),
        ("Four to six weeks", [(28, 42)]),
        ("۴ تا ۶ هفته پس از آخرین جلسه", [(28, 42)]),
        ("Day 28 to day 63 (weeks 4 to 9)", [(28, 63)]),
        ("هفتهٔ 4 تا 9", [(28, 63)]),
        ("24 and 48 hours after injection", [(1, 1), (2, 2)]),
        ("Before treatment and 12 weeks after the last cycle", [(84, 84)]),
        ("at the end of the study", []),
        ("SUV of 4 or more", []),
    ],
)
def test_times_are_read_in_either_language(words, days):
    assert windows(words) == tuple((pytest.approx(low), pytest.approx(high)) for low, high in days)


def test_words_without_a_time_are_the_same_only_when_they_are_the_same_words():
    assert same_time("At the end of the study", "at the end of the study.")
    assert not same_time("At the end of the study", "at the end")
    assert not same_time("At the end of the study", "4 weeks after the last session")


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=300))
def test_no_text_breaks_the_reading_of_times(text):
    assert all(low <= high for low, high in windows(text))
