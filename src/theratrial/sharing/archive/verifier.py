"""Says whether a certified copy, an inspector's archive or a backup is intact. Python 3.9 or later, nothing else:

    python verify.py [folder or zip] [--manifest-sha256 DIGEST]

It reads the zip byte by byte, compares every file with manifest.json, recomputes every event of the ledger, and names
what was altered. The digest of manifest.json is kept where the file was made (in the ledger of a site); give it, and
contents exchanged together with their manifest are found too.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import struct
import sys
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

META = (
    "seq", "at", "effective_at", "actor", "actor_kind", "action", "reason", "op", "entity", "entity_id", "participant",
    "site", "request_id", "software",
)  # fmt: skip
MANIFEST, LEDGER, IMAGES = "manifest.json", "ledger.jsonl", "images.json"
SEAL = b"sealed sha256 "
LONGEST_LINE = 1 << 28
BLOCK = 1 << 20
UNREADABLE = (Exception,)  # a damaged zip makes zipfile and zlib raise nearly anything; all of it means the same here


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def bad_name(name: str) -> bool:
    """Whether a file of this name could land outside its folder, or be taken for another."""
    parts = name.split("/")
    return any(part in ("", ".", "..") for part in parts) or bool(re.search(r'[\x00-\x1f\x7f\\:*?"<>|]', name))


class Folder:
    """The copy as a folder."""

    def __init__(self, place: Path) -> None:
        found = [p for p in sorted(place.rglob("*")) if "__pycache__" not in p.parts]
        self.files = {p.relative_to(place).as_posix(): p for p in found if p.is_symlink() or not p.is_dir()}

    def faults(self) -> Iterator[str]:
        for name, path in self.files.items():
            if path.is_symlink() or not path.is_file():
                yield f"{name}: a link or device, where a file belongs"

    def size(self, name: str) -> int:
        return self.files[name].lstat().st_size

    def opened(self, name: str) -> BinaryIO:
        if self.files[name].is_symlink():
            raise OSError("a link is not followed")
        return self.files[name].open("rb")


class Zip:
    """The copy as one zip: entries one after the other from the first byte to the seal at the end."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.archive = zipfile.ZipFile(place)
        self.entries = self.archive.infolist()
        self.files = {entry.filename: entry for entry in self.entries}

    def faults(self) -> Iterator[str]:
        times = Counter(entry.filename for entry in self.entries)
        yield from (f"{name}: in the zip more than once" for name in sorted(times) if times[name] > 1)
        yield from self._between()
        comment = self.archive.comment
        if comment.startswith(SEAL):
            if comment[len(SEAL) :].decode("ascii", "replace") != self._sealed():
                yield "the zip: its bytes do not give its seal"
        elif "sealed" in str(manifest_of(self).get("zip", "")):
            yield "the zip: its seal is missing"

    def _between(self) -> Iterator[str]:
        """No byte belongs to nothing, and what stands before an entry says the same as the directory at the end."""
        end = 0
        with self.place.open("rb") as file:
            for entry in sorted(self.entries, key=lambda one: one.header_offset):
                if entry.header_offset != end:
                    yield f"{entry.filename}: bytes before it belong to no file"
                file.seek(entry.header_offset)
                head = struct.unpack("<4s5H3L2H", file.read(30))
                name, more = file.read(head[9]), file.read(head[10])
                sizes = (head[7], head[8])
                if more:  # the long form of the sizes, nothing else
                    known = struct.unpack("<HHQQ", more)
                    sizes = (known[3], known[2]) if known[:2] == (1, 16) and sizes == (0xFFFFFFFF,) * 2 else (-1, -1)
                told = (head[0], head[2] & 0xF7FF, head[3], head[6], *sizes, name.decode("utf-8", "replace"))
                kept = (b"PK\x03\x04", 0, entry.compress_type, entry.CRC, entry.compress_size, entry.file_size)
                if told != (*kept, entry.orig_filename) or entry.compress_type not in (0, 8) or entry.comment:
                    yield f"{entry.filename}: the zip says different things of it"
                end = entry.header_offset + 30 + head[9] + head[10] + entry.compress_size
        if end != self.archive.start_dir:
            yield "the zip: bytes after its last file belong to nothing"

    def _sealed(self) -> str:
        digest, left = hashlib.sha256(), self.place.stat().st_size - 64
        with self.place.open("rb") as file:
            while left > 0 and (block := file.read(min(BLOCK, left))):
                digest.update(block)
                left -= len(block)
            return digest.hexdigest() if len(file.read()) == 64 else "cut"

    def size(self, name: str) -> int:
        return self.files[name].file_size

    def opened(self, name: str) -> Any:
        return self.archive.open(name)


def place_of(place: Path) -> Any:
    return Folder(place) if place.is_dir() else Zip(place)


def manifest_of(copy: Any) -> dict[str, Any]:
    with copy.opened(MANIFEST) as file:
        content = file.read(LONGEST_LINE)
    found = json.loads(content)
    if not isinstance(found, dict) or not isinstance(found["files"], dict):
        raise ValueError("manifest.json lists no files")
    return found


def self_digest(content: bytes, own: str) -> str:
    """Digest of the manifest with its own digest blanked out."""
    return sha256(content.replace(own.encode(), b"-" * 64))


def half(salt: str, text: str | None) -> str:
    if text is None:
        return sha256((salt + "-").encode())
    return text[9:] if text.startswith("redacted:") else sha256((salt + "+" + text).encode())


def event_faults(lines: Iterable[bytes], whole: bool) -> Iterator[str]:
    before, number, ended = "0" * 64, 0, False
    for line in lines:
        event = json.loads(line)
        if "head" in event:
            ended = True
            if whole and (event["head"]["seq"], event["head"]["hash"]) != (number, before):
                yield f"{LEDGER}: its last event is not the head"
            continue
        fields = "".join(f"{len(str(event[name]).encode())}:{event[name]}" for name in META)
        if sha256((event["previous_hash"] + fields + event["payload_digest"]).encode()) != event["hash"]:
            yield f"{LEDGER}: event {event['seq']} was altered"
        payload = event["payload"] or {"salt": "", "old": None, "new": None}
        salt = payload["salt"]
        both = half(salt[:32], payload["old"]) + half(salt[32:], payload["new"])
        if sha256(both.encode()) != event["payload_digest"]:
            yield f"{LEDGER}: the old or new row of event {event['seq']} was altered"
        if whole and (event["previous_hash"] != before or event["seq"] != number + 1):
            yield f"{LEDGER}: event {event['seq']} does not follow event {number}"
        if event["seq"] <= number:
            yield f"{LEDGER}: event {event['seq']} stands in the wrong place"
        before, number = event["hash"], event["seq"]
    if whole and number and not ended:
        yield f"{LEDGER}: its end is missing"


def file_fault(copy: Any, name: str, listed: dict[str, Any]) -> str:
    """What is wrong with a file, or "". What announces another size than listed is not unpacked."""
    if copy.size(name) != listed["bytes"]:
        return f"{name}: altered (of {copy.size(name)} bytes, not {listed['bytes']})"
    digest, count = hashlib.sha256(), 0
    try:
        with copy.opened(name) as file:
            while block := file.read(BLOCK):
                digest.update(block)
                count += len(block)
                if count > listed["bytes"]:
                    break
    except UNREADABLE as error:
        return f"{name}: altered, it cannot be read ({error})"
    return "" if digest.hexdigest() == listed["sha256"] else f"{name}: altered"


def content_faults(copy: Any, manifest_sha256: str) -> Iterator[str]:
    with copy.opened(MANIFEST) as file:
        content = file.read(LONGEST_LINE)
    manifest = manifest_of(copy)
    own = manifest.get("self_sha256", "" if "zip" in manifest else None)  # copies of the first version have neither
    if own is not None and (len(own) != 64 or self_digest(content, own) != own):
        yield f"{MANIFEST}: altered"
    if manifest_sha256 and sha256(content) != manifest_sha256.lower():
        yield f"{MANIFEST}: not the one that was certified"
    listed = manifest["files"]
    for name in sorted(set(listed) | set(copy.files)):
        if bad_name(name):
            yield f"{name!r}: a name that no file of a copy has"
        elif name == MANIFEST:
            continue
        elif name not in copy.files:
            yield f"{name}: missing"
        elif name not in listed:
            yield f"{name}: not part of the copy, added later"
        elif fault := file_fault(copy, name, listed[name]):
            yield fault
    if LEDGER in copy.files and LEDGER in listed and copy.size(LEDGER) <= 2 * listed[LEDGER]["bytes"]:
        with copy.opened(LEDGER) as file:
            yield from event_faults(iter(lambda: file.readline(LONGEST_LINE), b""), manifest["ledger_is_whole"])
    if IMAGES in copy.files and IMAGES in listed:
        with copy.opened(IMAGES) as file:
            images = json.loads(file.read(LONGEST_LINE))["images"]
        for image in images:
            name = "trial/" + image["path"]
            if image["inside"] != (name in listed) or (name in listed and listed[name]["sha256"] != image["sha256"]):
                yield f"{name}: {IMAGES} says otherwise"


def is_no_zip(place: Path) -> bool:
    """Whether this is a file of another kind: a cut or damaged zip still begins as one."""
    if place.is_dir():
        return False
    with place.open("rb") as file:
        return file.read(2) != b"PK"


def unreadable(place: Path, error: Exception) -> str:
    """What keeps a file or folder from being read, in words."""
    if isinstance(error, OSError):
        return f"it cannot be read: {error.strerror or error}"
    if is_no_zip(place):
        return "it is no zip file, so no archive, certified copy or backup"
    if isinstance(error, zipfile.BadZipFile):
        return f"it cannot be read as a zip: cut off or damaged ({error})"
    if isinstance(error, KeyError) and MANIFEST in str(error):
        return f"{MANIFEST} is missing: no archive, certified copy or backup, or one without its list of files"
    return f"it cannot be read: {error or type(error).__name__}"


def faults(place: Path, manifest_sha256: str = "") -> Iterator[str]:
    """Everything that is not as it was written; nothing where all is intact."""
    try:
        copy = place_of(place)
    except UNREADABLE as error:
        yield unreadable(place, error)
        return
    for step in (lambda: content_faults(copy, manifest_sha256), copy.faults):
        try:
            yield from step()
        except UNREADABLE as error:
            yield unreadable(place, error)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("place", nargs="?", default=str(Path(__file__).resolve().parent))
    parser.add_argument("--manifest-sha256", default="")
    chosen = parser.parse_args()
    found = 0
    for one in faults(Path(chosen.place), chosen.manifest_sha256):
        found += 1
        sys.stdout.write(f"ALTERED: {one}\n".encode("ascii", "backslashreplace").decode())
    if found:
        sys.stdout.write("NOT intact.\n")
        return 1
    copy = place_of(Path(chosen.place))
    sys.stdout.write(f"Intact: {len(copy.files)} files.\n")
    with copy.opened(MANIFEST) as file:
        sys.stdout.write(f"SHA-256 of {MANIFEST}: {sha256(file.read())}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
