"""A series of slices -> geometry and stored pixels, in the order of the patient, or a list of what is wrong with it.

Slices are ordered by their position along the normal of the image plane, never by InstanceNumber or file name.
Nothing is filled in: a missing slice, a second patient, a mixed series are refused with their names.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theratrial.errors import InputError, Problem, Problems
from theratrial.imaging.codecs import DirectReader, PixelLayout, PlaneMemory, decoded_words, scaled_into
from theratrial.imaging.fastload import dataset_from_file, header
from theratrial.imaging.series_checks import Frames, Slice, common_orientation, grid_of, refuse_mixed, without_copies
from theratrial.imaging.series_files import ImageFile, image_file, looked_at
from theratrial.imaging.series_multiframe import frames_of
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
_READING_THREADS = 2
"""Reading and scaling are bound by memory: more threads than two gain nothing."""
_PLANES_PER_BLOCK = 8
_SERIES_MODALITIES = frozenset({"CT", "PT", "MR", "NM", "OT"})


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
    for place in _files_below(folder):
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
                    "give this UID",
                )
                for uid, files in sorted(by_series.items())
            ],
        )
    uid = series_instance_uid if series_instance_uid is not None else next(iter(by_series))
    if uid not in by_series:
        raise InputError(f"{folder}: holds no series {uid}; there is {', '.join(sorted(by_series))}")
    own = [problem for of, problem in broken if of in ("", uid)]
    return _series(by_series[uid], own, hashed=hashed, content_hash=content_hash, what=f"series in {folder}")


def _files_below(folder: Path) -> list[Path]:
    """Every file in a folder and its subfolders, by name; a DICOMDIR is no image."""
    found: list[str] = []
    waiting = [os.fspath(folder)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif entry.name.upper() != "DICOMDIR" and entry.is_file():
                    found.append(entry.path)
    return [Path(path) for path in sorted(found)]


def _series_of_broken(path: Path, modalities: Collection[str]) -> str | None:
    """SeriesInstanceUID of a DICOM file that is no readable slice, "" if even that is lost; None if no slice at all."""
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
    files, notes = without_copies(files, what)
    refuse_mixed(files, what)
    first = files[0]
    if any(one.layout.frames > 1 for one in files) or first.sop_class_uid in MULTI_FRAME_SOP_CLASSES:
        if len(files) > 1:
            raise InputError(f"{what}: {len(files)} multi-frame files in one series; give one file")
        frames = frames_of(first)
    else:
        frames = Frames(
            slices=[_slice(one) for one in files],
            orientation=common_orientation(files, what),
            spacing_mm=first.spacing_mm,
            thickness_mm=first.thickness_mm,
            unit=first.unit,
            decay_correction=first.decay_correction,
        )
    slices = frames.slices
    grid, order, more = grid_of(frames, first, what)
    ordered = tuple(slices[i] for i in order)
    header = dataset_from_file(ordered[0].path)
    stated = header.get("NumberOfSlices")
    if first.modality == "PT" and isinstance(stated, int) and stated > len(ordered):
        more.append(f"NumberOfSlices is {stated}, {len(ordered)} are here: slices may be missing at an end")
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
    memory = PlaneMemory(series.grid.shape)
    # One iterator for all threads: each takes the next block that nobody has.
    blocks = iter(range(0, len(series.slices), _PLANES_PER_BLOCK))

    def filled() -> None:
        reader = DirectReader(series.layout)
        decoded: tuple[Path, NDArray[Any]] | None = None
        for start in blocks:
            planes = range(start, min(start + _PLANES_PER_BLOCK, len(series.slices)))
            memory.prepare(planes.start, planes.stop)
            for plane in planes:
                one = series.slices[plane]
                if one.pixel_start >= 0:
                    words = reader.words(one.path, one.pixel_start + one.frame * series.layout.frame_bytes)
                else:
                    if decoded is None or decoded[0] != one.path:
                        decoded = one.path, decoded_words(one.path, series.layout)
                    words = decoded[1][one.frame]
                factor = 1.0 if factors is None else float(factors[plane])
                scaled_into(memory.values[plane], words, one.slope * factor, one.intercept * factor)

    direct = all(one.pixel_start >= 0 for one in series.slices)
    workers = min(_READING_THREADS, os.cpu_count() or 1, len(series.slices) // _PLANES_PER_BLOCK) if direct else 1
    if workers < 2:
        filled()
    else:
        with ThreadPoolExecutor(workers) as pool:
            for done in [pool.submit(filled) for _ in range(workers)]:
                done.result()
    return memory.values


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
