"""Uptake of a lesion on a SUV map: peak, maximum and mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from theratrial.errors import InputError, NumericalError, TheratrialError
from theratrial.imaging.values import FloatArray, Region, SuvMap
from theratrial.response.sphere import Peak, suv_peak
from theratrial.trace import Quantity, Trace

METHOD: Final = "response.lesion_uptake"
VERSION: Final = "2"

Metric = Literal["suv_peak", "suv_max", "suv_mean"]


@dataclass(frozen=True, slots=True)
class LesionUptake:
    """Uptake of one lesion; `peak` None where no 1 mL sphere fits, `note` then says why."""

    name: str
    peak: Peak | None
    suv_max_g_per_mL: float
    suv_mean_g_per_mL: float
    volume_mL: float
    trace: Trace
    note: str = ""

    def quantity(self, metric: Metric) -> Quantity:
        """The uptake that a rule asks for."""
        value = {
            "suv_peak": None if self.peak is None else self.peak.suv_g_per_mL,
            "suv_max": self.suv_max_g_per_mL,
            "suv_mean": self.suv_mean_g_per_mL,
        }[metric]
        return Quantity(value, "g/mL", self.trace, note="" if value is not None else self.note)


def suv_max(suv_g_per_mL: FloatArray, region: Region) -> float:
    """Highest SUV of the voxels that belong to the region by at least half; of any of its voxels if none does.

    Raises
    ------
    NumericalError
        If the region is empty.
    """
    values = region.inside(suv_g_per_mL)
    if not values.size:
        values = suv_g_per_mL[region.box()][region.weights > 0]
    if not values.size:
        raise NumericalError(f"region {region.name!r} is empty: it has no maximum")
    return float(values.max())


def suv_mean(suv_g_per_mL: FloatArray, region: Region) -> float:
    """Mean SUV, each voxel by its share in the region.

    Raises
    ------
    NumericalError
        If the region is empty.
    """
    total = float(region.weights.sum(dtype=np.float64))
    if total <= 0:
        raise NumericalError(f"region {region.name!r} is empty: it has no mean")
    return region.weighted_sum(suv_g_per_mL) / total


def lesion_uptake(suv_map: SuvMap, region: Region) -> LesionUptake:
    """Uptake of a lesion drawn on a SUV map.

    Raises
    ------
    InputError
        If the region is not on the map's grid, or the map holds values that are not numbers in it.
    NumericalError
        If the region is empty.
    """
    if not region.grid.same_place(suv_map.grid):
        raise InputError(f"region {region.name!r} is on another grid than the PET; put it on the PET's grid first")
    values = suv_map.suv_g_per_mL
    if not np.all(np.isfinite(values[region.box()])):
        raise InputError(f"the PET holds values that are not numbers in region {region.name!r}")
    highest, mean = suv_max(values, region), suv_mean(values, region)
    peak, note = _peak(values, region)
    return LesionUptake(
        name=region.name,
        peak=peak,
        suv_max_g_per_mL=highest,
        suv_mean_g_per_mL=mean,
        volume_mL=region.volume_mL,
        trace=Trace(
            METHOD,
            VERSION,
            {**suv_map.trace.inputs, "region": f"{region.source.content_hash}#{region.name}"},
            demonstration=suv_map.trace.demonstration,
        ),
        note=note,
    )


def _peak(values: FloatArray, region: Region) -> tuple[Peak | None, str]:
    try:
        return suv_peak(values, region), ""
    except TheratrialError as error:
        return None, str(error)
