"""`theratrial respond recist FILE.csv`: response from a table of lesions, with the arithmetic of every category."""

from __future__ import annotations

from datetime import date
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


class Dated(StrEnum):
    """From when a new lesion that was in doubt is progression, once it is confirmed."""

    FIRST_SEEN = "first_seen"
    CONFIRMED = "confirmed"


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
            "status (measured, absent, too_small, merged, present, progressed, not_evaluated); length_mm, or length "
            "with unit (mm, cm); nodal, axis (long, short), organ, merged_into, visit, treatment_start.",
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
        bool, typer.Option("--reappeared-by-sum", help="What is seen again after CR is judged by the sum, not PD.")
    ] = False,
    normal_nodes_by_sum: Annotated[
        bool, typer.Option("--normal-nodes-by-sum", help="Nodes that stay below 10 mm can progress by the sum.")
    ] = False,
    doubtful_dated: Annotated[
        Dated, typer.Option("--doubt-dated", help="Day of a new lesion that was in doubt and is confirmed later.")
    ] = Dated.FIRST_SEEN,
    partial_after_complete: Annotated[
        bool, typer.Option("--cr-was-pr", help="A CR that is followed by PR was read in error and counts as PR.")
    ] = False,
    early_complete_progresses: Annotated[
        bool, typer.Option("--early-cr-pd", help="CR, then SD or PR, all before --stable: PD as in table 3, not NE.")
    ] = False,
    targets: Annotated[int, typer.Option("--targets", help="Most targets that are followed.")] = 5,
    per_organ: Annotated[int, typer.Option("--per-organ", help="Most targets that are followed in one organ.")] = 2,
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
        normal_nodes_progress=normal_nodes_by_sum,
        doubtful_dated=doubtful_dated.value,
        partial_after_complete=partial_after_complete,
        early_complete_progresses=early_complete_progresses,
        missing_is_not_evaluable=missing_is_ne,
        largest_targets=targets,
        largest_targets_per_organ=per_organ,
    )
    lesions = read_lesions(csv_text(file), name=str(file), latest=date.today())
    found = list(subject_responses(lesions, options))
    if as_json:
        console.print_json({"criteria": "RECIST 1.1", "options": options, "subjects": found})
        return
    for one in found:
        _show(one)


def _show(one: SubjectResponse) -> None:
    title = f"{one.subject}: {one.best.response}, {one.best.because}"
    if not one.time_points:
        console.say(title)
    else:
        _show_visits(one, title)
    for caution in one.cautions:
        console.note(f"{one.subject}: {caution}")


def _show_visits(one: SubjectResponse, title: str) -> None:
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
        title=title,
    )
