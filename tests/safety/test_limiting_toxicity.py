"""Dose-limiting toxicity line by line: counts, how long a grade lasted, recovery, events."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.protocol.plans.toxicity import ToxicityRule
from theratrial.safety import LaboratoryResult
from theratrial.safety.limiting import limiting_toxicity
from theratrial.safety.limiting_events import LimitingEvent

DAY_0 = datetime(2024, 1, 1, 8, tzinfo=UTC)
UNITS = {"platelets": (150.0, 400.0), "neutrophils": (1.8, 7.7)}


def rule(**given):
    return ToxicityRule.model_validate({"ctcae_version": "5.0", "sessions": "first", "window_days": 56, **given})


def platelet_rule(**more):
    return rule(laboratory=[{"test": "platelets", "minimum_grade": 4}], **more)


def lasting_rule(days=7):
    return rule(laboratory=[{"test": "neutrophils", "minimum_grade": 4, "lasting_days": days}])


def value(test, day, number, lower=0.0):
    own_lower, upper = UNITS[test]
    return LaboratoryResult(
        test, number, "10^9/L", own_lower if lower == 0.0 else lower, upper, at(day), f"record:{test} {day}"
    )


def at(day):
    return DAY_0 + timedelta(days=day)


def judged(definition, laboratory=(), events=(), *, injections=(0,), as_of=200, left=None):
    return limiting_toxicity(
        definition,
        [(number, at(day)) for number, day in enumerate(injections, 1)],
        list(laboratory),
        list(events),
        as_of=at(as_of),
        left_at=None if left is None else at(left),
    )


def neutrophils(*counts):
    return [value("neutrophils", day, number) for day, number in counts]


def event(grade=3, related="related", term="Nausea", day=10, version="5.0"):
    return LimitingEvent(term, grade, version, date(2024, 1, 1) + timedelta(days=day), related, f"record:event {day}")


def test_one_value_of_the_grade_in_the_window_is_enough_and_is_named():
    """Platelets below 25 x 10^9/L are grade 4 in version 5.0 (NCI)."""
    found = judged(
        platelet_rule(), [value("platelets", 14, 100), value("platelets", 35, 24), value("platelets", 49, 60)]
    )
    assert (found.verdict, found.on) == ("yes", date(2024, 2, 5))
    assert found.findings[0].records == ("record:platelets 35",)


@pytest.mark.parametrize(
    ("laboratory", "as_of", "left", "verdict", "said"),
    [
        ([(14, 100), (28, 60), (35, 25), (49, 60)], 200, None, "no", "worst grade 3"),
        ([(14, 100), (21, 120), (57, 20)], 200, None, "undetermined", "longest time without a value 35 days"),
        ([(14, 100), (28, 80), (43, 80), (57, 120)], 200, None, "undetermined", "in a gap of more than 14 days"),
        ([(14, 100), (28, 80), (42, 80)], 200, None, "no", "longest time without a value 14 days"),
        ([(1, 250), (3, 251)], 200, None, "undetermined", "longest time without a value 53 days"),
        ([(7, 250), (14, 120), (49, 60), (60, 76)], 200, None, "undetermined", "longest time without a value 35 days"),
        ([(56, 80)], 200, None, "undetermined", "longest time without a value 56 days"),
        ([(14, 100)], 40, None, "not_yet", "day 40 of 56"),
        ([], 200, None, "undetermined", "no value"),
        ([(14, 100)], 200, 20, "undetermined", "observation ended on day 20 of 56"),
        ([(14, 20)], 200, 20, "yes", "day 14"),
        ([(14, 20)], 40, None, "yes", "day 14"),
    ],
)
def test_a_window_is_judged_by_what_is_known_of_it(laboratory, as_of, left, verdict, said):
    values = [value("platelets", day, number) for day, number in laboratory]
    found = judged(platelet_rule(), values, as_of=as_of, left=left)
    assert found.verdict == verdict
    assert said in found.because or said in found.findings[0].because


@pytest.mark.parametrize(
    ("allowed_days", "verdict"), [(7, "undetermined"), (13, "undetermined"), (15, "no"), (21, "no")]
)
def test_the_protocol_says_how_long_counts_may_be_missing(allowed_days, verdict):
    values = [value("platelets", day, 80) for day in (14, 29, 42)]  # 15 days between two of them
    found = judged(platelet_rule(longest_gap_days=allowed_days), values)
    assert found.verdict == verdict


def test_a_value_that_cannot_be_graded_is_neither_yes_nor_no():
    found = judged(platelet_rule(), [LaboratoryResult("platelets", 20, "?", None, None, at(20), "record:1")])
    assert found.verdict == "undetermined"


# Neutrophils below 0.5 are grade 4; the same course, counted more and less often.
@pytest.mark.parametrize(
    ("counts", "verdict", "said"),
    [
        ([(20, 1.2), (21, 0.4), (25, 0.3), (29, 0.4), (30, 0.9)], "yes", "from day 21 to day 29"),
        ([(20, 1.2), (21, 0.4), (28, 0.4), (30, 0.9)], "undetermined", "surely 7.0 days, at most 10.0"),
        ([(20, 1.2), (24, 0.4), (30, 0.9)], "undetermined", "surely 0.0 days, at most 10.0"),
        ([(9, 2.0), (20, 1.2), (23, 0.4), (27, 0.9), (35, 1.1), (49, 2.0)], "no", "worst grade 4"),
        ([(20, 1.2), (23, 0.4), (27, 0.9)], "undetermined", "longest time without a value 29 days"),
        ([(20, 1.2), (23, 0.4)], "undetermined", "no value after"),
        (
            [(9, 2.0), (20, 1.2), (21, 0.4), (25, 0.6), (26, 0.4), (27, 0.7), (28, 0.9), (42, 2.0)],
            "no",
            "worst grade 4",
        ),
        ([(20, 1.2), (40, 1.0), (44, 1.1)], "undetermined", "longest time without a value 20 days"),
    ],
)
def test_how_long_a_grade_lasted_is_said_no_surer_than_the_counts_allow(counts, verdict, said):
    found = judged(lasting_rule(), neutrophils(*counts))
    assert found.verdict == verdict
    assert said in found.findings[0].because


def test_a_grade_that_still_lasts_at_the_cut_is_not_yet_judged():
    counts = neutrophils((20, 1.2), (23, 0.4))
    assert judged(lasting_rule(), counts, as_of=24).verdict == "not_yet"


def test_a_grade_that_begins_in_the_window_is_followed_beyond_it():
    counts = neutrophils((50, 1.2), (54, 0.4), (58, 0.3), (62, 0.4), (64, 1.0))
    assert judged(lasting_rule(), counts).verdict == "yes"


@given(
    start=st.floats(1, 40),
    length=st.floats(0.5, 20),
    days=st.lists(st.floats(0.5, 90), min_size=1, max_size=25, unique_by=lambda day: round(day, 3)),
)
def test_a_sure_answer_is_never_wrong_about_an_episode_that_was_seen(start, length, days):
    """The truth is one episode of known length; the counts only sample it. Yes and no must both agree with it."""
    counts = [(day, 0.3 if start <= day < start + length else 1.2) for day in sorted(days)]
    found = judged(lasting_rule(), neutrophils(*counts))
    if found.verdict == "yes":
        assert length > 7
    if found.verdict == "no" and any(number < 0.5 and day <= 56 for day, number in counts):
        assert length <= 7


def recovery_rule():
    return rule(recovery={"tests": ["platelets"], "maximum_grade": 1, "within_days": 84})


@pytest.mark.parametrize(
    ("counts", "more", "verdict"),
    [
        ([(35, 40), (56, 60), (80, 74), (90, 74)], {}, "yes"),
        ([(35, 40), (56, 60), (80, 74), (90, 80)], {}, "undetermined"),
        ([(35, 40), (56, 60), (80, 74)], {}, "undetermined"),
        ([(35, 40), (56, 60), (80, 74)], {"as_of": 82}, "not_yet"),
        ([(35, 40), (56, 60), (80, 76)], {}, "no"),
        ([(35, 120), (56, 130)], {"as_of": 60}, "no"),
        ([(21, 140), (28, 130)], {}, "undetermined"),
        ([(1, 250), (3, 251)], {}, "undetermined"),
        ([(21, 140), (49, 130)], {}, "undetermined"),
        ([(21, 120), (49, 130)], {}, "no"),
        ([(35, 140)], {"as_of": 60}, "not_yet"),
        ([(35, 40), (55, 60), (70, 30)], {"injections": (0, 56)}, "undetermined"),
        ([(35, 40), (55, 90), (70, 30)], {"injections": (0, 56)}, "no"),
        ([], {}, "undetermined"),
    ],
)
def test_recovery_in_time_is_judged_by_the_counts_on_both_sides_of_the_last_day(counts, more, verdict):
    found = judged(recovery_rule(), [value("platelets", day, number) for day, number in counts], **more)
    assert found.verdict == verdict, found.because


@pytest.mark.parametrize(
    ("events", "verdict"),
    [
        ([], "no"),
        ([event()], "yes"),
        ([event(related="not_related")], "no"),
        ([event(related="not_assessed")], "undetermined"),
        ([event(grade=2)], "no"),
        ([event(grade=None)], "undetermined"),
        ([event(term="alopecia")], "no"),
        ([event(day=57)], "no"),
        ([event(day=-1)], "no"),
        ([event(version="6.0")], "undetermined"),
        ([event(related="not_assessed"), event(day=20)], "yes"),
        ([event(grade=5, related="not_assessed")], "undetermined"),
    ],
)
def test_events_count_by_grade_term_time_and_relation(events, verdict):
    definition = rule(events={"minimum_grade": 3, "except_terms": ["Alopecia"]})
    assert judged(definition, events=events).verdict == verdict


def test_the_first_session_alone_or_all_of_them():
    values = [value("platelets", day, 100) for day in (14, 25, 35, 46, 60, 70, 90)] + [value("platelets", 100, 20)]
    assert judged(platelet_rule(), values, injections=(0, 60)).verdict == "no"
    every = rule(laboratory=[{"test": "platelets", "minimum_grade": 4}]).model_copy(update={"sessions": "all"})
    found = judged(every, values, injections=(0, 60))
    assert found.verdict == "yes"
    assert [one.session for one in found.findings if one.verdict == "yes"] == [2]


def test_a_no_stands_from_the_day_on_which_the_last_window_closes():
    found = judged(platelet_rule(), [value("platelets", day, 100) for day in (10, 20, 32, 45)])
    assert (found.verdict, found.on) == ("no", date(2024, 2, 26))
    assert judged(platelet_rule(), [], injections=()) is None


def test_counts_of_other_units_are_compared_on_one_scale_before_a_turn_is_seen():
    """30 000 /mm3 are 30 x 10^9/L, lower than the 40 before: the counts still fell. 140 000 after 120 had turned."""

    def in_mm3(day, number):
        return LaboratoryResult("platelets", number, "/mm3", 150_000, 400_000, at(day), f"record:mm3 {day}")

    falling = [value("platelets", 21, 140), value("platelets", 35, 120), in_mm3(49, 110_000)]
    turned = [value("platelets", 21, 140), value("platelets", 35, 120), in_mm3(49, 140_000)]
    strange = [LaboratoryResult("platelets", 90.0, "?", None, None, at(35)), value("platelets", 49, 140)]
    assert [judged(recovery_rule(), one).verdict for one in (falling, turned, strange)] == [
        "undetermined",
        "no",
        "undetermined",
    ]
