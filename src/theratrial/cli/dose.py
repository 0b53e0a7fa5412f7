"""`theratrial dose`: one patient's images to activities, curves and absorbed doses, without a trial folder."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from datetime import datetime

    from theratrial.dosimetry.organ.findings import TableFinding
    from theratrial.dosimetry.transport.values import SValueTable
    from theratrial.pipeline.dose import PatientDoses, RegionResult
    from theratrial.pipeline.dose_methods import DoseMethods
    from theratrial.pipeline.dose_values import EngineShown


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
    mass_sd_percent: Annotated[
        float | None, typer.Option(help="Relative standard deviation of a region's mass [%]; not given: not known.")
    ] = None,
    curve: Annotated[
        str, typer.Option(help="mono: one exponential. best: what the points support. population: with a prior.")
    ] = "mono",
    prior: Annotated[str, typer.Option(help="Published kinetics for --curve population.")] = "unspecific",
    engine: Annotated[
        list[str] | None,
        typer.Option(
            help="local, s-values, sphere, voxel; several side by side (repeat it, or with commas). The first is what "
            "BED and limits take. local, if not given."
        ),
    ] = None,
    phantom: Annotated[str, typer.Option(help="adult_female or adult_male, for s-values.")] = "",
    reference: Annotated[
        list[str] | None,
        typer.Option(
            help="Region of the phantom that a drawn region is; parts with +: 'heart all=heart_wall+heart_contents'.",
            metavar="REGION=NAME",
        ),
    ] = None,
    recovery: Annotated[
        Path | None,
        typer.Option(help="Measured spheres: CSV with volume_mL, recovery, relative_sd_percent.", metavar="FILE"),
    ] = None,
    recovery_by: Annotated[
        str, typer.Option(help="regions: all together with the spheres' resolution. spheres: by volume alone.")
    ] = "regions",
    register: Annotated[
        bool, typer.Option("--register", help="Carry regions to the scans that lack them, by rigid registration.")
    ] = False,
    overlap: Annotated[
        str, typer.Option(help="Regions that share voxels: refuse, or cut (the larger yields to the smaller).")
    ] = "refuse",
    ct: Annotated[
        Path | None, typer.Option(help="CT made with the scans: densities by voxel, for voxel.", metavar="DIR")
    ] = None,
    alpha_beta: Annotated[
        list[str] | None,
        typer.Option(help="alpha/beta [Gy] for BED and EQD2, of all regions or one.", metavar="[REGION=]GY"),
    ] = None,
    repair: Annotated[
        list[str] | None, typer.Option(help="Half-life of repair [h], with --alpha-beta.", metavar="[REGION=]HOURS")
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(help="Show the probability that this injection exceeds it.", metavar="REGION=GY"),
    ] = None,
    s_table: Annotated[
        Path | None,
        typer.Option(help="S values of your own, as CSV; shown with what its linter finds.", metavar="FILE"),
    ] = None,
    s_table_unit: Annotated[str, typer.Option(help="Unit of the table where it states none, as 'mGy/(MBq s)'.")] = "",
    s_table_sha256: Annotated[str, typer.Option(help="What the table's file must hash to.")] = "",
    s_table_anyway: Annotated[
        bool, typer.Option("--s-table-anyway", help="Use a table that breaks laws; each is shown.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to write: doses.csv, results.json, dvh.csv, dose.dcm, dose.nii.gz.", metavar="DIR"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print plain JSON and nothing else.")] = False,
) -> None:
    """Turn one patient's images and regions into activities, curves, time-integrated activity and absorbed dose.

    A curve that the scans do not determine gives no dose, only what is known of it; the reason is shown.
    """
    from datetime import UTC, datetime

    from theratrial.cli import NOT_A_MEDICAL_DEVICE
    from theratrial.cli.console import note, print_json
    from theratrial.pipeline.dose import DoseSettings, patient_doses
    from theratrial.pipeline.dose_plain import as_plain

    _refuse_images_among(more_regions or [])
    stated: dict[str, Any] = {}
    if density is not None:
        stated = {"density_g_per_mL": density, "density_source": "given as --density"}
    table, findings = _user_table(s_table, nuclide, phantom, s_table_unit, s_table_sha256, s_table_anyway)
    methods = _methods(
        curve=curve,
        prior=prior,
        engines=engine or [],
        phantom=phantom,
        reference=reference or [],
        recovery=recovery,
        recovery_by=recovery_by,
        register=register,
        overlap=overlap,
        ct=ct,
        alpha_beta=alpha_beta or [],
        repair=repair or [],
        limits=limit or [],
        s_table=table,
    )
    result = patient_doses(
        image,
        [*regions, *(more_regions or [])],
        administered_activity_MBq=administered_MBq,
        injected_at=_moment(injected_at),
        settings=DoseSettings(
            nuclide=nuclide,
            calibration_cps_per_MBq=calibration_cps_per_MBq,
            calibration_relative_sd=_fraction(calibration_sd_percent, "--calibration-sd-percent"),
            mass_relative_sd=_fraction(mass_sd_percent, "--mass-sd-percent"),
            timezone=timezone,
            **stated,
        ),
        methods=methods,
        progress=note if methods.needs_map else lambda _: None,
    )
    result = replace(result, findings=findings)
    plain = as_plain(result, NOT_A_MEDICAL_DEVICE)
    files: list[Path] = []
    if out is not None:
        from theratrial.pipeline.dose_outputs import written

        files = written(result, plain, out, made_at=datetime.now(UTC))
    if as_json:
        print_json(plain)
    else:
        _show(result)
        for path in files:
            note(f"written: {path}")


def _probability(value: float) -> str:
    return "below 0.1 %" if value < 0.001 else "above 99.9 %" if value > 0.999 else f"{value * 100:.1f} %"


def _user_table(
    path: Path | None, nuclide: str, phantom: str, unit: str, sha256: str, anyway: bool
) -> tuple[SValueTable | None, tuple[TableFinding, ...]]:
    from theratrial.errors import InputError
    from theratrial.nuclides import nuclide as known_nuclide
    from theratrial.pipeline.dose_methods import user_s_table

    if path is None:
        if unit or sha256:
            raise InputError("--s-table-unit and --s-table-sha256 say something of a table; give it: --s-table FILE")
        return None, ()
    if not nuclide:
        raise InputError(f"--s-table {path}: the file names no nuclide -> state it (--nuclide Lu-177)")
    return user_s_table(
        path, nuclide=known_nuclide(nuclide), phantom=phantom, unit=unit, expected_sha256=sha256, accept_errors=anyway
    )


def _methods(
    *,
    curve: str,
    prior: str,
    engines: list[str],
    phantom: str,
    reference: list[str],
    recovery: Path | None,
    recovery_by: str,
    register: bool,
    overlap: str,
    ct: Path | None,
    alpha_beta: list[str],
    repair: list[str],
    limits: list[str],
    s_table: SValueTable | None,
) -> DoseMethods:
    from theratrial.errors import InputError
    from theratrial.pipeline.dose_methods import DoseMethods, assignments, number, radiobiology, recovery_spheres

    if recovery_by not in ("regions", "spheres"):
        raise InputError(f"--recovery-by {recovery_by!r} is not known; choose regions, spheres")
    spheres, source = recovery_spheres(recovery) if recovery is not None else ((), "")
    named = assignments(reference, "--reference")
    limited = assignments(limits, "--limit")
    for option, found in (("--reference", named), ("--limit", limited)):
        if "" in found:
            raise InputError(f"{option} {found['']!r}: say of which region, as {option} liver={found['']}")
    chosen: dict[str, Any] = {"curve": curve, "overlap": overlap}
    if recovery is not None:
        chosen["recovery"] = recovery_by
    words = [word.strip() for text in engines for word in text.split(",") if word.strip()]
    if words:
        chosen["engines"] = tuple(words)
    return DoseMethods(
        prior=prior,
        phantom=phantom,
        reference={name: tuple(part.strip() for part in text.split("+")) for name, text in named.items()},
        recovery_points=spheres,
        recovery_source=source,
        register=register,
        ct=ct,
        radiobiology=radiobiology(alpha_beta, repair),
        limits_Gy={name: number(text, "--limit", name, "Gy") for name, text in limited.items()},
        s_table=s_table,
        **chosen,
    )


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


def _fraction(percent: float | None, option: str) -> float | None:
    from theratrial.errors import InputError
    from theratrial.units import converted

    if percent is None:
        return None
    if not 0 <= percent < 100:
        raise InputError(f"{option} is {percent}; allowed is 0 to below 100")
    return converted(percent, "percent", "fraction")


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
    _show_registrations(result)
    print_table(
        ("region", "curve", "half-life [h]", "time-integrated [MBq h]", "dose [Gy]", "95 % interval [Gy]"),
        [_row(region) for region in result.regions],
        title="By one exponential through the points: absorbed dose from electrons (local deposition)",
    )
    if result.methods.curve != "mono" or result.methods.engines != ("local",):
        _show_engines(result)
    _show_biology_and_limits(result)
    _show_volumes(result)
    for finding in result.findings:
        warn(f"S table: {finding}")
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
    missing = dict.fromkeys(
        part
        for region in result.regions
        if region.dose
        for part in region.dose.dose.missing
        if not (result.methods.recovery and "no recovery applied" in part)
    )
    say("Not in the dose by local deposition: " + "; ".join(missing) + "." if missing else "No dose was computed.")
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


def _show_registrations(result: PatientDoses) -> None:
    from theratrial.cli.console import print_table, warn

    if not result.registrations:
        return
    print_table(
        ("moved", "onto", "shift x, y, z [mm]", "turn [degrees]", "correlation", "there and back [mm]", "overlap"),
        [
            (
                str(one.moving),
                str(one.fixed),
                ", ".join(f"{v:.1f}" for v in one.shift_mm),
                f"{one.rotation_deg:.1f}",
                f"{_figure(one.correlation_before)} -> {_figure(one.correlation_after)}",
                f"{one.round_trip_mm:.2f}",
                f"{one.overlap_fraction:.0%}",
            )
            for one in result.registrations
        ],
        title="Registration: look at both scans before you use it",
    )
    for one in result.registrations:
        for text in one.warnings:
            warn(f"registration of {one.moving}: {text}")


def _figure(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"


def _interval(one: EngineShown) -> str:
    upper = f"{one.upper_Gy:.3g}" if math.isfinite(one.upper_Gy) else "no upper bound"
    return f"{'not known' if one.lower_Gy is None else f'{one.lower_Gy:.3g}'} to {upper}"


def _show_engines(result: PatientDoses) -> None:
    from theratrial.cli.console import print_table, say

    rows: list[tuple[object, ...]] = []
    for region in result.regions:
        for number, one in enumerate(region.engines):
            tia = region.reported.time_integrated_activity_MBq_h if region.reported and number == 0 else None
            rows.append(
                (
                    region.name if number == 0 else "",
                    None if tia is None else f"{tia:.1f}",
                    one.engine,
                    None if one.absorbed_dose_Gy is None else f"{one.absorbed_dose_Gy:.3f}",
                    _interval(one) if one.absorbed_dose_Gy is not None else None,
                    one.because or one.why,
                )
            )
    print_table(
        (
            "region",
            "time-integrated [MBq h]",
            "engine",
            "dose [Gy]",
            "95 % interval [Gy]",
            "against local, or why none",
        ),
        rows,
        title=f"Engines side by side, curve: {result.methods.curve}",
    )
    for region in result.regions:
        if region.reported is not None:
            say(f"{region.name}: {region.reported.method}: {region.reported.note}")
        if region.read_as:
            say(f"{region.name}: read as {region.read_as}")


def _show_biology_and_limits(result: PatientDoses) -> None:
    from theratrial.cli.console import print_table, say

    rows = [(region.name, region.biological) for region in result.regions if region.biological is not None]
    if rows:
        print_table(
            ("region", "alpha/beta [Gy]", "repair [h]", "G", "BED [Gy]", "EQD2 [Gy]"),
            [
                (
                    name,
                    f"{one.alpha_beta_Gy:g}",
                    f"{one.repair_half_life_h:g}",
                    None if one.dose_rate_factor is None else f"{one.dose_rate_factor:.4f}",
                    None if one.bed_Gy is None else f"{one.bed_Gy:.3f}",
                    None if one.eqd2_Gy is None else f"{one.eqd2_Gy:.3f}",
                )
                for name, one in rows
            ],
            title=f"Biologically effective dose, from the dose by {result.methods.engines[0]}",
        )
    for region in result.regions:
        if (limit := region.exceedance) is not None:
            said = "not known" if limit.probability is None else _probability(limit.probability)
            say(f"{region.name}: probability of more than {limit.limit_Gy:g} Gy: {said} ({limit.note})")


def _show_volumes(result: PatientDoses) -> None:
    from theratrial.cli.console import print_table, warn

    rows = [(region.name, region.histogram) for region in result.regions if region.histogram is not None]
    if rows:
        print_table(
            ("region", "mean [Gy]", "D98 [Gy]", "D50 [Gy]", "D2 [Gy]", "without a dose [mL]"),
            [
                (
                    name,
                    f"{one.mean_Gy:.3f}",
                    *(f"{one.dose_at_percent_Gy(percent):.3f}" for percent in (98, 50, 2)),
                    f"{one.excluded_mL:.2f}",
                )
                for name, one in rows
            ],
            title="Dose over volume, as blurred as the scan",
        )
    if result.dose_map is not None and result.dose_map.undetermined_voxels:
        warn(
            f"{result.dose_map.undetermined_voxels} voxels have no dose (density below the floor or not known): not a "
            "number in dose.nii.gz, 0 in dose.dcm, which cannot say it otherwise"
        )
