"""Places in a tree of results: how a trace names another value, and the way back from the name to the value.

A place is written as ``participants[P01].sessions[2].doses[liver].absorbed_dose_Gy``: names of fields, and in brackets
the id of an entry of a list (participant, session number, region name, imaging id, lesion, criterion or clause).
"""

from __future__ import annotations

from typing import Any

from theratrial.errors import InputError

_ID_FIELDS = (
    *("participant_id", "region_name", "session", "imaging_id", "lesion_id", "criterion_id", "clause", "path"),
    *("route", "curve_method", "engine", "part", "criteria"),
)


def entry_label(entry: Any, index: int) -> str:
    """``[liver]``: how a place names an entry of a list; its position where it has no id."""
    if isinstance(entry, dict):
        for name in _ID_FIELDS:
            if name in entry:
                return f"[{entry[name]}]"
    return f"[{index}]"


def value_at(tree: Any, place: str) -> Any:
    """What stands at a place of a plain tree.

    Raises
    ------
    InputError
        Nothing stands there; the message says how far the way leads.

    Examples
    --------
    >>> value_at({"sessions": [{"session": 2, "batch_id": "B7"}]}, "sessions[2].batch_id")
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


def session_place(participant_id: str, session: int) -> str:
    """Place of a session of a participant."""
    return f"{participant_place(participant_id)}.sessions[{session}]"


def dose_place(participant_id: str, session: int, region_name: str) -> str:
    """Place of a region's dose in a session."""
    return f"{session_place(participant_id, session)}.doses[{region_name}]"
