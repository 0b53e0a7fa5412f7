"""Zip archives, unpacked without trusting a word of their directory."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from theratrial.errors import InputError
from theratrial.web.studies import store
from theratrial.web.studies.arrivals import Arrived, harmless, sorted_out
from theratrial.web.studies.limits import Limits, limits

_ENCRYPTED: Final = 0x1
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class ArchiveRefused(InputError):
    """The archive as a whole is not taken."""


def unpacked(archive: Path, name: str, folder: Path, *, room: int | None = None) -> Iterator[Arrived]:
    """The files of an archive, written under their hash into `folder`.

    Entries are never written under their own names, so that no path leads anywhere. What is passed over is told.

    Parameters
    ----------
    room
        Files that the delivery may still bring.

    Raises
    ------
    ArchiveRefused
        It is damaged, encrypted, or grows beyond the limits when unpacked.
    DiskFull
        No room is left.
    """
    bounds = limits()
    most_files = bounds.files if room is None else room
    try:
        with zipfile.ZipFile(archive) as zipped:
            entries = [entry for entry in zipped.infolist() if not entry.is_dir()]
            _judged(name, entries, archive.stat().st_size, bounds, most_files)
            packed = archive.stat().st_size
            left = min(bounds.archive_bytes, int(bounds.archive_ratio * packed) + 4096)
            for entry in entries:
                for found in _entry(zipped, entry, name, folder, left, bounds):
                    left -= found.bytes
                    yield found
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeError, ValueError) as error:
        raise ArchiveRefused(
            f"{name}: the archive is damaged or of an unknown kind ({error}); pack it again"
        ) from error


def _judged(name: str, entries: list[zipfile.ZipInfo], packed: int, bounds: Limits, most_files: int) -> None:
    if len(entries) > most_files:
        raise ArchiveRefused(f"{name}: holds {len(entries)} files, {most_files} may still come; send it in parts")
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        raise ArchiveRefused(f"{name}: is encrypted; unpack it and send the folder")
    total = sum(entry.file_size for entry in entries)
    if total > bounds.archive_bytes:
        raise ArchiveRefused(
            f"{name}: would unpack to {total / 1e9:.1f} GB; {bounds.archive_bytes / 1e9:.0f} GB are allowed"
        )
    if total > bounds.archive_ratio * max(packed, 1):
        raise ArchiveRefused(
            f"{name}: would unpack to {total / max(packed, 1):.0f} times its size, {bounds.archive_ratio:.0f} are "
            "allowed; send the folder itself"
        )


def _entry(
    zipped: zipfile.ZipFile, entry: zipfile.ZipInfo, archive: str, folder: Path, left: int, bounds: Limits
) -> Iterator[Arrived]:
    name = harmless(f"{archive}/{entry.filename}")
    if stat.S_ISLNK(entry.external_attr >> 16):
        yield Arrived(name, 0, reason="is a symbolic link, which is not followed")
        return
    if entry.compress_type not in _METHODS:
        yield Arrived(name, 0, reason="is compressed in a way that is not read; pack with deflate")
        return
    # The directory may lie about the size: the stream is bounded by what is left, whatever it says.
    most = min(left, bounds.file_bytes)
    try:
        with zipped.open(entry) as stream:
            came = store.written(stream.read, folder, most=most)
    except store.DiskFull:
        raise
    except InputError as error:
        raise ArchiveRefused(f"{archive}: an entry unpacks to more than it says ({error})") from error
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        yield Arrived(name, 0, reason=f"is damaged inside the archive ({error})")
        return
    found = sorted_out(name, came)
    if found.archive:
        found = Arrived(name, came.size, reason="is an archive inside an archive, which is not unpacked")
    if found.reason:
        (folder / came.sha256).unlink(missing_ok=True)
    yield found


__all__ = ["ArchiveRefused", "unpacked"]
