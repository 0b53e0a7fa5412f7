"""Looks through shared files for anything that belongs to a participant. Written apart from what replaces it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from typing import Any

from theratrial.registry.calendars import jalali_text
from theratrial.sharing.identity.cleaner import Cleaner
from theratrial.trialfolder.records import TrialFolder

_TOKEN = re.compile(r"[\w.+-]+")
_DAY = re.compile(r"(?<!\d)\d{4}[-/]\d\d[-/]\d\d(?!\d)")


def leaks_in(
    files: Mapping[str, bytes], trial: TrialFolder, cleaner: Cleaner, *, moved_days: frozenset[date] = frozenset()
) -> Iterator[str]:
    """Where an id, a UID, a typed text or an original date stands; nothing is the only good answer.

    Dates of the trial that are also a moved date of somebody, or stand in the protocol or the registration record,
    cannot be told from what may be there and are passed over. Bytes that are no text (transport files) are searched
    as they are.

    Parameters
    ----------
    moved_days
        Days computed from moved ones (`dates_moved` has proven each): by chance one is an original of somebody.
    """
    ids = {*trial.participant_ids, *cleaner.labels}
    uids = {
        value for rows in trial.tables.values() for row in rows for name, value in row.values.items()
        if name.endswith("uid") and isinstance(value, str)
    }  # fmt: skip
    days = _days(trial, cleaner, moved_days)
    typed = [(one, re.compile(rf"(?<![\w-]){re.escape(one)}(?![\w-])")) for one in cleaner.typed]
    for name, content in sorted(files.items()):
        text = content.decode("utf-8", errors="surrogateescape")
        # 10^9/L behind a letter by chance is a unit in a binary file, no id.
        words = {found.group() for found in _TOKEN.finditer(text) if text[found.end() : found.end() + 1] != "^"}
        for one in sorted(ids & words):
            yield f"{name}: an id of the trial ({_kind(one, trial)})"
        for _one in sorted(uids & words):
            yield f"{name}: a UID of the trial's images"
        for one, pattern in typed:
            if one in text and pattern.search(text):
                yield f"{name}: a text that somebody typed"
        for _day_left in sorted(days & set(_DAY.findall(text))):
            yield f"{name}: a date of the trial"


def dates_moved(home: Any, shared: Any, cleaner: Cleaner) -> tuple[int, int, frozenset[date]]:
    """(dates compared, of these not moved by exactly her shift, the moved days) of results at home and as shared.

    Walks both trees side by side; participants are paired by their codes.
    """
    compared, wrong, days = 0, 0, set()
    by_code = {one.participant_id: one for one in shared.participants}
    for one in home.participants:
        person = cleaner.people.get(one.participant_id)
        if person is None:
            continue
        for before, after in _pairs(one, by_code[person.code]):
            compared += 1
            moved = _day(before) + timedelta(days=person.shift_days)
            wrong += _day(after) != moved
            days.add(moved)
    return compared, wrong, frozenset(days)


def _pairs(one: Any, other: Any) -> Iterator[tuple[date, date]]:
    if isinstance(one, date):
        yield one, other
    elif is_dataclass(one) and not isinstance(one, type):
        for field in fields(one):
            yield from _pairs(getattr(one, field.name), getattr(other, field.name))
    elif isinstance(one, tuple | list):
        for before, after in zip(one, other, strict=True):
            yield from _pairs(before, after)
    elif isinstance(one, Mapping):
        for before, after in zip(one.values(), other.values(), strict=True):
            yield from _pairs(before, after)


def _kind(one: str, trial: TrialFolder) -> str:
    return "participant" if one in trial.participant_ids else "site, batch, device or staff"


def _days(trial: TrialFolder, cleaner: Cleaner, moved_days: frozenset[date]) -> set[str]:
    """Original days, Gregorian and Jalali, but those that may stand there for another reason."""
    original: set[date] = set()
    moved: set[date] = set(moved_days)
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
