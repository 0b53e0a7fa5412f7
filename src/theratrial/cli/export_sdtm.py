"""`theratrial export sdtm`: the trial as SDTM data sets with define.xml, definitions and reviewer's guide."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

import typer

from theratrial.cli import console

_FORMATS: Final = {"dataset-json": ("dataset-json",), "xpt": ("xpt",), "both": ("dataset-json", "xpt")}


def sdtm(
    result: Path = typer.Argument(help="Folder that `theratrial run --out` wrote."),
    out: Path = typer.Argument(help="Folder for the package; it must not exist yet, or be empty."),
    trial: Path = typer.Option(None, "--trial", help="The trial folder, if it was moved since."),
    form: str = typer.Option("both", "--format", help="dataset-json, xpt or both; each in a folder of its own."),
    made_at: str = typer.Option(
        "", "--made-at", help="Moment of making with its offset; without it now. Equal moments give equal bytes."
    ),
    pdf: bool = typer.Option(True, help="Also write the reviewer's guide as PDF, where Pango is installed."),
    as_json: bool = typer.Option(False, "--json", help="Print what was written as JSON."),
) -> None:
    """Write SDTM (SDTMIG 3.4) as Dataset-JSON 1.1 and transport files, with Define-XML 2.1 and a reviewer's guide."""
    from theratrial.errors import InputError
    from theratrial.pipeline.sdtm_package import folder_written, opened_result, sdtm_package

    if form not in _FORMATS:
        raise InputError(f"--format {form!r} is not known; take dataset-json, xpt or both")
    folder, values = opened_result(result, trial)
    with console.progress("Writing SDTM", total=3) as progress:
        package = sdtm_package(
            folder,
            values,
            made_at=made_at or datetime.now(folder.zone).replace(microsecond=0),
            pdf=pdf,
            formats=_FORMATS[form],
        )
        progress.advance("data sets")
        folder_written(out, package.files)
        progress.advance("files", by=2)
    if as_json:
        console.print_json(
            {
                "out": str(out),
                "records": dict(package.records),
                "left_out": package.left_out,
                "simulated": values.simulated,
                "locked": folder.locked,
            }
        )
        return
    console.print_table(("Data set", "Label", "Records"), [(n, label, number) for n, label, number in package.listed])
    if values.simulated:
        console.say("The participants are virtual; TS, define.xml and the guide say so.")
    if not folder.locked:
        console.note("The data are not locked: the package says that it is a draft.")
    if package.left_out:
        console.note(f"{package.left_out} who withdrew the use of their data are in no data set.")
    if package.without_pdf_because:
        console.note(f"No PDF of the guide: {package.without_pdf_because}.")
    console.say(f"SDTM package: {out}")
