"""Before and after, side by side: do the quantities agree, is every moment moved by the same days, are numbers kept?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from theratrial.sharing.images import elements
from theratrial.sharing.images.moments import Shift
from theratrial.sharing.images.quantities import Floats

TOLERANCE: Final = 1e-6
"""Largest relative difference of any quantity before and after."""
_SET_BY_US: Final = frozenset(("PatientAge",))


@dataclass(frozen=True, slots=True)
class Agreement:
    """One quantity before and after."""

    quantity: str
    values: int
    """How many numbers it is made of; 0 where it can be computed neither before nor after."""
    before: float | None
    """Where the two differ most (the first value where they do not)."""
    after: float | None
    relative_difference: float | None
    agrees: bool
    said: str = ""


def agreement(quantity: str, before: Floats | None, after: Floats | None) -> Agreement:
    """Compare one quantity.

    Examples
    --------
    >>> agreement("SUV", np.array([1.0, 4.0]), np.array([1.0, 2504.0])).agrees
    False
    >>> agreement("SUV", None, None).said
    'cannot be computed before, nor after'
    """
    if before is None and after is None:
        return Agreement(quantity, 0, None, None, None, True, "cannot be computed before, nor after")
    if before is None or after is None:
        known = before if after is None else after
        first = float(known[0]) if known is not None and len(known) else None
        said = "can be computed before but not after" if after is None else "can be computed after but not before"
        return Agreement(
            quantity, 0, first if after is None else None, None if after is None else first, None, False, said
        )
    if before.shape != after.shape:
        return Agreement(
            quantity, len(before), None, None, None, False, f"{len(before)} values before, {len(after)} after"
        )
    if not len(before):
        return Agreement(quantity, 0, None, None, 0.0, True, "no values before, none after")
    largest = np.maximum(np.abs(before), np.finfo(float).tiny)
    same = (before == after) | (np.isnan(before) & np.isnan(after))
    with np.errstate(over="ignore", invalid="ignore"):
        difference = np.where(same, 0.0, np.abs(after - before) / largest)
    difference = np.where(np.isnan(difference), np.inf, difference)
    worst = int(np.argmax(difference))
    agrees = bool(difference[worst] <= TOLERANCE)
    ratio = after[worst] / before[worst] if before[worst] else np.inf
    return Agreement(
        quantity,
        len(before),
        float(before[worst]),
        float(after[worst]),
        float(difference[worst]) if np.isfinite(difference[worst]) else None,
        agrees,
        "" if agrees else f"{ratio:.6g} times the value before",
    )


def agreements(before: Mapping[str, Floats | None], after: Mapping[str, Floats | None]) -> tuple[Agreement, ...]:
    """Compare all quantities of a series; one that only one side has does not agree."""
    names = [*before, *(name for name in after if name not in before)]
    return tuple(agreement(name, before.get(name), after.get(name)) for name in names)


def changed_numbers(before: Dataset, after: Dataset, shift: Shift, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Elements whose number or moment is not what it must be: unchanged, or moved by exactly the participant's days.

    Looks at both files afresh, at every level, independently of how the one was made of the other; `before` already
    shows its times of day by the clock of the release.
    """
    for tag in after.keys():  # noqa: SIM118 - keys, so that pixels are not decoded
        item = after.get_item(tag)
        name = elements.keyword(tag)
        vr = elements.representation(item, private=tag.is_private)
        if tag not in before or name in _SET_BY_US:
            continue
        place = " > ".join((*path, name))
        if vr == "SQ":
            ours, theirs = after[tag].value, before[tag].value
            if isinstance(ours, Sequence) and isinstance(theirs, Sequence) and len(ours) == len(theirs):
                for new, old in zip(ours, theirs, strict=True):
                    yield from changed_numbers(old, new, shift, (*path, name))
        elif vr in elements.MOMENTS:
            if not _moved(vr, _texts(before[tag].value), _texts(after[tag].value), shift):
                yield place
        elif (vr in elements.NUMBERS or vr in elements.NUMBERS_AS_TEXT) and not _same(before, after, tag):
            yield place


def _same(before: Dataset, after: Dataset, tag: Any) -> bool:
    old, new = before.get_item(tag), after.get_item(tag)
    if elements.is_raw(old) and elements.is_raw(new) and (old.value or b"") == (new.value or b""):
        return True
    if new.value in (None, b"", ""):
        return True  # emptied: a text where a number should be, or what the profile demands
    return bool(before[tag].value == after[tag].value)


def _moved(vr: str, before: list[str], after: list[str], shift: Shift) -> bool:
    if not any(after):
        return True  # emptied: no date, or out of the calendar
    if vr == "TM":
        return before == after
    move = shift.day if vr == "DA" else shift.moment
    return [move(one) if one else "" for one in before] == after


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, bytes):
        return [value.decode("ascii", "replace").strip(" \0")]
    return [str(one).strip(" \0") for one in elements.listed(value)]
