"""The scans of a session as activity maps with the regions drawn on them, and the activity of every region."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from theratrial.dosimetry import RegionActivity, region_activity
from theratrial.errors import InputError, NumericalError
from theratrial.imaging.merge import merged_region
from theratrial.imaging.regions import placeable_regions, region_names
from theratrial.imaging.spect import SpectCalibration, activity_map_from_files
from theratrial.imaging.values import ActivityMap, Region
from theratrial.nuclides import Nuclide, nuclide_name
from theratrial.pipeline.matching import PlannedImage
from theratrial.pipeline.traces import with_inputs
from theratrial.protocol.schema import DoseRegion, DosimetryPlan, Protocol
from theratrial.trialfolder.records import TrialFolder


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


def region_activities(
    scans: Sequence[SessionScan], name: str, parts: tuple[str, ...], plan: DosimetryPlan
) -> tuple[list[tuple[SessionScan, RegionActivity]], list[str]]:
    """The activity of a region at every scan that shows it, and why the others do not."""
    found, reasons = [], []
    for scan in scans:
        title = scan.image.plan.title
        absent = [part for part in parts if part not in scan.regions]
        if absent:
            whys = [scan.unplaced.get(part, f"region {part} is not drawn") for part in absent]
            reasons.append(f"{title}: {'; '.join(whys)}")
            continue
        try:
            merged = merged_region(name, [scan.regions[part] for part in parts])
            activity = region_activity(
                scan.activity,
                merged,
                repeatability_relative_sd=plan.repeatability_percent / 100,
                minimum_inside_fraction=plan.minimum_inside_percent / 100,
            )
        except NumericalError as error:
            reasons.append(f"{title}: {error}")
            continue
        found.append((scan, replace(activity, trace=with_inputs(activity.trace, scan.inputs(parts), only=True))))
    return found, reasons
