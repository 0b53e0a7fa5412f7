"""Files of `theratrial dose`: tables, dose-volume curves, the dose map as RT Dose and NIfTI."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from theratrial.errors import InputError
from theratrial.imaging.nifti import write_nifti
from theratrial.imaging.rtdose import DoseLabel, write_rtdose
from theratrial.pipeline.dose_values import PatientDoses
from theratrial.trace import bytes_hash

COLUMNS: Final[Mapping[str, str]] = {
    "region": "name as drawn",
    "engine": "local, s-values, sphere or voxel",
    "curve": "how the time-integrated activity was made",
    "determinacy": "what the points alone determine",
    "mass_g": "mean of the volumes on the scans times the density",
    "time_integrated_activity_MBq_h": "as reported; empty where it has no value",
    "time_integrated_activity_lower_MBq_h": "95 % interval",
    "time_integrated_activity_upper_MBq_h": "95 % interval; inf: no upper bound",
    "absorbed_dose_Gy": "electrons and photons; empty where it has no value",
    "absorbed_dose_lower_Gy": "95 % interval",
    "absorbed_dose_upper_Gy": "95 % interval; inf: no upper bound",
    "electron_Gy": "part of the dose",
    "photon_self_Gy": "from photons emitted in the region",
    "photon_cross_Gy": "from photons emitted elsewhere; empty where the engine does not count them",
    "alpha_Gy": "beside the dose, not in it",
    "difference_to_local_percent": "of the dose, same time-integrated activity",
    "bed_Gy": "biologically effective dose, of the first engine",
    "eqd2_Gy": "equivalent in fractions of 2 Gy, of the first engine",
    "limit_Gy": "as given",
    "probability_above_limit_fraction": "that this injection exceeds the limit",
    "why_no_value": "empty where there is a value",
}
"""Columns of doses.csv and what they hold."""

DVH_POINTS: Final = 201


def written(result: PatientDoses, plain: Mapping[str, Any], out: Path, *, made_at: datetime) -> list[Path]:
    """Write everything into a folder, which is made; what was there under these names is replaced.

    Voxels without a dose stay "not a number" in the NIfTI file. RT Dose cannot say that: there they are 0, the object's
    comment says how many, and so does the warning of the command.

    Returns
    -------
    The files written.

    Raises
    ------
    InputError
        If the folder cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {out}: cannot be made a folder ({error.strerror})") from None
    files = [_text(out / "doses.csv", doses_csv(result)), _text(out / "results.json", _json(plain))]
    if any(region.histogram is not None for region in result.regions):
        files.append(_text(out / "dvh.csv", dvh_csv(result)))
        files.append(_figure(result, out / "dvh.png"))
    if result.dose_map is not None:
        files += _maps(result, out, made_at)
    return files


def _text(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def _json(plain: Mapping[str, Any]) -> str:
    return json.dumps(plain, ensure_ascii=False, indent=2, allow_nan=False, default=str) + "\n"


def _cell(value: float | None) -> str:
    return "" if value is None else "inf" if value == math.inf else f"{value:.6g}"


def doses_csv(result: PatientDoses) -> str:
    """One line per region and engine; the columns are `COLUMNS`."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for region in result.regions:
        curve = region.reported
        if region.dose is None or curve is None:
            rows.writerow([region.name, *[""] * (len(COLUMNS) - 2), "; ".join(region.not_on)])
            continue
        for number, one in enumerate(region.engines):
            bed = region.biological if number == 0 else None
            limit = region.exceedance if number == 0 else None
            difference = None if one.difference_fraction is None else one.difference_fraction * 100
            rows.writerow(
                [
                    region.name,
                    one.engine,
                    curve.method,
                    str(region.dose.curve.determinacy),
                    _cell(region.mass_g),
                    _cell(curve.time_integrated_activity_MBq_h),
                    _cell(curve.lower_MBq_h),
                    _cell(curve.upper_MBq_h),
                    _cell(one.absorbed_dose_Gy),
                    _cell(one.lower_Gy),
                    _cell(one.upper_Gy),
                    _cell(one.electron_Gy),
                    _cell(one.photon_self_Gy),
                    _cell(one.photon_cross_Gy),
                    _cell(one.alpha_Gy),
                    _cell(difference),
                    _cell(bed.bed_Gy if bed else None),
                    _cell(bed.eqd2_Gy if bed else None),
                    _cell(limit.limit_Gy if limit else None),
                    _cell(limit.probability if limit else None),
                    one.why,
                ]
            )
    return text.getvalue()


def dvh_csv(result: PatientDoses) -> str:
    """Share of each region's volume that receives at least a dose: columns region, dose_Gy, volume_fraction."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("region", "dose_Gy", "volume_fraction"))
    for region in result.regions:
        if (histogram := region.histogram) is None:
            continue
        doses = np.linspace(0.0, max(histogram.maximum_Gy, 0.0), DVH_POINTS)
        for dose_Gy, share in zip(doses, histogram.cumulative_fraction(doses), strict=True):
            rows.writerow((region.name, f"{dose_Gy:.6g}", f"{share:.6g}"))
    return text.getvalue()


def _figure(result: PatientDoses, path: Path) -> Path:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 4.5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for region in result.regions:
        if (histogram := region.histogram) is not None:
            doses = np.linspace(0.0, max(histogram.maximum_Gy, 0.0), DVH_POINTS)
            axes.plot(doses, histogram.cumulative_fraction(doses) * 100, label=f"{region.name}")
    axes.set_xlabel("absorbed dose [Gy]")
    axes.set_ylabel("volume with at least that dose [%]")
    axes.set_xlim(left=0)
    axes.set_ylim(0, 101)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize="small")
    axes.set_title(
        f"{result.nuclide.name}, {result.administered_activity_MBq:g} MBq; as blurred as the scan", fontsize=9
    )
    figure.savefig(path, metadata={"Software": "theratrial"})
    return path


def _maps(result: PatientDoses, out: Path, made_at: datetime) -> list[Path]:
    found = result.dose_map
    assert found is not None
    values = found.dose.absorbed_dose_Gy
    stored = np.nan_to_num(values, nan=0.0)
    # Convolution in single precision leaves traces below zero where there is next to nothing.
    np.maximum(stored, 0.0, out=stored)
    # DoseComment is an LO: 64 characters. What the dose rests on stands in results.json.
    comment = f"voxel kernel; {found.undetermined_voxels} voxels without a dose are stored as 0"
    label = DoseLabel(
        entropy=f"theratrial dose {bytes_hash(values.tobytes())}",
        comment=comment,
        made_at=made_at,
        series_description=f"Absorbed dose {result.nuclide.name}",
        software="theratrial",
    )
    grid = found.dose.grid
    return [
        write_rtdose(out / "dose.dcm", grid, stored, found.source.files, label, bits=16),
        write_nifti(out / "dose.nii.gz", grid, values, description="absorbed dose Gy"),
    ]
