"""What a gate says: findings clause by clause, and the decision they combine to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from theratrial.protocol.clauses import Clause, DecisionStatus
from theratrial.trace import Trace

METHOD_VERSION: Final = "2"
_HOURS_OF_A_DAY: Final = 24


class Verdict(StrEnum):
    """Whether the next session may be given."""

    PROCEED = "proceed"
    STOP = "stop"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the gate.

    `clause_id` is the path of the protocol's clause and, after a colon, what of it is judged
    (``safety_gate.laboratory:platelets``). `inputs` names what was looked at as plain text, value by value.
    """

    clause_id: str
    title: str
    verdict: Verdict
    because: str
    inputs: Mapping[str, str]
    trace: Trace
    informs_only: bool = False
    """Shown to the physicians, never part of the verdict."""

    def __post_init__(self) -> None:
        if not self.because:
            raise ValueError("a finding says why")


@dataclass(frozen=True, slots=True)
class GateDecision:
    """May `participant_id` receive the session after `session`? Computed; physicians sign."""

    participant_id: str
    session: int
    """The session that was given last."""
    verdict: Verdict
    findings: tuple[Finding, ...]
    judged_at: datetime
    trace: Trace

    @property
    def because(self) -> str:
        """The reasons of the verdict in one line."""
        deciding = [f.because for f in self.findings if not f.informs_only and f.verdict is self.verdict]
        if self.verdict is Verdict.PROCEED:
            return f"all {len(deciding)} clauses of the gate allow the next session"
        return "; ".join(deciding)


def combined(findings: Iterable[Finding]) -> Verdict:
    """One stop stops; else one undetermined leaves it undetermined; nothing judged is undetermined too."""
    verdicts = {finding.verdict for finding in findings if not finding.informs_only}
    if Verdict.STOP in verdicts:
        return Verdict.STOP
    if Verdict.UNDETERMINED in verdicts or not verdicts:
        return Verdict.UNDETERMINED
    return Verdict.PROCEED


def traced(method: str, clause_ids: Mapping[str, Clause[Any]], inputs: Mapping[str, str]) -> Trace:
    """Trace of a finding over clauses (path -> clause) and the records or values looked at."""
    demonstration = tuple(
        path for path, clause in clause_ids.items() if clause.decision.status is DecisionStatus.DEMONSTRATION
    )
    named = {f"clause {path}": f"protocol:{path}" for path in clause_ids}
    return Trace(f"gates.{method}", METHOD_VERSION, {**named, **inputs}, demonstration=demonstration)


def age_said(days: int) -> str:
    """How many calendar days old something is, for a sentence: ``1 day old``."""
    return "of the same day" if days == 0 else f"{days} day{'' if days == 1 else 's'} old"


def elapsed_said(age_h: float) -> str:
    """How long ago something of a known hour was, for a sentence: ``14 hours old``, ``13.9 days old``."""
    if age_h < 1:
        return "less than an hour old"
    if (hours := round(age_h)) < _HOURS_OF_A_DAY:
        return f"{hours} hour{'' if hours == 1 else 's'} old"
    days = f"{age_h / _HOURS_OF_A_DAY:.1f}".removesuffix(".0")
    return f"{days} day{'' if days == '1' else 's'} old"
