"""Spheres on a grid as shares of voxels, and how regions overlap. docs/methods/segmentation.md."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from theratrial.errors import InputError
from theratrial.imaging.values import Grid, Region, Source

_PER_VOXEL: Final = (24, 10)
"""Chords across a voxel and direction, of spheres below and above 12 voxels across: shares of boundary voxels are
within 0.01 of the exact ones."""


def sphere_region(
    grid: Grid, name: str, centre_mm: tuple[float, float, float], diameter_mm: float, source: Source
) -> Region:
    """A sphere on a grid of any orientation, each voxel by its share, the volume that of the sphere.

    Along the first axis the shares are exact (chord against voxel border), across it they are means over 24 x 24
    chords; they are then scaled by the last few parts in ten thousand to the sphere's own volume.

    Parameters
    ----------
    centre_mm
        Patient coordinates x, y, z.
    source
        The image it was placed on.

    Returns
    -------
    Region
        `inside_fraction` below 1 where the sphere leaves the image.

    Raises
    ------
    InputError
        If the diameter is not positive, or the sphere lies wholly outside the image.

    Examples
    --------
    >>> from pathlib import Path
    >>> grid = Grid((20, 20, 20), (4.0, 4.0, 4.0), (0.0, 0.0, 0.0))
    >>> image = Source("P01", "1.2", "1.3", "NM", (Path("a.dcm"),), "sha256:0")
    >>> round(sphere_region(grid, "s", (37.0, 41.5, 40.0), 20.0, image).volume_mL, 4)
    4.1888
    """
    if not (math.isfinite(diameter_mm) and diameter_mm > 0):
        raise InputError(f"region {name}: a sphere of {diameter_mm} mm across cannot be")
    radius = diameter_mm / 2
    dz, dy, dx = grid.spacing_mm
    centre = grid.index_zyx(np.array(centre_mm, dtype=float))
    first, last = [], []
    for c, spacing in zip(centre, (dz, dy, dx), strict=True):
        first.append(math.floor(c - radius / spacing + 0.5))
        last.append(math.floor(c + radius / spacing + 0.5))
    chords = _PER_VOXEL[int(radius > 6 * max(grid.spacing_mm))]
    offsets = (np.arange(chords) + 0.5) / chords - 0.5
    y = ((np.arange(first[1], last[1] + 1)[:, None] + offsets - centre[1]) * dy).ravel()
    x = ((np.arange(first[2], last[2] + 1)[:, None] + offsets - centre[2]) * dx).ravel()
    half = np.sqrt(np.maximum(radius**2 - y[:, None] ** 2 - x[None, :] ** 2, 0.0)) / dz
    layers = np.arange(first[0], last[0] + 1)
    weights = np.empty((len(layers), last[1] - first[1] + 1, last[2] - first[2] + 1))
    for number, layer in enumerate(layers):
        top = np.minimum(centre[0] + half, layer + 0.5)
        bottom = np.maximum(centre[0] - half, layer - 0.5)
        chord = np.maximum(top - bottom, 0.0)
        shaped = chord.reshape(weights.shape[1], chords, weights.shape[2], chords)
        weights[number] = shaped.mean(axis=(1, 3))
    volume_mL = 4 / 3 * math.pi * radius**3 / 1000
    partial = weights < 1 - 1e-9
    wanted = volume_mL / grid.voxel_volume_mL - weights[~partial].sum()
    weights[partial] = np.minimum(weights[partial] * (wanted / weights[partial].sum()), 1.0)
    low = [max(0, -f) for f in first]
    high = [min(n, size - f) for n, size, f in zip(weights.shape, grid.shape, first, strict=True)]
    if any(b <= a for a, b in zip(low, high, strict=True)):
        raise InputError(
            f"region {name}: a sphere of {diameter_mm:g} mm at {tuple(centre_mm)} mm lies wholly outside the image -> "
            "give its centre in patient coordinates x, y, z"
        )
    kept = weights[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    inside = float(kept.sum() / weights.sum())
    corner = tuple(f + a for f, a in zip(first, low, strict=True))
    return Region(
        name,
        grid,
        (corner[0], corner[1], corner[2]),
        np.ascontiguousarray(kept, dtype=np.float32),
        source,
        "SPHERE",
        volume_mL,
        1.0 if inside > 1 - 1e-6 else inside,
    )


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two regions that share volume."""

    first: str
    second: str
    shared_mL: float
    share_of_smaller: float
    """Shared volume over the volume of the smaller region [fraction]."""


def shared_volume_mL(one: Region, other: Region) -> float:
    """Volume that belongs to both, voxel by voxel the smaller membership [mL].

    Raises
    ------
    InputError
        If the regions are on different grids.
    """
    if not one.grid.same_place(other.grid):
        raise InputError(f"regions {one.name} and {other.name} lie on different grids -> put them on one grid first")
    low = np.maximum(one.corner, other.corner)
    high = np.minimum(np.add(one.corner, one.weights.shape), np.add(other.corner, other.weights.shape))
    if np.any(high <= low):
        return 0.0
    a, b = (
        r.weights[tuple(slice(s, e) for s, e in zip(low - r.corner, high - r.corner, strict=True))]
        for r in (one, other)
    )
    return float(np.minimum(a, b).sum(dtype=np.float64)) * one.grid.voxel_volume_mL


def overlaps(regions: Sequence[Region], *, tolerated_fraction: float = 0.0) -> tuple[Overlap, ...]:
    """Every pair of regions that shares more than `tolerated_fraction` of the smaller one's volume.

    Activity in a shared voxel counts for both; whoever adds regions up must share it out.
    """
    found = []
    for one, other in itertools.combinations(regions, 2):
        shared = shared_volume_mL(one, other)
        smaller = min(one.volume_mL, other.volume_mL)
        if shared > 0 and smaller > 0 and shared / smaller > tolerated_fraction:
            found.append(Overlap(one.name, other.name, shared, shared / smaller))
    return tuple(found)
