"""What the other CTCAE version would change: values regraded, gates judged again."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

from theratrial.gates.findings import Verdict
from theratrial.gates.laboratory import laboratory_findings
from theratrial.pipeline.version_changes import _again, _change, grade_changes
from theratrial.results.values import GateFinding, GateResult
from theratrial.safety import LaboratoryResult
from theratrial.trace import Trace

DAY_0 = datetime(2024, 1, 1, 8, tzinfo=UTC)
VERSIONS = ("5.0", "6.0")


def count(test, value, day=44, lower=1.8):
    return LaboratoryResult(test, value, "10^9/L", lower, None, DAY_0 + timedelta(days=day), f"record:{test}")


def clause(version, **limits):
    from theratrial.protocol.clauses import Clause
    from theratrial.protocol.schema import SafetyGate

    return Clause[SafetyGate].model_validate(
        {
            "verbatim": [],
            "reading": {
                "ctcae_version": version,
                "laboratory": [{"test": test, "maximum_grade": grade} for test, grade in limits.items()],
                "laboratory_maximum_age_days": 14,
                "maximum_adverse_event_grade": 1,
                "examiner_roles": ["oncologist"],
                "visit": "follow_up",
            },
            "decision": {"status": "demonstration", "why": "a test"},
        }
    )


def gate(first, verdict, *others):
    trace = Trace("m", "1")
    findings = tuple(
        GateFinding(one.clause_id, one.title, one.verdict.value, one.because, one.informs_only, trace) for one in first
    )
    return GateResult(1, date(2024, 2, 15), verdict, (*findings, *others), False, trace)


def changed(results, *others, verdict):
    at, facts = DAY_0 + timedelta(days=45), SimpleNamespace(laboratory=results, injected_at=DAY_0, session=1)
    first = tuple(laboratory_findings(clause("5.0", neutrophils=1), facts, at))
    row = {"session": 1, "injected_at": DAY_0}
    again = _again(clause("6.0", neutrophils=1), row, "P01", results, at)
    return _change(gate(first, verdict, *others), again, VERSIONS)


def test_neutrophils_of_1_2_stop_under_5_0_and_proceed_under_6_0():
    """NCI: < 1.5 - 1.0 is grade 2 in version 5.0 and grade 1 in version 6.0; this gate allows grade 1."""
    found = changed((count("neutrophils", 1.2),), verdict="stop")
    assert (found.first, found.second) == ("stop", "proceed")
    assert "stop under CTCAE 5.0, proceed under 6.0" in found.because


def test_a_line_that_no_version_grades_keeps_its_verdict_and_can_keep_the_gate():
    other = GateFinding("dose_limits", "Kidneys", "stop", "too much", False, Trace("m", "1"))
    assert changed((count("neutrophils", 1.2),), other, verdict="stop") is None
    informs = GateFinding("dose_limits", "Lesions", "stop", "much", True, Trace("m", "1"))
    assert changed((count("neutrophils", 1.2),), informs, verdict="stop").second == "proceed"
    assert changed((count("neutrophils", 2.0),), verdict=Verdict.PROCEED.value) is None


def test_every_value_that_is_graded_otherwise_is_listed_with_both_reasons():
    values = (count("neutrophils", 1.2), count("neutrophils", 2.0), count("haemoglobin", 110), count("troponin", 3))
    found, compared = grade_changes("P01", values, VERSIONS)
    assert compared == 3  # what neither version knows is not compared
    assert [(one.test, one.first, one.second) for one in found] == [("neutrophils", 2, 1)]
    assert "CTCAE 5.0: " in found[0].because
    assert "CTCAE 6.0: " in found[0].because
