"""A draft begun on an older version, put onto the newest: what only one of the two changed is taken from that one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from theratrial.registry.fields import fields, value_at
from theratrial.registry.record import RegistrationRecord
from theratrial.web.registration.form import groups


@dataclass(frozen=True, slots=True)
class Rebased:
    """The record that both made, and what both changed differently: mine stands, the other's is named."""

    record: RegistrationRecord
    both: tuple[str, ...]
    """Paths of fields, or of whole groups whose members were added or removed on one side."""


def rebased(base: RegistrationRecord, mine: RegistrationRecord, theirs: RegistrationRecord) -> Rebased:
    """My changes of `base` onto `theirs`.

    A repeating group is taken field by field where all three have as many members, else as a whole: which member is
    which cannot be known.
    """
    both: list[str] = []
    record: Any = theirs
    for field in fields():
        if not field.group:
            record = _field(record, field.path, base, mine, both)
    for group, members in groups().items():
        lengths = {len(value_at(one, group)) for one in (base, mine, theirs)}
        if len(lengths) == 1:
            for index in range(lengths.pop()):
                for field in members:
                    record = _field(record, field.path.replace("[]", f"[{index}]", 1), base, mine, both)
        elif value_at(mine, group) != value_at(base, group):
            if value_at(theirs, group) != value_at(base, group):
                both.append(group)
            record = record.model_copy(update={group: value_at(mine, group)})
    return Rebased(record, tuple(both))


def _field(record: Any, path: str, base: RegistrationRecord, mine: RegistrationRecord, both: list[str]) -> Any:
    before, my, their = (value_at(one, path) for one in (base, mine, record))
    if my in (before, their):
        return record
    if their != before:
        both.append(path)
    return _put(record, path.replace("[", ".[").split("."), my)


def _put(piece: Any, steps: Iterable[str], value: Any) -> Any:
    first, *rest = steps
    if first.startswith("["):
        index, members = int(first[1:-1]), list(piece)
        members[index] = _put(members[index], rest, value) if rest else value
        return tuple(members)
    old = getattr(piece, first)
    return piece.model_copy(update={first: _put(old, rest, value) if rest else value})
