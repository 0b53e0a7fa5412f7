"""`theratrial dose`: one patient's images to activities, curves and absorbed doses, without a trial folder."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from datetime import datetime

    from theratrial.dosimetry import RegionDose
    from theratrial.pipeline.dose import ImageActivity, PatientDoses, RegionPoint, RegionResult
    from theratrial.pipeline.dose_scenario import ScenarioDose


def dose(
    image: Annotated[
        list[Path],
        typer.Option(help="Folder or file of one image: PET or SPECT (PT or NM). Give one per scan.", metavar="DIR"),
    ],
    regions: Annotated[
        list[Path],
        typer.Option(help="RTSTRUCT or SEG file, or a folder with such. May be repeated.", metavar="FILE_OR_DIR"),
    ],
    administered_MBq: Annotated[
        float,
        typer.Option("--administered-MBq", help="Activity at the time of injection, net of the residual [MBq]."),
    ],
    injected_at: Annotated[
        str, typer.Option(help="Start of the injection, ISO 8601: 2024-03-01T09:30 or 2024-03-01T09:30+03:30.")
    ],
    more_regions: Annotated[
        list[Path] | None, typer.Argument(help="Further region files or folders.", metavar="[FILE_OR_DIR]...")
    ] = None,
    nuclide: Annotated[str, typer.Option(help="Nuclide, where a header names none: Lu-177.")] = "",
    calibration_cps_per_MBq: Annotated[
        float | None,
        typer.Option("--calibration-cps-per-MBq", help="Sensitivity of the camera, for NM images that hold counts."),
    ] = None,
    calibration_sd_percent: Annotated[
        float | None,
        typer.Option(help="Its relative standard deviation [%]; not given means not known, never zero."),
    ] = None,
    timezone: Annotated[
        str, typer.Option(help="Time zone of clocks that state none, as Asia/Tehran.", metavar="NAME")
    ] = "",
    density: Annotated[
        float | None, typer.Option(help="Density of every region [g/mL]; 1.05 (soft tissue) is assumed.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print plain JSON and nothing else.")] = False,
) -> None:
    """Turn one patient's images and regions into activities, curves, time-integrated activity and absorbed dose.

    A curve that the scans do not determine gives no dose, only what is known of it; the reason is shown.
    """
    from theratrial.cli.console import print_json
    from theratrial.pipeline.dose import DoseSettings, patient_doses

    _refuse_images_among(more_regions or [])
    stated: dict[str, Any] = {}
    if density is not None:
        stated = {"density_g_per_mL": density, "density_source": "given as --density"}
    result = patient_doses(
        image,
        [*regions, *(more_regions or [])],
        administered_activity_MBq=administered_MBq,
        injected_at=_moment(injected_at),
        settings=DoseSettings(
            nuclide=nuclide,
            calibration_cps_per_MBq=calibration_cps_per_MBq,
            calibration_relative_sd=_fraction(calibration_sd_percent),
            timezone=timezone,
            **stated,
        ),
    )
    if as_json:
        print_json(as_plain(result))
    else:
        _show(result)


def _refuse_images_among(places: list[Path]) -> None:
    """`--image A B` leaves B among the region files; say so instead of looking for regions in it."""
    from theratrial.errors import InputError
    from theratrial.imaging.catalogue import catalogue

    for place in places:
        modalities = {one.modality for one in catalogue(place).series}
        if modalities and not modalities & {"RTSTRUCT", "SEG"}:
            raise InputError(
                f"{place}: holds {', '.join(sorted(modalities))} and no regions -> give every image its own option: "
                f"--image {place}"
            )


def _moment(text: str) -> datetime:
    from datetime import datetime

    from theratrial.errors import InputError

    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        found = None
    if found is None or ":" not in text:
        raise InputError(f"--injected-at {text!r} is no date and time; write it as 2024-03-01T09:30 (or with +03:30)")
    return found


def _fraction(percent: float | None) -> float | None:
    from theratrial.errors import InputError
    from theratrial.units import converted

    if percent is None:
        return None
    if not 0 <= percent < 100:
        raise InputError(f"--calibration-sd-percent is {percent}; allowed is 0 to below 100")
    return converted(percent, "percent", "fraction")


def as_plain(result: PatientDoses) -> dict[str, Any]:
    """Everything the command knows, with the unit in every key; what is not known is None."""
    from theratrial.cli import NOT_A_MEDICAL_DEVICE
    from theratrial.pipeline.dose_scenario import SCENARIO

    settings = result.settings
    return {
        "patient_id": result.patient_id,
        "nuclide": result.nuclide.name,
        "half_life_h": result.nuclide.half_life_h,
        "administered_activity_MBq": result.administered_activity_MBq,
        "injected_at": _clock(result.injected_at, result),
        "time_zone_known": result.zone_known,
        "images": [_image(one, result) for one in result.images],
        "regions": [_region(one, result.images) for one in result.regions],
        "settings": {
            "density_g_per_mL": settings.density_g_per_mL,
            "density_source": settings.density_source,
            "calibration_cps_per_MBq": settings.calibration_cps_per_MBq,
            "calibration_relative_sd_fraction": settings.calibration_relative_sd,
            "repeatability_relative_sd_fraction": settings.repeatability_relative_sd,
            "model_relative_sd_fraction": settings.model_relative_sd,
            "clearance_significance_fraction": settings.clearance_significance,
            "maximum_extrapolated_fraction": settings.maximum_extrapolated_fraction,
            "minimum_inside_fraction": settings.minimum_inside_fraction,
        },
        "assumptions": result.assumptions,
        "scenario": SCENARIO,
        "notes": result.notes,
        "notice": NOT_A_MEDICAL_DEVICE,
    }


def _clock(moment: datetime, result: PatientDoses) -> datetime:
    """Without an offset where no time zone is known, so that none is claimed."""
    return moment if result.zone_known else moment.replace(tzinfo=None)


def _image(image: ImageActivity, result: PatientDoses) -> dict[str, Any]:
    return {
        "path": image.path,
        "series_instance_uid": image.series_instance_uid,
        "modality": image.modality,
        "description": image.description,
        "acquired_at": _clock(image.acquired_at, result),
        "hours_after_injection": image.hours_after_injection,
        "in_field_activity_MBq": image.in_field_activity_MBq,
        "in_field_activity_as_stored_MBq": image.in_field_activity_as_stored_MBq,
        "stored_decay_correction": image.stored_decay_correction,
        "stored_over_scan_time": image.stored_over_scan_time,
        "region_files": image.region_files,
        "content_hash": image.content_hash,
    }


def _region(region: RegionResult, images: tuple[ImageActivity, ...]) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "name": region.name,
        "points": [_point(point, images) for point in region.points],
        "without_activity": region.not_on,
        "mass_g": region.mass_g,
    }
    found = region.dose
    if found is None:
        return plain | {"determinacy": "undetermined", "because": "; ".join(region.not_on), "absorbed_dose_Gy": None}
    return plain | _dose(found) | {"scenario": _scenario(region.scenario)}


def _dose(found: RegionDose) -> dict[str, Any]:
    curve, tia, absorbed = found.curve, found.tia, found.dose
    return {
        "determinacy": str(curve.determinacy),
        "because": curve.because,
        "effective_half_life_h": curve.effective_half_life_h,
        "effective_half_life_sd_h": curve.effective_half_life_sd_h,
        "clearance_per_h": curve.clearance_per_h,
        "fitted_clearance_per_h": curve.line.clearance_per_h if curve.line else None,
        "held_to_physical_decay": curve.held_to_physical_decay,
        "before_first_scan_fraction": curve.before_first_scan_fraction,
        "extrapolated_fraction": curve.extrapolated_fraction,
        "time_integrated_activity_MBq_h": tia.time_integrated_activity_MBq_h,
        "time_integrated_activity_lower_MBq_h": tia.lower_MBq_h,
        "time_integrated_activity_upper_MBq_h": _finite(tia.upper_MBq_h),
        "time_integrated_activity_coefficient_h": tia.coefficient_h,
        "absorbed_dose_Gy": absorbed.absorbed_dose_Gy,
        "absorbed_dose_lower_Gy": absorbed.lower_Gy,
        "absorbed_dose_upper_Gy": _finite(absorbed.upper_Gy),
        "absorbed_dose_upper_with_own_photons_Gy": _finite(absorbed.upper_with_own_photons_Gy),
        "has_upper_bound": math.isfinite(absorbed.upper_Gy),
        "missing": absorbed.missing,
        "not_in_interval": absorbed.not_in_interval,
        "trace": absorbed.trace.as_dict(),
    }


def _point(point: RegionPoint, images: tuple[ImageActivity, ...]) -> dict[str, Any]:
    activity = point.activity
    return {
        "image": images[point.image].path,
        "hours_after_injection": point.hours_after_injection,
        "activity_MBq": activity.activity_MBq,
        "volume_mL": activity.volume_mL,
        "inside_fraction": activity.inside_fraction,
        "counting_relative_sd_fraction": activity.counting_relative_sd,
        "uncorrelated_relative_sd_fraction": activity.uncorrelated_relative_sd,
        "trace": activity.trace.as_dict(),
    }


def _scenario(scenario: ScenarioDose | None) -> dict[str, float] | None:
    if scenario is None:
        return None
    return {
        "time_integrated_activity_MBq_h": scenario.time_integrated_activity_MBq_h,
        "absorbed_dose_Gy": scenario.absorbed_dose_Gy,
        "after_last_scan_fraction": scenario.after_last_scan_fraction,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _show(result: PatientDoses) -> None:
    from theratrial.cli import NOT_A_MEDICAL_DEVICE
    from theratrial.cli.console import note, print_table, say, warn
    from theratrial.pipeline.dose_scenario import SCENARIO

    print_table(
        ("image", "hours after injection", "in field as stored [MBq]", "in field at scan [MBq]", "stored as"),
        [
            (
                str(one.path),
                f"{one.hours_after_injection:.2f}",
                f"{one.in_field_activity_as_stored_MBq:.1f}",
                f"{one.in_field_activity_MBq:.1f}",
                one.stored_decay_correction,
            )
            for one in result.images
        ],
        title=f"{result.patient_id}: {result.nuclide.name}, {result.administered_activity_MBq:g} MBq injected",
    )
    print_table(
        ("region", "hours", "activity [MBq]", "volume [mL]"),
        [
            (
                region.name,
                f"{point.hours_after_injection:.2f}",
                f"{point.activity.activity_MBq:.3f}",
                f"{point.activity.volume_mL:.2f}",
            )
            for region in result.regions
            for point in region.points
        ],
        title="Activity at the time of the scan",
    )
    print_table(
        ("region", "curve", "half-life [h]", "time-integrated [MBq h]", "dose [Gy]", "95 % interval [Gy]"),
        [_row(region) for region in result.regions],
        title="Absorbed dose from electrons (local deposition)",
    )
    for region in result.regions:
        if region.dose is not None:
            say(f"{region.name}: {region.dose.curve.determinacy}, {region.dose.curve.because}")
        for reason in region.not_on:
            say(f"{region.name}: no activity on {reason}")
        if region.scenario is not None:
            share = region.scenario.after_last_scan_fraction
            say(
                f"{region.name}: no dose can be stated. Scenario, no bound: {region.scenario.absorbed_dose_Gy:.2f} Gy, "
                f"{share:.0%} of it after the last scan, {SCENARIO}."
            )
    missing = dict.fromkeys(part for region in result.regions if region.dose for part in region.dose.dose.missing)
    say("Not in the dose: " + "; ".join(missing) + "." if missing else "No dose was computed.")
    say("Assumed: " + "; ".join(result.assumptions) + ".")
    for text in result.notes:
        warn(text)
    note(NOT_A_MEDICAL_DEVICE)


def _row(region: RegionResult) -> tuple[object, ...]:
    found = region.dose
    if found is None:
        return region.name, "undetermined", None, None, None, None
    absorbed, tia = found.dose, found.tia
    upper = f"{absorbed.upper_Gy:.3f}" if math.isfinite(absorbed.upper_Gy) else "no upper bound"
    lower = "not known" if absorbed.lower_Gy is None else f"{absorbed.lower_Gy:.3f}"
    half_life = found.curve.effective_half_life_h
    return (
        region.name,
        str(found.curve.determinacy),
        None if half_life is None else f"{half_life:.1f}",
        None if tia.time_integrated_activity_MBq_h is None else f"{tia.time_integrated_activity_MBq_h:.1f}",
        None if absorbed.absorbed_dose_Gy is None else f"{absorbed.absorbed_dose_Gy:.3f}",
        f"{lower} to {upper}",
    )
