"""Each clause of the re-treatment gate: what proceeds, what stops, what leaves it undetermined."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from gate_cast import (
    INJECTED_AT,
    JUDGED_AT,
    VISIT_ON,
    AdverseEvent,
    Disposition,
    Examination,
    GateVisit,
    PregnancyTest,
    Withdrawal,
    dose,
    fit_participant,
    lab,
    protocol,
)

from theratrial.errors import InputError
from theratrial.gates import Verdict, retreatment_gate

PROTOCOL = protocol()
BEFORE = JUDGED_AT - timedelta(days=9)
P, S, U = Verdict.PROCEED, Verdict.STOP, Verdict.UNDETERMINED


def judged(facts=None, rules=PROTOCOL, **changes):
    return retreatment_gate(rules, facts or fit_participant(**changes), judged_at=JUDGED_AT)


def line(decision, clause_id):
    (found,) = [f for f in decision.findings if f.clause_id == clause_id]
    return found


def test_a_participant_with_everything_in_order_may_go_on():
    decision = judged()
    assert decision.verdict is P
    assert {f.clause_id for f in decision.findings} == {
        "safety_gate.laboratory:platelets",
        "safety_gate.laboratory:haemoglobin",
        "safety_gate.adverse_events",
        "safety_gate.examination:oncologist",
        "safety_gate.examination:nuclear_medicine_physician",
        "schedule.follow_up",
        "safety_gate.pregnancy",
        "dose_limits:kidneys",
        "dose_limits:liver",
        "dose_limits:heart",
        "dose_limits:lungs",
        "dose_limits:red_marrow",
        "sessions.maximum_sessions",
        "sessions.ends_when",
    }
    unlimited = [f for f in decision.findings if f.clause_id in ("dose_limits:heart", "dose_limits:lungs")]
    assert all(f.informs_only for f in unlimited)
    assert decision.trace.demonstration == ("safety_gate", "dose_limits", "sessions")


HB = lab("haemoglobin", 118, lower=120, unit="g/L")


@pytest.mark.parametrize(
    ("results", "verdict", "word"),
    [
        ([lab("platelets", 75)], P, "grade 1"),
        ([lab("platelets", 74)], S, "grade 2"),
        ([lab("platelets", 80, lower=None)], P, "at most grade 1"),
        ([lab("platelets", 74, lower=None)], S, "grade 2"),
        ([], U, "no platelets result"),
        ([lab("platelets", 210, days_before=13.9)], P, "13.9 days old"),
        ([lab("platelets", 210, days_before=14.1)], U, "14.1 days old; older than the 14 days"),
        ([lab("platelets", 210, days_before=0.6)], P, "14 hours old"),
        ([lab("platelets", 210, days_before=0.05)], P, ", 1 hour old"),
        ([lab("platelets", 210, days_before=0.01)], P, "less than an hour old"),
        ([lab("platelets", 20, days_before=20)], U, "older"),
        ([lab("platelets", 210, days_before=60)], U, "before session 1"),
        ([lab("platelets", 210, days_before=-1)], U, "no platelets result"),
        ([lab("platelets", 210, unit="?")], U, "unit"),
        ([lab("platelets", 210_000)], U, "believable"),
        ([lab("platelets", 60, days_before=10), lab("platelets", 180, days_before=1)], P, "180"),
        ([lab("platelets", 180, days_before=10), lab("platelets", 60, days_before=1)], S, "60"),
        ([lab("platelets", 180), lab("platelets", 60)], S, "60"),
        ([lab("platelets", 180), lab("platelets", 180, unit="?")], U, "unit"),
        ([lab("platelets", 60), lab("platelets", 180, unit="?")], S, "60"),
        ([lab("platelets", 180, days_before=10), lab("platelets", 180, unit="?", days_before=1)], U, "unit"),
    ],
)
def test_the_latest_laboratory_value_is_judged_by_grade_and_age(results, verdict, word):
    decision = judged(laboratory=(HB, *results))
    found = line(decision, "safety_gate.laboratory:platelets")
    assert (found.verdict, decision.verdict) == (verdict, verdict)
    assert word in found.because
    # The age stands among what was looked at in the same words as in the sentence.
    assert "age" not in found.inputs or found.inputs["age"] in found.because or "before session" in found.because


def test_what_was_sampled_or_tested_on_the_day_of_the_injection_before_it_does_not_count():
    soon = INJECTED_AT + timedelta(days=3)
    before = replace(lab("platelets", 210), collected_at=INJECTED_AT - timedelta(hours=1))
    after = replace(before, collected_at=INJECTED_AT + timedelta(hours=1))
    for result, verdict in ((before, U), (after, P)):
        facts = fit_participant(laboratory=(result,), pregnancy_tests=())
        found = line(retreatment_gate(PROTOCOL, facts, judged_at=soon), "safety_gate.laboratory:platelets")
        assert found.verdict is verdict
    for day, verdict in ((INJECTED_AT.date(), U), (INJECTED_AT.date() + timedelta(days=1), P)):
        facts = fit_participant(pregnancy_tests=(PregnancyTest("negative", day),))
        found = line(retreatment_gate(PROTOCOL, facts, judged_at=soon), "safety_gate.pregnancy")
        assert found.verdict is verdict


def test_a_finding_says_value_unit_age_limit_and_where_it_stands():
    found = line(judged(), "safety_gate.laboratory:platelets")
    assert found.because == (
        "Platelet count decreased: 210 10^9/L meets no grade; grade 1 is < LLN (LLN 150), 4 days old: grade 0, "
        "allowed is grade 1 (CTCAE 5.0)"
    )
    assert found.trace.inputs["result 1"] == "record:platelets"
    assert found.trace.inputs["grade table"].startswith("table:safety/ctcae_v5_0@")
    assert found.trace.demonstration == ("safety_gate",)


def event(grade, related="related", ended=None, started=date(2024, 3, 10), version="5.0"):
    return AdverseEvent("Fatigue", grade, version, started, ended, related)


@pytest.mark.parametrize(
    ("events", "verdict"),
    [
        ([], P),
        ([event(1)], P),
        ([event(2)], S),
        ([event(2, "not_related")], P),
        ([event(2, "not_assessed")], U),
        ([event(1, "not_assessed")], P),
        ([event(2, ended=date(2024, 4, 1))], P),
        ([event(2, ended=date(2024, 4, 30))], S),
        ([event(2, ended=JUDGED_AT.date())], P),
        ([event(2, ended=JUDGED_AT.date() + timedelta(days=1))], S),
        ([event(3, started=date(2024, 5, 1))], P),
        ([event(None)], U),
        ([event(1, version="6.0")], U),
        ([event(2, version="6.0")], S),
        ([event(5, "not_related", ended=date(2024, 3, 11))], S),
        ([event(2, "not_assessed"), event(2)], S),
    ],
)
def test_adverse_events_that_last_are_judged_by_grade_and_relation(events, verdict):
    assert judged(adverse_events=tuple(events)).verdict is verdict


def examined(toxicity, role="oncologist", on=VISIT_ON, session=1, visit="follow_up"):
    return Examination(visit, session, on, role, toxicity)


NUC = examined("none", "nuclear_medicine_physician")


@pytest.mark.parametrize(
    ("examinations", "verdict"),
    [
        ([NUC, examined("none")], P),
        ([NUC, examined("present")], S),
        ([NUC, examined("not_assessed")], U),
        ([NUC], U),
        ([NUC, examined("none", session=2)], U),
        ([NUC, examined("none", visit="screening")], U),
        ([NUC, examined("none", on=date(2024, 5, 2))], U),
        ([NUC, examined("none", on=date(2024, 2, 2))], U),
        ([NUC, examined("none", on=INJECTED_AT.date())], U),
        ([NUC, examined("none", on=INJECTED_AT.date() + timedelta(days=41))], U),
        ([NUC, examined("none", on=INJECTED_AT.date() + timedelta(days=42))], P),
        ([NUC, examined("present", on=INJECTED_AT.date() + timedelta(days=5)), examined("none")], S),
        ([NUC, examined("none"), examined("present", "nurse")], S),
    ],
)
def test_each_role_must_have_examined_at_the_gate_visit(examinations, verdict):
    assert judged(examinations=tuple(examinations)).verdict is verdict


@pytest.mark.parametrize(
    ("visit", "verdict", "word"),
    [
        (GateVisit("done", INJECTED_AT.date() + timedelta(days=42)), P, "day 42"),
        (GateVisit("done", INJECTED_AT.date() + timedelta(days=41)), U, "outside"),
        (None, U, "not recorded"),
        (GateVisit("missed", None), U, "missed"),
        (GateVisit("done", None), U, "without date"),
        (GateVisit("done", JUDGED_AT.date() + timedelta(days=1)), U, "not recorded"),
    ],
)
def test_the_gate_visit_must_lie_in_its_window(visit, verdict, word):
    decision = judged(visit=visit)
    assert decision.verdict is verdict
    assert word in line(decision, "schedule.follow_up").because


def test_an_unknown_anchor_leaves_the_visit_undetermined():
    assert judged(visit_anchor_on=None).verdict is U


@pytest.mark.parametrize(
    ("tests", "sex", "verdict"),
    [
        ([PregnancyTest("negative", VISIT_ON)], "female", P),
        ([PregnancyTest("positive", VISIT_ON)], "female", S),
        ([PregnancyTest("negative", VISIT_ON), PregnancyTest("positive", VISIT_ON)], "female", S),
        ([PregnancyTest("not_done", VISIT_ON)], "female", U),
        ([PregnancyTest("not_applicable", VISIT_ON)], "female", P),
        ([PregnancyTest("negative", INJECTED_AT.date())], "female", U),
        ([PregnancyTest("negative", INJECTED_AT.date() + timedelta(days=1))], "female", U),
        ([PregnancyTest("negative", JUDGED_AT.date() - timedelta(days=14))], "female", P),
        ([PregnancyTest("negative", JUDGED_AT.date() - timedelta(days=15))], "female", U),
        ([PregnancyTest("not_applicable", JUDGED_AT.date() - timedelta(days=15))], "female", U),
        ([PregnancyTest("positive", date(2024, 4, 12)), PregnancyTest("negative", VISIT_ON)], "female", U),
        ([PregnancyTest("positive", date(2024, 4, 12)), PregnancyTest("not_applicable", VISIT_ON)], "female", U),
        ([PregnancyTest("negative", date(2024, 6, 1))], "female", U),
        ([], "female", U),
        ([], "other", U),
        ([], "male", P),
    ],
)
def test_a_pregnancy_test_since_the_last_session_is_needed(tests, sex, verdict):
    assert judged(pregnancy_tests=tuple(tests), sex=sex).verdict is verdict


def test_no_pregnancy_test_is_asked_for_where_the_protocol_does_not():
    rules = protocol(safety_gate__pregnancy_test_required=False)
    assert judged(rules=rules, pregnancy_tests=()).verdict is P


LIVER = dose("liver", 5.0)


@pytest.mark.parametrize(
    ("kidneys", "verdict", "word"),
    [
        (
            [dose("kidneys", 11.5)],
            P,
            "11.50 Gy so far (upper bound, 1 session) + 11.50 Gy expected from 1500 MBq = 23.00 Gy",
        ),
        ([dose("kidneys", 11.6)], S, "above the limit 23 Gy (test)"),
        ([dose("kidneys", None)], U, "undetermined"),
        ([dose("kidneys", float("inf"))], U, "undetermined"),
        ([dose("kidneys", None, lower=24.0)], S, "above the limit"),
        ([dose("kidneys", 0.0)], P, "0.00 Gy"),
        ([], U, "no dose of kidneys for session 1"),
        ([dose("kidneys", 1.0), dose("kidneys", None)], U, "undetermined"),
        ([dose("kidneys", 1.0), dose("kidneys", 15.0)], S, "above"),
    ],
)
def test_organ_doses_are_judged_by_their_upper_bound_with_the_next_session(kidneys, verdict, word):
    decision = judged(doses=(LIVER, *kidneys))
    found = line(decision, "dose_limits:kidneys")
    assert (found.verdict, decision.verdict) == (verdict, verdict)
    assert word in found.because


def test_the_next_session_is_expected_by_the_highest_dose_per_MBq_and_its_own_activity():
    facts = fit_participant(
        session=2,
        administered_activity_MBq={1: 1000.0, 2: 1500.0},
        doses=(dose("kidneys", 4.0), dose("kidneys", 3.0, session=2), LIVER, dose("liver", 5.0, session=2)),
        examinations=tuple(examined("none", r, session=2) for r in ("oncologist", "nuclear_medicine_physician")),
    )
    found = line(judged(facts), "dose_limits:kidneys")
    assert "7.00 Gy so far (upper bound, 2 sessions) + 6.00 Gy expected from 1500 MBq = 13.00 Gy" in found.because
    turned = replace(facts, administered_activity_MBq={1: 1500.0, 2: 750.0})
    assert "+ 6.00 Gy expected from 1500 MBq" in line(judged(turned), "dose_limits:kidneys").because
    found = line(judged(replace(facts, next_activity_MBq=3000.0)), "dose_limits:kidneys")
    assert "+ 12.00 Gy expected from 3000 MBq" in found.because
    assert line(judged(replace(facts, administered_activity_MBq={2: 1500.0})), "dose_limits:kidneys").verdict is U


def test_one_session_without_dose_leaves_the_sum_undetermined_unless_the_rest_is_above_the_limit():
    facts = fit_participant(
        session=2,
        administered_activity_MBq={1: 1500.0, 2: 1500.0},
        doses=(dose("kidneys", 4.0), LIVER, dose("liver", 5.0, session=2)),
        examinations=tuple(examined("none", r, session=2) for r in ("oncologist", "nuclear_medicine_physician")),
    )
    assert line(judged(facts), "dose_limits:kidneys").verdict is U
    above = replace(facts, doses=(dose("kidneys", 24.0), *facts.doses[1:]))
    assert line(judged(above), "dose_limits:kidneys").verdict is S


def test_so_far_does_not_add_the_next_session():
    rules = protocol(dose_limits__judged="so_far")
    assert judged(rules=rules, doses=(LIVER, dose("kidneys", 23.0))).verdict is P
    assert judged(rules=rules, doses=(LIVER, dose("kidneys", 23.1))).verdict is S


def test_an_organ_with_a_limit_that_the_protocol_does_not_segment_is_never_proceed():
    rules = protocol(dose_limits__limits={"brain": {"absorbed_dose_Gy": 1, "citation": "test"}})
    assert judged(rules=rules).verdict is U


def test_the_maximum_number_of_sessions_stops():
    rules = protocol(sessions__maximum_sessions=1)
    decision = judged(rules=rules)
    assert decision.verdict is S
    assert decision.because == "1 of at most 1 sessions given"


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"dispositions": (Disposition("death", date(2024, 4, 1)),)}, S),
        ({"dispositions": (Disposition("withdrawal", date(2024, 4, 1)),)}, S),
        ({"dispositions": (Disposition("progression", date(2024, 4, 1)),)}, S),
        ({"dispositions": (Disposition("lost_to_follow_up", date(2024, 4, 1)),)}, S),
        ({"dispositions": (Disposition("withdrawal", date(2024, 5, 1)),)}, P),
        ({"dispositions": (Disposition("completed", date(2024, 4, 1)),)}, U),
        ({"dispositions": (Disposition("gate_stop", date(2024, 4, 1)),)}, U),
        ({"dispositions": (Disposition("completed", date(2024, 5, 1)),)}, P),
        ({"withdrawals": (Withdrawal(JUDGED_AT, "treatment"),)}, S),
        ({"withdrawals": (Withdrawal(JUDGED_AT, ""),)}, S),
        ({"withdrawals": (Withdrawal(JUDGED_AT, "data_use"),)}, U),
        ({"withdrawals": (Withdrawal(JUDGED_AT + timedelta(hours=1), "all"),)}, P),
        ({"withdrawals": (Withdrawal(BEFORE, "treatment", "", JUDGED_AT),)}, P),
        ({"withdrawals": (Withdrawal(BEFORE, "treatment", "", JUDGED_AT + timedelta(hours=1)),)}, S),
    ],
)
def test_who_left_the_trial_is_not_treated(changes, verdict):
    assert judged(**changes).verdict is verdict


def test_a_withdrawal_that_was_taken_back_is_told():
    gone = Withdrawal(BEFORE, "treatment", "record:x", JUDGED_AT - timedelta(days=1))
    (line,) = [one for one in judged(withdrawals=(gone,)).findings if one.clause_id == "sessions.ends_when"]
    assert "consent to treatment withdrawn on 2024-04-13 and given again on 2024-04-21" in line.because
    assert "record:x" in line.trace.inputs.values()


def test_progression_stops_only_where_the_protocol_says_so():
    rules = protocol(sessions__ends_when=["maximum_reached"])
    assert judged(rules=rules, dispositions=(Disposition("progression", date(2024, 4, 1)),)).verdict is P


def test_an_open_clause_is_undetermined():
    tree = PROTOCOL.model_dump()
    tree["safety_gate"] = {"decision": {"status": "open"}}
    rules = type(PROTOCOL).model_validate(tree)
    decision = judged(rules=rules)
    assert decision.verdict is U
    assert "open" in line(decision, "safety_gate").because


def test_a_gate_judged_before_the_injection_or_without_time_zone_is_refused():
    with pytest.raises(InputError, match="before that session"):
        retreatment_gate(PROTOCOL, fit_participant(), judged_at=INJECTED_AT - timedelta(days=1))
    with pytest.raises(InputError, match="time zone"):
        retreatment_gate(PROTOCOL, fit_participant(), judged_at=datetime(2024, 4, 22, 9))


def test_impossible_bounds_of_a_dose_are_refused():
    with pytest.raises(InputError, match="not possible"):
        dose("kidneys", -1.0)
    with pytest.raises(InputError, match="above upper"):
        dose("kidneys", 1.0, lower=2.0)
