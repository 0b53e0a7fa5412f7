"""Response of a participant by the criteria that the protocol names beside its own rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from theratrial.pipeline.context import Context, product_reading
from theratrial.pipeline.criteria_metabolic import MetabolicCase, MetabolicId, Tracer, metabolic_result
from theratrial.pipeline.criteria_recist import TITLE as RECIST_TITLE
from theratrial.pipeline.criteria_recist import RecistCase, recist_result
from theratrial.pipeline.criteria_scans import SulScan, refused_scan, sul_scan
from theratrial.pipeline.matching import ParticipantImages, PlannedImage
from theratrial.pipeline.participant_response import (
    OpenedPets,
    measurement_adjudication,
    participant_pet_scan,
    standing_adjudication,
)
from theratrial.protocol.plans.criteria import EortcPlan, FurtherCriteria, MetabolicPlan, UptakeBy
from theratrial.response.pet.scans import Comparability
from theratrial.results.criteria import CriteriaAssessment, CriteriaOption, CriteriaResult
from theratrial.results.places import participant_place, session_place
from theratrial.results.values import Note, ParticipantResult
from theratrial.trace import Trace
from theratrial.trialfolder.records import Row, TrialFolder

_CLAUSE: Final = "further_criteria"
_MEASURED_BY: Final = {"lean_body_mass", "liver_region", "blood_pool_region"}


def further_criteria(
    folder: TrialFolder,
    images: ParticipantImages,
    result: ParticipantResult,
    context: Context,
    notes: list[Note],
    opened: OpenedPets | None = None,
) -> tuple[CriteriaResult, ...]:
    """The participant's category under every set of criteria, the protocol's own rule first.

    Empty where the protocol names no further criteria, or the participant was not treated. What cannot be judged has a
    result all the same, NE with the reason.
    """
    clause = folder.protocol.further_criteria
    plan = None if clause is None else clause.reading
    if plan is None or not result.treated:
        return ()
    found = [_protocol_rule(folder, result)]
    opened = {} if opened is None else opened
    scans: dict[tuple[str, str, str], tuple[SulScan, tuple[Row, ...]]] = {}
    criteria: tuple[tuple[MetabolicId, MetabolicPlan | None], ...] = (
        ("percist_1_0", plan.percist_1_0),
        ("eortc_1999", plan.eortc_1999),
    )
    for name, asked in criteria:
        if asked is not None:
            found.append(_metabolic(name, asked, folder, images, result, context, scans, opened))
    if plan.recist_1_1 is not None:
        found.append(_recist(plan, folder, result, context, notes))
    notes.extend(_notes(result.participant_id, found))
    return tuple(found)


def _notes(participant_id: str, found: list[CriteriaResult]) -> list[Note]:
    """Where readers differ under criteria that decide nothing: worth knowing, no warning."""
    return [
        Note(participant_id, "info", one.title, one.because)
        for one in found
        if one.criteria != "protocol" and len({reader.category for reader in one.readers}) > 1
    ]


def _protocol_rule(folder: TrialFolder, result: ParticipantResult) -> CriteriaResult:
    outcome = result.response
    rule = folder.protocol.response.reading
    title = "the protocol's rule" if rule is None else rule.name
    if outcome is None:
        trace = Trace("response.category", "2", {"rule": "protocol:response"})
        because = "not assessable: there is no response image or the protocol's rule is open"
        exploratory = rule is None or rule.exploratory
        return CriteriaResult("protocol", title, exploratory, "NE", None, because, "", (), (), trace)
    place = f"value:{participant_place(result.participant_id)}.response"
    trace = replace(outcome.trace, inputs={"response": f"{place}.category"})
    category: str = outcome.category
    return CriteriaResult(
        criteria="protocol",
        title=outcome.rule_name,
        exploratory=outcome.exploratory,
        category=category,
        controlled=None if category == "NE" else category != "PD",
        because=outcome.arithmetic,
        reader=outcome.adjudicated_to,
        assessments=(CriteriaAssessment(None, category, outcome.arithmetic, None, outcome.change_percent, "response"),),
        options=(CriteriaOption("metric", outcome.metric, "the protocol's rule names it"),),
        trace=trace,
        exploratory_because="no response criteria are validated for this tracer" if outcome.exploratory else "",
        readers=outcome.by_reader,
    )


def _metabolic(
    criteria: MetabolicId,
    plan: MetabolicPlan,
    folder: TrialFolder,
    images: ParticipantImages,
    result: ParticipantResult,
    context: Context,
    scans: dict[tuple[str, str, str], tuple[SulScan, tuple[Row, ...]]],
    opened: OpenedPets,
) -> CriteriaResult:
    read = []
    uptake_by: UptakeBy = plan.uptake_by if isinstance(plan, EortcPlan) else "lean_body_mass"
    rule = f"protocol:{_CLAUSE}.reading.{criteria}"
    for imaging_id in (plan.imaging_baseline, plan.imaging_response):
        key = (imaging_id, plan.model_dump_json(include=_MEASURED_BY), uptake_by)
        if key not in scans:
            scans[key] = _scan(imaging_id, plan, folder, images, context, opened)
        scan, rows = scans[key]
        asked = replace(
            scan, volume_threshold=plan.volume_threshold, rule=rule, demonstration=context.resting_on(_CLAUSE)
        )
        read.append((asked, rows))
    (baseline, baseline_rows), (response, response_rows) = read
    adjudication, _ = standing_adjudication(folder, result.participant_id)
    case = MetabolicCase(
        criteria=criteria,
        tracer=_tracer(plan, folder),
        baseline=baseline,
        response=response,
        baseline_rows=baseline_rows,
        response_rows=response_rows,
        sessions_given=len(result.sessions),
        uptake_by=uptake_by,
        rule=rule,
        demonstration=context.resting_on(
            _CLAUSE, *(f"imaging.{one}" for one in (plan.imaging_baseline, plan.imaging_response))
        ),
    )
    return metabolic_result(case, adjudication)


def _scan(
    imaging_id: str,
    plan: MetabolicPlan,
    folder: TrialFolder,
    images: ParticipantImages,
    context: Context,
    opened: OpenedPets,
) -> tuple[SulScan, tuple[Row, ...]]:
    who = images.participant_id
    image = next((image for image in images.images if image.plan.id == imaging_id), None)
    if image is None:
        return refused_scan(imaging_id, "the image is not planned for this participant"), ()
    timepoint = image.plan.timepoint
    rows = tuple(folder.rows("lesion_readings", participant_id=who, timepoint=timepoint))
    if image.series is None or image.administration is None:
        return refused_scan(timepoint, _absent(image)), rows
    # The walk through the response has told of these already.
    told: list[Note] = []
    scan = participant_pet_scan(folder, who, image, context, told, opened)
    if scan is None:
        return refused_scan(timepoint, "; ".join(note.message for note in told) or "no uptake values"), rows
    return sul_scan(folder, who, scan, rows, plan), rows


def _absent(image: PlannedImage) -> str:
    if image.missed is not None:
        return f"the PET was missed: {image.missed['reason'] or 'no reason recorded'}"
    return "there is no PET" if image.series is None else "the injection of the PET is not recorded"


def _tracer(plan: MetabolicPlan, folder: TrialFolder) -> Tracer:
    """Limits for the tracer: FDG's for FDG; else the protocol's own window, and neither glucose nor 15 min."""
    protocol = folder.protocol
    imaging = protocol.imaging[plan.imaging_response].reading
    assert imaging is not None
    product = product_reading(protocol, imaging.product)
    is_fdg = "fdg" in f"{product.id} {product.name} {product.vector}".casefold()
    fdg = Comparability()
    window = (imaging.window_h.minimum * 60, imaging.window_h.maximum * 60)
    earliest = plan.earliest_uptake_min
    latest = plan.latest_uptake_min
    said = "the protocol's clause names it"
    if earliest is None or latest is None:
        said = "limits of FDG" if is_fdg else "FDG's 50 to 70 min do not hold for this tracer; the window of the image"
    shortest = earliest if earliest is not None else fdg.shortest_uptake_min if is_fdg else window[0]
    longest = latest if latest is not None else fdg.longest_uptake_min if is_fdg else window[1]
    limits = replace(
        fdg,
        shortest_uptake_min=shortest,
        longest_uptake_min=longest,
        uptake_difference_min=fdg.uptake_difference_min if is_fdg else None,
        highest_glucose_mg_per_dL=fdg.highest_glucose_mg_per_dL if is_fdg else None,
    )
    options = [CriteriaOption("uptake time", f"{shortest:g} to {longest:g} min", said)]
    if not is_fdg:
        options.append(
            CriteriaOption("glucose, 15 min between uptake times", "not asked", "they govern the uptake of FDG")
        )
    return Tracer(product.name, is_fdg, limits, tuple(options))


def _recist(
    plan: FurtherCriteria, folder: TrialFolder, result: ParticipantResult, context: Context, notes: list[Note]
) -> CriteriaResult:
    assert plan.recist_1_1 is not None
    first = min(result.sessions, key=lambda session: session.injected_at)
    adjudication, not_standing = measurement_adjudication(folder, result.participant_id)
    if not_standing:
        notes.append(Note(result.participant_id, "warning", RECIST_TITLE, not_standing))
    return recist_result(
        RecistCase(
            rows=tuple(folder.rows("tumour_measurements", participant_id=result.participant_id)),
            treatment_start=first.injected_at.astimezone(folder.zone).date(),
            start_source=f"value:{session_place(result.participant_id, first.session)}.injected_at",
            plan=plan.recist_1_1,
            demonstration=context.resting_on(_CLAUSE),
            adjudication=adjudication,
        )
    )
