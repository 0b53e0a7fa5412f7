"""Activity of regions of any shape beside each other, recovered together. docs/methods/recovery.md."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from theratrial.errors import InputError, NumericalError
from theratrial.imaging.values import ActivityMap, Region
from theratrial.quantification.recovery import RecoveryPoint
from theratrial.quantification.recovery_matrix import (
    FWHM_PER_SD,
    TransferMatrix,
    resolution_from_spheres,
    sphere_recovery,
    transfer_matrix,
)

BODY_FRACTION: Final = 0.25
"""Share of the mean concentration around the regions above which a smoothed voxel counts as body."""
_STEP: Final = 0.05
"""Relative change of the resolution by which its effect on an activity is found."""
_REMAINDER: Final = "remainder of the field of view"


@dataclass(frozen=True, slots=True)
class Resolution:
    """Width of the Gaussian that explains the measured recovery of spheres."""

    fwhm_mm: float
    relative_sd: float
    """From the spheres' own uncertainties, or from how badly one width explains them all, whichever is larger."""
    spheres: int
    smallest_mL: float = 0.0
    """Volume of the smallest sphere: nothing was measured below it, so no smaller region is recovered [mL]."""


@dataclass(frozen=True, slots=True, eq=False)
class RecoveredRegion:
    """A region's activity after recovery."""

    region: Region
    """Cut so that it shares no voxel with one before it."""
    measured_MBq: float
    activity_MBq: float
    own_recovery: float
    """Share of its own activity that is seen inside its outline."""
    relative_sd: float
    """Of the activity, from the uncertainty of the resolution."""
    weights: Mapping[str, float]
    """Outline -> relative change of the activity per relative change of what was measured in it; ``""`` for the rest of
    the body. Errors of the outlines go on with these."""


def resolution_of_spheres(points: Sequence[RecoveryPoint]) -> Resolution:
    """Resolution [mm FWHM] by least squares from measured spheres in cold surroundings, with its uncertainty.

    Raises
    ------
    InputError
        If there is no sphere.

    Examples
    --------
    >>> spheres = [RecoveryPoint(v, sphere_recovery(v, 9.0), 0.02) for v in (10.0, 50.0, 250.0)]
    >>> found = resolution_of_spheres(spheres)
    >>> round(found.fwhm_mm, 2), round(found.relative_sd, 3)
    (9.0, 0.062)
    """
    if not points:
        raise InputError("no sphere gives the resolution -> fill in records/recoveries.csv for the camera and nuclide")
    fwhm_mm = resolution_from_spheres([p.volume_mL for p in points], [p.recovery for p in points])
    # One parameter: its information is the sum over spheres of (d ln RC / d ln FWHM / relative sd)^2.
    slopes = [
        math.log(sphere_recovery(p.volume_mL, fwhm_mm * (1 + _STEP)) / sphere_recovery(p.volume_mL, fwhm_mm))
        / math.log1p(_STEP)
        for p in points
    ]
    information = math.fsum((slope / p.relative_sd) ** 2 for slope, p in zip(slopes, points, strict=True))
    misfit = math.fsum(
        (math.log(p.recovery / sphere_recovery(p.volume_mL, fwhm_mm)) / p.relative_sd) ** 2 for p in points
    )
    scatter = max(1.0, misfit / max(len(points) - 1, 1))
    # Spheres of one phantom share its filling: their errors do not average away with their number.
    relative_sd = math.sqrt(scatter * len(points) / information)
    return Resolution(fwhm_mm, relative_sd, len(points), min(p.volume_mL for p in points))


def body_remainder(activity_map: ActivityMap, regions: Sequence[Region], fwhm_mm: float) -> Region:
    """What is in the field of view outside the regions and inside the body, as a region.

    The body is where the image, smoothed once more by its own resolution, exceeds `BODY_FRACTION` of the mean
    concentration that it has around the regions.
    """
    from scipy.ndimage import gaussian_filter

    grid = activity_map.grid
    covered = np.zeros(grid.shape, dtype=np.float32)
    for region in regions:
        covered[region.box()] += region.weights
    rest = np.clip(1 - covered, 0, 1)
    smooth = gaussian_filter(
        activity_map.activity_Bq_per_mL, [fwhm_mm / FWHM_PER_SD / s for s in grid.spacing_mm], truncate=3
    )
    warm = rest * (smooth > 0.1 * float(smooth.mean(dtype=np.float64)))
    total = float(warm.sum(dtype=np.float64))
    if total <= 0:
        raise InputError("the image holds no activity outside the regions; it has no body to correct them for")
    level = float(np.einsum("zyx,zyx->", warm, smooth, dtype=np.float64)) / total
    weights = (rest * (smooth > BODY_FRACTION * level)).astype(np.float32)
    volume_mL = float(weights.sum(dtype=np.float64)) * grid.voxel_volume_mL
    return Region(_REMAINDER, grid, (0, 0, 0), weights, activity_map.source, "REMAINDER", volume_mL)


def recovered_regions(
    activity_map: ActivityMap, regions: Sequence[Region], resolution: Resolution
) -> tuple[tuple[RecoveredRegion, ...], tuple[tuple[str, str], ...]]:
    """Activities [MBq] of all regions of a scan, each freed of its neighbours' spill and given back its own.

    Assumes one Gaussian resolution in the whole image, and activity spread uniformly in each region and in the rest of
    the body. A region whose neighbours explain more than was measured in it, or that cannot be told from them, is left
    out with the reason, and its voxels then belong to the rest of the body.

    Parameters
    ----------
    regions
        Of different names on the map's grid; where two overlap, the voxels belong to the one that stands first.

    Returns
    -------
    tuple
        The recovered regions, in their order, and (name, why not) of the others.

    Raises
    ------
    InputError
        If a region is on another grid, or a name stands twice.
    """
    kept = list(_cut(regions))
    names = {region.name for region in kept}
    lost = [(region.name, "every voxel of it lies in other regions") for region in regions if region.name not in names]
    smallest_mL = resolution.smallest_mL * (1 - 1e-3)
    rest: Region | None = body_remainder(activity_map, kept, resolution.fwhm_mm) if kept else None
    while kept:
        together = [*kept, rest] if rest is not None else kept
        measured = [_measured_MBq(activity_map, region) for region in together]
        matrix = transfer_matrix(together, resolution.fwhm_mm)
        try:
            true = matrix.true_activities_MBq(measured)
        except NumericalError as error:
            culprit = _culprit(matrix, measured, kept)
            if culprit is None:
                rest = None  # the regions alone explain more than is seen around them: the body is cold
                continue
            lost.append((culprit.name, f"its activity cannot be recovered: {error}"))
            kept.remove(culprit)
            rest = body_remainder(activity_map, kept, resolution.fwhm_mm) if kept else None
            continue
        # A region below the smallest sphere stays in the matrix for its neighbours' sake.
        lost += [
            (
                region.name,
                f"{region.volume_mL:.3g} mL is below the smallest sphere measured, {resolution.smallest_mL:g} mL; "
                "it is not extrapolated -> measure a sphere of that size",
            )
            for region in kept
            if region.volume_mL < smallest_mL
        ]
        other = transfer_matrix(together, resolution.fwhm_mm * (1 + _STEP))
        moved = np.linalg.solve(other.matrix, np.asarray(measured))
        inverse = np.linalg.inv(matrix.matrix)
        outlines = [*(region.name for region in kept), *(("",) if rest is not None else ())]
        return tuple(
            RecoveredRegion(
                region=region,
                measured_MBq=measured[at],
                activity_MBq=float(true[at]),
                own_recovery=matrix.recovery(region.name),
                relative_sd=_changed(float(true[at]), float(moved[at])) / _STEP * resolution.relative_sd,
                weights={
                    name: float(inverse[at, j]) * measured[j] / float(true[at]) if true[at] > 0 else 0.0
                    for j, name in enumerate(outlines)
                },
            )
            for at, region in enumerate(kept)
            if region.volume_mL >= smallest_mL
        ), tuple(lost)
    return (), tuple(lost)


def _changed(value: float, moved: float) -> float:
    return abs(moved / value - 1) if value > 0 else 0.0


def _cut(regions: Sequence[Region]) -> tuple[Region, ...]:
    """The regions without voxels of one before them; one of which nothing is left is dropped."""
    if len({region.name for region in regions}) < len(regions):
        raise InputError("two regions of one scan have the same name; name them apart")
    if not regions:
        return ()
    grid = regions[0].grid
    taken = np.zeros(grid.shape, dtype=np.float32)
    found = []
    for region in regions:
        if not region.grid.same_place(grid):
            raise InputError(f"region {region.name} is on another grid than {regions[0].name}; put both on the scan's")
        left = np.minimum(region.weights, np.clip(1 - taken[region.box()], 0, 1)).astype(np.float32)
        if float(left.max()) <= 0:
            continue
        taken[region.box()] += left
        found.append(replace(region, weights=left))
    return tuple(found)


def _measured_MBq(activity_map: ActivityMap, region: Region) -> float:
    return region.weighted_sum(activity_map.activity_Bq_per_mL) * region.grid.voxel_volume_mL * 1e-6


def _culprit(matrix: TransferMatrix, measured: Sequence[float], kept: Sequence[Region]) -> Region | None:
    """The most negative region; None if only the remainder is negative; where none is, the smallest."""
    found = np.linalg.lstsq(matrix.matrix, np.asarray(measured), rcond=None)[0]
    worst = int(np.argmin(found[: len(kept)]))
    if found[worst] < 0:
        return kept[worst]
    return None if found.min() < 0 else min(kept, key=lambda region: region.volume_mL)
