"""What commands of sharing keep at home, and how they make a folder: whole under its name, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from theratrial.sharing.images.keys import ReleaseKey
    from theratrial.trialfolder.records import TrialFolder

_NOT_HOME: Final = ("protocol.yaml", "run.json", "release.json")
"""A folder with one of these is a trial, a result, a release: it travels, and a key must not travel with it."""


def kept_home(home: Sequence[Path], source: Path, out: Path) -> None:
    """Refuse a key or mapping that lies where things are shared from or to, or in any trial, result or release."""
    from theratrial.errors import InputError

    for path in home:
        place = path.resolve()
        inside = [one for one in (source, out) if place.is_relative_to(one.resolve())]
        inside += [one for one in place.parents if any((one / name).is_file() for name in _NOT_HOME)]
        if inside:
            raise InputError(f"{path}: lies inside {inside[0]}, which is shared -> keep key and mapping apart from it")


def trial_id(folder: TrialFolder) -> str:
    """Id of a trial, which its mapping keeps."""
    identity = folder.protocol.identity.reading
    return identity.trial_id if identity is not None else ""


@contextmanager
def release_key(path: Path, release: str) -> Iterator[ReleaseKey]:
    """The key in a file. Where there is none a new one is made, and goes again if nothing comes of the release."""
    import secrets

    from theratrial.cli.console import note
    from theratrial.errors import InputError
    from theratrial.sharing.images.mapping import read_key, write_key

    new = not path.exists()
    if new:
        try:
            write_key(path, secrets.token_bytes(32))
        except OSError as error:
            raise InputError(f"{path}: the key cannot be written ({error.strerror}) -> name another file") from error
    try:
        yield read_key(path, release)
    except BaseException:
        if new:
            path.unlink(missing_ok=True)
        raise
    if new:
        note(f"A new key was made: {path}. Keep it: without it, codes cannot be given again.")


@contextmanager
def made_whole(out: Path) -> Iterator[Path]:
    """A folder to write into, which becomes `out` at the end of the block; after a fault nothing of it stays.

    Raises
    ------
    InputError
        `out` is there, or what would be its unfinished folder is somebody's own.
    """
    import shutil

    from theratrial.errors import InputError
    from theratrial.sharing.unfinished import begun, finished

    partial = out.with_name(out.name + ".partial")
    if out.exists():
        raise InputError(f"{out}: exists already -> give a folder that is not there yet")
    begun(partial)
    try:
        yield partial
        finished(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
