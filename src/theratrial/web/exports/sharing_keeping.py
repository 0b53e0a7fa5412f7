"""What stays home of releases: the key, who is who, and the packages, readable by the owner of the site alone."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.conf import settings

from theratrial.sharing.images.keys import ReleaseKey
from theratrial.sharing.images.mapping import read_key, write_key
from theratrial.web.exports.models import SharedRelease
from theratrial.web.trials.selectors import the_trial

_SECRET_BYTES: Final = 32
_OWNER_ONLY: Final = 0o700


def releases_folder() -> Path:
    """Where releases are kept; made where it is not there yet."""
    place = Path(settings.SITE_FOLDER, "releases")
    place.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
    return place


def release_file(one: SharedRelease) -> Path:
    """Where its package lies, or would."""
    return releases_folder() / f"{one.pk}.zip"


def consent_file(one: SharedRelease) -> Path:
    """Where the blank consent form waits that goes with it."""
    return releases_folder() / f"{one.pk}.consent"


def work_folder(one: SharedRelease) -> Path:
    """Where its images are written before they are packed; a name that no backup takes."""
    return releases_folder() / f".{one.pk}.making"


def mapping_file() -> Path:
    """Who is who in the releases."""
    return releases_folder() / "mapping.json"


def release_name() -> str:
    """One name for all releases of the site: a participant keeps her code and her shift from release to release."""
    return the_trial().trial_id


def the_key() -> ReleaseKey:
    """The key of the site's releases; made at the first one."""
    place = releases_folder() / "key"
    if not place.exists():
        # Another worker may make it in this moment.
        with contextlib.suppress(FileExistsError):
            write_key(place, secrets.token_bytes(_SECRET_BYTES))
    return read_key(place, release_name())


def kept_private(place: Path, content: bytes) -> None:
    """Write a file for the owner alone; whole or not at all."""
    half = place.with_suffix(".half")
    half.unlink(missing_ok=True)
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
    half.rename(place)


@dataclass(frozen=True, slots=True)
class Held:
    """A folder of a package: how many files, their bytes, and their names where they are few enough to read."""

    folder: str
    files: int
    bytes: int
    names: tuple[str, ...]


def held_by(one: SharedRelease, *, most: int = 150) -> list[Held]:
    """What lies in a package, folder by folder, as it lies there now; nothing where it is gone or is no package."""
    folders: dict[str, list[zipfile.ZipInfo]] = {}
    try:
        with zipfile.ZipFile(release_file(one)) as package:
            for entry in package.infolist():
                top, slash, _rest = entry.filename.partition("/")
                folders.setdefault(top + slash if slash else "", []).append(entry)
    except (OSError, zipfile.BadZipFile):
        return []
    return [
        Held(
            folder,
            len(entries),
            sum(entry.file_size for entry in entries),
            tuple(entry.filename for entry in entries) if len(entries) <= most else (),
        )
        for folder, entries in sorted(folders.items())
    ]


def digest_on_disk(one: SharedRelease) -> str:
    """Digest of the package as it lies there now; empty where it is gone."""
    place = release_file(one)
    if not place.is_file():
        return ""
    with place.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
