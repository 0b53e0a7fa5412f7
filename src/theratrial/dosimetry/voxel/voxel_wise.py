"""One exponential per voxel through all scans, with what had to be held to physical decay counted."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from theratrial.dosimetry.voxel.held import HeldClearance
from theratrial.dosimetry.voxel.scans import SessionScans
from theratrial.errors import InputError
from theratrial.imaging.values import FloatArray
from theratrial.nuclides import Nuclide

_VOXELS_AT_ONCE: Final = 1 << 18
"""Bounds the temporaries to a few megabytes, which also keeps them in the cache."""


class _Shares:
    """Running sums over slabs."""

    def __init__(self) -> None:
        self.sums = np.zeros(7)

    def add(
        self, first: NDArray[Any], tia: NDArray[Any], held: NDArray[Any], unfitted: NDArray[Any], early: NDArray[Any]
    ) -> None:
        activity, integral = np.abs(first), np.abs(tia)
        parts = (activity, activity[held], activity[unfitted], integral, integral[held], integral[unfitted], early)
        self.sums += [float(part.sum(dtype=np.float64)) for part in parts]

    def fractions(self) -> HeldClearance:
        activity, held_a, unfitted_a, tia, held_t, unfitted_t, early = self.sums

        def of(part: float, whole: float) -> float:
            return part / whole if whole > 0 else 0.0

        return HeldClearance(
            of(held_a, activity), of(held_t, tia), of(unfitted_a, activity), of(unfitted_t, tia), of(early, tia)
        )


def _slab(stack: list[FloatArray], hours: NDArray[np.float64], physical_per_h: float, shares: _Shares) -> NDArray[Any]:
    """Time-integrated activity of some voxels [Bq h/mL]: ``exp(mean log) exp(c t_mean) / c``, c at least physical."""
    centre = float(hours.mean())
    spread = float(((hours - centre) ** 2).sum())
    unfitted = np.minimum.reduce(stack) <= 0
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = [np.log(values) for values in stack]
        mean = sum(logs[1:], logs[0].copy()) / np.float32(len(stack))
        clearance = sum(
            (log * np.float32(-(t - centre) / spread) for log, t in zip(logs[1:], hours[1:], strict=True)),
            logs[0] * np.float32(-(hours[0] - centre) / spread),
        )
        held = (clearance < np.float32(physical_per_h)) & ~unfitted
        np.maximum(clearance, np.float32(physical_per_h), out=clearance)
        tia = np.exp(mean + clearance * np.float32(centre)) / clearance
    if unfitted.any():
        # Signed, so that noise around zero still averages out over a region.
        decayed = sum(
            values[unfitted] * np.float32(math.exp(physical_per_h * t) / len(stack) / physical_per_h)
            for values, t in zip(stack, hours, strict=True)
        )
        tia[unfitted] = decayed
        clearance[unfitted] = physical_per_h
    early = -np.expm1(-clearance * np.float32(hours[0])) * np.abs(tia)
    shares.add(stack[0], tia, held, unfitted, early)
    return tia


def voxel_wise_values(scans: SessionScans, nuclide: Nuclide) -> tuple[FloatArray, HeldClearance]:
    """Time-integrated activity per volume [MBq h/mL], ``(nz, ny, nx)`` float32, and what was held.

    Least squares through the logarithms with equal weights; for two scans the exponential through both.

    Raises
    ------
    InputError
        If there are fewer than two scans, they are of another nuclide, or hold voxels that are not numbers.
    """
    if len(scans.maps) < 2:
        raise InputError("one scan says nothing about the clearance of a voxel; give two, or scale region by region")
    if scans.nuclide != nuclide.name:
        raise InputError(f"the scans are of {scans.nuclide}, the time-integrated activity is asked for {nuclide.name}")
    scans.total_activities_MBq()
    hours = np.asarray(scans.hours)
    found = np.empty(scans.grid.shape, dtype=np.float32)
    flat = [np.ascontiguousarray(one.activity_Bq_per_mL).reshape(-1) for one in scans.maps]
    shares, out = _Shares(), found.reshape(-1)
    for start in range(0, out.size, _VOXELS_AT_ONCE):
        part = slice(start, start + _VOXELS_AT_ONCE)
        out[part] = _slab([values[part] for values in flat], hours, nuclide.decay_constant_per_h, shares)
    if not np.isfinite(out.max(initial=0.0)):
        raise InputError(
            "the exponential of some voxels needs more activity at administration than a number can hold; scale region "
            "by region, or smooth the scans"
        )
    found *= np.float32(1e-6)
    return found, shares.fractions()
