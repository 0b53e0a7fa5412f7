"""What all simulated DICOM objects share: identifiers that follow from the seed, patient, study, equipment, files."""

from __future__ import annotations

import hashlib
import itertools
import struct
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.tag import Tag
from pydicom.uid import PYDICOM_IMPLEMENTATION_UID, ExplicitVRLittleEndian

from theratrial.nuclides import Nuclide, nuclide_name
from theratrial.reference import table

_LONG: Final = (b"OB", b"OW", b"SQ", b"UN", b"UT")
MANUFACTURER: Final = "theratrial"
MODEL: Final = "theratrial virtual camera"
REMARK: Final = "Simulated by theratrial: a virtual participant, no person was imaged"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is in the images; the name says that she is virtual."""

    patient_id: str
    age_years: int
    height_cm: float
    weight_kg: float


@dataclass(frozen=True, slots=True)
class Study:
    """One study: date, description and where its objects are written."""

    identity: Identity
    folder: Path
    entropy: str
    """Names the study within the cohort; all its identifiers follow from it."""
    started_at: datetime
    description: str
    shift_mm: tuple[float, float, float]
    """How the patient lies on the table (x, y, z) against the phantom's own coordinates."""

    def uid(self, *parts: object) -> str:
        """An identifier under 2.25 (UUID-derived, PS3.5 B.2) that follows from the seed alone."""
        digest = hashlib.sha256("/".join([self.entropy, *map(str, parts)]).encode()).digest()
        return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """An item of a code sequence."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def nuclide_code(nuclide: Nuclide) -> Dataset:
    """The code of a radionuclide, SNOMED CT where there is one."""
    rows = [row for row in table("nuclides/dicom_codes") if row.text("nuclide") == nuclide_name(nuclide.name)]
    rows.sort(key=lambda row: row.text("scheme") != "SCT")
    if not rows:
        return code(nuclide.name, "99THERATRIAL", nuclide.name)
    return code(rows[0].text("value"), rows[0].text("scheme"), rows[0].text("meaning"))


def date_text(when: datetime) -> str:
    """DA."""
    return when.strftime("%Y%m%d")


def time_text(when: datetime) -> str:
    """TM."""
    return when.strftime("%H%M%S")


def base_dataset(study: Study, sop_class: str, modality: str, series: str, number: int, when: datetime) -> Dataset:
    """Patient, study, series and equipment of one series, without what differs from instance to instance."""
    identity = study.identity
    ds = Dataset()
    ds.SOPClassUID = sop_class
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.StudyDate, ds.StudyTime = date_text(study.started_at), time_text(study.started_at)
    ds.SeriesDate, ds.SeriesTime = date_text(when), time_text(when)
    ds.AccessionNumber = ""
    ds.Modality = modality
    ds.Manufacturer = MANUFACTURER
    ds.ReferringPhysicianName = ""
    ds.TimezoneOffsetFromUTC = when.strftime("%z")
    ds.StudyDescription = study.description
    ds.ManufacturerModelName = MODEL
    ds.PatientName = f"VIRTUAL^{identity.patient_id}"
    ds.PatientID = identity.patient_id
    ds.PatientBirthDate = ""
    ds.PatientSex = "F"
    ds.PatientAge = f"{identity.age_years:03d}Y"
    ds.PatientSize = f"{identity.height_cm / 100:.2f}"
    ds.PatientWeight = f"{identity.weight_kg:.1f}"
    ds.DeviceSerialNumber = "0"
    ds.SoftwareVersions = "1"
    ds.StudyInstanceUID = study.uid("study")
    ds.SeriesInstanceUID = study.uid(series, "series")
    ds.StudyID = study.uid("id")[-8:]
    ds.SeriesNumber = number
    return ds


def image_dataset(
    study: Study, sop_class: str, modality: str, series: str, number: int, when: datetime, shape: tuple[int, int]
) -> Dataset:
    """`base_dataset` with what every image of 16 bits has."""
    ds = base_dataset(study, sop_class, modality, series, number, when)
    ds.AcquisitionDate, ds.AcquisitionTime = date_text(when), time_text(when)
    ds.ContentDate, ds.ContentTime = date_text(when), time_text(when)
    ds.ImageComments = REMARK
    ds.BurnedInAnnotation = "NO"
    ds.BodyPartExamined = "WHOLEBODY"
    ds.FrameOfReferenceUID = study.uid("frame", series if modality == "NM" else "ct")
    ds.PositionReferenceIndicator = ""
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 16, 15
    ds.LossyImageCompression = "00"
    return ds


def orientation_items(ds: Dataset) -> None:
    """Supine, head first, as PET and NM images state it."""
    lying = code("102538003", "SCT", "recumbent")
    lying.PatientOrientationModifierCodeSequence = [code("40199007", "SCT", "supine")]
    ds.PatientOrientationCodeSequence = [lying]
    ds.PatientGantryRelationshipCodeSequence = [code("102540001", "SCT", "headfirst")]


def encoded(tag: int, vr: bytes, value: bytes) -> bytes:
    """One data element, explicit VR, little endian (PS3.5 7.1.2), padded to even length as its VR asks."""
    if len(value) % 2:
        value += b"\0" if vr in (b"UI", b"OB") else b" "
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if vr not in _LONG and len(value) > 0xFFFF:
        vr = b"UN"  # PS3.5 6.2.2 note 2: a value too long for the short length of its VR
    if vr in _LONG or vr == b"UN":
        return head + vr + struct.pack("<HI", 0, len(value)) + value
    return head + vr + struct.pack("<H", len(value)) + value


def encoded_dataset(ds: Dataset) -> bytes:
    """Elements of a data set, explicit VR, little endian."""
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, False
    write_dataset(stream, ds, parent_encoding="utf8")
    return stream.getvalue()


class Template:
    """A data set of which some elements differ from instance to instance; the others are encoded once.

    Two hundred slices of a series differ in ten elements of sixty; encoding all of them again each time took most of
    the time of a simulation.
    """

    def __init__(self, ds: Dataset, varying: dict[str, bytes]) -> None:
        """`varying` is the keyword of each element that differs -> its VR; `ds` must not have them yet."""
        self.sop_class_uid = str(ds.SOPClassUID)
        self._tags = sorted((int(Tag(keyword)), keyword, vr) for keyword, vr in varying.items())
        borders = [0, *[tag for tag, _, _ in self._tags], 0xFFFFFFFF]
        self._fixed = [encoded_dataset(ds[low:high]) for low, high in itertools.pairwise(borders)]

    def content(self, values: dict[str, bytes]) -> bytes:
        """The encoded data set with these values."""
        parts = [self._fixed[0]]
        for (tag, keyword, vr), fixed in zip(self._tags, self._fixed[1:], strict=True):
            parts += [encoded(tag, vr, values[keyword]), fixed]
        return b"".join(parts)


def write_instance(ds: Dataset, folder: Path, *, inserted: tuple[int, bytes] | None = None) -> Path:
    """Write one instance under a name that tells the reader nothing.

    `inserted` is a tag that `ds` does not have, and that element ready encoded.
    """
    if inserted is None:
        content = encoded_dataset(ds)
    else:
        tag, element = inserted
        content = encoded_dataset(ds[:tag]) + element + encoded_dataset(ds[tag:])
    return write_content(content, str(ds.SOPClassUID), str(ds.SOPInstanceUID), folder)


def write_content(content: bytes, sop_class_uid: str, sop_instance_uid: str, folder: Path) -> Path:
    """Write an encoded data set with its file meta information (PS3.10 7.1)."""
    meta = b"".join(
        encoded(tag, vr, value)
        for tag, vr, value in (
            (0x00020001, b"OB", b"\0\1"),
            (0x00020002, b"UI", sop_class_uid.encode()),
            (0x00020003, b"UI", sop_instance_uid.encode()),
            (0x00020010, b"UI", str(ExplicitVRLittleEndian).encode()),
            (0x00020012, b"UI", str(PYDICOM_IMPLEMENTATION_UID).encode()),
            (0x00020013, b"SH", b"THERATRIAL_SIM"),
        )
    )
    length = encoded(0x00020000, b"UL", struct.pack("<I", len(meta)))
    name = hashlib.sha256(sop_instance_uid.encode()).hexdigest()[:12]
    path = folder / name[:2] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\0" * 128 + b"DICM" + length + meta + content)
    return path
