"""Small real DICOM of a trial's participants, and the body of an upload batch."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, NuclearMedicineImageStorage, generate_uid


def file_bytes(sop_class: str, values: Mapping[str, Any], *, transfer_syntax: str = ExplicitVRLittleEndian) -> bytes:
    """A DICOM file with these elements."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = values["SOPInstanceUID"]
    meta.TransferSyntaxUID = transfer_syntax
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID = sop_class
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, dataset, enforce_file_format=True)
    return stream.getvalue()


def _patient(patient_id: str, name: str, at: datetime) -> dict[str, Any]:
    return {
        "PatientID": patient_id,
        "PatientName": name or patient_id,
        "PatientSex": "F",
        "StudyDate": f"{at:%Y%m%d}",
        "AcquisitionDate": f"{at:%Y%m%d}",
        "AcquisitionTime": f"{at:%H%M%S}",
        "TimezoneOffsetFromUTC": f"{at:%z}",
        "StationName": "TESTCAMERA",
    }


def whole_body(
    patient_id: str,
    at: datetime,
    *,
    name: str = "",
    uid: str = "",
    sop: str = "",
    views: int = 2,
    window_keV: tuple[float, float] = (187.5, 229.2),
    nuclide: str = "^177^Lutetium",
    counts: int = 1,
    injected_at: datetime | None = None,
) -> bytes:
    """A whole-body scan of anterior and posterior view in one energy window."""
    window, limits = Dataset(), Dataset()
    limits.EnergyWindowLowerLimit, limits.EnergyWindowUpperLimit = (str(v) for v in window_keV)
    window.EnergyWindowRangeSequence = [limits]
    tracer, code = Dataset(), Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "0", "99TEST", nuclide
    tracer.RadionuclideCodeSequence = [code]
    if injected_at is not None:
        tracer.RadiopharmaceuticalStartDateTime = f"{injected_at:%Y%m%d%H%M%S%z}"
    detectors = []
    for meaning, angle in (("Anterior", "0"), ("Posterior", "180"))[:views]:
        detector, view = Dataset(), Dataset()
        view.CodeValue, view.CodingSchemeDesignator, view.CodeMeaning = "0", "99TEST", meaning
        detector.ViewCodeSequence, detector.StartAngle = [view], angle
        detectors.append(detector)
    pixels = np.full((views, 32, 8), counts, dtype=np.uint16)
    pixels[:, 4:28, 2:6] = counts + 10
    return file_bytes(
        NuclearMedicineImageStorage,
        {
            "SOPInstanceUID": sop or generate_uid(),
            "SeriesInstanceUID": uid or generate_uid(),
            "StudyInstanceUID": generate_uid(),
            "Modality": "NM",
            "ImageType": ["ORIGINAL", "PRIMARY", "WHOLE BODY", "EMISSION"],
            **_patient(patient_id, name, at),
            "ActualFrameDuration": "240000",
            "NumberOfFrames": views,
            "FrameIncrementPointer": [0x00540010, 0x00540020],
            "EnergyWindowVector": [1] * views,
            "DetectorVector": list(range(1, views + 1)),
            "NumberOfEnergyWindows": 1,
            "NumberOfDetectors": views,
            "EnergyWindowInformationSequence": [window],
            "DetectorInformationSequence": detectors,
            "RadiopharmaceuticalInformationSequence": [tracer],
            **_pixels(pixels[0].shape),
            "PixelData": pixels.tobytes(),
        },
    )


def _pixels(shape: tuple[int, ...]) -> dict[str, Any]:
    return {
        "Rows": shape[0],
        "Columns": shape[1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 0,
        "PixelSpacing": ["2.4", "2.4"],
    }


def ct_slices(patient_id: str, at: datetime, count: int, *, uid: str, frame: str = "", name: str = "") -> list[bytes]:
    """CT slices 5 mm apart."""
    made = []
    for number in range(count):
        pixels = np.full((8, 8), 1000 + number, dtype=np.uint16)
        made.append(
            file_bytes(
                CTImageStorage,
                {
                    "SOPInstanceUID": f"{uid}.{number + 1}",
                    "SeriesInstanceUID": uid,
                    "StudyInstanceUID": f"{uid}.0",
                    "Modality": "CT",
                    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
                    **_patient(patient_id, name, at + timedelta(seconds=number)),
                    "FrameOfReferenceUID": frame or f"{uid}.99",
                    "ImagePositionPatient": ["0", "0", str(5 * number)],
                    "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"],
                    "SliceThickness": "5",
                    "RescaleSlope": "1",
                    "RescaleIntercept": "-1024",
                    **_pixels(pixels.shape),
                    "PixelData": pixels.tobytes(),
                },
            )
        )
    return made


def batch(files: Iterable[tuple[str, bytes]]) -> bytes:
    """Files framed as the browser frames them."""
    return b"".join(json.dumps({"name": name, "bytes": len(b)}).encode() + b"\n" + b for name, b in files)


def zipped(files: Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return stream.getvalue()
