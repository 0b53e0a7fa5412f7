"""An instance on its way to the disk: its bytes as they come, in a file of their own, nothing of it in memory.

The file bears its hash as its name once it is whole, so that a name without its content proves itself wrong after a
crash (`deliveries.reconciled`). It is flushed, and its name with it, before anybody is told that it is here.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.conf import settings

from theratrial.errors import InputError
from theratrial.imaging.catalogue_header import NotDicom, read_header
from theratrial.web.dicom_node.commands import CANNOT_UNDERSTAND, DOES_NOT_MATCH, OUT_OF_RESOURCES, PROCESSING_FAILURE
from theratrial.web.dicom_node.config import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION
from theratrial.web.dicom_node.flushing import flushed, path_flushed
from theratrial.web.studies import store
from theratrial.web.studies.arrivals import Arrived

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_LONG_VALUES: Final = frozenset({b"OB"})


class Refused(Exception):
    """An instance is not taken: the status of the answer, and why in a few words."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class Announced:
    """What the command says of an instance."""

    sop_class: str
    sop_instance: str
    transfer_syntax: str


def spool() -> Path:
    """Where instances are until they are whole."""
    return Path(settings.MEDIA_ROOT, "incoming", ".dicom")


def file_meta(said: Announced) -> bytes:
    """Preamble and file meta information (PS3.10 7.1).

    The sender is not in it: an instance that comes again, from whomever, must be the same file.
    """
    elements = _element(0x0001, b"OB", b"\0\1") + _element(0x0002, b"UI", said.sop_class.encode())
    elements += _element(0x0003, b"UI", said.sop_instance.encode())
    elements += _element(0x0010, b"UI", said.transfer_syntax.encode())
    elements += _element(0x0012, b"UI", IMPLEMENTATION_CLASS_UID.encode())
    elements += _element(0x0013, b"SH", IMPLEMENTATION_VERSION.encode(), b" ")
    return bytes(128) + b"DICM" + _element(0x0000, b"UL", struct.pack("<L", len(elements))) + elements


def _element(number: int, kind: bytes, value: bytes, padding: bytes = b"\0") -> bytes:
    value += padding * (len(value) % 2)
    if kind in _LONG_VALUES:
        return struct.pack("<HH2sHL", 2, number, kind, 0, len(value)) + value
    return struct.pack("<HH2sH", 2, number, kind, len(value)) + value


class Incoming:
    """One instance being received.

    Raises
    ------
    Refused
        There is no room for it, or the disk cannot be written.
    """

    def __init__(self, said: Announced, *, most_bytes: int, reserve_bytes: int) -> None:
        self.said = said
        self._most_bytes = most_bytes
        self._path = spool() / f".part-{secrets.token_hex(8)}"
        self._digest = hashlib.sha256()
        self.bytes = 0
        try:
            if shutil.disk_usage(self._path.parent).free < reserve_bytes:
                raise Refused(OUT_OF_RESOURCES, "the disk of the site is full")
            self._file = self._path.open("xb", buffering=0)
        except OSError as error:
            raise _refusal(error) from error
        self.write(memoryview(file_meta(said)))

    def write(self, fragment: memoryview) -> None:
        """The next bytes of the data set."""
        self.bytes += len(fragment)
        if self.bytes > self._most_bytes:
            self.dropped()
            raise Refused(OUT_OF_RESOURCES, f"more than {self._most_bytes / 1e9:.3g} GB in one instance")
        self._digest.update(fragment)
        try:
            left = fragment
            while len(left):
                left = left[self._file.write(left) :]
        except OSError as error:
            self.dropped()
            raise _refusal(error) from error

    def looked_at(self) -> None:
        """Refuse what could not be registered: what is acknowledged must be kept, and kept is what has a place.

        Raises
        ------
        Refused
            The bytes are no complete data set of the instance that was announced.
        """
        try:
            header = read_header(self._path)
        except (InputError, NotDicom, OSError, ValueError, OverflowError, RecursionError) as error:
            raise Refused(CANNOT_UNDERSTAND, "the data set cannot be read") from error
        if not (header.series_instance_uid and header.modality):
            raise Refused(CANNOT_UNDERSTAND, "no SeriesInstanceUID or no Modality")
        if header.truncated:
            raise Refused(CANNOT_UNDERSTAND, f"cut off: {header.truncated}")
        if header.sop_instance_uid != self.said.sop_instance or header.sop_class_uid != self.said.sop_class:
            raise Refused(DOES_NOT_MATCH, "the data set is of another instance than the command")

    def kept(self, folder: Path) -> Arrived:
        """Move the whole file into `folder` under its hash; on the disk when this returns.

        The name is changed before the flush, so that one flush brings both to the disk.
        """
        sha256 = self._digest.hexdigest()
        target = folder / sha256
        known = store.stored_path(sha256)
        there = next((path for path in (known, target) if path.exists()), None)
        try:
            if there is None:
                os.replace(self._path, target)
                flushed(self._file.fileno(), folder)
            elif there == target:
                # Another association has brought it; it may still be waiting for the disk itself.
                path_flushed(target)
                path_flushed(folder)
        except OSError as error:
            if there is None:
                target.unlink(missing_ok=True)
            raise _refusal(error) from error
        finally:
            self.dropped()
        return Arrived(f"{self.said.sop_instance}.dcm", self.bytes, sha256)

    def dropped(self) -> None:
        """Leave nothing behind of what is not kept."""
        self._file.close()
        self._path.unlink(missing_ok=True)


def _refusal(error: OSError) -> Refused:
    if error.errno in _FULL:
        return Refused(OUT_OF_RESOURCES, "the disk of the site is full")
    return Refused(PROCESSING_FAILURE, f"the disk of the site cannot be written ({error.strerror})")


__all__ = ["Announced", "Incoming", "Refused", "file_meta", "spool"]
