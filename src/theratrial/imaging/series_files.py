"""One file of a slice series: the elements the series needs, read once, quickly."""

from __future__ import annotations

import math
import os
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from theratrial.errors import InputError, Problem
from theratrial.imaging.codecs import PixelLayout, can_read_directly
from theratrial.imaging.fastload import Elements, elements

SOP_CLASS_UID: Final = 0x00080016
SOP_INSTANCE_UID: Final = 0x00080018
ACQUISITION_DATE: Final = 0x00080022
ACQUISITION_DATETIME: Final = 0x0008002A
ACQUISITION_TIME: Final = 0x00080032
MODALITY: Final = 0x00080060
PATIENT_ID: Final = 0x00100020
SLICE_THICKNESS: Final = 0x00180050
ACTUAL_FRAME_DURATION: Final = 0x00181242
STUDY_INSTANCE_UID: Final = 0x0020000D
SERIES_INSTANCE_UID: Final = 0x0020000E
IMAGE_POSITION: Final = 0x00200032
IMAGE_ORIENTATION: Final = 0x00200037
FRAME_OF_REFERENCE_UID: Final = 0x00200052
SAMPLES_PER_PIXEL: Final = 0x00280002
PHOTOMETRIC_INTERPRETATION: Final = 0x00280004
NUMBER_OF_FRAMES: Final = 0x00280008
ROWS: Final = 0x00280010
COLUMNS: Final = 0x00280011
PIXEL_SPACING: Final = 0x00280030
BITS_ALLOCATED: Final = 0x00280100
BITS_STORED: Final = 0x00280101
HIGH_BIT: Final = 0x00280102
PIXEL_REPRESENTATION: Final = 0x00280103
RESCALE_INTERCEPT: Final = 0x00281052
RESCALE_SLOPE: Final = 0x00281053
MODALITY_LUT_SEQUENCE: Final = 0x00283000
UNITS: Final = 0x00541001
DECAY_CORRECTION: Final = 0x00541102
FRAME_REFERENCE_TIME: Final = 0x00541300
DECAY_FACTOR: Final = 0x00541321
PHILIPS_SUV_SCALE_FACTOR: Final = 0x70531000
PHILIPS_ACTIVITY_SCALE_FACTOR: Final = 0x70531009
PIXEL_DATA: Final = 0x7FE00010

_WANTED: Final = frozenset(
    value for name, value in list(globals().items()) if name.isupper() and isinstance(value, int)
)
"""Every tag above, and PixelData, which the walker only locates."""


class ImageFile(NamedTuple):
    """What one image file says about itself."""

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    modality: str
    patient_id: str
    study_instance_uid: str
    series_instance_uid: str
    frame_of_reference_uid: str
    layout: PixelLayout
    position_mm: tuple[float, float, float]
    orientation: tuple[float, ...]
    spacing_mm: tuple[float, float]
    thickness_mm: float | None
    slope: float
    intercept: float
    unit: str
    decay_correction: str
    acquisition_date: str
    acquisition_time: str
    acquisition_datetime: str
    frame_reference_time_s: float | None
    frame_duration_s: float | None
    decay_factor: float | None
    suv_scale_factor: float | None
    activity_scale_factor: float | None
    pixel_start: int


class _Unusable(Exception):
    """One thing in the file that keeps it from being a slice."""


@lru_cache(maxsize=4096)
def _decoded(value: bytes) -> str:
    return value.decode("utf-8", "replace").strip(" \0")


@lru_cache(maxsize=4096)
def _parsed(value: bytes) -> tuple[float, ...] | None:
    """Numbers of a DS or IS value; None where blank, () where it holds something else."""
    if not value.strip(b" \0"):
        return None
    try:
        return tuple([float(part.strip(b" \0")) for part in value.split(b"\\")])
    except ValueError:
        return ()


class _Values:
    """Decodes single elements."""

    def __init__(self, found: Elements) -> None:
        self._values = found.values
        self._order: str = "little" if found.little_endian else "big"

    def text(self, tag: int) -> str:
        value = self._values.get(tag)
        return _decoded(value) if value else ""

    def numbers(self, tag: int, count: int) -> tuple[float, ...] | None:
        """`count` numbers of a DS or IS element; None where absent or empty."""
        value = self._values.get(tag)
        if not value:
            return None
        numbers = _parsed(value)
        if numbers is None:
            return None
        if len(numbers) < count or not all(map(math.isfinite, numbers)):
            raise _Unusable(f"{_name(tag)} is {value.decode('ascii', 'replace')!r}, {count} number(s) expected")
        return numbers[:count]

    def number(self, tag: int) -> float | None:
        numbers = self.numbers(tag, 1)
        return None if numbers is None else numbers[0]

    def whole(self, tag: int) -> int | None:
        """An unsigned short."""
        value = self._values.get(tag)
        if value is None or len(value) != 2:
            return None
        return value[0] | value[1] << 8 if self._order == "little" else value[0] << 8 | value[1]

    def holds(self, tag: int) -> bool:
        return bool(self._values.get(tag))


def _name(tag: int) -> str:
    from pydicom.datadict import keyword_for_tag

    return f"{keyword_for_tag(tag) or 'element'} ({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _milli(value: float | None) -> float | None:
    return None if value is None else value / 1000.0


def _layout(of: _Values) -> PixelLayout:
    rows, columns, bits = of.whole(ROWS), of.whole(COLUMNS), of.whole(BITS_ALLOCATED)
    if not rows or not columns or not bits:
        raise _Unusable("is not an image: Rows, Columns or BitsAllocated absent")
    if (samples := of.whole(SAMPLES_PER_PIXEL) or 1) != 1:
        raise _Unusable(f"is a colour image ({samples} samples per pixel), one was expected")
    if bits not in (8, 16, 32, 64):
        raise _Unusable(f"BitsAllocated is {bits}; 8, 16, 32 or 64 can be read")
    stored = of.whole(BITS_STORED) or bits
    high = of.whole(HIGH_BIT)
    high = stored - 1 if high is None else high
    if not (0 < stored <= bits and stored - 1 <= high < bits):
        raise _Unusable(f"BitsStored {stored} and HighBit {high} do not fit BitsAllocated {bits}")
    frames = of.number(NUMBER_OF_FRAMES)
    if frames is not None and (frames < 1 or frames != int(frames)):
        raise _Unusable(f"NumberOfFrames is {frames}")
    return PixelLayout(rows, columns, bits, stored, high, of.whole(PIXEL_REPRESENTATION) == 1, int(frames or 1))


def image_file(path: Path, found: Elements) -> ImageFile:
    """What a file says about itself as a slice.

    Raises
    ------
    InputError
        If it is not an image, is truncated, or an element the series needs is absent or malformed.
    """
    of = _Values(found)
    modality = of.text(MODALITY)
    if not found.has_pixels:
        raise InputError(f"is not an image (modality {modality or 'not given'})")
    try:
        layout = _layout(of)
        needed = layout.frame_bytes * layout.frames
        if found.pixel_start >= 0 and found.pixel_start + found.pixel_bytes > found.file_bytes:
            missing = found.pixel_start + found.pixel_bytes - found.file_bytes
            raise _Unusable(f"is truncated: {missing} of {found.pixel_bytes} bytes of pixel data are missing")
        if found.pixel_start >= 0 and found.pixel_bytes < needed:
            raise _Unusable(f"has {found.pixel_bytes} bytes of pixel data, its header needs {needed}")
        if found.pixel_start < 0 and _is_native(found.transfer_syntax) and found.file_bytes < needed:
            raise _Unusable(f"is truncated: the file has {found.file_bytes} bytes, its pixels alone need {needed}")
        if of.holds(MODALITY_LUT_SEQUENCE):
            raise _Unusable("rescales by a Modality LUT, which is not supported for quantitative images")
        multi_frame = layout.frames > 1
        position = of.numbers(IMAGE_POSITION, 3)
        orientation = of.numbers(IMAGE_ORIENTATION, 6)
        spacing = of.numbers(PIXEL_SPACING, 2)
        slope = of.number(RESCALE_SLOPE)
        if slope == 0:
            raise _Unusable("RescaleSlope is 0: every value would vanish")
        if spacing is not None and min(spacing) <= 0:
            raise _Unusable(f"PixelSpacing is {spacing} mm, positive numbers are needed")
        return ImageFile(
            path=path,
            sop_class_uid=of.text(SOP_CLASS_UID),
            sop_instance_uid=of.text(SOP_INSTANCE_UID),
            modality=modality,
            patient_id=of.text(PATIENT_ID),
            study_instance_uid=of.text(STUDY_INSTANCE_UID),
            series_instance_uid=of.text(SERIES_INSTANCE_UID),
            frame_of_reference_uid=of.text(FRAME_OF_REFERENCE_UID),
            layout=layout,
            position_mm=_geometry(position, "ImagePositionPatient (0020,0032)", multi_frame, 3),  # type: ignore[arg-type]
            orientation=_geometry(orientation, "ImageOrientationPatient (0020,0037)", multi_frame, 6),
            spacing_mm=_geometry(spacing, "PixelSpacing (0028,0030)", multi_frame, 2),  # type: ignore[arg-type]
            thickness_mm=of.number(SLICE_THICKNESS),
            slope=1.0 if slope is None else slope,
            intercept=of.number(RESCALE_INTERCEPT) or 0.0,
            unit=of.text(UNITS).upper(),
            decay_correction=of.text(DECAY_CORRECTION).upper(),
            acquisition_date=of.text(ACQUISITION_DATE),
            acquisition_time=of.text(ACQUISITION_TIME),
            acquisition_datetime=of.text(ACQUISITION_DATETIME),
            frame_reference_time_s=_milli(of.number(FRAME_REFERENCE_TIME)),
            frame_duration_s=_milli(of.number(ACTUAL_FRAME_DURATION)),
            decay_factor=of.number(DECAY_FACTOR),
            suv_scale_factor=of.number(PHILIPS_SUV_SCALE_FACTOR) or None,
            activity_scale_factor=of.number(PHILIPS_ACTIVITY_SCALE_FACTOR) or None,
            pixel_start=found.pixel_start if can_read_directly(found, layout) else -1,
        )
    except _Unusable as error:
        raise InputError(str(error)) from None


def _geometry(value: tuple[float, ...] | None, name: str, optional: bool, count: int) -> tuple[float, ...]:
    if value is None:
        if not optional:
            raise _Unusable(f"has no {name}: it cannot be placed in the patient")
        return (float("nan"),) * count
    return value


def _is_native(transfer_syntax: str) -> bool:
    return transfer_syntax in ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2")


def looked_at(path: Path, *, walk: bool = True) -> ImageFile | Problem:
    """The file as a slice, or what is wrong with it."""
    try:
        return image_file(path, elements(path, _WANTED, walk=walk))
    except InputError as error:
        if os.path.isdir(path):
            return Problem(str(path), "is a folder, a file was expected", "give its files, or use the folder reader")
        return Problem(str(path), str(error).removeprefix(f"{path}: "))
