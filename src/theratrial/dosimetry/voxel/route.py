"""The voxel route in one call: activity maps and regions of a session -> curves, map, dose map, region doses."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from theratrial.dosimetry.activity import region_activity
from theratrial.dosimetry.curve import time_activity_curve
from theratrial.dosimetry.plan import DosePlan
from theratrial.dosimetry.points import TimeActivityPoint
from theratrial.dosimetry.time_integrated import TimeIntegratedActivity, time_integrated_activity
from theratrial.dosimetry.transport.values import VoxelKernel
from theratrial.dosimetry.voxel.density import DensityMap
from theratrial.dosimetry.voxel.dose_map import AbsorbedDoseMap, RegionVoxelDose
from theratrial.dosimetry.voxel.engines import kernel_dose, local_deposition
from theratrial.dosimetry.voxel.scans import SessionScans
from theratrial.dosimetry.voxel.tia_map import (
    RegionTia,
    Remainder,
    RemainderTia,
    TimeIntegratedActivityMap,
    region_wise_tia_map,
)
from theratrial.errors import InputError
from theratrial.imaging.values import ActivityMap, Region
from theratrial.nuclides import Nuclide

REMAINDER: Final = "remainder"


@dataclass(frozen=True, slots=True)
class RouteRegion:
    """What the voxel route says about a region."""

    region: str
    tia: TimeIntegratedActivity
    dose: RegionVoxelDose | None
    """None where the region's time-integrated activity has no value: its dose is undetermined."""
    because: str
    """Determinacy of the curve and why; for a region without a value also what stood in for it."""


@dataclass(frozen=True, slots=True, eq=False)
class VoxelRoute:
    """Result of the voxel route."""

    regions: Mapping[str, RouteRegion]
    tia_map: TimeIntegratedActivityMap
    dose_map: AbsorbedDoseMap


def session_scans(maps: Sequence[ActivityMap], *, administered_at: datetime) -> SessionScans:
    """The maps of a session with their hours after administration.

    Raises
    ------
    InputError
        If the administration lacks its time zone, a scan is before it, or see `SessionScans`.
    """
    if administered_at.tzinfo is None:
        raise InputError("the time of an administration carries its time zone")
    # Through UTC: two times of one zone would be subtracted as clock readings, also over a change of the clocks.
    start = administered_at.astimezone(UTC)
    hours = tuple((one.acquired_at.astimezone(UTC) - start).total_seconds() / 3600 for one in maps)
    return SessionScans(tuple(maps), hours)


def _stand_in_MBq_h(activities: Sequence[float], hours: Sequence[float], nuclide: Nuclide) -> float:
    """Physical decay alone through the last scan, from administration to infinity [MBq h]."""
    physical = nuclide.decay_constant_per_h
    return max(activities[-1], 0.0) * math.exp(physical * hours[-1]) / physical


def _remainder_points(
    scans: SessionScans, regions: Sequence[Region], repeatability: float, activities: Mapping[str, Sequence[float]]
) -> list[TimeActivityPoint]:
    found = []
    for number, whole in enumerate(scans.total_activities_MBq()):
        left = whole - math.fsum(activities[region.name][number] for region in regions)
        if left < 0:
            raise InputError(
                f"the regions hold {-left:.4g} MBq more than the scan at {scans.hours[number]:.4g} h; do they overlap?"
            )
        found.append(
            TimeActivityPoint(
                hours_after_administration=scans.hours[number],
                activity_MBq=left,
                uncorrelated_relative_sd=repeatability,
                common_relative_sd=scans.maps[number].calibration_relative_sd,
                source=scans.maps[number].source.content_hash,
                nuclide=scans.nuclide,
            )
        )
    return found


def _fitted(
    points: Sequence[TimeActivityPoint], nuclide: Nuclide, plan: DosePlan, administered_MBq: float
) -> TimeIntegratedActivity:
    curve = time_activity_curve(points, nuclide, plan, administered_activity_MBq=administered_MBq)
    return time_integrated_activity(curve, plan, administered_activity_MBq=administered_MBq)


def voxel_route(
    maps: Sequence[ActivityMap],
    regions: Sequence[Region],
    *,
    administered_at: datetime,
    administered_activity_MBq: float,
    nuclide: Nuclide,
    plan: DosePlan,
    repeatability_relative_sd: float,
    kernel: VoxelKernel | None = None,
    density_g_per_mL: float | None = None,
    density: DensityMap | None = None,
    tias: Mapping[str, TimeIntegratedActivity] | None = None,
    remainder: Remainder | None = None,
    parts: bool = False,
    workers: int = 1,
) -> VoxelRoute:
    """Curves, time-integrated activity map, dose map and region doses of a session.

    Each region's curve is that of `time_activity_curve`, or what the caller made by another method (`tias`). A region
    whose time-integrated activity has no value (rising, one scan) has no dose; so that its neighbours still receive
    its radiation, physical decay alone through its last scan stands in for it in the map, and is named.

    Parameters
    ----------
    maps
        Of one session, on one grid, in any order.
    regions
        Not overlapping (`without_overlap`), on that grid.
    repeatability_relative_sd
        Scan-to-scan relative standard deviation of a region's activity, from the protocol.
    kernel
        For the kernel engine; None takes local deposition, which needs `density_g_per_mL` or `density`.
    tias
        Region name (or ``remainder``) -> its time-integrated activity by another method; the rest is fitted here.
    remainder
        How voxels outside the regions are treated; None: like a region, with its own curve.

    Raises
    ------
    InputError
        Naming the region, the value and the remedy; `density_g_per_mL` together with a kernel is refused, because the
        kernel has its own medium.

    See Also
    --------
    region_wise_tia_map, kernel_dose, local_deposition : the steps.
    """
    if kernel is not None and density_g_per_mL is not None:
        raise InputError("a kernel brings the density of its medium; give a density map to weight it, not one number")
    scans = session_scans(maps, administered_at=administered_at)
    given = dict(tias or {})
    if unknown := set(given) - {region.name for region in regions} - {REMAINDER}:
        raise InputError(f"time-integrated activities of {sorted(unknown)} are given, but no such region")
    activities: dict[str, tuple[float, ...]] = {}
    found: dict[str, TimeIntegratedActivity] = {}
    for region in regions:
        measured = [
            region_activity(one, region, repeatability_relative_sd=repeatability_relative_sd) for one in scans.maps
        ]
        activities[region.name] = tuple(one.activity_MBq for one in measured)
        found[region.name] = given.get(region.name) or _fitted(
            [one.point(administered_at=administered_at) for one in measured], nuclide, plan, administered_activity_MBq
        )
    sources = []
    because = {name: f"{tia.determinacy}: {tia.because}" for name, tia in found.items()}
    for region in regions:
        value, note = _mapped(found[region.name], activities[region.name], scans, nuclide)
        because[region.name] += f"; {note}" if note else ""
        tia = found[region.name]
        sources.append(RegionTia(region, value, note=note, source=_source(tia), demonstration=tia.trace.demonstration))
    if remainder is None:
        points = _remainder_points(scans, regions, repeatability_relative_sd, activities)
        tia = given.get(REMAINDER) or _fitted(points, nuclide, plan, administered_activity_MBq)
        value, note = _mapped(tia, [point.activity_MBq for point in points], scans, nuclide)
        remainder = RemainderTia(value, note=note, source=_source(tia), demonstration=tia.trace.demonstration)
    tia_map = region_wise_tia_map(scans, sources, remainder=remainder, nuclide=nuclide)
    if kernel is None:
        dose_map = local_deposition(tia_map, nuclide, density_g_per_mL=density_g_per_mL, density=density)
    else:
        dose_map = kernel_dose(tia_map, kernel, density=density, parts=parts, workers=workers)
    return VoxelRoute(
        regions={
            region.name: RouteRegion(
                region=region.name,
                tia=found[region.name],
                dose=dose_map.region_dose(region)
                if found[region.name].time_integrated_activity_MBq_h is not None
                else None,
                because=because[region.name],
            )
            for region in regions
        },
        tia_map=tia_map,
        dose_map=dose_map,
    )


def _mapped(
    tia: TimeIntegratedActivity, activities: Sequence[float], scans: SessionScans, nuclide: Nuclide
) -> tuple[float, str]:
    """What goes into the map, and a note where it is not the region's own value."""
    if tia.time_integrated_activity_MBq_h is not None:
        return tia.time_integrated_activity_MBq_h, ""
    value = _stand_in_MBq_h(activities, scans.hours, nuclide)
    return value, f"{tia.determinacy}, in the map stands physical decay through the last scan ({value:.4g} MBq h)"


def _source(tia: TimeIntegratedActivity) -> str:
    return f"value:{tia.trace.method}@{tia.trace.version} "
