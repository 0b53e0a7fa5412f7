"""Beta-binomial rules: posterior and predictive probability, and the boundaries of looks for futility or toxicity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from theratrial.errors import InputError
from theratrial.statistics.designs.binomial import Array, pmf, require_fraction, require_looks
from theratrial.statistics.proportion import require_counts

VERSION: Final = "1"


@dataclass(frozen=True, slots=True)
class Beta:
    """A beta distribution of the rate; `weight` is its share in a mixture."""

    a: float
    b: float
    weight: float = 1.0


Prior = Sequence[Beta]
"""One beta distribution or a mixture; weights are scaled to sum to one."""


def _require(prior: Prior) -> None:
    if not prior or not all(0 < number < float("inf") for part in prior for number in (part.a, part.b, part.weight)):
        raise InputError(f"a prior is one or more beta distributions with a, b and weight above 0, got {list(prior)}")


def posterior(prior: Prior, x: int, n: int) -> tuple[Beta, ...]:
    """The distribution of the rate after `x` of `n`: parts weighed by how well they foretold it.

    Raises
    ------
    InputError
        The prior is none, or `x` of `n` cannot be.
    """
    from scipy.special import betaln

    _require(prior)
    if n or x:
        # Nothing of nobody is where a trial begins: the prior itself.
        x, n = require_counts(x, n)
    logs = [np.log(one.weight) + betaln(one.a + x, one.b + n - x) - betaln(one.a, one.b) for one in prior]
    likely = np.exp(np.asarray(logs) - max(logs))
    shares = likely / likely.sum()
    return tuple(Beta(one.a + x, one.b + n - x, float(share)) for one, share in zip(prior, shares, strict=True))


def probability_above(prior: Prior, x: int, n: int, p0: float) -> float:
    """Posterior probability that the rate exceeds `p0` after `x` of `n`.

    Examples
    --------
    >>> round(probability_above((Beta(0.6, 0.4),), 16, 23, 0.6), 7)
    0.8359808
    """
    from scipy.special import betaincc

    require_fraction("p0", p0)
    return float(sum(one.weight * betaincc(one.a, one.b, p0) for one in posterior(prior, x, n)))


def predictive_probability(prior: Prior, x: int, n: int, n_max: int, p0: float, threshold: float) -> float:
    """Probability that the trial, carried on to `n_max`, ends with ``P(rate > p0) > threshold``.

    Raises
    ------
    InputError
        Counts that cannot be, `n_max` below `n`, `p0` or `threshold` outside 0 to 1.

    References
    ----------
    Lee and Liu, Clin Trials 2008;5:93.

    Examples
    --------
    >>> round(predictive_probability((Beta(0.6, 0.4),), 16, 23, 40, 0.6, 0.9), 7)
    0.5655589
    """
    from scipy.stats import betabinom

    require_fraction("threshold", threshold)
    if n_max < n:
        raise InputError(f"{n} participants are more than the {n_max} of the whole trial")
    left = n_max - n
    parts = posterior(prior, x, n)
    more = np.arange(left + 1)
    likely = sum(one.weight * betabinom.pmf(more, left, one.a, one.b) for one in parts)
    wins = [probability_above(prior, x + int(y), n_max, p0) > threshold for y in more]
    return float(np.sum(likely * np.asarray(wins)))


def predictive_boundary(
    looks: tuple[int, ...], p0: float, *, threshold: float, lowest: float, prior: Prior
) -> tuple[int | None, ...]:
    """At each look the most outcomes at which the predictive probability is below `lowest`; None: never below.

    At the last look that is every number of outcomes that does not reach ``P(rate > p0) > threshold``.

    References
    ----------
    Lee and Liu, Clin Trials 2008;5:93.

    Examples
    --------
    Three looks of their example of 36 participants, which stops where the predictive probability is below 0.001:

    >>> predictive_boundary((10, 17, 36), 0.2, threshold=0.922, lowest=0.001, prior=(Beta(0.2, 0.8),))
    (0, 1, 10)
    """
    require_looks(looks)
    require_fraction("lowest", lowest)
    found: list[int | None] = []
    for n in looks:
        stops = [x for x in range(n + 1) if predictive_probability(prior, x, n, looks[-1], p0, threshold) < lowest]
        found.append(max(stops) if stops else None)
    return tuple(found)


def futility_boundary(
    looks: tuple[int, ...], p0: float, *, cut_off: float, shape: float, prior: Prior | None = None
) -> tuple[int | None, ...]:
    """At each look the most outcomes at which to stop for futility; None: not even none would stop.

    Stop at a look of `n` of `N` when ``P(rate > p0) < cut_off * (n / N) ** shape``.

    Parameters
    ----------
    prior
        Default: Beta(p0, 1 - p0), worth one participant.

    References
    ----------
    Zhou, Lee and Yuan, Stat Med 2017;36:3302 (BOP2).

    Examples
    --------
    >>> futility_boundary((10, 15, 20, 25, 30, 35, 40), 0.2, cut_off=0.9, shape=1)
    (1, 2, 3, 5, 7, 9, 11)
    """
    require_looks(looks)
    require_fraction("p0", p0)
    require_fraction("cut_off", cut_off)
    if shape < 0:
        raise InputError(f"shape of a futility boundary is 0 or more, got {shape}")
    before = prior or (Beta(p0, 1 - p0),)
    found: list[int | None] = []
    for n in looks:
        limit = cut_off * (n / looks[-1]) ** shape
        stops = [x for x in range(n + 1) if probability_above(before, x, n, p0) < limit]
        found.append(max(stops) if stops else None)
    return tuple(found)


def toxicity_boundary(n_max: int, p0: float, threshold: float, prior: Prior) -> tuple[int | None, ...]:
    """After each of 1 ... `n_max` participants the fewest events at which ``P(rate > p0) > threshold``.

    None where not even all would stop. Such a rule promises nothing about how often it stops in vain: see
    `theratrial.statistics.designs.stopping.characteristics` of it before it is used.

    Examples
    --------
    One event in the first participant stops this trial:

    >>> toxicity_boundary(3, 0.2, 0.9, (Beta(1, 1),))
    (1, 2, 2)
    """
    require_looks((n_max,))
    require_fraction("threshold", threshold)
    found: list[int | None] = []
    for n in range(1, n_max + 1):
        stops = (x for x in range(n + 1) if probability_above(prior, x, n, p0) > threshold)
        found.append(next(stops, None))
    return tuple(found)


def futility_characteristics(
    looks: tuple[int, ...], boundary: tuple[int | None, ...], rate: float
) -> tuple[float, float]:
    """Probability of stopping at some look, and the expected number of participants, when the rate is `rate`: exact.

    The last look is an end in any case: not passing its limit counts as stopping, with all participants.

    Raises
    ------
    InputError
        Looks and boundary of different length, or a rate outside 0 to 1.
    """
    require_looks(looks)
    if len(boundary) != len(looks):
        raise InputError(f"{len(looks)} looks and {len(boundary)} limits; give one limit for each look")
    if not 0 <= rate <= 1:
        raise InputError(f"a true rate lies from 0 to 1, got {rate}")
    alive = np.ones(1)
    stopped = expected = 0.0
    for before, n, limit in zip((0, *looks), looks, boundary, strict=False):
        alive = np.convolve(alive, pmf(n - before, rate)) if rate not in (0, 1) else _certain(alive, n - before, rate)
        if limit is not None:
            out = float(alive[: limit + 1].sum())
            stopped += out
            expected += n * out
            alive = np.concatenate([np.zeros(limit + 1), alive[limit + 1 :]])
    return stopped, expected + looks[-1] * float(alive.sum())


def _certain(alive: Array, more: int, rate: float) -> Array:
    """Nobody, or everybody, of `more` participants has the outcome."""
    none = np.zeros(more)
    return np.concatenate([none, alive] if rate == 1 else [alive, none])
