"""`theratrial share`."""

from __future__ import annotations

import typer

from theratrial.cli.share_images import images

app = typer.Typer(help="Share what the sharing plan says, without identities, with proof.", no_args_is_help=True)


@app.callback()
def _root() -> None:
    """Holds the commands."""


app.command("images")(images)
