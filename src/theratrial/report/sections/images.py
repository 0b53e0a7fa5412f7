"""Pictures of a few participants chosen by rule, and of everybody in a gallery."""

from __future__ import annotations

from collections.abc import Sequence

from theratrial.report.blocks import Block, Heading, Picture, Section, Text
from theratrial.report.figures.images import SUV_TOP, fusion_figure, planar_figure
from theratrial.report.figures.strip import strip
from theratrial.report.studio import Studio
from theratrial.report.style import CATEGORY_NAMES
from theratrial.report.texts import words
from theratrial.results.pictures import FusionPicture, Pictures, PlanarPicture
from theratrial.results.values import ParticipantResult, TrialResult

EXAMPLES_RULE = "the first participant by identifier in each response category"


def examples(result: TrialResult, pictures: Pictures) -> list[ParticipantResult]:
    """One participant per response category that has pictures, the first by identifier; no category counts as one."""
    shown = {p.participant_id for p in pictures.planar} | {p.participant_id for p in pictures.fusion}
    chosen: dict[str, ParticipantResult] = {}
    for one in sorted(result.participants, key=lambda one: one.participant_id):
        if one.treated and one.participant_id in shown:
            chosen.setdefault(one.response.category if one.response else "", one)
    order = [*CATEGORY_NAMES, ""]
    return sorted(chosen.values(), key=lambda one: order.index(one.response.category if one.response else ""))


def _shown_sessions(planar: Sequence[PlanarPicture]) -> list[PlanarPicture]:
    """The pairs of the first and the last session: more would be too small to read."""
    sessions = sorted({picture.session for picture in planar})
    kept = {sessions[0], sessions[-1]} if sessions else set()
    return sorted((p for p in planar if p.session in kept), key=lambda p: (p.session, p.hours_after))


def _without_rings(fusion: Sequence[FusionPicture]) -> str:
    """What a cut shows where no lesion is drawn, of which there are rings at the other time."""
    bare = [picture for picture in fusion if not picture.lesion_marks]
    if not bare or len(bare) == len(fusion):
        return ""
    times = " and ".join(words(picture.timepoint) for picture in bare)
    return f" No lesion is drawn at {times}: the cut is at the same plane of the scanner."


def _example(one: ParticipantResult, index: int, pictures: Pictures, studio: Studio) -> list[Block]:
    category = one.response.category if one.response else ""
    meaning = CATEGORY_NAMES.get(category, "response not assessed")
    blocks: list[Block] = [Heading(f"{one.participant_id}: {meaning}")]
    fusion = [picture for picture in pictures.fusion if picture.participant_id == one.participant_id]
    drawn = fusion_figure(fusion)
    if drawn is not None:
        times = " and ".join(words(picture.timepoint) for picture in fusion)
        blocks.append(
            studio.raster(
                f"fusion_{index}",
                drawn,
                alternative=f"PET on CT and PET projection of {one.participant_id} at {times}, lesions named",
                caption=f"{one.participant_id}, {times}: coronal cut through baseline's hottest lesion, PET on CT, "
                f"and the maximum-intensity projection, all from SUV 0 to {SUV_TOP:g}. Rings: lesions the reader "
                f"drew.{_without_rings(fusion)}",
            )
        )
    planar = _shown_sessions([picture for picture in pictures.planar if picture.participant_id == one.participant_id])
    drawn = planar_figure(planar)
    if drawn is not None:
        said = ", ".join(f"session {picture.session} at {picture.hours_after:.1f} h" for picture in planar)
        blocks.append(
            studio.raster(
                f"planar_{index}",
                drawn,
                alternative=f"Whole-body anterior and posterior views of {one.participant_id}: {said}",
                caption=f"{one.participant_id}, whole body: {said}. Photopeak counts with physical decay undone, "
                "one scale for all views, so what fades has cleared. The posterior view is mirrored.",
            )
        )
    return blocks


def images_section(result: TrialResult, pictures: Pictures, studio: Studio) -> Section:
    """Pictures of the examples."""
    chosen = examples(result, pictures)
    if not chosen:
        return Section("images", "Images", (Text("There are no pictures.", "quiet"),))
    blocks: list[Block] = [
        Text(
            f"Shown: {EXAMPLES_RULE}. All others are in the gallery at the end. "
            "R and L are the patient's right and left."
        )
    ]
    for index, one in enumerate(chosen, 1):
        blocks += _example(one, index, pictures, studio)
    return Section("images", "Images", tuple(blocks))


def gallery_section(result: TrialResult, pictures: Pictures, studio: Studio) -> Section:
    """Every picture, small."""
    blocks: list[Block] = [
        Text(
            f"Every participant: PET on CT and projection (SUV 0 to {SUV_TOP:g}), then the whole-body pairs of each "
            "session (s1, s2 ...), decay-corrected, one scale per participant; posterior (post.) mirrored. Bar: 10 cm."
        )
    ]
    for index, one in enumerate(result.participants, 1):
        fusion = [picture for picture in pictures.fusion if picture.participant_id == one.participant_id]
        planar = [picture for picture in pictures.planar if picture.participant_id == one.participant_id]
        image = strip(fusion, sorted(planar, key=lambda p: (p.session, p.hours_after)))
        if image is not None:
            blocks.append(_strip(one, index, image, studio))
    if len(blocks) == 1:
        blocks = [Text("There are no pictures.", "quiet")]
    return Section("gallery", "Gallery", tuple(blocks))


def _strip(one: ParticipantResult, index: int, image: object, studio: Studio) -> Picture:
    return studio.image(
        f"gallery_{index:03d}",
        image,
        alternative=f"All pictures of {one.participant_id}, small",
        caption=one.participant_id,
    )
