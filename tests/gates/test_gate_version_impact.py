"""The gate under another version of CTCAE: whose next session would be judged otherwise."""

from gate_cast import JUDGED_AT, fit_participant, lab, protocol

from theratrial.gates import retreatment_gate
from theratrial.safety import PatientSample, Sample, version_impact

PEOPLE = {
    "P01": fit_participant(adverse_events=()),
    "P02": fit_participant(
        adverse_events=(), laboratory=(lab("platelets", 20), lab("haemoglobin", 118, lower=120, unit="g/L"))
    ),
    "P03": fit_participant(
        adverse_events=(), laboratory=(lab("platelets", 60), lab("haemoglobin", 118, lower=120, unit="g/L"))
    ),
}
RULES = {
    version: protocol(
        safety_gate__ctcae_version=version,
        safety_gate__laboratory=[
            {"test": "platelets", "maximum_grade": 3},
            {"test": "haemoglobin", "maximum_grade": 2},
        ],
    )
    for version in ("5.0", "6.0")
}


def decide(patient, version):
    decision = retreatment_gate(RULES[version], PEOPLE[patient], judged_at=JUDGED_AT)
    return {"session 2": decision.verdict.value}


def test_only_the_participant_whose_count_lies_between_both_tables_is_judged_otherwise():
    """Platelets of 20 are grade 4 in version 5.0 and grade 3 in version 6.0 (NCI); the gate here allows grade 3."""
    samples = [
        PatientSample(patient, one.test, Sample(one.value, one.unit, one.lower_limit), one.collected_at, one.record)
        for patient, facts in PEOPLE.items()
        for one in facts.laboratory
    ]
    found = version_impact(samples, decide=decide)
    assert [(one.patient, one.decision, one.first, one.second) for one in found.decisions] == [
        ("P02", "session 2", "stop", "proceed")
    ]
    assert found.patients_affected == ("P02",)
    assert [(one.of.record, one.first.grade, one.second.grade) for one in found.grades] == [("record:platelets", 4, 3)]
