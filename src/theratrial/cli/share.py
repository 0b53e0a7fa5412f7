"""`theratrial share`."""

from __future__ import annotations

import typer

from theratrial.cli.share_build import build, plan, preview
from theratrial.cli.share_images import check_images, images
from theratrial.cli.share_tables import tables

app = typer.Typer(help="Share what the sharing plan says, without identities, with proof.", no_args_is_help=True)


@app.callback()
def _root() -> None:
    """Holds the commands."""


app.command("images")(images)
app.command("check-images")(check_images)
app.command("tables")(tables)
app.command("plan")(plan)
app.command("preview")(preview)
app.command("build")(build)
