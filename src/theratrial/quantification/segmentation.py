"""Regions by rule instead of by hand: thresholds, connected components, shells. docs/methods/segmentation.md."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from theratrial.errors import InputError, NumericalError
from theratrial.imaging.values import ActivityMap, FloatArray, Grid, Region, Source, SuvMap

Mask = NDArray[np.bool_]
Place = tuple[float, float, float]

_MOST_ROUNDS: Final = 50
_SETTLED: Final = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """What a threshold is laid on: values of one unit on a grid."""

    values: FloatArray
    grid: Grid
    unit: str
    source: Source


def image_of(scan: ActivityMap | SuvMap) -> Image:
    """Activity concentration [Bq/mL] or SUV [g/mL] of a scan."""
    if isinstance(scan, ActivityMap):
        return Image(scan.activity_Bq_per_mL, scan.grid, "Bq/mL", scan.source)
    return Image(scan.suv_g_per_mL, scan.grid, "g/mL", scan.source)


def threshold_region(
    scan: ActivityMap | SuvMap, name: str, threshold: float, *, within: Region | None = None
) -> Region:
    """All voxels of at least `threshold` (Bq/mL of an activity map, g/mL of an SUV map), `within` a region if given.

    Raises
    ------
    InputError
        If the threshold is not positive, `within` is on another grid, or no voxel reaches the threshold.
    """
    image = image_of(scan)
    _positive(threshold, f"region {name}: threshold [{image.unit}]")
    mask = (image.values >= threshold) & _allowed(image, within)
    if not mask.any():
        raise InputError(
            f"region {name}: no voxel reaches {threshold:.4g} {image.unit}; the highest there is "
            f"{_highest(image, within, name):.4g} -> lower the threshold or move the search region"
        )
    return region_of_mask(mask, name, image, "THRESHOLD")


def fraction_of_maximum_region(
    scan: ActivityMap | SuvMap, name: str, fraction: float, *, within: Region, seed_mm: Place | None = None
) -> Region:
    """The voxels of at least `fraction` of the highest one in `within` that hang together with it (or with a seed).

    Usual fractions are 0.41, 0.42 and 0.5. The volume found depends on the object's size, the resolution and the
    contrast: for a small lesion it is the resolution that is measured.

    Parameters
    ----------
    within
        Where to look; also the limit of the region.
    seed_mm
        Place (x, y, z) the region must hold; the highest voxel without.

    Raises
    ------
    InputError
        If the fraction is not between 0 and 1, the maximum is not positive, or the seed is not above the threshold.
    """
    if not 0 < fraction < 1:
        raise InputError(f"region {name}: {fraction} of the maximum; allowed is a fraction between 0 and 1, as 0.41")
    image = image_of(scan)
    threshold = fraction * _highest(image, within, name)
    mask = (image.values >= threshold) & _allowed(image, within)
    return region_of_mask(connected(mask, image, name, seed_mm, within), name, image, "THRESHOLD")


@dataclass(frozen=True, slots=True, eq=False)
class AdaptiveRegion:
    """An adaptive threshold's region with the figures it settled on."""

    region: Region
    threshold: float
    source_mean: float
    background_mean: float
    rounds: int
    unit: str


def adaptive_region(
    scan: ActivityMap | SuvMap,
    name: str,
    *,
    within: Region,
    fraction: float = 0.5,
    plateau_fraction: float = 0.7,
    inner_mm: float = 8.0,
    outer_mm: float = 16.0,
    seed_mm: Place | None = None,
) -> AdaptiveRegion:
    """Threshold between source and background, found by turns: ``T = f S + (1 - f) B``.

    S is the mean of the voxels of at least `plateau_fraction` of the maximum, B the mean of a shell `inner_mm` to
    `outer_mm` outside the region of the last round; rounds end when T no longer changes. With f = 0.5 the level is
    halfway between both sides of an edge, which is where the edge is at any resolution if it is flat and wide; objects
    smaller than about three resolution widths are drawn too large or too small (the method page has numbers).

    Parameters
    ----------
    fraction
        f; other values come from a phantom of the same camera.

    Raises
    ------
    InputError
        If a parameter cannot be, the shell is empty, or the seed is not above the threshold.
    NumericalError
        If the threshold does not settle, or the source is not above its background.

    References
    ----------
    Schaefer A et al., A contrast-oriented algorithm for FDG-PET-based delineation of tumour volumes, Eur J Nucl Med Mol
    Imaging 2008;35:1989-1999 (a threshold from source plateau and background).
    """
    if not (0 < fraction < 1 and 0 < plateau_fraction < 1):
        raise InputError(f"region {name}: fractions {fraction} and {plateau_fraction} must lie between 0 and 1")
    image = image_of(scan)
    highest = _highest(image, within, name)
    allowed = _allowed(image, within)
    plateau = connected((image.values >= plateau_fraction * highest) & allowed, image, name, seed_mm, within)
    source_mean = float(image.values[plateau].mean(dtype=np.float64))
    threshold = fraction * source_mean
    for rounds in range(1, _MOST_ROUNDS + 1):
        mask = connected((image.values >= threshold) & allowed, image, name, seed_mm, within)
        ring = _shell(mask, image.grid, inner_mm, outer_mm, name)
        background = float(image.values[ring].mean(dtype=np.float64))
        if background >= source_mean:
            raise NumericalError(
                f"region {name}: its surrounding ({background:.4g} {image.unit}) is as hot as itself "
                f"({source_mean:.4g}) -> draw it by hand"
            )
        following = fraction * source_mean + (1 - fraction) * background
        if abs(following - threshold) <= _SETTLED * source_mean:
            region = region_of_mask(mask, name, image, "THRESHOLD")
            return AdaptiveRegion(region, threshold, source_mean, background, rounds, image.unit)
        # Half a step: a full one can swing for ever between two neighbouring outlines.
        threshold = (threshold + following) / 2
    raise NumericalError(
        f"region {name}: the adaptive threshold did not settle in {_MOST_ROUNDS} rounds (last {threshold:.4g} "
        f"{image.unit}) -> make the search region smaller or draw it by hand"
    )


def shell_region(region: Region, inner_mm: float, outer_mm: float, *, without: tuple[Region, ...] = ()) -> Region:
    """The voxels between `inner_mm` and `outer_mm` from a region, less those of other regions: its background.

    An inner distance of about the resolution's width keeps the spill of the region itself out.

    Raises
    ------
    InputError
        If the distances are not in order, grids differ, or nothing is left.
    """
    grid = region.grid
    body = np.zeros(grid.shape, dtype=bool)
    body[region.box()] = region.weights >= 0.5
    name = f"{region.name} surrounding"
    ring = _shell(body, grid, inner_mm, outer_mm, name)
    for other in without:
        if not grid.same_place(other.grid):
            raise InputError(f"region {other.name} is on another grid than {region.name} -> put both on one grid")
        ring[other.box()] &= other.weights <= 0
    if not ring.any():
        raise InputError(f"{name}: nothing is left between {inner_mm:g} and {outer_mm:g} mm -> take a wider shell")
    image = Image(np.zeros((1, 1, 1), dtype=np.float32), grid, "", region.source)
    return region_of_mask(ring, name, image, "SHELL")


def connected(mask: Mask, image: Image, name: str, seed_mm: Place | None, within: Region | None) -> Mask:
    """The part of a mask that hangs together (faces, edges and corners) with a seed or with the highest voxel.

    Raises
    ------
    InputError
        If the seed lies outside the image or outside the mask.
    """
    from scipy.ndimage import label

    if seed_mm is None:
        seen = np.where(_allowed(image, within), image.values, -np.inf)
        seed = np.unravel_index(int(np.argmax(seen)), mask.shape)
    else:
        index = np.round(image.grid.index_zyx(np.array(seed_mm, dtype=float))).astype(int)
        if np.any(index < 0) or np.any(index >= np.array(mask.shape)):
            raise InputError(f"region {name}: its seed {seed_mm} mm lies outside the image -> give x, y, z inside it")
        seed = tuple(index)
    if not mask[seed]:
        raise InputError(
            f"region {name}: its seed has {float(image.values[seed]):.4g} {image.unit}, below the threshold -> move "
            "the seed into the lesion or lower the threshold"
        )
    labels, _ = label(mask, structure=np.ones((3, 3, 3)))
    return np.asarray(labels == labels[seed])


def region_of_mask(mask: Mask, name: str, image: Image, kind: str) -> Region:
    """A region of whole voxels, cut to its bounding box.

    Raises
    ------
    InputError
        If no voxel belongs to it.
    """
    if not mask.any():
        raise InputError(f"region {name} is empty -> change its rule or draw it")
    box = []
    for axis in range(3):
        used = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        box.append(slice(int(used[0]), int(used[-1]) + 1))
    weights = mask[tuple(box)].astype(np.float32)
    corner = (box[0].start, box[1].start, box[2].start)
    volume = float(weights.sum(dtype=np.float64)) * image.grid.voxel_volume_mL
    return Region(name, image.grid, corner, weights, image.source, kind, volume)


def _positive(value: float, what: str) -> None:
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"{what} is {value}; it must be positive")


def _allowed(image: Image, within: Region | None) -> Mask:
    if within is None:
        return np.ones(image.values.shape, dtype=bool)
    if not within.grid.same_place(image.grid):
        raise InputError(f"region {within.name} is on another grid than the image -> put it on the image's grid first")
    mask = np.zeros(image.values.shape, dtype=bool)
    mask[within.box()] = within.weights >= 0.5
    if not mask.any():
        raise InputError(f"region {within.name}, to search in, is empty on this image")
    return mask


def _highest(image: Image, within: Region | None, name: str) -> float:
    highest = float(image.values[_allowed(image, within)].max())
    if not (math.isfinite(highest) and highest > 0):
        raise InputError(f"region {name}: the highest value where it is looked for is {highest:g} {image.unit}")
    return highest


def _shell(mask: Mask, grid: Grid, inner_mm: float, outer_mm: float, name: str) -> Mask:
    from scipy.ndimage import distance_transform_edt

    if not 0 <= inner_mm < outer_mm:
        raise InputError(f"region {name}: a shell from {inner_mm} to {outer_mm} mm cannot be; 0 <= inner < outer")
    used = np.argwhere(mask)
    reach = [math.ceil(outer_mm / spacing) + 1 for spacing in grid.spacing_mm]
    low = np.maximum(used.min(axis=0) - reach, 0)
    high = np.minimum(used.max(axis=0) + reach + 1, mask.shape)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    distance = distance_transform_edt(~mask[box], sampling=grid.spacing_mm)
    ring = np.zeros(mask.shape, dtype=bool)
    ring[box] = (distance > inner_mm) & (distance <= outer_mm)
    if not ring.any():
        raise InputError(f"region {name}: no voxel lies {inner_mm:g} to {outer_mm:g} mm from it -> take a wider shell")
    return ring
