"""What every derived object shares: patient by pseudonym, study of its source, identifiers that follow from the inputs.

Method: docs/methods/derived_objects.md.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from theratrial.errors import InputError
from theratrial.imaging.guard import readable
from theratrial.imaging.values import Grid

MANUFACTURER: Final = "theratrial"
VIRTUAL: Final = "Virtual participant: simulated, no person was imaged"
SCHEME: Final = "99THERATRIAL"
"""Designator of the codes of our own, for what the standard has no code for."""

_STUDY: Final = ("StudyInstanceUID", "StudyDate", "StudyTime", "TimezoneOffsetFromUTC")
_PERSON: Final = ("PatientSex", "PatientAge", "PatientSize", "PatientWeight")
_IMAGE: Final = (
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "Modality",
    "FrameOfReferenceUID",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "PixelSpacing",
    "SliceThickness",
    "SpacingBetweenSlices",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "RescaleSlope",
    "BitsStored",
    "PixelRepresentation",
    "BodyPartExamined",
)
_EMPTY: Final = ("PatientBirthDate", "ReferringPhysicianName", "AccessionNumber", "StudyID")
"""Asked for by the modules (type 2) and left empty: none of it is needed, and each can name a person or a hospital."""
_NEEDED: Final = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
_OFFSET: Final = re.compile(r"([+-])(\d{2})(\d{2})")
_PLANE_mm: Final = 0.05


def uid_of(*parts: object) -> str:
    """An identifier under 2.25 (PS3.5 B.2) that follows from its parts.

    >>> uid_of("trial", "P01") == uid_of("trial", "P01")
    True
    """
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


@dataclass(frozen=True, slots=True)
class Making:
    """Who the objects are of, from what they are made, when and by what.

    Parameters
    ----------
    pseudonym
        The only name of the patient in the objects.
    made_at
        The moment of making, with its zone; content and series carry it.
    seed
        Names the results that the objects hold (their hash): other results are other objects.
    software
        Version of the program.
    trial
        Names the trial; the identity of a lesion follows from it and the pseudonym, and not from the results.
    virtual
        Nobody was imaged: the objects say so, whoever comes upon them.
    """

    pseudonym: str
    made_at: datetime
    seed: str
    software: str
    trial: str
    virtual: bool = False

    def __post_init__(self) -> None:
        if not self.pseudonym or not self.seed or not self.trial:
            raise InputError("a derived object needs a pseudonym, the trial and the results that it comes from")
        if len(self.pseudonym) > 63 or set(self.pseudonym) & set("\\^="):
            raise InputError(f"the pseudonym {self.pseudonym!r} is no PatientID (63 characters, without \\ ^ =)")
        if self.made_at.tzinfo is None:
            raise InputError("the moment of making carries its time zone")

    def uid(self, *parts: object) -> str:
        """Identifier of a part of what is made: the same for the same results, and for none else."""
        moment = self.made_at.isoformat()
        return uid_of("derived", self.trial, self.pseudonym, self.seed, moment, self.software, *parts)

    def tracking_uid(self, kind: str, name: str) -> str:
        """Identity of a lesion or region of this patient over all images and all results."""
        return uid_of("tracked", self.trial, self.pseudonym, kind, name.casefold())


@dataclass(frozen=True, slots=True, eq=False)
class SourceImages:
    """The image that an object is derived from: a header for every plane of its grid, with nothing of the person.

    A multi-frame image has one header, and `frames` says which of its frames (from 1) is which plane.
    """

    grid: Grid
    headers: tuple[Dataset, ...]
    frames: tuple[int, ...] = ()

    @property
    def first(self) -> Dataset:
        """Header of the first plane."""
        return self.headers[0]

    def header(self, plane: int) -> Dataset:
        """Header of the image that holds a plane."""
        return self.headers[0] if self.frames else self.headers[plane]


def clean_header(path: Path, making: Making) -> Dataset:
    """What a derived object needs of a source's header; patient by pseudonym, nobody and no place named.

    Raises
    ------
    InputError
        The file cannot be read, is of another patient, or lacks what a reference to it needs.
    """
    with readable(path):
        read: Any = dcmread(path, stop_before_pixels=True)
    if str(read.get("PatientID", "")) != making.pseudonym:
        raise InputError(f"{path.name} is of patient {str(read.get('PatientID', ''))!r}, not of {making.pseudonym!r}")
    for keyword in _NEEDED:
        if not read.get(keyword, None):
            raise InputError(f"{path.name} has no {keyword}, so that nothing can refer to it -> give the original file")
    return _clean(read, making)


def _clean(read: Dataset, making: Making) -> Dataset:
    header = Dataset()
    for keyword in (*_STUDY, *_PERSON, *_IMAGE):
        if keyword in read:
            header[keyword] = read[keyword]
    patient_and_study(header, making)
    return header


def patient_and_study(header: Dataset, making: Making) -> None:
    """The patient by pseudonym; what is asked for and not known, or not to be told, is empty."""
    header.SpecificCharacterSet = "ISO_IR 192"
    header.PatientID = making.pseudonym
    # A name of one part ends in a caret, or it is read as the retired form without parts (PS3.5 6.2.1.2).
    header.PatientName = f"{making.pseudonym}^"
    for keyword in _EMPTY:
        setattr(header, keyword, "")
    for keyword in ("PatientSex", "StudyDate", "StudyTime"):
        if keyword not in header:
            setattr(header, keyword, "")


def source_images(files: Sequence[Path], grid: Grid, making: Making) -> SourceImages:
    """The headers of an image in the order of the planes of its grid.

    Raises
    ------
    InputError
        A plane of the grid is no slice of the image.
    """
    headers = [clean_header(Path(path), making) for path in files]
    if len(headers) == 1 and int(headers[0].get("NumberOfFrames", 1) or 1) > 1:
        return _multiframe(headers[0], grid)
    placed: dict[int, Dataset] = {}
    for header in headers:
        place = np.array([float(v) for v in header.ImagePositionPatient])
        index = grid.index_zyx(place)
        plane = round(float(index[0]))
        if np.abs(grid.patient_mm(np.array([plane, 0.0, 0.0])) - place).max() <= _PLANE_mm * max(grid.spacing_mm):
            placed[plane] = header
    if sorted(placed) != list(range(grid.shape[0])):
        raise InputError(f"{len(headers)} files hold {len(placed)} of the {grid.shape[0]} planes -> give all slices")
    return SourceImages(grid, tuple(placed[plane] for plane in range(grid.shape[0])))


def _multiframe(header: Dataset, grid: Grid) -> SourceImages:
    count = int(header.NumberOfFrames)
    if count != grid.shape[0]:
        raise InputError(f"the image has {count} frames, its grid {grid.shape[0]} planes -> give the reconstruction")
    # A stack with negative spacing was turned over when it became a grid (imaging.nm).
    turned = float(header.get("SpacingBetweenSlices", 0) or 0) < 0
    frames = range(count, 0, -1) if turned else range(1, count + 1)
    return SourceImages(grid, (header,), tuple(frames))


def local_moment(making: Making, header: Dataset) -> datetime:
    """The moment of making by the clock of the source, so that all times of an object are by one clock."""
    found = _OFFSET.fullmatch(str(header.get("TimezoneOffsetFromUTC", "") or ""))
    if found is None:
        return making.made_at
    minutes = int(found[2]) * 60 + int(found[3])
    return making.made_at.astimezone(timezone(timedelta(minutes=-minutes if found[1] == "-" else minutes)))


def stamp(dataset: Dataset, making: Making, header: Dataset, *, description: str) -> None:
    """Moment, equipment and description of an object; overwrites what a library took from the clock."""
    at = local_moment(making, header)
    day, time = at.strftime("%Y%m%d"), at.strftime("%H%M%S")
    dataset.SeriesDate = dataset.ContentDate = dataset.InstanceCreationDate = day
    dataset.SeriesTime = dataset.ContentTime = dataset.InstanceCreationTime = time
    if "TimezoneOffsetFromUTC" in header:
        dataset.TimezoneOffsetFromUTC = header.TimezoneOffsetFromUTC
    dataset.SeriesDescription = within(description)
    if making.virtual:
        dataset.PatientComments = VIRTUAL
    dataset.Manufacturer = dataset.ManufacturerModelName = MANUFACTURER
    dataset.SoftwareVersions = making.software[:64]
    dataset.DeviceSerialNumber = "none"
    for item in dataset.get("ContributingEquipmentSequence", []):
        if "ContributionDateTime" in item:
            item.ContributionDateTime = at.strftime("%Y%m%d%H%M%S")


def within(text: str, most: int = 64) -> str:
    """A text cut to so many bytes: the standard counts characters, and some readers bytes.

    >>> within("⁶⁸Ga", 4)
    '⁶'
    """
    return text.encode()[:most].decode(errors="ignore").strip()


def without_side(dataset: Dataset, header: Dataset) -> None:
    """The body part as the source says it; where it does not, that the side is not known (General Series, type 2C)."""
    if part := header.get("BodyPartExamined", ""):
        dataset.BodyPartExamined = part
    else:
        dataset.Laterality = ""


def source_references(dataset: Dataset, source: SourceImages) -> None:
    """The images that an image was made from (General Reference Module)."""
    purpose = Dataset()
    purpose.CodeValue, purpose.CodingSchemeDesignator = "121322", "DCM"
    purpose.CodeMeaning = "Source image for image processing operation"
    items = [referenced(header) for header in source.headers]
    for item in items:
        item.PurposeOfReferenceCodeSequence = [purpose]
    dataset.SourceImageSequence = items


def object_base(header: Dataset, making: Making, sop_class: str, modality: str, *key: str) -> Dataset:
    """Patient, study, series and identity of an object written without a library."""
    dataset = Dataset()
    for keyword in (*_STUDY, *_PERSON, "SpecificCharacterSet", "PatientName", "PatientID", *_EMPTY):
        if keyword in header:
            dataset[keyword] = header[keyword]
    patient_and_study(dataset, making)
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = making.uid("instance", *key)
    dataset.SeriesInstanceUID = making.uid("series", *key)
    dataset.Modality = modality
    dataset.InstanceNumber = 1
    return dataset


def object_bytes(dataset: Dataset) -> bytes:
    """The object as a DICOM file; the same object gives the same bytes."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = dataset.SOPClassUID, UID(dataset.SOPInstanceUID)
    own = getattr(dataset, "file_meta", None)
    meta.TransferSyntaxUID = own.TransferSyntaxUID if own is not None else ExplicitVRLittleEndian
    meta.ImplementationVersionName = "THERATRIAL"
    plain = Dataset()
    plain.update({element.tag: element for element in dataset})
    plain.file_meta = meta
    stream = io.BytesIO()
    dcmwrite(stream, plain, enforce_file_format=True)
    return stream.getvalue()


def referenced(header: Dataset) -> Dataset:
    """Reference to an instance."""
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = header.SOPClassUID, header.SOPInstanceUID
    return item
