"""DICOM Segmentation (binary, fractional, label map) -> regions on a grid (PS3.3 A.51, C.8.20)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from theratrial.errors import InputError
from theratrial.imaging.membership import Membership, resampled
from theratrial.imaging.nm import decoded_frames
from theratrial.imaging.values import FloatArray, Grid

_OFF_PLANE_FRACTION: Final = 0.1
_MOST_PLANES: Final = 20_000
_MOST_VOXELS: Final = 300_000_000


@dataclass(frozen=True, slots=True)
class Segment:
    """Number and name of a segment."""

    number: int
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class SegmentedRegion:
    """A segment as stored: weights 0..1 on its own grid, cut to the planes and pixels it uses."""

    segment: Segment
    grid: Grid
    weights: FloatArray


def segments(dataset: Dataset) -> tuple[Segment, ...]:
    """The segments a file names, in file order."""
    found = []
    for item in dataset.get("SegmentSequence", []):
        number = int(item.SegmentNumber)
        found.append(Segment(number, str(item.get("SegmentLabel", "") or f"segment {number}").strip()))
    return tuple(found)


@dataclass(frozen=True, slots=True, eq=False)
class SegmentationFrames:
    """All frames of a segmentation with the place and segment of each, read once for any number of segments."""

    grid: Grid
    """Grid of one plane, at the first frame; frames differ by `plane` steps along its slice direction."""
    plane: NDArray[np.int64]
    segment: NDArray[np.int64]
    """Segment number of each frame; 0 where the frame is a label map."""
    values: NDArray[Any]
    full_value: float

    def region(self, segment: Segment) -> SegmentedRegion | None:
        """The segment on its own grid, None where no pixel belongs to it."""
        chosen = np.flatnonzero((self.segment == segment.number) | (self.segment == 0))
        masks = []
        for frame in chosen:
            values = self.values[frame]
            mask = (values == segment.number) if self.segment[frame] == 0 else values
            if mask.any():
                masks.append((int(self.plane[frame]), mask))
        if not masks:
            return None
        rows = np.flatnonzero(np.any([m.any(axis=1) for _, m in masks], axis=0))
        columns = np.flatnonzero(np.any([m.any(axis=0) for _, m in masks], axis=0))
        r, c = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        first, last = min(p for p, _ in masks), max(p for p, _ in masks)
        if (last - first + 1) * (r.stop - r.start) * (c.stop - c.start) > _MOST_VOXELS:
            raise InputError(
                f"region {segment.name!r} spans {last - first + 1} planes of {r.stop - r.start} x {c.stop - c.start} "
                "pixels; a region of a patient does not -> check the positions of its planes"
            )
        weights = np.zeros((last - first + 1, r.stop - r.start, c.stop - c.start), dtype=np.float32)
        for plane, mask in masks:
            full = 1.0 if mask.dtype == bool else self.full_value
            np.maximum(weights[plane - first], mask[r, c] / np.float32(full), out=weights[plane - first])
        origin = self.grid.patient_mm(np.array([first, r.start, c.start], dtype=float))
        place = Grid(
            (weights.shape[0], weights.shape[1], weights.shape[2]),
            self.grid.spacing_mm,
            (float(origin[0]), float(origin[1]), float(origin[2])),
            self.grid.direction,
            self.grid.frame_of_reference_uid,
        )
        return SegmentedRegion(segment, place, weights)


def segmentation_frames(dataset: Dataset) -> SegmentationFrames:
    """Frames of a segmentation with their planes.

    Raises
    ------
    InputError
        If a frame's place or segment is not stated, or the planes are not parallel and evenly spaced.
    """
    kind = str(dataset.get("SegmentationType", ""))
    if kind not in ("BINARY", "FRACTIONAL", "LABELMAP"):
        raise InputError(f"segmentation type {kind!r} is not known; allowed are BINARY, FRACTIONAL, LABELMAP")
    count = int(dataset.get("NumberOfFrames", 1) or 1)
    shared = _first(dataset, "SharedFunctionalGroupsSequence")
    per_frame = list(dataset.get("PerFrameFunctionalGroupsSequence", []))
    if len(per_frame) != count:
        raise InputError(f"segmentation has {count} frames but states the place of {len(per_frame)} -> export it again")
    orientation = np.array([_orientation(f, shared) for f in per_frame])
    if np.abs(orientation - orientation[0]).max() > 1e-4:
        raise InputError("the frames of the segmentation are not parallel -> export one segmentation per orientation")
    row, column = orientation[0, :3], orientation[0, 3:]
    normal = np.cross(row, column)
    positions = np.array([_position(f, shared) for f in per_frame])
    measures = _macro("PixelMeasuresSequence", per_frame[0], shared)
    if measures is None or "PixelSpacing" not in measures:
        raise InputError("segmentation states no pixel spacing -> export it again")
    dy, dx = (float(v) for v in measures.PixelSpacing)
    lowest = int(np.argmin(positions @ normal))
    height = (positions - positions[lowest]) @ normal
    dz = _plane_spacing_mm(height, measures)
    if not dz > 0 or height.max() / dz > _MOST_PLANES:
        raise InputError(
            f"the planes of the segmentation span {height.max():g} mm in steps of {dz:g} mm; a patient does not "
            "-> check the positions of its planes"
        )
    plane = np.round(height / dz).astype(np.int64)
    if np.abs(height / dz - plane).max() > _OFF_PLANE_FRACTION:
        raise InputError(f"the planes of the segmentation are not evenly spaced (step {dz:.4g} mm) -> export it again")
    aside = positions - positions[lowest] - height[:, None] * normal
    if np.abs(aside).max() > 0.1:
        raise InputError("the frames of the segmentation are shifted against each other -> export it again")
    values = decoded_frames(dataset, "segmentation")
    grid = Grid(
        (1, values.shape[1], values.shape[2]),
        (dz, dy, dx),
        (float(positions[lowest, 0]), float(positions[lowest, 1]), float(positions[lowest, 2])),
        np.column_stack([row, column, normal]),
        str(dataset.get("FrameOfReferenceUID", "") or ""),
    )
    label_map = kind == "LABELMAP"
    numbers = np.array([0 if label_map else _segment_number(f, shared) for f in per_frame], dtype=np.int64)
    full = float(dataset.get("MaximumFractionalValue", 0) or 0) if kind == "FRACTIONAL" else 1.0
    if full <= 0:
        raise InputError("fractional segmentation states no MaximumFractionalValue -> export it again")
    return SegmentationFrames(grid, plane, numbers, values, full)


def membership(region: SegmentedRegion, grid: Grid) -> tuple[Membership, float]:
    """Membership of a segment on a grid, and its volume as stored [mL]: sum of weights times voxel volume."""
    volume = float(region.weights.sum(dtype=np.float64)) * region.grid.voxel_volume_mL
    return resampled(region.weights, region.grid, grid), volume


def _plane_spacing_mm(height: NDArray[np.float64], measures: Dataset) -> float:
    """Smallest step between planes that all other steps fit; empty planes may be left out of a segmentation."""
    distinct = np.unique(np.round(height, 3))
    stated = abs(float(measures.get("SpacingBetweenSlices", 0) or 0)) or float(measures.get("SliceThickness", 0) or 0)
    if len(distinct) < 2:
        if not stated:
            raise InputError("segmentation of one plane states no slice spacing or thickness -> export it again")
        return stated
    smallest = float(np.diff(distinct).min())
    if stated and abs(smallest / stated - round(smallest / stated)) < 0.02 and round(smallest / stated) > 1:
        return stated  # every second plane is empty: the planes are still `stated` thick
    span = float(distinct[-1])
    return span / round(span / smallest)


def _first(dataset: Dataset, keyword: str) -> Dataset:
    items = dataset.get(keyword, None)
    return items[0] if items else Dataset()


def _macro(keyword: str, frame: Dataset, shared: Dataset) -> Dataset | None:
    for group in (frame, shared):
        items = group.get(keyword, None)
        if items:
            return items[0]
    return None


def _orientation(frame: Dataset, shared: Dataset) -> list[float]:
    item = _macro("PlaneOrientationSequence", frame, shared)
    if item is None or len(item.get("ImageOrientationPatient", None) or []) != 6:
        raise InputError("segmentation states no orientation for a frame -> export it again")
    return [float(v) for v in item.ImageOrientationPatient]


def _position(frame: Dataset, shared: Dataset) -> list[float]:
    item = _macro("PlanePositionSequence", frame, shared)
    if item is None or len(item.get("ImagePositionPatient", None) or []) != 3:
        raise InputError("segmentation states no position for a frame (slide coordinates are not supported)")
    return [float(v) for v in item.ImagePositionPatient]


def _segment_number(frame: Dataset, shared: Dataset) -> int:
    item = _macro("SegmentIdentificationSequence", frame, shared)
    if item is None or "ReferencedSegmentNumber" not in item:
        raise InputError("a frame of the segmentation does not say to which segment it belongs -> export it again")
    return int(item.ReferencedSegmentNumber)
