"""The regions of one patient's images and their activities: as drawn, or carried over by registration."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path

import numpy as np

from theratrial.dosimetry import RegionActivity, region_activity
from theratrial.dosimetry.voxel.overlap import without_overlap
from theratrial.errors import InputError, NumericalError, Problem, Problems
from theratrial.imaging.regions import regions_from_file
from theratrial.imaging.values import ActivityMap, Region
from theratrial.pipeline.dose_images import DoseImages, GivenImage
from theratrial.pipeline.dose_methods import DoseMethods, name_key
from theratrial.pipeline.dose_values import DoseSettings, ImageActivity, RegistrationShown, image_activity
from theratrial.quantification.recovery import recovery_curve
from theratrial.quantification.recovery_regions import recovered_regions, resolution_of_spheres
from theratrial.trace import Trace

_OVERLAP_mL = 0.01
"""Overlap below this is rounding of memberships."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, eq=False)
class OnImage:
    """Activities of the regions of one image, and why some have none."""

    image: ImageActivity
    activities: Mapping[str, RegionActivity]
    reasons: Mapping[str, str]
    titles: Mapping[str, str]
    """Key -> name as drawn."""
    regions: Mapping[str, Region]
    """On the image's grid, cut where they shared voxels."""
    own_recovery: Mapping[str, float]
    """Share of its own activity that a region's outline shows; only where recovery was applied."""
    activity: ActivityMap | None
    """Kept only where a dose map or a registration needs it."""
    carried: frozenset[str] = field(default_factory=frozenset)
    """Keys of regions that were drawn on another image."""


def drawn_regions(given: GivenImage, activity: ActivityMap) -> tuple[dict[str, Region], dict[str, str]]:
    """Key -> region and key -> name, of everything drawn for an image.

    Raises
    ------
    InputError
        If a file cannot be placed, or a region is drawn twice.
    """
    titles: dict[str, str] = {}
    regions: dict[str, Region] = {}
    places: dict[str, Path] = {}
    for path in given.region_files:
        for region in regions_from_file(path, activity.grid, patient_id=activity.source.patient_id or None):
            key = name_key(region.name)
            if key in titles:
                raise Problems(
                    f"regions of {given.path}",
                    [Problem(str(path), f"region {region.name!r} is also drawn in {places[key]}", "give one of them")],
                )
            titles[key], places[key], regions[key] = region.name, path, region
    return regions, titles


def shared_mL(one: Region, other: Region) -> float:
    """Volume that two regions on one grid both hold: memberships beyond one in a voxel [mL]."""
    slices = []
    for a, b in zip(one.box(), other.box(), strict=True):
        low, high = max(a.start, b.start), min(a.stop, b.stop)
        if low >= high:
            return 0.0
        slices.append((low, high, a.start, b.start))
    first = one.weights[tuple(slice(low - a, high - a) for low, high, a, _ in slices)]
    second = other.weights[tuple(slice(low - b, high - b) for low, high, _, b in slices)]
    return float(np.clip(first + second - 1, 0, None).sum(dtype=np.float64)) * one.grid.voxel_volume_mL


def apart(regions: Mapping[str, Region], path: Path, methods: DoseMethods) -> tuple[dict[str, Region], list[str]]:
    """The regions so that no voxel counts twice, and what was cut.

    Raises
    ------
    InputError
        If regions share voxels and nobody said what to do; names both, the volume and the remedy.
    """
    filled = {key: region for key, region in regions.items() if region.weights.size}
    shares = [(a, b, shared_mL(filled[a], filled[b])) for a, b in combinations(filled, 2)]
    shares = [share for share in shares if share[2] > _OVERLAP_mL]
    if not shares:
        return dict(regions), []
    if methods.overlap == "refuse":
        a, b, volume_mL = max(shares, key=lambda share: share[2])
        more = f" ({len(shares) - 1} more pairs overlap)" if len(shares) > 1 else ""
        raise InputError(
            f"{path}: regions {regions[a].name} and {regions[b].name} overlap by {volume_mL:.3g} mL{more}; that "
            "activity would count twice -> --overlap cut takes it from the larger, or draw them apart"
        )
    order = sorted(filled, key=lambda key: filled[key].volume_mL)
    cut = dict(zip(order, without_overlap([filled[key] for key in order]), strict=True))
    notes = [
        f"{path}: {regions[max((a, b), key=lambda k: filled[k].volume_mL)].name} yields {volume_mL:.3g} mL to "
        f"{regions[min((a, b), key=lambda k: filled[k].volume_mL)].name}"
        for a, b, volume_mL in shares
    ]
    return {key: cut.get(key, region) for key, region in regions.items()}, notes


def measured_images(
    found: DoseImages, settings: DoseSettings, methods: DoseMethods, progress: Progress
) -> tuple[list[OnImage], tuple[RegistrationShown, ...], list[str]]:
    """Every image as activity and measured; images are kept in memory only where something needs them later.

    Raises
    ------
    InputError
        See `patient_doses`.
    NumericalError
        If a registration is refused.
    """
    notes: list[str] = []
    measured: list[OnImage] = []
    for given in found.images:
        progress(f"reading {given.path}")
        activity = given.activity_map(found, settings)
        regions, titles = drawn_regions(given, activity)
        image = image_activity(given, activity)
        measured.append(_measured(image, activity, regions, titles, settings, methods, notes))
    shown: tuple[RegistrationShown, ...] = ()
    if methods.register:
        shown = _carry(measured, settings, methods, notes, progress)
    pattern = reference_image(measured) if "voxel" in methods.engines else None
    measured = [one if n == pattern else replace(one, activity=None) for n, one in enumerate(measured)]
    return measured, shown, notes


def _measured(
    image: ImageActivity,
    activity: ActivityMap,
    regions: Mapping[str, Region],
    titles: Mapping[str, str],
    settings: DoseSettings,
    methods: DoseMethods,
    notes: list[str],
) -> OnImage:
    alone, cuts = apart(regions, image.path, methods)
    notes += cuts
    activities: dict[str, RegionActivity] = {}
    reasons: dict[str, str] = {}
    for key, region in alone.items():
        try:
            activities[key] = region_activity(
                activity,
                region,
                repeatability_relative_sd=settings.repeatability_relative_sd,
                minimum_inside_fraction=settings.minimum_inside_fraction,
            )
        except NumericalError as error:
            reasons[key] = str(error)
    recoveries: dict[str, float] = {}
    if methods.recovery:
        activities, recoveries, lost = recovered(activity, alone, activities, methods)
        reasons |= lost
    kept = activity if methods.needs_map else None
    return OnImage(image, activities, reasons, dict(titles), alone, recoveries, kept)


def recovered(
    activity: ActivityMap,
    regions: Mapping[str, Region],
    activities: Mapping[str, RegionActivity],
    methods: DoseMethods,
) -> tuple[dict[str, RegionActivity], dict[str, float], dict[str, str]]:
    """Activities mended by the measured spheres, each region's own recovery, and why some have none."""
    found: dict[str, RegionActivity] = {}
    own: dict[str, float] = {}
    lost: dict[str, str] = {}
    if methods.recovery == "regions":
        order = sorted(activities, key=lambda key: regions[key].volume_mL)
        named = [replace(regions[key], name=key) for key in order]
        resolution = resolution_of_spheres(methods.recovery_points)
        mended, left_out = recovered_regions(activity, named, resolution)
        lost = dict(left_out)
        for one in mended:
            key = one.region.name
            own[key] = one.own_recovery
            found[key] = _mended(activities[key], one.activity_MBq, one.relative_sd, methods)
        return {key: found[key] for key in activities if key in found}, own, lost
    curve = recovery_curve(
        methods.recovery_points, curve_id="given", camera="", nuclide=activity.nuclide, reconstruction=""
    )
    for key, measured in activities.items():
        at = curve.of(regions[key])
        if at.recovery is None:
            lost[key] = at.note
            continue
        own[key] = at.recovery
        found[key] = _mended(measured, measured.activity_MBq / at.recovery, at.relative_sd, methods)
    return found, own, lost


def _mended(activity: RegionActivity, activity_MBq: float, relative_sd: float, methods: DoseMethods) -> RegionActivity:
    common = activity.calibration_relative_sd
    trace = activity.trace
    inputs = {**trace.inputs, "recovery": f"{methods.recovery_source}#{methods.recovery}"}
    return replace(
        activity,
        activity_MBq=activity_MBq,
        # Shared by all scans, as the calibration is.
        calibration_relative_sd=None if common is None else math.hypot(common, relative_sd),
        trace=Trace(trace.method, trace.version, inputs, demonstration=trace.demonstration),
    )


def _carry(
    measured: list[OnImage], settings: DoseSettings, methods: DoseMethods, notes: list[str], progress: Progress
) -> tuple[RegistrationShown, ...]:
    """Regions that an image lacks, laid on it from the first image that shows them; in place."""
    from theratrial.quantification.registration import rigid_registration
    from theratrial.quantification.resampling import resampled_region

    shown: list[RegistrationShown] = []
    drawn = [dict(one.regions) for one in measured]
    titles = {key: title for one in reversed(measured) for key, title in one.titles.items()}
    for number, one in enumerate(measured):
        lacking = [key for key in titles if key not in one.titles]
        homes = {key: next(n for n, regions in enumerate(drawn) if key in regions) for key in lacking}
        added: dict[str, Region] = {}
        for home in sorted(set(homes.values())):
            fixed, moving = one.activity, measured[home].activity
            assert fixed is not None
            assert moving is not None
            progress(f"registering {measured[home].image.path} to {one.image.path}")
            found = rigid_registration(fixed, moving)
            shown.append(
                RegistrationShown(
                    fixed=one.image.path,
                    moving=measured[home].image.path,
                    shift_mm=found.shift_mm,
                    rotation_deg=found.rotation_deg,
                    correlation_before=found.correlation_before,
                    correlation_after=found.correlation_after,
                    round_trip_mm=found.round_trip_mm,
                    overlap_fraction=found.overlap_fraction,
                    warnings=found.warnings,
                )
            )
            try:
                transform = found.accepted()
            except NumericalError as error:
                raise NumericalError(f"{measured[home].image.path} onto {one.image.path}: {error}") from None
            for key in (key for key in lacking if homes[key] == home):
                added[key] = resampled_region(drawn[home][key], fixed.grid, transform)
        if not added:
            continue
        assert one.activity is not None
        all_regions = {**one.regions, **added}
        names = {**one.titles, **{key: titles[key] for key in added}}
        # A region cut apart on its own scan stays so after moving but for interpolation: cut again, without a word.
        again = replace(methods, overlap="cut")
        measured[number] = replace(
            _measured(one.image, one.activity, all_regions, names, settings, again, []), carried=frozenset(added)
        )
        carried = ", ".join(titles[key] for key in added)
        notes.append(f"{one.image.path}: {carried} carried over by registration, not drawn on it")
    return tuple(shown)


def left_in_field_MBq(one: OnImage) -> float:
    """Activity of an image outside its measured regions [MBq]; recovery moves activity, it makes none."""
    return one.image.in_field_activity_MBq - math.fsum(a.activity_MBq for a in one.activities.values())


def reference_image(measured: Sequence[OnImage]) -> int:
    """Position of the image that shows most regions, of those the one with most activity: it has the least noise."""
    return max(
        range(len(measured)), key=lambda n: (len(measured[n].activities), measured[n].image.in_field_activity_MBq)
    )
