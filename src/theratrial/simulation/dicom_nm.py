"""NM objects: whole-body views and reconstructed SPECT, each one multi-frame file."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import numpy as np
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from theratrial.imaging.values import Grid
from theratrial.nuclides import Nuclide
from theratrial.simulation.camera import windows_keV
from theratrial.simulation.dicom_common import (
    Study,
    code,
    image_dataset,
    nuclide_code,
    orientation_items,
    time_text,
    write_instance,
)
from theratrial.simulation.dicom_slices import Written
from theratrial.simulation.records import CAMERA

NM_CLASS: Final = "1.2.840.10008.5.1.4.1.1.20"
SPECT_VIEWS: Final = 60
SPECT_VIEW_MS: Final = 20_000
"""Two heads, 60 views each over 180 degrees, 20 s a view: 20 min."""
PLANAR_STEP_MS: Final = 240_000
"""Multiple static frames: every point of the body is seen for 4 min."""
_VIEWS: Final = (("399321004", "Anterior projection", 180), ("399001007", "Posterior projection", 0))
"""CID 26; 0 degrees is at the patient's back (PS3.3 C.8.4.11)."""


def spect_duration_s() -> float:
    """Measuring time per head [s]."""
    return SPECT_VIEWS * SPECT_VIEW_MS / 1000


def planar_duration_s() -> float:
    """Measuring time of every point of the body [s]."""
    return PLANAR_STEP_MS / 1000


def _nm(
    study: Study,
    series: str,
    number: int,
    when: datetime,
    frames: np.ndarray,
    product: str,
    nuclide: Nuclide,
    injected_at: datetime,
    injected_MBq: float,
    windows: int,
) -> Dataset:
    ds = image_dataset(study, NM_CLASS, "NM", series, number, when, (frames.shape[1], frames.shape[2]))
    ds.StationName = CAMERA
    ds.SOPInstanceUID = study.uid(series, "image")
    ds.InstanceNumber = 1
    ds.NumberOfFrames = len(frames)
    ds.PixelRepresentation = 0
    ds.SmallestImagePixelValue, ds.LargestImagePixelValue = int(frames.min()), int(frames.max())
    ds["SmallestImagePixelValue"].VR = ds["LargestImagePixelValue"].VR = "US"
    ds.CountsAccumulated = int(frames.sum(dtype=np.int64))
    ds.PixelData = frames.astype("<u2", copy=False).tobytes()
    ds.EnergyWindowInformationSequence = [
        _window(name, low, high) for name, low, high in windows_keV(nuclide)[:windows]
    ]
    ds.NumberOfEnergyWindows = windows
    item = Dataset()
    item.RadionuclideCodeSequence = [nuclide_code(nuclide)]
    item.AdministrationRouteCodeSequence = [code("47625008", "SCT", "Intravenous route")]
    item.Radiopharmaceutical = product
    item.RadiopharmaceuticalStartTime = time_text(injected_at)
    item.RadiopharmaceuticalStartDateTime = injected_at.strftime("%Y%m%d%H%M%S%z")
    item.RadionuclideTotalDose = f"{injected_MBq:.2f}"
    ds.RadiopharmaceuticalInformationSequence = [item]
    orientation_items(ds)
    return ds


def _window(name: str, low: float, high: float) -> Dataset:
    limits = Dataset()
    limits.EnergyWindowLowerLimit, limits.EnergyWindowUpperLimit = f"{low:.1f}", f"{high:.1f}"
    item = Dataset()
    item.EnergyWindowName = name
    item.EnergyWindowRangeSequence = [limits]
    return item


def write_planar(
    study: Study,
    when: datetime,
    counts: np.ndarray,
    spacing_mm: float,
    top_mm: float,
    nuclide: Nuclide,
    *,
    product: str,
    injected_at: datetime,
    injected_MBq: float,
) -> Written:
    """Anterior and posterior whole-body views in the photopeak and two scatter windows.

    `counts` is ``(window, view, rows, columns)`` as each detector sees it; `top_mm` the z of the first row.
    """
    windows, views = counts.shape[:2]
    frames = counts.reshape(windows * views, *counts.shape[2:])
    ds = _nm(study, "planar", 1, when, frames, product, nuclide, injected_at, injected_MBq, windows)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "WHOLE BODY", "EMISSION"]
    ds.SeriesDescription = "Whole body, anterior and posterior"
    ds.FrameIncrementPointer = [Tag("EnergyWindowVector"), Tag("DetectorVector")]
    ds.EnergyWindowVector = [w + 1 for w in range(windows) for _ in range(views)]
    ds.DetectorVector = [v + 1 for _ in range(windows) for v in range(views)]
    ds.NumberOfDetectors = views
    ds.ActualFrameDuration = PLANAR_STEP_MS
    ds.WholeBodyTechnique = "MSP"
    ds.ScanVelocity = ""
    ds.ScanLength = round(frames.shape[1] * spacing_mm)
    ds.PixelSpacing = [f"{spacing_mm:.6g}"] * 2
    ds.PatientOrientation = ""
    ds.DetectorInformationSequence = []
    for value, meaning, angle in _VIEWS[:views]:
        detector = _detector(angle)
        view = code(value, "SCT", meaning)
        view.ViewModifierCodeSequence = []
        detector.ViewCodeSequence = [view]
        # Rows run from the head down; the columns of the posterior run from the patient's left to her right.
        right_to_left = 1 if angle == 180 else -1
        detector.ImageOrientationPatient = [str(right_to_left), "0", "0", "0", "0", "-1"]
        x = -right_to_left * (counts.shape[3] - 1) / 2 * spacing_mm
        position = (x + study.shift_mm[0], study.shift_mm[1], top_mm + study.shift_mm[2])
        detector.ImagePositionPatient = [f"{v:.3f}" for v in position]
        ds.DetectorInformationSequence.append(detector)
    write_instance(ds, study.folder)
    return Written(
        NM_CLASS, str(ds.SeriesInstanceUID), str(ds.FrameOfReferenceUID), (str(ds.SOPInstanceUID),), len(frames)
    )


def _detector(angle: int) -> Dataset:
    detector = Dataset()
    detector.CollimatorGridName = "SIM ME"
    detector.CollimatorType = "PARA"
    detector.FieldOfViewShape = "RECTANGLE"
    detector.FieldOfViewDimensions = [614, 461]
    detector.FocalDistance = 0
    detector.XFocusCenter = detector.YFocusCenter = "0"
    detector.ZoomCenter = ["0", "0"]
    detector.ZoomFactor = ["1", "1"]
    detector.CenterOfRotationOffset = "0"
    detector.GantryDetectorTilt = "0"
    detector.StartAngle = str(angle)
    detector.RadialPosition = "250"
    return detector


def write_spect(
    study: Study,
    when: datetime,
    counts: np.ndarray,
    grid: Grid,
    nuclide: Nuclide,
    *,
    product: str,
    injected_at: datetime,
    injected_MBq: float,
) -> Written:
    """A reconstructed SPECT in counts, slices from the feet to the head."""
    ds = _nm(study, "spect", 2, when, counts, product, nuclide, injected_at, injected_MBq, 1)
    dz, dy, dx = grid.spacing_mm
    ds.BodyPartExamined = "CHESTABDOMEN"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"]
    ds.SeriesDescription = "SPECT, attenuation and scatter corrected"
    ds.FrameIncrementPointer = Tag("SliceVector")
    ds.SliceVector = list(range(1, len(counts) + 1))
    ds.NumberOfSlices = len(counts)
    ds.NumberOfDetectors = 1
    ds.NumberOfRotations = 1
    ds.CorrectedImage = ["ATTN", "SCAT"]
    ds.PixelSpacing = [f"{dy:.9g}", f"{dx:.9g}"]
    ds.SliceThickness = f"{dz:.9g}"
    ds.SpacingBetweenSlices = f"{dz:.9g}"
    ds.ReconstructionMethod = "simulated, Gaussian resolution"
    ds.ReconstructionDiameter = f"{dx * grid.shape[2]:.6g}"
    ds.AcquisitionContextSequence = []
    detector = _detector(0)
    detector.ImagePositionPatient = [f"{v:.6f}" for v in grid.origin_mm]
    detector.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    ds.DetectorInformationSequence = [detector]
    rotation = Dataset()
    rotation.StartAngle = "0"
    rotation.AngularStep = "3"
    rotation.RotationDirection = "CC"
    rotation.ScanArc = "360"
    rotation.ActualFrameDuration = SPECT_VIEW_MS
    rotation.RadialPosition = ["250"]
    rotation.NumberOfFramesInRotation = SPECT_VIEWS
    rotation.TableTraverse = "0"
    rotation.TableHeight = "0"
    rotation.TypeOfDetectorMotion = "STEP AND SHOOT"
    ds.RotationInformationSequence = [rotation]
    write_instance(ds, study.folder)
    return Written(
        NM_CLASS, str(ds.SeriesInstanceUID), str(ds.FrameOfReferenceUID), (str(ds.SOPInstanceUID),), len(counts)
    )
