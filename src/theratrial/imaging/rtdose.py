"""Absorbed dose as DICOM RT Dose, written and read back (PS3.3 A.18, C.8.8.3). docs/methods/dose_objects.md."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, RTDoseStorage

from theratrial.errors import InputError
from theratrial.imaging.guard import readable
from theratrial.imaging.values import FloatArray, Grid

_PATIENT: Final = (
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
)
_STUDY: Final = (
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
    "StudyID",
    "StudyDescription",
    "TimezoneOffsetFromUTC",
    "SpecificCharacterSet",
)
_TYPE_2: Final = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID")
_DIGITS: Final = 16
"""Characters of a DICOM decimal string (PS3.5 6.2)."""
_EVEN_mm: Final = 1e-3
_CARDINAL: Final = 1e-6


@dataclass(frozen=True, slots=True)
class DoseLabel:
    """What an RT Dose object says about itself and who made it.

    Parameters
    ----------
    entropy
        Names the dose within the trial (its result key); all its identifiers follow from it and from the content.
    comment
        Method and version, in words; up to 64 characters (DICOM LO).
    made_at
        When the dose was computed; the object's content date.
    series_description
        Up to 64 characters.
    software
        Name and version of the program.
    pseudonym
        The only name of the patient in the object, and the PatientID of every source; birth date, accession number,
        referring physician and descriptions of the study are then left out. Empty: patient and study as in the source.
    patient_comments
        What a reader of the object must know of the patient (that nobody was imaged).
    """

    entropy: str
    comment: str
    made_at: datetime
    series_description: str = "Absorbed dose"
    software: str = "theratrial"
    series_number: int = 9001
    pseudonym: str = ""
    patient_comments: str = ""

    def __post_init__(self) -> None:
        if not self.entropy or len(self.comment) > 64 or len(self.series_description) > 64:
            raise InputError(
                "a dose object needs an entropy, a comment and a description of at most 64 characters each"
            )


@dataclass(frozen=True, slots=True, eq=False)
class DoseMap:
    """Absorbed dose on a grid [Gy]."""

    grid: Grid
    absorbed_dose_Gy: FloatArray
    dose_type: str
    resolution_Gy: float
    """Step of the stored integers; what was written lies within half of it."""


def write_rtdose(
    path: Path,
    grid: Grid,
    absorbed_dose_Gy: FloatArray,
    sources: Sequence[Path],
    label: DoseLabel,
    *,
    bits: Literal[16, 32] = 32,
) -> Path:
    """Write an absorbed dose map ``(nz, ny, nx)`` [Gy] as RT Dose: physical dose, any orientation.

    Patient and study are those of the first source, and nothing else of its header is carried over. All sources are
    named as the images the dose was computed from. Slices stored against the direction of a right-handed system are
    turned over, so that frames ascend along rows x columns. The same dose, label and sources give the same bytes.

    DoseSummationType is PLAN_OVERVIEW, the only kind that asks for no reference to a plan or treatment record, which a
    radiopharmaceutical has none of.

    Parameters
    ----------
    sources
        Files of the images the dose was computed from, the first one decides patient and study.
    bits
        32 keeps steps of a four-thousand-millionth of the highest dose; 16, of a 65 000th, is for readers that want it.

    Raises
    ------
    InputError
        If the array does not fit, a dose is negative or not finite, or the sources are of several patients.

    References
    ----------
    DICOM PS3.3 C.8.8.3 (RT Dose Module), C.7.6.6 (Multi-frame), C.8.8.3.2 (Grid Frame Offset Vector).
    """
    if absorbed_dose_Gy.shape != grid.shape:
        raise InputError(f"dose array {absorbed_dose_Gy.shape} does not fit grid {grid.shape}")
    if not np.isfinite(absorbed_dose_Gy).all() or absorbed_dose_Gy.min() < 0:
        raise InputError("a dose map to be written has voxels that are negative or no numbers -> compute it again")
    if not sources:
        raise InputError("a dose object names its patient by the image it came from -> give its file")
    grid, values = _right_handed(grid, np.asarray(absorbed_dose_Gy, dtype=np.float32))
    scaling = dose_grid_scaling(float(values.max()), bits)
    stored = np.rint(values.astype(np.float64) / float(scaling)).astype("<u4" if bits == 32 else "<u2")
    headers = [_header(Path(source)) for source in sources]
    ds = _dataset(grid, headers, label)
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = bits, bits, bits - 1
    digest = hashlib.sha256(stored.tobytes()).hexdigest()
    ds.SOPInstanceUID = _uid(label.entropy, "instance", digest, scaling, ds.to_json())
    ds.DoseGridScaling = scaling
    content = stored.tobytes()
    ds.PixelData = content + b"\0" * (len(content) % 2)
    ds["PixelData"].VR = "OW"
    ds.file_meta = _meta(ds)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    return path


def dose_grid_scaling(highest_Gy: float, bits: int = 32) -> str:
    """Gray per stored unit as a decimal string: the highest dose is close below the largest number of that many bits.

    Rounded up, so that the highest dose still fits.

    Examples
    --------
    >>> dose_grid_scaling(4.0)
    '9.3132257484e-10'
    >>> 4.0 / float(dose_grid_scaling(4.0)) <= 2**32 - 1
    True
    """
    if highest_Gy == 0:
        return "1e-9"
    largest = 2**bits - 1
    exact = highest_Gy / largest
    power = math.floor(math.log10(exact))
    digits = math.ceil(exact / 10.0**power * 1e10)
    for more in range(10):
        text = f"{(digits + more) / 1e10:.10f}e{power}"
        if float(text) * largest >= highest_Gy and len(text) <= _DIGITS:
            return text
    raise InputError(f"a highest dose of {highest_Gy} Gy cannot be written")


def read_rtdose(path: Path) -> DoseMap:
    """Absorbed dose [Gy] of an RT Dose object with a grid of even planes.

    Raises
    ------
    InputError
        If it is no RT Dose, has no grid, is not in Gy, or its planes are not even.
    """
    path = Path(path)
    with readable(path):
        ds = dcmread(path)
        if ds.get("SOPClassUID") != RTDoseStorage or "PixelData" not in ds:
            raise InputError(f"{path.name}: is no RT Dose with a dose grid -> give one")
        if str(ds.DoseUnits) != "GY":
            raise InputError(
                f"{path.name}: is in {ds.DoseUnits}; only absolute dose (GY) can be read -> export it in Gy"
            )
        frames = int(ds.get("NumberOfFrames", 1) or 1)
        pixels: Any = ds.pixel_array
        values = (pixels.reshape(frames, int(ds.Rows), int(ds.Columns)) * float(ds.DoseGridScaling)).astype(np.float32)
        grid = _read_grid(ds, values.shape, path.name)
        return DoseMap(grid, values, str(ds.DoseType), float(ds.DoseGridScaling))


def _read_grid(ds: Any, shape: tuple[int, ...], name: str) -> Grid:
    row, column = (np.array(ds.ImageOrientationPatient[i : i + 3], dtype=float) for i in (0, 3))
    normal = np.cross(row, column)
    position = np.array(ds.ImagePositionPatient, dtype=float)
    stated = ds.get("GridFrameOffsetVector", None)
    offsets = np.array([0.0] if shape[0] == 1 or stated is None else stated, dtype=float)
    if len(offsets) != shape[0]:
        raise InputError(f"{name}: {len(offsets)} plane positions for {shape[0]} planes -> export it again")
    # PS3.3 C.8.8.3.2: a first offset that is not 0 means that they are z coordinates of axial planes.
    offsets = offsets - offsets[0]
    steps = np.diff(offsets)
    if len(steps) and (np.ptp(steps) > _EVEN_mm or abs(steps[0]) < _EVEN_mm):
        raise InputError(f"{name}: its planes are not evenly spaced -> export it on an even grid")
    step = float(steps.mean()) if len(steps) else float(ds.get("SliceThickness", None) or 1.0)
    dy, dx = (float(v) for v in ds.PixelSpacing)
    direction = np.column_stack([row, column, normal * math.copysign(1.0, step)])
    x, y, z = (float(v) for v in position)
    nz, ny, nx = shape
    return Grid((nz, ny, nx), (abs(step), dy, dx), (x, y, z), direction, str(ds.get("FrameOfReferenceUID", "") or ""))


def _right_handed(grid: Grid, values: FloatArray) -> tuple[Grid, FloatArray]:
    direction = np.asarray(grid.direction, dtype=float)
    if not np.allclose(direction.T @ direction, np.eye(3), atol=1e-4):
        raise InputError("the grid of the dose is sheared; RT Dose holds rectangular grids -> resample it first")
    if np.linalg.det(direction) > 0:
        return grid, values
    x, y, z = (float(v) for v in grid.patient_mm(np.array([grid.shape[0] - 1, 0, 0], dtype=float)))
    turned = direction * np.array([1.0, 1.0, -1.0])
    return Grid(grid.shape, grid.spacing_mm, (x, y, z), turned, grid.frame_of_reference_uid), values[::-1]


def _header(path: Path) -> Any:
    with readable(path):
        ds = dcmread(path, stop_before_pixels=True)
        for needed in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
            if not ds.get(needed, None):
                raise InputError(
                    f"{path.name}: has no {needed}, so that a dose cannot name it -> give the original file"
                )
        return ds


def _dataset(grid: Grid, headers: list[Any], label: DoseLabel) -> Dataset:
    first = headers[0]
    patients = sorted({str(h.get("PatientID", "")) for h in headers})
    if len(patients) > 1:
        raise InputError(
            f"the images of one dose are of patients {', '.join(map(repr, patients))} -> give those of one"
        )
    ds = Dataset()
    for keyword in (*_PATIENT, *_STUDY):
        if keyword in first:
            ds[keyword] = first[keyword]
    for keyword in (*_TYPE_2, "AccessionNumber", "ReferringPhysicianName"):
        if keyword not in ds:
            setattr(ds, keyword, "")
    if label.pseudonym:
        _pseudonymous(ds, label.pseudonym)
    if label.patient_comments:
        ds.PatientComments = label.patient_comments
    ds.SOPClassUID = RTDoseStorage
    ds.InstanceCreationDate, ds.InstanceCreationTime = (
        label.made_at.strftime("%Y%m%d"),
        label.made_at.strftime("%H%M%S"),
    )
    ds.ContentDate, ds.ContentTime = ds.InstanceCreationDate, ds.InstanceCreationTime
    ds.Modality = "RTDOSE"
    ds.SeriesInstanceUID = _uid(label.entropy, "series", str(ds.StudyInstanceUID))
    ds.SeriesNumber, ds.InstanceNumber = label.series_number, 1
    ds.SeriesDescription, ds.OperatorsName = label.series_description, ""
    ds.Manufacturer, ds.ManufacturerModelName, ds.SoftwareVersions = "theratrial", "theratrial", label.software[:64]
    ds.FrameOfReferenceUID = grid.frame_of_reference_uid or _uid(label.entropy, "frame", str(ds.StudyInstanceUID))
    ds.PositionReferenceIndicator = ""
    ds.ImageType = ["DERIVED", "SECONDARY", "DOSE"]
    ds.PatientOrientation = ""
    _place(ds, grid)
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.PixelRepresentation = 0
    ds.DoseUnits, ds.DoseType, ds.DoseSummationType = "GY", "PHYSICAL", "PLAN_OVERVIEW"
    ds.DoseComment = label.comment
    overview = Dataset()
    overview.PlanOverviewIndex = 1
    overview.RTPlanLabel, overview.TreatmentSite = "", ""
    overview.TreatmentSiteCodeSequence, overview.PrescriptionOverviewSequence = [], []
    ds.PlanOverviewSequence = [overview]
    _sources(ds, headers)
    return ds


def _pseudonymous(ds: Dataset, pseudonym: str) -> None:
    """Nobody and no place named but by the pseudonym."""
    if str(ds.PatientID) != pseudonym:
        raise InputError(f"the images of the dose are of patient {str(ds.PatientID)!r}, not of {pseudonym!r}")
    # A name of one part ends in a caret, or it is read as the retired form without parts (PS3.5 6.2.1.2).
    ds.PatientName = f"{pseudonym}^"
    for keyword in ("PatientBirthDate", "AccessionNumber", "ReferringPhysicianName", "StudyID"):
        setattr(ds, keyword, "")
    for keyword in ("IssuerOfPatientID", "StudyDescription"):
        if keyword in ds:
            delattr(ds, keyword)
    ds.SpecificCharacterSet = "ISO_IR 192"


def _place(ds: Dataset, grid: Grid) -> None:
    nz, ny, nx = grid.shape
    dz, dy, dx = grid.spacing_mm
    ds.Rows, ds.Columns, ds.NumberOfFrames = ny, nx, nz
    ds.FrameIncrementPointer = 0x3004000C
    ds.PixelSpacing = [_decimal(dy), _decimal(dx)]
    ds.SliceThickness = _decimal(dz)
    ds.ImagePositionPatient = [_decimal(v) for v in grid.origin_mm]
    axes = np.where(
        np.abs(grid.direction - np.round(grid.direction)) < _CARDINAL, np.round(grid.direction), grid.direction
    )
    ds.ImageOrientationPatient = [_decimal(float(v)) for v in (*axes[:, 0], *axes[:, 1])]
    ds.GridFrameOffsetVector = [_decimal(n * dz) for n in range(nz)]


def _sources(ds: Dataset, headers: list[Any]) -> None:
    items: list[Dataset] = []
    series: dict[str, list[Dataset]] = {}
    elsewhere: dict[str, dict[str, list[Dataset]]] = {}
    for header in headers:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = header.SOPClassUID, header.SOPInstanceUID
        study, place = str(header.StudyInstanceUID), str(header.SeriesInstanceUID)
        (series if study == str(ds.StudyInstanceUID) else elsewhere.setdefault(study, {})).setdefault(place, []).append(
            item
        )
        source = Dataset()
        source.update(item)
        purpose = Dataset()
        purpose.CodeValue, purpose.CodingSchemeDesignator = "121322", "DCM"
        purpose.CodeMeaning = "Source image for image processing operation"
        source.PurposeOfReferenceCodeSequence = [purpose]
        items.append(source)
    ds.SourceImageSequence = items
    ds.PlanOverviewSequence[0].ReferencedImageSequence = [
        instance
        for members in (series, *elsewhere.values())
        for instances in members.values()
        for instance in instances
    ]
    if series:
        ds.ReferencedSeriesSequence = _series_items(series)
    if elsewhere:
        ds.StudiesContainingOtherReferencedInstancesSequence = []
        for study, members in elsewhere.items():
            other = Dataset()
            other.StudyInstanceUID, other.ReferencedSeriesSequence = study, _series_items(members)
            ds.StudiesContainingOtherReferencedInstancesSequence.append(other)


def _series_items(series: dict[str, list[Dataset]]) -> list[Dataset]:
    found = []
    for uid, instances in series.items():
        item = Dataset()
        item.SeriesInstanceUID, item.ReferencedInstanceSequence = uid, instances
        found.append(item)
    return found


def _decimal(value: float) -> str:
    """A number in at most 16 characters, as exact as they allow."""
    for digits in range(17, 5, -1):
        text = f"{value + 0.0:.{digits}g}"
        if len(text) <= _DIGITS:
            return text
    raise InputError(f"{value} cannot be written as a DICOM decimal string")


def _uid(*parts: object) -> str:
    """An identifier under 2.25 (PS3.5 B.2) that follows from its parts."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def _meta(ds: Dataset) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = RTDoseStorage, UID(ds.SOPInstanceUID)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return meta
