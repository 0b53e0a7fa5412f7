"""Small DICOM files made in code, with known content: NM, RTSTRUCT, SEG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import BaseTag
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

NM_STORAGE = "1.2.840.10008.5.1.4.1.1.20"
RTSTRUCT_STORAGE = "1.2.840.10008.5.1.4.1.1.481.3"
SEG_STORAGE = "1.2.840.10008.5.1.4.1.1.66.4"
FRAME_UID = "1.2.826.0.1.3680043.10.777.1"

VECTOR_TAGS = {
    "EnergyWindowVector": 0x00540010,
    "DetectorVector": 0x00540020,
    "SliceVector": 0x00540080,
}


def base(modality: str, sop_class: str, patient_id: str = "P01") -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = sop_class
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = generate_uid()
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.StudyInstanceUID = "1.2.826.0.1.3680043.10.777.2"
    dataset.SeriesInstanceUID = generate_uid()
    dataset.Modality = modality
    dataset.PatientID = patient_id
    dataset.PatientName = "Test^Phantom"
    dataset.PatientSex = "F"
    dataset.PatientBirthDate = "19700101"
    dataset.AcquisitionDate = "20260301"
    dataset.AcquisitionTime = "101500"
    dataset.TimezoneOffsetFromUTC = "+0330"
    return dataset


def code(scheme: str, value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodingSchemeDesignator = scheme
    item.CodeValue = value
    item.CodeMeaning = meaning
    return item


def nm_dataset(
    frames: np.ndarray,
    kind: str,
    vectors: Mapping[str, Sequence[int]],
    *,
    detectors: Sequence[Mapping[str, Any]] = (),
    windows: Sequence[tuple[float, float]] = ((187.2, 228.8),),
    spacing_mm: tuple[float, float] = (4.8, 4.8),
    nuclide: tuple[str, str, str] | None = ("SCT", "447553000", "^177^Lutetium"),
) -> Dataset:
    dataset = base("NM", NM_STORAGE)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", kind, "EMISSION"]
    dataset.StationName = "CAM1"
    dataset.Rows, dataset.Columns = frames.shape[1:]
    dataset.NumberOfFrames = len(frames)
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
    dataset.PixelSpacing = list(spacing_mm)
    dataset.FrameIncrementPointer = [VECTOR_TAGS[k] for k in vectors]
    for keyword, numbers in vectors.items():
        setattr(dataset, keyword, list(numbers))
    dataset.NumberOfEnergyWindows = len(windows)
    dataset.EnergyWindowInformationSequence = []
    for low, high in windows:
        limits = Dataset()
        limits.EnergyWindowLowerLimit, limits.EnergyWindowUpperLimit = low, high
        window = Dataset()
        window.EnergyWindowRangeSequence = [limits]
        dataset.EnergyWindowInformationSequence.append(window)
    dataset.NumberOfDetectors = max(len(detectors), 1)
    dataset.DetectorInformationSequence = []
    for stated in detectors:
        item = Dataset()
        for keyword, value in stated.items():
            setattr(item, keyword, value)
        dataset.DetectorInformationSequence.append(item)
    if nuclide:
        pharmaceutical = Dataset()
        pharmaceutical.RadionuclideCodeSequence = [code(*nuclide)]
        dataset.RadiopharmaceuticalInformationSequence = [pharmaceutical]
    dataset.PixelData = frames.astype("<u2").tobytes()
    return dataset


def saved(dataset: Dataset, path: Path) -> Path:
    dataset.save_as(path, enforce_file_format=True)
    return path


def spect_dataset(
    counts: np.ndarray,
    *,
    slice_spacing_mm: float = 4.8,
    views: int = 60,
    view_ms: int = 20_000,
    position_mm: Sequence[float] = (-100.0, -100.0, 50.0),
    orientation: Sequence[float] = (1, 0, 0, 0, 1, 0),
) -> Dataset:
    dataset = nm_dataset(
        counts,
        "RECON TOMO",
        {"SliceVector": range(1, len(counts) + 1)},
        detectors=[{"ImagePositionPatient": list(position_mm), "ImageOrientationPatient": list(orientation)}],
    )
    dataset.SpacingBetweenSlices = slice_spacing_mm
    dataset.SliceThickness = abs(slice_spacing_mm)
    dataset.NumberOfSlices = len(counts)
    dataset.FrameOfReferenceUID = FRAME_UID
    rotation = Dataset()
    rotation.ActualFrameDuration, rotation.NumberOfFramesInRotation = view_ms, views
    rotation.AngularStep, rotation.ScanArc = 360.0 / views / 2, 360.0
    dataset.RotationInformationSequence = [rotation]
    return dataset


def rtstruct_dataset(
    regions: Mapping[str, Sequence[np.ndarray]], *, frame_uid: str = FRAME_UID, kind: str = "CLOSED_PLANAR"
) -> Dataset:
    """Structure set with contours ``(n, 3)`` [mm] per region name."""
    dataset = base("RTSTRUCT", RTSTRUCT_STORAGE)
    dataset.StructureSetROISequence, dataset.ROIContourSequence = [], []
    for number, (name, contours) in enumerate(regions.items(), start=1):
        roi = Dataset()
        roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = number, name.split("#")[0], frame_uid
        dataset.StructureSetROISequence.append(roi)
        item = Dataset()
        item.ReferencedROINumber = number
        item.ContourSequence = []
        for points in contours:
            contour = Dataset()
            contour.ContourGeometricType = kind
            contour.NumberOfContourPoints = len(points)
            text = "\\".join(f"{v:.4f}".rstrip("0").rstrip(".") for v in np.asarray(points, float).ravel())
            value = text.encode() + b" " * (len(text) % 2)
            # raw, since building a DS object per number takes longer than the test
            contour[0x30060050] = RawDataElement(BaseTag(0x30060050), "DS", len(value), value, 0, False, True)
            item.ContourSequence.append(contour)
        dataset.ROIContourSequence.append(item)
    return dataset


def seg_dataset(
    masks: Mapping[str, np.ndarray],
    *,
    spacing_mm: tuple[float, float, float],
    origin_mm: np.ndarray,
    direction: np.ndarray,
    fractional: bool = False,
    frame_uid: str = FRAME_UID,
) -> Dataset:
    """Segmentation of masks ``(nz, ny, nx)`` in 0..1; planes without a pixel are left out, as writers do."""
    dataset = base("SEG", SEG_STORAGE)
    dataset.FrameOfReferenceUID = frame_uid
    dataset.SegmentationType = "FRACTIONAL" if fractional else "BINARY"
    dataset.SegmentSequence = []
    shared, measures, orientation = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SpacingBetweenSlices = list(spacing_mm[1:]), spacing_mm[0]
    measures.SliceThickness = spacing_mm[0]
    orientation.ImageOrientationPatient = [f"{v:.10f}" for v in (*direction[:, 0], *direction[:, 1])]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = []
    planes = []
    for number, (name, mask) in enumerate(masks.items(), start=1):
        segment = Dataset()
        segment.SegmentNumber, segment.SegmentLabel = number, name
        dataset.SegmentSequence.append(segment)
        for z in np.flatnonzero(mask.any(axis=(1, 2))):
            frame, place, which = Dataset(), Dataset(), Dataset()
            at = np.asarray(origin_mm) + direction[:, 2] * spacing_mm[0] * z
            place.ImagePositionPatient = [f"{v:.6f}" for v in at]
            which.ReferencedSegmentNumber = number
            frame.PlanePositionSequence, frame.SegmentIdentificationSequence = [place], [which]
            dataset.PerFrameFunctionalGroupsSequence.append(frame)
            planes.append(mask[z])
    stack = np.array(planes)
    dataset.NumberOfFrames = len(stack)
    dataset.Rows, dataset.Columns = stack.shape[1:]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PixelRepresentation = 1, "MONOCHROME2", 0
    if fractional:
        dataset.SegmentationFractionalType, dataset.MaximumFractionalValue = "OCCUPANCY", 200
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
        content = np.round(stack * 200).astype("u1").tobytes()
    else:
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 1, 1, 0
        content = np.packbits(stack.astype(bool).ravel(), bitorder="little").tobytes()
    dataset.PixelData = content + b"\0" * (len(content) % 2)
    return dataset


def circle(radius_mm: float, centre_mm: Sequence[float], points: int = 360) -> np.ndarray:
    angle = np.arange(points) * 2 * np.pi / points
    x, y, z = centre_mm
    return np.column_stack([x + radius_mm * np.cos(angle), y + radius_mm * np.sin(angle), np.full(points, z)])


def square(side_mm: float, centre_mm: Sequence[float]) -> np.ndarray:
    h = side_mm / 2
    x, y, z = centre_mm
    return np.array([[x - h, y - h, z], [x + h, y - h, z], [x + h, y + h, z], [x - h, y + h, z]])


def sphere_contours(radius_mm: float, centre_mm: Sequence[float], step_mm: float) -> list[np.ndarray]:
    x, y, z = centre_mm
    half = int(radius_mm / step_mm - 0.5) + 1
    heights = (np.arange(-half, half) + 0.5) * step_mm
    return [circle(float(np.sqrt(radius_mm**2 - h**2)), (x, y, z + h)) for h in heights if abs(h) < radius_mm]


def rotation(a: float, b: float, c: float) -> np.ndarray:
    """Rotation matrix by three angles [rad] about x, y, z."""
    ca, sa, cb, sb, cc, sc = np.cos(a), np.sin(a), np.cos(b), np.sin(b), np.cos(c), np.sin(c)
    rx = np.array([[1, 0, 0], [0, ca, -sa], [0, sa, ca]])
    ry = np.array([[cb, 0, sb], [0, 1, 0], [-sb, 0, cb]])
    rz = np.array([[cc, -sc, 0], [sc, cc, 0], [0, 0, 1]])
    return rz @ ry @ rx
