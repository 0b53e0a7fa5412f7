"""The key and the mapping of releases, as files that stay home: readable by their owner alone, never in a release.

A mapping says of each release which key and which trial it is of. Another key would mix two sets of codes; another
trial would give its P01 the code and the days of the first trial's.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from pathlib import Path
from typing import Any, Final

from theratrial.errors import InputError
from theratrial.sharing.images.keys import SHORTEST_SECRET, ReleaseKey
from theratrial.sharing.images.values import Person

_VERSION: Final = 1
_OTHERS: Final = 0o077


def read_key(path: Path, release: str) -> ReleaseKey:
    """The secret in a key file, as hexadecimal digits.

    Raises
    ------
    InputError
        If it is missing, open to others, or no key.
    """
    _own_only(path, "the key")
    try:
        secret = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (ValueError, UnicodeDecodeError):
        raise InputError(
            f"{path}: is no key file; a key is at least {2 * SHORTEST_SECRET} hexadecimal digits on one line"
        ) from None
    return ReleaseKey(secret, release)


def write_key(path: Path, secret: bytes) -> None:
    """Write a new key file for its owner alone; an existing one is never overwritten."""
    _write_new(path, secret.hex() + "\n")


def read_people(path: Path, key: ReleaseKey, trial: str = "") -> dict[str, Person]:
    """Participants of a release in a mapping file, by PatientID; none where there is no file yet.

    Parameters
    ----------
    trial
        Id of the trial; "" for a folder of images that belongs to none that is known.

    Raises
    ------
    InputError
        If it is open to others, no mapping, or that of another key or trial.
    """
    if not path.exists():
        return {}
    content = _read(path)
    found = content["releases"].get(key.release, {})
    try:
        people = {
            str(name): Person(str(one["code"]), int(one["shift_days"]), int(one["zone_minutes"]))
            for name, one in found.items()
        }
        _belongs(path, key, trial, content.get("made_for", {}).get(key.release, {}), people)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError(f"{path}: is no mapping of a release -> restore it, or give another with --mapping") from None
    return people


def write_people(path: Path, key: ReleaseKey, people: dict[str, Person], trial: str = "") -> None:
    """Add the participants of a release to a mapping file, with what it is of; replaces the file as a whole.

    Raises
    ------
    InputError
        As `read_people`.
    """
    read_people(path, key, trial)
    content: dict[str, Any] = _read(path) if path.exists() else {"version": _VERSION, "releases": {}}
    known = content["releases"].setdefault(key.release, {})
    for name, one in sorted(people.items()):
        known[name] = {"code": one.code, "shift_days": one.shift_days, "zone_minutes": one.zone_minutes}
    made_for = content.setdefault("made_for", {}).setdefault(key.release, {"key": _fingerprint(key), "trial": ""})
    made_for["trial"] = made_for["trial"] or trial
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    _write_new(beside, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    os.replace(beside, path)


def _fingerprint(key: ReleaseKey) -> str:
    """Tells keys apart without telling the key."""
    return hmac.new(key.secret, b"theratrial fingerprint of a key", hashlib.sha256).hexdigest()[:32]


def _belongs(path: Path, key: ReleaseKey, trial: str, made_for: dict[str, str], people: dict[str, Person]) -> None:
    # A mapping of before has no fingerprint; its codes tell the key as well.
    others = made_for.get("key", "") not in ("", _fingerprint(key))
    if others or any(one.code != key.participant_code(name) for name, one in people.items()):
        raise InputError(
            f"{path}: its release {key.release!r} was made with another key -> give that key, or another file "
            "(--mapping)"
        )
    known = made_for.get("trial", "")
    if trial and known and known != trial:
        raise InputError(
            f"{path}: its release {key.release!r} is of the trial {known}, not of {trial}: people who have the same "
            "number in both would get the same code -> use a key of its own for each trial (--key)"
        )


def _read(path: Path) -> dict[str, Any]:
    _own_only(path, "the mapping")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        content = None
    if not isinstance(content, dict) or content.get("version") != _VERSION or "releases" not in content:
        raise InputError(f"{path}: is no mapping of releases (version {_VERSION}) -> give another with --mapping")
    return content


def _own_only(path: Path, what: str) -> None:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise InputError(f"{path}: no such file, {what} is needed") from None
    if not path.is_file():
        raise InputError(f"{path}: is no file, {what} is needed")
    if os.name == "posix" and mode & _OTHERS:
        raise InputError(f"{path}: {what} can be read by others -> chmod 600 {path}")


def _write_new(path: Path, text: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
