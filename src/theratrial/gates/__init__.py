"""May the next session be given? Proceed, stop or undetermined, clause by clause, and why."""

from theratrial.gates.facts import (
    AdverseEvent,
    Disposition,
    Examination,
    GateFacts,
    GateVisit,
    LimitProbability,
    PregnancyTest,
    SessionDose,
    Withdrawal,
)
from theratrial.gates.findings import Finding, GateDecision, Verdict, combined
from theratrial.gates.gate import retreatment_gate
from theratrial.gates.records import gate_facts, laboratory_results, session_dose

__all__ = [
    "AdverseEvent",
    "Disposition",
    "Examination",
    "Finding",
    "GateDecision",
    "GateFacts",
    "GateVisit",
    "LimitProbability",
    "PregnancyTest",
    "SessionDose",
    "Verdict",
    "Withdrawal",
    "combined",
    "gate_facts",
    "laboratory_results",
    "retreatment_gate",
    "session_dose",
]
