"""Where a restored site is put together, and how it comes into its place; knows no Django, which reads a site's key."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from theratrial.errors import InputError


@contextmanager
def site_beside(folder: Path) -> Iterator[Path]:
    """A hidden folder in which a site is put together, renamed to `folder` at the end.

    Raises
    ------
    InputError
        There is something in `folder`.
    """
    refuse_used_folder(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    half = Path(tempfile.mkdtemp(prefix=f".{folder.name}.restoring-", dir=folder.parent))
    try:
        yield half
    finally:
        shutil.rmtree(half, ignore_errors=True)


def refuse_used_folder(folder: Path) -> None:
    """Refuse a site folder in which there is anything.

    Raises
    ------
    InputError
        There is.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise InputError(f"{folder} is no folder; name a new one with --site")
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty; a backup is restored into a new folder only")


def put_in_place(half: Path, folder: Path) -> None:
    """The finished site where it belongs."""
    os.sync()
    if folder.is_dir():
        folder.rmdir()  # fails where somebody put something in meanwhile
    half.rename(folder)
    half.mkdir()  # what the caller takes away
