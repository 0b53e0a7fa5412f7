"""`theratrial export`: a trial and its results in the standards of others. Each format has a module of its own."""

from __future__ import annotations

import typer

from theratrial.cli.export_adam import adam
from theratrial.cli.export_dicom import dicom
from theratrial.cli.export_fhir import fhir
from theratrial.cli.export_odm import odm
from theratrial.cli.export_sdtm import sdtm
from theratrial.cli.export_usdm import usdm

app = typer.Typer(
    help="Write a trial and its results in the standards of regulators, sponsors and scanners.", no_args_is_help=True
)


@app.callback()
def _root() -> None:
    """Holds the formats."""


app.command("dicom")(dicom)
app.command("adam")(adam)
app.command("fhir")(fhir)
app.command("odm")(odm)
app.command("sdtm")(sdtm)
app.command("usdm")(usdm)
