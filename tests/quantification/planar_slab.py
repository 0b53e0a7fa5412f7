"""A slab of water with a slab-shaped organ in it: counts by hand-made integrals, not by the code under test."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np

from theratrial.imaging.values import EnergyWindow, FloatArray, Grid, PlanarPair, Region, Source
from theratrial.quantification.attenuation import MuMap
from theratrial.quantification.attenuation_projection import Placement
from theratrial.quantification.camera import PlanarSensitivity
from theratrial.quantification.camera_timing import ScanTiming
from theratrial.quantification.conjugate_view_activity import PlanarCamera
from theratrial.quantification.scatter import ScatterPlan
from theratrial.trace import Trace

SOURCE = Source("P", "1", "2", "NM", (Path("made"),), "sha256:made")
MU = 0.0135
BODY_MM, STEP = 200.0, 4.0
GRID = Grid((60, 60, 60), (STEP, STEP, STEP), (-118.0, -118.0, -118.0))
"""y from -120 to 120 mm; the body fills -100 to 100 mm of it, all of x and z."""
PLACEMENT = Placement((60, 60), (STEP, STEP), 118.0, -118.0)
NO_SCATTER = ScatterPlan("none", 1.0, 0.0, "given:made without scatter")
WINDOW = EnergyWindow("peak", 187.2, 228.8)
SENSITIVITY = PlanarSensitivity("CAM", "Lu-177", "peak", 6.0, 6.0, 0.03, date(2026, 1, 1), "in air", "given:made")
NOON = datetime(2026, 2, 1, 12, tzinfo=UTC)
DWELL_S = 100.0


def water_body() -> MuMap:
    """The slab; `per_mm` is given, not looked up."""
    body = np.zeros(GRID.shape, dtype=bool)
    body[:, 5:55, :] = True
    per_mm = np.where(body, np.float32(MU), np.float32(0))
    return MuMap(GRID, per_mm, body, 208.4, 0.03, Trace("made", "1", {"ct": "given:made"}))


def organ(name: str, z: tuple[int, int], y: tuple[int, int], x: tuple[int, int]) -> Region:
    """A box of whole voxels."""
    weights = np.ones((z[1] - z[0], y[1] - y[0], x[1] - x[0]), dtype=np.float32)
    volume_mL = weights.size * GRID.voxel_volume_mL
    return Region(name, GRID, (z[0], y[0], x[0]), weights, SOURCE, "RTSTRUCT", volume_mL)


def slab_rate(depth_mm: float, thickness_mm: float) -> float:
    """Integral of ``exp(-mu y)`` from `depth_mm` on over the thickness [mm]: what a head sees of unit concentration."""
    return (math.exp(-MU * depth_mm) - math.exp(-MU * (depth_mm + thickness_mm))) / MU


def counts(
    concentrations: dict[str, float], boxes: dict[str, Region], rest_MBq_per_mL: float
) -> tuple[FloatArray, FloatArray]:
    """Expected counts of both heads ``(60, 60)``: regions in the slab and the rest of it, one after another by hand."""
    per_mm = SENSITIVITY.cps_per_MBq * DWELL_S * STEP * STEP / 1000
    views = [np.full((60, 60), rest_MBq_per_mL * slab_rate(0, BODY_MM)) for _ in range(2)]
    for name, region in boxes.items():
        z, y, x = region.box()
        front = (y.start - 5) * STEP
        thick = (y.stop - y.start) * STEP
        rows = slice(60 - z.stop, 60 - z.start)
        extra = concentrations[name] - rest_MBq_per_mL
        views[0][rows, x] += extra * slab_rate(front, thick)
        views[1][rows, x] += extra * slab_rate(BODY_MM - front - thick, thick)
    front_view, back_view = (np.asarray(v * per_mm, dtype=np.float32) for v in views)
    return front_view, back_view


def pair_of(anterior: FloatArray, posterior: FloatArray | None, *, confirmed: bool = True) -> PlanarPair:
    """A pair of one window."""
    back = None if posterior is None else posterior[None]
    return PlanarPair(anterior[None], back, (WINDOW,), (STEP, STEP), NOON, DWELL_S, "Lu-177", SOURCE, "made", confirmed)


def camera(scatter: ScatterPlan = NO_SCATTER) -> PlanarCamera:
    """Camera of the slab."""
    return PlanarCamera(SENSITIVITY, ScanTiming(DWELL_S, "made"), 0, scatter)
