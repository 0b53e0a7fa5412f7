"""What CTCAE 6.0 changes against 5.0, per value, patient, cohort and decision."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.safety import laboratory_grade
from theratrial.safety.samples import Sample
from theratrial.safety.version_impact import PatientSample, version_impact

DAY_0 = datetime(2024, 1, 1, 8, tzinfo=UTC)


def count(patient, test, value, day=0, lower=None):
    return PatientSample(patient, test, Sample(value, "10^9/L", lower), DAY_0 + timedelta(days=day), f"{patient}#{day}")


COHORT = [
    count("P-01", "neutrophils", 1.0, 30),  # the entry limit of the first trial: grade 2, then grade 1
    count("P-01", "platelets", 100, 30, lower=150),
    count("P-02", "platelets", 20, 28, lower=150),  # grade 4, then grade 3
    count("P-02", "platelets", 60, 42, lower=150),
    count("P-03", "platelets", 220, 28, lower=150),
    PatientSample("P-03", "haemoglobin", Sample(90, "g/L", 120)),
]


def gate(patient, version):
    """Proceeds up to grade 1 of neutrophils and up to grade 3 of platelets."""
    allowed = {"neutrophils": 1, "platelets": 3}
    fits = [
        laboratory_grade(one.test, one.sample.value, one.sample.unit, 150, None, version).grade <= allowed[one.test]
        for one in COHORT
        if one.patient == patient and one.test in allowed
    ]
    return {"session 2": "proceed" if all(fits) else "stop"}


def test_grades_that_differ_are_told_per_value_with_both_grades():
    found = version_impact(COHORT)
    assert [(one.of.record, one.first.grade, one.second.grade) for one in found.grades] == [
        ("P-01#30", 2, 1),
        ("P-02#28", 4, 3),
    ]
    assert [one.first.term for one in found.grades][1:] == ["Platelet count decreased"]
    assert found.moves() == {("neutrophils", "down", 2, 1): 1, ("platelets", "down", 4, 3): 1}
    assert (found.values, found.patients, found.patients_affected) == (6, ("P-01", "P-02", "P-03"), ("P-01", "P-02"))


def test_worst_grades_and_decisions_that_differ_are_told_per_patient():
    found = version_impact(COHORT, decide=gate)
    assert [(one.patient, one.test, one.first, one.second) for one in found.worst] == [
        ("P-01", "neutrophils", 2, 1),
        ("P-02", "platelets", 4, 3),
    ]
    assert [(one.patient, one.decision, one.first, one.second) for one in found.decisions] == [
        ("P-01", "session 2", "stop", "proceed"),
        ("P-02", "session 2", "stop", "proceed"),
    ]
    mine = found.of("P-02")
    assert (len(mine.grades), len(mine.decisions), mine.patients_affected) == (1, 1, ("P-02",))
    assert found.of("P-03").patients_affected == ()


def test_a_term_that_only_one_version_has_differs_where_it_grades():
    glucose = [PatientSample("P-01", "glucose", Sample(value, "mmol/L", 3.9, 5.6)) for value in (5.0, 15.0)]
    found = version_impact(glucose)
    assert [(one.of.sample.value, one.first, one.second.grade) for one in found.grades] == [(15.0, None, 3)]


def test_a_decision_named_under_one_version_only_is_refused():
    with pytest.raises(InputError, match="same decisions"):
        version_impact(COHORT, decide=lambda patient, version: {version: "proceed"})
    with pytest.raises(InputError, match="twice"):
        version_impact(COHORT, versions=("5.0", "5.0"))


@given(st.permutations(COHORT))
def test_the_order_of_values_changes_nothing(cohort):
    found, expected = version_impact(cohort, decide=gate), version_impact(COHORT, decide=gate)
    assert found.moves() == expected.moves()
    assert set(found.decisions) == set(expected.decisions)
    assert set(found.worst) == set(expected.worst)
    assert set(found.patients_affected) == set(expected.patients_affected)


@given(st.lists(st.floats(0.01, 10), max_size=20))
def test_swapping_the_versions_mirrors_the_impact(values):
    samples = [count("P-01", "neutrophils", value, lower=2.0) for value in values]
    there, back = version_impact(samples), version_impact(samples, versions=("6.0", "5.0"))
    assert {(t, d, b, a): n for (t, d, a, b), n in there.moves().items()} == back.moves()
