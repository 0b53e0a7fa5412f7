"""`theratrial respond percist FILE.csv` and `eortc FILE.csv`: metabolic response from a table of lesions."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from theratrial.cli import console
from theratrial.cli.files import csv_text

if TYPE_CHECKING:
    from theratrial.protocol.plans.criteria import LeanBodyMass, UptakeBy
    from theratrial.response.pet.percist import PercistOptions
    from theratrial.response.pet.scans import Comparability
    from theratrial.response.pet.table_responses import PetCriteria, SubjectPetResponse


class Formula(StrEnum):
    """Formulas of lean body mass."""

    JAMES_128 = "james_128"
    MORGAN_120 = "morgan_120"
    JANMAHASATIAN = "janmahasatian"


_File = Annotated[
    Path,
    typer.Argument(
        metavar="FILE.csv",
        help="One line for each lesion on each scan: subject, date, lesion, status (present, resolved, "
        "not_assessable), uptake_g_per_mL; role, total_g; and of the scan liver_mean_g_per_mL, liver_sd_g_per_mL, "
        "uptake_min, injected_MBq, scanner, glucose_mg_per_dL ... (docs/methods/pet_response.md).",
    ),
]
_Lbm = Annotated[
    Formula | None,
    typer.Option("--lbm", help="Uptakes are by body weight: convert them by this formula of lean body mass."),
]
_Bsa = Annotated[
    bool,
    typer.Option(
        "--bsa", help="Uptakes are by body weight: convert them to body surface (Du Bois), which the paper recommends."
    ),
]
_Earliest = Annotated[float, typer.Option("--earliest", help="Earliest uptake time [min].")]
_Latest = Annotated[float, typer.Option("--latest", help="Latest uptake time [min].")]
_Glucose = Annotated[bool, typer.Option("--glucose/--no-glucose", help="Whether blood glucose must be known (FDG).")]
_Comparable = Annotated[
    bool, typer.Option("--assume-comparable", help="Do not ask whether the scans can be compared; it is said so.")
]
_OtherRise = Annotated[
    float,
    typer.Option("--other-rise", help="Rise of another lesion that forbids a partial response [%]; -1: not asked."),
]
_Above = Annotated[
    bool, typer.Option("--beyond-limits", help="Falls and measurable uptakes lie beyond their limits, not at them.")
]
_BloodTable = Annotated[
    bool,
    typer.Option("--blood-without-sd", help="Liver diseased: twice the blood pool, without 2 SD (table, not text)."),
]
_Json = Annotated[bool, typer.Option("--json", help="Print values as JSON.")]


def percist(
    file: _File,
    lbm: _Lbm = None,
    earliest: _Earliest = 50.0,
    latest: _Latest = 70.0,
    glucose: _Glucose = True,
    assume_comparable: _Comparable = False,
    other_rise: _OtherRise = 30.0,
    beyond_limits: _Above = False,
    blood_without_sd: _BloodTable = False,
    as_json: _Json = False,
) -> None:
    """PERCIST 1.0: every scan against the baseline, by SULpeak of the hottest lesion.

    The baseline is the last scan on or before treatment_start; without that column the earliest.
    """
    from theratrial.errors import InputError
    from theratrial.response.pet.percist import PercistOptions

    if other_rise != -1 and not 0 <= other_rise < float("inf"):
        raise InputError(f"--other-rise is 0 or more, or -1, got {other_rise:g}")
    limits = None if assume_comparable else _limits(earliest, latest, glucose=glucose)
    options = PercistOptions(
        other_rise_percent=None if other_rise == -1 else other_rise,
        fall_at_limit=not beyond_limits,
        measurable_at_limit=not beyond_limits,
        blood_pool_two_sd=not blood_without_sd,
        comparability=limits,
    )
    by: UptakeBy | None = None if lbm is None else "lean_body_mass"
    _respond(file, "percist", by, lbm, limits, as_json=as_json, options=options)


def eortc(
    file: _File,
    lbm: _Lbm = None,
    bsa: _Bsa = False,
    earliest: _Earliest = 50.0,
    latest: _Latest = 70.0,
    glucose: _Glucose = True,
    assume_comparable: _Comparable = False,
    as_json: _Json = False,
) -> None:
    """EORTC 1999: every scan against the baseline, by the sum of SUV of the targets; needs the column cycles."""
    from theratrial.errors import InputError

    if bsa and lbm is not None:
        raise InputError("--bsa and --lbm are two measures of the body; give one")
    limits = None if assume_comparable else _limits(earliest, latest, glucose=glucose)
    by: UptakeBy | None = "body_surface_area" if bsa else "lean_body_mass" if lbm is not None else None
    _respond(file, "eortc", by, lbm, limits, as_json=as_json)


def _limits(earliest: float, latest: float, *, glucose: bool) -> Comparability:
    from theratrial.errors import InputError
    from theratrial.response.pet.scans import Comparability

    if not 0 <= earliest < latest < float("inf"):
        raise InputError(f"--earliest {earliest:g} and --latest {latest:g} min are no window; earliest is the smaller")
    asked = Comparability()
    return Comparability(
        shortest_uptake_min=earliest,
        longest_uptake_min=latest,
        highest_glucose_mg_per_dL=asked.highest_glucose_mg_per_dL if glucose else None,
    )


def _respond(
    file: Path,
    criteria: PetCriteria,
    by: UptakeBy | None,
    lbm: Formula | None,
    limits: Comparability | None,
    *,
    as_json: bool,
    options: PercistOptions | None = None,
) -> None:
    from theratrial.response.pet.table import read_scans
    from theratrial.response.pet.table_responses import pet_responses
    from theratrial.response.uptake_measure import UNITS

    formula: LeanBodyMass | None = None if lbm is None else lbm.value
    scans = read_scans(csv_text(file), name=str(file), by=by, formula=formula, latest=date.today())
    found = list(pet_responses(scans, criteria, limits, options))
    unit = "g/mL" if by is None else UNITS[by]
    title = {"percist": "PERCIST 1.0", "eortc": "EORTC 1999"}[criteria]
    if as_json:
        console.print_json(
            {
                "criteria": title,
                "uptake_by": by or "as given",
                "lean_body_mass": formula or "as given",
                "unit": unit,
                "comparability": limits,
                "options": options,
                "subjects": found,
            }
        )
        return
    for one in found:
        _show(one, title, unit)
    if limits is None:
        console.note("Whether the scans can be compared was not asked.")
    console.note(f"{title} is made for FDG; for another tracer no response criteria are validated.")


def _show(one: SubjectPetResponse, title: str, unit: str) -> None:
    console.print_table(
        ("day", "response", f"before [{unit}]", f"after [{unit}]", "change [%]", "because"),
        [
            (
                str(at.day),
                at.response.category,
                _text(at.response.before, ".2f"),
                _text(at.response.after, ".2f"),
                _text(at.response.change_percent, "+.1f"),
                at.response.because,
            )
            for at in one.responses
        ],
        title=f"{one.subject}: {title}, baseline {one.baseline}",
    )
    limit = getattr(one.responses[0].response, "measurable_from", None)
    if limit is not None:
        console.say(f"A lesion of the baseline is measurable from SULpeak {limit:.2f} g/mL.")
    for caution in one.cautions:
        console.note(f"{one.subject}: {caution}")


def _text(value: float | None, how: str) -> str:
    return "" if value is None else format(value, how)
