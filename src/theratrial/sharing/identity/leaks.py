"""Looks through shared files for anything that belongs to a participant. Written apart from what replaces it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta

from theratrial.registry.calendars import jalali_text
from theratrial.sharing.identity.cleaner import Cleaner
from theratrial.trialfolder.records import TrialFolder

_TOKEN = re.compile(r"[\w.+-]+")


def leaks_in(files: Mapping[str, bytes], trial: TrialFolder, cleaner: Cleaner) -> Iterator[str]:
    """Where an id, a UID, a typed text or an original date stands; nothing is the only good answer.

    Dates of the trial that are also a moved date of somebody, or stand in the protocol or the registration record,
    cannot be told from what may be there and are passed over. Bytes that are no text (PDF, transport files) are searched as
    Latin-1.
    """
    ids = {*trial.participant_ids, *cleaner.labels}
    uids = {
        value for rows in trial.tables.values() for row in rows for name, value in row.values.items()
        if name.endswith("uid") and isinstance(value, str)
    }  # fmt: skip
    days = _days(trial, cleaner)
    for name, content in sorted(files.items()):
        text = content.decode("utf-8", errors="surrogateescape")
        words = set(_TOKEN.findall(text))
        for one in sorted(ids & words):
            yield f"{name}: an id of the trial ({_kind(one, trial)})"
        for _one in sorted(uids & words):
            yield f"{name}: a UID of the trial's images"
        for typed in cleaner.typed:
            if typed in text:
                yield f"{name}: a text that somebody typed"
        for day in sorted(days):
            if day in text:
                yield f"{name}: a date of the trial"


def _kind(one: str, trial: TrialFolder) -> str:
    return "participant" if one in trial.participant_ids else "site, batch, device or staff"


def _days(trial: TrialFolder, cleaner: Cleaner) -> set[str]:
    """Original days, Gregorian and Jalali, but those that may stand there for another reason."""
    original: set[date] = set()
    moved: set[date] = set()
    for rows in trial.tables.values():
        for row in rows:
            whose = row.values.get("participant_id")
            found = {_day(one) for one in row.values.values() if isinstance(one, date)}
            original |= found
            person = cleaner.people.get(str(whose))
            if person is not None:
                moved |= {one + timedelta(days=person.shift_days) for one in found}
    public = trial.protocol.model_dump_json()
    public += trial.registration.model_dump_json() if trial.registration is not None else ""
    left = {one for one in original - moved if one.isoformat() not in public}
    return {one.isoformat() for one in left} | {jalali_text(one) for one in left if jalali_text(one) not in public}


def _day(value: date) -> date:
    return value.date() if isinstance(value, datetime) else value
