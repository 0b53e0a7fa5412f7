"""A patient with cubes of known activity, written as DICOM: PT in Bq/mL or NM counts, and structure sets."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

PT, NM = "1.2.840.10008.5.1.4.1.1.128", "1.2.840.10008.5.1.4.1.1.20"
RTSTRUCT = "1.2.840.10008.5.1.4.1.1.481.3"
INJECTED_AT = datetime(2024, 3, 1, 9, 0)
SPACING_mm = 4.0
SHAPE = (10, 16, 16)
HALF_LIFE_h = 159.528
"""177Lu, ICRP Publication 107: 6.647 d."""
CUBES = {"liver": (slice(3, 7), slice(2, 6), slice(2, 6)), "tumour": (slice(3, 7), slice(9, 13), slice(9, 13))}
"""Voxels of each region: 4 x 4 x 4, so 4.096 mL."""
VOLUME_mL = 64 * SPACING_mm**3 / 1000


def _dataset(sop_class: str, modality: str, patient_id: str, series_uid: str) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = sop_class
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.826.0.1.3680043.10.777.9", series_uid
    ds.Modality, ds.PatientID, ds.PatientName = modality, patient_id, "Test^Phantom"
    ds.StudyDate, ds.StudyTime = "20240301", "080000"
    return ds


def _pixels(ds: Dataset, values: np.ndarray) -> None:
    ds.Rows, ds.Columns = values.shape[-2:]
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 0
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 16, 15
    ds.PixelSpacing = [SPACING_mm, SPACING_mm]
    ds.PixelData = values.astype("<u2").tobytes()


def _tracer(nuclide: str | None) -> Dataset:
    item = Dataset()
    item.RadionuclideHalfLife = HALF_LIFE_h * 3600
    if nuclide:
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "X", "99T", nuclide
        item.RadionuclideCodeSequence = [code]
    return item


def _at(ds: Dataset, at: datetime, zone: str) -> None:
    ds.SeriesDate = ds.AcquisitionDate = at.strftime("%Y%m%d")
    ds.SeriesTime = ds.AcquisitionTime = at.strftime("%H%M%S.%f")
    if zone:
        ds.TimezoneOffsetFromUTC = zone


def volume(concentration: Mapping[str, float]) -> np.ndarray:
    values = np.zeros(SHAPE)
    for name, level in concentration.items():
        values[CUBES[name]] = level
    return values


def pt_series(
    folder: Path,
    activity_MBq: Mapping[str, float],
    hours: float,
    *,
    frame_uid: str = "1.2.3.1",
    patient_id: str = "P01",
    nuclide: str | None = "177Lu",
    zone: str = "",
    **changes: Any,
) -> str:
    """Write a PT series with these activities at scan time (DecayCorrection START); the series UID."""
    folder.mkdir(parents=True, exist_ok=True)
    uid = generate_uid()
    slope = 500.0
    stored = volume({name: MBq * 1e6 / VOLUME_mL / slope for name, MBq in activity_MBq.items()}).round()
    for z in range(SHAPE[0]):
        ds = _dataset(PT, "PT", patient_id, uid)
        _at(ds, INJECTED_AT + timedelta(hours=hours), zone)
        _pixels(ds, stored[z])
        ds.ImageType = ["ORIGINAL", "PRIMARY"]
        ds.FrameOfReferenceUID, ds.InstanceNumber = frame_uid, z + 1
        ds.ImagePositionPatient, ds.ImageOrientationPatient = [0, 0, z * SPACING_mm], [1, 0, 0, 0, 1, 0]
        ds.SliceThickness, ds.ActualFrameDuration = SPACING_mm, 600_000
        ds.RescaleSlope, ds.RescaleIntercept = slope, 0
        ds.Units, ds.DecayCorrection, ds.CorrectedImage = "BQML", "START", ["ATTN", "SCAT", "DECY"]
        ds.SeriesType, ds.FrameReferenceTime, ds.DecayFactor = ["STATIC", "IMAGE"], 0, 1
        ds.RadiopharmaceuticalInformationSequence = [_tracer(nuclide)]
        for keyword, value in changes.items():
            setattr(ds, keyword, value)
        ds.save_as(folder / f"{z:02}.dcm", enforce_file_format=True)
    return uid


def nm_spect(
    folder: Path, activity_MBq: Mapping[str, float], hours: float, *, cps_per_MBq: float, kind: str = "RECON TOMO"
) -> str:
    """Write a reconstructed SPECT as counts of 60 views of 20 s per head; the series UID."""
    folder.mkdir(parents=True, exist_ok=True)
    duration_s = 60 * 20.0
    uid = generate_uid()
    ds = _dataset(NM, "NM", "P01", uid)
    _at(ds, INJECTED_AT + timedelta(hours=hours), "")
    # Counts of a frame are the mean over its duration, which decay makes smaller than the start.
    decay = np.log(2) / (HALF_LIFE_h * 3600) * duration_s
    mean_over_start = -np.expm1(-decay) / decay
    counts = {name: MBq * mean_over_start * cps_per_MBq * duration_s / 64 for name, MBq in activity_MBq.items()}
    _pixels(ds, volume(counts).round())
    ds.ImageType, ds.StationName = ["ORIGINAL", "PRIMARY", kind, "EMISSION"], "CAM1"
    ds.NumberOfFrames = ds.NumberOfSlices = SHAPE[0]
    ds.FrameIncrementPointer, ds.SliceVector = [0x00540080], list(range(1, SHAPE[0] + 1))
    ds.SpacingBetweenSlices = ds.SliceThickness = SPACING_mm
    ds.FrameOfReferenceUID = "1.2.3.1"
    detector = Dataset()
    detector.ImagePositionPatient, detector.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
    ds.DetectorInformationSequence, ds.NumberOfDetectors = [detector], 1
    limits, window = Dataset(), Dataset()
    limits.EnergyWindowLowerLimit, limits.EnergyWindowUpperLimit = 187.2, 228.8
    window.EnergyWindowRangeSequence = [limits]
    ds.EnergyWindowInformationSequence, ds.NumberOfEnergyWindows = [window], 1
    ds.RadiopharmaceuticalInformationSequence = [_tracer("177Lu")]
    rotation = Dataset()
    rotation.ActualFrameDuration, rotation.NumberOfFramesInRotation = 20_000, 60
    rotation.AngularStep, rotation.ScanArc = 3.0, 360.0
    ds.RotationInformationSequence = [rotation]
    ds.save_as(folder / "spect.dcm", enforce_file_format=True)
    return uid


def structure_set(
    path: Path,
    names: Mapping[str, str],
    *,
    series_uid: str = "",
    frame_uid: str = "1.2.3.1",
    patient_id: str = "P01",
) -> Path:
    """Write squares around the cubes; `names` is the name in the file -> the cube."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ds = _dataset(RTSTRUCT, "RTSTRUCT", patient_id, generate_uid())
    frame = Dataset()
    frame.FrameOfReferenceUID = frame_uid
    if series_uid:
        study, series = Dataset(), Dataset()
        series.SeriesInstanceUID = series_uid
        study.RTReferencedSeriesSequence = [series]
        frame.RTReferencedStudySequence = [study]
    ds.ReferencedFrameOfReferenceSequence = [frame]
    ds.StructureSetROISequence, ds.ROIContourSequence = [], []
    for number, (name, cube) in enumerate(names.items(), 1):
        roi, item = Dataset(), Dataset()
        roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = number, name, frame_uid
        item.ReferencedROINumber, item.ContourSequence = number, []
        z, y, x = CUBES[cube]
        low, high = [(s.start - 0.5) * SPACING_mm for s in (x, y)], [(s.stop - 0.5) * SPACING_mm for s in (x, y)]
        for plane in range(z.start, z.stop):
            corners = [(low[0], low[1]), (high[0], low[1]), (high[0], high[1]), (low[0], high[1])]
            contour = Dataset()
            contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", 4
            contour.ContourData = [v for px, py in corners for v in (px, py, plane * SPACING_mm)]
            item.ContourSequence.append(contour)
        ds.StructureSetROISequence.append(roi)
        ds.ROIContourSequence.append(item)
    ds.save_as(path, enforce_file_format=True)
    return path
