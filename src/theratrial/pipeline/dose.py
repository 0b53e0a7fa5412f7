"""One patient's images to absorbed doses, without a trial folder: the core of `theratrial dose`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from theratrial.dosimetry import DosePlan, RegionActivity, RegionDose, region_activity, region_dose, region_mass_g
from theratrial.errors import InputError, NumericalError, Problem, Problems
from theratrial.imaging.regions import regions_from_file
from theratrial.imaging.values import ActivityMap, Region
from theratrial.nuclides import Nuclide, nuclide
from theratrial.pipeline.dose_images import DoseImages, GivenImage, given_images
from theratrial.pipeline.dose_scenario import ScenarioDose, physical_tail
from theratrial.units import converted

_MOST_IN_FIELD = 1.2
"""More activity in the field of view than 1.2 times what can be left is a wrong unit, time or calibration."""


@dataclass(frozen=True, slots=True)
class DoseSettings:
    """What the images and the injection do not say; every default is an assumption that the result names.

    Parameters
    ----------
    nuclide
        Of images whose header names none; any spelling. Where the header names one, both must agree.
    calibration_cps_per_MBq
        Of images that hold counts (NM).
    calibration_relative_sd
        Relative standard deviation of the calibration of all images; None is not known, never zero.
    timezone
        Of clocks that state none, IANA name; empty: the injection's own, or all clocks are taken as the same.
    density_g_per_mL
        From volume to mass.
    repeatability_relative_sd
        Of a region's activity from scan to scan, beyond counting noise.
    """

    nuclide: str = ""
    calibration_cps_per_MBq: float | None = None
    calibration_relative_sd: float | None = None
    timezone: str = ""
    density_g_per_mL: float = 1.05
    density_source: str = "assumed: soft tissue, as muscle, liver and kidneys of ICRP Publication 110"
    repeatability_relative_sd: float = 0.05
    clearance_significance: float = 0.95
    maximum_extrapolated_fraction: float = 0.85
    model_relative_sd: float = 0.10
    minimum_inside_fraction: float = 0.98

    def plan(self) -> DosePlan:
        """As the dosimetry takes it."""
        return DosePlan(
            clearance_significance=self.clearance_significance,
            maximum_extrapolated_fraction=self.maximum_extrapolated_fraction,
            model_relative_sd=self.model_relative_sd,
            calibration_relative_sd=self.calibration_relative_sd,
            clause="given:settings of theratrial dose",
        )


@dataclass(frozen=True, slots=True)
class ImageActivity:
    """One image as activity."""

    path: Path
    series_instance_uid: str
    modality: str
    description: str
    acquired_at: datetime
    hours_after_injection: float
    in_field_activity_MBq: float
    """In the whole field of view, at the time of the scan."""
    in_field_activity_as_stored_MBq: float
    """As the file holds it, before its decay correction is undone."""
    stored_decay_correction: str
    stored_over_scan_time: float
    region_files: tuple[Path, ...]
    content_hash: str


@dataclass(frozen=True, slots=True)
class RegionPoint:
    """A region on one image."""

    image: int
    """Position of the image, from 0, in order of time."""
    hours_after_injection: float
    activity: RegionActivity


@dataclass(frozen=True, slots=True)
class RegionResult:
    """A region over all images; `dose` None where no image gives its activity."""

    name: str
    points: tuple[RegionPoint, ...]
    not_on: tuple[str, ...]
    """Images without its activity, and why."""
    mass_g: float | None
    dose: RegionDose | None
    scenario: ScenarioDose | None
    """Only where the curve gives no value: what `dose_scenario.SCENARIO` would give."""


@dataclass(frozen=True, slots=True)
class PatientDoses:
    """Images, regions and doses of one patient after one injection."""

    patient_id: str
    nuclide: Nuclide
    administered_activity_MBq: float
    injected_at: datetime
    settings: DoseSettings
    images: tuple[ImageActivity, ...]
    regions: tuple[RegionResult, ...]
    assumptions: tuple[str, ...]
    zone_known: bool
    """False where neither injection, nor images, nor settings state a time zone: then times are local clock times."""
    notes: tuple[str, ...] = ()


def patient_doses(
    images: Sequence[Path],
    regions: Sequence[Path],
    *,
    administered_activity_MBq: float,
    injected_at: datetime,
    settings: DoseSettings | None = None,
) -> PatientDoses:
    """Activity, curve, time-integrated activity and absorbed dose of every region drawn on one patient's images.

    Regions pair over the images by their name, spaces and capitals aside. A region file belongs to the images whose
    series it references, else to those of its frame of reference; an image without file takes those of its frame.

    Parameters
    ----------
    images
        Folders or files, one image each (PET or SPECT stored as PT, or reconstructed SPECT stored as NM).
    regions
        RTSTRUCT or SEG files, or folders with such.
    administered_activity_MBq
        At the time of injection, net of the residual [MBq].
    injected_at
        With or without time zone.

    Raises
    ------
    InputError
        If an image cannot become activity, was made before the injection or at the time of another, belongs to another
        patient, or no region can be put on any image; the message says which file and what to do.
    """
    chosen = settings or DoseSettings()
    if not administered_activity_MBq > 0:
        raise InputError(f"administered activity must be above 0 MBq, got {administered_activity_MBq}")
    if not images:
        raise InputError("no image is given -> give at least one folder or file (--image)")
    found = given_images(
        images,
        regions,
        administered_activity_MBq=administered_activity_MBq,
        injected_at=injected_at,
        settings=chosen,
    )
    tracer = _one_nuclide(found)
    drawn, notes = _activities(found, tracer, administered_activity_MBq, chosen)
    results = tuple(
        _region_result(key, title, drawn, tracer, administered_activity_MBq, found.injected_at, chosen)
        for key, title in _names(drawn).items()
    )
    return PatientDoses(
        patient_id=found.images[0].series.patient_id,
        nuclide=tracer,
        administered_activity_MBq=administered_activity_MBq,
        injected_at=found.injected_at,
        settings=chosen,
        images=tuple(on_image.image for on_image in drawn),
        regions=results,
        assumptions=_assumptions(chosen),
        zone_known=found.zone_known,
        notes=(*found.notes, *notes),
    )


def _one_nuclide(found: DoseImages) -> Nuclide:
    names = {image.series.radionuclide or found.stated_nuclide for image in found.images}
    if len(names) > 1:
        listed = "; ".join(f"{i.path}: {i.series.radionuclide or found.stated_nuclide}" for i in found.images)
        raise InputError(f"the images are of different nuclides ({listed}) -> give images of one injection")
    return nuclide(names.pop())


@dataclass(frozen=True, slots=True, eq=False)
class _OnImage:
    """Activities of the regions of one image, and why some have none."""

    image: ImageActivity
    activities: Mapping[str, RegionActivity]
    reasons: Mapping[str, str]
    titles: Mapping[str, str]
    """Key -> name as drawn."""


def _activities(
    found: DoseImages, tracer: Nuclide, administered_MBq: float, settings: DoseSettings
) -> tuple[list[_OnImage], list[str]]:
    """Every image as activity and measured, one at a time: only one image is held in memory."""
    measured: list[_OnImage] = []
    notes: list[str] = []
    for given in found.images:
        activity = given.activity_map(found, settings)
        image = _image(given, activity)
        left_MBq = administered_MBq * tracer.fraction_left(image.hours_after_injection)
        if image.in_field_activity_MBq > left_MBq * _MOST_IN_FIELD:
            notes.append(
                f"{given.path}: {image.in_field_activity_MBq:.4g} MBq in the field of view, but only {left_MBq:.4g} "
                "MBq can be left; check the administered activity, its time and the calibration"
            )
        measured.append(_measured(given, image, activity, settings))
    return measured, notes


def _image(given: GivenImage, activity: ActivityMap) -> ImageActivity:
    total_Bq = float(activity.activity_Bq_per_mL.sum(dtype=np.float64)) * activity.grid.voxel_volume_mL
    in_field_MBq = converted(total_Bq, "Bq", "MBq")
    return ImageActivity(
        path=given.path,
        series_instance_uid=given.series.series_instance_uid,
        modality=given.series.modality,
        description=given.series.description,
        acquired_at=activity.acquired_at,
        hours_after_injection=given.hours_after_injection,
        in_field_activity_MBq=in_field_MBq,
        in_field_activity_as_stored_MBq=in_field_MBq * activity.stored_over_scan_time,
        stored_decay_correction=activity.stored_decay_correction,
        stored_over_scan_time=activity.stored_over_scan_time,
        region_files=given.region_files,
        content_hash=activity.source.content_hash,
    )


def _key(name: str) -> str:
    return " ".join(name.split()).casefold()


def _measured(given: GivenImage, image: ImageActivity, activity: ActivityMap, settings: DoseSettings) -> _OnImage:
    titles: dict[str, str] = {}
    activities: dict[str, RegionActivity] = {}
    reasons: dict[str, str] = {}
    places: dict[str, Path] = {}
    for path in given.region_files:
        for region in regions_from_file(path, activity.grid, patient_id=activity.source.patient_id or None):
            key = _key(region.name)
            if key in titles:
                raise Problems(
                    f"regions of {given.path}",
                    [Problem(str(path), f"region {region.name!r} is also drawn in {places[key]}", "give one of them")],
                )
            titles[key], places[key] = region.name, path
            try:
                activities[key] = _region_activity(activity, region, settings)
            except NumericalError as error:
                reasons[key] = str(error)
    return _OnImage(image, activities, reasons, titles)


def _region_activity(activity: ActivityMap, region: Region, settings: DoseSettings) -> RegionActivity:
    return region_activity(
        activity,
        region,
        repeatability_relative_sd=settings.repeatability_relative_sd,
        minimum_inside_fraction=settings.minimum_inside_fraction,
    )


def _names(drawn: Sequence[_OnImage]) -> dict[str, str]:
    """Key -> name of every region drawn on any image, in the order drawn."""
    names: dict[str, str] = {}
    for on_image in drawn:
        for key, title in on_image.titles.items():
            names.setdefault(key, title)
    return names


def _region_result(
    key: str,
    title: str,
    drawn: Sequence[_OnImage],
    tracer: Nuclide,
    administered_MBq: float,
    injected_at: datetime,
    settings: DoseSettings,
) -> RegionResult:
    points: list[RegionPoint] = []
    not_on: list[str] = []
    for index, on_image in enumerate(drawn):
        if key in on_image.activities:
            points.append(RegionPoint(index, on_image.image.hours_after_injection, on_image.activities[key]))
        else:
            not_on.append(f"{on_image.image.path}: {on_image.reasons.get(key, 'not drawn')}")
    if not points:
        return RegionResult(title, (), tuple(not_on), None, None, None)
    volume_mL = sum(point.activity.volume_mL for point in points) / len(points)
    mass_g = region_mass_g(volume_mL, settings.density_g_per_mL)
    at_times = [point.activity.point(administered_at=injected_at) for point in points]
    dose = region_dose(
        at_times,
        region=title,
        nuclide=tracer,
        administered_activity_MBq=administered_MBq,
        mass_g=mass_g,
        plan=settings.plan(),
        mass_source=f"mean of the volumes on {len(points)} image(s), {settings.density_g_per_mL:g} g/mL "
        f"({settings.density_source})",
    )
    scenario = None if dose.curve.determinacy.has_value else physical_tail(at_times, tracer, mass_g=mass_g)
    return RegionResult(title, tuple(points), tuple(not_on), mass_g, dose, scenario)


def _assumptions(settings: DoseSettings) -> tuple[str, ...]:
    known = settings.calibration_relative_sd
    return (
        f"density {settings.density_g_per_mL:g} g/mL ({settings.density_source})",
        f"activity of a region repeats to {settings.repeatability_relative_sd:.0%} from scan to scan",
        f"kinetics that the scans cannot see: {settings.model_relative_sd:.0%} of the time-integrated activity",
        f"clearance is told from physical decay at {settings.clearance_significance:.0%} confidence",
        f"a curve with more than {settings.maximum_extrapolated_fraction:.0%} after the last scan is extrapolated",
        "uncertainty of the calibration: " + ("not known, not in the intervals" if known is None else f"{known:.1%}"),
        "the region is measured as drawn: no correction for partial volume",
        "local deposition: electrons stop where they are emitted",
    )
