"""`theratrial init DIR`: an empty trial folder for one's own protocol and patients."""

from __future__ import annotations

from pathlib import Path

import typer

from theratrial.cli import NOT_A_MEDICAL_DEVICE, console


def init(
    directory: Path = typer.Argument(..., metavar="DIR", help="A new folder, or an empty one."),
    as_json: bool = typer.Option(False, "--json", help="Print the files written as JSON."),
) -> None:
    """Make an empty trial folder: protocol and registration templates, record tables with headers, a README."""
    from theratrial.trialfolder.template import make_folder

    files = make_folder(directory)
    if as_json:
        console.print_json({"folder": directory, "files": files})
        return
    console.say(f"Made {directory} with {', '.join(files[:4])}, {len(files) - 5} tables in records/, and images/.")
    console.say("Next:")
    console.say(f"  1. {directory / 'README.md'} says what belongs where.")
    console.say(
        f"  2. Put your trial into {directory / 'protocol.yaml'}; `theratrial protocol check {directory}` tells what"
    )
    console.say("     is open. Every value in it is an example.")
    console.say(f"  3. Fill in the tables, put the DICOM files into {directory / 'images'}.")
    console.say(f"  4. theratrial run {directory} --out result")
    console.note(NOT_A_MEDICAL_DEVICE)
