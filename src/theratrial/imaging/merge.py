"""Several drawn regions as one: a pair of kidneys, two lungs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from theratrial.errors import InputError
from theratrial.imaging.values import Region


def merged_region(name: str, regions: Sequence[Region]) -> Region:
    """One region that holds every voxel of `regions`, each voxel once.

    Where regions overlap, membership is capped at 1, so that nothing is counted twice. The stated volume is the sum of
    what was drawn; the share inside the image is weighted by it.

    Raises
    ------
    InputError
        If there is no region, or they are on different grids.
    """
    if not regions:
        raise InputError(f"region {name}: nothing to merge -> give at least one drawn region")
    first = regions[0]
    if any(not first.grid.same_place(other.grid) for other in regions[1:]):
        raise InputError(f"region {name}: its parts lie on different images -> draw them on the same image")
    if len(regions) == 1:
        return replace(first, name=name)
    low = np.min([region.corner for region in regions], axis=0)
    high = np.max([np.add(region.corner, region.weights.shape) for region in regions], axis=0)
    weights = np.zeros(tuple(high - low), dtype=np.float32)
    for region in regions:
        z, y, x = np.subtract(region.corner, low)
        bz, by, bx = region.weights.shape
        weights[z : z + bz, y : y + by, x : x + bx] += region.weights
    np.minimum(weights, 1.0, out=weights)
    stated_mL = sum(region.stated_volume_mL for region in regions)
    inside_mL = sum(region.inside_fraction * region.stated_volume_mL for region in regions)
    return replace(
        first,
        name=name,
        corner=(int(low[0]), int(low[1]), int(low[2])),
        weights=weights,
        stated_volume_mL=stated_mL,
        inside_fraction=inside_mL / stated_mL if stated_mL > 0 else min(region.inside_fraction for region in regions),
    )
