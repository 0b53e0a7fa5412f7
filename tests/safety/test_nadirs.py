"""Nadir and recovery of a count after a session."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.safety import LaboratoryResult, laboratory_grade
from theratrial.safety.nadirs import count_course, nadir_of, recovery_of, target_count

DAY_0 = datetime(2024, 1, 1, 8, tzinfo=UTC)


def platelets(day, value, unit="10^9/L", lower=150.0):
    return LaboratoryResult("platelets", value, unit, lower, 400, DAY_0 + timedelta(days=day), f"record:{day}")


def course(*counts, until=70, test="platelets", **more):
    results = [platelets(day, value, **more) for day, value in counts]
    return count_course(results, test, injected_at=DAY_0, until=DAY_0 + timedelta(days=until))


def test_the_course_is_from_after_the_injection_up_to_the_next_one():
    found = course((-3, 250), (0, 240), (14, 200), (70, 180), (71, 20))
    assert found.before.value == 240
    assert [one.value for one in found.counts] == [200, 180]


def test_the_true_nadir_lies_between_the_counts_on_both_sides_of_the_lowest():
    found = nadir_of(course((-1, 240), (14, 200), (28, 60), (42, 90)))
    assert (found.result.value, found.days, found.earliest_days, found.latest_days) == (60, 28, 14, 42)
    assert found.passed


def test_a_lowest_count_without_a_higher_one_after_it_may_not_be_the_nadir():
    assert not nadir_of(course((14, 200), (28, 60))).passed
    level = nadir_of(course((14, 200), (28, 60), (42, 60)))
    assert not level.passed
    assert math.isinf(level.latest_days)
    assert nadir_of(course()) is None


def test_recovery_is_the_first_count_of_the_allowed_grade_after_which_none_is_worse():
    """Platelets of grade 1 in version 5.0 end at 75 x 10^9/L (NCI)."""
    found = recovery_of(course((14, 200), (28, 40), (35, 80), (42, 70), (49, 76), (56, 120)), 1, "5.0")
    assert (found.state, found.days, found.earliest_days) == ("recovered", 49, 42)
    assert recovery_of(course((14, 200), (28, 40), (42, 74)), 1, "5.0").state == "not_recovered"
    assert recovery_of(course((14, 200), (28, 80)), 1, "5.0").state == "never_beyond"
    assert recovery_of(course(), 1, "5.0").state == "cannot_be_known"


def test_an_open_grade_leaves_recovery_open_only_where_it_matters():
    """Without a lower limit platelets of 80 are grade 0 or 1: enough for grade 1, open for grade 0."""
    counts = ((14, 200), (28, 80))
    assert recovery_of(course(*counts, lower=None), 1, "5.0").state == "never_beyond"
    assert recovery_of(course(*counts, lower=None), 0, "5.0").state == "cannot_be_known"


@pytest.mark.parametrize("version", ["5.0", "6.0"])
@pytest.mark.parametrize("maximum", [0, 1, 2])
@pytest.mark.parametrize(("test", "unit", "lower"), [("platelets", "/mm3", 150_000), ("neutrophils", "10^9/L", 1.8)])
def test_the_target_is_the_lowest_count_that_is_of_the_allowed_grade(version, maximum, test, unit, lower):
    one = LaboratoryResult(test, lower / 10, unit, lower, None, DAY_0)
    target = target_count(one, maximum, version)
    assert laboratory_grade(test, target, unit, lower, None, version).grade <= maximum
    assert laboratory_grade(test, target * 0.999, unit, lower, None, version).grade > maximum


def test_without_a_lower_limit_nobody_knows_the_target_of_grade_0():
    assert target_count(platelets(1, 50, lower=None), 0, "5.0") is None
    assert target_count(platelets(1, 50, unit="furlong"), 1, "5.0") is None


def test_mixed_units_have_no_nadir():
    mixed = [platelets(14, 200), platelets(28, 60_000, unit="/mm3")]
    with pytest.raises(InputError, match="one unit"):
        nadir_of(count_course(mixed, "platelets", injected_at=DAY_0, until=DAY_0 + timedelta(days=70)))


@given(st.lists(st.tuples(st.integers(1, 69), st.floats(1, 300)), min_size=1, max_size=8, unique_by=lambda c: c[0]))
def test_the_nadir_is_never_above_a_count_and_its_bounds_hold_it(counts):
    found = nadir_of(course(*counts))
    assert found.result.value == min(value for _, value in counts)
    assert found.earliest_days <= found.days <= found.latest_days
