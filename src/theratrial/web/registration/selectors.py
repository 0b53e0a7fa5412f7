"""The versions of the record, read; parsed once per process, for a version never changes."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

from theratrial.registry.history import History, Version
from theratrial.registry.history_files import VERSIONS_FOLDER, history_files
from theratrial.registry.people import public_record
from theratrial.registry.reader import parse_registration, registration_yaml
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.words import Text
from theratrial.trialfolder.reader import REGISTRATION_FILE
from theratrial.web.registration.models import RegistrationVersion
from theratrial.web.trials.selectors import trial_zone


@lru_cache(maxsize=64)
def _parsed(digest: str, number: int) -> RegistrationRecord:
    text = RegistrationVersion.objects.values_list("record", flat=True).get(number=number, digest=digest)
    return parse_registration(text.encode(), f"version {number}")


def rows() -> list[RegistrationVersion]:
    """Every version without its text, oldest first. One query."""
    return list(RegistrationVersion.objects.defer("record").select_related("signature").order_by("number"))


def record_of(row: RegistrationVersion) -> RegistrationRecord:
    """The record of a version."""
    return _parsed(row.digest, row.number)


def newest_row() -> RegistrationVersion | None:
    """The newest version, None where the trial has no registration record. One query."""
    return RegistrationVersion.objects.defer("record").order_by("-number").first()


def record_now() -> RegistrationRecord | None:
    """The record of the newest version: the one truth of the site."""
    row = newest_row()
    return record_of(row) if row is not None else None


def version_of(row: RegistrationVersion) -> Version:
    """A row as the core's value; its moment in the trial's zone, by which its day is known."""
    made_at = row.made_at.astimezone(trial_zone())
    return Version(
        row.number, record_of(row), made_at, row.author, Text(en=row.reason_en, fa=row.reason_fa), row.sent_on
    )


def history_of(found: list[RegistrationVersion]) -> History | None:
    """These rows as the core's history; None where there is none."""
    return History(tuple(version_of(row) for row in found)) if found else None


def history_now() -> History | None:
    """Every version; None where the trial has no registration record."""
    return history_of(rows())


def registration_files(*, contacts: bool) -> dict[str, bytes]:
    """What a trial folder holds of the record: the newest as ``registration.yaml``, and every version.

    Parameters
    ----------
    contacts
        Whether what points at people goes with it; a computation needs none of it.
    """
    history = history_now()
    if history is None:
        return {}
    if not contacts:
        history = History(tuple(replace(one, record=public_record(one.record)) for one in history.versions))
    versions = {f"{VERSIONS_FOLDER}/{name}": content for name, content in history_files(history).items()}
    return {REGISTRATION_FILE: registration_yaml(history.current.record).encode(), **versions}


def parsed_forgotten() -> None:
    """Forget what was parsed; for tests."""
    _parsed.cache_clear()


__all__: list[Any] = [
    "history_now",
    "history_of",
    "newest_row",
    "parsed_forgotten",
    "record_now",
    "record_of",
    "registration_files",
    "rows",
    "version_of",
]
