"""What hinders a protocol: errors in it as data, open conflicts, answers that are only the demonstration's."""

from __future__ import annotations

from collections.abc import Iterator

from theratrial.protocol.clauses import DecisionStatus
from theratrial.protocol.findings import Finding, Severity, Surroundings, clause_paths, clauses
from theratrial.protocol.plan_references import plan_findings
from theratrial.protocol.references import reference_findings
from theratrial.protocol.schema import Protocol
from theratrial.protocol.timing import timing_findings

__all__ = ["Finding", "Severity", "Surroundings", "demonstration_clauses", "protocol_findings"]

_ORDER = list(Severity)


def protocol_findings(protocol: Protocol, surroundings: Surroundings | None = None) -> tuple[Finding, ...]:
    """Everything a check has to say, the gravest first.

    Assumes nothing of the protocol but that it was read; clauses still open are passed over where a rule needs their
    reading.

    Parameters
    ----------
    protocol
        The protocol.
    surroundings
        Record tables and gradeable tests; None leaves the rules on them unjudged.
    """
    found = [
        *reference_findings(protocol, surroundings or Surroundings()),
        *plan_findings(protocol, surroundings or Surroundings()),
        *timing_findings(protocol),
        *_decisions(protocol),
    ]
    return tuple(sorted(found, key=lambda finding: _ORDER.index(finding.severity)))


def _decisions(protocol: Protocol) -> Iterator[Finding]:
    for index, conflict in enumerate(protocol.conflicts):
        path, status = f"conflicts[{index}]", conflict.decision.status
        if status is DecisionStatus.OPEN:
            remedy = "decide: answer, decision by whom, on which date and why"
            yield Finding(
                "open_conflict",
                Severity.OPEN,
                path,
                f"{conflict.title}: {conflict.question}",
                remedy,
                conflict.sentences,
            )
        elif status is DecisionStatus.DEMONSTRATION:
            message = f"{conflict.title}: {conflict.answer}"
            yield Finding(
                "demonstration_conflict",
                Severity.DEMONSTRATION,
                path,
                message,
                conflict.decision.why,
                conflict.sentences,
            )
    for path, clause in clauses(protocol):
        if clause.decision.status is DecisionStatus.OPEN:
            why = clause.decision.why or clause.note or "its reading is not settled"
            yield Finding("open_clause", Severity.OPEN, path, why, "give its reading and a decision", clause.verbatim)
        elif clause.decision.status is DecisionStatus.DEMONSTRATION:
            yield Finding(
                "demonstration_clause", Severity.DEMONSTRATION, path, clause.decision.why, sentences=clause.verbatim
            )
    if not protocol.ethics:
        message = "no ethics committee has approved the trial"
        yield Finding("no_ethics_approval", Severity.OPEN, "ethics", message, "add the approval with its reference")


def demonstration_clauses(protocol: Protocol) -> tuple[str, ...]:
    """Paths of the clauses that rest on a demonstration decision: their own, or that of a conflict affecting them.

    For `Trace.demonstration`; sorted.

    Examples
    --------
    >>> from theratrial.protocol.reader import shipped_protocol
    >>> "sessions" in demonstration_clauses(shipped_protocol("IRCT20210612051548N3"))
    True
    """
    own = {path for path, clause in clauses(protocol) if clause.decision.status is DecisionStatus.DEMONSTRATION}
    for conflict in protocol.conflicts:
        if conflict.decision.status is DecisionStatus.DEMONSTRATION:
            own.update(path for affected in conflict.affects for path in clause_paths(protocol, affected))
    return tuple(sorted(own))
