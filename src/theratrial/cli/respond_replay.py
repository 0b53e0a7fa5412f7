"""`theratrial respond replay RESULT --change partial_decrease_percent=25`: whose category another rule would change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from theratrial.cli import console

if TYPE_CHECKING:
    from theratrial.results.criteria import Replay


def replay(
    out: Annotated[Path, typer.Argument(metavar="RESULT", help="Folder that `theratrial run --out` wrote.")],
    change: Annotated[
        list[str] | None,
        typer.Option("--change", help="name=value, e.g. partial_decrease_percent=25; may stand more than once."),
    ] = None,
    trial: Annotated[Path | None, typer.Option("--trial", help="The trial folder, if it was moved since.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print values as JSON.")] = False,
) -> None:
    """Read the response of a finished run again under a change; without --change, under every change of its rules."""
    from theratrial.pipeline.replay_results import replayed_results

    found = replayed_results(out, tuple(change or ()), trial=trial)
    if as_json:
        console.print_json({"replays": found})
        return
    console.print_table(
        ("change", "counted", "proportion", "flips"),
        [(one.change, f"{one.successes} of {one.analysed}", _share(one), _flips(one)) for one in found],
        title="The response under one change each",
    )
    if change:
        _tell_why(found)


def _share(one: Replay) -> str:
    share = one.proportion
    if share.value is None or share.lower is None or share.upper is None:
        return share.note
    return f"{share.value:.1%} ({share.lower:.1%} to {share.upper:.1%})"


def _flips(one: Replay) -> str:
    said = [
        f"{who.participant_id} {who.before} to {who.after}"
        if who.before != who.after
        else f"{who.participant_id} {who.counted_before} to {who.counted_after}"
        for who in one.flipped
    ]
    return ", ".join(said) or "nobody"


def _tell_why(found: tuple[Replay, ...]) -> None:
    for one in found:
        for who in one.flipped:
            console.say(f"{who.participant_id}, {one.change}: {who.because}")
