"""The gate of a session as the site judges it now: from the records as they are and the doses as computed last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils import timezone

from theratrial.errors import TheratrialError
from theratrial.gates import Finding, GateDecision, SessionDose, gate_facts, retreatment_gate
from theratrial.nuclides import nuclide
from theratrial.pipeline.activity import net_administered_activity
from theratrial.pipeline.context import product_reading
from theratrial.pipeline.gate_inputs import GateInputs, gate_inputs
from theratrial.pipeline.gate_moment import gate_moment
from theratrial.pipeline.trial import cut_off
from theratrial.protocol.clauses import DecisionStatus
from theratrial.protocol.findings import clauses
from theratrial.protocol.schema import Protocol
from theratrial.trialfolder.records import Row, TrialFolder

_SAME_ACTIVITY = 1e-6
IMAGES_CHANGED = "images_changed"
"""Beside the computed doses: sessions of which an image was received, moved or set aside after the computation."""


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate after one session, judged."""

    decision: GateDecision
    content: dict[str, Any]
    """Exactly what is shown and signed."""
    moved_on: tuple[int, ...]
    """Sessions whose injection or images are not, or no longer, those of the computed doses."""

    @property
    def verdict(self) -> str:
        """``proceed``, ``stop`` or ``undetermined``."""
        return self.decision.verdict.value


@dataclass(frozen=True, slots=True)
class NoGate:
    """Why there is no gate."""

    because: str


def therapy_rows(folder: TrialFolder, participant_id: str) -> dict[int, Row]:
    """Session -> its administration of the therapy product."""
    therapy = folder.protocol.sessions.reading
    rows = folder.rows("administrations", participant_id=participant_id)
    return {row["session"]: row for row in rows if therapy and row["product_id"] == therapy.product and row["session"]}


def moment_of_gate(folder: TrialFolder, participant_id: str, session: int, end: datetime | None = None) -> datetime:
    """To when a gate looks by default.

    Where the next session was given, to its injection. Else now; of virtual participants, whose time stands still,
    the end of the visit's day.

    Parameters
    ----------
    end
        Up to when the records of virtual participants speak; None: up to the latest of this folder.
    """
    given = therapy_rows(folder, participant_id)
    following = given.get(session + 1)
    if following is None and not folder.simulated:
        return timezone.now()
    if following is not None and following["injected_at"] is not None:
        # As `gate_moment` says, without looking through all records for their latest.
        at: datetime = following["injected_at"]
        return at
    latest = cut_off(folder)
    return gate_moment(
        folder, participant_id, session, given[session], following, max(latest, end) if end is not None else latest
    )


def judged_gate(
    folder: TrialFolder,
    participant_id: str,
    session: int,
    computed: Mapping[str, Any] | None,
    *,
    at: datetime | None = None,
    end: datetime | None = None,
) -> Gate | NoGate:
    """The gate after a session.

    Parameters
    ----------
    computed
        `ParticipantResultRow.for_gate` of her latest result with `IMAGES_CHANGED`; None where there is none.
    at
        Moment of judging; None: `moment_of_gate`.
    end
        As in `moment_of_gate`.
    """
    given = therapy_rows(folder, participant_id)
    if session not in given:
        return NoGate(f"session {session} is not recorded as given, so there is no gate after it yet")
    protocol = folder.protocol
    therapy = protocol.sessions.reading
    assert therapy is not None, "an administration of the therapy product names a product that is read"
    try:
        isotope = nuclide(product_reading(protocol, therapy.product).nuclide)
        activity = {
            number: net_administered_activity(row, isotope).value or 0.0
            for number, row in given.items()
            if number <= session
        }
        moment = at or moment_of_gate(folder, participant_id, session, end)
        inputs, moved_on = _still_true(computed, given, activity)
        following = given.get(session + 1)
        facts = gate_facts(
            folder,
            participant_id,
            session=session,
            administered_activity_MBq=activity,
            doses=inputs.doses_up_to(session),
            next_activity_MBq=None if following is None else following["prescribed_activity_MBq"],
            probabilities=() if moved_on else inputs.probabilities.get(session, ()),
        )
        decision = retreatment_gate(protocol, facts, judged_at=moment)
    except (TheratrialError, TypeError, AttributeError) as error:
        # A record that is not complete (no reading, no time) must show as a gate that cannot be judged.
        return NoGate(f"the gate cannot be judged: {error}")
    return Gate(decision, _content(decision, protocol), tuple(moved_on))


def _still_true(
    computed: Mapping[str, Any] | None, given: Mapping[int, Row], activity: Mapping[int, float]
) -> tuple[GateInputs, list[int]]:
    """The computed doses, unbounded where the injection or the images that they are of are not those of now."""
    if computed is None:
        return GateInputs(), []
    inputs = gate_inputs(computed)
    injections = computed.get("injections", {})
    moved_on = []
    for number, now_MBq in activity.items():
        of = injections.get(str(number))
        if of is None:
            moved_on.append(number)
            continue
        then_MBq = of["administered_activity_MBq"] or 0.0
        same_time = datetime.fromisoformat(of["injected_at"]) == given[number]["injected_at"]
        if not same_time or abs(then_MBq - now_MBq) > _SAME_ACTIVITY * max(now_MBq, 1.0):
            moved_on.append(number)
    why = dict.fromkeys(moved_on, "the administration was changed after the doses were computed; compute them again")
    for number in activity.keys() & set(computed.get(IMAGES_CHANGED, ())):
        why.setdefault(number, "an image of the session was changed after the doses were computed; compute them again")
    doses = tuple(
        SessionDose(one.region_id, one.kind, one.session, None, None, why[one.session], one.value)
        if one.session in why
        else one
        for one in inputs.doses
    )
    return replace(inputs, doses=doses), sorted(why)


def _content(decision: GateDecision, protocol: Protocol) -> dict[str, Any]:
    by_path = dict(clauses(protocol))
    return {
        "participant": decision.participant_id,
        "session": decision.session,
        "judged_at": decision.judged_at.isoformat(),
        "verdict": decision.verdict.value,
        "because": decision.because,
        "lines": [_line(one, by_path) for one in decision.findings],
    }


def _line(finding: Finding, by_path: Mapping[str, Any]) -> dict[str, Any]:
    paths = [place.removeprefix("protocol:") for name, place in finding.trace.inputs.items() if name[:7] == "clause "]
    judged = [by_path[path] for path in paths if path in by_path]
    return {
        "clause": finding.clause_id,
        "title": finding.title,
        "verdict": finding.verdict.value,
        "because": finding.because,
        "informs_only": finding.informs_only,
        "inputs": dict(finding.inputs),
        "records": sorted({place for place in finding.trace.inputs.values() if place.startswith("record:")}),
        "verbatim": [
            {"text": sentence.text, "where": sentence.where} for clause in judged for sentence in clause.verbatim
        ],
        "assumptions": [
            f"{path}: {by_path[path].decision.why}"
            for path in paths
            if path in by_path and by_path[path].decision.status is DecisionStatus.DEMONSTRATION
        ],
        "method": f"{finding.trace.method} {finding.trace.version}",
    }
