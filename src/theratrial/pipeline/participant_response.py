"""The response of one participant: PET at both time points, the reader's lesions, the protocol's rule."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from theratrial.errors import TheratrialError
from theratrial.nuclides import nuclide
from theratrial.pipeline.activity import net_administered_activity
from theratrial.pipeline.context import Context, product_reading
from theratrial.pipeline.matching import ParticipantImages, PlannedImage
from theratrial.pipeline.scans import PetScan, fusion_picture, pet_scan
from theratrial.pipeline.traces import retraced
from theratrial.protocol.schema import ResponseRule
from theratrial.response import LesionReading, LesionUptake, ResponseResult, response_category
from theratrial.response.uptake import Metric
from theratrial.results.criteria import ReaderCategory, ReaderReading, ReadUptake
from theratrial.results.pictures import FusionPicture
from theratrial.results.places import participant_place
from theratrial.results.values import LesionResult, Note, ResponseOutcome
from theratrial.trace import Quantity
from theratrial.trialfolder.records import Row, TrialFolder

_BASELINE, _RESPONSE = "baseline", "response"

METRICS: Final[tuple[Metric, ...]] = ("suv_peak", "suv_max", "suv_mean")

_Uptakes = dict[str, Quantity]


@dataclass(frozen=True, slots=True)
class _Reads:
    """The lesions at one time point, by reader."""

    scan: PetScan
    rows: Mapping[str, tuple[Row, ...]]
    uptakes: Mapping[str, LesionUptake | str]
    """Name of the region, case folded -> its uptake, or why it has none."""

    def uptake(self, row: Row) -> LesionUptake | str | None:
        """Of the region that the line names; None where the image has no such region."""
        return self.uptakes.get((row["region_name"] or "").casefold())

    @property
    def latest(self) -> str:
        """Who read last; empty where nobody did."""
        return max(self.rows, key=lambda reader: (max(row["read_at"] for row in self.rows[reader]), reader), default="")


def _reads(folder: TrialFolder, participant_id: str, scan: PetScan) -> _Reads:
    rows = folder.rows("lesion_readings", participant_id=participant_id, timepoint=scan.image.plan.timepoint)
    readers = sorted({row["reader"] for row in rows})
    named = dict.fromkeys((row["region_name"] or "").casefold() for row in rows)
    uptakes = {name: scan.uptake(name) for name in named if name in scan.regions}
    return _Reads(scan, {reader: tuple(row for row in rows if row["reader"] == reader) for reader in readers}, uptakes)


def reader_readings(reads: Mapping[str, _Reads]) -> tuple[ReaderReading, ...]:
    """What every reader read at both time points, with the uptake in every metric: what a replay starts from."""
    return tuple(
        ReaderReading(reader, when, tuple(_read_uptake(one, row) for row in rows))  # type: ignore[arg-type]
        for when, one in reads.items()
        # An image that nobody read is not a missing image.
        for reader, rows in (one.rows or {"": ()}).items()
    )


def _read_uptake(reads: _Reads, row: Row) -> ReadUptake:
    uptake = reads.uptake(row)
    in_metrics: dict[str, Quantity] = {}
    if isinstance(uptake, LesionUptake):
        in_metrics = {metric: retraced(uptake.quantity(metric), reads.scan.inputs) for metric in METRICS}
    return ReadUptake(
        lesion_id=row["lesion_id"],
        role=row["role"],
        status=row["status"],
        suv_peak=in_metrics.get("suv_peak"),
        suv_max=in_metrics.get("suv_max"),
        suv_mean=in_metrics.get("suv_mean"),
        record=row.source,
    )


def _pairs(baseline: _Reads | None, response: _Reads) -> list[tuple[str, str]]:
    """Readers at baseline and at response whose lesions are compared; empty where nobody read.

    A reader is compared with her own baseline; without one, with that of every reader of the baseline.
    """
    first = tuple(baseline.rows) if baseline is not None else ()
    if not response.rows:
        return [(baseline.latest if baseline is not None else "", "")]
    return [
        (before, reader) for reader in response.rows for before in ((reader,) if reader in first else first or ("",))
    ]


def _readings(
    reads: _Reads | None,
    reader: str,
    rule: ResponseRule,
    participant_id: str,
    notes: list[Note],
    key: str = "",
) -> tuple[list[LesionReading] | None, _Uptakes]:
    """One reader's lesions with their uptakes; with a `key` they name the place of the uptake in the results."""
    if reads is None:
        return None, {}
    scan = reads.scan
    readings, uptakes = [], {}
    timepoint = scan.image.plan.timepoint
    for row in reads.rows.get(reader, ()):
        found = reads.uptake(row)
        uptake = found if isinstance(found, LesionUptake) else None
        message = found if isinstance(found, str) else ""
        if found is None and row["status"] == "present":
            message = f"{row.file} line {row.line}: region {row['region_name']!r} is not drawn on the PET"
        note = Note(participant_id, "warning", f"{timepoint}, {row['lesion_id']}", message)
        if message and note not in notes:
            notes.append(note)
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
                if quantity is None or not key
                else f"value:{participant_place(participant_id)}.response.lesions[{row['lesion_id']}].{key}_uptake",
            )
        )
    return readings, uptakes


def adjudication_among(
    lines: Sequence[Row], readings: Sequence[Row], *, changed: Callable[[Row, datetime], bool]
) -> tuple[Row | None, str]:
    """The latest line if it covers the readings, else why it does not.

    `changed`: whether a line of the readings is from after the adjudication.
    """
    if not lines:
        return None, ""
    latest = max(lines, key=lambda row: row["adjudicated_at"])
    said = f"the adjudication of {latest['adjudicated_at'].isoformat(timespec='minutes')} does not count"
    if any(changed(row, latest["adjudicated_at"]) for row in readings):
        return None, f"{said}: a reading was changed after it"
    if latest["chosen_reader"] not in {row["reader"] for row in readings}:
        return None, f"{said}: {latest['chosen_reader']} has no reading"
    if latest["adjudicator"] in {row["reader"] for row in readings}:
        return None, f"{said}: {latest['adjudicator']} is one of the readers"
    return latest, ""


def measurement_adjudication(folder: TrialFolder, participant_id: str) -> tuple[Row | None, str]:
    """The latest adjudication of the lengths on CT or MRI, or why it does not stand.

    A length has the day of its image and not that of its reading: the adjudication covers images up to its own day.
    """
    lines = folder.rows("adjudications", participant_id=participant_id, of_table="tumour_measurements")
    measured = folder.rows("tumour_measurements", participant_id=participant_id)
    return adjudication_among(
        lines,
        measured,
        changed=lambda row, at: bool(row["measured_on"] > at.astimezone(folder.zone).date()),
    )


def standing_adjudication(folder: TrialFolder, participant_id: str) -> tuple[Row | None, str]:
    """The latest adjudication, or why it does not stand: it covers the readings as they were when it was signed."""
    lines = folder.rows("adjudications", participant_id=participant_id)
    readings = folder.rows("lesion_readings", participant_id=participant_id)
    return adjudication_among(
        [row for row in lines if row["of_table"] in (None, "lesion_readings")],
        readings,
        changed=lambda row, at: bool(row["read_at"] > at),
    )


def of_all_readers(
    results: Mapping[str, ResponseResult], shown: str, adjudication: Row | None = None, chosen: str = ""
) -> ResponseResult:
    """One answer of the answers by each reader: theirs where it is one, else that of the adjudicated reader.

    Nobody's read replaces another's: which of two is right is for an adjudication. Where they differ and none stands,
    the response is not evaluable.

    Parameters
    ----------
    results
        Reader's code -> response by that reader's lesions.
    shown
        The reader whose lesions and arithmetic the results show.
    adjudication, chosen
        The line that says whose reading stands, and that reader's key in `results`.
    """
    result = results[shown]
    if len(results) == 1:
        return result
    named = ", ".join(f"{reader} {one.category}" for reader, one in results.items())
    inputs = dict(result.trace.inputs)
    for reader, one in results.items():
        new = {name: place for name, place in one.trace.inputs.items() if reader != shown and name != "rule"}
        inputs |= {f"{name} by {reader}": place for name, place in new.items()}
    trace = replace(result.trace, inputs=inputs)
    if len({one.category for one in results.values()}) == 1:
        return replace(result, arithmetic=f"{result.arithmetic} (by {shown}; the readers agree: {named})", trace=trace)
    if adjudication is not None and chosen in results:
        said = f"adjudicated by {adjudication['adjudicator']} to {chosen}: {adjudication['reason']}"
        stands = results[chosen]
        inputs["adjudication"] = adjudication.source
        trace = replace(trace, inputs=inputs, demonstration=stands.trace.demonstration)
        return replace(stands, arithmetic=f"{stands.arithmetic} (the readers differ: {named}; {said})", trace=trace)
    return replace(
        result,
        category="NE",
        arithmetic=f"not evaluable: the readers differ ({named}) and adjudication is not recorded",
        hottest_baseline_g_per_mL=None,
        hottest_response_g_per_mL=None,
        change_percent=None,
        trace=trace,
    )


OpenedPets = dict[str, tuple[PetScan | None, tuple[Note, ...]]]
"""Planned image -> its PET and what was noted when it was opened: each is opened once, however many rules read it."""


def participant_pet_scan(
    folder: TrialFolder,
    participant_id: str,
    image: PlannedImage,
    context: Context,
    notes: list[Note],
    opened: OpenedPets | None = None,
) -> PetScan | None:
    """A PET as SUV by the trial's own record of the injection; None, and a note where it failed, if that cannot be.

    Parameters
    ----------
    opened
        PETs of this participant that were opened before, and where this one is left.
    """
    opened = {} if opened is None else opened
    if image.plan.id not in opened:
        told: list[Note] = []
        scan = _opened(folder, participant_id, image, context, told)
        opened[image.plan.id] = scan, tuple(told)
    scan, said = opened[image.plan.id]
    notes.extend(said)
    return scan


def _opened(
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
        if image.assigned is not None:
            inputs["assignment"] = image.assigned.source
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
    folder: TrialFolder,
    images: ParticipantImages,
    *,
    treated: bool,
    context: Context,
    notes: list[Note],
    opened: OpenedPets | None = None,
) -> tuple[ResponseOutcome | None, list[FusionPicture]]:
    """Response of a participant (None where not treated or without response image), and the pictures of her PETs.

    Parameters
    ----------
    opened
        Where her PETs are left for other criteria.
    """
    rule = folder.protocol.response.reading
    participant_id = images.participant_id
    if rule is None:
        return None, []
    reads: dict[str, _Reads] = {}
    for key, imaging_id in ((_BASELINE, rule.imaging_baseline), (_RESPONSE, rule.imaging_response)):
        image = next((image for image in images.images if image.plan.id == imaging_id), None)
        scan = None if image is None else participant_pet_scan(folder, participant_id, image, context, notes, opened)
        if scan is not None:
            reads[key] = _reads(folder, participant_id, scan)
    baseline, response = reads.get(_BASELINE), reads.get(_RESPONSE)
    # The results show one reader's lesions, the adjudicated or else the latest's; the category is by all of them.
    adjudication, not_standing = standing_adjudication(folder, participant_id)
    if not_standing:
        notes.append(Note(participant_id, "warning", rule.imaging_response, not_standing))
    shown_after = response.latest if response is not None else ""
    if adjudication is not None and response is not None and adjudication["chosen_reader"] in response.rows:
        shown_after = adjudication["chosen_reader"]
    shown_before = ""
    if baseline is not None:
        shown_before = shown_after if shown_after in baseline.rows else baseline.latest
    shown = {_BASELINE: shown_before, _RESPONSE: shown_after}
    readings: dict[str, list[LesionReading] | None] = {}
    uptakes: dict[str, _Uptakes] = {}
    sites: dict[str, str] = {}
    pictures: list[FusionPicture] = []
    for key, reader in shown.items():
        one = reads.get(key)
        readings[key], uptakes[key] = _readings(one, reader, rule, participant_id, notes, key)
        if one is None:
            continue
        rows = one.rows.get(reader, ())
        sites.update({row["lesion_id"]: row["site"] for row in rows})
        hottest = sorted(
            ((row["lesion_id"], row["region_name"]) for row in rows if row["region_name"]),
            # The lesion hottest at baseline comes first at response too, so that both pictures cut through one place.
            key=lambda pair: -_value((uptakes[_BASELINE] or uptakes[key]).get(pair[0])),
        )
        cut_mm = pictures[0].cut_position_mm if pictures else None
        pictures.append(fusion_picture(folder, participant_id, one.scan, hottest, otherwise_at_mm=cut_mm))
    if not treated or response is None:
        return None, pictures
    demonstration = context.resting_on(
        "response", *(f"imaging.{name}" for name in (rule.imaging_baseline, rule.imaging_response))
    )
    results: dict[str, ResponseResult] = {}
    shown_label = ""
    pairs = _pairs(baseline, response)
    for before, after in pairs:
        label = after if sum(reader == after for _, reader in pairs) == 1 else f"{after} with the baseline of {before}"
        if (before, after) == (shown_before, shown_after):
            shown_label, first, second = label, readings[_BASELINE], readings[_RESPONSE]
        else:
            first, _ = _readings(baseline, before, rule, participant_id, notes)
            second, _ = _readings(response, after, rule, participant_id, notes)
        results[label] = response_category(first, second, rule, demonstration=demonstration)
    if adjudication is not None:
        mine = {results[label].category for label in results if label.split(" ")[0] == shown_after}
        if shown_after != adjudication["chosen_reader"] or len(mine) > 1:
            adjudication = None
    result = of_all_readers(results, shown_label, adjudication, shown_label)
    notes.extend(_note_on_readers(participant_id, rule.imaging_response, results, adjudication))
    outcome = _response_outcome(result, uptakes[_BASELINE], uptakes[_RESPONSE], sites, rule)
    by_reader = tuple(ReaderCategory(label, one.category, one.arithmetic) for label, one in results.items())
    adjudicated_to = shown_after if adjudication is not None else ""
    return replace(
        outcome, readings=reader_readings(reads), by_reader=by_reader, adjudicated_to=adjudicated_to
    ), pictures


def _note_on_readers(
    participant_id: str, imaging_id: str, results: Mapping[str, ResponseResult], adjudication: Row | None
) -> list[Note]:
    if len(results) == 1:
        return []
    said = "; ".join(f"{reader}: {one.category}, {one.arithmetic}" for reader, one in results.items())
    if len({one.category for one in results.values()}) == 1:
        return [Note(participant_id, "info", imaging_id, f"the readers agree on the response: {said}")]
    if adjudication is not None and len(results) > 1:
        who, reader = adjudication["adjudicator"], adjudication["chosen_reader"]
        message = f"the readers differ on the response; adjudicated by {who}, the reading of {reader} stands: {said}"
        return [Note(participant_id, "info", imaging_id, message)]
    message = f"the readers differ on the response and adjudication is not recorded, so it is not evaluable: {said}"
    return [Note(participant_id, "warning", imaging_id, message)]


def _value(quantity: Quantity | None) -> float:
    return -math.inf if quantity is None or quantity.value is None else quantity.value
