"""What lies in a folder of images, from the headers alone: series by series, with everything that is wrong at once."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from pydicom.dataset import Dataset

from theratrial.errors import InputError, Problem
from theratrial.imaging.catalogue_header import Header, NotDicom, read_header
from theratrial.imaging.fastload import dataset_from_file
from theratrial.imaging.guard import readable
from theratrial.imaging.nm import radionuclide
from theratrial.imaging.times import moment, moment_from_dt, zone_from_offset
from theratrial.workers import in_processes

_FILES_PER_TASK: Final = 200
_REGION_MODALITIES: Final = frozenset(("RTSTRUCT", "SEG"))
_SLICE_MODALITIES: Final = frozenset(("CT", "PT", "MR"))
_MEDIA_DIRECTORY: Final = "1.2.840.10008.1.3.10"

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class CatalogueSeries:
    """One series as its headers describe it; texts are as stored and empty where the file states nothing."""

    series_instance_uid: str
    study_instance_uid: str
    patient_id: str
    patient_sex: str
    patient_birth_date: str
    modality: str
    sop_class_uid: str
    image_kind: str
    """Third value of ImageType (``WHOLE BODY``, ``RECON TOMO`` ...)."""
    description: str
    station_name: str
    frame_of_reference_uid: str
    acquired_at: datetime | None
    """Earliest acquisition; with its zone only where the file states the offset from UTC."""
    time_zone_stated: bool
    radionuclide: str | None
    instances: int
    files: tuple[Path, ...]
    hashes: tuple[str, ...]
    """``sha256:<hex>`` of each file, in the order of `files`; empty unless asked for."""
    spacing_mm: tuple[float, float, float] | None
    """(slice, row, column); None where not stated."""
    referenced_series_uids: tuple[str, ...]
    """Of an RTSTRUCT or SEG: the series it was drawn on."""
    referenced_frame_of_reference_uids: tuple[str, ...]
    region_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The series of a folder, what is wrong, and what is merely worth knowing."""

    series: tuple[CatalogueSeries, ...]
    problems: tuple[Problem, ...]
    """Must be mended before the images may be used."""
    notes: tuple[Problem, ...]
    """Seen and tolerated: files that are no DICOM, identical copies."""
    files_seen: int

    def of_patient(self, patient_id: str) -> tuple[CatalogueSeries, ...]:
        """The series of one patient, by acquisition."""
        return tuple(s for s in self.series if s.patient_id == patient_id)


class _Look(NamedTuple):
    path: Path
    header: Header | None
    problem: str
    remedy: str
    is_note: bool
    digest: str


def catalogue(
    folder_or_files: Path | Iterable[Path],
    *,
    workers: int = 1,
    progress: Progress | None = None,
    with_hashes: bool = False,
) -> Catalogue:
    """All DICOM series in a folder (any nesting, any other files among them), or of the given files.

    Reads headers only. Whatever is wrong is collected, never raised one by one.

    Parameters
    ----------
    workers
        Processes that read headers.
    progress
        Called with (files done, files in all).
    with_hashes
        Also hash the content of every DICOM file; the file is then read once, in blocks.

    Raises
    ------
    InputError
        If the folder does not exist or is neither folder nor file.
    """
    paths = _paths(folder_or_files)
    looks: list[_Look] = []
    chunks = [paths[i : i + _FILES_PER_TASK] for i in range(0, len(paths), _FILES_PER_TASK)]
    for found in in_processes(partial(_looked, with_hashes=with_hashes), chunks, workers):
        looks += found
        if progress:
            progress(len(looks), len(paths))
    problems = [Problem(str(x.path), x.problem, x.remedy) for x in looks if x.problem and not x.is_note]
    notes = [Problem(str(x.path), x.problem, x.remedy) for x in looks if x.problem and x.is_note]
    readable = _without_copies([x for x in looks if x.header is not None], problems, notes)
    by_series: dict[str, list[_Look]] = {}
    for look in readable:
        if look.header is not None:
            by_series.setdefault(look.header.series_instance_uid, []).append(look)
    series = [_series(members, problems) for members in by_series.values()]
    _check_people(readable, problems, notes)
    series.sort(key=lambda s: (s.patient_id, str(s.acquired_at or ""), s.modality, s.series_instance_uid))
    return Catalogue(tuple(series), tuple(problems), tuple(notes), len(paths))


def files_place(files: Sequence[Path]) -> str:
    """Where files lie, for a message: the file itself, the folder they share, or one of them and how many more."""
    if len(files) == 1:
        return str(files[0])
    folders = {path.parent for path in files}
    return str(folders.pop()) if len(folders) == 1 else f"{min(files)} and {len(files) - 1} more files"


def _paths(folder_or_files: Path | Iterable[Path]) -> list[Path]:
    if not isinstance(folder_or_files, (str, Path)):
        return sorted({Path(p) for p in folder_or_files})
    place = Path(folder_or_files)
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise InputError(f"{place}: no such folder -> give a folder or file that exists")
    found = []
    for parent, folders, files in os.walk(place):
        folders.sort()
        found += [Path(parent, name) for name in sorted(files)]
    return found


def _looked(paths: Sequence[Path], with_hashes: bool) -> list[_Look]:
    return [_look(path, with_hashes) for path in paths]


def _look(path: Path, with_hashes: bool) -> _Look:
    try:
        with readable(path):
            header = read_header(path)
        digest = _file_hash(path) if with_hashes else ""
    except NotDicom as reason:
        named = path.suffix.lower() in (".dcm", ".dicom", ".ima")
        if named:
            return _Look(path, None, f"is named as DICOM but {reason}", "send the file again", False, "")
        return _Look(path, None, f"{reason}, passed over", "", True, "")
    except InputError as error:
        message, _, remedy = str(error).removeprefix(f"{path}: ").removeprefix(f"{path.name}: ").partition(" -> ")
        return _Look(path, None, message, remedy or "send the file again", False, "")
    except OSError as error:
        return _Look(path, None, f"cannot be read ({error.strerror or error})", "check the file's rights", False, "")
    if header.sop_class_uid == _MEDIA_DIRECTORY:
        return _Look(path, None, "is the index of a medium (DICOMDIR), passed over", "", True, "")
    missing = [
        keyword
        for keyword, value in (
            ("SOPInstanceUID", header.sop_instance_uid),
            ("SeriesInstanceUID", header.series_instance_uid),
            ("Modality", header.modality),
        )
        if not value
    ]
    if missing:
        return _Look(path, None, f"is DICOM but states no {', '.join(missing)}", "export it again", False, "")
    if header.truncated:
        return _Look(path, None, f"is truncated: {header.truncated}", "send the file again", False, digest)
    return _Look(path, header, "", "", False, digest)


def _file_hash(path: Path) -> str:
    with path.open("rb") as stream:
        return "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()


def _without_copies(looks: list[_Look], problems: list[Problem], notes: list[Problem]) -> list[_Look]:
    """One look per instance: identical copies noted and dropped, different content under one UID a problem."""
    kept: dict[str, _Look] = {}
    for look in looks:
        assert look.header is not None
        other = kept.setdefault(look.header.sop_instance_uid, look)
        if other is look:
            continue
        if (look.digest or _file_hash(look.path)) == (other.digest or _file_hash(other.path)):
            notes.append(Problem(str(look.path), f"is an identical copy of {other.path}, passed over"))
        else:
            problems.append(
                Problem(
                    str(look.path),
                    f"has the SOPInstanceUID {look.header.sop_instance_uid} of {other.path} but other content",
                    "remove the one that is not the original",
                )
            )
    return list(kept.values())


def _series(members: list[_Look], problems: list[Problem]) -> CatalogueSeries:
    headers = [m.header for m in members if m.header is not None]
    first = headers[0]
    place = files_place([m.path for m in members])
    for name, remedy in (
        ("patient_id", "two patients in one series: find out whose each file is"),
        ("modality", "export the series again"),
        ("frame_of_reference_uid", "the slices do not share one coordinate system; export the series again"),
    ):
        values: dict[str, Path] = {}
        for one, member in zip(headers, members, strict=True):
            values.setdefault(getattr(one, name), member.path)
        if len(values) > 1:
            shown = "; ".join(f"{value or '(none)'} in {path.name}" for value, path in values.items())
            problems.append(Problem(place, f"series {first.series_instance_uid} mixes {name}: {shown}", remedy))
    if not first.patient_id:
        problems.append(
            Problem(
                place, f"series {first.series_instance_uid} states no PatientID", "set it before the series is used"
            )
        )
    more = _More()
    if first.modality in _REGION_MODALITIES or first.modality in ("PT", "NM"):
        more = _more(members[0].path, first, problems)
    starts = [h for h in headers if h.acquisition_datetime or (h.acquisition_date and h.acquisition_time)]
    earliest = min(
        starts, key=lambda h: h.acquisition_datetime or h.acquisition_date + h.acquisition_time, default=first
    )
    zone = zone_from_offset(first.timezone_offset)
    acquired = moment_from_dt(earliest.acquisition_datetime, zone) or moment(
        earliest.acquisition_date, earliest.acquisition_time, zone
    )
    return CatalogueSeries(
        series_instance_uid=first.series_instance_uid,
        study_instance_uid=first.study_instance_uid,
        patient_id=first.patient_id,
        patient_sex=first.patient_sex,
        patient_birth_date=first.patient_birth_date,
        modality=first.modality,
        sop_class_uid=first.sop_class_uid,
        image_kind=first.image_type[2] if len(first.image_type) > 2 else "",
        description=first.description,
        station_name=first.station_name,
        frame_of_reference_uid=first.frame_of_reference_uid,
        acquired_at=acquired,
        time_zone_stated=acquired is not None and acquired.tzinfo is not None,
        radionuclide=more.radionuclide,
        instances=len(members),
        files=tuple(m.path for m in members),
        hashes=tuple(m.digest for m in members if m.digest),
        spacing_mm=_spacing_mm(headers, place, problems),
        referenced_series_uids=more.series_uids,
        referenced_frame_of_reference_uids=more.frame_uids,
        region_names=more.region_names,
    )


class _More(NamedTuple):
    """What only a whole data set tells, read from one file of a series."""

    radionuclide: str | None = None
    series_uids: tuple[str, ...] = ()
    frame_uids: tuple[str, ...] = ()
    region_names: tuple[str, ...] = ()


def _more(path: Path, first: Header, problems: list[Problem]) -> _More:
    try:
        with readable(path):
            dataset = dataset_from_file(path)
            if first.modality in ("PT", "NM"):
                return _More(radionuclide=radionuclide(dataset, path.name))
            return _references(dataset, first)
    except InputError as error:
        message, _, remedy = str(error).removeprefix(f"{path}: ").removeprefix(f"{path.name}: ").partition(" -> ")
        problems.append(Problem(str(path), message, remedy))
    return _More()


def _references(dataset: Dataset, first: Header) -> _More:
    series: list[str] = []
    frames: list[str] = [first.frame_of_reference_uid] if first.frame_of_reference_uid else []
    names: list[str]
    if first.modality == "RTSTRUCT":
        for frame in dataset.get("ReferencedFrameOfReferenceSequence", None) or []:
            frames.append(str(frame.get("FrameOfReferenceUID", "") or ""))
            for study in frame.get("RTReferencedStudySequence", None) or []:
                series += [str(s.SeriesInstanceUID) for s in study.get("RTReferencedSeriesSequence", None) or []]
        rois = dataset.get("StructureSetROISequence", None) or []
        frames += [str(roi.get("ReferencedFrameOfReferenceUID", "") or "") for roi in rois]
        names = [str(roi.get("ROIName", "") or "") for roi in rois]
    else:
        series = [str(s.SeriesInstanceUID) for s in dataset.get("ReferencedSeriesSequence", None) or []]
        names = [str(s.get("SegmentLabel", "") or "") for s in dataset.get("SegmentSequence", None) or []]
    return _More(None, _distinct(series), _distinct(frames), tuple(names))


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(v for v in values if v))


def _spacing_mm(headers: list[Header], place: str, problems: list[Problem]) -> tuple[float, float, float] | None:
    """Spacing of a series; a gap among single-frame slices is a missing slice and a problem."""
    first = headers[0]
    if first.pixel_spacing_mm is None:
        return None
    thickness = abs(first.spacing_between_slices_mm or first.slice_thickness_mm or 0.0)
    placed = [h for h in headers if h.position_mm is not None and h.orientation == first.orientation]
    if first.modality not in _SLICE_MODALITIES or len(placed) < 3 or first.orientation is None:
        return (thickness, *first.pixel_spacing_mm) if thickness else None
    normal = np.cross(first.orientation[:3], first.orientation[3:])
    depth = np.sort(np.array([h.position_mm for h in placed]) @ normal)
    steps = np.diff(depth)
    usual = float(np.median(steps))
    if usual > 0.01 and float(steps.min()) > 0.5 * usual and float(steps.max()) > 1.5 * usual:
        gap = int(np.argmax(steps))
        problems.append(
            Problem(
                place,
                f"series {first.series_instance_uid} ({first.modality}) has a gap of {steps[gap]:.2f} mm at "
                f"{depth[gap]:.1f} mm, its slices are {usual:.2f} mm apart: "
                f"{round(float(steps[gap]) / usual) - 1} slice(s) missing",
                "send the series again, complete",
            )
        )
    return (usual if usual > 0.01 else thickness, *first.pixel_spacing_mm) if usual > 0.01 or thickness else None


def _check_people(looks: list[_Look], problems: list[Problem], notes: list[Problem]) -> None:
    """One PatientID is one person: birth date, sex and name agree wherever they are stated."""
    people: dict[str, dict[str, dict[str, Path]]] = {}
    for look in looks:
        h = look.header
        if h is None or not h.patient_id:
            continue
        stated = people.setdefault(h.patient_id, {"birth date": {}, "sex": {}, "name": {}})
        for what, value in (
            ("birth date", h.patient_birth_date.strip("0")),
            ("sex", h.patient_sex),
            ("name", re.sub(r"[\^=\s]+", " ", h.patient_name).strip().casefold()),
        ):
            if value:
                stated[what].setdefault(value, look.path)
    for patient_id, stated in people.items():
        for what, values in stated.items():
            certain = [v for v in values if not (what == "sex" and v == "O")]
            if len(values) < 2:
                continue
            # a name would carry a person's identity into a message, so that only the places are told
            shown = "; ".join(f"{'other' if what == 'name' else v} in {path}" for v, path in values.items())
            found = Problem(
                f"PatientID {patient_id}",
                f"stands with different {what}: {shown}",
                "find out whether these are two people, and correct the identifier",
            )
            (problems if len(certain) > 1 else notes).append(found)
