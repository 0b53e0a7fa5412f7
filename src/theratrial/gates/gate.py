"""The re-treatment gate. Method: docs/methods/gate.md."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from theratrial.errors import InputError
from theratrial.gates.doses import lesion_dose_finding, organ_dose_findings
from theratrial.gates.facts import GateFacts
from theratrial.gates.findings import Finding, GateDecision, Verdict, combined, traced
from theratrial.gates.laboratory import laboratory_findings
from theratrial.gates.participation import participation_finding, sessions_finding, visit_finding
from theratrial.gates.toxicity import adverse_event_finding, examination_findings, pregnancy_finding
from theratrial.protocol.clauses import Clause
from theratrial.protocol.schema import Protocol


def retreatment_gate(protocol: Protocol, facts: GateFacts, *, judged_at: datetime) -> GateDecision:
    """May the session after `facts.session` be given?

    Every clause is judged on its own, with its reason. One stop stops; else one undetermined leaves the decision
    undetermined; only a gate without either proceeds. Lesion doses only inform.

    Parameters
    ----------
    protocol
        Its clauses ``safety_gate``, ``dose_limits``, ``dose_regions``, ``sessions`` and the gate visit in ``schedule``.
        A clause that is still open makes its line undetermined.
    facts
        What is known of the participant; facts after `judged_at` are passed over.
    judged_at
        Moment of the decision, with time zone. Days are counted in the time zone of the injection.

    Raises
    ------
    InputError
        If `judged_at` has no time zone or lies before the injection of the session.
    """
    if judged_at.tzinfo is None:
        raise InputError("the gate is judged at a moment that carries its time zone")
    if judged_at < facts.injected_at:
        raise InputError(
            f"{facts.participant_id}: the gate after session {facts.session} is judged at {judged_at}, before that "
            f"session was injected at {facts.injected_at}"
        )
    findings = tuple(_findings(protocol, facts, judged_at))
    clauses: dict[str, Clause[Any]] = {
        "safety_gate": protocol.safety_gate,
        "dose_limits": protocol.dose_limits,
        "sessions": protocol.sessions,
    }
    inputs = {f"finding {finding.clause_id}": f"value:{finding.clause_id}" for finding in findings}
    return GateDecision(
        facts.participant_id,
        facts.session,
        combined(findings),
        findings,
        judged_at,
        traced("retreatment_gate", clauses, inputs),
    )


def _findings(protocol: Protocol, facts: GateFacts, judged_at: datetime) -> Iterator[Finding]:
    local = judged_at.astimezone(facts.injected_at.tzinfo)
    today = local.date()
    gate = protocol.safety_gate
    if gate.reading is None:
        yield _open("safety_gate", gate)
    else:
        yield from laboratory_findings(gate, facts, local)
        yield adverse_event_finding(gate, facts, today)
        visit = protocol.schedule.get(gate.reading.visit)
        yield from examination_findings(gate, visit.reading if visit else None, facts, today)
        yield visit_finding(gate, visit, facts, today)
        if (pregnancy := pregnancy_finding(gate, facts, today)) is not None:
            yield pregnancy
    if protocol.dose_limits.reading is None:
        yield _open("dose_limits", protocol.dose_limits)
    else:
        yield from organ_dose_findings(protocol.dose_limits, protocol.dose_regions, protocol.sessions, facts)
        if (lesions := lesion_dose_finding(protocol.dose_limits, facts)) is not None:
            yield lesions
    if protocol.sessions.reading is None:
        yield _open("sessions", protocol.sessions)
    else:
        yield sessions_finding(protocol.sessions, facts)
        yield participation_finding(protocol.sessions, facts, local)


def _open(path: str, clause: Clause[Any]) -> Finding:
    return Finding(
        path,
        path.replace("_", " ").capitalize(),
        Verdict.UNDETERMINED,
        f"clause {path} of the protocol is open: nobody decided how it is read",
        {},
        traced("open_clause", {path: clause}, {}),
    )
