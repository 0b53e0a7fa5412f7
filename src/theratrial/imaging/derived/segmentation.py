"""Regions of an image -> DICOM Segmentation, binary or label map (PS3.3 A.51, C.8.20)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from theratrial.errors import InputError
from theratrial.imaging.derived import codes
from theratrial.imaging.derived.codes import Code
from theratrial.imaging.derived.making import MANUFACTURER, Making, SourceImages, stamp, within
from theratrial.imaging.values import Grid, Region

SegmentationKind = Literal["BINARY", "LABELMAP"]

MEMBER_FROM: Final = 0.5
"""Share of a voxel that must lie in the region for the voxel to belong to it."""

_SERIES_NUMBERS: Final = {"BINARY": 9101, "LABELMAP": 9102}


@dataclass(frozen=True, slots=True, eq=False)
class SegmentToWrite:
    """A region with what is said of it.

    Parameters
    ----------
    tracking_uid
        The same on every image that shows this lesion or organ of this patient.
    drawn
        How the source says that it was drawn; empty where it does not.
    """

    region: Region
    label: str
    category: Code
    kind: Code
    tracking_id: str
    tracking_uid: str
    side: Code | None = None
    site: Code | None = None
    drawn: Literal["MANUAL", "SEMIAUTOMATIC", "AUTOMATIC", ""] = ""
    is_lesion: bool = False


def membership(region: Region) -> NDArray[np.bool_]:
    """Voxels of the region's box that belong to it: from half on; any share where none has half, as for SUVmax."""
    weights = np.asarray(region.weights)
    inside: NDArray[np.bool_] = weights >= MEMBER_FROM
    return inside if inside.any() else weights > 0


def writable(segments: Sequence[SegmentToWrite]) -> tuple[tuple[SegmentToWrite, ...], tuple[str, ...]]:
    """Segments that hold a voxel at least, lesions after organs; and the labels of those that hold none."""
    kept = [one for one in segments if membership(one.region).any()]
    order = sorted(kept, key=lambda one: (one.is_lesion, one.label.casefold()))
    return tuple(order), tuple(one.label for one in segments if one not in kept)


def segmentation(
    source: SourceImages,
    segments: Sequence[SegmentToWrite],
    making: Making,
    key: str,
    *,
    kind: SegmentationKind = "BINARY",
    description: str = "Regions",
) -> Dataset:
    """A Segmentation of the regions on the image's own grid; segment n is the n-th of `segments`.

    A voxel belongs to a region from half of it on; a region so small that it holds half of no voxel keeps every voxel
    that it touches. Where regions overlap, the binary form keeps both; a label map holds
    one label in a voxel, that of the lesion before that of the organ, of the smaller before the larger.

    Parameters
    ----------
    key
        Names the object among those of the same results.

    Raises
    ------
    InputError
        No segment, a region on another grid, or one that holds no voxel.

    References
    ----------
    DICOM PS3.3 A.51 (Segmentation IOD), C.8.20.2 (Segmentation Image Module, with LABELMAP).
    """
    import highdicom as hd

    _check(source, segments)
    used = _planes(source, segments)
    pixels = _labels(segments, used) if kind == "LABELMAP" else _masks(segments, used)
    if source.frames:
        images, pixels = [_enhanced(source)], pixels[np.argsort(source.frames)]
    else:
        images = [source.header(int(plane)) for plane in used]
    made = hd.seg.Segmentation(
        source_images=images,
        pixel_array=pixels,
        segmentation_type=kind,
        segment_descriptions=[
            _description(one, number, making.software) for number, one in enumerate(segments, start=1)
        ],
        series_instance_uid=making.uid("series", "seg", kind, key),
        series_number=_SERIES_NUMBERS[kind],
        sop_instance_uid=segmentation_uid(making, key, kind),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER,
        software_versions=making.software,
        device_serial_number="none",
        content_label="REGIONS",
        content_description=within(description),
        omit_empty_frames=True,
    )
    _finish(made, segments, making, key, kind)
    stamp(made, making, source.first, description=f"{description}, {kind.lower()}")
    return made


def segmentation_uid(making: Making, key: str, kind: SegmentationKind) -> str:
    """Identifier of the segmentation of an image: what refers to it need not wait for it."""
    return making.uid("instance", "seg", kind, key)


def _check(source: SourceImages, segments: Sequence[SegmentToWrite]) -> None:
    if not segments:
        raise InputError("a segmentation holds a region at least")
    for one in segments:
        if not one.region.grid.same_place(source.grid):
            raise InputError(f"region {one.label!r} is on another grid than the image")
        if not membership(one.region).any():
            raise InputError(f"region {one.label!r} holds no voxel -> leave it out")


def _planes(source: SourceImages, segments: Sequence[SegmentToWrite]) -> NDArray[np.int64]:
    """Planes from the first to the last that any region uses; all planes of an image in one file."""
    if source.frames:
        return np.arange(source.grid.shape[0])
    first = min(one.region.corner[0] for one in segments)
    last = max(one.region.corner[0] + one.region.weights.shape[0] for one in segments)
    return np.arange(first, last)


def _place(one: SegmentToWrite, used: NDArray[np.int64]) -> tuple[slice, slice, slice]:
    z, y, x = one.region.box()
    return slice(z.start - int(used[0]), z.stop - int(used[0])), y, x


def _masks(segments: Sequence[SegmentToWrite], used: NDArray[np.int64]) -> NDArray[Any]:
    _, rows, columns = segments[0].region.grid.shape
    masks = np.zeros((len(used), rows, columns, len(segments)), dtype=np.uint8)
    for number, one in enumerate(segments):
        masks[(*_place(one, used), number)] = membership(one.region)
    return masks


def _labels(segments: Sequence[SegmentToWrite], used: NDArray[np.int64]) -> NDArray[Any]:
    _, rows, columns = segments[0].region.grid.shape
    labels = np.zeros((len(used), rows, columns), dtype=np.uint8 if len(segments) < 256 else np.uint16)
    # What is written last stays: the larger first, organs before lesions.
    order = sorted(enumerate(segments, start=1), key=lambda pair: (pair[1].is_lesion, -pair[1].region.volume_mL))
    for number, one in order:
        labels[_place(one, used)][membership(one.region)] = number
    return labels


def _description(one: SegmentToWrite, number: int, software: str) -> Any:
    import highdicom as hd

    algorithm = None
    drawn = one.drawn or "SEMIAUTOMATIC"
    if drawn != "MANUAL":
        name = "as stated by the source" if one.drawn else "drawn region to voxels; who drew it is not stated"
        algorithm = hd.AlgorithmIdentificationSequence(
            name=name, family=_coded(codes.own("region_to_voxels", "Region to voxels")), version=software
        )
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=within(one.label),
        segmented_property_category=_coded(one.category),
        segmented_property_type=_coded(one.kind),
        algorithm_type=drawn,
        algorithm_identification=algorithm,
        tracking_uid=one.tracking_uid,
        tracking_id=one.tracking_id,
        anatomic_regions=[_coded(one.site)] if one.site is not None else None,
    )


def _coded(code: Code) -> Any:
    from highdicom.sr import CodedConcept

    return CodedConcept(code.value, code.scheme, code.meaning)


def _finish(
    made: Dataset, segments: Sequence[SegmentToWrite], making: Making, key: str, kind: SegmentationKind
) -> None:
    """Sides of paired organs, and identifiers that follow from the inputs where the library draws them."""
    for item in made.SegmentSequence:
        number = int(item.SegmentNumber)
        side = segments[number - 1].side if 1 <= number <= len(segments) else None
        if side is not None:
            item.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [side.item()]
    dimension = making.uid("dimension", kind, key)
    for item in made.DimensionOrganizationSequence:
        item.DimensionOrganizationUID = dimension
    for item in made.DimensionIndexSequence:
        item.DimensionOrganizationUID = dimension


def _enhanced(source: SourceImages) -> Dataset:
    """A multi-frame NM image as the library expects one: the place of every frame in functional groups.

    A reconstructed NM image states its geometry once; only the references made from this are written.
    """
    grid = source.grid
    dataset = Dataset()
    dataset.update(source.first)
    dataset.FrameOfReferenceUID = grid.frame_of_reference_uid
    dataset.PositionReferenceIndicator = ""
    dz, dy, dx = grid.spacing_mm
    measures, orientation = Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness, measures.SpacingBetweenSlices = [dy, dx], dz, dz
    orientation.ImageOrientationPatient = [float(v) for v in (*grid.direction[:, 0], *grid.direction[:, 1])]
    shared = Dataset()
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = _frame_groups(source)
    return dataset


def _frame_groups(source: SourceImages) -> list[Dataset]:
    plane_of = {frame: plane for plane, frame in enumerate(source.frames)}
    groups = []
    for frame in range(1, len(source.frames) + 1):
        position, group = Dataset(), Dataset()
        position.ImagePositionPatient = plane_position(source.grid, plane_of[frame])
        group.PlanePositionSequence = [position]
        groups.append(group)
    return groups


def plane_position(grid: Grid, plane: int) -> list[float]:
    """Centre of the first voxel of a plane, in patient coordinates [mm]."""
    return [float(f"{v:.10g}") for v in grid.patient_mm(np.array([plane, 0.0, 0.0]))]
