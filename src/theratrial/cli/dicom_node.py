"""`theratrial dicom-node`."""

from __future__ import annotations

from theratrial.errors import InputError


def dicom_node() -> None:
    """Receive images over the DICOM network."""
    raise InputError("this command is not there yet; upload images in the browser")
