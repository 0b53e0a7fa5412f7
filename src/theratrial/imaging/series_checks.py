"""Whether the files of a series belong together, and where their voxels are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theratrial.errors import InputError, Problem, Problems
from theratrial.imaging.codecs import PixelLayout
from theratrial.imaging.series_files import ImageFile
from theratrial.imaging.values import Grid
from theratrial.trace import file_hash


@dataclass(frozen=True, slots=True)
class Slice:
    """One plane of a series: where its pixels are, how they scale, when they were measured."""

    path: Path
    frame: int
    """Index of the frame in its file; 0 in a single-frame file."""
    sop_instance_uid: str
    position_mm: tuple[float, float, float]
    """Centre of the first pixel, LPS."""
    slope: float
    intercept: float
    acquired_at: datetime | None
    """Start of the acquisition of this slice; naive where the file knows no time zone."""
    frame_reference_time_s: float | None
    frame_duration_s: float | None
    decay_factor: float | None
    suv_scale_factor: float | None
    """Philips (7053,1000); None where absent or 0, which Philips documents as not convertible."""
    activity_scale_factor: float | None
    """Philips (7053,1009), likewise."""
    pixel_start: int
    """Byte offset of the first frame of the file; -1 where pydicom has to decode."""


@dataclass(frozen=True, slots=True)
class Frames:
    """Planes of a series before they are ordered, and what they share."""

    slices: list[Slice]
    orientation: tuple[float, ...]
    """Direction cosines of a row, then of a column."""
    spacing_mm: tuple[float, float]
    """(row, column)."""
    thickness_mm: float | None
    unit: str
    decay_correction: str


def without_copies(files: list[ImageFile], what: str) -> tuple[list[ImageFile], list[str]]:
    """Files with one per SOPInstanceUID; identical copies are dropped with a note, differing ones refused."""
    kept: dict[str, ImageFile] = {}
    notes: list[str] = []
    problems: list[Problem] = []
    for one in files:
        other = kept.setdefault(one.sop_instance_uid or str(one.path), one)
        if other is one:
            continue
        if other.path.samefile(one.path) or file_hash(other.path) == file_hash(one.path):
            notes.append(f"{one.path.name} is an identical copy of {other.path.name}, dropped")
        else:
            problems.append(
                Problem(
                    str(one.path),
                    f"has the same SOPInstanceUID {one.sop_instance_uid} as {other.path} but other content",
                    "remove the one that is not the original",
                )
            )
    if problems:
        raise Problems(what, problems)
    return list(kept.values()), notes


def refuse_mixed(files: list[ImageFile], what: str) -> None:
    """Refuse files that differ in what all slices of one series share."""
    problems: list[Problem] = []
    for name, remedy in (
        ("patient_id", "two patients must not be mixed: give the files of one"),
        ("series_instance_uid", "choose one series by its SeriesInstanceUID"),
        ("modality", "give the files of one modality"),
        ("frame_of_reference_uid", "the slices do not share one coordinate system"),
        ("layout", "the slices differ in rows, columns or pixel format"),
        ("unit", "the slices differ in Units (0054,1001)"),
        ("decay_correction", "the slices differ in DecayCorrection (0054,1102)"),
    ):
        groups: dict[Any, list[ImageFile]] = {}
        for one in files:
            groups.setdefault(getattr(one, name), []).append(one)
        if len(groups) > 1:
            shown = "; ".join(f"{_shown(value)} ({len(of)} file(s), {of[0].path.name})" for value, of in groups.items())
            problems.append(Problem(str(files[0].path.parent), f"{len(groups)} different {name}: {shown}", remedy))
    if problems:
        raise Problems(what, problems)


def _shown(value: Any) -> str:
    if isinstance(value, PixelLayout):
        return f"{value.rows} x {value.columns}, {value.bits_allocated} bit, frames {value.frames}"
    return repr(value) if value == "" else str(value)


def common_orientation(files: list[ImageFile], what: str) -> tuple[float, ...]:
    """The one orientation of all slices, which must also share the pixel spacing."""
    orientation = np.array([one.orientation for one in files])
    spacing = np.array([one.spacing_mm for one in files])
    problems = []
    for i in np.flatnonzero(np.abs(orientation - orientation[0]).max(axis=1) > 1e-4):
        problems.append(
            Problem(
                str(files[i].path), f"ImageOrientationPatient {files[i].orientation}, first is {files[0].orientation}"
            )
        )
    for i in np.flatnonzero(np.abs(spacing - spacing[0]).max(axis=1) > 1e-4):
        problems.append(
            Problem(str(files[i].path), f"PixelSpacing {files[i].spacing_mm} mm, first is {files[0].spacing_mm}")
        )
    if problems:
        raise Problems(f"{what}: slices of different orientation or spacing", problems)
    return files[0].orientation


def grid_of(frames: Frames, first: ImageFile, what: str) -> tuple[Grid, NDArray[np.intp], list[str]]:
    """Grid of the slices and their order along the normal."""
    slices, orientation = frames.slices, frames.orientation
    along_row, along_column = np.array(orientation[:3]), np.array(orientation[3:])
    lengths = np.linalg.norm(along_row), np.linalg.norm(along_column)
    if abs(lengths[0] - 1) > 1e-2 or abs(lengths[1] - 1) > 1e-2 or abs(along_row @ along_column) > 1e-2:
        raise InputError(
            f"{first.path}: ImageOrientationPatient {orientation} is not a pair of perpendicular unit vectors"
        )
    along_row, along_column = along_row / lengths[0], along_column / lengths[1]
    normal = np.cross(along_row, along_column)
    places = np.array([one.position_mm for one in slices])
    depth = places @ normal
    order = np.argsort(depth, kind="stable")
    step, notes = _step(depth[order], [slices[i] for i in order], frames.thickness_mm, what)
    drift = places - places[order[0]] - np.outer(depth - depth[order[0]], normal)
    if (worst := float(np.abs(drift).max())) > max(0.1, 0.02 * step):
        raise InputError(
            f"{what}: slices are shifted in their plane by up to {worst:.2f} mm from slice to slice (gantry tilt); "
            "resample the series to a rectangular grid first"
        )
    grid = Grid(
        shape=(len(slices), first.layout.rows, first.layout.columns),
        spacing_mm=(step, *frames.spacing_mm),
        origin_mm=(float(places[order[0], 0]), float(places[order[0], 1]), float(places[order[0], 2])),
        direction=np.column_stack([along_row, along_column, normal]),
        frame_of_reference_uid=first.frame_of_reference_uid,
    )
    return grid, order, notes


def _step(
    depth: NDArray[np.float64], slices: list[Slice], thickness: float | None, what: str
) -> tuple[float, list[str]]:
    """Distance between slice centres [mm]; refuses doubled positions and gaps."""
    if len(depth) == 1:
        if not thickness or thickness <= 0:
            raise InputError(f"{slices[0].path}: a single slice without SliceThickness has no volume")
        return thickness, ["single slice: its depth is SliceThickness"]
    steps = np.diff(depth)
    usual = float(np.sort(steps)[len(steps) // 2])  # np.median would import numpy.ma, 50 ms
    doubled = np.flatnonzero(steps < max(1e-3, 0.01 * usual))
    if doubled.size:
        raise Problems(
            f"{what}: several slices at one position (a dynamic or gated series, or two reconstructions?)",
            [
                Problem(
                    str(slices[i + 1].path),
                    f"same position as {slices[i].path.name} ({_at(slices[i])})",
                    "give the slices of one time frame, gate or reconstruction",
                )
                for i in doubled[:20]
            ],
        )
    tolerance = max(0.1, 0.05 * usual)
    uneven = np.flatnonzero(np.abs(steps - usual) > tolerance)
    if uneven.size:
        raise Problems(
            f"{what}: slices are not evenly spaced (usual step {usual:.3f} mm)",
            [
                Problem(
                    str(slices[i].path.parent),
                    f"gap of {steps[i]:.3f} mm between {_at(slices[i])} ({slices[i].path.name}) and "
                    f"{_at(slices[i + 1])} ({slices[i + 1].path.name}){_missing(steps[i], usual)}",
                    "send the series again, complete",
                )
                for i in uneven[:20]
            ],
        )
    step = float((depth[-1] - depth[0]) / (len(depth) - 1))
    spread = float(np.abs(steps - step).max())
    return step, [f"slice positions are rounded: steps differ by up to {spread:.3f} mm"] if spread > 0.01 else []


def _missing(gap_mm: float, usual_mm: float) -> str:
    count = round(gap_mm / usual_mm) - 1
    return f": {count} slice(s) missing" if count >= 1 and abs(gap_mm / usual_mm - count - 1) < 0.1 else ""


def _at(one: Slice) -> str:
    x, y, z = one.position_mm
    return f"({x:.2f}, {y:.2f}, {z:.2f}) mm"
