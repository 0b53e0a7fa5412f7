"""The frames of an enhanced multi-frame CT or PET object (DICOM PS3.3 A.38, A.56) as slices.

Everything per frame sits in functional groups: those of the frame, else the shared ones.
"""

from __future__ import annotations

from typing import Any, Final

from theratrial.errors import InputError
from theratrial.imaging.fastload import dataset_from_file
from theratrial.imaging.series_checks import Frames, Slice
from theratrial.imaging.series_files import ImageFile
from theratrial.imaging.times import moment_from_dt

_UNIT_OF_UCUM: Final = {
    "Bq/ml": "BQML",
    "Bq/mL": "BQML",
    "{counts}": "CNTS",
    "{counts}/s": "CPS",
    "{propcounts}": "PROPCNTS",
    "g/ml": "GML",
    "g/ml{SUVbw}": "GML",
    "{SUVbw}g/ml": "GML",
    "[hnsf'U]": "HU",
}


def frames_of(file: ImageFile) -> Frames:
    """Frames of a multi-frame file.

    Raises
    ------
    InputError
        If the file has no functional groups (such as NM, whose frames are indexed by vectors), holds several$
        points or stacks, or its frames differ in orientation or spacing.
    """
    dataset = _dataset_with_groups(file)
    shared: Any = next(iter(dataset.get("SharedFunctionalGroupsSequence") or []), {})
    groups = list(dataset.PerFrameFunctionalGroupsSequence)
    if len(groups) != file.layout.frames:
        raise InputError(f"{file.path}: {file.layout.frames} frames but {len(groups)} per-frame functional groups")
    slices: list[Slice] = []
    planes: set[tuple[tuple[float, ...], tuple[float, ...]]] = set()
    thickness: float | None = None
    units: set[str] = set()
    for number, group in enumerate(groups):
        place = _macro(group, shared, "PlanePositionSequence", file, number)
        plane = _macro(group, shared, "PlaneOrientationSequence", file, number)
        measures = _macro(group, shared, "PixelMeasuresSequence", file, number)
        planes.add((_numbers(plane, "ImageOrientationPatient", 6, file), _numbers(measures, "PixelSpacing", 2, file)))
        thickness = float(measures.get("SliceThickness") or 0.0) or thickness
        slope, intercept, unit = _scale(group, shared, file, number)
        units.add(unit)
        content: Any = next(iter(group.get("FrameContentSequence") or []), {})
        duration_ms = content.get("FrameAcquisitionDuration")
        position = _numbers(place, "ImagePositionPatient", 3, file)
        slices.append(
            Slice(
                path=file.path,
                frame=number,
                sop_instance_uid=file.sop_instance_uid,
                position_mm=(position[0], position[1], position[2]),
                slope=slope,
                intercept=intercept,
                acquired_at=moment_from_dt(str(content.get("FrameAcquisitionDateTime") or file.acquisition_datetime)),
                frame_reference_time_s=None,
                frame_duration_s=None if duration_ms is None else float(duration_ms) / 1000.0,
                decay_factor=None,
                suv_scale_factor=file.suv_scale_factor,
                activity_scale_factor=file.activity_scale_factor,
                pixel_start=file.pixel_start,
            )
        )
    if len(planes) != 1 or len(units) != 1:
        raise InputError(f"{file.path}: its frames differ in orientation, spacing or unit; several stacks in one file")
    ((orientation, spacing),) = planes
    corrected = str(dataset.get("DecayCorrected") or "").upper()
    return Frames(
        slices=slices,
        orientation=orientation,
        spacing_mm=(spacing[0], spacing[1]),
        thickness_mm=thickness,
        unit=file.unit or units.pop(),
        decay_correction=file.decay_correction or {"YES": "START", "NO": "NONE"}.get(corrected, ""),
    )


def _dataset_with_groups(file: ImageFile) -> Any:
    """Header of a multi-frame file that has functional groups."""
    dataset = dataset_from_file(file.path)
    if not dataset.get("PerFrameFunctionalGroupsSequence"):
        how = "read it as NM" if file.modality == "NM" else "a slice series or an enhanced multi-frame object is needed"
        raise InputError(
            f"{file.path}: {file.layout.frames} frames without functional groups cannot be placed in the patient; {how}"
        )
    return dataset


def _macro(group: Any, shared: Any, keyword: str, file: ImageFile, number: int) -> Any:
    for where in (group, shared):
        if items := where.get(keyword):
            return items[0]
    raise InputError(f"{file.path}: frame {number + 1} has no {keyword}: it cannot be placed in the patient")


def _numbers(item: Any, keyword: str, count: int, file: ImageFile) -> tuple[float, ...]:
    value = item.get(keyword)
    if value is None or len(value) != count:
        raise InputError(f"{file.path}: {keyword} needs {count} numbers, got {value}")
    return tuple(float(v) for v in value)


def _scale(group: Any, shared: Any, file: ImageFile, number: int) -> tuple[float, float, str]:
    """Slope, intercept and unit of a frame: a real world value mapping of a known unit, else the rescale."""
    for where in (group, shared):
        for mapping in where.get("RealWorldValueMappingSequence") or []:
            code_item: Any = next(iter(mapping.get("MeasurementUnitsCodeSequence") or []), {})
            code = code_item.get("CodeValue", "")
            if code in _UNIT_OF_UCUM and "RealWorldValueSlope" in mapping:
                return (
                    float(mapping.RealWorldValueSlope),
                    float(mapping.get("RealWorldValueIntercept") or 0.0),
                    _UNIT_OF_UCUM[code],
                )
    for where in (group, shared):
        if items := where.get("PixelValueTransformationSequence"):
            item = items[0]
            if "RescaleSlope" not in item:
                raise InputError(f"{file.path}: frame {number + 1} has a rescale without slope")
            kind = str(item.get("RescaleType") or "")
            return float(item.RescaleSlope), float(item.get("RescaleIntercept") or 0.0), "HU" if kind == "HU" else ""
    return file.slope, file.intercept, ""
