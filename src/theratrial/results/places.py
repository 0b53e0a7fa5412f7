"""Places in a tree of results: how a trace names another value, and the way back from the name to the value.

A place is written as ``participants[P01].sessions[session=2].doses[liver].absorbed_dose_Gy``: names of fields, and in
brackets which entry of a list is meant: its id (participant, region name, imaging id, lesion, criterion or clause). An
id that is a number is written with its field, ``[session=2]``, for a number alone is the position of an entry without
id, counted from 0: ``laboratory[0]``. So nobody takes the second session for the entry at position 2.
"""

from __future__ import annotations

from typing import Any

from theratrial.errors import InputError

_ID_FIELDS = (
    *("participant_id", "region_name", "session", "imaging_id", "lesion_id", "criterion_id", "clause", "path"),
    *("route", "curve_method", "engine", "part", "criteria", "survival_id"),
)


def entry_label(entry: Any, index: int) -> str:
    """``[liver]``, ``[session=2]``: how a place names an entry of a list; its position from 0 where it has no id.

    >>> entry_label({"region_name": "liver"}, 3), entry_label({"session": 2}, 1), entry_label({"value": 5.0}, 0)
    ('[liver]', '[session=2]', '[0]')
    """
    if isinstance(entry, dict):
        for name in _ID_FIELDS:
            if name in entry:
                return f"[{name}={entry[name]}]" if isinstance(entry[name], int) else f"[{entry[name]}]"
    return f"[{index}]"


def value_at(tree: Any, place: str) -> Any:
    """What stands at a place of a plain tree.

    Raises
    ------
    InputError
        Nothing stands there; the message says how far the way leads.

    Examples
    --------
    >>> value_at({"sessions": [{"session": 2, "batch_id": "B7"}]}, "sessions[session=2].batch_id")
    'B7'
    """
    value, rest = tree, place
    while rest:
        step = _entry(value, rest) if isinstance(value, list) else _field(value, rest)
        if step is None:
            walked = place[: len(place) - len(rest)] or "the top"
            raise InputError(f"the results have no {place!r}: the way ends at {walked}")
        value, rest = step
    return value


def _entry(entries: list[Any], rest: str) -> tuple[Any, str] | None:
    # An id may itself hold a bracket or a point, so the entries are asked for theirs; the longest that fits is meant.
    fitting = [
        (label, entry)
        for index, entry in enumerate(entries)
        if rest.startswith(label := entry_label(entry, index)) and rest[len(label) : len(label) + 1] in ("", ".", "[")
    ]
    if not fitting:
        return None
    label, entry = max(fitting, key=lambda pair: len(pair[0]))
    return entry, rest[len(label) :].removeprefix(".")


def _field(value: Any, rest: str) -> tuple[Any, str] | None:
    if not isinstance(value, dict):
        return None
    end = min((at for at in (rest.find("."), rest.find("[")) if at >= 0), default=len(rest))
    name = rest[:end]
    return (value[name], rest[end:].removeprefix(".")) if name in value else None


def participant_place(participant_id: str) -> str:
    """Place of a participant."""
    return f"participants[{participant_id}]"


def own_session_place(session: int) -> str:
    """Place of a session below its participant."""
    return f"sessions[session={session}]"


def session_place(participant_id: str, session: int) -> str:
    """Place of a session of a participant."""
    return f"{participant_place(participant_id)}.{own_session_place(session)}"


def dose_place(participant_id: str, session: int, region_name: str) -> str:
    """Place of a region's dose in a session."""
    return f"{session_place(participant_id, session)}.doses[{region_name}]"
