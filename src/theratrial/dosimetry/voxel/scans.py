"""The activity maps of a session on one grid, in order of time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from theratrial.errors import InputError
from theratrial.imaging.values import ActivityMap, FloatArray, Grid, Region
from theratrial.nuclides import nuclide_name

_SAME_TIME_H: Final = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class SessionScans:
    """Activity maps of one nuclide on one grid and their hours after administration, sorted by time.

    Parameters
    ----------
    maps
        In any order; registered and resampled to one grid before they come here.
    hours
        Of each map, after administration [h].

    Raises
    ------
    InputError
        If times are before administration or equal, or maps are of several nuclides, grids or frames of reference.
    """

    maps: tuple[ActivityMap, ...]
    hours: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.maps or len(self.maps) != len(self.hours):
            raise InputError(f"{len(self.maps)} activity maps and {len(self.hours)} times; give one time per map")
        for hour in self.hours:
            if not (math.isfinite(hour) and hour >= 0):
                raise InputError(f"a scan {hour} h after administration is not after it; check both times")
        ordered = sorted(zip(self.hours, self.maps, strict=True), key=lambda pair: pair[0])
        for (one, _), (other, _) in pairwise(ordered):
            if other - one < _SAME_TIME_H:
                raise InputError(f"two scans at {other:.4g} h after administration; give one activity map per time")
        object.__setattr__(self, "hours", tuple(float(hour) for hour, _ in ordered))
        object.__setattr__(self, "maps", tuple(one for _, one in ordered))
        self._require_one_place()

    def _require_one_place(self) -> None:
        first = self.maps[0]
        for other in self.maps[1:]:
            if nuclide_name(other.nuclide) != nuclide_name(first.nuclide):
                raise InputError(f"the scans are of {first.nuclide} and {other.nuclide}; a session has one nuclide")
            uids = first.grid.frame_of_reference_uid, other.grid.frame_of_reference_uid
            if all(uids) and uids[0] != uids[1]:
                raise InputError(
                    f"the scans are in frames of reference {uids[0]} and {uids[1]}; register them to one first"
                )
            if not first.grid.same_place(other.grid):
                raise InputError("the scans are on different grids; register and resample them to one grid first")

    @property
    def grid(self) -> Grid:
        """The common grid."""
        return self.maps[0].grid

    @property
    def nuclide(self) -> str:
        """Name of the nuclide, as ``Lu-177``."""
        return str(nuclide_name(self.maps[0].nuclide))

    @property
    def trace_inputs(self) -> dict[str, str]:
        """For a `Trace`: the stored bytes of each scan, and its time."""
        found = {}
        for number, (one, hours) in enumerate(zip(self.maps, self.hours, strict=True), start=1):
            found[f"scan {number}"] = one.source.content_hash
            found[f"scan {number} hours"] = f"given:{hours!r} h after administration"
        return found

    def region_activities_MBq(self, region: Region) -> tuple[float, ...]:
        """Activity of a region in each scan [MBq].

        Raises
        ------
        InputError
            If the region is empty, on another grid or frame of reference, or holds voxels that are not numbers.
        """
        require_region(region, self.grid)
        factor = self.grid.voxel_volume_mL * 1e-6
        found = tuple(factor * region.weighted_sum(one.activity_Bq_per_mL) for one in self.maps)
        for hours, activity in zip(self.hours, found, strict=True):
            if not math.isfinite(activity):
                raise InputError(
                    f"region {region.name}: the scan at {hours:.4g} h has voxels that are not numbers in it"
                )
        return found

    def total_activities_MBq(self) -> tuple[float, ...]:
        """Activity of the whole field of view in each scan [MBq].

        Raises
        ------
        InputError
            If a scan holds voxels that are not numbers.
        """
        factor = self.grid.voxel_volume_mL * 1e-6
        found = tuple(factor * total(one.activity_Bq_per_mL) for one in self.maps)
        for hours, activity in zip(self.hours, found, strict=True):
            if not math.isfinite(activity):
                raise InputError(f"the scan at {hours:.4g} h has voxels that are not numbers; mend or crop it first")
        return found

    def best_pattern(self, activities_MBq: Sequence[float]) -> int:
        """Position of the scan with the least relative counting noise for these activities, one per scan.

        Most counts where every series says how many counts a Bq/mL is, else the highest activity at scan time, which
        is the same for scans of equal length on one camera.
        """
        factors = [one.counts_per_Bq_per_mL for one in self.maps]
        counts = [
            activity * (factor if factor is not None and None not in factors else 1.0)
            for activity, factor in zip(activities_MBq, factors, strict=True)
        ]
        return int(np.argmax(counts))

    @property
    def counts_known(self) -> bool:
        """Whether every series says how many counts a Bq/mL is."""
        return all(one.counts_per_Bq_per_mL is not None for one in self.maps)


def total(values: FloatArray) -> float:
    """Sum of a volume: pairwise in float32 along slices, in float64 over them, without a float64 copy."""
    return math.fsum(float(plane.sum(dtype=np.float64)) for plane in values)


def require_region(region: Region, grid: Grid) -> None:
    """Refuse a region that is empty or not on the grid.

    Raises
    ------
    InputError
        Naming the region and the remedy.
    """
    uids = region.grid.frame_of_reference_uid, grid.frame_of_reference_uid
    if all(uids) and uids[0] != uids[1]:
        raise InputError(
            f"region {region.name} is drawn in frame of reference {uids[0]}, the map is in {uids[1]}; register first"
        )
    if not region.grid.same_place(grid):
        raise InputError(f"region {region.name} is on another grid than the map; put it on the map's grid first")
    if not region.weights.size or float(region.weights.max()) <= 0:
        raise InputError(f"region {region.name} is empty; its outline encloses no voxel of the map")
