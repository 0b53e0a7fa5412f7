"""What differs between two records, field by field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from theratrial.registry.fields import Field, fields, value_at
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.words import is_blank

Kind = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class Change:
    """A field that differs; values are those of the record (`Text`, `RecordDate`, `Coded`, ...), None where absent."""

    field: Field
    path: str
    kind: Kind
    old: Any
    new: Any


def difference(old: RegistrationRecord, new: RegistrationRecord) -> tuple[Change, ...]:
    """Every field that differs, in the order of the page; members of repeating groups are compared by position.

    Examples
    --------
    >>> from theratrial.registry.reader import shipped_registration
    >>> record = shipped_registration("IRCT20210612051548N3")
    >>> difference(record, record)
    ()
    """
    return tuple(_changes(old, new))


def _changes(old: RegistrationRecord, new: RegistrationRecord) -> Iterator[Change]:
    for field in fields():
        if not field.group:
            yield from _change(field, field.path, value_at(old, field.path), value_at(new, field.path))
            continue
        longest = max(len(value_at(old, field.group)), len(value_at(new, field.group)))
        for index in range(longest):
            path = field.path.replace("[]", f"[{index}]", 1)
            yield from _change(field, path, value_at(old, path), value_at(new, path))


def _change(field: Field, path: str, old: Any, new: Any) -> Iterator[Change]:
    before, after = _nothing(old), _nothing(new)
    if before == after:
        return
    kind: Kind = "added" if before is None else "removed" if after is None else "changed"
    yield Change(field, path, kind, before, after)


def _nothing(value: Any) -> Any:
    """None for all that is empty, so that an absent member equals an empty one."""
    # RecordDate has no truth value of its own; Text, Coded and Age say whether they hold something.
    empty = is_blank(value) or (hasattr(type(value), "__bool__") and not isinstance(value, int | float) and not value)
    return None if empty else value
