"""Continuous stopping for toxicity: boundaries, what they do under a true rate, and their replay on what happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from theratrial.errors import InputError
from theratrial.statistics.designs.binomial import Array, more_than, require_fraction, require_looks

VERSION: Final = "1"
_MOST: Final = 500
"""Participants up to which a boundary is found within seconds."""

Boundary = tuple[int | None, ...]
"""After participant k the fewest events that stop the trial; None: it cannot stop there."""


@dataclass(frozen=True, slots=True)
class Characteristics:
    """What a boundary does when the true rate is `rate`: exact."""

    rate: float
    stop: float
    """Probability that it stops the trial at some time."""
    expected_n: float
    """Expected number of participants until it stops, or all."""


def characteristics(boundary: Boundary, rate: float) -> Characteristics:
    """Probability of stopping and expected size by adding up every path.

    Raises
    ------
    InputError
        No boundary, or a rate outside 0 to 1.
    """
    if not boundary:
        raise InputError("a boundary names at least one participant")
    if not 0 <= rate <= 1:
        raise InputError(f"a true rate lies from 0 to 1, got {rate}")
    alive: Array = np.zeros(len(boundary) + 1)
    alive[0] = 1.0
    stopped = expected = 0.0
    for k, limit in enumerate(boundary, 1):
        alive[1:] = alive[1:] * (1 - rate) + alive[:-1] * rate
        alive[0] *= 1 - rate
        if limit is not None:
            out = float(alive[limit:].sum())
            stopped += out
            expected += k * out
            alive[limit:] = 0.0
    return Characteristics(rate, stopped, expected + len(boundary) * float(alive.sum()))


def pocock_boundary(n_max: int, p0: float, *, overall: float) -> Boundary:
    """Stop when the binomial probability of so many events or more is small: the same at every participant.

    That small probability is the largest for which the trial stops with at most `overall` although the rate is `p0`.

    Parameters
    ----------
    p0
        Highest acceptable rate of the toxicity [fraction].
    overall
        Highest probability of stopping in vain.

    Raises
    ------
    InputError
        A number out of range.

    References
    ----------
    Ivanova, Qaqish and Schell, Biometrics 2005;61:540.

    Examples
    --------
    >>> pocock_boundary(15, 0.2, overall=0.05)
    (None, None, 3, 4, 4, 4, 5, 5, 5, 6, 6, 6, 7, 7, 7)
    """
    require_looks((n_max,))
    if n_max > _MOST:
        raise InputError(f"a boundary is searched for at most {_MOST} participants, got {n_max}")
    require_fraction("p0", p0)
    require_fraction("overall", overall)
    # Boundaries change only where the pointwise level passes a tail probability: those are all candidates.
    tails = [np.concatenate(([1.0], more_than(k, p0)[:-1])) for k in range(1, n_max + 1)]
    candidates = np.unique(np.concatenate(tails))
    low, high = -1, len(candidates) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if characteristics(_at_level(tails, float(candidates[middle])), p0).stop <= overall:
            low = middle
        else:
            high = middle - 1
    return _at_level(tails, float(candidates[low])) if low >= 0 else (None,) * n_max


def _at_level(tails: Sequence[Array], level: float) -> Boundary:
    found: list[int | None] = []
    for tail in tails:
        small = np.flatnonzero(tail <= level)
        found.append(int(small[0]) if small.size else None)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Step:
    """One participant of a replay, in the order of treatment."""

    participant: str
    event: bool | None
    """None: not known yet; counts neither way, and `stop` then says what is known so far."""
    known: int
    """Participants whose answer is known, up to and with this one."""
    events: int
    limit: int | None
    stop: bool


def replay(boundary: Boundary, events: Sequence[tuple[str, bool | None]]) -> tuple[Step, ...]:
    """What the boundary would have said after each participant, in the actual order.

    A participant whose answer is not known yet is not counted as free of the event: the boundary is looked up at the
    number of known answers.

    Raises
    ------
    InputError
        More participants than the boundary was made for.
    """
    if len(events) > len(boundary):
        raise InputError(f"the boundary is for {len(boundary)} participants, got {len(events)}; make one for all")
    steps = []
    known = count = 0
    for participant, event in events:
        if event is not None:
            known += 1
            count += event
        limit = boundary[known - 1] if known else None
        steps.append(Step(participant, event, known, count, limit, limit is not None and count >= limit))
    return tuple(steps)
