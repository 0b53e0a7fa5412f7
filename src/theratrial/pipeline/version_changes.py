"""What another CTCAE version would change for one participant: grades, and gates judged again without side effect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from theratrial.gates import Finding, GateFacts, Verdict, combined
from theratrial.gates.laboratory import laboratory_findings
from theratrial.pipeline.gate_moment import gate_moment
from theratrial.protocol.clauses import Clause
from theratrial.protocol.schema import SafetyGate
from theratrial.results.toxicity import GateChange, GradeChange
from theratrial.results.values import GateResult, ParticipantResult
from theratrial.safety import LaboratoryResult, PatientSample, Sample, version_impact
from theratrial.safety.terms import CTCAE_VERSIONS, known_tests, rests_on_baseline
from theratrial.trialfolder.records import Row, TrialFolder


def compared_versions(folder: TrialFolder) -> tuple[str, str] | None:
    """The version of the protocol's gate and the other one; None where the gate is open."""
    gate = folder.protocol.safety_gate.reading
    if gate is None:
        return None
    return gate.ctcae_version, next(one for one in CTCAE_VERSIONS if one != gate.ctcae_version)


def grade_changes(
    participant_id: str, laboratory: Iterable[LaboratoryResult], versions: tuple[str, str]
) -> tuple[tuple[GradeChange, ...], int]:
    """Values that the other version grades differently, and how many were compared."""
    known = known_tests()
    samples = [
        PatientSample(participant_id, one.test, _sample(one, versions), one.collected_at, one.record)
        for one in laboratory
        if one.test in known
    ]
    found = version_impact(samples, versions=versions)
    changes = [
        GradeChange(
            test=one.of.test,
            term=next(of.term for of in (one.first, one.second) if of is not None),
            collected_at=one.of.collected_at,
            first=None if one.first is None else one.first.grade,
            second=None if one.second is None else one.second.grade,
            because="; ".join(
                f"CTCAE {version}: {'no term' if of is None else of.why}"
                for version, of in zip(versions, (one.first, one.second), strict=True)
            ),
        )
        for one in found.grades
    ]
    return tuple(changes), found.values


def _sample(one: LaboratoryResult, versions: tuple[str, str]) -> Sample:
    asked = any(rests_on_baseline(one.test, version) for version in versions)
    baseline = one.baseline if asked else None
    return Sample(one.value, one.unit, one.lower_limit, one.upper_limit, baseline, baseline_unit=one.baseline_unit)


def gate_changes(
    folder: TrialFolder,
    result: ParticipantResult,
    laboratory: tuple[LaboratoryResult, ...],
    versions: tuple[str, str],
    *,
    cut_off: datetime,
) -> tuple[tuple[GateChange, ...], int]:
    """Gates that the other version decides differently, and how many were compared.

    Only the lines of laboratory tests depend on the version: they are judged again at the moment of the gate. All
    others stay as they were found; adverse events keep the grade that a physician gave them.
    """
    clause, therapy = folder.protocol.safety_gate, folder.protocol.sessions.reading
    if clause.reading is None or therapy is None:
        return (), 0
    other = clause.model_copy(update={"reading": clause.reading.model_copy(update={"ctcae_version": versions[1]})})
    rows = sorted(
        folder.rows("administrations", participant_id=result.participant_id, product_id=therapy.product),
        key=lambda row: row["injected_at"],
    )
    changes, count = [], 0
    for index, (session, row) in enumerate(zip(result.sessions, rows, strict=True)):
        if session.gate is None:
            continue
        count += 1
        following = rows[index + 1] if index + 1 < len(rows) else None
        at = gate_moment(folder, result.participant_id, session.session, row, following, cut_off)
        again = _again(other, row, result.participant_id, laboratory, at)
        if (change := _change(session.gate, again, versions)) is not None:
            changes.append(change)
    return tuple(changes), count


def _again(
    clause: Clause[SafetyGate], row: Row, participant_id: str, laboratory: tuple[LaboratoryResult, ...], at: datetime
) -> Mapping[str, Finding]:
    facts = GateFacts(
        participant_id=participant_id,
        session=row["session"],
        injected_at=row["injected_at"],
        administered_activity_MBq={},
        sex="other",
        visit_anchor_on=None,
        laboratory=laboratory,
    )
    local = at.astimezone(facts.injected_at.tzinfo)
    return {one.clause_id: one for one in laboratory_findings(clause, facts, local)}


def _change(gate: GateResult, again: Mapping[str, Finding], versions: tuple[str, str]) -> GateChange | None:
    touched = [one for one in gate.findings if one.clause in again and again[one.clause].verdict.value != one.verdict]
    second = combined(
        again.get(one.clause)
        or Finding(one.clause, one.title, Verdict(one.verdict), one.because, {}, one.trace, one.informs_only)
        for one in gate.findings
    )
    if second.value == gate.verdict:
        return None
    because = "; ".join(
        f"{one.title}: {one.verdict} under CTCAE {versions[0]}, {again[one.clause].verdict} under {versions[1]}"
        f" ({again[one.clause].because})"
        for one in touched
    )
    return GateChange(gate.after_session, gate.verdict, second.value, because)
