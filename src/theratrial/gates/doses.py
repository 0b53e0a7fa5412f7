"""Organ doses against their limits: the upper bound counts, and what has none is never "proceed"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from theratrial.gates.facts import GateFacts, SessionDose
from theratrial.gates.findings import Finding, Verdict, traced
from theratrial.protocol.clauses import Clause
from theratrial.protocol.schema import DoseLimit, DoseRegion, LimitsPlan, Sessions

_SAME: Final = 1e-9
"""Sums of bounds carry the noise of binary floats: exactly at the limit is not above it."""


@dataclass(frozen=True, slots=True)
class _Expected:
    """What the next session would add at most, or why that is not known."""

    upper_Gy: float | None
    said: str


def organ_dose_findings(
    limits_clause: Clause[LimitsPlan],
    region_clauses: Mapping[str, Clause[DoseRegion]],
    sessions_clause: Clause[Sessions],
    facts: GateFacts,
) -> Iterator[Finding]:
    """One finding per organ with a limit; one that informs per organ at risk without."""
    plan = limits_clause.reading
    assert plan is not None
    for region_id, limit in plan.limits.items():
        clause = region_clauses.get(region_id)
        if clause is not None and clause.reading is not None and clause.reading.kind == "lesion":
            continue  # a lesion dose blocks nobody, whatever limit somebody wrote
        clauses: dict[str, Clause[Any]] = {"dose_limits": limits_clause}
        if clause is not None:
            clauses[f"dose_regions.{region_id}"] = clause
        if plan.judged == "with_next_session":
            clauses["sessions"] = sessions_clause
        yield _judged(region_id, limit, plan, clauses, clause, sessions_clause.reading, facts)
    for region_id, clause in region_clauses.items():
        if clause.reading is not None and clause.reading.at_risk and region_id not in plan.limits:
            yield Finding(
                f"dose_limits:{region_id}",
                f"Absorbed dose: {clause.reading.title}",
                Verdict.PROCEED,
                "an organ at risk without a limit in the protocol: nothing to judge",
                {},
                traced("organ_dose", {"dose_limits": limits_clause}, {}),
                informs_only=True,
            )


def _judged(
    region_id: str,
    limit: DoseLimit,
    plan: LimitsPlan,
    clauses: Mapping[str, Clause[Any]],
    region: Clause[DoseRegion] | None,
    sessions: Sessions | None,
    facts: GateFacts,
) -> Finding:
    by_session = _worst_by_session(region_id, facts)
    bounded = [d for d in by_session.values() if d.bounded]
    so_far_Gy = sum(d.upper_Gy or 0.0 for d in bounded)
    surely_Gy = sum(d.upper_Gy if d.bounded else (d.lower_Gy or 0.0) for d in by_session.values())  # type: ignore[misc]
    missing = [n for n in range(1, facts.session + 1) if n not in by_session]
    unbounded = [d for n, d in sorted(by_session.items()) if not d.bounded]
    limit_Gy = limit.absorbed_dose_Gy
    expected = _expected(by_session, plan, sessions, facts)
    against = f"limit {limit_Gy:g} Gy ({limit.citation})"
    total_Gy = so_far_Gy + (expected.upper_Gy or 0.0)
    if surely_Gy + (expected.upper_Gy or 0.0) > limit_Gy * (1 + _SAME):
        verdict = Verdict.STOP
        because = f"{_sum_said(surely_Gy, by_session, expected)}, above the {against}"
    elif missing or unbounded:
        verdict = Verdict.UNDETERMINED
        because = f"{_gaps(region_id, missing, unbounded)}; {against}"
    elif expected.upper_Gy is None:
        verdict = Verdict.UNDETERMINED
        because = f"{so_far_Gy:.2f} Gy so far, {expected.said}; {against}"
    else:
        verdict = Verdict.PROCEED
        because = f"{_sum_said(so_far_Gy, by_session, expected)} = {total_Gy:.2f} Gy, within the {against}"
    said = _probability_said(region_id, facts)
    if said:
        because = f"{because}; {said}"
    title = region.reading.title if region and region.reading else region_id
    return Finding(
        f"dose_limits:{region_id}",
        f"Absorbed dose: {title}",
        verdict,
        because,
        {
            "limit": f"{limit_Gy:g} Gy",
            "judged": plan.judged,
            **{f"session {n}": _bounds(d) for n, d in sorted(by_session.items())},
            **({} if expected.upper_Gy is None else {"next session, upper bound": f"{expected.upper_Gy:.3f} Gy"}),
        },
        traced(
            "organ_dose", clauses, {f"dose, session {n}": d.value for n, d in sorted(by_session.items()) if d.value}
        ),
    )


def _probability_said(region_id: str, facts: GateFacts) -> str:
    """The probability of exceeding the limit in words, for people; the verdict does not rest on it."""
    for one in facts.probabilities:
        if one.region_id == region_id:
            after = (
                "" if one.with_next_session is None else f", {_percent(one.with_next_session)} with the next session"
            )
            return f"by published kinetics the probability of exceeding it is {_percent(one.so_far)} so far{after}"
    return ""


def _percent(probability: float) -> str:
    return "below 1 %" if probability < 0.01 else "above 99 %" if probability > 0.99 else f"{probability * 100:.0f} %"


def _worst_by_session(region_id: str, facts: GateFacts) -> dict[int, SessionDose]:
    """Session -> dose; of two for one session the one without bound, else the higher."""
    found: dict[int, SessionDose] = {}
    for dose in facts.doses:
        if dose.region_id != region_id or dose.kind != "organ" or not 1 <= dose.session <= facts.session:
            continue
        other = found.get(dose.session)
        if other is None or (not dose.bounded, dose.upper_Gy or 0.0) > (not other.bounded, other.upper_Gy or 0.0):
            found[dose.session] = dose
    return found


def _expected(
    by_session: Mapping[int, SessionDose], plan: LimitsPlan, sessions: Sessions | None, facts: GateFacts
) -> _Expected:
    """Upper bound of the next session: the highest upper bound per MBq so far times the activity planned."""
    if plan.judged == "so_far":
        return _Expected(0.0, "")
    activity_MBq = facts.next_activity_MBq
    if activity_MBq is None and sessions is not None:
        activity_MBq = sessions.administered_activity_MBq
    if activity_MBq is None or not activity_MBq > 0:
        return _Expected(None, "the activity of the next session is not known")
    per_MBq = []
    for session, dose in by_session.items():
        given_MBq = facts.administered_activity_MBq.get(session)
        if dose.bounded and dose.upper_Gy is not None:
            if given_MBq is None or not given_MBq > 0:
                return _Expected(None, f"the activity given in session {session} is not known")
            per_MBq.append(dose.upper_Gy / given_MBq)
    if not per_MBq:
        return _Expected(None, "no session gives a bounded dose per MBq")
    return _Expected(max(per_MBq) * activity_MBq, f"expected from {activity_MBq:.0f} MBq")


def _bounds(dose: SessionDose) -> str:
    lower = "not known" if dose.lower_Gy is None else f"{dose.lower_Gy:.3f}"
    return f"{lower} to {dose.upper_Gy:.3f} Gy" if dose.bounded else f"from {lower} Gy, no upper bound"


def _sum_said(so_far_Gy: float, by_session: Mapping[int, SessionDose], expected: _Expected) -> str:
    count = len(by_session)
    said = f"{so_far_Gy:.2f} Gy so far (upper bound, {count} session{'s' if count != 1 else ''})"
    if expected.upper_Gy:
        said += f" + {expected.upper_Gy:.2f} Gy {expected.said}"
    return said


def _gaps(region_id: str, missing: list[int], unbounded: list[SessionDose]) -> str:
    parts = [f"no dose of {region_id} for session {', '.join(map(str, missing))}"] if missing else []
    parts += [f"dose of session {d.session} is undetermined" + (f" ({d.why})" if d.why else "") for d in unbounded]
    return "; ".join(parts)


def lesion_dose_finding(limits_clause: Clause[LimitsPlan], facts: GateFacts) -> Finding | None:
    """Lesion doses so far, for the physicians' information; None where there are none."""
    lesions = [d for d in facts.doses if d.kind == "lesion"]
    if not lesions:
        return None
    said = "; ".join(f"{d.region_id}, session {d.session}: {_bounds(d)}" for d in lesions)
    return Finding(
        "dose_limits:lesions",
        "Absorbed dose: lesions",
        Verdict.PROCEED,
        f"for information, no lesion dose blocks a session: {said}",
        {},
        traced("lesion_dose", {"dose_limits": limits_clause}, {}),
        informs_only=True,
    )
