"""Where a series belongs: participant by pseudonym or by a person's word, planned image by the protocol's windows.

The core's matching judges all series of a participant together; what it refuses goes to quarantine with its words.
What was accepted before keeps its place: a series that comes later and would fit as well waits until a person has
looked at both, since nobody can tell from the headers which of the two is meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from django.utils.translation import gettext_noop as _

from theratrial.errors import Problems
from theratrial.imaging.catalogue import Catalogue, CatalogueSeries
from theratrial.imaging.times import in_zone
from theratrial.pipeline.matching import ParticipantImages, PlannedImage, matched_images
from theratrial.protocol.schema import ImagingPlan
from theratrial.trialfolder.records import TrialFolder
from theratrial.web.studies.models import Series
from theratrial.web.studies.series_json import catalogued, row_key

REGION_MODALITIES: Final = ("RTSTRUCT", "SEG")
EMISSION_MODALITIES: Final = ("NM", "PT")
_REMEDIES: Final = {
    "no_consent": _("Record the consent, then check again; or set the image aside and report the deviation."),
    "before_consent": _("Correct the wrong date, then check again; or set the image aside and report the deviation."),
    "image_missing": _("Send the image these regions were drawn on, then check again."),
    "drawn_twice": _("Keep one of the two: set the other aside."),
}


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a series is in quarantine: a rule, what is wrong, what to do."""

    rule: str
    message: str
    remedy: str

    def as_json(self) -> dict[str, str]:
        """For the row."""
        return {"rule": self.rule, "message": self.message, "remedy": self.remedy}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a series belongs, or why nowhere."""

    imaging: str = ""
    session: int | None = None
    part: str = ""
    reasons: tuple[Reason, ...] = field(default=())


def places(folder: TrialFolder, participant_id: str, rows: Sequence[Series]) -> dict[str, Place]:
    """Key of the row -> its place, for all series of one participant that nobody has settled by hand.

    Parameters
    ----------
    rows
        All her series that are not set aside; those settled by a person keep their place and take it from others.
    """
    # Those accepted before come first: of two CTs of one examination the core takes the first.
    ordered = sorted(rows, key=lambda row: row.state != "matched")
    values = {str(row.pk): catalogued(row) for row in ordered}
    settled = {str(row.pk): Place(row.imaging, row.session, row.part) for row in rows if row.settled_by and row.imaging}
    before = {str(row.pk) for row in rows if row.state == "matched" and not row.settled_by}
    there = {key: value for key, value in values.items() if key in before or value.modality not in EMISSION_MODALITIES}
    held = _holders(_matched(folder, participant_id, there, {})) if before else {}
    refused: dict[str, Reason] = {}
    while True:
        found = _matched(folder, participant_id, values, refused)
        newcomers = {
            key: _second(image)
            for image in found.images
            if (image.plan.id, image.session) in held
            and (key := _holder(image))
            and key not in before
            and key not in settled
        }
        if not newcomers:
            return _placed(folder, found, values, settled, refused)
        refused |= newcomers


def _matched(
    folder: TrialFolder, participant_id: str, values: Mapping[str, CatalogueSeries], refused: dict[str, Reason]
) -> ParticipantImages:
    """What the core matches of the series that are not refused; what it refuses itself is added to them."""
    while True:
        taking_part = tuple(value for key, value in values.items() if key not in refused)
        try:
            return matched_images(folder, Catalogue(taking_part, (), (), len(taking_part)))[participant_id]
        except Problems as problems:
            new = _by_row(problems, taking_part)
            if not new.keys() - refused.keys():
                raise
            refused |= new


def _holder(image: PlannedImage) -> str:
    """Key of the row that is this planned image; empty where none is."""
    return str(image.series.files[0]) if image.series is not None else ""


def _holders(found: ParticipantImages) -> dict[tuple[str, int | None], str]:
    return {(image.plan.id, image.session): key for image in found.images if (key := _holder(image))}


def _second(image: PlannedImage) -> Reason:
    """Why a series waits whose place another one has."""
    return Reason(
        "second_image",
        f"Another series is matched to {_name(image)} already.",
        _("Set the wrong one aside, or assign this one in its place."),
    )


def _name(image: PlannedImage) -> str:
    return image.plan.title if image.session is None else f"{image.plan.title}, session {image.session}"


def _by_row(problems: Problems, taking_part: Sequence[CatalogueSeries]) -> dict[str, Reason]:
    """Key of a row -> what the core says about it; a missing consent is said once about every image there is."""
    known = {str(one.files[0]) for one in taking_part}
    found: dict[str, Reason] = {}
    for problem in problems.problems:
        rule = _rule(problem.message)
        why = Reason(rule, _plain(problem.message), _REMEDIES.get(rule, problem.remedy))
        if rule == "no_consent":
            found |= {str(one.files[0]): why for one in taking_part if one.modality not in REGION_MODALITIES}
        elif row_key(problem.place) in known:
            found[row_key(problem.place)] = why
    return found


def _placed(
    folder: TrialFolder,
    found: ParticipantImages,
    values: dict[str, CatalogueSeries],
    settled: dict[str, Place],
    refused: dict[str, Reason],
) -> dict[str, Place]:
    taken = {(one.imaging, one.session, one.part) for one in settled.values() if one.part == "image"}
    result = dict(settled)
    for image in found.images:
        if image.series is None or (image.plan.id, image.session, "image") in taken:
            continue
        parts = [("image", image.series), *(("ct", one) for one in (image.ct,) if one is not None)]
        for part, one in [*parts, *(("regions", drawn) for drawn in image.regions)]:
            result.setdefault(str(one.files[0]), Place(image.plan.id, image.session, part))
    for key, value in values.items():
        if key not in result:
            why = refused.get(key) or _unplaced(folder, found.images, value)
            result[key] = Place(reasons=(why,))
    return result


def _unplaced(folder: TrialFolder, images: Sequence[PlannedImage], value: CatalogueSeries) -> Reason:
    """Why a series of a known participant fits no planned image."""
    at = in_zone(value.acquired_at, folder.zone)
    if value.modality in REGION_MODALITIES:
        return Reason(
            "image_missing",
            "These regions were drawn on an image that has not been matched.",
            _("Send the image they were drawn on, or settle its quarantine first."),
        )
    if value.modality == "CT" and any(image.ct and _same_frame(image.ct, value) for image in images):
        return Reason(
            "second_image",
            "Another CT of the same examination is matched already.",
            _("Set the wrong one aside, or assign this one in its place."),
        )
    if value.modality == "CT":
        return Reason(
            "image_missing",
            "This CT shares its frame of reference with no matched PET or SPECT.",
            _("Send the PET or SPECT of this examination, or assign the CT to a planned image."),
        )
    if value.modality not in EMISSION_MODALITIES or not images:
        return Reason(
            "not_planned",
            f"The protocol plans no image of modality {value.modality}.",
            _("Set it aside, or assign it if it is a planned image under another modality."),
        )
    if at is None:
        return Reason("no_time", "The header states no acquisition time.", _("Assign it to its planned image."))
    if all(image.administration is None for image in images):
        return Reason(
            "no_administration",
            "No administration is recorded that this image could belong to.",
            _("Record the administration, then check again."),
        )
    return _nearest(images, value, at.isoformat(timespec="minutes"), folder)


def _same_frame(one: CatalogueSeries, other: CatalogueSeries) -> bool:
    return bool(one.frame_of_reference_uid) and one.frame_of_reference_uid == other.frame_of_reference_uid


def _nearest(images: Sequence[PlannedImage], value: CatalogueSeries, when: str, folder: TrialFolder) -> Reason:
    at = in_zone(value.acquired_at, folder.zone)
    distances = []
    for image in images:
        if image.administration is None or at is None:
            continue
        hours = (at - image.administration["injected_at"]).total_seconds() / 3600
        window = image.plan.window_h
        outside = max(window.minimum - hours, hours - window.maximum, 0.0)
        distances.append((outside, not _alike(image.plan, value), hours, image))
    if not distances:
        return Reason("no_administration", "No administration is recorded.", _("Record it, then check again."))
    outside, unlike, hours, image = min(distances, key=lambda one: one[:2])
    name = _name(image)
    if outside == 0 and image.series is not None and not unlike:
        return _second(image)
    if outside == 0:
        return Reason(
            "other_kind",
            f"Acquired {hours:.1f} h after the injection, as {name} is planned, but the kind of image or the nuclide "
            f"differs ({value.modality} {value.image_kind}, {value.radionuclide or 'nuclide not stated'}).",
            _("Assign it if it is that image all the same, or set it aside."),
        )
    window = image.plan.window_h
    return Reason(
        "outside_windows",
        f"Acquired {when}: the nearest planned image is {name}, {window.minimum:g} to {window.maximum:g} h after the "
        f"injection; this one is {hours:.1f} h after it.",
        _("Correct the administration's time if it is wrong, or assign the image with the reason."),
    )


def _alike(plan: ImagingPlan, value: CatalogueSeries) -> bool:
    """Whether a series looks like what is planned, whatever its nuclide and time."""
    if plan.kind == "pet_ct":
        return value.modality == "PT"
    return value.modality == "NM" and (value.image_kind == "RECON TOMO") == (plan.kind != "whole_body_planar")


def _rule(message: str) -> str:
    if "before consent" in message:
        return "before_consent"
    if "consent is not recorded" in message:
        return "no_consent"
    if "frame of reference that no image" in message:
        return "image_missing"
    return "drawn_twice" if "is drawn in" in message else "not_usable"


def _plain(message: str) -> str:
    return message[:1].upper() + message[1:] + ("" if message.endswith(".") else ".")


__all__ = ["EMISSION_MODALITIES", "REGION_MODALITIES", "Place", "Reason", "places"]
