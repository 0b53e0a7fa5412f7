"""The results of a trial without identity: the same numbers under codes and moved dates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import date
from types import MappingProxyType
from typing import Any, Final

from theratrial.results.values import TrialResult
from theratrial.sharing.identity.cleaner import Cleaner
from theratrial.trace import Trace

_IDS: Final = frozenset({"participant_id", "participant"})


def shared_result(result: TrialResult, cleaner: Cleaner) -> TrialResult:
    """The results with the shared participants alone.

    Every number stays what it is: what the cohort's numbers counted of somebody who withdrew, they still count. A list
    of people (of participants, of points of a curve) leaves her out. Participants stand in the order of their codes.
    """
    shared = [one for one in result.participants if one.participant_id in cleaner.people]
    kept = tuple(sorted(shared, key=lambda one: cleaner.code(one.participant_id)))
    return _walked(replace(result, participants=kept), cleaner, "")


def _walked(value: Any, cleaner: Cleaner, participant: str) -> Any:
    if isinstance(value, Trace):
        return _trace(value, cleaner, participant)
    if is_dataclass(value) and not isinstance(value, type):
        return _dataclass(value, cleaner, participant)
    if isinstance(value, str):
        return cleaner.sentence(value, participant)
    if isinstance(value, date):
        return cleaner.moved(value, participant) if participant in cleaner.people else value
    if isinstance(value, tuple | list):
        kept = [_walked(one, cleaner, participant) for one in value if not _of_nobody_shared(one, cleaner)]
        return type(value)(kept)
    if isinstance(value, Mapping):
        found = {_walked(key, cleaner, participant): _walked(one, cleaner, participant) for key, one in value.items()}
        return MappingProxyType(found) if isinstance(value, MappingProxyType) else found
    return value


def _dataclass(value: Any, cleaner: Cleaner, participant: str) -> Any:
    whose = _whose(value) or participant
    changed = {one.name: _walked(getattr(value, one.name), cleaner, whose) for one in fields(value) if one.init}
    return replace(value, **changed)


def _whose(value: Any) -> str:
    for name in _IDS:
        found = getattr(value, name, None)
        if isinstance(found, str) and found:
            return found
    return ""


def _of_nobody_shared(value: Any, cleaner: Cleaner) -> bool:
    if not is_dataclass(value) or isinstance(value, type):
        return False
    whose = _whose(value)
    return bool(whose) and whose not in cleaner.people


def _trace(trace: Trace, cleaner: Cleaner, participant: str) -> Trace:
    inputs = {
        cleaner.sentence(name, participant): cleaner.sentence(place, participant)
        for name, place in trace.inputs.items()
    }
    author = trace.author if trace.author == "theratrial" else cleaner.sentence(trace.author, participant)
    return Trace(trace.method, trace.version, inputs, author, trace.demonstration)
