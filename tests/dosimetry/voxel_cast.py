"""Small maps, regions and kernels for the tests of the voxel route."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from theratrial.dosimetry.plan import DosePlan
from theratrial.dosimetry.transport.values import VoxelKernel
from theratrial.dosimetry.voxel.scans import SessionScans
from theratrial.imaging.values import ActivityMap, Grid, Region, Source, Volume
from theratrial.trace import Trace

INJECTED = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
PLAN = DosePlan(clearance_significance=0.95, maximum_extrapolated_fraction=0.9, model_relative_sd=0.1)
SHAPE = (9, 12, 10)
SPACING_MM = (4.0, 3.0, 5.0)


def source(name: str) -> Source:
    return Source("P", "1.2", f"1.2.{name}", "NM", (), f"sha256:{name}")


def grid(shape: Sequence[int] = SHAPE, spacing_mm: Sequence[float] = SPACING_MM, frame: str = "") -> Grid:
    return Grid(tuple(shape), tuple(spacing_mm), (0.0, 0.0, 0.0), frame_of_reference_uid=frame)


def scan(values: np.ndarray, hours: float, on: Grid | None = None, counts: float | None = None, nuclide="Lu-177"):
    return ActivityMap(
        grid=on or grid(values.shape),
        activity_Bq_per_mL=np.asarray(values, dtype=np.float32),
        acquired_at=INJECTED + timedelta(hours=hours),
        nuclide=nuclide,
        source=source(f"scan{hours}"),
        trace=Trace("test", "1"),
        stored_over_scan_time=1.0,
        stored_decay_correction="NONE",
        calibration_relative_sd=0.03,
        counts_per_Bq_per_mL=counts,
    )


def scans(values: Sequence[np.ndarray], hours: Sequence[float], on: Grid | None = None) -> SessionScans:
    return SessionScans(tuple(scan(v, h, on) for v, h in zip(values, hours, strict=True)), tuple(hours))


def region(name: str, low: Sequence[int], high: Sequence[int], on: Grid | None = None, weight: float = 1.0) -> Region:
    where = on or grid()
    weights = np.full([h - n for n, h in zip(low, high, strict=True)], weight, dtype=np.float32)
    return Region(name, where, tuple(low), weights, source(name), "SEG", float(weights.sum()) * where.voxel_volume_mL)


def ct(hounsfield: np.ndarray, on: Grid | None = None, unit: str = "HU") -> Volume:
    return Volume(on or grid(hounsfield.shape), np.asarray(hounsfield, dtype=np.float32), unit, None, source("ct"))


def kernel(
    reach: Sequence[int] = (3, 3, 3), spacing_mm: Sequence[float] = SPACING_MM, density_g_per_mL: float = 1.0
) -> VoxelKernel:
    """Falls with distance; electrons in the middle voxels, photons everywhere. Not of any nuclide's true size."""
    index = np.stack(np.meshgrid(*[np.arange(-r, r + 1) for r in reach], indexing="ij"))
    distance = np.sqrt(((index * np.reshape(spacing_mm, (3, 1, 1, 1))) ** 2).sum(axis=0))
    photon = 1e-4 * np.exp(-distance / 20) / (distance + 3) ** 2
    electron = np.zeros((3, 3, 3))
    electron[1, 1, 1] = 1e-3
    electron[1, 1, [0, 2]] = electron[1, [0, 2], 1] = electron[[0, 2], 1, 1] = 2e-5
    return VoxelKernel(
        "Lu-177",
        "water",
        density_g_per_mL,
        tuple(spacing_mm),
        electron,
        photon,
        Trace("kernel", "1", {"made": "given:"}),
    )
