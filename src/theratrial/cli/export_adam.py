"""`theratrial export adam`: the trial's analysis data sets with define.xml and definitions."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

import typer

from theratrial.cli import console

_FORMATS: Final = {"dataset-json": ("dataset-json",), "xpt": ("xpt",), "both": ("dataset-json", "xpt")}


def adam(
    result: Path = typer.Argument(help="Folder that `theratrial run --out` wrote."),
    out: Path = typer.Argument(help="Folder for the package; it must not exist yet, or be empty."),
    trial: Path = typer.Option(None, "--trial", help="The trial folder, if it was moved since."),
    form: str = typer.Option("both", "--format", help="dataset-json, xpt or both; each in a folder of its own."),
    made_at: str = typer.Option(
        "", "--made-at", help="Moment of making with its offset; without it now. Equal moments give equal bytes."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print what was written as JSON."),
) -> None:
    """Write analysis data sets (ADaMIG 1.3) as Dataset-JSON 1.1 and transport files, with Define-XML 2.1."""
    from theratrial.errors import InputError
    from theratrial.pipeline.adam_package import adam_package
    from theratrial.pipeline.sdtm_package import folder_written, opened_result

    if form not in _FORMATS:
        raise InputError(f"--format {form!r} is not known; take dataset-json, xpt or both")
    folder, values = opened_result(result, trial)
    with console.progress("Writing ADaM", total=3) as progress:
        package = adam_package(
            folder, values, made_at=made_at or datetime.now(folder.zone).replace(microsecond=0), formats=_FORMATS[form]
        )
        progress.advance("data sets")
        folder_written(out, package.files)
        progress.advance("files", by=2)
    named, records = package.traced
    if as_json:
        console.print_json(
            {
                "out": str(out),
                "records": {name: number for name, _, number in package.listed},
                "traced_to_sdtm": named,
                "left_out": package.left_out,
                "simulated": values.simulated,
                "locked": folder.locked,
            }
        )
        return
    console.print_table(("Data set", "Label", "Records"), package.listed)
    console.say(f"{named} of {records} records name their record of SDTM, all of them their place in the results.")
    if values.simulated:
        console.say("The participants are virtual; define.xml and the definitions say so.")
    if not folder.locked:
        console.note("The data are not locked: the package says that it is a draft.")
    if package.left_out:
        console.note(f"{package.left_out} who withdrew the use of their data are in no data set.")
    console.say(f"ADaM package: {out}")
