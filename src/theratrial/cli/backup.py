"""`theratrial backup` and `theratrial restore`."""

from __future__ import annotations

from theratrial.errors import InputError


def backup() -> None:
    """Save a site: database, images, settings."""
    raise InputError("this command is not there yet")


def restore() -> None:
    """Bring a saved site back, checked."""
    raise InputError("this command is not there yet")
