"""Looks through shared files for anything that belongs to a participant. Written apart from what replaces it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from theratrial.registry.calendars import jalali_text
from theratrial.sharing.identity.cleaner import Cleaner
from theratrial.trialfolder.records import TrialFolder

_TOKEN: Final = re.compile(r"[\w.+-]+")
_DAY: Final = re.compile(r"(?<!\d)\d{4}[-/]\d\d[-/]\d\d(?!\d)")
_DOTTED: Final = re.compile(r"\d+(?:\.\d+){2,}")
_HEX: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{16,64}(?![0-9a-f])")
_SHORT_HEX: Final = 16
"""A report writes so many characters of a digest: they tell the file as well as all 64."""
_LINE: Final = re.compile(r"records/\w+\.csv#\d")
_SEASONS_DAYS: Final = (0, 91, 182, 273)
"""Days back at which a place shows its clocks of summer and of winter."""


def leaks_in(
    files: Mapping[str, bytes],
    trial: TrialFolder,
    cleaner: Cleaner,
    *,
    moved_days: frozenset[date] = frozenset(),
    home: Any = None,
) -> Iterator[str]:
    """Where an id, a UID, a digest or line of a file, a typed text or an original date stands: nothing is good.

    Dates of the trial that are also a moved date of somebody, or stand in the protocol or the registration record,
    cannot be told from what may be there and are passed over. Bytes that are no text (transport files) are searched
    as they are. Each find says where the thing stands at home: it is read by those who may know.

    Parameters
    ----------
    moved_days
        Days computed from moved ones (`dates_moved` has proven each): by chance one is an original of somebody.
    home
        The results at home, every UID and digest of which is looked for.
    """
    own = _own(trial, cleaner, home)
    days = _days(trial, cleaner, moved_days)
    for name, content in sorted(files.items()):
        text = content.decode("utf-8", errors="surrogateescape")
        # 10^9/L behind a letter by chance is a unit in a binary file, no id.
        words = {found.group() for found in _TOKEN.finditer(text) if text[found.end() : found.end() + 1] != "^"}
        for one in sorted(own.ids & words):
            yield f"{name}: an id of the trial ({_kind(one, trial)})"
        for _one in sorted(own.uids & set(_DOTTED.findall(text))):
            yield f"{name}: a UID of the trial's images"
        for _one in sorted(own.digests & {found.group()[:_SHORT_HEX] for found in _HEX.finditer(text)}):
            yield f"{name}: a digest of a file of the trial"
        if _LINE.search(text):
            yield f"{name}: a line of a table of the trial"
        folded = text.casefold()
        for typed, pattern in own.typed:
            if typed.casefold() in folded and pattern.search(folded):
                yield f"{name}: a text that somebody typed{_at_home(typed, trial)}"
        for _day_left in sorted(days & set(_DAY.findall(text))):
            yield f"{name}: a date of the trial"


@dataclass(frozen=True, slots=True)
class _Own:
    """What is looked for."""

    ids: frozenset[str]
    uids: frozenset[str]
    digests: frozenset[str]
    typed: tuple[tuple[str, re.Pattern[str]], ...]


def _own(trial: TrialFolder, cleaner: Cleaner, home: Any) -> _Own:
    uids = {
        value for rows in trial.tables.values() for row in rows for name, value in row.values.items()
        if name.endswith("uid") and isinstance(value, str)
    }  # fmt: skip
    digests = set(trial.manifest.values())
    for text in _texts(home):
        # 2.25.<number> and what has six components; a shorter one is known by the images alone
        uids |= {one for one in _DOTTED.findall(text) if one.startswith("2.25.") or one.count(".") > 4}
        digests |= {one for one in _HEX.findall(text) if len(one) == 64}
    public = {one[:_SHORT_HEX] for one in cleaner.public}
    return _Own(
        frozenset((*trial.participant_ids, *cleaner.labels)),
        frozenset(uids) | cleaner.uids,
        frozenset(one.removeprefix("sha256:")[:_SHORT_HEX] for one in digests) - public,
        tuple((one, re.compile(rf"(?<![^\W_]){re.escape(one.casefold())}(?![^\W_])")) for one in cleaner.typed),
    )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _texts(getattr(value, field.name))
    elif isinstance(value, tuple | list | set | frozenset):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, Mapping):
        for key, one in value.items():
            yield from _texts(key)
            yield from _texts(one)


def dates_moved(home: Any, shared: Any, cleaner: Cleaner) -> tuple[int, int, frozenset[date]]:
    """(dates compared, of these not moved by exactly her shift, the moved days) of results at home and as shared.

    Walks both trees side by side; participants are paired by their codes. A moment must be shown without an offset of
    its own, and its clock be one that the trial's place has in summer or in winter.
    """
    compared, wrong, days = 0, 0, set()
    by_code = {one.participant_id: one for one in shared.participants}
    for one in home.participants:
        person = cleaner.people.get(one.participant_id)
        if person is None:
            continue
        zone = cleaner.clocks[one.participant_id].zone
        for before, after in _pairs(one, by_code[person.code]):
            compared += 1
            if _as_moved(before, after, timedelta(days=person.shift_days), zone):
                days.add(_day(after))
            else:
                wrong += 1
    return compared, wrong, frozenset(days)


def _as_moved(before: date, after: date, shift: timedelta, zone: Any) -> bool:
    if not isinstance(before, datetime) or not isinstance(after, datetime):
        return type(before) is type(after) and after == before + shift
    if after.utcoffset() not in (None, timedelta()):
        return False
    instant = (before if before.tzinfo is not None else before.replace(tzinfo=zone)).astimezone(UTC)
    ahead = after.replace(tzinfo=UTC) - shift - instant
    return ahead in {(instant - timedelta(days=back)).astimezone(zone).utcoffset() for back in _SEASONS_DAYS}


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
    if one in trial.participant_ids:
        return "participant"
    return f"site, batch, device or staff{_at_home(one, trial)}"


def _at_home(text: str, trial: TrialFolder) -> str:
    """The first line and column of the trial's tables in which a text stands, for the person who must find it."""
    for rows in trial.tables.values():
        for row in rows:
            for column, value in row.values.items():
                if isinstance(value, str) and value.strip() == text:
                    return f"; at home: {row.origin or f'{row.file} line {row.line}'}, column {column}"
    return ""


def _days(trial: TrialFolder, cleaner: Cleaner, moved_days: frozenset[date]) -> set[str]:
    """Original days, Gregorian and Jalali, but those that may stand there for another reason."""
    original: set[date] = set()
    moved: set[date] = set(moved_days)
    for rows in trial.tables.values():
        for row in rows:
            whose = str(row.values.get("participant_id"))
            person = cleaner.people.get(whose)
            for one in row.values.values():
                if isinstance(one, date):
                    original.add(_day(one))
                    if person is not None:
                        # by the clock of the release a moment near midnight may be one of the day beside
                        shown = cleaner.clocks[whose].wall(one) if isinstance(one, datetime) else one
                        moved |= {_day(at) + timedelta(days=person.shift_days) for at in (one, shown)}
    public = trial.protocol.model_dump_json()
    public += trial.registration.model_dump_json() if trial.registration is not None else ""
    left = {one for one in original - moved if one.isoformat() not in public}
    return {one.isoformat() for one in left} | {jalali_text(one) for one in left if jalali_text(one) not in public}


def _day(value: date) -> date:
    return value.date() if isinstance(value, datetime) else value
