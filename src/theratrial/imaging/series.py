"""A series of slices -> geometry and stored pixels, in the order of the patient, or a list of what is wrong with it.

Slices are ordered by their position along the normal of the image plane, never by InstanceNumber or file name.
Nothing is filled in: a missing slice, a second patient, a mixed series are refused with their names.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theratrial.errors import InputError, Problem, Problems
from theratrial.imaging.fastload import DirectReader, PixelLayout, dataset_from_file, decoded_words, header, scaled_into
from theratrial.imaging.series_files import ImageFile, image_file, looked_at
from theratrial.imaging.times import header_zone, in_zone, moment, moment_from_dt
from theratrial.imaging.values import FloatArray, Grid, Source, Volume
from theratrial.trace import file_hash, joint_hash

MULTI_FRAME_SOP_CLASSES = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.2.1",  # Enhanced CT
        "1.2.840.10008.5.1.4.1.1.2.2",  # Legacy Converted Enhanced CT
        "1.2.840.10008.5.1.4.1.1.130",  # Enhanced PET
        "1.2.840.10008.5.1.4.1.1.128.1",  # Legacy Converted Enhanced PET
    }
)
_SERIES_MODALITIES = frozenset({"CT", "PT", "MR", "NM", "OT"})


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


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A slice series, checked and in order; its pixels stay in the files until `volume` or `stored` reads them."""

    grid: Grid
    slices: tuple[Slice, ...]
    """In grid order: slice ``i`` is plane ``[i]`` of the arrays."""
    layout: PixelLayout
    modality: str
    unit: str
    """Units (0054,1001) of a PT, HU for a CT, else RescaleType or ""."""
    decay_correction: str
    """DecayCorrection (0054,1102): NONE, START, ADMIN, or "" where absent."""
    header: Any
    """pydicom Dataset of the first file in grid order, without pixels."""
    source: Source
    notes: tuple[str, ...] = field(default=())
    """What was seen and tolerated."""

    def zone(self, timezone: tzinfo | None = None) -> tzinfo | None:
        """Time zone of the series: TimezoneOffsetFromUTC, else `timezone`."""
        return header_zone(self.header, timezone)

    def acquired_at(self, timezone: tzinfo | None = None) -> datetime | None:
        """Start of the acquisition: the earliest of the slices; naive where no time zone is known."""
        zone = self.zone(timezone)
        moments = [m for one in self.slices if (m := in_zone(one.acquired_at, zone)) is not None]
        return min(moments) if moments else None


def series_from_files(
    paths: Iterable[str | os.PathLike[str]], *, hashed: bool = True, content_hash: str = "", walk: bool = True
) -> Series:
    """Series of the given files, all of one series.

    Parameters
    ----------
    paths
        Files of one CT, PT or MR series, in any order: single-frame slices, or one enhanced multi-frame file.
    hashed
        Whether to hash the files (sha256 of each, joined whatever their order) for ``source.content_hash``. Hashing
        reads every byte once more; False leaves the hash "", for callers that only look.
    content_hash
        The joint hash where the caller already has it; no file is then hashed.
    walk
        False reads every header with pydicom; the result is the same.

    Raises
    ------
    Problems
        Every file that does not belong, is broken or missing, with its place and remedy.
    """
    listed = [Path(path) for path in paths]
    if not listed:
        raise InputError("a series needs at least one file, got none")
    files: list[ImageFile] = []
    problems: list[Problem] = []
    for path in listed:
        found = looked_at(path, walk=walk)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            files.append(found)
    return _series(files, problems, hashed=hashed, content_hash=content_hash, what=f"series of {len(listed)} file(s)")


def series_from_folder(
    path: str | os.PathLike[str],
    series_instance_uid: str | None = None,
    *,
    modality: str | None = None,
    hashed: bool = True,
    content_hash: str = "",
    walk: bool = True,
) -> Series:
    """The image series in a folder and its subfolders; other DICOM objects and other files are passed over.

    Parameters
    ----------
    series_instance_uid
        Which series, where the folder holds several.
    modality
        Look only at series of this modality (``PT``, ``CT``); None looks at all.
    hashed, content_hash, walk
        As in `series_from_files`.

    Raises
    ------
    InputError
        If the path is a file, is missing, or holds no image series, or not the one asked for.
    Problems
        If it holds several image series and none is asked for, or the series is broken.
    """
    folder = Path(path)
    if not folder.is_dir():
        reason = "is a file, a folder with a series was expected" if folder.exists() else "no such folder"
        raise InputError(f"{folder}: {reason}")
    by_series: dict[str, list[ImageFile]] = {}
    broken: list[tuple[str, Problem]] = []
    ignored = 0
    modalities = _SERIES_MODALITIES if modality is None else {modality}
    for place in sorted(p for p in folder.rglob("*") if p.is_file() and p.name.upper() != "DICOMDIR"):
        found = looked_at(place, walk=walk)
        if isinstance(found, ImageFile) and found.modality in modalities:
            by_series.setdefault(found.series_instance_uid, []).append(found)
        elif isinstance(found, Problem) and (uid := _series_of_broken(place, modalities)) is not None:
            broken.append((uid, found))
        else:
            ignored += 1
    if not by_series:
        if broken:
            raise Problems(f"no readable image series in {folder}", [problem for _, problem in broken])
        of_kind = f"{modality} series" if modality else "image series"
        raise InputError(f"{folder}: holds no {of_kind} ({ignored} other file(s))")
    if series_instance_uid is None and len(by_series) > 1:
        raise Problems(
            f"{folder} holds {len(by_series)} image series; choose one by its SeriesInstanceUID",
            [
                Problem(
                    str(files[0].path.parent),
                    f"{uid} ({files[0].modality}, {len(files)} file(s))",
                    "series_instance_uid",
                )
                for uid, files in sorted(by_series.items())
            ],
        )
    uid = series_instance_uid if series_instance_uid is not None else next(iter(by_series))
    if uid not in by_series:
        raise InputError(f"{folder}: holds no series {uid}; there is {', '.join(sorted(by_series))}")
    own = [problem for of, problem in broken if of in ("", uid)]
    return _series(by_series[uid], own, hashed=hashed, content_hash=content_hash, what=f"series in {folder}")


def _series_of_broken(path: Path, modalities: Collection[str]) -> str | None:
    """SeriesInstanceUID of a DICOM file that could not be read as a slice, "" if even that is lost; None if no slice."""
    with path.open("rb") as stream:
        if stream.read(132)[128:] != b"DICM":
            return None
    try:
        head = header(path, ("SOPClassUID", "Modality", "SeriesInstanceUID", "Rows"))
    except InputError:
        return ""
    of = str(head.get("Modality") or "")
    return str(head.get("SeriesInstanceUID") or "") if of in modalities and head.get("Rows") else None


def _series(files: list[ImageFile], problems: list[Problem], *, hashed: bool, content_hash: str, what: str) -> Series:
    if problems:
        raise Problems(what, problems)
    files, notes = _without_copies(files, what)
    _same_series(files, what)
    first = files[0]
    if any(one.layout.frames > 1 for one in files) or first.sop_class_uid in MULTI_FRAME_SOP_CLASSES:
        from theratrial.imaging.series_multiframe import frames_of

        if len(files) > 1:
            raise InputError(f"{what}: {len(files)} multi-frame files in one series; give one file")
        frames = frames_of(first)
    else:
        frames = Frames(
            slices=[_slice(one) for one in files],
            orientation=_plane(files, what),
            spacing_mm=first.spacing_mm,
            thickness_mm=first.thickness_mm,
            unit=first.unit,
            decay_correction=first.decay_correction,
        )
    slices = frames.slices
    grid, order, more = _grid(frames, first, what)
    ordered = tuple(slices[i] for i in order)
    header = dataset_from_file(ordered[0].path)
    if not content_hash and hashed:
        content_hash = joint_hash(file_hash(one.path) for one in files)
    source = Source(
        patient_id=first.patient_id,
        study_instance_uid=first.study_instance_uid,
        series_instance_uid=first.series_instance_uid,
        modality=first.modality,
        files=tuple(dict.fromkeys(one.path for one in ordered)),
        content_hash=content_hash,
    )
    return Series(
        grid=grid,
        slices=ordered,
        layout=first.layout,
        modality=first.modality,
        unit=frames.unit or ("HU" if first.modality == "CT" else str(header.get("RescaleType") or "")),
        decay_correction=frames.decay_correction,
        header=header,
        source=source,
        notes=tuple(notes + more),
    )


def _without_copies(files: list[ImageFile], what: str) -> tuple[list[ImageFile], list[str]]:
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


def _same_series(files: list[ImageFile], what: str) -> None:
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


def _plane(files: list[ImageFile], what: str) -> tuple[float, ...]:
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


def _slice(one: ImageFile) -> Slice:
    return Slice(
        path=one.path,
        frame=0,
        sop_instance_uid=one.sop_instance_uid,
        position_mm=one.position_mm,
        slope=one.slope,
        intercept=one.intercept,
        acquired_at=moment_from_dt(one.acquisition_datetime) or moment(one.acquisition_date, one.acquisition_time),
        frame_reference_time_s=one.frame_reference_time_s,
        frame_duration_s=one.frame_duration_s,
        decay_factor=one.decay_factor,
        suv_scale_factor=one.suv_scale_factor,
        activity_scale_factor=one.activity_scale_factor,
        pixel_start=one.pixel_start,
    )


def _grid(frames: Frames, first: ImageFile, what: str) -> tuple[Grid, NDArray[np.intp], list[str]]:
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
    usual = float(np.median(steps))
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


def scaled(series: Series, factors: NDArray[np.float64] | None = None) -> FloatArray:
    """Rescaled values of a series, ``(nz, ny, nx)`` float32: stored x slope x factor + intercept, slice by slice.

    Parameters
    ----------
    factors
        ``(nz,)``, multiplied into the slope and intercept of each slice; None is 1.

    Raises
    ------
    InputError
        If a file is truncated or cannot be decoded.
    """
    out: FloatArray = np.empty(series.grid.shape, np.float32)
    reader = DirectReader(series.layout)
    decoded: tuple[Path, NDArray[Any]] | None = None
    for plane, one in enumerate(series.slices):
        if one.pixel_start >= 0:
            words = reader.words(one.path, one.pixel_start + one.frame * series.layout.frame_bytes)
        else:
            if decoded is None or decoded[0] != one.path:
                decoded = one.path, decoded_words(one.path, series.layout)
            words = decoded[1][one.frame]
        factor = 1.0 if factors is None else float(factors[plane])
        scaled_into(out[plane], words, one.slope * factor, one.intercept * factor)
    return out


def volume(series: Series, *, timezone: tzinfo | None = None) -> Volume:
    """The series as rescaled: HU for a CT, else in ``series.unit``.

    ``acquired_at`` is naive where neither the file nor `timezone` knows the zone.
    """
    return Volume(
        grid=series.grid,
        values=scaled(series),
        unit=series.unit,
        acquired_at=series.acquired_at(timezone),
        source=series.source,
    )


__all__ = ["ImageFile", "Series", "Slice", "image_file", "scaled", "series_from_files", "series_from_folder", "volume"]
