"""Uptake of the reference regions: 3 cm sphere in the liver, 1 cm by 2 cm cylinder in the blood pool.

Method: docs/methods/pet_response.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from theratrial.errors import InputError, NumericalError
from theratrial.imaging.values import FloatArray, Grid, Region

METHOD: Final = "response.reference_region"
VERSION: Final = "1"

LIVER_RADIUS_mm: Final = 15.0
BLOOD_RADIUS_mm: Final = 5.0
BLOOD_LENGTH_mm: Final = 20.0

_SAMPLE_mm: Final = 1.0
_LEAST_INSIDE: Final = 0.95
"""Share of the shape that must lie in the region: the region's own border cuts voxels."""

_Mm = NDArray[np.float64]
_Shape = Callable[[_Mm], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class ReferenceMeasure:
    """Mean and standard deviation over the voxels, each by its share; where the shape lies."""

    mean: float
    sd: float
    centre_mm: tuple[float, float, float]
    """Patient coordinates x, y, z."""
    volume_mL: float
    """Of the shape."""


def liver_reference(values: FloatArray, liver: Region, *, avoid: Sequence[Region] = ()) -> ReferenceMeasure:
    """Uptake of the sphere of 3 cm where the liver is deepest, clear of the lesions.

    In a liver of one mass that is the right lobe, as the criteria ask; the place is told so that a reader can check.

    Raises
    ------
    InputError
        The image and the region are on different grids, or the image holds values that are not numbers there.
    NumericalError
        The region holds no such sphere.

    References
    ----------
    Wahl et al., J Nucl Med 2009;50 Suppl 1:122S (PERCIST 1.0).
    """
    radius = LIVER_RADIUS_mm
    volume_mL = 4 / 3 * math.pi * radius**3 / 1000
    return _measured(values, liver, avoid, _Form("sphere of 3 cm", _ball, radius, volume_mL))


def blood_pool_reference(values: FloatArray, vessel: Region, *, avoid: Sequence[Region] = ()) -> ReferenceMeasure:
    """Uptake of the cylinder of 1 cm by 2 cm, along the body's axis, where the vessel is widest.

    Raises
    ------
    InputError, NumericalError
        As in `liver_reference`.
    """
    reach = math.hypot(BLOOD_RADIUS_mm, BLOOD_LENGTH_mm / 2)
    volume_mL = math.pi * BLOOD_RADIUS_mm**2 * BLOOD_LENGTH_mm / 1000
    return _measured(values, vessel, avoid, _Form("cylinder of 1 cm by 2 cm", _cylinder, reach, volume_mL))


@dataclass(frozen=True, slots=True)
class _Form:
    title: str
    inside: _Shape
    reach_mm: float
    volume_mL: float


def _ball(from_centre_mm: _Mm) -> NDArray[np.bool_]:
    near: NDArray[np.bool_] = (from_centre_mm**2).sum(axis=-1) <= LIVER_RADIUS_mm**2
    return near


def _cylinder(from_centre_mm: _Mm) -> NDArray[np.bool_]:
    x, y, z = np.moveaxis(from_centre_mm, -1, 0)
    within: NDArray[np.bool_] = (x**2 + y**2 <= BLOOD_RADIUS_mm**2) & (np.abs(z) <= BLOOD_LENGTH_mm / 2)
    return within


def _measured(values: FloatArray, region: Region, avoid: Sequence[Region], form: _Form) -> ReferenceMeasure:
    grid = region.grid
    if values.shape != grid.shape:
        raise InputError(f"region {region.name!r} is on a grid {grid.shape}, the image is {values.shape}")
    free = _free(region, avoid)
    centre = _deepest(free, grid)
    if centre is None:
        raise NumericalError(f"region {region.name!r} holds no voxel free of lesions: no {form.title} fits")
    shares = _shares(grid, form)
    part, low = _clipped(shares, np.array(centre) - np.array(shares.shape) // 2, free.shape)
    weights = part * free[_box(low, part.shape)]
    inside = float(weights.sum() / shares.sum())
    if inside < _LEAST_INSIDE:
        raise NumericalError(
            f"region {region.name!r} holds no {form.title} clear of lesions: "
            f"{inside * 100:.0f} % of it would lie inside"
        )
    uptake = values[_box(low + np.array(region.corner), part.shape)].astype(np.float64)
    if not np.all(np.isfinite(uptake[weights > 0])):
        raise InputError(f"the image holds values that are not numbers in region {region.name!r}")
    # Nothing times not a number is not a number.
    uptake = np.where(weights > 0, uptake, 0.0)
    total = weights.sum()
    mean = float((weights * uptake).sum() / total)
    sd = math.sqrt(max(float((weights * (uptake - mean) ** 2).sum() / total), 0.0))
    x, y, z = grid.patient_mm(np.array(centre, dtype=float) + np.array(region.corner))
    return ReferenceMeasure(mean, sd, (float(x), float(y), float(z)), form.volume_mL)


def _box(low: NDArray[np.int64], shape: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(int(a), int(a) + n) for a, n in zip(low, shape, strict=True))


def _free(region: Region, avoid: Sequence[Region]) -> NDArray[np.float64]:
    """Membership in the region's box, zero where a lesion has any share."""
    free = np.array(region.weights, dtype=np.float64)
    for lesion in avoid:
        if not lesion.grid.same_place(region.grid):
            raise InputError(f"region {lesion.name!r} is on another grid than {region.name!r}")
        low = np.maximum(np.array(lesion.corner), region.corner)
        high = np.minimum(
            np.array(lesion.corner) + lesion.weights.shape, np.array(region.corner) + np.array(region.weights.shape)
        )
        if (low >= high).any():
            continue
        mine = tuple(slice(a - c, b - c) for a, b, c in zip(low, high, region.corner, strict=True))
        its = tuple(slice(a - c, b - c) for a, b, c in zip(low, high, lesion.corner, strict=True))
        free[mine][lesion.weights[its] > 0] = 0.0
    return free


def _deepest(free: NDArray[np.float64], grid: Grid) -> tuple[int, int, int] | None:
    """The voxel farthest from everything that is not free; among equals the one nearest to their middle."""
    member = free >= 0.5
    if not member.any():
        return None
    depth = ndimage.distance_transform_edt(np.pad(member, 1), sampling=grid.spacing_mm)[1:-1, 1:-1, 1:-1]
    best = np.argwhere(depth >= depth.max() * (1 - 1e-9))
    middle = best.mean(axis=0)
    away = (((best - middle) * np.array(grid.spacing_mm)) ** 2).sum(axis=1)
    # argmin takes the first of equals, and argwhere goes in index order: the same voxel on every machine.
    z, y, x = best[int(np.argmin(np.round(away, 6)))]
    return int(z), int(y), int(x)


def _shares(grid: Grid, form: _Form) -> NDArray[np.float64]:
    """Share of each voxel around the middle one that the shape covers, in patient directions."""
    spacing = np.array(grid.spacing_mm)
    reach = np.ceil(form.reach_mm / spacing + 0.5).astype(int)
    points = np.ceil(spacing / _SAMPLE_mm).astype(int)
    places = [
        (np.arange(-r, r + 1)[:, None] + (np.arange(n) + 0.5) / n - 0.5).ravel() * d
        for r, n, d in zip(reach, points, spacing, strict=True)
    ]
    z, y, x = np.meshgrid(*places, indexing="ij")
    inside = form.inside(np.stack([x, y, z], axis=-1) @ grid.direction.T)
    nz, ny, nx = (2 * r + 1 for r in reach)
    parts = inside.reshape(nz, points[0], ny, points[1], nx, points[2])
    shares: NDArray[np.float64] = parts.mean(axis=(1, 3, 5), dtype=np.float64)
    return shares


def _clipped(
    shares: NDArray[np.float64], low: NDArray[np.int64], shape: tuple[int, ...]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The part of the shape that lies in the box, and where it begins."""
    start = np.maximum(-low, 0)
    stop = np.minimum(np.array(shares.shape), np.array(shape) - low)
    return shares[tuple(slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))], low + start
