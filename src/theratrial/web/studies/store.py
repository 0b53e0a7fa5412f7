"""The site's own copies of images: each kept once under its hash, whole or not at all.

Bytes arrive in a folder of their delivery (``incoming/<delivery>``) and are moved into the store
(``ab/cd/<sha256>``) when they are registered; what is cancelled or fails leaves nothing behind.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.conf import settings

from theratrial.errors import InputError

_BLOCK: Final = 1 << 20
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


class DiskFull(InputError):
    """There is no room; nothing of the file was kept."""


class BodyCut(InputError):
    """The line broke in the middle of a file; nothing of that file was kept."""


@dataclass(frozen=True, slots=True)
class Received:
    """A file that arrived: its hash, its size, its first bytes."""

    sha256: str
    size: int
    """In bytes."""
    start: bytes


def stored_path(sha256: str) -> Path:
    """Where the file of this hash is kept, whether it is there or not."""
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise InputError(f"{sha256!r} is no SHA-256 in hexadecimal")
    return Path(settings.MEDIA_ROOT, sha256[:2], sha256[2:4], sha256)


def incoming_folder(delivery: str) -> Path:
    """Where the files of a delivery wait until they are registered."""
    return Path(settings.MEDIA_ROOT, "incoming", delivery)


def written(read: Callable[[int], bytes], folder: Path, *, size: int | None = None, most: int) -> Received:
    """A stream as a file of `folder` named by its hash: written beside, flushed, then renamed.

    Parameters
    ----------
    read
        Gives at most so many bytes, none at the end.
    size
        Bytes that were announced; None: until the end of the stream.
    most
        More bytes than this are refused.

    Raises
    ------
    BodyCut
        Fewer bytes came than were announced.
    DiskFull
        No room is left.
    InputError
        The file is larger than allowed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".part-{secrets.token_hex(8)}"
    digest, count, start = hashlib.sha256(), 0, b""
    try:
        with part.open("xb") as file:
            while size is None or count < size:
                block = read(_BLOCK if size is None else min(_BLOCK, size - count))
                if not block:
                    break
                count += len(block)
                if count > most:
                    raise InputError(f"larger than the {most / 1e9:g} GB allowed for one file; split it")
                if len(start) < 132:
                    start += block[: 132 - len(start)]
                digest.update(block)
                file.write(block)
            if size is not None and count < size:
                raise BodyCut(f"the connection ended after {count} of {size} bytes; send the file again")
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, folder / digest.hexdigest())
    except OSError as error:
        raise _told(error) from error
    finally:
        part.unlink(missing_ok=True)
    return Received(digest.hexdigest(), count, start)


def linked(source: Path, sha256: str) -> None:
    """Take a file of this machine into the store under its known hash: a hard link where possible, else a copy."""
    place = stored_path(sha256)
    if place.exists():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.parent / f".part-{secrets.token_hex(8)}"
    try:
        try:
            os.link(source, part)
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP):
                raise
            shutil.copyfile(source, part)
        os.replace(part, place)
    except OSError as error:
        raise _told(error) from error
    finally:
        part.unlink(missing_ok=True)


def moved_in(source: Path, sha256: str) -> None:
    """Move a received file into the store; does nothing where it is there already."""
    place = stored_path(sha256)
    if source == place:
        # After a crash a file is found where it belongs; it must not be taken for its own copy.
        return
    if place.exists():
        source.unlink(missing_ok=True)
        return
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(source, place)
    except FileNotFoundError:
        # Another task of the same content was quicker.
        if not place.exists():
            raise
    except OSError as error:
        raise _told(error) from error


def set_apart(source: Path, delivery: str) -> None:
    """Move a received file that is no part of the store to where an administrator finds it (``unregistered``)."""
    folder = Path(settings.MEDIA_ROOT, "unregistered", delivery)
    folder.mkdir(parents=True, exist_ok=True)
    os.replace(source, folder / source.name)


def flushed() -> None:
    """Have every name and block written so far on the disk before the database says that they are there."""
    os.sync()


def _told(error: OSError) -> Exception:
    if error.errno in _FULL:
        return DiskFull("the disk of the site is full; free some room and send the rest again")
    return error


__all__ = [
    "BodyCut",
    "DiskFull",
    "Received",
    "flushed",
    "incoming_folder",
    "linked",
    "moved_in",
    "set_apart",
    "stored_path",
    "written",
]
