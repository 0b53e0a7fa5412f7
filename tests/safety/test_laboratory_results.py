"""Results over time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.safety import LaboratoryResult, graded, latest, nadir, with_baselines, worst

DAY_0 = datetime(2024, 1, 1, 8, tzinfo=UTC)


def platelets(day, value, unit="10^9/L", lower=150.0):
    return LaboratoryResult("platelets", value, unit, lower, 400, DAY_0 + timedelta(days=day))


COURSE = [platelets(0, 220), platelets(14, 140), platelets(28, 70), platelets(35, 48), platelets(42, 90)]


def test_nadir_and_worst_grade_are_found_in_their_window():
    assert nadir(COURSE, "platelets").value == 48
    found = worst(COURSE, "platelets", "5.0")
    assert (found.result.value, found.grade.grade) == (48, 3)
    early = DAY_0 + timedelta(days=28)
    assert nadir(COURSE, "platelets", end=early).value == 70
    assert worst(COURSE, "platelets", "5.0", end=early).grade.grade == 2


@given(st.permutations(COURSE))
def test_the_order_of_lines_does_not_matter(course):
    assert nadir(course, "platelets") == COURSE[3]
    assert worst(course, "platelets", "5.0").result == COURSE[3]
    assert latest(course, "platelets", at=DAY_0 + timedelta(days=36)) == (COURSE[3],)


def test_two_results_of_one_instant_are_both_latest():
    at = DAY_0 + timedelta(days=42)
    assert len(latest([*COURSE, platelets(42, 10)], "platelets", at=at)) == 2


def test_nothing_is_not_a_nadir_and_ungradable_is_not_grade_0():
    assert nadir([], "platelets") is None
    assert worst([platelets(0, 140, unit="?")], "platelets", "5.0") is None


def test_mixed_units_have_no_nadir():
    with pytest.raises(InputError, match="one unit"):
        nadir([platelets(0, 140), platelets(7, 90_000, unit="/uL")], "platelets")


def test_a_result_without_time_zone_is_refused():
    with pytest.raises(InputError, match="time zone"):
        LaboratoryResult("platelets", 1, "10^9/L", None, None, datetime(2024, 1, 1))


def creatinine(day, value, unit="umol/L"):
    return LaboratoryResult("creatinine", value, unit, 45, 90, DAY_0 + timedelta(days=day), f"record:{day}")


def test_the_baseline_is_the_last_value_before_the_first_administration():
    first = DAY_0 + timedelta(days=7)
    found = with_baselines([creatinine(0, 60), creatinine(6, 70), creatinine(7, 75), creatinine(30, 120)], first)
    assert {(one.baseline, one.baseline_record) for one in found} == {(70, "record:6")}
    assert graded(found[-1], "5.0").grade.grade == 2  # 120 is more than 1.5 x 70 and at most 3 x 70


def test_without_treatment_or_with_two_answers_of_one_instant_there_is_no_baseline():
    twice = [creatinine(6, 70), creatinine(6, 80), creatinine(30, 120)]
    assert {one.baseline for one in with_baselines(twice, DAY_0 + timedelta(days=7))} == {None}
    assert {one.baseline for one in with_baselines(twice, None)} == {None}
    assert {one.baseline for one in with_baselines([creatinine(30, 120)], DAY_0)} == {None}
