"""Intercurrent events, sensitivity analyses and the exact test, each worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.pipeline.analysis_example import Analysed, Case, analysed, blank, folder_of, protocol_with

from theratrial.pipeline.contradictions import contradictions
from theratrial.pipeline.counting import CountingRule, count
from theratrial.pipeline.intercurrent import Happened
from theratrial.results.criteria import ParticipantCriteria, UptakeFall

NOBODY = Case(category=None, assessed=None)


def events(found: Analysed) -> list[tuple[str, str, str]]:
    return [(one.participant_id, one.event, one.effect) for one in found.analysis.intercurrent]


def row(found: Analysed, name: str) -> Any:
    fitting = [one for one in found.analysis.proportions if name in one.name]
    assert len(fitting) == 1, [one.name for one in found.analysis.proportions]
    return fitting[0]


def test_a_trial_without_events_has_none_and_every_way_of_counting_gives_its_proportion(tmp_path: Path) -> None:
    found = analysed(tmp_path, {"P1": Case("CR"), "P2": Case("PD")})
    assert found.analysis.intercurrent == ()
    assert {one.proportion.value for one in found.analysis.proportions} == {0.5}
    assert all(one.changed == () for one in found.analysis.proportions)


@pytest.mark.parametrize(
    ("case", "records", "event", "effect", "record"),
    [
        (
            Case("SD", sessions=2),
            {"dispositions": "P1,2022-06-01,gate_stop,\n"},
            "fewer_sessions",
            "counts as a success with or without it",
            "record:records/dispositions.csv#2",
        ),
        (
            Case("PR"),
            {"later_therapy": "P1,capecitabine,2022-08-31,\n"},
            "new_anticancer_therapy",
            "counts as a failure in place of a success",
            "record:records/later_therapy.csv#2",
        ),
        (
            NOBODY,
            {"follow_up": "P1,2022-08-31,dead,,ON-01\n"},
            "death_before_assessment",
            "counts as a failure with or without it",
            "record:records/follow_up.csv#2",
        ),
        (Case("NE"), {}, "not_assessable", "counts as a failure with or without it", "value:participants[P1].response"),
        (
            Case("PR"),
            {"pregnancies": "P1,2022-05-01T09:00,participant,,,,,ON-01\n"},
            "pregnancy",
            "counts as a success with or without it",
            "record:records/pregnancies.csv#2",
        ),
        (
            Case("PR"),
            {"withdrawals": "P1,2022-08-01T09:00,treatment,\n"},
            "withdrawal",
            "counts as a failure in place of a success",
            "record:records/withdrawals.csv#2",
        ),
    ],
)
def test_each_event_is_found_with_its_record_and_its_effect(
    tmp_path: Path, case: Case, records: Mapping[str, str], event: str, effect: str, record: str
) -> None:
    found = analysed(tmp_path, {"P1": case}, records)
    mine = next(one for one in found.analysis.intercurrent if one.event == event)
    assert (mine.participant_id, mine.effect, mine.record) == ("P1", effect, record)


@pytest.mark.parametrize(
    "records",
    [
        # On the day of the image, after it, of somebody else, of data alone: none changes what the image means.
        {"later_therapy": "P1,capecitabine,2022-09-01,\n"},
        {"follow_up": "P1,2022-10-01,dead,,ON-01\n"},
        {"pregnancies": "P1,2022-05-01T09:00,partner,,,,,ON-01\n"},
        {"withdrawals": "P1,2022-08-01T09:00,data_use,\n"},
        {"withdrawals": "P1,2022-10-01T09:00,all,\n"},
    ],
)
def test_what_happens_after_the_image_or_to_somebody_else_is_no_intercurrent_event(
    tmp_path: Path, records: Mapping[str, str]
) -> None:
    assert events(analysed(tmp_path, {"P1": Case("PR")}, records)) == []


def test_an_activity_beyond_the_tolerance_is_an_event_and_one_at_it_is_none(tmp_path: Path) -> None:
    planned = analysed(tmp_path / "a", {"P1": Case()}).folder.protocol.sessions.reading
    assert planned is not None
    edge = planned.administered_activity_MBq * (1 + planned.activity_tolerance_percent / 100)
    assert events(analysed(tmp_path / "b", {"P1": Case(activity_MBq=edge - 1e-6)})) == []
    found = analysed(tmp_path / "c", {"P1": Case(activity_MBq=edge + 1)}).analysis.intercurrent
    assert [one.event for one in found] == ["activity_deviation"]
    assert found[0].record == "value:participants[P1].sessions[session=1].administered_activity_MBq"


@pytest.mark.parametrize(("label", "expected"), [("blocking", ["blocked_uptake"]), ("response", []), ("undecided", [])])
def test_only_a_fall_labelled_as_blocking_is_an_event(tmp_path: Path, label: str, expected: list[str]) -> None:
    fall = blank(UptakeFall, label=label, because="three days after trastuzumab")
    found = analysed(tmp_path, {"P1": Case("PR", criteria=ParticipantCriteria(uptake_fall=fall))})
    assert [one.event for one in found.analysis.intercurrent] == expected


def test_a_response_still_to_come_is_waited_for_whatever_has_happened(tmp_path: Path) -> None:
    # Failures are known before successes: counting them at once would make an interim proportion too low.
    cases = {f"P{n}": Case("PR") for n in range(5)} | {"P9": Case(None, None, pending=True)}
    found = analysed(tmp_path, cases, {"later_therapy": "P9,capecitabine,2022-08-01,\n"})
    assert (found.endpoint.successes, found.endpoint.analysed) == (5, 5)
    assert {one.rejected for one in found.analysis.flips} == {None}
    assert found.analysis.test is not None
    assert found.analysis.test.rejected is None
    assert "still to come" in found.analysis.test.sentence


def test_the_primary_number_of_the_endpoint_is_the_first_row_of_the_analysis(tmp_path: Path) -> None:
    cases = {"P1": Case("PR"), "P2": Case("PR"), "P3": Case("NE"), "P4": Case("PD"), "P5": NOBODY}
    found = analysed(tmp_path, cases, {"later_therapy": "P2,capecitabine,2022-08-01,\n"})
    first = found.analysis.proportions[0]
    assert (first.kind, first.successes, first.analysed) == ("primary", 1, 5)
    assert (found.endpoint.successes, found.endpoint.analysed) == (1, 5)
    assert first.proportion.lower == found.endpoint.proportion.lower


def test_sensitivity_analyses_count_as_worked_out_by_hand(tmp_path: Path) -> None:
    """P1 success; P2 responded under another treatment; P3 not evaluable; P4 progressed; P5 died unassessed."""
    cases = {
        "P1": Case("PR"),
        "P2": Case("PR"),
        "P3": Case("NE", sets=("full", "safety")),
        "P4": Case("PD", sessions=2),
        "P5": NOBODY,
    }
    records = {
        "later_therapy": "P2,capecitabine,2022-08-01,\n",
        "dispositions": "P4,2022-06-01,gate_stop,\nP5,2022-07-01,death,\n",
    }
    found = analysed(tmp_path, cases, records)
    counted = {one.name: (one.successes, one.analysed) for one in found.analysis.proportions}
    assert counted["primary"] == (1, 5)
    assert counted["Another treatment of the cancer before the assessment: treatment policy in place of composite"] == (
        2,
        5,
    )
    assert counted["Fewer sessions than planned: hypothetical in place of treatment policy"] == (1, 4)
    # The dead is no missing value: death before the assessment stays a failure whatever missing counts as.
    assert counted["a missing response is left out"] == (1, 4)
    assert counted["a missing response counts as a success (best case)"] == (2, 5)
    assert "a missing response counts as a failure" not in counted  # it is the primary rule
    assert row(found, "evaluable participants only").changed[0].startswith("P2: a success in place of a failure")
    assert counted["the response as it was read, whatever else happened; evaluable participants only"] == (2, 3)
    assert counted["analysis set: Treated with an evaluable response"] == (1, 4)
    assert counted["interval Wilson"] == (1, 5)


def test_alternatives_of_the_plan_are_the_rows_that_are_generated(tmp_path: Path) -> None:
    found = analysed(tmp_path, {"P1": Case()})
    plan = found.folder.protocol.analysis
    assert plan is not None
    assert plan.reading is not None
    asked = sum(len(one.alternatives) for one in plan.reading.estimand.intercurrent_events)
    assert asked >= 5
    assert sum(one.kind == "strategy" for one in found.analysis.proportions) == asked


def test_a_protocol_without_the_clause_counts_as_before_and_has_no_analysis(tmp_path: Path) -> None:
    protocol = protocol_with().model_copy(update={"analysis": None})
    cases = {"P1": Case("PR"), "P2": Case("NE")}
    found = analysed(tmp_path, cases, {"later_therapy": "P1,capecitabine,2022-08-01,\n"}, protocol=protocol)
    assert (found.endpoint.successes, found.endpoint.analysed) == (1, 2)
    assert found.analysis.estimand == found.analysis.proportions == found.analysis.plain_words == ()
    assert found.endpoint.proportion.trace.version == "1"
    assert analysed(tmp_path, cases).endpoint.proportion.trace.version == "3"


def test_the_estimand_rules_over_the_rule_for_missing_answers_and_says_so(tmp_path: Path) -> None:
    found = analysed(tmp_path, {"P1": Case("PR"), "P2": Case("NE")}, endpoint={"missing": "excluded"})
    # The shipped estimand: not assessable is composite. The endpoint's own rule would leave her out.
    assert (found.endpoint.successes, found.endpoint.analysed) == (1, 2)
    assert found.person("P2").counted_because.endswith("composite strategy")
    assert ("A missing response" in dict(found.analysis.estimand)) is True
    assert "strategies above rule" in dict(found.analysis.estimand)["A missing response"]


def _rule(**strategies: str) -> CountingRule:
    return CountingRule("full", ("CR", "PR", "SD"), "failure", strategies)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("strategy", "event_on", "expected"),
    [
        ("treatment_policy", date(2022, 8, 1), "success"),
        ("composite", date(2022, 8, 1), "failure"),
        ("hypothetical", date(2022, 8, 1), "excluded"),
        ("principal_stratum", date(2022, 8, 1), "excluded"),
        ("while_on_treatment", date(2022, 8, 1), "failure"),
        ("while_on_treatment", date(2022, 9, 1), "failure"),
        ("while_on_treatment", date(2022, 9, 2), "success"),
        ("while_on_treatment", None, "failure"),
    ],
)
def test_each_strategy_does_what_it_says(strategy: str, event_on: date | None, expected: str) -> None:
    person = analysed_person()
    happened = (Happened("withdrawal", event_on, "left", "record:x"),)
    got, _ = count(person, _rule(withdrawal=strategy), happened, assessed=date(2022, 9, 1))
    assert got == expected


@pytest.mark.parametrize(
    ("missing", "composite", "while_on_treatment"),
    [("failure", "failure", "failure"), ("excluded", "failure", "excluded"), ("success", "failure", "success")],
)
def test_while_on_treatment_an_answer_read_after_the_event_is_missing_and_no_failure_of_itself(
    missing: str, composite: str, while_on_treatment: str
) -> None:
    """ICH E9(R1), A.3.2: composite makes the event part of the variable; while on treatment ends the variable there."""
    event = (Happened("withdrawal", date(2022, 8, 1), "left", "record:x"),)
    for strategy, expected in (("composite", composite), ("while_on_treatment", while_on_treatment)):
        rule = replace(_rule(withdrawal=strategy), missing=missing)  # type: ignore[arg-type]
        got, why = count(analysed_person(), rule, event, assessed=date(2022, 9, 1))
        assert got == expected
        assert ("no response was read before it" in why) == (strategy == "while_on_treatment")
        # Read before the event it counts as it was read, under the one and not under the other.
        earlier, _ = count(analysed_person(), rule, event, assessed=date(2022, 7, 1))
        assert earlier == ("success" if strategy == "while_on_treatment" else "failure")


def test_being_left_out_is_stricter_than_a_best_case_of_what_is_missing() -> None:
    both = (Happened("withdrawal", None, "a", "r"), Happened("pregnancy", None, "b", "r"))
    rule = _rule(withdrawal="while_on_treatment", pregnancy="hypothetical")
    best = replace(rule, missing="success")
    for events_of_her in (both, both[::-1]):
        assert count(analysed_person(), best, events_of_her, assessed=date(2022, 9, 1))[0] == "excluded"
        assert count(analysed_person(), rule, events_of_her, assessed=date(2022, 9, 1))[0] == "failure"


def test_of_two_events_the_stricter_strategy_rules_in_either_order() -> None:
    both = (Happened("withdrawal", None, "a", "r"), Happened("pregnancy", None, "b", "r"))
    rule = _rule(withdrawal="hypothetical", pregnancy="composite")
    for order in (both, both[::-1]):
        assert count(analysed_person(), rule, order)[0] == "failure"


def analysed_person() -> Any:
    from theratrial.results.values import ParticipantResult, ResponseOutcome

    response = blank(ResponseOutcome, category="PR", arithmetic="")
    return blank(ParticipantResult, participant_id="P1", analysis_sets=("full",), response=response)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(["P1", "P2", "P3", "P4", "P5"]))
def test_the_order_of_participants_changes_no_number(tmp_path: Path, order: list[str]) -> None:
    cases = {"P1": Case("PR"), "P2": Case("PR"), "P3": Case("NE"), "P4": Case("PD"), "P5": NOBODY}
    records = {"later_therapy": "P2,capecitabine,2022-08-01,\n", "dispositions": "P5,2022-07-01,death,\n"}
    one = analysed(tmp_path / "one", cases, records).analysis
    other = analysed(tmp_path / "other", {who: cases[who] for who in order}, records).analysis
    numbers = [[(row.name, row.successes, row.analysed) for row in found.proportions] for found in (one, other)]
    assert numbers[0] == numbers[1]
    assert [found.steps for found in one.survival] == [found.steps for found in other.survival]
    assert {one.participant_id: one.time_months for one in one.survival[0].people} == {
        one.participant_id: one.time_months for one in other.survival[0].people
    }


# P(X >= x | 15, 0.3): the exact column of the table of fifteen, computed in another program.
EXACT = {8: 0.0500, 9: 0.0152}


@pytest.mark.parametrize(("successes", "rejected"), [(8, False), (9, True)])
def test_nine_of_fifteen_reject_thirty_percent_and_eight_do_not(tmp_path: Path, successes: int, rejected: bool) -> None:
    # P(X >= 8) is .05001: just above the level, so that the test rejects from 9 on with a true level of .0152.
    cases = {f"P{n}": Case("SD" if n <= successes else "PD") for n in range(1, 16)}
    found = analysed(tmp_path, cases).analysis
    assert found.test is not None
    assert found.test.p_value.value == pytest.approx(EXACT[successes], abs=0.5e-4)
    assert (found.test.reject_from, found.test.rejected) == (9, rejected)
    assert found.test.true_significance_fraction == pytest.approx(0.0152, abs=0.5e-4)
    assert {one.successes: one.rejected for one in found.flips} == {
        x: x >= 9 for x in (successes - 1, successes, successes + 1)
    }
    # 8 and 9 are neighbours of the edge.
    assert any("hangs on one participant" in one for one in found.plain_words)
    power = {round(one.true_fraction, 2): one.power_fraction for one in found.power}
    # The same table: power at .5, .6, .7, .8 of the test at .3.
    assert [power[one] for one in (0.5, 0.6, 0.7, 0.8)] == pytest.approx([0.304, 0.610, 0.869, 0.982], abs=5e-4)


def test_posterior_above_the_null_is_that_of_the_table(tmp_path: Path) -> None:
    # P(p > .3) under Beta(1, 1) after x of 15, computed in another program: 7 .9256, 9 .9929.
    for x, expected in ((7, 0.9256), (9, 0.9929)):
        cases = {f"P{n}": Case("SD" if n <= x else "PD") for n in range(1, 16)}
        found = analysed(tmp_path, cases).analysis
        assert found.posterior_above_null is not None
        assert found.posterior_above_null.value == pytest.approx(expected, abs=0.5e-4)
        assert found.prior.startswith("Beta(1, 1)")
        assert found.posterior is not None
        assert found.posterior.value == pytest.approx((x + 1) / 17)
    # One-sided lower 95 % bound of 9 of 15: binom.test(9, 15, 0.3, alternative = "greater") in R 4.2.2.
    assert found.one_sided_lower is not None
    assert found.one_sided_lower.value == pytest.approx(0.3595652, abs=1e-7)


def test_no_sentence_calls_anything_proved(tmp_path: Path) -> None:
    cases = {f"P{n}": Case("CR") for n in range(1, 16)}
    found = analysed(tmp_path, cases).analysis
    assert found.test is not None
    said = " ".join((*found.plain_words, found.test.sentence)).lower()
    assert "single arm" in said
    for word in ("prove", "effective", "confirm", "demonstrat", "significant"):
        assert word not in said


def test_nobody_analysed_gives_no_number_and_says_why(tmp_path: Path) -> None:
    found = analysed(tmp_path, {"P1": Case(sets=())})
    assert found.endpoint.proportion.value is None
    assert found.analysis.test is None
    assert all(one.proportion.value is None and one.proportion.note for one in found.analysis.proportions)
    assert found.analysis.plain_words == ("Nobody is analysed, so nothing could be shown.",)


def test_a_test_that_can_never_reject_says_so(tmp_path: Path) -> None:
    found = analysed(tmp_path, {"P1": Case("CR"), "P2": Case("CR")}).analysis
    assert found.test is not None
    assert (found.test.reject_from, found.test.rejected) == (3, False)
    assert "too small" in found.test.sentence


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ({"dispositions": "P1,2022-05-01,death,\n"}, "P1 died on 2022-05-01, but was injected on 2022-06-09"),
        ({"follow_up": "P1,2022-03-15,dead,,ON-01\n"}, "P1 known to have died by 2022-03-15"),
        ({"later_therapy": "P1,capecitabine,2022-02-27,\n"}, "before the first injection of P1 on 2022-03-01"),
    ],
)
def test_ends_before_the_treatment_they_end_are_refused(tmp_path: Path, records: Mapping[str, str], said: str) -> None:
    problems = contradictions(folder_of(tmp_path, {"P1": Case()}, records))
    assert [said in str(one) for one in problems if "batch" not in str(one)] == [True]
