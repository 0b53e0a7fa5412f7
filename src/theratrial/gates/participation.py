"""Clauses of conduct: the gate visit and its window, the number of sessions, withdrawal and other ends."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from theratrial.gates.facts import GateFacts, Withdrawal
from theratrial.gates.findings import Finding, Verdict, traced
from theratrial.protocol.clauses import Clause
from theratrial.protocol.schema import SafetyGate, Sessions, Visit

_ENDS_TREATMENT: Final = frozenset({"withdrawal", "death", "lost_to_follow_up", "screen_failure"})
_OVER: Final = frozenset({"completed", "gate_stop"})
"""Ends that forbid no session by themselves, but whoever has one recorded is not waiting for the next."""
_ENDING_KINDS: Final = frozenset({"treatment", "all", ""})


def visit_finding(
    gate_clause: Clause[SafetyGate], visit_clause: Clause[Visit] | None, facts: GateFacts, today: date
) -> Finding:
    """Whether the gate visit took place inside its window.

    Outside the window is undetermined and not stop: the window says when toxicity can be judged, and whether a visit
    before or after it can replace the planned one is a question for the physicians.
    """
    gate = gate_clause.reading
    assert gate is not None
    clauses = {"safety_gate": gate_clause}
    if visit_clause is not None:
        clauses[f"schedule.{gate.visit}"] = visit_clause  # type: ignore[assignment]
    verdict, because = _visited(gate, visit_clause.reading if visit_clause else None, facts, today)
    visit = facts.visit
    return Finding(
        f"schedule.{gate.visit}",
        f"Visit: {gate.visit.replace('_', ' ')}",
        verdict,
        because,
        {"status": visit.status, "on": str(visit.occurred_on)} if visit else {},
        traced("visit", clauses, {"visit": visit.record} if visit and visit.record else {}),
    )


def _visited(gate: SafetyGate, plan: Visit | None, facts: GateFacts, today: date) -> tuple[Verdict, str]:
    visit = facts.visit
    if plan is None:
        return Verdict.UNDETERMINED, f"the protocol's schedule does not say when visit {gate.visit} is due"
    if visit is None or (visit.occurred_on is not None and visit.occurred_on > today):
        return Verdict.UNDETERMINED, f"visit {gate.visit} is not recorded up to {today}"
    if visit.status == "missed" or visit.occurred_on is None:
        return (
            Verdict.UNDETERMINED,
            f"visit {gate.visit} was {'missed' if visit.status == 'missed' else 'done, without date'}",
        )
    if facts.visit_anchor_on is None:
        return Verdict.UNDETERMINED, f"the day from which visit {gate.visit} counts ({plan.anchor}) is not known"
    day = (visit.occurred_on - facts.visit_anchor_on).days
    window = f"{plan.window_days.minimum:g} to {plan.window_days.maximum:g} days after {plan.anchor.replace('_', ' ')}"
    if not plan.window_days.holds(day):
        return Verdict.UNDETERMINED, f"visit {gate.visit} was on day {day}, outside {window}"
    return Verdict.PROCEED, f"visit {gate.visit} was on day {day}, inside {window}"


def sessions_finding(clause: Clause[Sessions], facts: GateFacts) -> Finding:
    """Whether the protocol allows one more session."""
    sessions = clause.reading
    assert sessions is not None
    reached = facts.session >= sessions.maximum_sessions
    return Finding(
        "sessions.maximum_sessions",
        "Number of sessions",
        Verdict.STOP if reached else Verdict.PROCEED,
        f"{facts.session} of at most {sessions.maximum_sessions} sessions given",
        {"given": str(facts.session), "maximum": str(sessions.maximum_sessions)},
        traced("sessions", {"sessions": clause}, {}),
    )


def participation_finding(clause: Clause[Sessions], facts: GateFacts, judged_at: datetime) -> Finding:
    """Withdrawal, death, loss to follow-up, and progression where the protocol ends treatment by it."""
    sessions = clause.reading
    assert sessions is not None
    today = judged_at.date()
    ending = set(_ENDS_TREATMENT)
    if "progression" in sessions.ends_when:
        ending.add("progression")
    ended = [d for d in facts.dispositions if d.occurred_on <= today and d.event in ending]
    over = [d for d in facts.dispositions if d.occurred_on <= today and d.event in _OVER]
    told = [w for w in facts.withdrawals if w.withdrawn_at <= judged_at]
    withdrawn = [w for w in told if w.taken_back_at is None or judged_at < w.taken_back_at]
    stopping = [w for w in withdrawn if w.kind in _ENDING_KINDS]
    if ended or stopping:
        verdict = Verdict.STOP
        because = "; ".join(
            [f"{d.event.replace('_', ' ')} on {d.occurred_on}" for d in ended]
            + [f"consent to {w.kind or 'the trial'} withdrawn on {w.withdrawn_at.date()}" for w in stopping]
        )
    elif withdrawn or over:
        verdict = Verdict.UNDETERMINED
        because = "; ".join(
            [
                f"consent to {w.kind.replace('_', ' ')} withdrawn on {w.withdrawn_at.date()}; does treatment go on?"
                for w in withdrawn
            ]
            + [f"{d.event.replace('_', ' ')} recorded on {d.occurred_on}; does treatment go on?" for d in over]
        )
    else:
        verdict, because = Verdict.PROCEED, f"neither withdrawal nor another end recorded up to {today}"
        if told:
            because = "; ".join([*map(_taken_back, told), f"no other end recorded up to {today}"])
    places = [d.record for d in [*ended, *over]] + [w.record for w in told]
    return Finding(
        "sessions.ends_when",
        "Participation",
        verdict,
        because,
        {f"end {i}": f"{d.occurred_on} {d.event}" for i, d in enumerate([*ended, *over], 1)},
        traced("participation", {"sessions": clause}, {f"record {i}": p for i, p in enumerate(places, 1) if p}),
    )


def _taken_back(one: Withdrawal) -> str:
    again = one.taken_back_at.date() if one.taken_back_at else "?"
    return f"consent to {one.kind or 'the trial'} withdrawn on {one.withdrawn_at.date()} and given again on {again}"
