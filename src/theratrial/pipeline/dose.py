"""One patient's images to absorbed doses, without a trial folder: the core of `theratrial dose`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from theratrial.dosimetry import region_dose, region_mass_g
from theratrial.errors import InputError
from theratrial.nuclides import Nuclide, nuclide
from theratrial.pipeline.dose_curves import biological, exceedance, reported_curve, require_known_names
from theratrial.pipeline.dose_engine_parts import RegionInput
from theratrial.pipeline.dose_engines import engine_doses
from theratrial.pipeline.dose_images import DoseImages, given_images
from theratrial.pipeline.dose_measured import OnImage, measured_images
from theratrial.pipeline.dose_methods import DoseMethods, reference_regions
from theratrial.pipeline.dose_scenario import physical_tail
from theratrial.pipeline.dose_values import (
    DoseSettings,
    ImageActivity,
    PatientDoses,
    RegionPoint,
    RegionResult,
)

__all__ = ["DoseSettings", "ImageActivity", "PatientDoses", "RegionPoint", "RegionResult", "patient_doses"]

_MOST_IN_FIELD = 1.2
"""More activity in the field of view than 1.2 times what can be left is a wrong unit, time or calibration."""


def patient_doses(
    images: Sequence[Path],
    regions: Sequence[Path],
    *,
    administered_activity_MBq: float,
    injected_at: datetime,
    settings: DoseSettings | None = None,
    methods: DoseMethods | None = None,
    progress: Callable[[str], None] = lambda _: None,
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
    methods
        One exponential and local deposition, where not given.
    progress
        Told of each step that takes long.

    Raises
    ------
    InputError
        If an image cannot become activity, was made before the injection or at the time of another, belongs to another
        patient, or no region can be put on any image; the message says which file and what to do.
    """
    chosen, how = settings or DoseSettings(), methods or DoseMethods()
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
        carries_regions=how.register,
    )
    tracer = _one_nuclide(found)
    how.table(tracer)  # refused before minutes of reading
    measured, registrations, notes = measured_images(found, chosen, how, progress)
    notes = [*_too_much(measured, tracer, administered_activity_MBq), *notes]
    names = _names(measured)
    require_known_names(list(names.values()), how)
    inputs: dict[str, RegionInput] = {}
    results: list[RegionResult] = []
    for key, title in names.items():
        result, given = _region_result(
            key, title, measured, tracer, administered_activity_MBq, found.injected_at, chosen, how
        )
        results.append(result)
        if given is not None:
            inputs[key] = given
    engines, voxels, dose_map, said = (
        engine_doses(
            list(inputs.values()),
            measured,
            tracer,
            chosen.plan(),
            chosen,
            how,
            progress,
            administered_MBq=administered_activity_MBq,
        )
        if inputs
        else ({}, {}, None, [])
    )
    for number, key in enumerate(names):
        if key not in inputs:
            continue
        curve, doses = inputs[key].curve, engines[key]
        histogram = voxels[key].histogram if key in voxels else None
        results[number] = replace(
            results[number],
            engines=doses,
            biological=biological(names[key], doses[0], curve, how),
            exceedance=exceedance(names[key], doses[0], curve, chosen.plan(), how),
            histogram=None if histogram is None else replace(histogram, region=names[key]),
        )
    return PatientDoses(
        patient_id=found.images[0].series.patient_id,
        nuclide=tracer,
        administered_activity_MBq=administered_activity_MBq,
        injected_at=found.injected_at,
        settings=chosen,
        images=tuple(on_image.image for on_image in measured),
        regions=tuple(results),
        assumptions=_assumptions(chosen, how),
        zone_known=found.zone_known,
        notes=(*found.notes, *notes, *said),
        methods=how,
        registrations=registrations,
        dose_map=dose_map,
    )


def _one_nuclide(found: DoseImages) -> Nuclide:
    names = {image.series.radionuclide or found.stated_nuclide for image in found.images}
    if len(names) > 1:
        listed = "; ".join(f"{i.path}: {i.series.radionuclide or found.stated_nuclide}" for i in found.images)
        raise InputError(f"the images are of different nuclides ({listed}) -> give images of one injection")
    return nuclide(names.pop())


def _too_much(measured: Sequence[OnImage], tracer: Nuclide, administered_MBq: float) -> list[str]:
    found = []
    for one in measured:
        left_MBq = administered_MBq * tracer.fraction_left(one.image.hours_after_injection)
        if one.image.in_field_activity_MBq > left_MBq * _MOST_IN_FIELD:
            found.append(
                f"{one.image.path}: {one.image.in_field_activity_MBq:.4g} MBq in the field of view, but only "
                f"{left_MBq:.4g} MBq can be left; check the administered activity, its time and the calibration"
            )
    return found


def _names(drawn: Sequence[OnImage]) -> dict[str, str]:
    """Key -> name of every region drawn on any image, in the order drawn."""
    names: dict[str, str] = {}
    for on_image in drawn:
        for key, title in on_image.titles.items():
            names.setdefault(key, title)
    return names


def _region_result(
    key: str,
    title: str,
    drawn: Sequence[OnImage],
    tracer: Nuclide,
    administered_MBq: float,
    injected_at: datetime,
    settings: DoseSettings,
    methods: DoseMethods,
) -> tuple[RegionResult, RegionInput | None]:
    points: list[RegionPoint] = []
    not_on: list[str] = []
    for index, on_image in enumerate(drawn):
        if key in on_image.activities:
            points.append(RegionPoint(index, on_image.image.hours_after_injection, on_image.activities[key]))
        else:
            not_on.append(f"{on_image.image.path}: {on_image.reasons.get(key, 'not drawn')}")
    if not points:
        return RegionResult(title, (), tuple(not_on), None, None, None), None
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
    curve = reported_curve(at_times, title, dose, tracer, settings.plan(), methods, administered_MBq=administered_MBq)
    parts, read = reference_regions(title, methods.reference)
    result = RegionResult(
        title,
        tuple(points),
        tuple(not_on),
        mass_g,
        dose,
        scenario,
        reported=curve,
        own_recovery=tuple(drawn[point.image].own_recovery.get(key) for point in points),
        read_as=" + ".join(parts) or (f"{read.canonical}, no region of the phantoms" if read.canonical else ""),
    )
    return result, RegionInput(key, title, mass_g, volume_mL, settings.density_g_per_mL, tuple(at_times), curve)


def _assumptions(settings: DoseSettings, methods: DoseMethods) -> tuple[str, ...]:
    known = settings.calibration_relative_sd
    return (
        f"density {settings.density_g_per_mL:g} g/mL ({settings.density_source})",
        f"activity of a region repeats to {settings.repeatability_relative_sd:.0%} from scan to scan",
        f"kinetics that the scans cannot see: {settings.model_relative_sd:.0%} of the time-integrated activity",
        f"clearance is told from physical decay at {settings.clearance_significance:.0%} confidence",
        f"a curve with more than {settings.maximum_extrapolated_fraction:.0%} after the last scan is extrapolated",
        "uncertainty of the calibration: " + ("not known, not in the intervals" if known is None else f"{known:.1%}"),
        _RECOVERED[methods.recovery],
        *(_ENGINES[engine] for engine in methods.engines),
        *(_CURVES[methods.curve],)[: methods.curve != "mono"],
    )


_RECOVERED = {
    "": "the region is measured as drawn: no correction for partial volume",
    "spheres": "a region is divided by the recovery of a sphere of its volume",
    "regions": "all regions of a scan are recovered together, with the resolution that the spheres show",
}
_ENGINES = {
    "local": "local deposition: electrons stop where they are emitted",
    "s-values": "S values: the phantom's distances between organs, its masses scaled to the drawn ones",
    "sphere": "sphere: activity spread evenly, soft tissue around it",
    "voxel": "voxel kernel: the pattern of one scan, soft tissue everywhere between the regions",
}
_CURVES = {
    "mono": "",
    "best": "with more than two points the sum of exponentials that they support, else one",
    "population": "the patient is one of those that the published kinetics describe",
}
