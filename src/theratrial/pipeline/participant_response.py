"""The response of one participant: PET at both time points, the reader's lesions, the protocol's rule."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from theratrial.errors import TheratrialError
from theratrial.nuclides import nuclide
from theratrial.pipeline.activity import net_administered_activity
from theratrial.pipeline.context import Context, product_reading
from theratrial.pipeline.matching import ParticipantImages, PlannedImage
from theratrial.pipeline.scans import PetScan, fusion_picture, pet_scan
from theratrial.pipeline.traces import retraced
from theratrial.protocol.schema import ResponseRule
from theratrial.response import LesionReading, LesionUptake, ResponseResult, lesion_uptake, response_category
from theratrial.results.pictures import FusionPicture
from theratrial.results.places import participant_place
from theratrial.results.values import LesionResult, Note, ResponseOutcome
from theratrial.trace import Quantity
from theratrial.trialfolder.records import Row, TrialFolder

_BASELINE, _RESPONSE = "baseline", "response"


def _lesion_readings(folder: TrialFolder, participant_id: str, timepoint: str) -> tuple[tuple[Row, ...], str]:
    """The lesions of the reader who read last, and a remark where there were several readers."""
    rows = folder.rows("lesion_readings", participant_id=participant_id, timepoint=timepoint)
    readers = sorted({row["reader"] for row in rows})
    if len(readers) < 2:
        return rows, ""
    last = max(rows, key=lambda row: row["read_at"])["reader"]
    remark = f"{len(readers)} readers at {timepoint}; the latest read ({last}) counts, adjudication is not done here"
    return tuple(row for row in rows if row["reader"] == last), remark


def _readings(
    rows: Sequence[Row], scan: PetScan, rule: ResponseRule, participant_id: str, key: str, notes: list[Note]
) -> tuple[list[LesionReading], dict[str, Quantity]]:
    readings, uptakes = [], {}
    timepoint = scan.image.plan.timepoint
    for row in rows:
        region = scan.regions.get((row["region_name"] or "").casefold())
        uptake: LesionUptake | None = None
        if region is not None:
            try:
                uptake = lesion_uptake(scan.suv, region)
            except TheratrialError as error:
                notes.append(Note(participant_id, "warning", f"{timepoint}, {row['lesion_id']}", str(error)))
        elif row["status"] == "present":
            message = f"{row.file} line {row.line}: region {row['region_name']!r} is not drawn on the PET"
            notes.append(Note(participant_id, "warning", f"{timepoint}, {row['lesion_id']}", message))
        quantity = None if uptake is None else retraced(uptake.quantity(rule.metric), scan.inputs)
        if quantity is not None:
            uptakes[row["lesion_id"]] = quantity
        readings.append(
            LesionReading(
                lesion_id=row["lesion_id"],
                role=row["role"],
                status=row["status"],
                uptake_g_per_mL=None if quantity is None else quantity.value,
                record=row.source,
                value=""
                if quantity is None
                else f"value:{participant_place(participant_id)}.response.lesions[{row['lesion_id']}].{key}_uptake",
            )
        )
    return readings, uptakes


def _pet_scan(
    folder: TrialFolder, participant_id: str, image: PlannedImage, context: Context, notes: list[Note]
) -> PetScan | None:
    if image.series is None or image.administration is None:
        return None
    isotope = nuclide(product_reading(folder.protocol, image.plan.product).nuclide)
    try:
        activity = net_administered_activity(image.administration, isotope)
        weighed = image.administration
        if weighed["weight_kg"] is None:
            weighed = folder.rows("participants", participant_id=participant_id)[0]
        assert activity.value is not None
        scan = pet_scan(
            folder, image, administered_MBq=activity.value, weight_kg=weighed["weight_kg"], hashes=context.hashes
        )
        inputs = {"administration": image.administration.source, "half_life": isotope.source}
        if weighed["weight_kg"] is not None:
            inputs["weight"] = weighed.source
        scan = replace(scan, inputs=inputs)
    except TheratrialError as error:
        notes.append(Note(participant_id, "warning", image.plan.id, f"no uptake values: {error}"))
        return None
    for warning in scan.suv.certificate.warnings:
        notes.append(Note(participant_id, "warning", image.plan.id, warning))
    return scan


def _response_outcome(
    result: ResponseResult,
    before: Mapping[str, Quantity],
    after: Mapping[str, Quantity],
    sites: Mapping[str, str],
    rule: ResponseRule,
) -> ResponseOutcome:
    lesions = tuple(
        LesionResult(
            lesion_id=change.lesion_id,
            site=sites.get(change.lesion_id, ""),
            role=change.role,  # type: ignore[arg-type]
            baseline_uptake=before.get(change.lesion_id),
            response_uptake=after.get(change.lesion_id),
            change_percent=None
            if change.change_percent is None
            else Quantity(change.change_percent, "percent", result.trace),
            status_baseline=change.status_baseline,
            status_response=change.status_response,
        )
        for change in result.changes
    )
    return ResponseOutcome(
        category=result.category,
        arithmetic=result.arithmetic,
        rule_name=result.rule_name,
        exploratory=result.exploratory,
        metric=result.metric,
        change_percent=None
        if result.change_percent is None
        else Quantity(result.change_percent, "percent", result.trace),
        lesions=lesions,
        trace=result.trace,
        partial_decrease_percent=rule.partial_decrease_percent,
        progression_increase_percent=rule.progression_increase_percent,
    )


def participant_response(
    folder: TrialFolder, images: ParticipantImages, *, treated: bool, context: Context, notes: list[Note]
) -> tuple[ResponseOutcome | None, list[FusionPicture]]:
    """Response of a participant (None where not treated or without response image), and the pictures of her PETs."""
    rule = folder.protocol.response.reading
    participant_id = images.participant_id
    if rule is None:
        return None, []
    readings: dict[str, list[LesionReading] | None] = {}
    uptakes: dict[str, dict[str, Quantity]] = {_BASELINE: {}, _RESPONSE: {}}
    sites: dict[str, str] = {}
    pictures = []
    for key, imaging_id in ((_BASELINE, rule.imaging_baseline), (_RESPONSE, rule.imaging_response)):
        readings[key] = None
        image = next((image for image in images.images if image.plan.id == imaging_id), None)
        scan = None if image is None else _pet_scan(folder, participant_id, image, context, notes)
        if scan is None:
            continue
        rows, remark = _lesion_readings(folder, participant_id, scan.image.plan.timepoint)
        if remark:
            notes.append(Note(participant_id, "info", imaging_id, remark))
        sites.update({row["lesion_id"]: row["site"] for row in rows})
        readings[key], uptakes[key] = _readings(rows, scan, rule, participant_id, key, notes)
        hottest = sorted(
            ((row["lesion_id"], row["region_name"]) for row in rows if row["region_name"]),
            # The lesion hottest at baseline comes first at response too, so that both pictures cut through one place.
            key=lambda pair: -_value((uptakes[_BASELINE] or uptakes[key]).get(pair[0])),
        )
        pictures.append(fusion_picture(folder, participant_id, scan, hottest))
    if not treated or readings[_RESPONSE] is None:
        return None, pictures
    demonstration = context.resting_on(
        "response", *(f"imaging.{name}" for name in (rule.imaging_baseline, rule.imaging_response))
    )
    result = response_category(readings[_BASELINE], readings[_RESPONSE], rule, demonstration=demonstration)
    return _response_outcome(result, uptakes[_BASELINE], uptakes[_RESPONSE], sites, rule), pictures


def _value(quantity: Quantity | None) -> float:
    return -math.inf if quantity is None or quantity.value is None else quantity.value
