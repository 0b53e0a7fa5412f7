"""One participant through all rooms: eligibility, sessions, doses, grades, gates, response."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final

from theratrial.dosimetry.population.hierarchical import CohortPatient
from theratrial.eligibility import EligibilityResult, eligibility, eligibility_moment
from theratrial.eligibility import Verdict as EligibilityVerdict
from theratrial.errors import InputError, NumericalError
from theratrial.gates import GateDecision, Verdict, gate_facts, laboratory_results, retreatment_gate
from theratrial.nuclides import Nuclide, nuclide
from theratrial.pipeline.activity import net_administered_activity
from theratrial.pipeline.adverse_events import adverse_events
from theratrial.pipeline.context import Context, product_reading
from theratrial.pipeline.cumulative_doses import cumulative_doses, limit_probabilities
from theratrial.pipeline.deviations import deviations, history
from theratrial.pipeline.gate_inputs import GateInputs
from theratrial.pipeline.gate_moment import gate_moment
from theratrial.pipeline.matching import ParticipantImages, PlannedImage
from theratrial.pipeline.participant_criteria import participant_criteria
from theratrial.pipeline.participant_protection import participant_protection
from theratrial.pipeline.participant_response import OpenedPets, participant_response
from theratrial.pipeline.participant_toxicity import participant_toxicity
from theratrial.pipeline.planar_scans import Anatomy, imaged_energy_keV, participant_anatomy
from theratrial.pipeline.scans import planar_scan, scan_result
from theratrial.pipeline.session_doses import session_doses
from theratrial.pipeline.session_regions import dose_plan
from theratrial.pipeline.session_values import SessionDoses
from theratrial.pipeline.traces import with_inputs
from theratrial.protocol.expressions import Truth
from theratrial.protocol.schema import Protocol, Sessions
from theratrial.results.pictures import Pictures, PlanarPicture
from theratrial.results.places import session_place
from theratrial.results.values import (
    CriterionResult,
    Eligibility,
    EligibilityText,
    GateFinding,
    GateResult,
    LabPoint,
    Note,
    ParticipantResult,
    PlanarCounts,
    ResponseOutcome,
    SelectionResult,
    SessionResult,
    TruthText,
)
from theratrial.safety import graded, with_baselines
from theratrial.safety.terms import rests_on_baseline
from theratrial.schedule.history import History, Status
from theratrial.schedule.sessions import last_session
from theratrial.schedule.visits import planned_visits
from theratrial.trace import Quantity, Trace
from theratrial.trialfolder.records import Row, TrialFolder
from theratrial.trialfolder.withdrawals import standing_withdrawals

_TRUTHS: Final[Mapping[Truth, TruthText]] = {
    Truth.MET: "met",
    Truth.NOT_MET: "not met",
    Truth.NOT_KNOWN: "not known",
}
_VERDICTS: Final[Mapping[EligibilityVerdict, EligibilityText]] = {
    EligibilityVerdict.ELIGIBLE: "eligible",
    EligibilityVerdict.NOT_ELIGIBLE: "not eligible",
    EligibilityVerdict.NOT_KNOWN: "not known",
}


@dataclass(frozen=True, slots=True)
class ParticipantOutcome:
    """A participant's results, pictures and notes, and what the analysis sets need besides."""

    result: ParticipantResult
    pictures: Pictures
    notes: tuple[Note, ...]
    major_deviations: int
    response_pending: bool
    """The response is missing only because its visit is still to come."""
    kinetics: tuple[tuple[str, CohortPatient], ...] = ()
    """(region of the prior, points of the first session) of every organ, for the cohort's own kinetics."""
    for_gate: GateInputs = field(default_factory=GateInputs)


def _eligibility(result: EligibilityResult) -> Eligibility:
    criteria = tuple(
        CriterionResult(
            criterion_id=one.id,
            title=one.title,
            kind="exclusion" if one.kind == "exclusion" else "inclusion",
            truth=_TRUTHS[one.truth],
            verbatim=" / ".join(one.verbatim),
            because=_because(one),
            trace=one.trace,
        )
        for one in result.criteria
    )
    return Eligibility(
        verdict=_VERDICTS[result.verdict],
        criteria=criteria,
        reasons=tuple(one.title for one in result.failed)
        + tuple(f"{one.title}: not known" for one in result.not_known),
        trace=result.trace,
    )


def _because(criterion: Any) -> str:
    parts = []
    for value in criterion.values:
        shown = "not known" if value.value is None else _plain_value(value.value)
        unit = f" {value.unit}" if getattr(value, "unit", "") and value.value is not None else ""
        parts.append(f"{value.variable} = {shown}{unit}")
    return "; ".join([*parts, *criterion.to_be_known]) or criterion.condition


def _plain_value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _selection(folder: TrialFolder, participant_id: str, result: EligibilityResult) -> SelectionResult:
    rows = sorted(folder.rows("selection_reads", participant_id=participant_id), key=lambda row: row["read_at"])
    judged = result.selection
    clause = "selection_read" if folder.protocol.selection_read is not None else "eligibility"
    trace = judged.trace if judged is not None else Trace("eligibility.selection", "1", {"rule": f"protocol:{clause}"})
    if not rows:
        return SelectionResult("not read", "no read of the selection image is recorded", None, trace)
    if folder.protocol.selection_read is not None:
        asked = folder.protocol.selection_read.reading
        roles = asked.reader_roles if asked is not None else ()
        others = dict.fromkeys(f"{row['reader']} ({row['reader_role']})" for row in rows)
        rows = [row for row in rows if row["reader_role"] in roles]
        if not rows:
            wanted = f"the protocol asks for {' or '.join(roles)}" if roles else "the clause selection_read is open"
            return SelectionResult("not read", f"read only by {', '.join(others)}; {wanted}", None, trace)
    last = rows[-1]
    seen, known = last["lesions_positive"], last["lesions_total"]
    lesions = f"{seen} of {known} lesions positive; " if seen is not None and known is not None else ""
    because = f"{lesions}read by {last['reader']} ({last['reader_role']})"
    return SelectionResult(last["result"], because, last["read_at"], trace)


def _lab_points(folder: TrialFolder, participant_id: str) -> tuple[LabPoint, ...]:
    gate = folder.protocol.safety_gate.reading
    version = gate.ctcae_version if gate is not None else "5.0"
    points = []
    therapy = folder.protocol.sessions.reading
    product = therapy.product if therapy is not None else ""
    given = folder.rows("administrations", participant_id=participant_id, product_id=product)
    rows = folder.rows("laboratory", participant_id=participant_id)
    results = with_baselines(laboratory_results(rows), min((one["injected_at"] for one in given), default=None))
    for row, result in zip(rows, results, strict=True):
        grade = graded(result, version).grade
        inputs = {"result": row.source}
        if result.baseline_record and rests_on_baseline(result.test, version):
            inputs["baseline"] = result.baseline_record
        trace = Trace("capture.laboratory", "1", {"record": row.source}, author=row["laboratory"] or "laboratory")
        points.append(
            LabPoint(
                test=result.test,
                collected_at=result.collected_at,
                value=Quantity(result.value, result.unit, trace),
                lower_limit=result.lower_limit,
                upper_limit=result.upper_limit,
                grade=grade.grade,
                grade_reason=grade.why,
                trace=with_inputs(grade.trace, inputs),
                at_least=grade.at_least,
                at_most=grade.at_most,
                term=grade.term,
                clinician=grade.clinician,
            )
        )
    return tuple(sorted(points, key=lambda point: (point.test, point.collected_at)))


@dataclass(frozen=True, slots=True)
class _Session:
    """A session under way through the rooms."""

    number: int
    row: Row
    activity: Quantity
    images: tuple[PlannedImage, ...]
    doses: SessionDoses
    planar: tuple[PlanarCounts, ...]


def _gate(decision: GateDecision, place: str, *, given: bool, judged_on: date | None) -> GateResult:
    found = {f"finding {one.clause_id}": f"value:{place}.gate.findings[{one.clause_id}]" for one in decision.findings}
    return GateResult(
        after_session=decision.session,
        judged_on=judged_on,
        verdict=decision.verdict.value,
        findings=tuple(
            GateFinding(
                clause=finding.clause_id,
                title=finding.title,
                verdict=finding.verdict.value,
                because=finding.because,
                informs_only=finding.informs_only,
                trace=finding.trace,
            )
            for finding in decision.findings
        ),
        next_session_given=given,
        trace=with_inputs(decision.trace, found),
    )


def _sessions(
    folder: TrialFolder,
    images: ParticipantImages,
    therapy: Sessions,
    isotope: Nuclide,
    context: Context,
    notes: list[Note],
    pictures: list[PlanarPicture],
) -> list[_Session]:
    plan = dose_plan(folder.protocol, context.demonstration)
    participant_id = images.participant_id
    rows = folder.rows("administrations", participant_id=participant_id, product_id=therapy.product)
    anatomy = _anatomy(folder, images, isotope) if rows else None
    sessions = []
    for number, row in enumerate(sorted(rows, key=lambda row: row["injected_at"]), 1):
        if row["session"] != number:
            message = f"{row.file} line {row.line} says session {row['session']}, by its time it is session {number}"
            notes.append(Note(participant_id, "warning", f"session {number}", message))
        activity = net_administered_activity(row, isotope)
        mine = tuple(image for image in images.images if image.administration is row and image.plan.per_session)
        planar = []
        for image in mine:
            if image.plan.kind != "whole_body_planar" or image.series is None:
                continue
            shown = planar_scan(folder, participant_id, image, isotope, context.hashes)
            if isinstance(shown, Note):
                notes.append(shown)
            else:
                planar.append(shown[0])
                pictures.append(shown[1])
        assert activity.value is not None
        doses = session_doses(
            folder,
            participant_id,
            number,
            mine,
            administered_MBq=activity.value,
            nuclide=isotope,
            plan=plan,
            anatomy=anatomy,
            prior=context.priors.get(participant_id),
        )
        notes.extend(doses.notes)
        sessions.append(_Session(number, row, activity, mine, doses, tuple(planar)))
    return sessions


def _anatomy(folder: TrialFolder, images: ParticipantImages, isotope: Nuclide) -> Anatomy | str | None:
    """What whole-body views are laid on, or why there is none; None where the protocol quantifies no view."""
    dosimetry = folder.protocol.dosimetry.reading
    if dosimetry is None or dosimetry.planar is None:
        return None
    try:
        return participant_anatomy(folder.protocol, images.images, folder, imaged_energy_keV(isotope))
    except (InputError, NumericalError) as error:
        return str(error)


def _session_result(
    folder: TrialFolder,
    participant_id: str,
    session: _Session,
    therapy: Sessions,
    gate: GateResult | None,
    context: Context,
) -> SessionResult:
    row = session.row
    here = session_place(participant_id, session.number)
    prescribed = row["prescribed_activity_MBq"]
    source = row.source
    if prescribed is None:
        prescribed, source = therapy.administered_activity_MBq, "protocol:sessions"
    prescription = Trace(
        "pharmacy.prescription", "1", {"prescribed": source}, demonstration=context.resting_on("sessions")
    )
    assert session.activity.value is not None
    deviation = (session.activity.value - prescribed) / prescribed * 100
    reads = folder.rows("biodistribution_reads", participant_id=participant_id, session=row["session"])
    return SessionResult(
        session=session.number,
        injected_at=row["injected_at"],
        batch_id=row["batch_id"],
        administered_activity_MBq=session.activity,
        prescribed_activity_MBq=Quantity(prescribed, "MBq", prescription),
        deviation_percent=Quantity(
            deviation,
            "percent",
            Trace(
                "pharmacy.deviation",
                "1",
                {"administered": f"value:{here}.administered_activity_MBq", "prescribed": source},
            ),
        ),
        antibody_mass_mg=row["antibody_mass_mg"],
        scans=tuple(scan_result(image, context.hashes) for image in session.images),
        planar=session.planar,
        doses=session.doses.results,
        biodistribution=tuple((read["imaging_id"], read["result"]) for read in reads),
        gate=gate,
        whole_body=session.doses.whole_body,
        view_alignments=session.doses.view_alignments,
    )


def _deviations(participant_id: str, session: _Session, therapy: Sessions, result: SessionResult) -> list[Note]:
    """The activity given against the prescription, and against the protocol, which no prescription changes."""
    given_MBq = session.activity.value
    assert given_MBq is not None
    allowed = f"the protocol allows {therapy.activity_tolerance_percent:g} %"
    messages = []
    deviation = result.deviation_percent.value
    if deviation is not None and abs(deviation) > therapy.activity_tolerance_percent:
        messages.append(f"administered {given_MBq:.0f} MBq, {deviation:+.1f} % of the prescribed activity; {allowed}")
    planned_MBq = therapy.administered_activity_MBq
    from_plan = (given_MBq - planned_MBq) / planned_MBq * 100
    if not messages and abs(from_plan) > therapy.activity_tolerance_percent:
        messages.append(
            f"administered {given_MBq:.0f} MBq as prescribed, {from_plan:+.1f} % of the {planned_MBq:g} MBq of the "
            f"protocol; {allowed}"
        )
    return [Note(participant_id, "deviation", f"session {session.number}", message) for message in messages]


def _response_pending(protocol: Protocol, past: History, response: ResponseOutcome | None, at: datetime) -> bool:
    """Whether the response is missing only because its visit is still to come."""
    endpoint = protocol.endpoint.reading
    if endpoint is None or (response is not None and response.category != "NE"):
        return False
    waiting = (Status.DUE, Status.NOT_DUE)
    return any(
        visit.visit_id == endpoint.visit and visit.status in waiting for visit in planned_visits(protocol, past, at)
    )


def participant_outcome(folder: TrialFolder, images: ParticipantImages, context: Context) -> ParticipantOutcome:
    """Everything of one participant.

    Raises
    ------
    InputError
        The protocol's sessions are still open, or a record makes a computation impossible; the message names it.
    """
    participant_id = images.participant_id
    protocol = folder.protocol
    therapy = protocol.sessions.reading
    if therapy is None:
        raise InputError("clause sessions of the protocol is open: what is given is not decided")
    person = folder.rows("participants", participant_id=participant_id)[0]
    isotope = nuclide(product_reading(protocol, therapy.product).nuclide)
    notes = list(images.notes)
    planar_pictures: list[PlanarPicture] = []
    sessions = _sessions(folder, images, therapy, isotope, context, notes, planar_pictures)
    results, major = _gated(folder, participant_id, sessions, therapy, context, notes)
    moment, _ = eligibility_moment(protocol, folder, participant_id, context.cut_off)
    judged = eligibility(protocol, folder, participant_id, moment)
    past = history(folder, participant_id, images.images)
    told, untested = deviations(
        folder, participant_id, eligible=_VERDICTS[judged.verdict], past=past, now=context.cut_off
    )
    notes.extend(told)
    pets: OpenedPets = {}
    response, fusion = participant_response(
        folder, images, treated=bool(sessions), context=context, notes=notes, opened=pets
    )
    consents = sorted(folder.rows("consents", participant_id=participant_id), key=lambda row: row["signed_at"])
    withdrawn = standing_withdrawals(folder, participant_id)
    endings = sorted(folder.rows("dispositions", participant_id=participant_id), key=lambda row: row["occurred_on"])
    ending = endings[-1] if endings else None
    result = ParticipantResult(
        participant_id=participant_id,
        site_id=person["site_id"],
        screened_on=person["screened_on"],
        age_years=person["age_years"],
        consented_at=consents[0]["signed_at"] if consents else None,
        withdrawn_at=withdrawn[0].withdrawn_at if withdrawn else None,
        withdrawal_kind=withdrawn[0].said if withdrawn else "",
        eligibility=_eligibility(judged),
        selection=_selection(folder, participant_id, judged),
        treated=bool(sessions),
        sessions=tuple(results),
        pet_scans=tuple(scan_result(image, context.hashes) for image in images.images if not image.plan.per_session),
        cumulative_doses=cumulative_doses(protocol, participant_id, [session.doses for session in sessions]),
        laboratory=_lab_points(folder, participant_id),
        adverse_events=adverse_events(folder, participant_id, notes),
        response=response,
        disposition=ending["event"] if ending else "",
        disposition_on=ending["occurred_on"] if ending else None,
        disposition_reason=(ending["reason"] or "") if ending else "",
        last_session_because=last_session(protocol, past).because,
        analysis_sets=(),
        counted="not analysed",
        counted_because="",
    )
    result = replace(
        result,
        criteria=participant_criteria(folder, images, result, context, notes, pets),
        toxicity=participant_toxicity(folder, result, context, notes),
        protection=participant_protection(folder, result, context, notes),
    )
    return ParticipantOutcome(
        result,
        Pictures(
            tuple(planar_pictures),
            tuple(fusion),
            tuple(one for session in sessions for one in session.doses.overlays),
        ),
        tuple(notes),
        major + untested,
        bool(sessions) and _response_pending(protocol, past, response, context.cut_off),
        sessions[0].doses.kinetics if sessions else (),
        GateInputs(
            tuple(dose for session in sessions for dose in session.doses.for_gate),
            {
                session.number: limit_probabilities(protocol, [one.doses for one in sessions[: index + 1]])
                for index, session in enumerate(sessions)
            },
        ),
    )


def _gated(
    folder: TrialFolder,
    participant_id: str,
    sessions: Sequence[_Session],
    therapy: Sessions,
    context: Context,
    notes: list[Note],
) -> tuple[list[SessionResult], int]:
    """The sessions with the gate after each, and how many major deviations there were."""
    results, major = [], 0
    for index, session in enumerate(sessions):
        following = sessions[index + 1].row if index + 1 < len(sessions) else None
        at = gate_moment(folder, participant_id, session.number, session.row, following, context.cut_off)
        so_far = sessions[: index + 1]
        facts = gate_facts(
            folder,
            participant_id,
            session=session.row["session"],
            administered_activity_MBq={one.number: one.activity.value or 0.0 for one in so_far},
            doses=[dose for one in so_far for dose in one.doses.for_gate],
            next_activity_MBq=None if following is None else following["prescribed_activity_MBq"],
            probabilities=limit_probabilities(folder.protocol, [one.doses for one in so_far]),
        )
        decision = retreatment_gate(folder.protocol, facts, judged_at=at)
        gate = _gate(
            decision,
            session_place(participant_id, session.number),
            given=following is not None,
            judged_on=at.astimezone(folder.zone).date(),
        )
        result = _session_result(folder, participant_id, session, therapy, gate, context)
        results.append(result)
        outside = _deviations(participant_id, session, therapy, result)
        notes.extend(outside)
        major += len(outside)
        if following is not None and decision.verdict is not Verdict.PROCEED:
            major += 1
            message = (
                f"session {session.number + 1} was given although the gate says {decision.verdict}: {decision.because}"
            )
            notes.append(Note(participant_id, "deviation", f"gate after session {session.number}", message))
    return results, major
