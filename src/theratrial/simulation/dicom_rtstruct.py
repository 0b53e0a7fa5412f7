"""Structure sets: the phantom's regions as closed contours on planes fine enough to hold their volume."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Final

import contourpy
import numpy as np
from pydicom.dataset import Dataset

from theratrial.simulation.dicom_common import (
    REMARK,
    Study,
    base_dataset,
    date_text,
    encoded,
    time_text,
    write_instance,
)
from theratrial.simulation.dicom_slices import Written
from theratrial.simulation.phantom import Phantom, Tissue
from theratrial.simulation.shapes import Floats

RTSTRUCT_CLASS: Final = "1.2.840.10008.5.1.4.1.1.481.3"
_DETACHED_STUDY: Final = "1.2.840.10008.3.1.2.3.1"
_ROI_CONTOURS: Final = 0x30060039
_PLANES: Final = 18
_COARSEST_PLANE_MM: Final = 8.0
_STEPS_ACROSS: Final = 12
_COARSEST_STEP_MM: Final = 8.0
_COLOURS: Final = ("230\\80\\60", "60\\140\\230", "70\\180\\90", "220\\170\\40", "160\\90\\200", "60\\190\\190")


def drawn_tissue(phantom: Phantom, region: str) -> Tissue:
    """The solid a region is drawn as: the heart is its outer surface, blood and wall together."""
    if region != "heart":
        return phantom.tissue(region)
    wall, blood = phantom.tissue("heart_wall"), phantom.tissue("heart_blood")
    return replace(wall, cut_by=tuple(s for s in wall.cut_by if s not in blood.shapes))


@lru_cache(maxsize=32)
def contours(tissue: Tissue) -> tuple[Floats, ...]:
    """Closed contours ``(n, 3)`` of a tissue in the phantom's coordinates [mm], holes as contours of their own.

    Planes are the middles of equal slabs over the tissue's extent, so that area times slab adds up to the volume.
    """
    (x0, x1), (y0, y1), (z0, z1) = tissue.bounds_mm
    planes = max(_PLANES, int(np.ceil((z1 - z0) / _COARSEST_PLANE_MM)))
    smallest = min([min(s.semi_axes_mm) for s in (*tissue.shapes, *tissue.cut_by)])
    step = min(_COARSEST_STEP_MM, 2 * smallest / _STEPS_ACROSS)
    z = z0 + (np.arange(planes) + 0.5) * (z1 - z0) / planes
    x = np.arange(x0 - 2 * step, x1 + 2 * step, step)
    y = np.arange(y0 - 2 * step, y1 + 2 * step, step)
    depth = tissue.depth_mm(x[None, None, :], y[None, :, None], z[:, None, None])
    depth = np.broadcast_to(depth, (planes, len(y), len(x)))
    found = []
    for height, layer in zip(z, depth, strict=True):
        for line in contourpy.contour_generator(x=x, y=y, z=layer).lines(0.0):
            points = np.asarray(line)[:-1]
            if len(points) >= 6:
                found.append(np.column_stack([points, np.full(len(points), height)]))
    return tuple(found)


def write_rtstruct(
    study: Study, when: datetime, phantom: Phantom, regions: tuple[str, ...], image: Written, *, label: str
) -> None:
    """Structure set of the regions, drawn on an image of the study."""
    series = f"rtstruct {label}"
    ds = base_dataset(study, RTSTRUCT_CLASS, "RTSTRUCT", series, 9, when)
    ds.SOPInstanceUID = study.uid(series, "instance")
    ds.InstanceNumber = 1
    ds.SeriesDescription = f"Regions on {label}"
    ds.OperatorsName = ""
    ds.StructureSetLabel = label[:16].upper()
    ds.StructureSetDescription = REMARK
    ds.StructureSetDate, ds.StructureSetTime = date_text(when), time_text(when)
    ds.FrameOfReferenceUID = image.frame_of_reference_uid
    ds.PositionReferenceIndicator = ""
    ds.ReferencedFrameOfReferenceSequence = [_frame_of_reference(study, image)]
    ds.StructureSetROISequence, ds.RTROIObservationsSequence = [], []
    outlines: list[bytes] = []
    for number, region in enumerate(regions, start=1):
        roi = Dataset()
        roi.ROINumber = number
        roi.ReferencedFrameOfReferenceUID = image.frame_of_reference_uid
        roi.ROIName = region
        roi.ROIGenerationAlgorithm = "AUTOMATIC"
        ds.StructureSetROISequence.append(roi)
        outlines.append(_outline_item(contours(drawn_tissue(phantom, region)), study.shift_mm, number))
        observation = Dataset()
        observation.ObservationNumber = number
        observation.ReferencedROINumber = number
        observation.RTROIInterpretedType = "GTV" if region.startswith("lesion") else "ORGAN"
        observation.ROIInterpreter = ""
        ds.RTROIObservationsSequence.append(observation)
    write_instance(ds, study.folder, inserted=(_ROI_CONTOURS, encoded(_ROI_CONTOURS, b"SQ", b"".join(outlines))))


def _outline_item(lines: Sequence[Floats], shift_mm: tuple[float, float, float], number: int) -> bytes:
    """An item of ROIContourSequence.

    Encoded here (explicit VR, little endian): through data elements, the numbers alone would cost seconds per file.
    """
    colour = encoded(0x3006002A, b"IS", _COLOURS[number % len(_COLOURS)].encode())
    drawn = b"".join(_item(_contour(points + np.array(shift_mm))) for points in lines)
    reference = encoded(0x30060084, b"IS", str(number).encode())
    return _item(colour + encoded(0x30060040, b"SQ", drawn) + reference)


def _contour(points: Floats) -> bytes:
    text = "\\".join(f"{value:.2f}" for value in points.ravel().tolist()).encode()
    return (
        encoded(0x30060042, b"CS", b"CLOSED_PLANAR")
        + encoded(0x30060046, b"IS", str(len(points)).encode())
        + encoded(0x30060050, b"DS", text)
    )


def _item(content: bytes) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content


def _frame_of_reference(study: Study, image: Written) -> Dataset:
    images = []
    for uid in image.instance_uids:
        reference = Dataset()
        reference.ReferencedSOPClassUID = image.sop_class_uid
        reference.ReferencedSOPInstanceUID = uid
        images.append(reference)
    series = Dataset()
    series.SeriesInstanceUID = image.series_instance_uid
    series.ContourImageSequence = images
    of_study = Dataset()
    of_study.ReferencedSOPClassUID = _DETACHED_STUDY
    of_study.ReferencedSOPInstanceUID = study.uid("study")
    of_study.RTReferencedSeriesSequence = [series]
    frame = Dataset()
    frame.FrameOfReferenceUID = image.frame_of_reference_uid
    frame.RTReferencedStudySequence = [of_study]
    return frame
