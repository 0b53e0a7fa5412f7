"""The regions drawn on an image as segments: codes, identity over time, and how they were drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final, Literal

from pydicom import dcmread

from theratrial.imaging.derived import codes
from theratrial.imaging.derived.codes import Code
from theratrial.imaging.derived.segmentation import SegmentToWrite
from theratrial.imaging.guard import readable
from theratrial.imaging.values import Region
from theratrial.pipeline.derived_values import DerivedWork
from theratrial.pipeline.matching import PlannedImage
from theratrial.pipeline.tracer_reading import lesion_sites
from theratrial.quantification.organ_names import organ_name

Drawn = Literal["MANUAL", "SEMIAUTOMATIC", "AUTOMATIC", ""]
_DRAWN: Final[Mapping[str, Drawn]] = {
    "MANUAL": "MANUAL",
    "SEMIAUTOMATIC": "SEMIAUTOMATIC",
    "AUTOMATIC": "AUTOMATIC",
}


def segments_of(work: DerivedWork, image: PlannedImage, regions: Sequence[Region]) -> list[SegmentToWrite]:
    """The regions as segments; a lesion keeps its identity wherever it was drawn."""
    lesions = lesion_of_region(work, image)
    sites = {name.casefold(): site for name, site in lesion_sites(work.folder, work.participant_id).items()}
    drawn = _drawn(image)
    made = []
    for region in regions:
        name = region.name.casefold()
        lesion = lesions.get(name)
        if lesion is not None or _is_lesion(work, name):
            made.append(_lesion(work, region, lesion, sites.get((lesion or "").casefold(), ""), drawn.get(name, "")))
        else:
            made.append(_organ(work, region, drawn.get(name, "")))
    return made


def lesion_of_region(work: DerivedWork, image: PlannedImage) -> dict[str, str]:
    """Region name, case folded -> lesion: by the readers' lines on a PET, by the doses' matching on a therapy scan."""
    if image.plan.per_session:
        courses = work.result.criteria.lesions
        return {one.dose_region.casefold(): one.lesion_id for one in courses if one.dose_region}
    rows = work.folder.rows("lesion_readings", participant_id=work.participant_id, timepoint=image.plan.timepoint)
    found: dict[str, set[str]] = {}
    for row in rows:
        if row["region_name"]:
            found.setdefault(row["region_name"].casefold(), set()).add(row["lesion_id"])
    # Two lesions in one region are no identity of either.
    return {name: next(iter(ids)) for name, ids in found.items() if len(ids) == 1}


def lesion_tracking(work: DerivedWork, lesion_id: str) -> str:
    """Identity of a lesion over all images of the participant."""
    return work.making.tracking_uid("lesion", lesion_id)


def site_code(site: str) -> Code | None:
    """Where a lesion lies, where the standard has a code for it."""
    value = codes.SITES.get(site.casefold().strip())
    return None if value is None else codes.sct(value, codes.ORGANS[value])


def organ_code(name: str) -> tuple[Code, Code | None] | None:
    """Organ and side of a name in the controlled list; None where the list has no code for it."""
    found = organ_name(name)
    if found.organ is None or not found.sct:
        return None
    meaning = codes.ORGANS.get(found.sct) or found.organ.replace("_", " ").capitalize()
    return codes.sct(found.sct, meaning), codes.SIDES.get(found.side)


def _is_lesion(work: DerivedWork, name: str) -> bool:
    readings = [one.reading for one in work.folder.protocol.dose_regions.values() if one.reading is not None]
    return any(
        fnmatchcase(name, pattern.casefold())
        for reading in readings
        if reading.kind == "lesion"
        for pattern in reading.region_names
    )


def _lesion(work: DerivedWork, region: Region, lesion: str | None, site: str, drawn: Drawn) -> SegmentToWrite:
    if lesion is None:
        tracked, uid = region.name, work.making.tracking_uid("region", region.name)
    else:
        tracked, uid = lesion, lesion_tracking(work, lesion)
    return SegmentToWrite(
        region=region,
        label=region.name,
        category=codes.ABNORMAL_STRUCTURE,
        kind=codes.LESION,
        tracking_id=tracked,
        tracking_uid=uid,
        site=site_code(site),
        drawn=drawn,
        is_lesion=True,
    )


def _organ(work: DerivedWork, region: Region, drawn: Drawn) -> SegmentToWrite:
    found = organ_code(region.name)
    kind, side = found if found is not None else (codes.TISSUE, None)
    return SegmentToWrite(
        region=region,
        label=region.name,
        category=codes.ANATOMICAL_STRUCTURE if found is not None else codes.TISSUE,
        kind=kind,
        tracking_id=region.name,
        tracking_uid=work.making.tracking_uid("region", region.name),
        side=side,
        drawn=drawn,
    )


def _drawn(image: PlannedImage) -> dict[str, Drawn]:
    """Region name, case folded -> how its file says that it was drawn."""
    found: dict[str, Drawn] = {}
    for series in image.regions:
        for path in series.files:
            with readable(path):
                read = dcmread(path, stop_before_pixels=True)
                for item in read.get("StructureSetROISequence", []):
                    name = str(item.get("ROIName", "")).strip().casefold()
                    found[name] = _DRAWN.get(str(item.get("ROIGenerationAlgorithm", "") or "").upper(), "")
                for item in read.get("SegmentSequence", []):
                    name = str(item.get("SegmentLabel", "")).strip().casefold()
                    found[name] = _DRAWN.get(str(item.get("SegmentAlgorithmType", "") or "").upper(), "")
    return found
