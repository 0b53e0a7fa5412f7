"""The few header elements by which files are sorted into series, read without looking at pixels."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final, NamedTuple

from theratrial.errors import InputError
from theratrial.imaging.fastload import PIXEL_DATA, Elements, elements

_TAGS: Final = {
    "character_set": 0x00080005,
    "image_type": 0x00080008,
    "sop_class_uid": 0x00080016,
    "sop_instance_uid": 0x00080018,
    "acquisition_date": 0x00080022,
    "acquisition_datetime": 0x0008002A,
    "acquisition_time": 0x00080032,
    "modality": 0x00080060,
    "timezone_offset": 0x00080201,
    "station_name": 0x00081010,
    "description": 0x0008103E,
    "patient_name": 0x00100010,
    "patient_id": 0x00100020,
    "patient_birth_date": 0x00100030,
    "patient_sex": 0x00100040,
    "slice_thickness": 0x00180050,
    "spacing_between_slices": 0x00180088,
    "study_instance_uid": 0x0020000D,
    "series_instance_uid": 0x0020000E,
    "position": 0x00200032,
    "orientation": 0x00200037,
    "frame_of_reference_uid": 0x00200052,
    "samples": 0x00280002,
    "frames": 0x00280008,
    "rows": 0x00280010,
    "columns": 0x00280011,
    "pixel_spacing": 0x00280030,
    "bits_allocated": 0x00280100,
}
_WANTED: Final = frozenset(_TAGS.values()) | {PIXEL_DATA}
_NATIVE: Final = frozenset(("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"))
_FILE_META: Final = b"\x02\x00"


class NotDicom(Exception):
    """The file is something else, which is no fault in a folder of images."""


class Header(NamedTuple):
    """Elements of one file as text, empty where absent; numbers None where absent or unreadable."""

    image_type: tuple[str, ...]
    sop_class_uid: str
    sop_instance_uid: str
    acquisition_date: str
    acquisition_datetime: str
    acquisition_time: str
    modality: str
    timezone_offset: str
    station_name: str
    description: str
    patient_name: str
    patient_id: str
    patient_birth_date: str
    patient_sex: str
    slice_thickness_mm: float | None
    spacing_between_slices_mm: float | None
    study_instance_uid: str
    series_instance_uid: str
    position_mm: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    frame_of_reference_uid: str
    pixel_spacing_mm: tuple[float, float] | None
    truncated: str
    """What is missing at the end of the file; empty where it is complete as far as the header tells."""


def read_header(path: Path) -> Header:
    """Header of a DICOM file.

    Raises
    ------
    NotDicom
        If the file is empty or no DICOM file.
    InputError
        If it is DICOM but cannot be read.
    """
    with path.open("rb") as stream:
        start = stream.read(132)
    if not start:
        raise NotDicom("is empty")
    if start[128:132] != b"DICM" and not _begins_like_data_set(start):
        raise NotDicom("is not a DICOM file")
    found = elements(path, _WANTED)
    text = _Texts(found)
    spacing = text.numbers("pixel_spacing", 2)
    return Header(
        image_type=tuple(v.strip() for v in text.of("image_type").split("\\")),
        sop_class_uid=text.of("sop_class_uid"),
        sop_instance_uid=text.of("sop_instance_uid"),
        acquisition_date=text.of("acquisition_date"),
        acquisition_datetime=text.of("acquisition_datetime"),
        acquisition_time=text.of("acquisition_time"),
        modality=text.of("modality"),
        timezone_offset=text.of("timezone_offset"),
        station_name=text.human("station_name"),
        description=text.human("description"),
        patient_name=text.human("patient_name"),
        patient_id=text.human("patient_id"),
        patient_birth_date=text.of("patient_birth_date"),
        patient_sex=text.of("patient_sex"),
        slice_thickness_mm=text.number("slice_thickness"),
        spacing_between_slices_mm=text.number("spacing_between_slices"),
        study_instance_uid=text.of("study_instance_uid"),
        series_instance_uid=text.of("series_instance_uid"),
        position_mm=text.numbers("position", 3),
        orientation=text.numbers("orientation", 6),
        frame_of_reference_uid=text.of("frame_of_reference_uid"),
        pixel_spacing_mm=None if spacing is None else (spacing[0], spacing[1]),
        truncated=_truncated(path, found, text),
    )


def _begins_like_data_set(start: bytes) -> bool:
    """Whether a file without preamble begins with an element of group 2 or 8, little endian."""
    return len(start) > 16 and start[:2] in (_FILE_META, b"\x08\x00") and start[2:4] < b"\xff\xff" and start[3] < 0x30


class _Texts:
    """Values of elements decoded as text or numbers."""

    def __init__(self, found: Elements) -> None:
        self._found = found

    def of(self, name: str) -> str:
        """Plain ASCII text, padding removed."""
        return self._found.values.get(_TAGS[name], b"").decode("ascii", "replace").strip(" \0")

    def human(self, name: str) -> str:
        """Text in the file's character set."""
        raw = self._found.values.get(_TAGS[name], b"").strip(b" \0")
        if raw.isascii() and b"\x1b" not in raw:
            return raw.decode("ascii")
        from pydicom.charset import convert_encodings, decode_bytes

        terms = self.of("character_set").split("\\")
        try:
            return str(decode_bytes(raw, convert_encodings(terms), {"\r", "\n", "\t", "\f", "^", "="}))
        except (LookupError, UnicodeError, ValueError):
            return raw.decode("latin-1")

    def numbers(self, name: str, count: int) -> tuple[float, ...] | None:
        parts = re.split(r"[\\,\s]+", self.of(name).strip("[]() "))
        try:
            values = tuple(float(p) for p in parts)
        except ValueError:
            return None
        return values if len(values) == count else None

    def number(self, name: str) -> float | None:
        value = self.numbers(name, 1)
        return None if value is None else value[0]

    def whole(self, name: str) -> int | None:
        """An US element (two bytes) or an IS text."""
        raw = self._found.values.get(_TAGS[name], b"")
        if len(raw) == 2 and name != "frames":
            return int.from_bytes(raw, "little" if self._found.little_endian else "big")
        text = self.of(name)
        return int(text) if text.isdigit() else None


def _truncated(path: Path, found: Elements, text: _Texts) -> str:
    if found.pixel_start >= 0:
        missing = found.pixel_start + found.pixel_bytes - found.file_bytes
        return f"{missing} bytes of its pixels are missing" if missing > 0 else ""
    sizes = [text.whole(name) for name in ("rows", "columns", "bits_allocated")]
    if found.has_pixels and found.transfer_syntax in _NATIVE and all(sizes):
        rows, columns, bits = (size or 0 for size in sizes)
        needed = rows * columns * bits * (text.whole("samples") or 1) * (text.whole("frames") or 1) // 8
        if found.file_bytes < needed:
            return f"holds {found.file_bytes} bytes, its pixels alone are {needed}"
    if found.has_pixels:
        return ""
    return _truncated_data_set(path)


def _truncated_data_set(path: Path) -> str:
    """Whether the last element of a file without pixels reaches beyond its end, by pydicom's count of its length."""
    from theratrial.imaging.fastload import dataset_from_file

    try:
        dataset = dataset_from_file(path)
    except InputError:
        raise
    size = path.stat().st_size
    tags = sorted(dataset.keys())
    last: Any = dataset.get_item(tags[-1]) if tags else None
    length = getattr(last, "length", None)
    start = getattr(last, "value_tell", None)
    if length is None or start is None or length == 0xFFFFFFFF:
        return ""
    return f"its last element ends {start + length - size} bytes beyond the file" if start + length > size else ""
