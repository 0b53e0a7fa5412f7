"""Bringing a file and its name to the disk, with as few waits for it as the file system allows."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Final

_NAMES_WITH_FILES: Final = frozenset({"ext4", "xfs", "btrfs"})
"""Journaling file systems in which a rename changes the file's own inode, so that its flush commits the rename too."""


def flushed(handle: int, folder: Path) -> None:
    """Return when the file of `handle`, renamed into `folder` before, is on the disk under its new name.

    A second wait costs as much as the first: 3 ms on a usual disk, for each of three hundred slices.
    """
    os.fsync(handle)
    if not names_go_with_files(folder):
        path_flushed(folder)


def path_flushed(path: Path) -> None:
    """Return when a file or the names in a folder are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def names_go_with_files(folder: Path) -> bool:
    """Whether flushing a file flushes its rename; False where that is not known."""
    return _kind(os.stat(folder).st_dev) in _NAMES_WITH_FILES


@lru_cache(maxsize=16)
def _kind(device: int) -> str:
    """File system of a device by the kernel's list of mounts; empty where there is none."""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        before, _dash, after = line.partition(" - ")
        if before.split()[2] == wanted:
            return after.split()[0]
    return ""


__all__ = ["flushed", "names_go_with_files", "path_flushed"]
