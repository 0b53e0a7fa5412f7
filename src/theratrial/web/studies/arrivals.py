"""Files on their way in: how a batch is framed on the line, and the journal of what a delivery has brought.

A batch is one request body: for every file one line of JSON ``{"name": ..., "bytes": ...}`` and then its bytes. It is
read as a stream, so a file is never held in memory, and every file that came whole stays when the line breaks. The
journal is progress, not data: the ledger's acts begin when the files are registered.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from theratrial.errors import InputError
from theratrial.web.studies import store
from theratrial.web.studies.limits import Limits, limits

_LONGEST_LINE: Final = 8192
JOURNAL: Final = "journal.jsonl"
_PROGRESS: Final = "progress.json"
_ARCHIVE_STARTS: Final = (b"PK\x03\x04", b"PK\x05\x06")
_NAMED_AS_DICOM: Final = (".dcm", ".dicom", ".ima")


@dataclass(frozen=True, slots=True)
class Arrived:
    """One line of the journal."""

    name: str
    bytes: int
    sha256: str = ""
    """Empty where the file was passed over."""
    archive: bool = False
    reason: str = ""
    """Why it was passed over."""


def harmless(name: str) -> str:
    """A relative path as text to show and store: no root, no parent, no drive, no control characters.

    It is never opened: files lie under their hash.
    """
    shown = re.sub(r"[\x00-\x1f\x7f]", "", name.encode("utf-8", "replace").decode("utf-8")).replace("\\", "/")
    parts = [part for part in PurePosixPath(shown).parts if part not in ("/", "..", ".") and not part.endswith(":")]
    return "/".join(parts)[-255:] or "(no name)"


def files_of_body(read: Callable[[int], bytes], delivery: str) -> Iterator[Arrived]:
    """Receive the files of a batch one by one; each is in the journal before the next begins.

    Raises
    ------
    InputError
        The framing is broken, a limit is passed, the line ended, the disk is full.
    """
    bounds = limits()
    stream = _Lines(read)
    had = journal(delivery)
    count, total = len(had), sum(one.bytes for one in had)
    while line := stream.line():
        name, size = _announced(line)
        count, total = count + 1, total + size
        _within(bounds, count, total)
        found = _received(stream.read, delivery, name, size, bounds)
        journalled(delivery, found)
        yield found


def _within(bounds: Limits, count: int, total: int) -> None:
    if count > bounds.files:
        raise InputError(f"more than {bounds.files} files in one upload; send the rest as another one")
    if total > bounds.delivery_bytes:
        raise InputError(f"more than {bounds.delivery_bytes / 1e9:.0f} GB in one upload; send the rest as another one")


def _announced(line: bytes) -> tuple[str, int]:
    try:
        said = json.loads(line)
        name, size = said["name"], said["bytes"]
        if isinstance(name, str) and isinstance(size, int) and not isinstance(size, bool) and size >= 0:
            return harmless(name), size
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    raise InputError('a batch is lines {"name": text, "bytes": whole number}, each followed by so many bytes')


def _received(read: Callable[[int], bytes], delivery: str, name: str, size: int, bounds: Limits) -> Arrived:
    folder = store.incoming_folder(delivery)
    came = store.written(read, folder, size=size, most=bounds.file_bytes)
    found = sorted_out(name, came)
    if found.reason:
        (folder / came.sha256).unlink(missing_ok=True)
    return found


def sorted_out(name: str, came: store.Received) -> Arrived:
    """What a received file is, from its first bytes: DICOM, an archive, or something that is passed over."""
    if came.size == 0:
        return Arrived(name, 0, reason="is empty")
    is_dicom = came.start[128:132] == b"DICM"
    if not is_dicom and came.start.startswith(_ARCHIVE_STARTS):
        return Arrived(name, came.size, came.sha256, archive=True)
    if not is_dicom and not _may_lack_preamble(came.start):
        named = name.lower().endswith(_NAMED_AS_DICOM)
        return Arrived(name, came.size, reason="is named as DICOM but is none" if named else "is not a DICOM file")
    return Arrived(name, came.size, came.sha256)


def _may_lack_preamble(start: bytes) -> bool:
    return len(start) > 16 and start[:2] in (b"\x02\x00", b"\x08\x00") and start[2:4] < b"\xff\xff" and start[3] < 0x30


class _Lines:
    """A body that is now lines, now bytes."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read, self._held = read, b""

    def line(self) -> bytes:
        """The next line; empty at the end of the body."""
        while b"\n" not in self._held:
            if len(self._held) > _LONGEST_LINE:
                raise InputError(
                    f"a line before a file is longer than {_LONGEST_LINE} bytes; this is no batch of files"
                )
            block = self._read(4096)
            if not block:
                if self._held.strip():
                    raise store.BodyCut("the connection ended before a file's name was complete; send the rest again")
                return b""
            self._held += block
        line, _, self._held = self._held.partition(b"\n")
        return line or self.line()

    def read(self, most: int) -> bytes:
        if self._held:
            block, self._held = self._held[:most], self._held[most:]
            return block
        return self._read(most)


def journalled(delivery: str, *lines: Arrived) -> None:
    """Append to the journal of a delivery, at once on the disk."""
    folder = store.incoming_folder(delivery)
    folder.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(_json(one)) + "\n" for one in lines)
    with (folder / JOURNAL).open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())


def journal(delivery: str) -> list[Arrived]:
    """What a delivery has brought so far; a line cut by a crash is left out, its file will be sent again."""
    try:
        content = (store.incoming_folder(delivery) / JOURNAL).read_bytes()
    except FileNotFoundError:
        return []
    return lines_of(content)


def lines_of(content: bytes) -> list[Arrived]:
    """The lines of a journal, each once; those that are none are left out."""
    found: dict[tuple[str, int, str], Arrived] = {}
    for line in content.split(b"\n"):
        try:
            one = Arrived(**json.loads(line))
        except (ValueError, TypeError):
            continue
        # The same name with other content is another file: sent from another folder.
        found[one.name, one.bytes, one.sha256] = one
    return list(found.values())


def progress_written(delivery: str, **values: Any) -> None:
    """How far the reading is; lost without harm."""
    folder = store.incoming_folder(delivery)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{_PROGRESS}"
    part.write_text(json.dumps(values), encoding="utf-8")
    os.replace(part, folder / _PROGRESS)


def progress(delivery: str) -> dict[str, Any]:
    """What `progress_written` was last told."""
    try:
        found: dict[str, Any] = json.loads((store.incoming_folder(delivery) / _PROGRESS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def discarded(delivery: str) -> None:
    """Delete what a delivery has brought and was not registered."""
    shutil.rmtree(store.incoming_folder(delivery), ignore_errors=True)


def _json(one: Arrived) -> dict[str, Any]:
    return {
        "name": one.name,
        "bytes": one.bytes,
        "sha256": one.sha256,
        "archive": one.archive,
        "reason": one.reason,
    }


__all__ = [
    "JOURNAL",
    "Arrived",
    "discarded",
    "files_of_body",
    "harmless",
    "journal",
    "journalled",
    "lines_of",
    "progress",
    "progress_written",
    "sorted_out",
]
