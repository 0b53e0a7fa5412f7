"""Whole-body views and CT in pixels no finer than a gamma camera resolves: the same counts, a fraction of the work."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from theratrial.errors import InputError
from theratrial.imaging.values import Grid, PlanarPair, Volume


def _factor(spacing_mm: float, at_least_mm: float) -> int:
    if not at_least_mm > 0:
        raise InputError(f"pixels of at least {at_least_mm} mm cannot be")
    return max(1, int(at_least_mm / spacing_mm + 1e-6))


def _summed(values: NDArray[Any], factors: tuple[int, ...]) -> NDArray[np.float64]:
    """Sums of blocks over the last axes; an incomplete block at the end is filled with zeros."""
    lead = values.ndim - len(factors)
    missing = [(0, 0)] * lead + [(0, -n % f) for n, f in zip(values.shape[lead:], factors, strict=True)]
    whole = np.pad(np.asarray(values, dtype=np.float64), missing)
    shape = list(whole.shape[:lead])
    for n, f in zip(whole.shape[lead:], factors, strict=True):
        shape += [n // f, f]
    return np.asarray(whole.reshape(shape).sum(axis=tuple(lead + 2 * k + 1 for k in range(len(factors)))))


def coarser_pair(pair: PlanarPair, at_least_mm: float) -> PlanarPair:
    """The pair with pixels summed up to at most `at_least_mm`, all counts kept.

    Examples
    --------
    Pixels of 2.4 mm summed to 4.8 mm: four counts become one.
    """
    factors = tuple(_factor(spacing, at_least_mm) for spacing in pair.pixel_spacing_mm)
    if factors == (1, 1):
        return pair
    down, right = factors
    row, column = pair.pixel_spacing_mm

    def binned(view: NDArray[Any] | None) -> Any:
        return None if view is None else _summed(view, (down, right)).astype(np.float32)

    return replace(
        pair,
        anterior=binned(pair.anterior),
        posterior=binned(pair.posterior),
        pixel_spacing_mm=(row * down, column * right),
    )


def coarser_volume(volume: Volume, at_least_mm: float) -> Volume:
    """The volume with voxels averaged in blocks up to at most `at_least_mm` on each side.

    Blocks that the volume does not fill at its far ends are left out.
    """
    factors = tuple(_factor(spacing, at_least_mm) for spacing in volume.grid.spacing_mm)
    if factors == (1, 1, 1):
        return volume
    shape = tuple(n // f for n, f in zip(volume.grid.shape, factors, strict=True))
    if min(shape) < 1:
        raise InputError(f"a volume of {volume.grid.shape} voxels cannot be averaged in blocks of {factors}")
    kept = tuple(slice(0, n * f) for n, f in zip(shape, factors, strict=True))
    values = _summed(volume.values[kept], factors) / np.prod(factors)
    middle = np.array([(f - 1) / 2 for f in factors])
    origin = volume.grid.patient_mm(middle)
    grid = Grid(
        (shape[0], shape[1], shape[2]),
        tuple(s * f for s, f in zip(volume.grid.spacing_mm, factors, strict=True)),  # type: ignore[arg-type]
        (float(origin[0]), float(origin[1]), float(origin[2])),
        volume.grid.direction,
        volume.grid.frame_of_reference_uid,
    )
    return replace(volume, grid=grid, values=values.astype(np.float32))
