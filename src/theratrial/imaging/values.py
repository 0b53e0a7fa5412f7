"""The values images become. Nothing later re-opens a header: unit, time, place and source travel with the array.

Coordinates are DICOM patient coordinates (LPS: x to the left, y to the back, z to the head), millimetres.
Arrays are ``(nz, ny, nx)``, C order, float32, never written to after construction.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theratrial.errors import InputError
from theratrial.trace import Trace

FloatArray = NDArray[np.float32]


def _read_only(values: FloatArray) -> FloatArray:
    view = values.view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Where the voxels of a volume are.

    Parameters
    ----------
    shape
        ``(nz, ny, nx)``.
    spacing_mm
        ``(dz, dy, dx)``, centre to centre, all positive.
    origin_mm
        ``(x, y, z)`` of the centre of voxel ``[0, 0, 0]``, LPS.
    direction
        3 x 3; column 0 is the unit vector along increasing column index (x), 1 along rows (y), 2 along slices (z).
    frame_of_reference_uid
        DICOM FrameOfReferenceUID, "" if the file has none.
    """

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]
    direction: NDArray[np.float64] = field(default_factory=lambda: np.eye(3))
    frame_of_reference_uid: str = ""

    def __post_init__(self) -> None:
        if min(self.shape) < 1 or min(self.spacing_mm) <= 0:
            raise InputError(f"a grid needs voxels and positive spacing, got {self.shape} and {self.spacing_mm} mm")

    @property
    def voxel_volume_mL(self) -> float:
        """Volume of one voxel [mL]."""
        dz, dy, dx = self.spacing_mm
        return dz * dy * dx / 1000.0

    def patient_mm(self, index_zyx: NDArray[np.float64]) -> NDArray[np.float64]:
        """Patient coordinates ``(..., 3)`` as x, y, z [mm] of fractional indices ``(..., 3)`` given as z, y, x."""
        dz, dy, dx = self.spacing_mm
        steps = np.asarray(index_zyx, dtype=float)[..., ::-1] * np.array([dx, dy, dz])
        return steps @ self.direction.T + np.asarray(self.origin_mm)

    def index_zyx(self, patient_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Fractional indices ``(..., 3)`` as z, y, x of patient coordinates ``(..., 3)`` given as x, y, z [mm]."""
        dz, dy, dx = self.spacing_mm
        steps = (np.asarray(patient_mm, dtype=float) - np.asarray(self.origin_mm)) @ self.direction
        return (steps / np.array([dx, dy, dz]))[..., ::-1]

    def same_place(self, other: Grid, *, tolerance_mm: float = 1e-3) -> bool:
        """Whether voxel for voxel both grids are the same place."""
        return (
            self.shape == other.shape
            and bool(np.allclose(self.spacing_mm, other.spacing_mm, atol=tolerance_mm))
            and bool(np.allclose(self.origin_mm, other.origin_mm, atol=tolerance_mm))
            and bool(np.allclose(self.direction, other.direction, atol=1e-4))
        )


@dataclass(frozen=True, slots=True)
class Source:
    """Which stored bytes an image value came from."""

    patient_id: str
    study_instance_uid: str
    series_instance_uid: str
    modality: str
    files: tuple[Path, ...]
    content_hash: str
    """Joint hash of the files' bytes, independent of their order and names."""


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """A plain volume: CT in HU, or what is stored in another series, as rescaled."""

    grid: Grid
    values: FloatArray
    unit: str
    acquired_at: datetime | None
    source: Source

    def __post_init__(self) -> None:
        if self.values.shape != self.grid.shape:
            raise InputError(f"array {self.values.shape} does not fit grid {self.grid.shape}")
        object.__setattr__(self, "values", _read_only(self.values))


@dataclass(frozen=True, slots=True, eq=False)
class ActivityMap:
    """Activity concentration at the time of the scan (any START or ADMIN decay correction undone)."""

    grid: Grid
    activity_Bq_per_mL: FloatArray
    acquired_at: datetime
    nuclide: str
    source: Source
    trace: Trace
    stored_over_scan_time: float
    """Factor by which the stored values exceed those at scan time; 1.0 where nothing had to be undone."""
    stored_decay_correction: str
    """As stored: NONE, START, ADMIN."""
    calibration_relative_sd: float | None = None
    """Relative standard deviation of the calibration factor used; None means not known."""
    counts_per_Bq_per_mL: float | None = None
    """Counts stored per Bq/mL, where the series holds counts: lets the counting noise be stated."""

    def __post_init__(self) -> None:
        if self.activity_Bq_per_mL.shape != self.grid.shape:
            raise InputError(f"array {self.activity_Bq_per_mL.shape} does not fit grid {self.grid.shape}")
        if self.acquired_at.tzinfo is None:
            raise InputError("the time of a scan carries its time zone")
        object.__setattr__(self, "activity_Bq_per_mL", _read_only(self.activity_Bq_per_mL))


@dataclass(frozen=True, slots=True)
class SuvCertificate:
    """How a series became SUV: every tag used, the rule chosen, the alternatives rejected."""

    suv_type: str
    """What the result is; always BW (SUVbw, g/mL)."""
    stored_unit: str
    rule: str
    alternatives_rejected: tuple[tuple[str, str], ...]
    """(rule, why not)."""
    tags_used: tuple[tuple[str, str, str], ...]
    """(tag as (gggg,eeee), keyword, value as text)."""
    factor_per_slice: tuple[float, ...]
    """SUVbw per stored pixel value, slice by slice in grid order."""
    weight_kg: float | None
    administered_activity_Bq: float | None
    half_life_s: float | None
    reference_time: datetime | None
    reference_time_rule: str
    reference_time_alternative_s: float | None
    """Difference to the other option's reference time [s]; None where it cannot be formed."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class SuvMap:
    """Standardised uptake value normalised to body weight [g/mL]."""

    grid: Grid
    suv_g_per_mL: FloatArray
    acquired_at: datetime | None
    source: Source
    certificate: SuvCertificate
    trace: Trace

    def __post_init__(self) -> None:
        if self.suv_g_per_mL.shape != self.grid.shape:
            raise InputError(f"array {self.suv_g_per_mL.shape} does not fit grid {self.grid.shape}")
        object.__setattr__(self, "suv_g_per_mL", _read_only(self.suv_g_per_mL))


@dataclass(frozen=True, slots=True)
class EnergyWindow:
    """One energy window of a gamma camera."""

    name: str
    lower_keV: float | None
    upper_keV: float | None


@dataclass(frozen=True, slots=True, eq=False)
class PlanarPair:
    """Anterior and posterior whole-body (or static) view of one acquisition.

    `anterior` and `posterior` are ``(nwindow, ny, nx)`` counts. The posterior is already mirrored left-right, so that
    the same column is the same place of the body in both; row 0 is towards the head; column 0 is the patient's right.
    """

    anterior: FloatArray
    posterior: FloatArray | None
    windows: tuple[EnergyWindow, ...]
    pixel_spacing_mm: tuple[float, float]
    """(row, column) spacing."""
    acquired_at: datetime | None
    duration_s: float | None
    nuclide: str | None
    source: Source
    view_rule: str
    """How anterior and posterior were told apart (angles, view code), in words."""
    view_confirmed: bool
    """True only where a view code says it; an inferred view waits for a person."""


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A region of interest on a grid, with fractional voxel membership so that its volume is kept.

    `weights` ``(bz, by, bx)`` in 0..1 covers only the bounding box that starts at index `corner` of `grid`.
    """

    name: str
    grid: Grid
    corner: tuple[int, int, int]
    weights: FloatArray
    source: Source
    kind: str
    """RTSTRUCT or SEG."""
    stated_volume_mL: float
    """Volume of the region as drawn [mL], before it was put on this grid."""
    inside_fraction: float = 1.0
    """Share of the drawn volume that lies inside the grid; below 1 the region leaves the field of view."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", _read_only(self.weights))

    @property
    def volume_mL(self) -> float:
        """Volume on the grid [mL]."""
        return float(self.weights.sum(dtype=np.float64)) * self.grid.voxel_volume_mL

    def box(self) -> tuple[slice, slice, slice]:
        """Slices of the bounding box in the grid."""
        z, y, x = self.corner
        bz, by, bx = self.weights.shape
        return slice(z, z + bz), slice(y, y + by), slice(x, x + bx)

    def weighted_sum(self, values: FloatArray) -> float:
        """Sum of `values` (on the same grid) times the membership."""
        return float(np.einsum("zyx,zyx->", values[self.box()], self.weights, dtype=np.float64))

    def inside(self, values: FloatArray, *, at_least: float = 0.5) -> Any:
        """The voxel values that belong to the region by at least that membership, 1-d."""
        return values[self.box()][self.weights >= at_least]
