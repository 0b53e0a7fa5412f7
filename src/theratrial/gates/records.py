"""Lines of a trial folder -> what the gate is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from theratrial.dosimetry import AbsorbedDose
from theratrial.errors import InputError
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
from theratrial.protocol.schema import Protocol
from theratrial.safety import LaboratoryResult, with_baselines
from theratrial.trialfolder.records import Row, TrialFolder
from theratrial.trialfolder.withdrawals import withdrawals


def session_dose(dose: AbsorbedDose, *, region_id: str, kind: str, session: int, value: str = "") -> SessionDose:
    """A computed dose as the gate takes it.

    The upper end of a local-deposition dose is that with the region's own photons kept in it, and photons from other
    regions are in neither; that of a dose by S values holds both already.
    """
    return SessionDose(
        region_id=region_id,
        kind="lesion" if kind == "lesion" else "organ",
        session=session,
        lower_Gy=dose.lower_Gy,
        upper_Gy=dose.upper_with_own_photons_Gy,
        why=f"{dose.determinacy}: {dose.because}",
        value=value,
    )


def laboratory_results(rows: Iterable[Row]) -> tuple[LaboratoryResult, ...]:
    """Laboratory lines as results."""
    return tuple(
        LaboratoryResult(
            row["test"],
            row["value"],
            row["unit"],
            row["lower_limit"],
            row["upper_limit"],
            row["collected_at"],
            row.source,
        )
        for row in rows
    )


def gate_facts(
    folder: TrialFolder,
    participant_id: str,
    *,
    session: int,
    administered_activity_MBq: Mapping[int, float],
    doses: Iterable[SessionDose],
    next_activity_MBq: float | None = None,
    probabilities: Iterable[LimitProbability] = (),
) -> GateFacts:
    """What the gate after `session` is told of a participant.

    Parameters
    ----------
    administered_activity_MBq
        Session -> net activity at injection [MBq], of every session up to this one.
    doses
        Of every region and session up to this one that was computed.

    Raises
    ------
    InputError
        If the participant is not in the folder, or the session has no administration of the therapy product.
    """
    people = folder.rows("participants", participant_id=participant_id)
    if not people:
        raise InputError(f"{participant_id} is not in records/participants.csv")
    sessions = folder.protocol.sessions.reading
    product = sessions.product if sessions else None
    given = {
        row["session"]: row
        for row in folder.rows("administrations", participant_id=participant_id)
        if row["product_id"] == product
    }
    if session not in given:
        raise InputError(f"{participant_id}: no administration of {product} for session {session} is recorded")
    injected_at = given[session]["injected_at"]
    return GateFacts(
        participant_id=participant_id,
        session=session,
        injected_at=injected_at,
        administered_activity_MBq=dict(administered_activity_MBq),
        sex=people[0]["sex"],
        visit_anchor_on=_anchor_on(folder.protocol, injected_at.date()),
        laboratory=with_baselines(
            laboratory_results(folder.rows("laboratory", participant_id=participant_id)),
            min(row["injected_at"] for row in given.values()),
        ),
        adverse_events=tuple(map(_adverse_event, folder.rows("adverse_events", participant_id=participant_id))),
        examinations=tuple(map(_examination, folder.rows("examinations", participant_id=participant_id))),
        visit=_visit(folder, participant_id, session),
        doses=tuple(doses),
        probabilities=tuple(probabilities),
        pregnancy_tests=(
            *(
                PregnancyTest(row["pregnancy_test"], row["injected_at"].date(), row.source)
                for row in given.values()
                if row["pregnancy_test"] is not None
            ),
            *(
                PregnancyTest(row["pregnancy_test"], row["examined_on"], row.source)
                for row in folder.rows("examinations", participant_id=participant_id)
                if row["pregnancy_test"] is not None
            ),
        ),
        withdrawals=tuple(
            Withdrawal(one.withdrawn_at, one.said, one.source, one.taken_back_at)  # type: ignore[arg-type]
            for one in withdrawals(folder, participant_id)
        ),
        dispositions=tuple(
            Disposition(row["event"], row["occurred_on"], row.source)
            for row in folder.rows("dispositions", participant_id=participant_id)
        ),
        next_activity_MBq=next_activity_MBq,
    )


def _anchor_on(protocol: Protocol, injected_on: date) -> date | None:
    """Day of the anchor of the gate visit; None for an anchor other than the session's own administration."""
    gate = protocol.safety_gate.reading
    clause = protocol.schedule.get(gate.visit) if gate else None
    if (
        clause is None
        or clause.reading is None
        or clause.reading.anchor not in ("administration", "last_administration")
    ):
        return None
    return injected_on


def _visit(folder: TrialFolder, participant_id: str, session: int) -> GateVisit | None:
    gate = folder.protocol.safety_gate.reading
    rows = folder.rows("visits", participant_id=participant_id, visit_id=gate.visit, session=session) if gate else ()
    return GateVisit(rows[0]["status"], rows[0]["occurred_on"], rows[0].source) if rows else None


def _adverse_event(row: Row) -> AdverseEvent:
    return AdverseEvent(
        row["term"],
        row["grade"],
        row["ctcae_version"],
        row["started_on"],
        row["ended_on"],
        row["related"],
        row.source,
    )


def _examination(row: Row) -> Examination:
    return Examination(
        row["visit_id"],
        row["session"],
        row["examined_on"],
        row["examiner_role"],
        row["toxicity"],
        row.source,
    )
