"""`theratrial image`: what a DICOM file or folder is, and a PET series as SUV with its certificate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from datetime import tzinfo

    from theratrial.imaging.info import ObjectInfo
    from theratrial.imaging.values import SuvMap

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Describe DICOM files; convert a PET series to SUV.")

AsJson = Annotated[bool, typer.Option("--json", help="Print plain JSON and nothing else.")]


@app.command()
def info(
    path: Annotated[Path, typer.Argument(help="A DICOM file, or a folder of any depth.", metavar="PATH")],
    as_json: AsJson = False,
) -> None:
    """Say what a DICOM file or folder is, what theratrial can do with it, and what is wrong with it.

    Exit code 1 if something in it is damaged.
    """
    from theratrial.cli.console import note, print_json, say, warn
    from theratrial.imaging.info import image_info

    found = image_info(path)
    if as_json:
        print_json(found)
    else:
        for one in found.objects:
            _show_object(one)
        if found.kind == "folder":
            say(f"{len(found.objects)} object(s) or series, {found.other_files} file(s) that are not DICOM")
        for problem in found.problems:
            warn(problem)
    if found.broken:
        note(f"{path}: something is damaged; see the problems above")
        raise typer.Exit(1)


def _show_object(one: ObjectInfo) -> None:
    from theratrial.cli.console import print_table

    rows: list[tuple[str, object]] = [("files", one.files), ("first file", one.first_file)]
    for name in ("sop_class", "patient_id", "series_instance_uid", "description", "manufacturer", "transfer_syntax"):
        rows.append((name.replace("_", " "), getattr(one, name)))
    rows += [("frames, rows, columns", _joined(one.frames or 1, one.rows, one.columns))]
    rows += [(name, values) for name, values in one.frame_vectors.items()]
    rows += [("unit", one.unit), ("decay correction", one.decay_correction), ("nuclide", one.nuclide)]
    rows += [(name, value) for name, value in one.times.items()]
    if one.shape_zyx and one.spacing_zyx_mm and one.origin_xyz_mm:
        rows.append(("voxels z, y, x", _joined(*one.shape_zyx)))
        rows.append(("spacing z, y, x [mm]", _joined(*(f"{s:.4g}" for s in one.spacing_zyx_mm))))
        rows.append(("first voxel x, y, z [mm]", _joined(*(f"{s:.2f}" for s in one.origin_xyz_mm))))
    rows += [("usable for", use) for use in one.usable_for]
    rows += [(f"not usable for {use}", why) for use, why in one.not_usable_for]
    rows += [("note", text) for text in one.notes]
    rows += [("PROBLEM", text) for text in one.problems]
    print_table(
        ("what", "value"), [(name, str(value)) for name, value in rows if value not in ("", None)], title=one.modality
    )


def _joined(*values: object) -> str:
    return " x ".join("?" if value is None else str(value) for value in values)


@app.command()
def suv(
    series_dir: Annotated[Path, typer.Argument(help="Folder with one PET series.", metavar="SERIES_DIR")],
    region: Annotated[
        Path | None, typer.Option(help="RTSTRUCT or SEG, or a folder with one; the values are those inside.")
    ] = None,
    series_uid: Annotated[
        str | None, typer.Option("--series", help="SeriesInstanceUID, where there are several.")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(help="Time zone of the scanner's clock, as Asia/Tehran; used where the file has none.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Convert a PET series to SUV by body weight and say how: rule, rejected alternatives, every tag used."""
    from theratrial.cli.console import print_json
    from theratrial.imaging.regions import regions_from_file
    from theratrial.imaging.series import series_from_folder
    from theratrial.imaging.suv import suv_map

    series = series_from_folder(series_dir, series_uid, modality="PT")
    result = suv_map(series, timezone=_zone(timezone))
    if region is None:
        inside = {"whole image": result.suv_g_per_mL.ravel()}
    else:
        region = _region_file(region, series.source.series_instance_uid)
        found = regions_from_file(region, result.grid, patient_id=series.source.patient_id)
        inside = {one.name: one.inside(result.suv_g_per_mL) for one in found}
    values = _values(result, inside, region)
    if as_json:
        print_json(values)
    else:
        _show_suv(values)


def _region_file(place: Path, series_uid: str) -> Path:
    """The region file that is meant; a remark where it says that it was drawn on another series."""
    from theratrial.cli.console import warn
    from theratrial.errors import InputError
    from theratrial.imaging.catalogue import catalogue

    found = [one for one in catalogue(place).series if one.modality in ("RTSTRUCT", "SEG")]
    files = [path for one in found for path in one.files]
    if place.is_dir() and len(files) != 1:
        names = ", ".join(str(path) for path in files[:5]) or "none"
        raise InputError(f"{place}: holds {len(files)} RTSTRUCT or SEG files ({names}) -> give the one with --region")
    uids = {uid for one in found for uid in one.referenced_series_uids}
    if uids and series_uid not in uids:
        warn(f"{files[0]} was drawn on another series ({', '.join(sorted(uids))}); its place is used as it stands")
    return files[0] if files else place


def _zone(name: str | None) -> tzinfo | None:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    from theratrial.errors import InputError

    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(
            f"--timezone {name!r} is not a known time zone; give a name such as Asia/Tehran or UTC"
        ) from None


def _values(result: SuvMap, inside: dict[str, Any], region: Path | None) -> dict[str, Any]:
    """Everything the command shows. The four ``suv_`` keys are over all regions together."""
    import numpy as np

    from theratrial.errors import InputError

    empty = [name for name, voxels in inside.items() if voxels.size == 0]
    if empty:
        raise InputError(f"{region}: no voxel belongs to region {', '.join(empty)} by at least one half")
    statistics = {name: _statistics(voxels) for name, voxels in inside.items()}
    every = next(iter(inside.values())) if len(inside) == 1 else np.concatenate(list(inside.values()))
    certificate = result.certificate
    return {
        **_statistics(every),
        "voxels": int(every.size),
        "region_file": None if region is None else str(region),
        "regions": statistics,
        "unit": "g/mL",
        "suv_type": certificate.suv_type,
        "stored_unit": certificate.stored_unit,
        "rule": certificate.rule,
        "reference_time": certificate.reference_time,
        "reference_time_rule": certificate.reference_time_rule,
        "reference_time_alternative_s": certificate.reference_time_alternative_s,
        "weight_kg": certificate.weight_kg,
        "administered_activity_MBq": (
            None if certificate.administered_activity_Bq is None else certificate.administered_activity_Bq / 1e6
        ),
        "half_life_s": certificate.half_life_s,
        "factor_per_slice": certificate.factor_per_slice,
        "alternatives_rejected": [
            {"rule": rule, "because": because} for rule, because in certificate.alternatives_rejected
        ],
        "tags_used": [
            {"tag": tag, "keyword": keyword, "value": value} for tag, keyword, value in certificate.tags_used
        ],
        "warnings": certificate.warnings,
        "series_instance_uid": result.source.series_instance_uid,
        "acquired_at": result.acquired_at,
        "trace": result.trace.as_dict(),
    }


def _statistics(voxels: Any) -> dict[str, float]:
    import numpy as np

    return {
        "suv_min": float(voxels.min()),
        "suv_median": float(np.median(voxels)),
        "suv_max": float(voxels.max()),
        "suv_mean": float(voxels.mean(dtype=np.float64)),
    }


def _show_suv(values: dict[str, Any]) -> None:
    from theratrial.cli.console import print_table, say, warn

    names = ("suv_min", "suv_median", "suv_max", "suv_mean")
    print_table(
        ("region", "min", "median", "max", "mean"),
        [(name, *(f"{of[key]:.3f}" for key in names)) for name, of in values["regions"].items()],
        title="SUV by body weight [g/mL]",
    )
    say(f"Rule: {values['rule']}; reference time: {values['reference_time_rule']}")
    if values["reference_time"] is not None:
        other = values["reference_time_alternative_s"]
        beside = "option B cannot be formed" if other is None else f"option B is {other:+.1f} s from it"
        say(f"Reference time {values['reference_time'].isoformat(sep=' ')}; {beside}")
    factors = values["factor_per_slice"]
    say(f"Factor per slice: {min(factors):.6g} to {max(factors):.6g} SUV per stored value, {len(factors)} slices")
    if len(set(factors)) > 1:
        print_table(("slice", "factor"), [(str(i), f"{f:.8g}") for i, f in enumerate(factors)])
    print_table(("rule rejected", "because"), [(r["rule"], r["because"]) for r in values["alternatives_rejected"]])
    print_table(("tag", "keyword", "value"), [(t["tag"], t["keyword"], t["value"]) for t in values["tags_used"]])
    for text in values["warnings"]:
        warn(text)
