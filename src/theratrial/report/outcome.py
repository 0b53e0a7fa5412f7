"""What a gate means to a reader: its verdict, or that treatment is complete."""

from __future__ import annotations

from typing import Final

from theratrial.results.values import GateResult

COMPLETE: Final = "complete"
FULL_NUMBER: Final = "sessions.maximum_sessions"


def gate_outcome(gate: GateResult) -> str:
    """The verdict; ``complete`` where the gate stops because the protocol's sessions have all been given.

    No next session was open to be stopped then, so what other clauses say is no stop of this participant.
    """
    full = any(finding.clause == FULL_NUMBER and finding.verdict == "stop" for finding in gate.findings)
    return COMPLETE if full else gate.verdict
