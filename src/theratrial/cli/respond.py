"""`theratrial respond recist FILE.csv`: response from a table of lesions, with the arithmetic of every category."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from theratrial.cli import console
from theratrial.cli.files import csv_text
from theratrial.cli.respond_pet import eortc, percist
from theratrial.cli.respond_replay import replay

if TYPE_CHECKING:
    from theratrial.response.recist.table import SubjectResponse

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Response categories from a table of lesions.")


class Stays(StrEnum):
    """How long a partial response stays one."""

    ONCE_CONFIRMED = "once_confirmed"
    ONCE_ASSIGNED = "once_assigned"
    NEVER = "never"


app.command()(percist)
app.command()(eortc)
app.command()(replay)


@app.callback()
def _root() -> None:
    """Keeps `recist` a command of its own."""


@app.command()
def recist(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.csv",
            help="One line for each lesion at each visit: subject, date, lesion, role (target, non_target, new), "
            "status (measured, absent, too_small, present, progressed, not_evaluated); length_mm, nodal, organ, visit, "
            "treatment_start.",
        ),
    ],
    confirmation_days: Annotated[
        int, typer.Option("--confirm", help="Days to the confirmation of CR and PR; -1: none is asked for.")
    ] = 28,
    stable_days: Annotated[int, typer.Option("--stable", help="Shortest stable disease [days].")] = 42,
    partial_stays: Annotated[
        Stays, typer.Option("--partial-stays", help="When a partial response stays one until progression.")
    ] = Stays.ONCE_CONFIRMED,
    not_evaluable: Annotated[
        int, typer.Option("--ne-between", help="How many NE may lie between a response and its confirmation.")
    ] = 1,
    stable_between: Annotated[
        bool, typer.Option("--sd-between", help="One SD may lie between a partial response and its confirmation.")
    ] = False,
    too_small_mm: Annotated[
        float, typer.Option("--too-small", help="What a target too small to be measured counts as [mm].")
    ] = 5.0,
    beyond_progression: Annotated[
        bool, typer.Option("--beyond-progression", help="Assessments after the first progression count too.")
    ] = False,
    reappeared_by_sum: Annotated[
        bool, typer.Option("--reappeared-by-sum", help="A target seen again after CR is judged by the sum, not PD.")
    ] = False,
    missing_is_ne: Annotated[
        bool, typer.Option("--missing-is-ne", help="Without any assessment: NE in place of MISSING.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print values as JSON.")] = False,
) -> None:
    """RECIST 1.1: every time point, and the best overall response.

    The baseline is the last visit on or before treatment_start; without that column the earliest visit.
    """
    from theratrial.response.recist.options import RecistOptions
    from theratrial.response.recist.table import read_lesions, subject_responses

    options = RecistOptions(
        partial_stays=partial_stays.value,
        confirmation_days=None if confirmation_days == -1 else confirmation_days,
        stable_days=stable_days,
        not_evaluable_between=not_evaluable,
        stable_between=stable_between,
        too_small_mm=too_small_mm,
        beyond_progression=beyond_progression,
        reappeared_progresses=not reappeared_by_sum,
        missing_is_not_evaluable=missing_is_ne,
    )
    found = list(subject_responses(read_lesions(csv_text(file), name=str(file)), options))
    if as_json:
        console.print_json({"criteria": "RECIST 1.1", "options": options, "subjects": found})
        return
    for one in found:
        _show(one)
    if any(one.reference_is_baseline for one in found):
        console.note("Stable disease is counted from the baseline where the table gives no treatment_start.")


def _show(one: SubjectResponse) -> None:
    console.print_table(
        ("day", "response", "targets", "non-targets", "new", "sum [mm]", "because"),
        [
            (
                str(point.day),
                point.overall,
                point.target,
                point.non_target,
                point.new,
                "" if point.sum_mm is None else f"{point.sum_mm:g}",
                point.because,
            )
            for point in one.time_points
        ],
        title=f"{one.subject}: {one.best.response}, {one.best.because}",
    )
    for caution in one.cautions:
        console.note(f"{one.subject}: {caution}")
