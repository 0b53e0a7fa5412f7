"""A folder that is made under another name and gets its own at the end; what a kill left is cleared by the next run."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from theratrial.errors import InputError

MARKER: Final = "UNFINISHED.txt"
_SAID: Final = "Unfinished: nothing here is proven. The next run of theratrial removes this folder.\n"


def begun(partial: Path) -> None:
    """Make the folder anew, with its marker.

    Raises
    ------
    InputError
        One is there without the marker: it is somebody's own.
    """
    if partial.exists() and not (partial / MARKER).is_file():
        raise InputError(
            f"{partial}: is there and is not what an interrupted command left -> move it away, or name another folder"
        )
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    (partial / MARKER).write_text(_SAID)


def finished(partial: Path, out: Path) -> None:
    """Take the marker away and give the folder its name."""
    (partial / MARKER).unlink()
    os.rename(partial, out)
