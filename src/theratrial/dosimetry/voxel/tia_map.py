"""Time-integrated activity map: the pattern of a scan, scaled region by region (docs/methods/voxel_dose.md)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from theratrial.dosimetry.voxel.held import HeldClearance
from theratrial.dosimetry.voxel.overlap import covered_box
from theratrial.dosimetry.voxel.scans import SessionScans, require_region, total
from theratrial.dosimetry.voxel.voxel_wise import voxel_wise_values
from theratrial.errors import InputError
from theratrial.imaging.values import FloatArray, Grid, Region
from theratrial.nuclides import Nuclide
from theratrial.trace import Trace

VERSION: Final = "1"


@dataclass(frozen=True, slots=True, eq=False)
class TimeIntegratedActivityMap:
    """Time-integrated activity per volume [MBq h/mL], from administration to infinity.

    Parameters
    ----------
    MBq_h_per_mL
        ``(nz, ny, nx)`` float32.
    scaled
        How each region was scaled; empty for a map made voxel by voxel.
    held
        What was held to physical decay; None where no voxel was fitted by itself.
    notes
        What the map rests on or leaves out, in words.
    """

    grid: Grid
    MBq_h_per_mL: FloatArray
    nuclide: str
    scaled: tuple[ScaledRegion, ...]
    held: HeldClearance | None
    notes: tuple[str, ...]
    trace: Trace

    def __post_init__(self) -> None:
        if self.MBq_h_per_mL.shape != self.grid.shape:
            raise InputError(f"array {self.MBq_h_per_mL.shape} does not fit grid {self.grid.shape}")
        view = self.MBq_h_per_mL.view()
        view.flags.writeable = False
        object.__setattr__(self, "MBq_h_per_mL", view)

    @property
    def total_MBq_h(self) -> float:
        """Of the whole map [MBq h]."""
        return total(self.MBq_h_per_mL) * self.grid.voxel_volume_mL

    def region_MBq_h(self, region: Region) -> float:
        """Of a region [MBq h]."""
        require_region(region, self.grid)
        return region.weighted_sum(self.MBq_h_per_mL) * self.grid.voxel_volume_mL


@dataclass(frozen=True, slots=True)
class ScaledRegion:
    """How the pattern of a scan was scaled to a region's time-integrated activity."""

    region: str
    time_integrated_activity_MBq_h: float
    pattern_hours: float
    """Of the scan whose pattern was taken, after administration [h]."""
    factor_h: float
    """Time-integrated activity per activity at that scan [h]."""
    source: str = "given:"
    """Where the time-integrated activity comes from, for a trace."""
    volume_mL: float | None = None
    """Of the region on the grid [mL]; None for the remainder."""
    shared_MBq_h: float = 0.0
    """Its own time-integrated activity less what the map holds under its memberships: not zero only where voxels are
    shared, whose content the map can no longer tell apart."""


@dataclass(frozen=True, slots=True, eq=False)
class RegionTia:
    """A region and its time-integrated activity [MBq h], not negative.

    `pattern` is the position of the scan (by time, from 0) whose concentrations are scaled; None: the scan in which the
    region has the least counting noise. `note` is carried to the map (a stand-in for a curve without a value); `source`
    says in the trace where the value comes from, `demonstration` on which demonstration clauses it rests.
    """

    region: Region
    time_integrated_activity_MBq_h: float
    pattern: int | None = None
    note: str = ""
    source: str = "given:"
    demonstration: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require_tia(self.region.name, self.time_integrated_activity_MBq_h)


@dataclass(frozen=True, slots=True)
class RemainderTia:
    """All voxels outside the regions, scaled like a region to this time-integrated activity [MBq h]."""

    time_integrated_activity_MBq_h: float
    pattern: int | None = None
    note: str = ""
    source: str = "given:"
    demonstration: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _require_tia("remainder", self.time_integrated_activity_MBq_h)


@dataclass(frozen=True, slots=True)
class RemainderVoxelWise:
    """All voxels outside the regions, each by its own exponential (see `voxel_wise_tia_map`)."""


@dataclass(frozen=True, slots=True)
class RemainderLeftOut:
    """Nothing is emitted outside the regions in this map; `because` says why that is right, and is carried along."""

    because: str

    def __post_init__(self) -> None:
        if not self.because:
            raise InputError("a remainder that is left out says why")


Remainder = RemainderTia | RemainderVoxelWise | RemainderLeftOut


def _require_tia(region: str, value: float) -> None:
    if not (math.isfinite(value) and value >= 0):
        raise InputError(
            f"region {region}: a time-integrated activity of {value} MBq h cannot be mapped; a curve without a value "
            "needs another route or a stated stand-in"
        )


def _scaling(
    scans: SessionScans, name: str, activities: Sequence[float], stated: RegionTia | RemainderTia
) -> tuple[ScaledRegion, int]:
    tia_MBq_h, pattern = stated.time_integrated_activity_MBq_h, stated.pattern
    chosen = scans.best_pattern(activities) if pattern is None else pattern
    if not 0 <= chosen < len(scans.maps):
        raise InputError(f"region {name}: pattern {chosen} is none of the {len(scans.maps)} scans (from 0, by time)")
    if tia_MBq_h == 0:
        return ScaledRegion(name, 0.0, scans.hours[chosen], 0.0, stated.source), chosen
    if activities[chosen] <= 0:
        raise InputError(
            f"region {name}: {activities[chosen]:.4g} MBq at {scans.hours[chosen]:.4g} h give no pattern for "
            f"{tia_MBq_h:.4g} MBq h; choose another scan"
        )
    return ScaledRegion(name, tia_MBq_h, scans.hours[chosen], tia_MBq_h / activities[chosen], stated.source), chosen


def _with_shared(how: ScaledRegion, region: Region, values: FloatArray) -> ScaledRegion:
    held = region.weighted_sum(values) * region.grid.voxel_volume_mL
    return replace(how, volume_mL=region.volume_mL, shared_MBq_h=how.time_integrated_activity_MBq_h - held)


def _remainder(
    scans: SessionScans, remainder: Remainder, in_regions: Sequence[Sequence[float]], nuclide: Nuclide | None
) -> tuple[FloatArray, tuple[ScaledRegion, ...], HeldClearance | None, tuple[str, ...]]:
    if isinstance(remainder, RemainderLeftOut):
        empty = np.zeros(scans.grid.shape, dtype=np.float32)
        return empty, (), None, (f"nothing outside the regions: {remainder.because}",)
    if isinstance(remainder, RemainderVoxelWise):
        if nuclide is None:
            raise InputError("a remainder fitted voxel by voxel needs the nuclide; give it")
        values, held = voxel_wise_values(scans, nuclide)
        return values, (), held, (f"outside the regions: {held.text}",)
    left = [
        whole - math.fsum(of[number] for of in in_regions) for number, whole in enumerate(scans.total_activities_MBq())
    ]
    scaled, chosen = _scaling(scans, "remainder", left, remainder)
    values = scans.maps[chosen].activity_Bq_per_mL * np.float32(scaled.factor_h * 1e-6)
    return values, (scaled,), None, (f"remainder: {remainder.note}",) if remainder.note else ()


def region_wise_tia_map(
    scans: SessionScans, regions: Sequence[RegionTia], *, remainder: Remainder, nuclide: Nuclide | None = None
) -> TimeIntegratedActivityMap:
    """Time-integrated activity map whose regions hold exactly their stated totals.

    Within a region the concentrations of one scan are multiplied by one factor, time-integrated activity over the
    activity at that scan: assumes that all parts of a region have the same kinetics. A voxel that belongs to a region
    by 0.3 takes 0.3 of the region's value and 0.7 of the others' or the remainder's.

    Parameters
    ----------
    remainder
        What the voxels outside the regions get; never nothing by default.
    nuclide
        Needed for a remainder fitted voxel by voxel.

    Raises
    ------
    InputError
        If regions overlap, are empty or on another grid, two have one name, or the pattern scan holds no activity in
        a region that has a time-integrated activity.
    """
    names = [one.region.name for one in regions]
    if len(set(names)) != len(names):
        raise InputError(f"regions {sorted({n for n in names if names.count(n) > 1})} are given twice")
    activities = [scans.region_activities_MBq(one.region) for one in regions]
    cover = covered_box([one.region for one in regions], scans.grid) if regions else None
    values, scaled, held, notes = _remainder(scans, remainder, activities, nuclide)
    if cover is not None:
        box, covered = cover
        np.subtract(1, covered, out=covered)
        np.clip(covered, 0, 1, out=covered)
        values[box] *= covered
        del cover, covered
    found: list[ScaledRegion] = []
    for one, of in zip(regions, activities, strict=True):
        how, chosen = _scaling(scans, one.region.name, of, one)
        part = scans.maps[chosen].activity_Bq_per_mL[one.region.box()] * one.region.weights
        part *= np.float32(how.factor_h * 1e-6)
        values[one.region.box()] += part
        found.append(how)
        notes += (f"{one.region.name}: {one.note}",) if one.note else ()
    # Only now the map holds what the neighbours put into shared voxels.
    scaled += tuple(_with_shared(how, one.region, values) for how, one in zip(found, regions, strict=True))
    rule = "most counts" if scans.counts_known else "highest activity at scan time (counts not known)"
    return TimeIntegratedActivityMap(
        grid=scans.grid,
        MBq_h_per_mL=values,
        nuclide=scans.nuclide,
        scaled=scaled,
        held=held,
        notes=notes,
        trace=Trace(
            method="dosimetry.region_wise_tia_map",
            version=VERSION,
            inputs={
                **scans.trace_inputs,
                "pattern": f"given:{rule}, where no scan was chosen",
                **{
                    f"region {s.region}": f"{s.source}{s.time_integrated_activity_MBq_h!r} MBq h "
                    f"on the pattern at {s.pattern_hours!r} h"
                    for s in scaled
                },
                **{f"outline {one.region.name}": one.region.source.content_hash for one in regions},
            },
            demonstration=tuple(
                sorted(
                    {clause for one in regions for clause in one.demonstration}
                    | set(remainder.demonstration if isinstance(remainder, RemainderTia) else ())
                )
            ),
        ),
    )


def voxel_wise_tia_map(scans: SessionScans, nuclide: Nuclide) -> TimeIntegratedActivityMap:
    """Time-integrated activity map in which each voxel has its own exponential through the scans.

    Assumes one exponential from administration on and scans registered to a fraction of a voxel. A voxel whose fit is
    slower than physical decay is held to physical decay, and one with a value that is not positive is given physical
    decay through its mean; both are counted in `held` and never silent.

    Raises
    ------
    InputError
        If there are fewer than two scans, or they are of another nuclide.
    """
    values, held = voxel_wise_values(scans, nuclide)
    return TimeIntegratedActivityMap(
        grid=scans.grid,
        MBq_h_per_mL=values,
        nuclide=scans.nuclide,
        scaled=(),
        held=held,
        notes=(held.text,),
        trace=Trace(
            method="dosimetry.voxel_wise_tia_map",
            version=VERSION,
            inputs={**scans.trace_inputs, "nuclide": nuclide.source},
        ),
    )
