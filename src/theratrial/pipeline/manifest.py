"""Which bytes a run read, and which program read them: what makes a result repeatable and a second run needless."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import theratrial
from theratrial.errors import InputError
from theratrial.results.values import InputFile
from theratrial.trace import bytes_hash, file_hash

_HASH_THREADS = 2  # hashlib lets go of the interpreter, so two files are read and hashed at once
_FOLDERS = ("records", "images")
_CODE_SUFFIXES = frozenset({".py", ".csv", ".yaml", ".html", ".css", ".toml"})

Advance = Callable[[str], None]


def nothing(_what: str) -> None:
    """Progress for callers that show none."""


def folder_files(folder: Path) -> list[Path]:
    """Every file of a trial folder that a run may read, sorted: its YAML files, its records and its images.

    Hidden files are passed over, and so is what stands beside (a simulation's truth, notes of people).
    """
    inside = [path for name in _FOLDERS for path in (folder / name).rglob("*")]
    return sorted(
        path
        for path in [*folder.glob("*.yaml"), *inside]
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def input_files(folder: Path, paths: Iterable[Path]) -> tuple[InputFile, ...]:
    """The content hash of each file, by its path relative to the folder, sorted by path.

    Raises
    ------
    InputError
        A file cannot be read.
    """
    ordered = sorted(paths)

    def one(path: Path) -> InputFile:
        try:
            return InputFile(path.relative_to(folder).as_posix(), file_hash(path))
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror}) -> check who may read it") from error

    with ThreadPoolExecutor(_HASH_THREADS) as pool:
        return tuple(pool.map(one, ordered))


def manifest_hash(files: Iterable[InputFile]) -> str:
    """One hash of names and contents."""
    return bytes_hash("\n".join(f"{file.content_hash} {file.path}" for file in files).encode())


@cache
def program_hash() -> str:
    """Hash of theratrial's own code and tables: another program may give another result for the same inputs."""
    root = Path(theratrial.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.suffix in _CODE_SUFFIXES and path.is_file():
            digest.update(path.relative_to(root).as_posix().encode() + b"\0")
            digest.update(path.read_bytes())
    return "sha256:" + digest.hexdigest()
