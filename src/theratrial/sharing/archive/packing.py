"""Writing what `verifier` verifies: files and a manifest, as a folder or as one sealed zip, whole or not at all."""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, Protocol

from theratrial.errors import InputError
from theratrial.sharing.archive.verifier import BLOCK, MANIFEST, SEAL, bad_name, faults, self_digest

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_BLANK: Final = "0" * 64
_LARGE: Final = 1 << 31
_STORED_ENDINGS: Final = (".dcm", ".pdf", ".png", ".zip")


def json_bytes(content: Any) -> bytes:
    """JSON that people can read, the same bytes for the same content."""
    return (json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True, default=str) + "\n").encode()


def manifest_bytes(content: Mapping[str, Any]) -> bytes:
    """The manifest with a digest of itself inside, so that a byte of it that changes is seen."""
    hole = "-" * 64
    blank = json_bytes({**content, "zip": "sealed", "self_sha256": hole})
    if blank.count(hole.encode()) != 1:
        raise InputError(f"a text of a manifest holds {hole}, which stands for its own digest; take it out")
    return blank.replace(hole.encode(), self_digest(blank, hole).encode())


def listed(files: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    """What a manifest says of files."""
    return {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        for name, content in sorted(files.items())
    }


class _Target(Protocol):
    def opened(self, name: str, size: int | None, packed: bool, /) -> Any: ...
    def closed(self) -> None: ...


@dataclass(slots=True)
class Packing:
    """A copy that is being written; `files` is what its manifest will list."""

    half: Path
    target: _Target
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    earlier: Path | None = None

    @contextmanager
    def opened(self, name: str, *, size: int | None = None) -> Iterator[_Hashing]:
        """A new file, written in pieces."""
        if bad_name(name) or name in self.files or name == MANIFEST:
            raise InputError(f"{name!r} cannot be the name of a file in a copy; rename it")
        with self.target.opened(name, size, not name.endswith(_STORED_ENDINGS) and size is None) as file:
            made = _Hashing(file)
            yield made
        self.files[name] = {"sha256": made.digest.hexdigest(), "bytes": made.count}

    def add(self, name: str, content: bytes) -> None:
        """A file of these bytes."""
        with self.opened(name) as file:
            file.write(content)

    def add_file(self, name: str, path: Path, *, expected: str = "") -> str:
        """A file of the disk, in blocks; says its digest.

        Parameters
        ----------
        expected
            The digest it should have: a file of an earlier copy that has this name and this digest is linked instead.
        """
        if expected and self.earlier is not None and isinstance(self.target, _Folder):
            before = self.earlier / name
            if before.is_file() and _digest_of(before) == expected:
                self._linked(name, before, expected)
                return expected
        with path.open("rb") as source, self.opened(name, size=os.fstat(source.fileno()).st_size) as file:
            while block := source.read(BLOCK):
                file.write(block)
        return str(self.files[name]["sha256"])

    def _linked(self, name: str, before: Path, digest: str) -> None:
        assert isinstance(self.target, _Folder)
        place = self.target.place(name)
        try:
            os.link(before, place)
        except OSError:
            shutil.copyfile(before, place)
        self.files[name] = {"sha256": digest, "bytes": place.stat().st_size}

    def add_all(self, files: Mapping[str, bytes]) -> None:
        """Files by name."""
        for name in sorted(files):
            self.add(name, files[name])

    def finished(self, about: Mapping[str, Any]) -> str:
        """Write the manifest, close, and read everything back; says the digest of the manifest.

        Raises
        ------
        InputError
            What was written is not what was to be written: the disk is at fault.
        """
        content = manifest_bytes({**about, "files": dict(sorted(self.files.items()))})
        with self.target.opened(MANIFEST, None, True) as file:
            file.write(content)
        self.target.closed()
        digest = hashlib.sha256(content).hexdigest()
        if wrong := next(faults(self.half, digest), ""):
            raise InputError(f"what was written cannot be read back as it was: {wrong}; take another disk")
        return digest


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Hashing:
    """A stream that keeps the digest of what goes through it."""

    def __init__(self, file: Any) -> None:
        self.file, self.digest, self.count = file, hashlib.sha256(), 0

    def write(self, block: bytes) -> None:
        self.digest.update(block)
        self.count += len(block)
        self.file.write(block)


class _Zip:
    def __init__(self, file: Any) -> None:
        self.file = file
        self.archive = zipfile.ZipFile(file, "w")
        self.archive.comment = SEAL + _BLANK.encode()

    def opened(self, name: str, size: int | None, packed: bool) -> Any:
        entry = zipfile.ZipInfo(name, _EPOCH)
        entry.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
        entry.external_attr = 0o644 << 16
        return self.archive.open(entry, "w", force_zip64=size is not None and size >= _LARGE)

    def left(self) -> None:
        """After a failure: zipfile would write its directory when it is collected, into a file that is closed."""
        self.archive.fp = None

    def closed(self) -> None:
        """The seal is the digest of every byte before it."""
        self.archive.close()
        self.file.flush()
        left = self.file.seek(0, os.SEEK_END) - len(_BLANK)
        self.file.seek(0)
        digest = hashlib.sha256()
        while left and (block := self.file.read(min(BLOCK, left))):
            digest.update(block)
            left -= len(block)
        self.file.seek(-len(_BLANK), os.SEEK_END)
        self.file.write(digest.hexdigest().encode())
        self.file.flush()
        if not isinstance(self.file, io.BytesIO):
            os.fsync(self.file.fileno())


class _Folder:
    def __init__(self, root: Path) -> None:
        self.root = root

    def place(self, name: str) -> Path:
        place = self.root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        return place

    def opened(self, name: str, _size: int | None, _packed: bool) -> IO[bytes]:
        return os.fdopen(os.open(self.place(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")

    def closed(self) -> None:
        os.sync()


@contextmanager
def packing(out: Path, *, earlier: Path | None = None) -> Iterator[Packing]:
    """Write a copy at `out`, a zip where the name says so, else a folder: beside first, then renamed.

    Parameters
    ----------
    earlier
        An earlier copy as a folder: what is known by its digest is linked to it instead of being written again.

    Raises
    ------
    InputError
        Something stands at `out`.
    """
    if out.exists() or out.is_symlink():
        raise InputError(f"{out} is there already; give a new name, or move it away first")
    out.parent.mkdir(parents=True, exist_ok=True)
    half = out.parent / f".{out.name}.half-{secrets.token_hex(4)}"
    try:
        if out.suffix == ".zip":
            with os.fdopen(os.open(half, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
                target = _Zip(file)
                try:
                    yield Packing(half, target)
                finally:
                    target.left()
        else:
            half.mkdir(mode=0o700)
            yield Packing(half, _Folder(half), earlier=earlier)
        if out.exists():
            raise InputError(f"{out} was made by somebody else meanwhile; give a new name")
        half.rename(out)
    except BaseException:
        if half.is_dir():
            shutil.rmtree(half, ignore_errors=True)
        else:
            half.unlink(missing_ok=True)
        raise


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """A sealed zip in memory whose bytes depend on names and contents alone."""
    memory = io.BytesIO()
    target = _Zip(memory)
    for name in sorted(files):
        with target.opened(name, None, not name.endswith(_STORED_ENDINGS)) as file:
            file.write(files[name])
    target.closed()
    return memory.getvalue()


def lines_of(rows: Iterable[str]) -> Iterator[bytes]:
    """Lines as bytes, gathered to blocks."""
    block: list[str] = []
    held = 0
    for row in rows:
        block.append(row)
        held += len(row)
        if held > BLOCK:
            yield ("\n".join(block) + "\n").encode()
            block, held = [], 0
    if block:
        yield ("\n".join(block) + "\n").encode()
