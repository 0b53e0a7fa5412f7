"""Laboratory clauses of the gate: the latest value of each test, its age and its grade."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from theratrial.gates.facts import GateFacts
from theratrial.gates.findings import Finding, Verdict, elapsed_said, traced
from theratrial.protocol.clauses import Clause
from theratrial.protocol.schema import GradeLimit, SafetyGate
from theratrial.safety import GradedResult, graded, latest
from theratrial.safety.terms import rests_on_baseline
from theratrial.units import converted


def laboratory_findings(clause: Clause[SafetyGate], facts: GateFacts, judged_at: datetime) -> Iterator[Finding]:
    """One finding per test that the gate names."""
    assert clause.reading is not None
    for limit in clause.reading.laboratory:
        yield _judged(clause, clause.reading, limit, facts, judged_at)


def _judged(
    clause: Clause[SafetyGate], gate: SafetyGate, limit: GradeLimit, facts: GateFacts, judged_at: datetime
) -> Finding:
    newest = [graded(result, gate.ctcae_version) for result in latest(facts.laboratory, limit.test, at=judged_at)]
    inputs: dict[str, str] = {"maximum grade": str(limit.maximum_grade)}
    traces: dict[str, str] = {}
    if not newest:
        verdict = Verdict.UNDETERMINED
        because = f"no {limit.test} result up to {judged_at.date()}"
    else:
        # Two results of one instant: the worse one counts, and what is not gradable counts as the worst.
        one = max(newest, key=lambda item: _rank(item, limit))
        age_h = converted((judged_at - one.result.collected_at).total_seconds(), "s", "h")
        verdict, because = _verdict(one, limit, gate, facts, age_h)
        inputs |= {
            "value": f"{one.result.value:g} {one.result.unit}",
            "collected": one.result.collected_at.isoformat(),
            "age": elapsed_said(age_h),
            "grade": "not gradable" if one.grade.grade is None else str(one.grade.grade),
            "grade rests on": "the laboratory value alone",
        }
        traces = {f"grade {name}": place for name, place in one.grade.trace.inputs.items()}
        traces |= {f"result {i}": item.result.record for i, item in enumerate(newest, 1) if item.result.record}
        if one.result.baseline is not None and rests_on_baseline(limit.test, gate.ctcae_version):
            inputs["baseline"] = f"{one.result.baseline:g} {one.result.baseline_unit}"
            traces |= {"baseline": one.result.baseline_record} if one.result.baseline_record else {}
    return Finding(
        f"safety_gate.laboratory:{limit.test}",
        f"Laboratory: {limit.test.replace('_', ' ')}",
        verdict,
        because,
        inputs,
        traced("laboratory", {"safety_gate": clause}, traces),
    )


def _rank(item: GradedResult, limit: GradeLimit) -> tuple[bool, int]:
    at_most = item.grade.at_most
    sure_stop = item.grade.grade is not None and item.grade.grade > limit.maximum_grade
    return sure_stop, 9 if at_most is None else at_most


def _verdict(
    one: GradedResult, limit: GradeLimit, gate: SafetyGate, facts: GateFacts, age_h: float
) -> tuple[Verdict, str]:
    grade = one.grade
    said = f"{grade.why}, {elapsed_said(age_h)}"
    allowed = f"allowed is grade {limit.maximum_grade} (CTCAE {gate.ctcae_version})"
    if one.result.collected_at < facts.injected_at:
        return Verdict.UNDETERMINED, f"{limit.test}: the latest result is from before session {facts.session}"
    if age_h / 24 > gate.laboratory_maximum_age_days:
        return (
            Verdict.UNDETERMINED,
            f"{said}; older than the {gate.laboratory_maximum_age_days:g} days that count",
        )
    if grade.grade is not None and grade.grade > limit.maximum_grade:
        return Verdict.STOP, f"{said}: grade {grade.grade}, {allowed}"
    if grade.at_most is None or grade.at_most > limit.maximum_grade:
        return Verdict.UNDETERMINED, f"{said}: no grade; {allowed}"
    shown = f"grade {grade.grade}" if grade.grade is not None else f"at most grade {grade.at_most}"
    return Verdict.PROCEED, f"{said}: {shown}, {allowed}"
