"""What a DICOM file or folder is, in plain values: for a person who wonders whether theratrial can use it.

Nothing here raises on a broken file: what is wrong with it is part of the answer.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from theratrial.errors import InputError, Problem, TheratrialError
from theratrial.imaging.fastload import dataset_from_file, header
from theratrial.imaging.series import Series, series_from_files
from theratrial.imaging.series_files import looked_at
from theratrial.imaging.suv import suv_certificate

_SLICE_MODALITIES: Final = ("CT", "PT", "MR")
_NM_VECTORS: Final = (
    "EnergyWindowVector",
    "DetectorVector",
    "PhaseVector",
    "RotationVector",
    "RRIntervalVector",
    "TimeSlotVector",
    "AngularViewVector",
    "SliceVector",
    "TimeSliceVector",
)
_TIMES: Final = (
    "StudyDate",
    "StudyTime",
    "SeriesDate",
    "SeriesTime",
    "AcquisitionDate",
    "AcquisitionTime",
    "AcquisitionDateTime",
    "TimezoneOffsetFromUTC",
    "FrameReferenceTime",
    "ActualFrameDuration",
)
_GROUPING: Final = ("SeriesInstanceUID", "Modality", "SOPInstanceUID")


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One file, or all files of one series in a folder."""

    files: int
    first_file: str
    modality: str
    sop_class: str
    patient_id: str
    study_instance_uid: str
    series_instance_uid: str
    description: str
    manufacturer: str
    transfer_syntax: str
    frames: int | None
    rows: int | None
    columns: int | None
    frame_vectors: dict[str, str]
    """Frame vectors FrameIncrementPointer names -> their values, shortened."""
    unit: str
    decay_correction: str
    nuclide: str
    times: dict[str, str]
    """As stored."""
    shape_zyx: tuple[int, int, int] | None
    spacing_zyx_mm: tuple[float, float, float] | None
    origin_xyz_mm: tuple[float, float, float] | None
    usable_for: tuple[str, ...]
    not_usable_for: tuple[tuple[str, str], ...]
    """(use, why not)."""
    problems: tuple[str, ...]
    """What is broken in the file itself."""
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What a path holds."""

    path: str
    kind: str
    """file or folder."""
    objects: tuple[ObjectInfo, ...]
    other_files: int
    """Files of a folder that are no DICOM."""
    problems: tuple[str, ...]

    @property
    def broken(self) -> bool:
        """Whether anything in it is damaged."""
        return bool(self.problems) or any(one.problems for one in self.objects)


def image_info(path: str | os.PathLike[str]) -> ImageInfo:
    """What a DICOM file or folder is, what theratrial can do with it, and what is wrong with it.

    Raises
    ------
    InputError
        If the path does not exist, or is a single file that is not DICOM at all.
    """
    place = Path(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if place.is_dir():
            return _folder_info(place)
        if not place.exists():
            raise InputError(f"{place}: no such file or folder")
        return ImageInfo(str(place), "file", (_object_info([place]),), 0, ())


def _folder_info(folder: Path) -> ImageInfo:
    groups: dict[str, list[Path]] = {}
    problems: list[str] = []
    other = 0
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        try:
            head = header(path, _GROUPING)
        except InputError as error:
            if "not a DICOM file" in str(error):
                other += 1
            else:
                problems.append(str(error))
            continue
        modality = _text(head, "Modality")
        uid = _text(head, "SeriesInstanceUID")
        # Objects that are no slices stand alone, whatever series they claim.
        key = uid if uid and modality in _SLICE_MODALITIES else f"{uid} {path}"
        groups.setdefault(key, []).append(path)
    objects = []
    for paths in groups.values():
        try:
            objects.append(_object_info(paths))
        except InputError as error:
            problems.append(str(error))
    return ImageInfo(str(folder), "folder", tuple(objects), other, tuple(problems))


def _object_info(paths: Sequence[Path]) -> ObjectInfo:
    dataset = dataset_from_file(paths[0])
    modality = _text(dataset, "Modality")
    usable: list[str] = []
    unusable: list[tuple[str, str]] = []
    problems: list[str] = _unreadable_elements(dataset)
    notes: list[str] = []
    series: Series | None = None
    if modality in _SLICE_MODALITIES and "Rows" in dataset:
        series = _tried_series(paths, usable, unusable, problems, notes)
        if series is not None and modality == "PT":
            _tried_suv(series, usable, unusable, notes)
    elif modality == "NM" and "Rows" in dataset:
        _tried_nm(paths[0], dataset, usable, unusable, problems)
    elif modality in ("RTSTRUCT", "SEG"):
        _tried_regions(paths[0], usable, unusable)
    elif modality in (*_SLICE_MODALITIES, "NM"):
        unusable.append(("images", "the object holds no pixels"))
    else:
        unusable.append(("images", f"modality {modality or 'not given'} is neither CT, PT, NM, RTSTRUCT nor SEG"))
    if not _text(dataset, "SOPClassUID"):
        problems.append("has no SOPClassUID (0008,0016): no complete DICOM object -> export it again")
    grid = series.grid if series is not None else None
    return ObjectInfo(
        files=len(paths),
        first_file=str(paths[0]),
        modality=modality,
        sop_class=_uid_name(_text(dataset, "SOPClassUID")),
        patient_id=_text(dataset, "PatientID"),
        study_instance_uid=_text(dataset, "StudyInstanceUID"),
        series_instance_uid=_text(dataset, "SeriesInstanceUID"),
        description=_text(dataset, "SeriesDescription"),
        manufacturer=" ".join(filter(None, (_text(dataset, "Manufacturer"), _text(dataset, "ManufacturerModelName")))),
        transfer_syntax=_uid_name(_text(getattr(dataset, "file_meta", {}), "TransferSyntaxUID")),
        frames=_whole(dataset, "NumberOfFrames"),
        rows=_whole(dataset, "Rows"),
        columns=_whole(dataset, "Columns"),
        frame_vectors={name: text for name in _NM_VECTORS if (text := _text(dataset, name))},
        unit=series.unit if series is not None else _text(dataset, "Units"),
        decay_correction=_text(dataset, "DecayCorrection"),
        nuclide=_nuclide_text(dataset),
        times={name: text for name in _TIMES if (text := _text(dataset, name))},
        shape_zyx=grid.shape if grid else None,
        spacing_zyx_mm=grid.spacing_mm if grid else None,
        origin_xyz_mm=grid.origin_mm if grid else None,
        usable_for=tuple(usable),
        not_usable_for=tuple(unusable),
        problems=tuple(dict.fromkeys(problems)),
        notes=tuple(notes),
    )


def _tried_series(
    paths: Sequence[Path],
    usable: list[str],
    unusable: list[tuple[str, str]],
    problems: list[str],
    notes: list[str],
) -> Series | None:
    for path in paths:
        found = looked_at(path)
        if isinstance(found, Problem):
            problems.append(f"{path.name}: {found.message}" if len(paths) > 1 else found.message)
    if problems:
        unusable.append(("volume", "the file is broken" if len(paths) == 1 else "files of the series are broken"))
        return None
    try:
        series = series_from_files(paths, hashed=False)
    except TheratrialError as error:
        unusable.append(("volume", str(error)))
        return None
    notes.extend(series.notes)
    usable.append(f"volume in {series.unit or 'stored units'}")
    return series


def _tried_suv(series: Series, usable: list[str], unusable: list[tuple[str, str]], notes: list[str]) -> None:
    try:
        _, certificate = suv_certificate(series)
    except TheratrialError as error:
        unusable.append(("SUV", str(error)))
    else:
        usable.append(f"SUV ({certificate.rule})")
        notes.extend(note for note in certificate.warnings if note not in notes)
    if series.unit == "BQML" or (series.unit == "CNTS" and all(one.activity_scale_factor for one in series.slices)):
        usable.append("activity map in Bq/mL")
    else:
        unusable.append(("activity map", f"Units is {series.unit or 'absent'}, Bq/mL is needed"))


def _tried_regions(path: Path, usable: list[str], unusable: list[tuple[str, str]]) -> None:
    from theratrial.imaging.regions import region_names

    try:
        names = region_names(path)
    except TheratrialError as error:
        unusable.append(("regions", str(error)))
    except Exception as error:  # noqa: BLE001 - a broken structure set provokes whatever it likes
        unusable.append(("regions", f"cannot be read ({type(error).__name__}: {error})"))
    else:
        usable.append(f"{len(names)} region(s): {', '.join(names)}")


def _tried_nm(
    path: Path, dataset: Any, usable: list[str], unusable: list[tuple[str, str]], problems: list[str]
) -> None:
    from theratrial.imaging.nm import nm_frames

    found = looked_at(path)
    if isinstance(found, Problem) and "truncated" in found.message:
        problems.append(found.message)
    try:
        nm_frames(path)
    except TheratrialError as error:
        unusable.append(("NM", str(error).removeprefix(f"{path.name}: ")))
    except Exception as error:  # noqa: BLE001 - a broken file provokes whatever it likes
        problems.append(f"cannot be read ({type(error).__name__}: {error})")
    else:
        usable.append(_nm_use(dataset))


def _nm_use(dataset: Any) -> str:
    kind = _text(dataset, "ImageType").upper().split("\\")
    if "RECON TOMO" in kind or "RECON GATED TOMO" in kind:
        return "NM reconstructed SPECT"
    if "TOMO" in kind or "GATED TOMO" in kind:
        return "NM tomographic projections (not reconstructed)"
    return "NM planar counts"


def _unreadable_elements(dataset: Any) -> list[str]:
    """Top-level elements that do not decode, or are shorter than they say (the file ends within them)."""
    found = []
    for tag in list(dataset.keys()):
        try:
            element = dataset.get_item(tag)
            value = getattr(element, "value", None)
            length = getattr(element, "length", None)
            if isinstance(value, bytes) and isinstance(length, int) and len(value) < length < 0xFFFFFFFF:
                found.append(f"is truncated: {tag} has {len(value)} of {length} bytes")
                continue
            decoded = dataset[tag]
            if decoded.VR in ("DS", "IS") and not _all_numbers(decoded.value):
                found.append(f"{decoded.name} {tag} is {decoded.value!r}, which is no number")
        except Exception as error:  # noqa: BLE001 - pydicom raises whatever a malformed value provokes
            found.append(f"element {tag} cannot be read ({type(error).__name__}: {error})")
    return found[:20]


def _all_numbers(value: Any) -> bool:
    if value in (None, ""):
        return True
    try:
        [float(one) for one in ([value] if isinstance(value, str) or not hasattr(value, "__iter__") else value)]
    except (TypeError, ValueError):
        return False
    return True


def _text(dataset: Any, keyword: str) -> str:
    """Value as text, shortened; "" where absent or unreadable."""
    try:
        value = dataset.get(keyword)
    except Exception:  # noqa: BLE001 - named by _unreadable_elements
        return ""
    if value is None:
        return ""
    if not isinstance(value, str) and hasattr(value, "__iter__"):
        values = [str(v) for v in value]
        shown = "\\".join(values[:64])
        return shown + f"\\... ({len(values)} values)" if len(values) > 64 else shown
    return str(value)[:1024]


def _whole(dataset: Any, keyword: str) -> int | None:
    try:
        value = float(_text(dataset, keyword))
    except ValueError:
        return None
    return int(value) if math.isfinite(value) else None


def _uid_name(uid: str) -> str:
    from pydicom.uid import UID

    return UID(uid).name if uid else ""


def _nuclide_text(dataset: Any) -> str:
    try:
        item = dataset.RadiopharmaceuticalInformationSequence[0]
        code = item.RadionuclideCodeSequence[0]
        return _text(code, "CodeMeaning") or _text(code, "CodeValue")
    except Exception:  # noqa: BLE001 - absent or malformed alike
        return ""
