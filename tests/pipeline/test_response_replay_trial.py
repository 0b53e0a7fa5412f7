"""Replay, agreement and dose-response over a trial made by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, timedelta
from types import SimpleNamespace

import pytest
from tests.pipeline.response_example import PROTOCOL, STARTED, course, judged, participant, quantity, with_lesions

from theratrial.errors import InputError
from theratrial.pipeline.response_replay import recist_again, replay, replay_rules
from theratrial.pipeline.trial_criteria import _criteria_agreements, _reader_agreements, dose_response
from theratrial.response.replay import AS_IS
from theratrial.results.criteria import ParticipantCriteria
from theratrial.trialfolder.records import Row

RULES = replay_rules(PROTOCOL)
assert RULES is not None

COHORT = (
    participant("P1", {"R1": {"a": 10.0}}, {"R1": {"a": 5.0}}),  # PR
    participant("P2", {"R1": {"a": 10.0}}, {"R1": {"a": 12.8}}),  # SD, +28 %
    participant("P3", {"R1": {"a": 10.0}}, {"R1": {"a": 14.0}}),  # PD, +40 %
    participant("P4", None, None),  # no image: counted as failure
    participant("P5", {"R1": {"a": 10.0}}, {"R1": {"a": 5.0}}, in_set=False),
)


def replayed(text, cohort=COHORT, **named):
    return replay(cohort, RULES, RULES.change(text) if text else AS_IS, **named)


def flips(found):
    return [(one.participant_id, one.before, one.after) for one in found.flipped]


def test_without_a_change_the_replay_gives_the_runs_own_counts():
    found = replayed("")
    assert (found.successes, found.analysed, found.flipped) == (2, 4, ())


def test_a_lower_threshold_of_progression_flips_the_one_who_rose_by_28_percent():
    found = replayed("progression_increase_percent=25")
    assert flips(found) == [("P2", "SD", "PD")]
    assert (found.successes, found.analysed) == (1, 4)
    assert found.flipped[0].counted_before == "success"
    assert found.flipped[0].counted_after == "failure"
    # Clopper-Pearson 1 of 4, from R: binom.test(1, 4)$conf.int = 0.006309463 0.805879550
    assert (found.proportion.lower, found.proportion.upper) == pytest.approx((0.006309463, 0.805879550), abs=1e-8)


def test_a_calibration_error_of_five_percent_flips_the_one_beside_the_threshold():
    assert flips(replayed("response_uptake=1.05")) == [("P2", "SD", "PD")]  # 13.44 of 10
    assert flips(replayed("response_uptake=0.9")) == [("P3", "PD", "SD")]  # 12.6 of 10
    assert flips(replayed("response_uptake=0.95")) == []  # 13.3 of 10 is progression still


def test_a_missing_response_left_out_changes_the_denominator_and_is_a_flip_in_counting():
    found = replayed("missing=excluded")
    assert (found.successes, found.analysed) == (2, 3)
    one = found.flipped[0]
    assert (one.participant_id, one.counted_before, one.counted_after) == ("P4", "failure", "excluded")


def test_who_is_outside_the_set_may_flip_and_is_never_counted():
    found = replayed("partial_decrease_percent=60")
    assert flips(found) == [("P1", "PR", "SD"), ("P5", "PR", "SD")]
    assert found.analysed == 4


def test_an_adjudication_stands_under_the_change_and_without_one_readers_who_differ_are_not_evaluable():
    before, after = {"R1": {"a": 10.0}, "R2": {"a": 10.0}}, {"R1": {"a": 7.5}, "R2": {"a": 8.0}}
    open_case = participant("P1", before, after)
    settled = participant("P2", before, after, adjudicated_to="R1")
    assert flips(replayed("partial_decrease_percent=25", (open_case, settled))) == [
        ("P1", "SD", "NE"),
        ("P2", "SD", "PR"),
    ]


def test_every_change_of_the_shipped_rule_can_be_replayed():
    for change in RULES.every_change():
        if not change.recist:
            found = replay(COHORT, RULES, change)
            assert found.analysed in (3, 4)
            assert found.change


def test_recist_is_replayed_by_the_measurements_and_counted_as_control():
    one = participant(
        "P1",
        {"R1": {"a": 10.0}},
        {"R1": {"a": 5.0}},
        criteria=ParticipantCriteria(criteria=(judged("recist_1_1", "SD", controlled=True),)),
    )
    seen = []

    def again(who, plan):
        seen.append((who, plan.confirmation_days))
        return judged("recist_1_1", "PR", controlled=True)

    found = replay((one,), RULES, RULES.change("recist.confirmation_days=none"), recist_again=again)
    assert seen == [("P1", None)]
    assert found.rule == "recist_1_1"
    assert flips(found) == [("P1", "SD", "PR")]
    assert (found.successes, found.analysed) == (1, 1)
    with pytest.raises(InputError, match="cannot be replayed"):
        replay((one,), RULES, RULES.change("recist.confirmation_days=none"))


def test_readers_are_compared_by_their_own_answers_before_adjudication():
    before = {"R1": {"a": 10.0}, "R2": {"a": 10.0}}
    cohort = [
        participant("P1", before, {"R1": {"a": 5.0}, "R2": {"a": 5.0}}),
        participant("P2", before, {"R1": {"a": 5.0}, "R2": {"a": 9.0}}, adjudicated_to="R1"),
        participant("P3", before, {"R1": {"a": 5.0}}),
    ]
    (found,) = _reader_agreements(cohort, ())
    assert (found.first, found.second, found.compared, found.agreed, found.left_out) == ("R1", "R2", 2, 1, 0)
    assert {(mine, yours): n for mine, yours, n in found.table if n} == {("PR", "PR"): 1, ("PR", "SD"): 1}
    assert [one.weighting for one in found.kappas] == ["unweighted", "linear", "quadratic"]


def test_criteria_are_compared_in_categories_and_as_control_and_not_evaluable_is_left_out():
    def one(who, after, category, *, controlled):
        criteria = ParticipantCriteria(criteria=(judged("percist_1_0", category, controlled=controlled),))
        return participant(who, {"R1": {"a": 10.0}}, {"R1": {"a": after}}, criteria=criteria)

    cohort = [
        one("P1", 5.0, "PMR", controlled=True),
        one("P2", 9.0, "PMR", controlled=True),
        one("P3", 14.0, "NE", controlled=None),
    ]
    categories, control = _criteria_agreements(cohort, ())
    assert (categories.compared, categories.agreed, categories.left_out) == (2, 1, 1)
    assert (control.compared, control.agreed) == (2, 2)
    # Both control in everybody: the share is 1, kappa is not defined and says so.
    assert control.share_agreed.value == 1
    assert control.kappas[0].kappa.value is None
    assert "not defined" in control.kappas[0].kappa.note


def test_doses_without_value_or_upper_bound_and_resolved_lesions_are_no_points():
    determined = [course(f"L{n}", quantity(float(n), "Gy", lower=n / 2, upper=n * 2.0), -10.0 * n) for n in range(1, 6)]
    apart = [
        course("L6", quantity(None, "Gy"), -50.0),
        course("L7", quantity(9.0, "Gy", lower=1.0, upper=math.inf), -50.0),
        course("L8", quantity(9.0, "Gy", lower=1.0, upper=10.0), None, status="resolved"),
        course("L9", None, -80.0),
    ]
    found = dose_response([with_lesions(COHORT[0], *determined, *apart)], ())
    assert (found.participants, found.lesions, found.undetermined, found.resolved) == (1, 5, 2, 1)
    assert found.rank_correlation.value == pytest.approx(-1)


def test_lesions_of_one_participant_are_said_not_to_be_independent():
    doses, changes = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [5.0, -10.0, 0.0, -40.0, -20.0, -60.0]
    lesions = [
        course(f"L{n}", quantity(dose, "Gy", lower=dose, upper=dose), change)
        for n, (dose, change) in enumerate(zip(doses, changes, strict=True))
    ]
    found = dose_response([with_lesions(COHORT[0], *lesions)], ())
    assert found.rank_correlation.lower is not None
    assert "too narrow" in found.rank_correlation.note


def test_without_any_dose_there_is_no_dose_response():
    assert dose_response([with_lesions(COHORT[0], course("a", None, -10.0))], ()) is None


def _on_ct(*cells):
    """Lines of one reader: (days since the first treatment, lesion, role, nodal, length or status)."""
    shared = {"participant_id": "P1", "reader": "R1", "organ": "liver", "merged_into": None}
    return tuple(
        Row(
            "tumour_measurements",
            number,
            shared
            | {"measured_on": STARTED.date() + timedelta(days=day), "lesion_id": name, "role": role, "nodal": nodal}
            | {"status": how if isinstance(how, str) else "measured"}
            | {"length_mm": None if isinstance(how, str) else how},
        )
        for number, (day, name, role, nodal, how) in enumerate(cells, 2)
    )


def _targets(*values, nodal=False, number=1):
    return [(day, f"T{n}", "target", nodal, how) for day, how in values for n in range(number)]


# Categories by the words of the paper (table 3 and its footnotes, 4.3.1, 4.3.5), worked out by hand for each answer.
RECIST_COURSES = {
    # Complete on day 28 and 4 mm again on day 70: progression at once, so never late enough to be stable; or, since
    # 4 mm are less than the 5 mm that growth must have, no progression, and day 70 is late enough for stable disease.
    "reappeared_progresses=no": (_targets((-1, 40.0), (28, "absent"), (70, 4.0)), "PD", "SD"),
    # Two nodes of 5 mm that become 9 mm: 10 to 18 mm, +80 %, and both normal: still complete, and so confirmed; or
    # progression, which leaves the complete response of day 42 unconfirmed and late enough for stable disease.
    "normal_nodes_progress=yes": (
        _targets((-1, 20.0), (42, 5.0), (84, 9.0), nodal=True, number=2),
        "CR",
        "SD",
    ),
    # In doubt on day 28, not seen on days 42 and 84, there on day 126.
    "doubtful_dated=confirmed": (
        [
            *_targets((-1, 40.0), (28, 20.0), (42, 20.0), (84, 20.0), (126, 20.0)),
            (28, "N", "new", False, "not_evaluated"),
            (126, "N", "new", False, "present"),
        ],
        "PD",
        "PR",
    ),
    # A node of 8 mm (complete) that becomes 11 mm: +3 mm is no progression, -45 % is partial. Neither counts, and day
    # 42 is late enough for stable disease; or the first was partial too, confirmed after 42 days.
    "partial_after_complete=yes": (_targets((-1, 20.0), (42, 8.0), (84, 11.0), nodal=True), "SD", "PR"),
    # The same on days 28 and 35, both too early for stable disease.
    "early_complete_progresses=yes": (_targets((-1, 20.0), (28, 8.0), (35, 11.0), nodal=True), "NE", "PD"),
}


@pytest.mark.parametrize("text", sorted(RECIST_COURSES))
def test_each_place_that_recist_leaves_open_flips_the_course_that_hangs_on_it(text):
    cells, as_is, changed = RECIST_COURSES[text]
    rows = _on_ct(*cells)
    folder = SimpleNamespace(zone=UTC, rows=lambda table, **_: rows if table == "tumour_measurements" else ())
    plan = RULES.recist
    assert plan is not None
    before = recist_again(folder, (COHORT[0],))("P1", plan)
    assert before.category == as_is, before.because
    one = replace(COHORT[0], criteria=ParticipantCriteria(criteria=(before,)))
    found = replay((one,), RULES, RULES.change(f"recist.{text}"), recist_again=recist_again(folder, (one,)))
    assert flips(found) == [("P1", as_is, changed)]
    # Each is among the changes that are tried without being asked for.
    assert f"recist.{text}" in [change.name for change in RULES.every_change()]
