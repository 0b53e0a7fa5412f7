"""CT and PET series, one file per slice."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from pydicom.dataset import Dataset

from theratrial.imaging.values import FloatArray, Grid
from theratrial.nuclides import Nuclide
from theratrial.simulation.dicom_common import (
    Study,
    Template,
    code,
    date_text,
    image_dataset,
    nuclide_code,
    orientation_items,
    time_text,
    write_content,
)

CT_CLASS: Final = "1.2.840.10008.5.1.4.1.1.2"
PET_CLASS: Final = "1.2.840.10008.5.1.4.1.1.128"
_BED_MM: Final = 150.0
_BED_S: Final = 150.0


Slice = tuple[int, np.ndarray, dict[str, str | int]]
"""Index in the grid, pixel values, elements of its own."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a structure set must know of the series it is drawn on."""

    sop_class_uid: str
    series_instance_uid: str
    frame_of_reference_uid: str
    instance_uids: tuple[str, ...]
    frames: int = 0
    """Frames of a multi-frame image; 0 for a series of slices."""


def _geometry(ds: Dataset, grid: Grid) -> None:
    dz, dy, dx = grid.spacing_mm
    ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    ds.PixelSpacing = [_ds(dy), _ds(dx)]
    ds.SliceThickness = _ds(dz)


def _bytes(value: str | int) -> bytes:
    return struct.pack("<H", value) if isinstance(value, int) else value.encode()


def _ds(value: float) -> str:
    return f"{value:.9g}"[:16]


_VARYING: Final = {
    "SOPInstanceUID": b"UI",
    "InstanceNumber": b"IS",
    "ImagePositionPatient": b"DS",
    "SliceLocation": b"DS",
    "PixelData": b"OW",
}


def _write_slices(
    ds: Dataset, study: Study, series: str, grid: Grid, slices: Iterator[Slice], also: dict[str, bytes]
) -> Written:
    """Write the slices, given from the head down; `also` are elements beyond the usual that differ (keyword -> VR)."""
    template = Template(ds, _VARYING | also)
    x, y, z0 = grid.origin_mm
    uids = []
    for number, (index, pixels, values) in enumerate(slices):
        z = z0 + index * grid.spacing_mm[0]
        uid = study.uid(series, number)
        texts = {name: _bytes(value) for name, value in values.items()} | {
            "SOPInstanceUID": uid.encode(),
            "InstanceNumber": str(number + 1).encode(),
            "ImagePositionPatient": f"{_ds(x)}\\{_ds(y)}\\{_ds(z)}".encode(),
            "SliceLocation": _ds(z).encode(),
            "PixelData": pixels.astype("<i2").tobytes(),
        }
        write_content(template.content(texts), template.sop_class_uid, uid, study.folder)
        uids.append(uid)
    return Written(template.sop_class_uid, str(ds.SeriesInstanceUID), str(ds.FrameOfReferenceUID), tuple(uids))


def write_ct(study: Study, when: datetime, grid: Grid, hounsfield: FloatArray, rng: np.random.Generator) -> Written:
    """A low-dose CT: Hounsfield units with 14 HU of noise."""
    ds = image_dataset(study, CT_CLASS, "CT", "ct", 1, when, grid.shape[1:])
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.StationName = "SIMPETCT1"
    ds.SeriesDescription = "CT for attenuation and anatomy"
    ds.PatientPosition = "HFS"
    ds.KVP = "120"
    ds.AcquisitionNumber = 1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "HU"
    ds.PixelRepresentation = 1
    ds.WindowCenter, ds.WindowWidth = "40", "400"
    ds.ConvolutionKernel = "NONE"
    _geometry(ds, grid)

    def slices() -> Iterator[Slice]:
        for index in reversed(range(grid.shape[0])):
            values = rng.standard_normal(grid.shape[1:], dtype=np.float32)
            values *= np.float32(14)
            values += hounsfield[index]
            np.rint(values, out=values)
            yield index, np.clip(values, -1024, 3071, out=values), {}

    return _write_slices(ds, study, "ct", grid, slices(), {})


def write_pet(
    study: Study,
    when: datetime,
    grid: Grid,
    Bq_per_mL: FloatArray,
    nuclide: Nuclide,
    *,
    product: str,
    injected_at: datetime,
    injected_MBq: float,
) -> Written:
    """A PET series in Bq/mL, decay corrected to its start, with a slope of its own for every slice.

    Beds are scanned from the thighs upward, so that AcquisitionTime, FrameReferenceTime and DecayFactor differ between
    slices while the pixel values all hold for SeriesTime.
    """
    ds = image_dataset(study, PET_CLASS, "PT", "pet", 2, when, grid.shape[1:])
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    ds.StationName = "SIMPETCT1"
    ds.SeriesDescription = f"PET {product}, attenuation corrected"
    ds.SeriesType = ["WHOLE BODY", "IMAGE"]
    ds.Units = "BQML"
    ds.CountsSource = "EMISSION"
    ds.NumberOfSlices = grid.shape[0]
    ds.CollimatorType = "NONE"
    ds.CorrectedImage = ["DECY", "ATTN", "SCAT", "DTIM", "RAN", "NORM"]
    ds.DecayCorrection = "START"
    ds.RandomsCorrectionMethod = "NONE"
    ds.AttenuationCorrectionMethod = "simulated, complete"
    ds.ScatterCorrectionMethod = "simulated, complete"
    ds.ReconstructionMethod = "simulated, Gaussian resolution"
    ds.DoseCalibrationFactor = "1"
    ds.ActualFrameDuration = int(_BED_S * 1000)
    ds.RescaleIntercept = "0"
    ds.PixelRepresentation = 1
    ds.RadiopharmaceuticalInformationSequence = [_radiopharmaceutical(product, nuclide, injected_at, injected_MBq)]
    orientation_items(ds)
    _geometry(ds, grid)
    decay_per_s = nuclide.decay_constant_per_h / 3600
    per_bed = max(1, round(_BED_MM / grid.spacing_mm[0]))
    middle_s = math.log(decay_per_s * _BED_S / -math.expm1(-decay_per_s * _BED_S)) / decay_per_s

    def slices() -> Iterator[Slice]:
        for number, index in enumerate(reversed(range(grid.shape[0]))):
            bed_s = index // per_bed * _BED_S
            started = when + timedelta(seconds=bed_s)
            slope = _ds(max(float(Bq_per_mL[index].max()), 1.0) / 32000)
            yield (
                index,
                np.rint(Bq_per_mL[index] / np.float32(slope)),
                {
                    "AcquisitionDate": date_text(started),
                    "AcquisitionTime": time_text(started),
                    "ImageIndex": number + 1,
                    "FrameReferenceTime": _ds(round((bed_s + middle_s) * 1000, 1)),
                    "DecayFactor": _ds(math.exp(decay_per_s * (bed_s + middle_s))),
                    "RescaleSlope": slope,
                },
            )

    also = {"AcquisitionDate": b"DA", "AcquisitionTime": b"TM", "FrameReferenceTime": b"DS", "DecayFactor": b"DS"}
    del ds.AcquisitionDate, ds.AcquisitionTime
    return _write_slices(ds, study, "pet", grid, slices(), also | {"ImageIndex": b"US", "RescaleSlope": b"DS"})


def _radiopharmaceutical(product: str, nuclide: Nuclide, injected_at: datetime, injected_MBq: float) -> Dataset:
    item = Dataset()
    item.Radiopharmaceutical = product
    item.AdministrationRouteCodeSequence = [code("47625008", "SCT", "Intravenous route")]
    item.RadiopharmaceuticalStartTime = time_text(injected_at)
    item.RadiopharmaceuticalStartDateTime = injected_at.strftime("%Y%m%d%H%M%S%z")
    item.RadionuclideTotalDose = _ds(round(injected_MBq * 1e6))
    item.RadionuclideHalfLife = _ds(nuclide.half_life_h * 3600)
    item.RadionuclidePositronFraction = _ds(nuclide.positron_yield)
    item.RadionuclideCodeSequence = [nuclide_code(nuclide)]
    return item
