"""SUVpeak: the hottest 1 mL sphere of a lesion. Method: docs/methods/response.md."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from theratrial.errors import InputError, NumericalError
from theratrial.imaging.values import FloatArray, Grid, Region

PEAK_VOLUME_mL: Final = 1.0
PEAK_RADIUS_mm: Final = (3 * PEAK_VOLUME_mL * 1000 / (4 * math.pi)) ** (1 / 3)
"""6.2035 mm: the sphere of 1 mL of PERCIST 1.0 (often written as 1.2 cm across, which would be 0.90 mL)."""

_SAMPLE_mm: Final = 0.5
"""A voxel's share of the sphere is counted on points at most this far apart: shares within 1 %, the mean far better."""
_FINEST_STEP: Final = 1 / 8
"""Of a voxel; below it the mean of a smooth image no longer changes. Steps are binary fractions, so that the weights of
one place are computed once for all lesions."""
_STARTS: Final = 3
"""Hottest voxel centres from which the finer search starts."""

_DIRECTIONS: Final = np.concatenate([np.eye(3), -np.eye(3)])

_Offset = tuple[float, float, float]
_Extents = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Peak:
    """The hottest sphere: its mean and where it is."""

    suv_g_per_mL: float
    centre_mm: tuple[float, float, float]
    """Patient coordinates x, y, z."""


@lru_cache(maxsize=4096)
def sphere_weights(
    spacing_mm: _Extents, offset: _Offset = (0.0, 0.0, 0.0), radius_mm: float = PEAK_RADIUS_mm
) -> NDArray[np.float64]:
    """Share of a sphere in each voxel around it, summing to 1, shape odd along each axis.

    Parameters
    ----------
    spacing_mm
        Voxel spacing ``(dz, dy, dx)``.
    offset
        Centre of the sphere from the centre of the middle voxel, in voxels ``(z, y, x)``, at most half a voxel.
    """
    inside, counts = _sampled_sphere(spacing_mm, offset, radius_mm)
    nz, ny, nx = (length // count for length, count in zip(inside.shape, counts, strict=True))
    shares = inside.reshape(nz, counts[0], ny, counts[1], nx, counts[2]).sum(axis=(1, 3, 5), dtype=np.float64)
    weights = shares / shares.sum()
    weights.flags.writeable = False
    return weights


def _sampled_sphere(
    spacing_mm: _Extents, offset: _Offset, radius_mm: float
) -> tuple[NDArray[np.bool_], tuple[int, int, int]]:
    """Points of the voxels around the sphere that lie in it, and how many a voxel has along each axis."""
    squares = []
    counts = []
    for spacing, shift in zip(spacing_mm, offset, strict=True):
        reach = math.ceil(radius_mm / spacing + 0.5)
        points = math.ceil(spacing / _SAMPLE_mm)
        # Points stand in the middle of equal parts of each voxel, so that no part is counted twice.
        within = (np.arange(points) + 0.5) / points - 0.5
        places = (np.arange(-reach, reach + 1)[:, None] + within).ravel() - shift
        squares.append((places * spacing) ** 2)
        counts.append(points)
    z, y, x = squares
    return z[:, None, None] + y[None, :, None] + x[None, None, :] <= radius_mm**2, (counts[0], counts[1], counts[2])


@lru_cache(maxsize=4096)
def peak_weights(spacing_mm: _Extents, offset: _Offset = (0.0, 0.0, 0.0)) -> NDArray[np.float64]:
    """Weights of the voxels whose sum is the mean in the 1 mL sphere of what the voxels are averages of.

    Along each axis the uptake inside a voxel is the parabola that has the averages of the voxel and of its two
    neighbours. One voxel wider on each side than `sphere_weights`; summing to 1, some slightly negative.
    """
    inside, counts = _sampled_sphere(spacing_mm, offset, PEAK_RADIUS_mm)
    weights = inside.astype(np.float64)
    for axis, points in enumerate(counts):
        parts = np.moveaxis(weights, axis, -1)
        parts = parts.reshape(*parts.shape[:-1], -1, points)
        wider = np.zeros((*parts.shape[:-2], parts.shape[-2] + 2))
        for neighbour, share in enumerate(_parabola(points).T):
            wider[..., neighbour : neighbour + parts.shape[-2]] += parts @ share
        weights = np.moveaxis(wider, -1, axis)
    weights = weights / weights.sum()
    weights.flags.writeable = False
    return weights


def _parabola(points: int) -> NDArray[np.float64]:
    """``(points, 3)``: average of each equal part of a voxel, as weights of the voxel before, itself and the one after.

    Integral of the parabola with the three averages a, b, c over x, the middle voxel being -1/2 to 1/2:
    ``b x + (c - a) x**2 / 4 + (a - 2 b + c) (x**3 / 6 - x / 24)``.
    """
    edges = np.linspace(-0.5, 0.5, points + 1)
    slope, bend = edges**2 / 4, edges**3 / 6 - edges / 24
    integral = np.stack([bend - slope, edges - 2 * bend, bend + slope], axis=1)
    return np.diff(integral, axis=0) * points


def suv_peak(suv_g_per_mL: FloatArray, region: Region) -> Peak:
    """Mean SUV in the 1 mL sphere placed at the hottest place of the region.

    Every voxel that belongs to the region is tried as centre; from the hottest of them the sphere is moved by fractions
    of a voxel as long as the mean rises and the centre stays in a voxel of the region. The sphere itself may reach
    out of the region. Voxels count by the share of their volume that lies in the sphere; a voxel is read as the average
    over its volume and not as constant inside, which would take the top off every small lesion. A mean is never above
    the hottest voxel that the sphere touches.

    Parameters
    ----------
    suv_g_per_mL
        ``(nz, ny, nx)`` on the region's grid [g/mL].
    region
        With fractional membership.

    Raises
    ------
    NumericalError
        If the region is empty, or no sphere around it lies wholly inside the image, or the hottest may not.
    InputError
        If the array is not on the region's grid or holds values that are not numbers there.

    References
    ----------
    Wahl RL et al., J Nucl Med 2009;50 Suppl 1:122S (PERCIST 1.0).
    """
    grid = region.grid
    if suv_g_per_mL.shape != grid.shape:
        raise InputError(f"region {region.name!r} is on a grid {grid.shape}, the image is {suv_g_per_mL.shape}")
    centres = np.argwhere(region.weights > 0) + np.array(region.corner)
    if not len(centres):
        raise NumericalError(f"region {region.name!r} is empty: it has no hottest place")
    reach = np.array(sphere_weights(grid.spacing_mm).shape) // 2
    allowed = np.all((centres >= reach) & (centres < np.array(grid.shape) - reach), axis=1)
    if not allowed.any():
        raise NumericalError(f"region {region.name!r} lies at the border of the image: no 1 mL sphere fits")
    cut = suv_g_per_mL[tuple(centres[~allowed].T)]
    centres = centres[allowed]
    means = _means_at(suv_g_per_mL, centres, sphere_weights(grid.spacing_mm))
    if not np.all(np.isfinite(means)):
        raise InputError(f"the image holds values that are not numbers near region {region.name!r}")
    member = {tuple(int(i) for i in centre) for centre in centres}
    # A stable order among equals keeps the answer the same on every machine.
    starts = np.lexsort((centres[:, 2], centres[:, 1], centres[:, 0], -means))[:_STARTS]
    found = [_climbed(suv_g_per_mL, grid, member, tuple(int(i) for i in centres[s])) for s in starts]
    if not all(math.isfinite(mean) for mean, _ in found):
        raise InputError(f"the image holds values that are not numbers near region {region.name!r}")
    mean, place = max(found, key=lambda one: one[0])
    mean = min(mean, _hottest_touched(suv_g_per_mL, grid, place))
    if not np.all(cut <= mean):
        raise NumericalError(
            f"region {region.name!r} reaches the border of the image and may be hottest there: no 1 mL sphere fits"
        )
    x, y, z = grid.patient_mm(np.array(place))
    return Peak(mean, (float(x), float(y), float(z)))


def _means_at(values: FloatArray, centres: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weighted mean around each voxel centre."""
    reach = np.array(weights.shape) // 2
    low, high = centres.min(axis=0) - reach, centres.max(axis=0) + reach + 1
    block = values[low[0] : high[0], low[1] : high[1], low[2] : high[2]].astype(np.float64)
    size = np.array(block.shape) - 2 * reach
    total = np.zeros(size)
    for dz, dy, dx in np.argwhere(weights > 0):
        total += weights[dz, dy, dx] * block[dz : dz + size[0], dy : dy + size[1], dx : dx + size[2]]
    at = centres - low - reach
    return total[at[:, 0], at[:, 1], at[:, 2]]


def _climbed(
    values: FloatArray, grid: Grid, member: set[tuple[int, ...]], start: tuple[int, ...]
) -> tuple[float, tuple[float, float, float]]:
    """Mean and place (fractional index z, y, x) after moving the sphere uphill in ever smaller steps."""
    place = np.array(start, dtype=float)
    best = _mean_at(values, grid, member, place)
    step = 0.5
    while step >= _FINEST_STEP:
        moves = [place + step * move for move in _DIRECTIONS]
        hottest, where = max(((_mean_at(values, grid, member, to), to) for to in moves), key=lambda one: one[0])
        if hottest > best:
            best, place = hottest, where
        else:
            step /= 2
    z, y, x = (float(i) for i in place)
    return best, (z, y, x)


def _mean_at(values: FloatArray, grid: Grid, member: set[tuple[int, ...]], place: NDArray[np.float64]) -> float:
    """Mean in the sphere at a fractional index; minus infinity where the centre leaves the region."""
    voxel, offset = _split(place)
    if voxel not in member:
        return -math.inf
    weights = peak_weights(grid.spacing_mm, offset)
    low = np.array(voxel) - np.array(weights.shape) // 2
    high = low + weights.shape
    # A sphere that just fits has neighbours outside the image: the outermost voxels are carried on.
    index = [np.clip(np.arange(a, b), 0, n - 1) for a, b, n in zip(low, high, grid.shape, strict=True)]
    block = values[np.ix_(*index)]
    return float(np.einsum("zyx,zyx->", block, weights, dtype=np.float64))


def _split(place: NDArray[np.float64]) -> tuple[tuple[int, int, int], _Offset]:
    """The voxel that holds a fractional index, and the place in it from its middle."""
    z, y, x = (math.floor(float(i) + 0.5) for i in place)
    return (z, y, x), (float(place[0]) - z, float(place[1]) - y, float(place[2]) - x)


def _hottest_touched(values: FloatArray, grid: Grid, place: tuple[float, float, float]) -> float:
    voxel, offset = _split(np.array(place))
    shares = sphere_weights(grid.spacing_mm, offset)
    low = np.array(voxel) - np.array(shares.shape) // 2
    block = values[tuple(slice(a, a + n) for a, n in zip(low, shares.shape, strict=True))]
    return float(block[shares > 0].max())
