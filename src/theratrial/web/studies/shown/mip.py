"""Maximum-intensity projections around the body's axis, from stored values only: no interpolation, no smoothing."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from theratrial.errors import InputError
from theratrial.imaging.values import FloatArray, Grid
from theratrial.web.studies.shown.values import RAW, Image, Shown

FEWEST_SLICES: Final = 8
VIEWS: Final = 18
"""Over half a turn; the other half is their mirror image."""
_PLANES_AT_ONCE: Final = 16
_MOST_COLUMNS: Final = 256


def projections(grid: Grid, values: FloatArray, views: int = VIEWS) -> tuple[FloatArray, float]:
    """Maxima along parallel rays at `views` angles over half a turn, and the width of a pixel [mm].

    Each voxel's value is put into the pixel its centre falls into: the maximum of every view is the maximum of the
    image. View 0 looks from the front, view ``views / 2`` from the patient's left.

    Returns
    -------
    array ``(views, nz, nu)``, float32
        Row 0 is the slice nearest the head; column 0 of view 0 is the patient's right.

    Raises
    ------
    InputError
        If there are fewer than 8 slices, or they are not within 20 degrees of transverse: there is then nothing to
        turn about.
    """
    axis = np.asarray(grid.direction)
    if grid.shape[0] < FEWEST_SLICES:
        raise InputError(f"{grid.shape[0]} slice(s): a projection needs at least {FEWEST_SLICES}")
    if abs(axis[2, 2]) < math.cos(math.radians(20)):
        raise InputError("the slices are not transverse: no projection around the body's axis can be made of them")
    nz, ny, nx = grid.shape
    rows, columns = np.mgrid[0:ny, 0:nx]
    place = grid.patient_mm(np.stack([np.zeros_like(rows), rows, columns], axis=-1).reshape(-1, 3).astype(float))
    x, y = (place[:, :2] - (place[:, :2].min(axis=0) + place[:, :2].max(axis=0)) / 2).T
    counted = values.max(axis=0).ravel() > 0
    reach = float(np.hypot(x, y)[counted].max()) if counted.any() else float(np.hypot(x, y).max())
    width_mm = max(max(grid.spacing_mm[1:]), 2 * reach / _MOST_COLUMNS)
    # Columns of nothing, as the corners of a reconstructed field are, need no pixels: what falls outside is 0.
    count = int(np.ceil(2 * reach / width_mm)) + 2
    count += (count - nx) % 2  # pixels of view 0 then fall on voxels
    flat = values.reshape(nz, ny * nx)
    found = np.full((views, nz, count), -np.inf, dtype=np.float32)
    for view in range(views):
        angle = math.pi * view / views
        along = x * math.cos(angle) + y * math.sin(angle)
        # The thousandth keeps voxel centres off the borders of pixels, where rounding would leave stripes.
        pixel = np.clip(np.floor(along / width_mm + count / 2 + 1e-3), 0, count - 1).astype(np.intp)
        order = np.argsort(pixel, kind="stable")
        used, first = np.unique(pixel[order], return_index=True)
        for start in range(0, nz, _PLANES_AT_ONCE):
            block = flat[start : start + _PLANES_AT_ONCE][:, order]
            found[view, start : start + _PLANES_AT_ONCE][:, used] = np.maximum.reduceat(block, first, axis=1)
    found[~np.isfinite(found)] = 0.0
    return (found[:, ::-1] if axis[2, 2] > 0 else found), width_mm


def mip_shown(image: Image, views: int = VIEWS) -> Shown:
    """Projections as little-endian uint16 ``(views, nz, nu)``; value = stored x ``scale``. Below 0 is shown as 0."""
    found, width_mm = projections(image.grid, image.values, views)
    scale = float(found.max()) / 65535 or 1.0
    stored: NDArray[Any] = np.rint(np.clip(found, 0, None) / np.float32(scale)).clip(0, 65535).astype("<u2")
    nz, _, _ = image.grid.shape
    bottom, top = (float(image.grid.patient_mm(np.array([k, 0.0, 0.0]))[2]) for k in (0, nz - 1))
    _, ny, nx = image.grid.shape
    middle = image.grid.patient_mm(np.array([0.0, (ny - 1) / 2, (nx - 1) / 2]))
    return Shown(
        stored.tobytes(),
        RAW,
        {
            "unit": image.unit,
            "views": views,
            "rows": int(stored.shape[1]),
            "columns": int(stored.shape[2]),
            "scale": scale,
            "pixel_mm": [image.grid.spacing_mm[0], width_mm],
            "top_z_mm": max(bottom, top),
            "middle_mm_lps": [float(middle[0]), float(middle[1])],
            "degrees_per_view": 180.0 / views,
        },
    )
