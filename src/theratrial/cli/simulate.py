"""`theratrial simulate`: a virtual cohort as a trial folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from theratrial.cli import console


def simulate(
    directory: Annotated[Path, typer.Argument(help="Folder to write; it must not exist, or hold a simulation.")],
    participants: Annotated[int, typer.Option(help="Treated participants; screen failures come on top.")] = 15,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal files.")] = 1,
    small: Annotated[bool, typer.Option("--small", help="Coarse images, for tests.")] = False,
    workers: Annotated[int, typer.Option(help="Processes; 0 for one per core.")] = 0,
    protocol: Annotated[Path | None, typer.Option(help="Protocol file; default is the trial that is shipped.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace whatever the folder holds.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Write a virtual cohort: protocol, records, DICOM images and truth.json."""
    from theratrial.simulation import cohort

    total = participants + len(cohort.failures(max(participants, 1)))
    with console.progress("Simulating participants", total) as steps:
        summary = cohort.simulate(
            directory,
            protocol=protocol,
            participants=participants,
            seed=seed,
            small=small,
            workers=workers or cohort.default_workers(),
            force=force,
            progress=steps.advance,
        )
    if as_json:
        console.print_json(summary)
        return
    failures = f"{summary.screen_failures} screen failure{'' if summary.screen_failures == 1 else 's'}"
    console.say(
        f"{summary.directory}: {summary.treated} treated participants ({summary.sessions} sessions), "
        f"{failures}, {summary.files} files, {summary.megabytes:.0f} MB"
    )
    console.note(f"To run it: theratrial run {summary.directory} --out {summary.directory}-result")
