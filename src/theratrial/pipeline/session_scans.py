"""The scans of a session as activity maps with the regions drawn on them, and the activity of every region."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import numpy as np

from theratrial.dosimetry import RegionActivity, region_activity
from theratrial.dosimetry.uncertainty.recovery import NO_RECOVERY, RecoveryAtVolume
from theratrial.errors import InputError, NumericalError
from theratrial.imaging.merge import merged_region
from theratrial.imaging.regions import placeable_regions, region_names
from theratrial.imaging.spect import SpectCalibration, activity_map_from_files
from theratrial.imaging.values import ActivityMap, Region
from theratrial.nuclides import Nuclide, nuclide_name
from theratrial.pipeline.matching import PlannedImage
from theratrial.pipeline.traces import with_inputs
from theratrial.protocol.schema import DoseRegion, DosimetryPlan, Protocol
from theratrial.quantification.recovery import RecoveryPoint, recovery_curve
from theratrial.quantification.recovery_regions import recovered_regions, resolution_of_spheres
from theratrial.trialfolder.records import Row, TrialFolder


@dataclass(frozen=True, slots=True)
class SessionScan:
    """One scan of the session as activity, with the regions drawn on it."""

    image: PlannedImage
    activity: ActivityMap
    regions: Mapping[str, Region]
    """Lower-case name -> region."""
    unplaced: Mapping[str, str]
    """Lower-case name -> why the region cannot be put on this scan."""
    calibration: str
    """Line of the calibration; empty where the image states its activity itself."""

    def inputs(self, parts: Iterable[str]) -> dict[str, str]:
        """What the activity of a region made of these drawn ones was read from."""
        found = {"image": self.activity.source.content_hash, "repeatability": "protocol:dosimetry"}
        for part in parts:
            found[f"region {part}"] = f"{self.regions[part].source.content_hash}#{self.regions[part].name}"
        if self.calibration and "calibration" in self.activity.trace.inputs:
            found["calibration"] = self.calibration
        if self.image.assigned is not None:
            found["assignment"] = self.image.assigned.source
        return found


def _calibration(folder: TrialFolder, image: PlannedImage, nuclide: Nuclide) -> tuple[SpectCalibration | None, str]:
    """The latest calibration of the camera that holds on the day of the scan, and its line; None where none does."""
    assert image.series is not None
    assert image.acquired_at is not None
    day = image.acquired_at.date()
    fitting = [
        row
        for row in folder.rows("calibrations", kind="spect")
        if row["camera"].casefold() == image.series.station_name.casefold()
        and row["valid_from"] <= day
        and nuclide_name(row["nuclide"]) == nuclide.name
    ]
    row = max(fitting, key=lambda one: one["valid_from"], default=None)
    if row is None:
        return None, ""
    calibration = SpectCalibration(
        calibration_id=row["calibration_id"],
        camera=row["camera"],
        nuclide=nuclide.name,
        factor_cps_per_MBq=row["factor_cps_per_MBq"],
        relative_sd_fraction=row["relative_sd_percent"] / 100,
        valid_from=row["valid_from"],
        geometry=row["geometry"] or "",
    )
    return calibration, row.source


def session_scan(folder: TrialFolder, image: PlannedImage, nuclide: Nuclide) -> SessionScan:
    """A scan of the session as activity, with the regions drawn on it.

    Raises
    ------
    InputError
        The image cannot become activity, or a region is drawn twice on it.
    """
    assert image.series is not None
    calibration, line = _calibration(folder, image, nuclide)
    activity = activity_map_from_files(image.series.files, calibration, folder.zone)
    regions: dict[str, Region] = {}
    absent: dict[str, str] = {}
    for drawn in image.regions:
        for path in drawn.files:
            wanted = [name for name in region_names(path) if _is_wanted(folder.protocol, name)]
            placed, problems = placeable_regions(path, activity.grid, wanted, patient_id=image.series.patient_id)
            absent.update({name.casefold(): why for name, why in problems.items()})
            for region in placed:
                if region.name.casefold() in regions:
                    raise InputError(
                        f"{path}: region {region.name!r} is drawn twice on {image.plan.title} of "
                        f"{image.series.patient_id} -> keep one"
                    )
                regions[region.name.casefold()] = region
    return SessionScan(image, activity, regions, absent, line)


def _is_wanted(protocol: Protocol, name: str) -> bool:
    patterns = [
        pattern.casefold()
        for clause in protocol.dose_regions.values()
        if clause.reading is not None
        for pattern in clause.reading.region_names
    ]
    return any(fnmatchcase(name.casefold(), pattern) for pattern in patterns)


def result_names(reading: DoseRegion, scans: Sequence[SessionScan]) -> dict[str, tuple[str, ...]]:
    """Result name -> names of the drawn regions it is made of; a pattern with ``*`` gives one result per match."""
    patterns = [name.casefold() for name in reading.region_names]
    if reading.kind == "organ" and not any("*" in pattern for pattern in patterns):
        return {reading.id: tuple(patterns)}
    drawn = sorted({name for scan in scans for name in (*scan.regions, *scan.unplaced)})
    return {name: (name,) for name in drawn if any(fnmatchcase(name, pattern) for pattern in patterns)}


@dataclass(frozen=True, slots=True, eq=False)
class SeenRegion:
    """A region on one scan and its activity, recovery applied where the protocol says so."""

    scan: SessionScan
    region: Region
    activity: RegionActivity
    measured_MBq: float
    """Before recovery."""
    recovery: RecoveryAtVolume
    """`NO_RECOVERY` where none is applied."""


def seen_regions(
    folder: TrialFolder, scans: Sequence[SessionScan], wanted: Mapping[str, tuple[DoseRegion, tuple[str, ...]]]
) -> tuple[dict[str, list[SeenRegion]], dict[str, list[str]]]:
    """Of every wanted region the scans that show it, and why the others do not.

    Parameters
    ----------
    wanted
        Result name -> its dose region and the drawn regions it is made of.
    """
    plan = folder.protocol.dosimetry.reading
    assert plan is not None
    found: dict[str, list[SeenRegion]] = {name: [] for name in wanted}
    reasons: dict[str, list[str]] = {name: [] for name in wanted}
    for scan in scans:
        title = scan.image.plan.title
        merged: dict[str, Region] = {}
        for name, (_, parts) in wanted.items():
            if absent := [part for part in parts if part not in scan.regions]:
                whys = [scan.unplaced.get(part, f"region {part} is not drawn") for part in absent]
                reasons[name].append(f"{title}: {'; '.join(whys)}")
            else:
                merged[name] = merged_region(name, [scan.regions[part] for part in parts])
        measured: dict[str, SeenRegion] = {}
        for name, region in _without_overlap(merged, wanted).items():
            try:
                activity = region_activity(
                    scan.activity,
                    region,
                    repeatability_relative_sd=plan.repeatability_percent / 100,
                    minimum_inside_fraction=plan.minimum_inside_percent / 100,
                )
            except (InputError, NumericalError) as error:
                reasons[name].append(f"{title}: {error}")
                continue
            activity = replace(activity, trace=with_inputs(activity.trace, scan.inputs(wanted[name][1]), only=True))
            measured[name] = SeenRegion(scan, region, activity, activity.activity_MBq, NO_RECOVERY)
        recovered, lost = recovered_seen(folder, scan, measured, {name: parts for name, (_, parts) in wanted.items()})
        for name, why in lost.items():
            reasons[name].append(f"{title}: {why}")
        for name, seen in recovered.items():
            found[name].append(seen)
    return found, reasons


def _without_overlap(
    merged: Mapping[str, Region], wanted: Mapping[str, tuple[DoseRegion, tuple[str, ...]]]
) -> dict[str, Region]:
    """The regions with every voxel in one of them only: a lesion keeps its voxels, then the smaller region does."""
    if not merged:
        return {}
    order = sorted(merged, key=lambda name: (wanted[name][0].kind != "lesion", merged[name].volume_mL, name))
    taken = np.zeros(next(iter(merged.values())).grid.shape, dtype=np.float32)
    cut = {}
    for name in order:
        region = merged[name]
        weights = np.minimum(region.weights, np.clip(1 - taken[region.box()], 0, 1)).astype(np.float32)
        taken[region.box()] += weights
        cut[name] = replace(region, weights=weights)
    return {name: cut[name] for name in merged}


def recovered_seen(
    folder: TrialFolder,
    scan: SessionScan,
    measured: Mapping[str, SeenRegion],
    parts: Mapping[str, tuple[str, ...]],
) -> tuple[dict[str, SeenRegion], dict[str, str]]:
    """The regions of a scan with the recovery that the protocol asks for, and why some have none."""
    plan = folder.protocol.dosimetry.reading
    assert plan is not None
    if plan.recovery == "none" or not measured:
        return dict(measured), {}
    rows = _recovery_rows(folder, scan)
    if not rows:
        camera = scan.image.series.station_name if scan.image.series is not None else ""
        why = f"no line of records/recoveries.csv holds for camera {camera!r} and {scan.activity.nuclide} on that day"
        return {}, dict.fromkeys(measured, why)
    spheres = [RecoveryPoint(row["volume_mL"], row["coefficient"], row["relative_sd_percent"] / 100) for row in rows]
    inputs = {f"recovery of {row['volume_mL']:g} mL": row.source for row in rows}
    if plan.recovery == "spheres":
        return _by_spheres(scan, measured, parts, spheres, inputs)
    order = sorted(measured, key=lambda name: measured[name].region.volume_mL)
    found, left_out = recovered_regions(
        scan.activity, [measured[name].region for name in order], resolution_of_spheres(spheres)
    )
    lost = dict(left_out)
    kept = {}
    for one in found:
        seen = measured[one.region.name]
        recovery = RecoveryAtVolume(one.own_recovery, 0.0, one.relative_sd)
        corrected = _corrected(seen, one.activity_MBq, one.relative_sd, recovery, inputs)
        kept[one.region.name] = _with_noise_of_neighbours(corrected, one.weights, measured, plan)
    return {name: kept[name] for name in measured if name in kept}, lost


def _with_noise_of_neighbours(
    seen: SeenRegion, weights: Mapping[str, float], measured: Mapping[str, SeenRegion], plan: DosimetryPlan
) -> SeenRegion:
    """The region with the errors of all outlines that its recovered activity is made of.

    Parameters
    ----------
    weights
        Outline -> relative change of the recovered activity per relative change of what was measured in it; ``""`` for
        the rest of the body.
    """
    repeatability = plan.repeatability_percent / 100
    counting, repeat = [], []
    for name, weight in weights.items():
        activity = measured[name].activity if name in measured else None
        counting.append(weight * ((activity.counting_relative_sd if activity else None) or 0.0))
        repeat.append(weight * (activity.repeatability_relative_sd if activity else repeatability))
    known = seen.activity.counting_relative_sd is not None
    return replace(
        seen,
        activity=replace(
            seen.activity,
            counting_relative_sd=math.hypot(*counting) if known else None,
            repeatability_relative_sd=math.hypot(*repeat),
        ),
    )


def _recovery_rows(folder: TrialFolder, scan: SessionScan) -> list[Row]:
    """Lines of the latest recovery of the camera that holds on the day of the scan."""
    assert scan.image.series is not None
    assert scan.image.acquired_at is not None
    day, camera = scan.image.acquired_at.date(), scan.image.series.station_name.casefold()
    fitting = [
        row
        for row in folder.rows("recoveries")
        if row["camera"].casefold() == camera
        and nuclide_name(row["nuclide"]) == nuclide_name(scan.activity.nuclide)
        and row["valid_from"] <= day
    ]
    latest = max((row["valid_from"] for row in fitting), default=None)
    return [row for row in fitting if row["valid_from"] == latest]


def _by_spheres(
    scan: SessionScan,
    measured: Mapping[str, SeenRegion],
    parts: Mapping[str, tuple[str, ...]],
    spheres: Sequence[RecoveryPoint],
    inputs: Mapping[str, str],
) -> tuple[dict[str, SeenRegion], dict[str, str]]:
    curve = recovery_curve(
        spheres, curve_id="records/recoveries.csv", camera="", nuclide=scan.activity.nuclide, reconstruction=""
    )
    kept, lost = {}, {}
    for name, seen in measured.items():
        # Each drawn part is a body of its own: two kidneys lose more than one region of their joint volume.
        volumes_mL = [scan.regions[part].volume_mL for part in parts[name]]
        at = [curve.at(volume_mL) for volume_mL in volumes_mL]
        if unknown := [one.note for one in at if one.recovery is None]:
            lost[name] = unknown[0]
            continue
        shares = [volume_mL / sum(volumes_mL) for volume_mL in volumes_mL]
        inverse = sum(share / (one.recovery or 1.0) for share, one in zip(shares, at, strict=True))
        relative_sd = max(one.relative_sd for one in at)
        slope = sum(share * one.dln_recovery_dln_volume for share, one in zip(shares, at, strict=True))
        recovery = RecoveryAtVolume(1 / inverse, slope, relative_sd)
        kept[name] = _corrected(seen, seen.measured_MBq * inverse, relative_sd, recovery, inputs)
    return kept, lost


def _corrected(
    seen: SeenRegion, activity_MBq: float, relative_sd: float, recovery: RecoveryAtVolume, inputs: Mapping[str, str]
) -> SeenRegion:
    common = seen.activity.calibration_relative_sd
    activity = replace(
        seen.activity,
        activity_MBq=activity_MBq,
        # Shared by all scans, as the calibration is.
        calibration_relative_sd=None if common is None else math.hypot(common, relative_sd),
        trace=with_inputs(seen.activity.trace, inputs),
    )
    return replace(seen, activity=activity, recovery=recovery)
