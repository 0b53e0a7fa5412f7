"""Clinical clauses of the gate: adverse events, examinations, pregnancy."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from theratrial.gates.facts import AdverseEvent, Examination, GateFacts
from theratrial.gates.findings import Finding, Verdict, age_said, traced
from theratrial.protocol.clauses import Clause
from theratrial.protocol.schema import SafetyGate, Visit


def _places(name: str, records: list[str]) -> dict[str, str]:
    return {f"{name} {i}": record for i, record in enumerate(records, 1) if record}


def adverse_event_finding(clause: Clause[SafetyGate], facts: GateFacts, today: date) -> Finding:
    """Events that last, by grade and by their relation to the treatment."""
    gate = clause.reading
    assert gate is not None
    known = [event for event in facts.adverse_events if event.started_on <= today]
    lasting = [e for e in known if e.ended_on is None or e.ended_on > today or e.grade == 5]
    judged = [(event, *_event_verdict(event, gate)) for event in lasting]
    stops = [text for _, verdict, text in judged if verdict is Verdict.STOP]
    open_ones = [text for _, verdict, text in judged if verdict is Verdict.UNDETERMINED]
    if stops:
        verdict, because = Verdict.STOP, "; ".join(stops)
    elif open_ones:
        verdict, because = Verdict.UNDETERMINED, "; ".join(open_ones)
    elif lasting:
        verdict = Verdict.PROCEED
        because = "; ".join(text for _, _, text in judged)
    else:
        verdict = Verdict.PROCEED
        because = f"no unresolved adverse event among {len(known)} recorded"
    return Finding(
        "safety_gate.adverse_events",
        "Adverse events",
        verdict,
        because,
        {"recorded": str(len(known)), "unresolved": str(len(lasting))},
        traced("adverse_events", {"safety_gate": clause}, _places("event", [e.record for e in lasting])),
    )


def _event_verdict(event: AdverseEvent, gate: SafetyGate) -> tuple[Verdict, str]:
    said = f"{event.term}, grade {event.grade if event.grade is not None else 'not recorded'}, since {event.started_on}"
    highest = gate.maximum_adverse_event_grade
    if event.grade == 5:
        return Verdict.STOP, f"{said}: death"
    if event.related == "not_related":
        return Verdict.PROCEED, f"{said}: not related to the treatment"
    if event.grade is not None and event.grade <= highest and event.ctcae_version == gate.ctcae_version:
        return Verdict.PROCEED, f"{said}: allowed up to grade {highest}"
    if event.grade is None:
        return Verdict.UNDETERMINED, f"{said}: no grade to compare with the allowed {highest}"
    if event.grade <= highest:
        return (
            Verdict.UNDETERMINED,
            f"{said}: graded by CTCAE {event.ctcae_version}, the gate reads {gate.ctcae_version}",
        )
    if event.related == "not_assessed":
        return Verdict.UNDETERMINED, f"{said}: above the allowed {highest}, its relation to the treatment not assessed"
    return Verdict.STOP, f"{said}, related: allowed up to grade {highest}"


def examination_findings(
    clause: Clause[SafetyGate], visit: Visit | None, facts: GateFacts, today: date
) -> Iterator[Finding]:
    """One finding per role that must examine, and one if somebody else found toxicity.

    An examination outside the window of `visit` finds toxicity but cannot rule it out.
    """
    gate = clause.reading
    assert gate is not None
    at_visit = [
        e
        for e in facts.examinations
        if e.visit_id == gate.visit
        and e.session == facts.session
        and facts.injected_at.date() <= e.examined_on <= today
    ]
    for role in gate.examiner_roles:
        own = [e for e in at_visit if e.examiner_role == role]
        verdict, because = _examined(role, own, [e for e in own if _in_window(e, visit, facts)], gate)
        yield _examination(clause, role, verdict, because, own)
    others = [e for e in at_visit if e.examiner_role not in gate.examiner_roles and e.toxicity == "present"]
    for role in sorted({e.examiner_role for e in others}):
        own = [e for e in others if e.examiner_role == role]
        yield _examination(clause, role, Verdict.STOP, f"{_role(role)} found toxicity on {own[0].examined_on}", own)


def _role(role: str) -> str:
    return role.replace("_", " ")


def _in_window(examination: Examination, visit: Visit | None, facts: GateFacts) -> bool:
    """Whether it took place in the window of the gate visit; where that is not known, the visit's own line says so."""
    if visit is None or facts.visit_anchor_on is None:
        return True
    return visit.window_days.holds((examination.examined_on - facts.visit_anchor_on).days)


def _examined(role: str, own: list[Examination], timely: list[Examination], gate: SafetyGate) -> tuple[Verdict, str]:
    present = [e for e in own if e.toxicity == "present"]
    if present:
        return Verdict.STOP, f"{_role(role)} found toxicity that forbids the next session on {present[0].examined_on}"
    if not own:
        return Verdict.UNDETERMINED, f"no examination by {_role(role)} at visit {gate.visit}"
    open_ones = [e for e in own if e.toxicity != "none"]
    if open_ones:
        return Verdict.UNDETERMINED, f"{_role(role)} examined on {open_ones[0].examined_on} but did not assess toxicity"
    if not timely:
        return (
            Verdict.UNDETERMINED,
            f"{_role(role)} examined on {own[-1].examined_on}, outside the window of {gate.visit}",
        )
    return Verdict.PROCEED, f"{_role(role)} found no toxicity on {timely[-1].examined_on}"


def _examination(
    clause: Clause[SafetyGate], role: str, verdict: Verdict, because: str, own: list[Examination]
) -> Finding:
    return Finding(
        f"safety_gate.examination:{role}",
        f"Examination: {_role(role)}",
        verdict,
        because,
        {f"examination {i}": f"{e.examined_on} {e.toxicity}" for i, e in enumerate(own, 1)},
        traced("examination", {"safety_gate": clause}, _places("examination", [e.record for e in own])),
    )


def pregnancy_finding(clause: Clause[SafetyGate], facts: GateFacts, today: date) -> Finding | None:
    """The latest pregnancy test since the last session; None where the protocol asks for none."""
    gate = clause.reading
    assert gate is not None
    if not gate.pregnancy_test_required:
        return None
    since = facts.injected_at.date()
    # Of the day of the last injection itself only tests before it exist: they speak of that session, not of the next.
    known = [t for t in facts.pregnancy_tests if since < t.tested_on <= today]
    newest = max((t.tested_on for t in known), default=None)
    latest = [t for t in known if t.tested_on == newest]
    results = {t.result for t in latest}
    positive = [t for t in known if t.result == "positive"]
    judged = [*(t for t in positive if t not in latest), *latest]
    age_d = 0 if newest is None else (today - newest).days
    if facts.sex == "male":
        verdict, because = Verdict.PROCEED, "not applicable: the participant is male"
    elif "positive" in results:
        verdict, because = Verdict.STOP, f"pregnancy test of {newest} is positive"
    elif not latest:
        verdict, because = Verdict.UNDETERMINED, f"no pregnancy test since session {facts.session}"
    elif positive:
        because = f"pregnancy test of {positive[-1].tested_on} was positive, that of {newest} was not; which one holds?"
        verdict = Verdict.UNDETERMINED
    elif "not_done" in results:
        verdict, because = Verdict.UNDETERMINED, f"pregnancy test of {newest} was not done"
    elif age_d > gate.laboratory_maximum_age_days:
        verdict = Verdict.UNDETERMINED
        because = (
            f"pregnancy test {age_said(age_d)}; older than the {gate.laboratory_maximum_age_days:g} days that count"
        )
    elif "not_applicable" in results:
        verdict, because = Verdict.PROCEED, f"pregnancy test recorded as not applicable on {newest}"
    else:
        verdict, because = Verdict.PROCEED, f"pregnancy test negative, {age_said(age_d)}"
    return Finding(
        "safety_gate.pregnancy",
        "Pregnancy test",
        verdict,
        because,
        {f"test {i}": f"{t.tested_on} {t.result}" for i, t in enumerate(judged, 1)},
        traced("pregnancy", {"safety_gate": clause}, _places("test", [t.record for t in judged])),
    )
