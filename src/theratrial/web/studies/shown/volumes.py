"""CT, PET and SPECT series -> values in their unit -> a volume for the browser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, Final

import numpy as np

from theratrial.imaging.fastload import header
from theratrial.imaging.nm import nm_frames, stacked_volume
from theratrial.imaging.series import series_from_files, volume
from theratrial.imaging.spect import SpectCalibration, activity_map_from_files
from theratrial.imaging.suv import suv_map
from theratrial.imaging.suv_injection import Administration
from theratrial.imaging.values import FloatArray, Grid
from theratrial.web.studies.shown.nifti_bytes import affine_ras, nifti_bytes
from theratrial.web.studies.shown.values import NIFTI, Image, Shown, windows

MOST_ANATOMY_VOXELS: Final = 32_000_000
"""What a tablet's browser can hold: NiiVue needs 4 to 8 bytes per voxel beside the values."""
MOST_VOXELS: Final = 64_000_000
"""More for a PET or SPECT, whose single voxels are read off: a whole body of a 400 x 400 matrix."""


def suv_image(
    files: Sequence[Path], *, timezone: tzinfo | None = None, administration: Administration | None = None
) -> Image:
    """A PET in SUVbw. Errors as `theratrial.imaging.suv.suv_map`: what cannot become SUV is not shown as if it were."""
    series = series_from_files(files, hashed=False)
    found = suv_map(series, timezone=timezone, administration=administration)
    return Image(
        found.grid,
        found.suv_g_per_mL,
        "SUVbw",
        "PT",
        found.source.patient_id,
        _iso(found.acquired_at),
        found.certificate.warnings,
    )


def activity_image(
    files: Sequence[Path], *, calibration: SpectCalibration | None = None, timezone: tzinfo | None = None
) -> Image:
    """A PET or SPECT in Bq/mL at the start of its scan."""
    found = activity_map_from_files(files, calibration, timezone)
    return Image(
        found.grid,
        found.activity_Bq_per_mL,
        "Bq/mL",
        found.source.modality,
        found.source.patient_id,
        _iso(found.acquired_at),
    )


def stored_image(files: Sequence[Path], *, timezone: tzinfo | None = None) -> Image:
    """A series as rescaled: HU for a CT, else the unit the series names ("counts" for an NM without one).

    For a PET or SPECT that cannot become SUV or activity, so that it can at least be looked at, under its own unit.
    """
    if len(files) == 1 and _is_nm(files[0]):
        frames = nm_frames(Path(files[0]))
        grid, values = stacked_volume(frames)
        return Image(grid, values, "counts", "NM", str(frames.header.get("PatientID", "") or ""), None)
    found = volume(series_from_files(files, hashed=False), timezone=timezone)
    unit = {"BQML": "Bq/mL as stored", "CNTS": "counts"}.get(found.unit, found.unit) or "stored value"
    return Image(
        found.grid, found.values, unit, found.source.modality, found.source.patient_id, _iso(found.acquired_at)
    )


def _is_nm(path: Path) -> bool:
    return str(header(path, ("Modality",)).get("Modality", "") or "") == "NM"


def bounded(image: Image, most_voxels: int | None = None) -> Image:
    """The image itself, or means over blocks in the plane (and then along the slices) until it fits the bound.

    A mean of blocks is no stored value: ``exact`` is then False and a note says so.
    """
    most = most_voxels or (MOST_ANATOMY_VOXELS if image.modality == "CT" else MOST_VOXELS)
    factors = [1, 1, 1]
    while _blocks(image.grid, factors) > most:
        dz, dy, dx = (s * f for s, f in zip(image.grid.spacing_mm, factors, strict=True))
        if min(dy, dx) <= dz * 1.5:
            factors[1] += 1
            factors[2] += 1
        else:
            factors[0] += 1
    if factors == [1, 1, 1]:
        return image
    fz, fy, fx = factors
    grid, values = _block_means(image.grid, image.values, (fz, fy, fx))
    note = f"each voxel shown is the mean of {fz} x {fy} x {fx} stored ones"
    return replace(image, grid=grid, values=values, exact=False, notes=(*image.notes, note))


def _blocks(grid: Grid, factors: Sequence[int]) -> int:
    return int(np.prod([n // f for n, f in zip(grid.shape, factors, strict=True)]))


def _block_means(grid: Grid, values: FloatArray, factors: tuple[int, int, int]) -> tuple[Grid, FloatArray]:
    fz, fy, fx = factors
    nz, ny, nx = (n // f for n, f in zip(grid.shape, factors, strict=True))
    means = np.empty((nz, ny, nx), dtype=np.float32)
    for k in range(nz):
        slab = values[k * fz : (k + 1) * fz, : ny * fy, : nx * fx]
        means[k] = slab.reshape(fz, ny, fy, nx, fx).mean(axis=(0, 2, 4), dtype=np.float64)
    dz, dy, dx = grid.spacing_mm
    x, y, z = grid.patient_mm(np.array([(fz - 1) / 2, (fy - 1) / 2, (fx - 1) / 2]))
    place = Grid(
        (nz, ny, nx),
        (dz * fz, dy * fy, dx * fx),
        (float(x), float(y), float(z)),
        grid.direction,
        grid.frame_of_reference_uid,
    )
    return place, means


def volume_shown(image: Image, *, most_voxels: int | None = None) -> Shown:
    """NIfTI of an image, gzipped: int16 where the values are whole HU, else float32 (nothing is rounded)."""
    image = bounded(image, most_voxels)
    values = image.values
    stored: Any = _whole_int16(values) if image.unit == "HU" else None
    content = nifti_bytes(image.grid, values if stored is None else stored, description=image.unit)
    first, *_ = presets = windows(image)
    return Shown(
        content,
        NIFTI,
        {
            "modality": image.modality,
            "unit": image.unit,
            "acquired_at": image.acquired_at,
            "exact": image.exact,
            "notes": list(image.notes),
            "window": {"low": first.low, "high": first.high},
            "presets": [{"name": one.name, "low": one.low, "high": one.high} for one in presets],
            "highest": float(values.max()),
            "grid": grid_json(image.grid),
            "bytes": len(content),
        },
    )


def grid_json(grid: Grid) -> dict[str, Any]:
    """Shape, spacing and affine (RAS, as the browser's volume has it) of a grid."""
    return {
        "shape_zyx": list(grid.shape),
        "spacing_mm_zyx": list(grid.spacing_mm),
        "affine_ras": affine_ras(grid).tolist(),
        "frame_of_reference_uid": grid.frame_of_reference_uid,
    }


def _whole_int16(values: FloatArray) -> np.ndarray[Any, np.dtype[np.int16]] | None:
    """The values as int16 where that loses nothing."""
    if values.min() < -32768 or values.max() > 32767:
        return None
    whole = np.empty(values.shape, dtype=np.int16)
    for k, plane in enumerate(values):
        np.rint(plane, out=(rounded := np.empty_like(plane)))
        if not np.array_equal(rounded, plane):
            return None
        whole[k] = rounded
    return whole


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
