"""The versions of a registration record as files: ``registration_versions/0000.yaml``, ``0001.yaml`` ..."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

from pydantic import field_validator

from theratrial.errors import InputError, Problem, Problems
from theratrial.protocol.documents import parse_document, validated
from theratrial.registry.history import History, Version
from theratrial.registry.reader import yaml_text
from theratrial.registry.record import Count, RegistrationRecord
from theratrial.registry.words import Piece, Text

VERSIONS_FOLDER: Final = "registration_versions"
"""Folder beside ``registration.yaml``, which holds the newest version's record once more."""
_WHAT: Final = "version of a registration record"


class VersionFile(Piece):
    """One file: the record as it was, and what is known about the version."""

    number: Count
    made_at: str
    """``2026-11-23T10:00:00+03:30``: an instant with its offset, in quotes."""
    author: str
    reason: Text = Text()
    sent_on: date | None = None
    record: RegistrationRecord

    @field_validator("made_at")
    @classmethod
    def _instant(cls, value: str) -> str:
        if datetime.fromisoformat(value).tzinfo is None:
            raise ValueError("the instant has no offset; write it as 2026-11-23T10:00:00+03:30")
        return value

    @field_validator("author")
    @classmethod
    def _named(cls, value: str) -> str:
        if not value:
            raise ValueError("an account or a function is expected, never a person's name")
        return value


def version_file_name(number: int) -> str:
    """Name of a version's file.

    Examples
    --------
    >>> version_file_name(3)
    '0003.yaml'
    """
    return f"{number:04d}.yaml"


def version_yaml(version: Version) -> str:
    """A version as YAML; reading it gives the same version."""
    file = VersionFile(
        number=version.number,
        made_at=version.made_at.isoformat(),
        author=version.author,
        reason=version.reason,
        sent_on=version.sent_on,
        record=version.record,
    )
    plain = file.model_dump()
    return yaml_text(plain)


def parse_version(content: bytes, name: str) -> Version:
    """The version of a file.

    Raises
    ------
    Problems
        All that is wrong with it, each with line and path.
    """
    file = validated(VersionFile, parse_document(content, name), _WHAT)
    made_at = datetime.fromisoformat(file.made_at)
    return Version(file.number, file.record, made_at, file.author, file.reason, file.sent_on)


def history_files(history: History) -> dict[str, bytes]:
    """Name -> content of every version's file, without the folder."""
    return {version_file_name(one.number): version_yaml(one).encode() for one in history.versions}


def history_of_files(files: Mapping[str, bytes], *, newest: RegistrationRecord | None = None) -> History:
    """The versions in the files of `VERSIONS_FOLDER`.

    Parameters
    ----------
    files
        Name -> content, without the folder.
    newest
        Record of ``registration.yaml``, which must be that of the newest version.

    Raises
    ------
    Problems
        A file that is no version, a number that is not its name's, a gap, times or reasons that cannot be, or a
        ``registration.yaml`` that says something else than the newest version.
    """
    problems: list[Problem] = []
    versions: list[Version] = []
    for name in sorted(files):
        place = f"{VERSIONS_FOLDER}/{name}"
        try:
            found = parse_version(files[name], place)
        except Problems as error:
            problems.extend(error.problems)
            continue
        if name != version_file_name(found.number):
            message = f"holds version {found.number}"
            problems.append(Problem(place, message, f"name it {version_file_name(found.number)}"))
        versions.append(found)
    if problems:
        raise Problems(f"the versions in {VERSIONS_FOLDER}", problems)
    try:
        history = History(tuple(sorted(versions, key=lambda one: one.number)))
    except InputError as error:
        raise Problems(f"the versions in {VERSIONS_FOLDER}", [Problem(VERSIONS_FOLDER, str(error))]) from None
    if newest is not None and newest != history.current.record:
        remedy = f"write the record of version {history.current.number} into it, or add it as the next version"
        message = f"is not the record of version {history.current.number}, the newest in {VERSIONS_FOLDER}"
        raise Problems("registration.yaml", [Problem("registration.yaml", message, remedy)])
    return history


__all__ = [
    "VERSIONS_FOLDER",
    "VersionFile",
    "history_files",
    "history_of_files",
    "parse_version",
    "version_file_name",
    "version_yaml",
]
