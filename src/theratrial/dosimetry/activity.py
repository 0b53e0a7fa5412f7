"""Activity of a region at the time of a scan."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np

from theratrial.dosimetry.plan import checked_relative_sd
from theratrial.dosimetry.points import TimeActivityPoint
from theratrial.errors import InputError, NumericalError
from theratrial.imaging.values import ActivityMap, Region
from theratrial.trace import Trace

_VERSION: Final = "1"
_MINIMUM_INSIDE_FRACTION: Final = 0.98
"""Default share of a region inside the field of view; the protocol's value is given by the caller."""


@dataclass(frozen=True, slots=True)
class RegionActivity:
    """Activity of a region at scan time, its volume, and their relative standard deviations."""

    region: str
    activity_MBq: float
    volume_mL: float
    acquired_at: datetime
    nuclide: str
    counting_relative_sd: float | None
    """From the counts in the region; None where the series does not say how many counts a Bq/mL is."""
    repeatability_relative_sd: float
    calibration_relative_sd: float | None
    """Common to all scans of the camera; None means not known."""
    inside_fraction: float
    content_hash: str
    trace: Trace

    @property
    def uncorrelated_relative_sd(self) -> float:
        """Counting noise, where known, and repeatability: independent from scan to scan."""
        return math.hypot(self.counting_relative_sd or 0.0, self.repeatability_relative_sd)

    def point(self, *, administered_at: datetime) -> TimeActivityPoint:
        """This activity as a point of a curve.

        Raises
        ------
        InputError
            If the scan is before the administration, or the administration's time lacks its time zone.
        NumericalError
            If the noise exceeds the activity.
        """
        if administered_at.tzinfo is None:
            raise InputError("the time of an administration carries its time zone")
        # Through UTC: two times of one zone would be subtracted as clock readings, also over a change of the clocks.
        hours = (self.acquired_at.astimezone(UTC) - administered_at.astimezone(UTC)).total_seconds() / 3600
        if hours < 0:
            raise InputError(
                f"region {self.region}: scan of {self.acquired_at.isoformat()} is {-hours:.2f} h before the "
                f"administration of {administered_at.isoformat()}; check both times and their zones"
            )
        if self.uncorrelated_relative_sd > 1:
            raise NumericalError(
                f"region {self.region}: the noise of its activity is {self.uncorrelated_relative_sd:.0%}; "
                "too few counts for a point of a curve"
            )
        return TimeActivityPoint(
            hours_after_administration=hours,
            activity_MBq=self.activity_MBq,
            uncorrelated_relative_sd=self.uncorrelated_relative_sd,
            common_relative_sd=self.calibration_relative_sd,
            source=self.content_hash,
            nuclide=self.nuclide,
        )


def _require_fit(activity_map: ActivityMap, region: Region, minimum_inside_fraction: float) -> None:
    grid, other = region.grid, activity_map.grid
    uids = grid.frame_of_reference_uid, other.frame_of_reference_uid
    if all(uids) and uids[0] != uids[1]:
        raise InputError(
            f"region {region.name} is drawn in frame of reference {uids[0]}, the scan is in {uids[1]}; "
            "use the region drawn on this scan, or register the scans first"
        )
    if not grid.same_place(other):
        raise InputError(f"region {region.name} is on another grid than the scan; put it on the scan's grid first")
    if not region.weights.size or float(region.weights.max()) <= 0:
        raise InputError(f"region {region.name} is empty; its outline encloses no voxel of the scan")
    if region.inside_fraction < minimum_inside_fraction:
        raise NumericalError(
            f"region {region.name}: only {region.inside_fraction:.1%} of it lie inside the field of view, at least "
            f"{minimum_inside_fraction:.1%} are needed; its activity is undetermined at this scan"
        )


def region_activity(
    activity_map: ActivityMap,
    region: Region,
    *,
    repeatability_relative_sd: float,
    minimum_inside_fraction: float = _MINIMUM_INSIDE_FRACTION,
) -> RegionActivity:
    """Activity [MBq] of a region at the time of the scan, with what is known of its uncertainty.

    Assumes that the region is on the map's grid and that the map is calibrated. Nothing is added for the part of a
    region outside the field of view; beyond the tolerance the activity is undetermined, not smaller.

    Parameters
    ----------
    repeatability_relative_sd
        Scan-to-scan relative standard deviation beyond counting noise, from the protocol.
    minimum_inside_fraction
        Least share of the region's volume inside the field of view.

    Raises
    ------
    InputError
        If the region is empty, on another grid or frame of reference, or the map has voxels that are not numbers in it.
    NumericalError
        If too much of the region is outside the field of view, or its total activity is negative.

    Notes
    -----
    Counting noise is that of raw counts, ``sqrt(sum w^2 n) / sum w n``; see ``docs/methods/time_activity.md``.
    """
    checked_relative_sd(repeatability_relative_sd, "repeatability")
    _require_fit(activity_map, region, minimum_inside_fraction)
    values = activity_map.activity_Bq_per_mL
    activity_Bq = region.weighted_sum(values) * activity_map.grid.voxel_volume_mL
    if not math.isfinite(activity_Bq):
        raise InputError(f"region {region.name}: the scan has voxels that are not numbers inside it")
    if activity_Bq < 0:
        raise NumericalError(
            f"region {region.name}: total activity is negative ({activity_Bq:.4g} Bq); check the scan's corrections"
        )
    return RegionActivity(
        region=region.name,
        activity_MBq=activity_Bq * 1e-6,
        volume_mL=region.volume_mL,
        acquired_at=activity_map.acquired_at,
        nuclide=activity_map.nuclide,
        counting_relative_sd=_counting_relative_sd(activity_map, region),
        repeatability_relative_sd=repeatability_relative_sd,
        calibration_relative_sd=activity_map.calibration_relative_sd,
        inside_fraction=region.inside_fraction,
        content_hash=activity_map.source.content_hash,
        trace=Trace(
            method="dosimetry.region_activity",
            version=_VERSION,
            inputs={
                "image": activity_map.source.content_hash,
                "region": f"{region.source.content_hash}#{region.name}",
                "repeatability_relative_sd": f"given:{repeatability_relative_sd:g}",
            },
            demonstration=activity_map.trace.demonstration,
        ),
    )


def _counting_relative_sd(activity_map: ActivityMap, region: Region) -> float | None:
    counts_per_Bq_per_mL = activity_map.counts_per_Bq_per_mL
    if counts_per_Bq_per_mL is None:
        return None
    if not (math.isfinite(counts_per_Bq_per_mL) and counts_per_Bq_per_mL > 0):
        raise InputError(f"counts without calibration: {counts_per_Bq_per_mL} counts per Bq/mL is no sensitivity")
    values = activity_map.activity_Bq_per_mL[region.box()]
    total = region.weighted_sum(activity_map.activity_Bq_per_mL) * counts_per_Bq_per_mL
    squares = np.einsum("zyx,zyx,zyx->", values, region.weights, region.weights, dtype=np.float64)
    variance = float(squares) * counts_per_Bq_per_mL
    # A reconstruction may hold negative voxels; without net counts there is no counting noise to state.
    return math.sqrt(variance) / total if total > 0 and variance > 0 else None
