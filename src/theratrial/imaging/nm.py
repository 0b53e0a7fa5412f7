"""Nuclear Medicine objects: frames found through FrameIncrementPointer and its vectors, never by position.

References: DICOM PS3.3 C.8.4.8 (NM Multi-frame), C.8.4.10 (NM Isotope), C.8.4.11 (NM Detector), C.8.4.15 (NM
Reconstruction).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from theratrial.errors import InputError, SourceError
from theratrial.imaging.fastload import dataset_from_file
from theratrial.imaging.guard import readable
from theratrial.imaging.times import header_zone, moment, moment_from_dt
from theratrial.imaging.values import EnergyWindow, FloatArray, Grid
from theratrial.nuclides.library import nuclide
from theratrial.nuclides.names import nuclide_name

_AXIS_OF_VECTOR: Final = {
    0x00540010: ("EnergyWindowVector", "energy_window"),
    0x00540020: ("DetectorVector", "detector"),
    0x00540030: ("PhaseVector", "phase"),
    0x00540050: ("RotationVector", "rotation"),
    0x00540060: ("RRIntervalVector", "rr_interval"),
    0x00540070: ("TimeSlotVector", "time_slot"),
    0x00540080: ("SliceVector", "slice"),
    0x00540090: ("AngularViewVector", "angular_view"),
    0x00540100: ("TimeSliceVector", "time_slice"),
}
_VECTORS_OF_KIND: Final = {
    "STATIC": (0x00540010, 0x00540020),
    "WHOLE BODY": (0x00540010, 0x00540020),
    "DYNAMIC": (0x00540010, 0x00540020, 0x00540030, 0x00540100),
    "GATED": (0x00540010, 0x00540020, 0x00540060, 0x00540070),
    "TOMO": (0x00540010, 0x00540020, 0x00540050, 0x00540090),
    "GATED TOMO": (0x00540010, 0x00540020, 0x00540050, 0x00540060, 0x00540070, 0x00540090),
    "RECON TOMO": (0x00540080,),
    "RECON GATED TOMO": (0x00540060, 0x00540070, 0x00540080),
}
"""PS3.3 table C.8-10: what FrameIncrementPointer must point at, for files that leave the pointer out."""


_LOSSY_SYNTAXES: Final = {
    "1.2.840.10008.1.2.4.50",  # JPEG baseline
    "1.2.840.10008.1.2.4.51",  # JPEG extended
    "1.2.840.10008.1.2.4.81",  # JPEG-LS near-lossless
}
_MAYBE_LOSSY_SYNTAXES: Final = {"1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.203"}


@dataclass(frozen=True, slots=True)
class NmDetector:
    """What a file says of one detector; empty or None where it says nothing."""

    number: int
    start_angle_deg: float | None
    view_codes: tuple[tuple[str, str, str], ...]
    """(scheme, value, meaning) of ViewCodeSequence."""
    position_mm: tuple[float, float, float] | None
    orientation: tuple[float, ...] | None
    """ImageOrientationPatient: direction of increasing column, then of increasing row."""


@dataclass(frozen=True, slots=True, eq=False)
class NmFrames:
    """All frames of one NM object, found by what they are.

    `axes` names the vectors in the order of FrameIncrementPointer; `numbers` ``(nframes, naxes)`` holds each frame's
    1-based number along them; `counts` ``(nframes, ny, nx)`` the pixel values as rescaled.
    """

    path: Path
    kind: str
    """Third value of ImageType: STATIC, WHOLE BODY, RECON TOMO ..."""
    axes: tuple[str, ...]
    numbers: NDArray[np.int64]
    counts: FloatArray
    windows: tuple[EnergyWindow, ...]
    detectors: tuple[NmDetector, ...]
    pixel_spacing_mm: tuple[float, float]
    """(row, column) spacing."""
    rescale: tuple[float, float]
    """Slope and intercept that made `counts` of the stored values."""
    header: Dataset
    """All elements but the pixels."""

    def numbers_along(self, axis: str) -> tuple[int, ...]:
        """The numbers that occur along an axis, ascending; ``(1,)`` where the object has no such axis."""
        if axis not in self.axes:
            return (1,)
        return tuple(int(n) for n in np.unique(self.numbers[:, self.axes.index(axis)]))

    def frame(self, **numbers: int) -> FloatArray:
        """The one frame ``(ny, nx)`` with the given numbers along the axes.

        Raises
        ------
        InputError
            If no frame or more than one has these numbers.
        """
        chosen = self._chosen(numbers)
        if len(chosen) != 1:
            asked = ", ".join(f"{axis} {number}" for axis, number in numbers.items()) or "one frame"
            raise InputError(f"{self.path.name}: {len(chosen)} frames are {asked}; exactly one is needed")
        return self.counts[chosen[0]]

    def stack(self, along: str, **numbers: int) -> FloatArray:
        """Frames ``(n, ny, nx)`` in ascending number along one axis, the other axes fixed.

        Raises
        ------
        InputError
            If a number is missing in between or occurs twice.
        """
        if along not in self.axes:
            raise InputError(f"{self.path.name}: has no {along} axis; it has {', '.join(self.axes) or 'none'}")
        chosen = self._chosen(numbers)
        order = self.numbers[chosen, self.axes.index(along)]
        if not len(chosen) or not np.array_equal(np.sort(order), np.arange(1, len(order) + 1)):
            raise InputError(
                f"{self.path.name}: the {along} numbers are not 1 to {len(order)}, each once -> frames are missing or "
                "repeated; export the image again"
            )
        ranked = chosen[np.argsort(order)]
        if np.array_equal(ranked, np.arange(len(self.counts))):
            return self.counts
        return self.counts[ranked]

    def _chosen(self, numbers: dict[str, int]) -> NDArray[np.int64]:
        match = np.ones(len(self.numbers), dtype=bool)
        for axis, number in numbers.items():
            if axis in self.axes:
                match &= self.numbers[:, self.axes.index(axis)] == number
            elif number != 1:
                match[:] = False
        return np.flatnonzero(match)


def nm_frames(path: Path) -> NmFrames:
    """Frames of a Nuclear Medicine file in any lossless transfer syntax.

    Dates and times are not looked at: an image with invalid ones still has its frames.

    Raises
    ------
    InputError
        If the file is not of modality NM, was compressed with loss (its counts are then wrong), a vector is missing or
        of the wrong length, two frames carry the same numbers, or the pixels are truncated or cannot be decoded.
    """
    path = Path(path)
    with readable(path):
        return _nm_frames(path)


def _nm_frames(path: Path) -> NmFrames:
    dataset = dataset_from_file(path, pixels=True)
    modality = str(dataset.get("Modality", "") or "")
    if modality != "NM":
        raise InputError(f"{path.name}: is of modality {modality or 'unknown'!r} -> give a Nuclear Medicine (NM) image")
    _refuse_lossy(dataset, path)
    image_type = [str(v) for v in dataset.get("ImageType", None) or []]
    kind = image_type[2] if len(image_type) > 2 else ""
    count = _frame_count(dataset, path)
    axes, numbers = _numbers(dataset, kind, count, path)
    counts = decoded_frames(dataset, path.name)
    if len(counts) != count:
        raise InputError(f"{path.name}: holds {len(counts)} frames, its header says {count} -> export it again")
    slope, intercept = _rescale(dataset)
    if not slope:
        raise InputError(f"{path.name}: RescaleSlope is 0, so that no counts are left -> export it again")
    values = counts.astype(np.float32)
    if (slope, intercept) != (1.0, 0.0):
        values = (counts * slope + intercept).astype(np.float32)
    spacing = [float(v) for v in dataset.get("PixelSpacing", None) or []]
    if len(spacing) != 2 or min(spacing) <= 0:
        raise InputError(f"{path.name}: PixelSpacing is {spacing or 'missing'}; two positive numbers [mm] are needed")
    del dataset.PixelData
    return NmFrames(
        path=path,
        kind=kind,
        axes=axes,
        numbers=numbers,
        counts=values,
        windows=energy_windows(dataset),
        detectors=detectors(dataset),
        pixel_spacing_mm=(spacing[0], spacing[1]),
        rescale=(slope, intercept),
        header=dataset,
    )


def _refuse_lossy(dataset: Dataset, path: Path) -> None:
    syntax = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", "")
    stated = str(dataset.get("LossyImageCompression", "") or "")
    if stated == "01" or syntax in _LOSSY_SYNTAXES or (syntax in _MAYBE_LOSSY_SYNTAXES and stated != "00"):
        raise InputError(
            f"{path.name}: was compressed with loss ({getattr(syntax, 'name', syntax)}), so that its counts are not "
            "those measured -> send the original from the camera"
        )


def _frame_count(dataset: Dataset, path: Path) -> int:
    try:
        count = int(dataset.get("NumberOfFrames", 1) or 1)
    except (TypeError, ValueError):
        count = 0
    if count < 1:
        raise InputError(f"{path.name}: NumberOfFrames is {dataset.get('NumberOfFrames')!r}; at least 1 is needed")
    return count


def _rescale(dataset: Dataset) -> tuple[float, float]:
    slope, intercept = dataset.get("RescaleSlope", None), dataset.get("RescaleIntercept", None)
    return (1.0 if slope in (None, "") else float(slope)), (0.0 if intercept in (None, "") else float(intercept))


def _numbers(dataset: Dataset, kind: str, count: int, path: Path) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    pointer = dataset.get("FrameIncrementPointer", None)
    if pointer in (None, ""):
        tags = [t for t in _VECTORS_OF_KIND.get(kind, ()) if t in dataset]
    else:
        tags = [int(t) for t in ([pointer] if isinstance(pointer, int) else pointer)]
    if not tags:
        if count == 1:
            return (), np.zeros((1, 0), dtype=np.int64)
        raise InputError(
            f"{path.name}: {count} frames, but FrameIncrementPointer is missing, so that no frame can be told from the "
            "other -> export it again from the camera"
        )
    axes, columns = [], []
    for tag in tags:
        if tag not in _AXIS_OF_VECTOR:
            raise InputError(f"{path.name}: FrameIncrementPointer names {tag:08X}, which is no vector of NM images")
        keyword, axis = _AXIS_OF_VECTOR[tag]
        value = dataset.get(keyword, None)
        vector = [] if value in (None, "") else [int(v) for v in (value if isinstance(value, Sequence) else [value])]
        if len(vector) != count:
            raise InputError(
                f"{path.name}: {keyword} has {len(vector)} entries for {count} frames -> frames cannot be told apart; "
                "export it again"
            )
        axes.append(axis)
        columns.append(vector)
    numbers = np.array(columns, dtype=np.int64).T
    if len(np.unique(numbers, axis=0)) != count:
        raise InputError(f"{path.name}: two frames carry the same {', '.join(axes)} -> export it again")
    return tuple(axes), numbers


def decoded_frames(dataset: Dataset, what: str) -> NDArray[Any]:
    """Stored pixel values ``(nframes, ny, nx)`` of a data set read with its pixels.

    Raises
    ------
    InputError
        If there are no pixels, they are truncated, or no decoder handles them.
    """
    if "PixelData" not in dataset:
        raise InputError(f"{what}: has no pixel data -> export it again")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pixels = dataset.pixel_array
    except Exception as error:  # noqa: BLE001 - decoders raise whatever a broken byte provokes
        syntax = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", "")
        name = getattr(syntax, "name", syntax) or "unknown transfer syntax"
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(
            f"{what}: its pixels cannot be decoded ({name}): {reason} -> export it uncompressed, or again if it was cut"
        ) from None
    if int(dataset.get("SamplesPerPixel", 1) or 1) != 1:
        raise InputError(f"{what}: is a colour picture, not an image of counts -> export the original image")
    return pixels[None] if pixels.ndim == 2 else pixels


def energy_windows(dataset: Dataset) -> tuple[EnergyWindow, ...]:
    """Energy windows in the order of EnergyWindowInformationSequence; window number n is item n."""
    found = []
    for position, item in enumerate(dataset.get("EnergyWindowInformationSequence", None) or [], start=1):
        ranges = [
            (_number(r.get("EnergyWindowLowerLimit")), _number(r.get("EnergyWindowUpperLimit")))
            for r in item.get("EnergyWindowRangeSequence", None) or []
        ]
        text = " + ".join(f"{low:g}-{high:g} keV" for low, high in ranges if low is not None and high is not None)
        name = str(item.get("EnergyWindowName", "") or "").strip() or text or f"window {position}"
        # a window of several peaks has no single width, so that no scatter estimate may be formed from it
        low, high = ranges[0] if len(ranges) == 1 else (None, None)
        found.append(EnergyWindow(name, low, high))
    stated = max(int(dataset.get("NumberOfEnergyWindows", 0) or 0), 1)
    found += [EnergyWindow(f"window {n}", None, None) for n in range(len(found) + 1, stated + 1)]
    return tuple(found)


def detectors(dataset: Dataset) -> tuple[NmDetector, ...]:
    """Detectors in the order of DetectorInformationSequence; detector number n is item n."""
    found = []
    for number, item in enumerate(dataset.get("DetectorInformationSequence", None) or [], start=1):
        codes = tuple(
            (str(c.get("CodingSchemeDesignator", "")), str(c.get("CodeValue", "")), str(c.get("CodeMeaning", "")))
            for c in item.get("ViewCodeSequence", None) or []
        )
        position = _numbers_of(item, "ImagePositionPatient", 3)
        found.append(
            NmDetector(
                number,
                _number(item.get("StartAngle")),
                codes,
                None if position is None else (position[0], position[1], position[2]),
                _numbers_of(item, "ImageOrientationPatient", 6),
            )
        )
    return tuple(found)


def _number(value: Any) -> float | None:
    if value in (None, ""):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


def _numbers_of(item: Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    value = item.get(keyword, None)
    if value in (None, "") or not isinstance(value, Sequence) or len(value) != count:
        return None
    return tuple(float(v) for v in value)


def stacked_volume(frames: NmFrames) -> tuple[Grid, FloatArray]:
    """Grid and values ``(nz, ny, nx)`` of a reconstructed tomogram, slices ascending along row x column direction.

    The sign of SpacingBetweenSlices says on which side of the first slice the others lie (PS3.3 C.8.4.15): positive
    along the cross product of row and column direction, negative against it. A negative stack is turned over here, so
    that nobody after this has to know.

    Raises
    ------
    InputError
        If the object is no reconstructed tomogram, or states no position, orientation or spacing.
    """
    name = frames.path.name
    if frames.kind != "RECON TOMO":
        raise InputError(f"{name}: is of kind {frames.kind or 'unknown'!r} -> give a reconstructed SPECT (RECON TOMO)")
    values = frames.stack("slice")
    detector = frames.detectors[0] if frames.detectors else None
    if detector is None or detector.position_mm is None or detector.orientation is None:
        raise InputError(
            f"{name}: states no position or orientation of its slices (DetectorInformationSequence) -> it cannot be "
            "laid over other images; export it with its geometry"
        )
    spacing = _number(frames.header.get("SpacingBetweenSlices")) or _number(frames.header.get("SliceThickness"))
    if not spacing:
        raise InputError(f"{name}: states no SpacingBetweenSlices -> export it with its geometry")
    row, column = np.array(detector.orientation[:3]), np.array(detector.orientation[3:])
    normal = np.cross(row, column)
    if abs(np.linalg.norm(normal) - 1) > 1e-3:
        raise InputError(f"{name}: ImageOrientationPatient {detector.orientation} is not two perpendicular directions")
    origin = np.array(detector.position_mm)
    if spacing < 0:
        values = values[::-1]
        origin = origin + normal * spacing * (len(values) - 1)
    grid = Grid(
        shape=(values.shape[0], values.shape[1], values.shape[2]),
        spacing_mm=(abs(spacing), *frames.pixel_spacing_mm),
        origin_mm=(float(origin[0]), float(origin[1]), float(origin[2])),
        direction=np.column_stack([row, column, normal]),
        frame_of_reference_uid=str(frames.header.get("FrameOfReferenceUID", "") or ""),
    )
    return grid, values


def radionuclide(dataset: Dataset, what: str) -> str | None:
    """The nuclide of RadiopharmaceuticalInformationSequence (``Lu-177``); None where none is stated.

    Raises
    ------
    InputError
        If code and meaning, or two items, name different nuclides, and the stated half-life does not decide.
    """
    found: dict[str, str] = {}
    half_lives_s = []
    for item in dataset.get("RadiopharmaceuticalInformationSequence", None) or []:
        half_lives_s.append(_number(item.get("RadionuclideHalfLife")))
        for code in item.get("RadionuclideCodeSequence", None) or []:
            for text in (str(code.get("CodeMeaning", "") or ""), str(code.get("CodeValue", "") or "")):
                try:
                    found.setdefault(nuclide_name(text), text)
                except SourceError:
                    continue  # private codes are common beside a readable meaning
    if len(found) > 1 and len(half_lives_s) == 1 and half_lives_s[0]:
        # a code mistyped beside a right meaning has been seen; the half-life the scanner used decides
        fitting = [n for n in found if abs(half_lives_s[0] / (nuclide(n).half_life_h * 3600) - 1) < 0.02]
        if len(fitting) == 1:
            return fitting[0]
    if len(found) > 1:
        raise InputError(
            f"{what}: names more than one nuclide ({', '.join(found)}, from {', '.join(map(repr, found.values()))}) "
            "-> correct RadionuclideCodeSequence"
        )
    return next(iter(found), None)


def acquisition_start(dataset: Dataset, zone: tzinfo | None = None) -> datetime | None:
    """Start of acquisition: AcquisitionDateTime, else AcquisitionDate and -Time; None where neither can be read.

    Aware if the file states its offset from UTC, else in `zone` if one is given, else naive.
    """
    own = header_zone(dataset, zone)
    return moment_from_dt(str(dataset.get("AcquisitionDateTime", "") or ""), own) or moment(
        str(dataset.get("AcquisitionDate", "") or ""), str(dataset.get("AcquisitionTime", "") or ""), own
    )
