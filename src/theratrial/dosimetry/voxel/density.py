"""Mass density by voxel from a CT, by a stated piecewise linear relation (docs/methods/voxel_dose.md)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from theratrial.errors import InputError
from theratrial.imaging.values import FloatArray, Grid, Volume
from theratrial.reference import table
from theratrial.trace import Trace

VERSION: Final = "1"


@dataclass(frozen=True, slots=True)
class HounsfieldDensity:
    """Mass density by CT number, linear between points and not defined beyond them.

    Parameters
    ----------
    hounsfield
        Strictly increasing [HU].
    density_g_per_mL
        At these, positive and never falling.
    source
        For a `Trace`: a table, or the record of the scanner's calibration.
    """

    hounsfield: tuple[float, ...]
    density_g_per_mL: tuple[float, ...]
    source: str

    def __post_init__(self) -> None:
        if len(self.hounsfield) < 2 or len(self.hounsfield) != len(self.density_g_per_mL):
            raise InputError("a relation of CT number and density has two points or more, each with both values")
        if any(one >= other for one, other in pairwise(self.hounsfield)):
            raise InputError(f"CT numbers of a density relation increase, got {self.hounsfield}")
        if min(self.density_g_per_mL) <= 0 or any(a > b for a, b in pairwise(self.density_g_per_mL)):
            raise InputError(f"densities are positive and do not fall with the CT number, got {self.density_g_per_mL}")


def schneider_density() -> HounsfieldDensity:
    """The shipped relation.

    References
    ----------
    Schneider W, Bortfeld T, Schlegel W. Phys Med Biol 2000;45:459; where ours departs, the table's passport says.

    Examples
    --------
    >>> relation = schneider_density()
    >>> relation.hounsfield[0], relation.density_g_per_mL[-1]
    (-1000.0, 1.9642)
    """
    rows = table("dosimetry/ct_density")
    return HounsfieldDensity(
        tuple(row.number("hounsfield") for row in rows),
        tuple(row.number("density") for row in rows),
        rows.trace_key,
    )


@dataclass(frozen=True, slots=True, eq=False)
class DensityMap:
    """Mass density by voxel [g/mL]; not a number where the CT says nothing.

    `floor_g_per_mL`: voxels below it have no dose, because energy over mass means nothing there (air, gas).
    """

    grid: Grid
    density_g_per_mL: FloatArray
    floor_g_per_mL: float
    trace: Trace

    def __post_init__(self) -> None:
        if self.density_g_per_mL.shape != self.grid.shape:
            raise InputError(f"array {self.density_g_per_mL.shape} does not fit grid {self.grid.shape}")
        if not (math.isfinite(self.floor_g_per_mL) and self.floor_g_per_mL > 0):
            raise InputError(f"the density floor must be above 0 g/mL, got {self.floor_g_per_mL}")
        view = self.density_g_per_mL.view()
        view.flags.writeable = False
        object.__setattr__(self, "density_g_per_mL", view)


def density_map(ct: Volume, relation: HounsfieldDensity, *, floor_g_per_mL: float) -> DensityMap:
    """Density by voxel of a CT that is on the grid of the activity maps.

    A CT number outside the relation (padding, metal) has no density; nothing is clamped.

    Parameters
    ----------
    floor_g_per_mL
        Voxels of lower density have no dose; between air (0.001) and inflated lung (about 0.2).

    Raises
    ------
    InputError
        If the volume is not in HU.
    """
    if ct.unit != "HU":
        raise InputError(f"density needs a CT in HU, got a volume in {ct.unit}")
    low, high = relation.hounsfield[0], relation.hounsfield[-1]
    found = np.empty(ct.grid.shape, dtype=np.float32)
    for plane, out in zip(ct.values, found, strict=True):
        out[:] = np.interp(plane, relation.hounsfield, relation.density_g_per_mL)
        out[~((plane >= low) & (plane <= high))] = np.nan
    return DensityMap(
        grid=ct.grid,
        density_g_per_mL=found,
        floor_g_per_mL=floor_g_per_mL,
        trace=Trace(
            method="dosimetry.density_map",
            version=VERSION,
            inputs={
                "ct": ct.source.content_hash,
                "relation": relation.source,
                "floor": f"given:{floor_g_per_mL!r} g/mL",
            },
        ),
    )
