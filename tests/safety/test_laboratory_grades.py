"""Grades of laboratory values: laws of the tables, missing parts, units, float noise."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.errors import SourceError
from theratrial.safety import BLOOD_COUNTS, VERSIONS, grade_scale, laboratory_grade

SCALES = [(version, *key) for version in VERSIONS for key in grade_scale(version)]
amounts = st.decimals(min_value=0, max_value=250, places=2)


def test_both_versions_grade_the_same_four_tests():
    assert {(v, t) for v, t, _ in SCALES} == {(v, t) for v in VERSIONS for t in BLOOD_COUNTS}


@pytest.mark.parametrize(("version", "test", "unit"), SCALES)
@given(amount=amounts, share=st.decimals(min_value=Decimal("1"), max_value=Decimal("3"), places=2))
def test_grades_partition_the_line(version, test, unit, amount, share):
    """Exactly one grade holds for every value, whatever the LLN, as long as it is not below the end of grade 1."""
    scale = grade_scale(version)[test, unit]
    top = next(i for i in scale.intervals if i.grade == 1).at_least.number
    holding = [i.grade for i in scale.intervals if i.holds(amount, top * share)]
    assert len(holding) == 1


@pytest.mark.parametrize(("version", "test", "unit"), SCALES)
def test_grades_change_exactly_at_the_printed_ends(version, test, unit):
    scale = grade_scale(version)[test, unit]
    lln = Decimal("180") if unit == "g/L" or test == "platelets" else Decimal("9")
    step = Decimal("0.01")
    for interval in scale.intervals:
        if interval.at_least is None:
            continue
        end = interval.at_least.value(lln)
        on = laboratory_grade(test, float(end), unit, float(lln), None, version).grade
        under = laboratory_grade(test, float(end - step), unit, float(lln), None, version).grade
        assert (on, under) == (interval.grade, interval.grade + 1)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("test", BLOOD_COUNTS)
@given(low=st.floats(0, 200), high=st.floats(0, 200), lln=st.one_of(st.none(), st.floats(0.1, 200)))
def test_a_lower_count_never_has_a_better_grade(version, test, low, high, lln):
    """Of white cells up to 100 x 10^9/L: above, they are leukocytosis."""
    low, high = sorted((low, high))
    if test == "white_cells":
        low, high = low / 2, high / 2
    unit = "g/L" if test == "haemoglobin" else "10^9/L"
    grades = [laboratory_grade(test, value, unit, lln, None, version).grade for value in (low, high)]
    if None not in grades:
        assert grades[0] >= grades[1]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("test", BLOOD_COUNTS)
@given(value=st.floats(0, 200), lln=st.floats(0.1, 200))
def test_a_missing_lower_limit_never_changes_a_grade_only_withholds_it(version, test, value, lln):
    unit = "g/L" if test == "haemoglobin" else "10^9/L"
    without = laboratory_grade(test, value, unit, None, None, version).grade
    if without is not None:
        assert without == laboratory_grade(test, value, unit, lln, None, version).grade


def test_values_are_compared_as_reported_not_as_binary_floats():
    noisy = sum([0.1] * 10)
    assert noisy < 1
    assert laboratory_grade("neutrophils", noisy, "10^9/L", 2, None, "5.0").grade == 2
    assert laboratory_grade("neutrophils", 999, "/mm3", 2000, None, "5.0").grade == 3


@pytest.mark.parametrize(
    ("value", "unit", "lower", "upper", "word"),
    [
        (49, "furlong", 100, 400, "unit"),
        (49, "", 100, 400, "unit"),
        (49, "g/L", 100, 400, "unit"),
        (None, "10^9/L", 100, 400, "no value"),
        (float("nan"), "10^9/L", 100, 400, "finite"),
        (-1, "10^9/L", 100, 400, "negative"),
        (49, "10^9/L", 400, 100, "not below"),
        (49, "10^9/L", float("inf"), None, "finite"),
        (250_000, "10^9/L", 100, 400, "believable"),
    ],
)
def test_what_cannot_be_graded_says_why_and_is_never_grade_0(value, unit, lower, upper, word):
    found = laboratory_grade("platelets", value, unit, lower, upper, "5.0")
    assert found.grade is None
    assert word in found.why


def test_an_unknown_test_has_no_grade_and_an_unknown_version_is_refused():
    assert laboratory_grade("troponin", 3, "10^9/L", 1, 2, "5.0").grade is None
    with pytest.raises(SourceError, match=r"4\.03.*5\.0, 6\.0"):
        laboratory_grade("platelets", 3, "10^9/L", 1, 2, "4.03")


def test_units_of_one_quantity_give_one_grade():
    for unit, value, lower in (("10^9/L", 49, 100), ("/uL", 49_000, 100_000), ("10^3/uL", 49, 100)):
        assert laboratory_grade("platelets", value, unit, lower, None, "5.0").grade == 3
    for unit, value, lower in (("g/L", 79, 120), ("g/dL", 7.9, 12), ("mmol/L", 4.8, 7.4)):
        assert laboratory_grade("haemoglobin", value, unit, lower, None, "6.0").grade == 3


def test_a_grade_names_its_table_and_what_a_physician_must_add():
    found = laboratory_grade("haemoglobin", 70, "g/L", 120, 160, "5.0")
    assert found.lab_only
    assert "transfusion" in found.clinician
    assert found.trace.inputs["table"].startswith("table:safety/ctcae_v5_0@5.0")
    assert "70 g/L is < 80" in found.why


def test_a_lower_limit_below_the_printed_scale_keeps_the_printed_grade():
    """A laboratory with LLN 1.2: 1.3 is grade 2 as version 5.0 prints it, although normal there."""
    assert laboratory_grade("neutrophils", 1.3, "10^9/L", 1.2, 7, "5.0").grade == 2


def test_without_a_lower_limit_the_worst_possible_grade_is_still_known():
    found = laboratory_grade("platelets", 80, "10^9/L", None, None, "5.0")
    assert (found.grade, found.at_most) == (None, 1)
    assert laboratory_grade("platelets", 80, "?", None, None, "5.0").at_most is None


def test_core_units_of_a_read_trial_folder_are_units_too():
    assert laboratory_grade("platelets", 49, "e9_per_L", 100, 400, "5.0").grade == 3
    assert laboratory_grade("haemoglobin", 79, "g_per_L", 120, 160, "5.0").grade == 3
