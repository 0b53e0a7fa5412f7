"""Regions of one map that must not count an activity twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from theratrial.dosimetry.voxel.scans import require_region
from theratrial.errors import InputError
from theratrial.imaging.values import FloatArray, Grid, Region

_OVERLAP_TOLERANCE: Final = 1e-3
"""By how much the memberships of a voxel may sum to more than 1: rounding of float32 memberships."""


def covered_box(regions: Sequence[Region], grid: Grid) -> tuple[tuple[slice, ...], FloatArray]:
    """Sum of the memberships in the box that holds all regions.

    Raises
    ------
    InputError
        If regions overlap.
    """
    boxes = [region.box() for region in regions]
    low = [min(box[axis].start for box in boxes) for axis in range(3)]
    high = [max(box[axis].stop for box in boxes) for axis in range(3)]
    covered = np.zeros([h - n for h, n in zip(high, low, strict=True)], dtype=np.float32)
    for region, box in zip(regions, boxes, strict=True):
        covered[_moved(box, low)] += region.weights
    if float(covered.max()) > 1 + _OVERLAP_TOLERANCE:
        excess = float(np.clip(covered - 1, 0, None).sum(dtype=np.float64)) * grid.voxel_volume_mL
        where = np.unravel_index(int(covered.argmax()), covered.shape)
        names = [
            region.name
            for region, box in zip(regions, boxes, strict=True)
            if all(s.start <= w + n < s.stop for s, w, n in zip(box, where, low, strict=True))
        ]
        raise InputError(
            f"regions overlap by {excess:.3g} mL, among them {', '.join(names)}; activity would count twice. Cut them, "
            "or say which goes first with without_overlap"
        )
    return tuple(slice(n, h) for n, h in zip(low, high, strict=True)), covered


def _moved(box: tuple[slice, ...], low: Sequence[int]) -> tuple[slice, ...]:
    return tuple(slice(s.start - n, s.stop - n) for s, n in zip(box, low, strict=True))


def without_overlap(regions: Sequence[Region]) -> tuple[Region, ...]:
    """The same regions cut so that no voxel belongs to more than one whole: a region yields to those before it.

    Put a lesion before the organ that holds it: the organ is then what is left of it. A curve of the organ must be made
    with the cut region.

    Raises
    ------
    InputError
        If nothing is left of a region.
    """
    if not regions:
        return ()
    taken = np.zeros(regions[0].grid.shape, dtype=np.float32)
    found = []
    for region in regions:
        require_region(region, regions[0].grid)
        box = region.box()
        left = np.minimum(region.weights, np.clip(1 - taken[box], 0, 1))
        if float(left.max()) <= 0:
            raise InputError(f"nothing is left of region {region.name} outside the regions before it")
        taken[box] += left
        found.append(
            Region(
                name=region.name,
                grid=region.grid,
                corner=region.corner,
                weights=left.astype(np.float32),
                source=region.source,
                kind=region.kind,
                stated_volume_mL=region.stated_volume_mL,
                inside_fraction=region.inside_fraction,
            )
        )
    return tuple(found)
