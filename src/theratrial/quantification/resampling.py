"""Maps and regions of one scan on the grid of another, activity and volume kept. docs/methods/registration.md."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from theratrial.errors import InputError, NumericalError
from theratrial.imaging.membership import resampled
from theratrial.imaging.values import ActivityMap, FloatArray, Grid, Region
from theratrial.quantification.registration_transform import RigidTransform, moved_grid
from theratrial.trace import Trace

METHOD: Final = "quantification.resampling"
VERSION: Final = "1"

_MOST_ACTIVITY_CHANGE: Final = 0.01
_NEGLIGIBLE_SHARE: Final = 0.02


def resampled_values(
    values: FloatArray, source: Grid, target: Grid, transform: RigidTransform
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Values of `source` on `target` after the motion, and where they are known (voxel centre inside the source).

    Linear between voxel centres, the mean over the target voxel where that is larger than the source's; up to half a
    voxel beyond the outermost centres the outermost value holds; 0 outside.
    """
    from scipy.ndimage import affine_transform

    lying = moved_grid(source, transform, target.frame_of_reference_uid)
    unit = np.eye(3)
    zero = lying.index_zyx(target.patient_mm(np.zeros(3)))
    matrix = np.column_stack([lying.index_zyx(target.patient_mm(unit[axis])) - zero for axis in range(3)])
    finer = [max(1, math.ceil(float(np.abs(matrix[:, axis]).max()) - 0.01)) for axis in range(3)]
    total = np.zeros(target.shape, dtype=np.float32)
    # A border of one voxel repeats the edge, so that half a voxel beyond the centres is still inside the image.
    padded = np.pad(values, 1, mode="edge")
    parts = [(np.arange(n) + 0.5) / n - 0.5 for n in finer]
    for a in parts[0]:
        for b in parts[1]:
            for c in parts[2]:
                offset = zero + matrix @ np.array([a, b, c]) + 1
                total += affine_transform(
                    padded, matrix, offset, output_shape=target.shape, output=np.float32, order=1, cval=0.0
                )
    total /= np.float32(math.prod(finer))
    covered = _covered(zero, matrix, source.shape, target.shape)
    total[~covered] = 0
    return total, covered


def _covered(
    zero: NDArray[np.float64], matrix: NDArray[np.float64], source: tuple[int, int, int], target: tuple[int, int, int]
) -> NDArray[np.bool_]:
    inside = np.ones(target, dtype=bool)
    z, y, x = (np.arange(n, dtype=float) for n in target)
    for axis in range(3):
        index = (
            zero[axis]
            + (matrix[axis, 0] * z)[:, None, None]
            + (matrix[axis, 1] * y)[None, :, None]
            + (matrix[axis, 2] * x)[None, None, :]
        )
        inside &= (index >= -0.5 - 1e-6) & (index <= source[axis] - 0.5 + 1e-6)
    return inside


def resampled_map(scan: ActivityMap, target: Grid, transform: RigidTransform) -> ActivityMap:
    """An activity map on another grid after a motion: concentrations, so that the activity is kept.

    The counts per Bq/mL of the scan no longer hold, because interpolation makes neighbours alike: the result carries
    none, so that nobody states a counting noise from it. Take counting noise from the scan itself.

    Raises
    ------
    NumericalError
        If the activity inside the common field of view changes by more than 1 %.
    """
    values, covered = resampled_values(scan.activity_Bq_per_mL, scan.grid, target, transform)
    if not covered.any():
        raise InputError(
            "resampling: the scan lies wholly outside the grid it should be put on -> register the two first"
        )
    kept_Bq = float(values.sum(dtype=np.float64)) * target.voxel_volume_mL
    had_Bq = _activity_inside_Bq(scan, target, transform)
    whole_Bq = float(scan.activity_Bq_per_mL.sum(dtype=np.float64)) * scan.grid.voxel_volume_mL
    # At the border of the field of view whole voxels fall in or out; where little lies inside, that is all there is.
    if had_Bq > _NEGLIGIBLE_SHARE * whole_Bq and abs(kept_Bq / had_Bq - 1) > _MOST_ACTIVITY_CHANGE:
        raise NumericalError(
            f"resampling changed the activity by {kept_Bq / had_Bq - 1:+.2%}, allowed is {_MOST_ACTIVITY_CHANGE:.0%} "
            "-> put the regions on the scan's own grid instead"
        )
    return replace(
        scan,
        grid=target,
        activity_Bq_per_mL=values,
        counts_per_Bq_per_mL=None,
        trace=Trace(
            METHOD,
            VERSION,
            {
                "image": scan.source.content_hash,
                "transform": "given:" + " ".join(f"{v:.9g}" for v in transform.matrix[:3].ravel()),
            },
            demonstration=scan.trace.demonstration,
        ),
    )


def _activity_inside_Bq(scan: ActivityMap, target: Grid, transform: RigidTransform) -> float:
    """Activity of the scan whose place lies inside the target, voxels cut at its border by eighths."""
    lying = moved_grid(scan.grid, transform, target.frame_of_reference_uid)
    zero = target.index_zyx(lying.patient_mm(np.zeros(3)))
    matrix = np.column_stack([target.index_zyx(lying.patient_mm(e)) - zero for e in np.eye(3)])
    total = 0.0
    for a in (-0.25, 0.25):
        for b in (-0.25, 0.25):
            for c in (-0.25, 0.25):
                inside = _covered(zero + matrix @ np.array([a, b, c]), matrix, target.shape, scan.grid.shape)
                total += float(scan.activity_Bq_per_mL[inside].sum(dtype=np.float64)) / 8
    return total * scan.grid.voxel_volume_mL


def resampled_region(region: Region, target: Grid, transform: RigidTransform) -> Region:
    """A region on another grid after a motion, as shares of voxels, its volume kept.

    Raises
    ------
    InputError
        If it lies wholly outside the target.
    """
    own = region.grid
    x, y, z = (float(v) for v in own.patient_mm(np.array(region.corner, dtype=float)))
    box = Grid(
        (region.weights.shape[0], region.weights.shape[1], region.weights.shape[2]),
        own.spacing_mm,
        (x, y, z),
        own.direction,
    )
    lying = moved_grid(box, transform, target.frame_of_reference_uid)
    found = resampled(region.weights, lying, target)
    if not found.weights.size:
        raise InputError(f"region {region.name} lies wholly outside the scan it is moved to -> check the registration")
    return replace(
        region,
        grid=target,
        corner=found.corner,
        weights=found.weights,
        inside_fraction=region.inside_fraction * found.inside_fraction,
    )
