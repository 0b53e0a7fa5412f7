"""Tissues on a grid of voxels as shares of each voxel, with their volume kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.ndimage import gaussian_filter

from theratrial.imaging.values import FloatArray, Grid
from theratrial.simulation.phantom import BODY, Phantom, Tissue
from theratrial.simulation.shapes import Floats

FWHM_PER_SD: Final = 2.354820045
_COARSEST_SAMPLE_MM: Final = 2.4
_SAMPLES_ACROSS_SMALL: Final = 9
"""Sample points across the smallest half width of a shape, so that a lesion of 8 mm is as well drawn as a liver."""


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """Values on the part of a grid that starts at index `corner` (z, y, x)."""

    corner: tuple[int, int, int]
    values: FloatArray

    def box(self) -> tuple[slice, slice, slice]:
        """Where on the grid it lies."""
        z, y, x = self.corner
        nz, ny, nx = self.values.shape
        return slice(z, z + nz), slice(y, y + ny), slice(x, x + nx)


def axes_mm(grid: Grid) -> tuple[Floats, Floats, Floats]:
    """Centres of the voxels along z, y, x; grids of this room are parallel to the patient's axes."""
    x0, y0, z0 = grid.origin_mm
    nz, ny, nx = grid.shape
    dz, dy, dx = grid.spacing_mm
    return z0 + dz * np.arange(nz), y0 + dy * np.arange(ny), x0 + dx * np.arange(nx)


def moved(grid: Grid, shift_mm: tuple[float, float, float], frame_of_reference_uid: str) -> Grid:
    """The same voxels of a patient who lies `shift_mm` (x, y, z) further on the table."""
    x, y, z = (o + s for o, s in zip(grid.origin_mm, shift_mm, strict=True))
    return Grid(grid.shape, grid.spacing_mm, (x, y, z), grid.direction, frame_of_reference_uid)


def _index_box(grid: Grid, bounds_mm: tuple[tuple[float, float], ...]) -> tuple[list[int], list[int], bool]:
    first, count, whole = [], [], True
    for axis, (low, high) in zip(axes_mm(grid), reversed(bounds_mm), strict=True):
        step = axis[1] - axis[0]
        start = int(np.floor((low - axis[0]) / step + 0.5))
        stop = int(np.floor((high - axis[0]) / step + 0.5)) + 1
        whole = whole and start >= 0 and stop <= len(axis)
        start, stop = max(start, 0), min(stop, len(axis))
        first.append(start)
        count.append(max(stop - start, 0))
    return first, count, whole


def share(tissue: Tissue, grid: Grid) -> Patch | None:
    """Share of every voxel that a tissue fills; None where the tissue lies outside the grid.

    Voxels are sampled in points at most 2.4 mm apart, finer for small shapes; where the whole tissue is inside, the
    shares are scaled so that they add up to its volume exactly.
    """
    first, count, whole = _index_box(grid, tissue.bounds_mm)
    if min(count) == 0:
        return None
    smallest = min(min(shape.semi_axes_mm) for shape in tissue.shapes)
    target_mm = min(_COARSEST_SAMPLE_MM, smallest / _SAMPLES_ACROSS_SMALL * 2)
    points, per_voxel = [], []
    for axis, spacing, start, n in zip(axes_mm(grid), grid.spacing_mm, first, count, strict=True):
        s = int(np.ceil(spacing / target_mm))
        offsets = (np.arange(s) + 0.5) / s - 0.5
        points.append((axis[start : start + n, None] + offsets * spacing).ravel().astype(np.float32))
        per_voxel.append(s)
    z, y, x = points[0][:, None, None], points[1][None, :, None], points[2][None, None, :]
    inside = tissue.depth_mm(x, y, z) > 0
    sz, sy, sx = per_voxel
    nz, ny, nx = count
    values = inside.reshape(nz, sz, ny, sy, nx, sx).mean(axis=(1, 3, 5), dtype=np.float32)
    if whole:
        values *= np.float32(tissue.volume_mL / grid.voxel_volume_mL / values.sum(dtype=np.float64))
    return Patch((first[0], first[1], first[2]), values)


def outline(tissue: Tissue, grid: Grid) -> FloatArray:
    """Share of every voxel inside the outline of the body, organs included, edges smoothed over one voxel."""
    depth = np.full(grid.shape, -1e3, dtype=np.float32)
    width = float(np.mean(grid.spacing_mm))
    for shape in tissue.shapes:
        first, count, _ = _index_box(grid, shape.bounds_mm)
        if min(count) == 0:
            continue
        z, y, x = (
            axis[start : start + n].astype(np.float32)
            for axis, start, n in zip(axes_mm(grid), first, count, strict=True)
        )
        box = tuple(slice(start, start + n) for start, n in zip(first, count, strict=True))
        found = shape.depth_mm(x[None, None, :], y[None, :, None], z[:, None, None])
        np.maximum(depth[box], found, out=depth[box])
    return np.clip(depth / np.float32(width) + np.float32(0.5), 0, 1)


def shares(phantom: Phantom, grid: Grid) -> dict[str, Patch]:
    """All tissues on a grid; the rest of the body is its outline less everything else, so that nothing counts twice."""
    found: dict[str, Patch] = {}
    rest = outline(phantom.tissue(BODY), grid)
    for tissue in phantom.tissues:
        if tissue.name == BODY:
            continue
        patch = share(tissue, grid)
        if patch is not None:
            found[tissue.name] = patch
            rest[patch.box()] -= patch.values
    np.maximum(rest, 0, out=rest)
    found[BODY] = Patch((0, 0, 0), rest)
    return found


def blurred(patch: Patch, grid: Grid, fwhm_mm: float) -> Patch:
    """A patch as a camera of that resolution sees it, on a box grown by what spills out of it."""
    sigma = [fwhm_mm / FWHM_PER_SD / spacing for spacing in grid.spacing_mm]
    margin = [int(np.ceil(3.2 * s)) for s in sigma]
    first = [max(c - m, 0) for c, m in zip(patch.corner, margin, strict=True)]
    last = [
        min(c + n + m, size) for c, n, m, size in zip(patch.corner, patch.values.shape, margin, grid.shape, strict=True)
    ]
    grown = np.zeros([b - a for a, b in zip(first, last, strict=True)], dtype=np.float32)
    inner = tuple(slice(c - a, c - a + n) for c, a, n in zip(patch.corner, first, patch.values.shape, strict=True))
    grown[inner] = patch.values
    return Patch((first[0], first[1], first[2]), gaussian_filter(grown, sigma, mode="constant", truncate=3.2))


def combined(patches: dict[str, Patch], weights: dict[str, float], shape: tuple[int, int, int]) -> FloatArray:
    """Sum of patches times their weights on the whole grid."""
    total = np.zeros(shape, dtype=np.float32)
    for name, patch in patches.items():
        total[patch.box()] += np.float32(weights[name]) * patch.values
    return total
