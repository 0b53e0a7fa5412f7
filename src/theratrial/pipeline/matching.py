"""Which image is which: the series of a participant matched to the protocol's imaging plan by product, kind and time.

PatientID is the participant's pseudonym. Nothing is guessed from file or folder names. What fits no plan is named; what
may not be there at all (another person's image, an image before consent) stops the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from theratrial.errors import Problem, Problems
from theratrial.imaging.catalogue import Catalogue, CatalogueSeries, files_place
from theratrial.imaging.times import in_zone
from theratrial.nuclides import nuclide_name
from theratrial.protocol.schema import ImagingPlan, Protocol
from theratrial.results.values import Note
from theratrial.trialfolder.records import Row, TrialFolder
from theratrial.units import converted

_REGION_MODALITIES = ("RTSTRUCT", "SEG")
_EMISSION_MODALITIES = ("NM", "PT")
_PLANAR_KINDS = ("WHOLE BODY", "STATIC")


@dataclass(frozen=True, slots=True)
class PlannedImage:
    """A planned image of an administration, with the series that fits it, or why there is none."""

    plan: ImagingPlan
    session: int | None
    administration: Row | None
    series: CatalogueSeries | None
    acquired_at: datetime | None
    hours_after: float | None
    in_window: bool | None
    ct: CatalogueSeries | None
    regions: tuple[CatalogueSeries, ...]
    missed: Row | None
    """Line of the visits table that says the scan was missed."""
    assigned: Row | None = None
    """Line of the image assignments by which a person said that the series is this image, in its window or not."""


@dataclass(frozen=True, slots=True)
class ParticipantImages:
    """The planned images of one participant, and what a person should know of them."""

    participant_id: str
    images: tuple[PlannedImage, ...]
    notes: tuple[Note, ...]


def matched_images(folder: TrialFolder, catalogue: Catalogue) -> dict[str, ParticipantImages]:
    """The images of every participant, matched to the protocol.

    Raises
    ------
    Problems
        Everything that must be mended first: what the catalogue found, images of unknown persons, images made before
        consent, regions drawn in a frame of reference that no image of the participant has.
    """
    problems = list(catalogue.problems)
    known = set(folder.participant_ids)
    # A series without a PatientID is named by the catalogue already.
    for patient_id in sorted({series.patient_id for series in catalogue.series} - known - {""}):
        strangers = catalogue.of_patient(patient_id)
        problems.append(
            Problem(
                files_place([path for one in strangers for path in one.files]),
                f"{len(strangers)} series of PatientID {patient_id!r}, who is not in records/participants.csv",
                "correct the PatientID, register the participant, or take the images out",
            )
        )
    found: dict[str, ParticipantImages] = {}
    for participant_id in folder.participant_ids:
        series = catalogue.of_patient(participant_id)
        problems += _before_consent(folder, participant_id, series)
        problems += _stray_regions(participant_id, series)
        found[participant_id] = _matched(folder, participant_id, series)
        problems += _drawn_twice(found[participant_id])
    if problems:
        raise Problems("images of the trial folder", problems)
    return found


def _acquired_at(folder: TrialFolder, series: CatalogueSeries) -> datetime | None:
    return in_zone(series.acquired_at, folder.zone)


def _before_consent(folder: TrialFolder, participant_id: str, series: Iterable[CatalogueSeries]) -> list[Problem]:
    consents = folder.rows("consents", participant_id=participant_id)
    images = [one for one in series if one.modality not in _REGION_MODALITIES]
    if not images:
        return []
    if not consents:
        return [
            Problem(
                files_place([path for one in images for path in one.files]),
                f"{len(images)} image series of {participant_id}, whose consent is not recorded",
                "record the consent in records/consents.csv, or take the images out",
            )
        ]
    first = min(consents, key=lambda row: row["signed_at"])
    return [
        Problem(
            files_place(one.files),
            f"{one.modality} image of {participant_id} made {at.isoformat(timespec='minutes')}, before consent "
            f"({first['signed_at'].isoformat(timespec='minutes')}, {first.file} line {first.line})",
            "correct the wrong date, or take the image out and report the deviation",
        )
        for one in images
        if (at := _acquired_at(folder, one)) is not None and at < first["signed_at"]
    ]


def _stray_regions(participant_id: str, series: Sequence[CatalogueSeries]) -> list[Problem]:
    frames = {one.frame_of_reference_uid for one in series if one.modality not in _REGION_MODALITIES}
    uids = {one.series_instance_uid for one in series}
    return [
        Problem(
            str(one.files[0]),
            f"regions of {participant_id} in a frame of reference that no image of the participant has "
            f"({', '.join(one.referenced_frame_of_reference_uids) or 'not stated'})",
            "give the image they were drawn on, or draw them on the image that is there",
        )
        for one in series
        if one.modality in _REGION_MODALITIES
        and not frames & set(one.referenced_frame_of_reference_uids)
        and not uids & set(one.referenced_series_uids)
    ]


def _drawn_twice(found: ParticipantImages) -> list[Problem]:
    """Regions of one name twice on one image: which of the outlines is meant, nobody could tell."""
    problems = []
    for image in found.images:
        seen: dict[str, Path] = {}
        for drawn in image.regions:
            for name in drawn.region_names:
                first = seen.setdefault(name.casefold(), drawn.files[0])
                if first is not drawn.files[0] or drawn.region_names.count(name) > 1:
                    other = "the same file" if first is drawn.files[0] else str(first)
                    problems.append(
                        Problem(
                            str(drawn.files[0]),
                            f"region {name!r} of {found.participant_id} on {image.plan.title} is drawn in {other} too",
                            "keep one of them",
                        )
                    )
    return list(dict.fromkeys(problems))


def _fits(plan: ImagingPlan, nuclide: str, series: CatalogueSeries) -> bool:
    if series.radionuclide is not None and series.radionuclide != nuclide:
        return False
    if plan.kind == "pet_ct":
        return series.modality == "PT"
    if plan.kind == "whole_body_planar":
        return series.modality == "NM" and series.image_kind in _PLANAR_KINDS
    # A reconstruction program may store a SPECT as PT; then only the nuclide tells it from a PET.
    return (series.modality == "NM" and series.image_kind == "RECON TOMO") or (
        series.modality == "PT" and series.radionuclide == nuclide
    )


def _plans(protocol: Protocol) -> list[ImagingPlan]:
    return [clause.reading for clause in protocol.imaging.values() if clause.reading is not None]


def _wanted(folder: TrialFolder, participant_id: str) -> list[tuple[ImagingPlan, Row | None]]:
    """Every image the protocol plans for the administrations that took place."""
    wanted: list[tuple[ImagingPlan, Row | None]] = []
    for plan in _plans(folder.protocol):
        given = folder.rows("administrations", participant_id=participant_id, product_id=plan.product)
        if plan.per_session:
            wanted += [(plan, row) for row in sorted(given, key=lambda row: row["injected_at"])]
        else:
            of_timepoint = [row for row in given if row["timepoint"] == plan.timepoint]
            wanted.append((plan, of_timepoint[0] if of_timepoint else None))
    return wanted


def _hours(later: datetime, earlier: datetime) -> float:
    return converted((later - earlier).total_seconds(), "s", "h")


def _outside(plan: ImagingPlan, hours: float) -> float:
    """Hours by which a time lies outside the plan's window; 0 inside."""
    return max(plan.window_h.minimum - hours, hours - plan.window_h.maximum, 0.0)


def _matched(folder: TrialFolder, participant_id: str, series: tuple[CatalogueSeries, ...]) -> ParticipantImages:
    wanted = _wanted(folder, participant_id)
    nuclides = {
        key: nuclide_name(clause.reading.nuclide)
        for key, clause in folder.protocol.products.items()
        if clause.reading is not None
    }
    times = {one.series_instance_uid: _acquired_at(folder, one) for one in series}
    pairs = []
    for index, (plan, row) in enumerate(wanted):
        if row is None:
            continue
        for one in series:
            at = times[one.series_instance_uid]
            if at is None or not _fits(plan, nuclides[plan.product], one):
                continue
            hours = _hours(at, row["injected_at"])
            width = plan.window_h.maximum - plan.window_h.minimum
            if hours >= 0 and _outside(plan, hours) <= width:
                centre = abs(hours - (plan.window_h.minimum + plan.window_h.maximum) / 2)
                pairs.append((_outside(plan, hours), centre, index, one.series_instance_uid))
    chosen, assigned, refused = _assigned(folder, participant_id, wanted, series, times, nuclides)
    for _, _, index, uid in sorted(pairs):
        if index not in chosen and uid not in chosen.values():
            chosen[index] = uid
    by_uid = {one.series_instance_uid: one for one in series}
    images = tuple(
        _planned(folder, participant_id, plan, row, by_uid.get(chosen.get(index, "")), series, assigned.get(index))
        for index, (plan, row) in enumerate(wanted)
    )
    return ParticipantImages(participant_id, images, (*refused, *_notes(participant_id, images, series, times)))


def _assigned(
    folder: TrialFolder,
    participant_id: str,
    wanted: Sequence[tuple[ImagingPlan, Row | None]],
    series: Iterable[CatalogueSeries],
    times: Mapping[str, datetime | None],
    nuclides: Mapping[str, str],
) -> tuple[dict[int, str], dict[int, Row], list[Note]]:
    """What people assigned by hand, which goes before every rule of time, and what of it cannot be used.

    An image of another kind or nuclide, without a time, or made before the injection is none of it, whoever says so.
    """
    chosen: dict[int, str] = {}
    lines: dict[int, Row] = {}
    notes = []
    by_uid = {one.series_instance_uid: one for one in series}
    for line in folder.rows("image_assignments", participant_id=participant_id):
        one, why = by_uid.get(line["series_instance_uid"]), ""
        found = [
            index
            for index, (plan, row) in enumerate(wanted)
            if plan.id == line["imaging_id"] and (not plan.per_session or (row and row["session"] == line["session"]))
        ]
        row = wanted[found[0]][1] if found else None
        if one is None:
            why = "no such series is there"
        elif row is None:
            why = "the injection it belongs to is not recorded"
        elif found[0] in chosen:
            why = f"another series is assigned to it too ({lines[found[0]].source})"
        elif not _fits(wanted[found[0]][0], nuclides[wanted[found[0]][0].product], one):
            why = "the series is an image of another kind or nuclide"
        elif (at := times[one.series_instance_uid]) is None or at < row["injected_at"]:
            why = "the series has no time, or one before the injection"
        else:
            chosen[found[0]], lines[found[0]] = one.series_instance_uid, line
        if why:
            place = line.source.removeprefix("record:")
            message = f"series assigned by hand to {line['imaging_id']} is not used: {why}"
            notes.append(Note(participant_id, "warning", place, message))
    return chosen, lines, notes


def _planned(
    folder: TrialFolder,
    participant_id: str,
    plan: ImagingPlan,
    row: Row | None,
    one: CatalogueSeries | None,
    series: tuple[CatalogueSeries, ...],
    assigned: Row | None,
) -> PlannedImage:
    session = row["session"] if row is not None and plan.per_session else None
    at = _acquired_at(folder, one) if one is not None else None
    hours = _hours(at, row["injected_at"]) if at is not None and row is not None else None
    missed = [
        visit
        for visit in folder.rows("visits", participant_id=participant_id, visit_id=plan.id, status="missed")
        if visit["session"] == session
    ]
    ct = None
    regions: tuple[CatalogueSeries, ...] = ()
    if one is not None:
        frame = one.frame_of_reference_uid
        ct = next((s for s in series if s.modality == "CT" and frame and s.frame_of_reference_uid == frame), None)
        regions = tuple(s for s in series if s.modality in _REGION_MODALITIES and _drawn_on(s, one))
    return PlannedImage(
        plan=plan,
        session=session,
        administration=row,
        series=one,
        acquired_at=at,
        hours_after=hours,
        in_window=None if hours is None else plan.window_h.holds(hours),
        ct=ct,
        regions=regions,
        missed=missed[0] if missed else None,
        assigned=assigned,
    )


def _drawn_on(regions: CatalogueSeries, image: CatalogueSeries) -> bool:
    if image.series_instance_uid in regions.referenced_series_uids:
        return True
    frame = image.frame_of_reference_uid
    return bool(frame) and frame in regions.referenced_frame_of_reference_uids


def _notes(
    participant_id: str,
    images: Iterable[PlannedImage],
    series: Iterable[CatalogueSeries],
    times: dict[str, datetime | None],
) -> tuple[Note, ...]:
    notes = []
    used: set[str] = set()
    for image in images:
        place = image.plan.id if image.session is None else f"session {image.session}, {image.plan.id}"
        if image.series is None:
            if image.missed is not None:
                message = f"{image.plan.title}: missed ({image.missed['reason'] or 'no reason recorded'})"
                notes.append(Note(participant_id, "deviation", place, message))
            elif image.administration is not None and image.plan.required:
                message = f"{image.plan.title}: no image fits, and records/visits.csv does not say that it was missed"
                notes.append(Note(participant_id, "warning", place, message))
            continue
        used |= {image.series.series_instance_uid, *(one.series_instance_uid for one in image.regions)}
        used |= {image.ct.series_instance_uid} if image.ct is not None else set()
        if image.in_window is False:
            window = f"{image.plan.window_h.minimum:g}-{image.plan.window_h.maximum:g} h"
            message = f"{image.plan.title}: made {image.hours_after:.1f} h after injection, outside its window {window}"
            notes.append(Note(participant_id, "deviation", place, message))
        if (by_hand := image.assigned) is not None:
            message = (
                f"{image.plan.title}: assigned by hand by {by_hand['assigned_by']} on "
                f"{by_hand['assigned_at'].isoformat(timespec='minutes')}: {by_hand['reason']}"
            )
            notes.append(Note(participant_id, "info" if image.in_window else "deviation", place, message))
        if image.missed is not None:
            line = f"records/visits.csv line {image.missed.line}"
            message = f"{image.plan.title}: {line} says missed, but an image is there"
            notes.append(Note(participant_id, "warning", place, message))
    for one in series:
        if one.series_instance_uid not in used:
            at = times[one.series_instance_uid]
            when = f"of {at.isoformat(timespec='minutes')}" if at else "without a time"
            message = f"{one.modality} series {when} fits no planned image and was not used"
            severity: Literal["info", "warning"] = "warning" if one.modality in _EMISSION_MODALITIES else "info"
            notes.append(Note(participant_id, severity, files_place(one.files), message))
    return tuple(notes)
