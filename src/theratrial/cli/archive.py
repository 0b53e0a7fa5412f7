"""`theratrial archive`."""

from __future__ import annotations

import typer

app = typer.Typer(help="The inspector's archive: one file, verified without the software.", no_args_is_help=True)


@app.callback()
def _root() -> None:
    """Holds the commands."""
