"""Two-stage designs of Simon: optimal, minimax and those between them, by looking at every design."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from theratrial.errors import InputError
from theratrial.statistics.designs.binomial import (
    Array,
    more_than,
    pmf,
    require_errors,
    require_fraction,
    require_rates,
)

VERSION: Final = "1"


@dataclass(frozen=True, slots=True)
class TwoStage:
    """Stop after `n1` participants if at most `r1` have the outcome; worth pursuing if more than `r` of `n` have it."""

    r1: int
    n1: int
    r: int
    n: int
    p0: float
    p1: float
    alpha: float
    """True probability of going on though the rate is `p0`."""
    power: float
    expected_n: float
    """Expected number of participants if the rate is `p0`."""
    stop_early: float
    """Probability of stopping after the first stage if the rate is `p0`."""


@dataclass(frozen=True, slots=True)
class TwoStageDesigns:
    """What the search found; `admissible` from minimax to optimal, both included."""

    optimal: TwoStage
    minimax: TwoStage
    admissible: tuple[TwoStage, ...]


@dataclass(frozen=True, slots=True)
class TwoStageCharacteristics:
    """What a two-stage trial does when the true rate is `rate`: exact."""

    rate: float
    pursue: float
    """Probability that it ends with more than `r` of `n`."""
    stop_early: float
    expected_n: float


def two_stage_characteristics(design: TwoStage, rates: tuple[float, ...]) -> tuple[TwoStageCharacteristics, ...]:
    """Operating characteristics of a design at true rates.

    Raises
    ------
    InputError
        A rate outside 0 to 1.
    """
    found = []
    for rate in rates:
        require_fraction("a true rate", rate)
        stop = float(pmf(design.n1, rate)[: design.r1 + 1].sum())
        pursue = rejection(design.r1, design.n1, design.r, design.n, rate)
        found.append(TwoStageCharacteristics(rate, pursue, stop, design.n1 + (1 - stop) * (design.n - design.n1)))
    return tuple(found)


def rejection(r1: int, n1: int, r: int, n: int, p: float) -> float:
    """Probability that the trial ends with more than `r` of `n`, when the rate is `p`."""
    first, later = pmf(n1, p), _more_than_shifted(n1, n - n1, p)
    return float(sum(first[x] * later[x, r] for x in range(r1 + 1, n1 + 1)))


def two_stage(p0: float, p1: float, *, alpha: float = 0.05, beta: float = 0.2, n_max: int = 100) -> TwoStageDesigns:
    """Simon's designs by an exhaustive search.

    Of designs with equal expected size under `p0`, the one with fewer participants counts as optimal; of designs with
    equal total size, the one with the smaller expected size as minimax. Admissible are the corners of the lower hull of
    expected against total size: each is best for some weight between the two.

    Raises
    ------
    InputError
        Rates or errors out of range, or no design with at most `n_max` participants.

    References
    ----------
    Simon, Control Clin Trials 1989;10:1. Jung, Lee, Kim and George, Stat Med 2004;23:561 (admissible designs).

    Examples
    --------
    >>> found = two_stage(0.2, 0.4, n_max=50)
    >>> [(d.r1, d.n1, d.r, d.n) for d in (found.optimal, found.minimax)]
    [(3, 13, 12, 43), (4, 18, 10, 33)]
    """
    require_rates(p0, p1)
    require_errors(alpha, beta)
    if n_max < 2:
        raise InputError(f"two stages need at least 2 participants, got n_max = {n_max}")
    best = [found for n in range(2, n_max + 1) if (found := _best_of_size(n, p0, p1, alpha, beta)) is not None]
    if not best:
        raise InputError(
            f"no two-stage design for {p0} against {p1} with at most {n_max} participants; "
            "raise n_max, or let the rates lie further apart"
        )
    minimax, optimal = best[0], min(best, key=lambda one: (round(one.expected_n, 9), one.n))
    return TwoStageDesigns(optimal, minimax, tuple(_hull(minimax, optimal, best)))


def _best_of_size(n: int, p0: float, p1: float, alpha: float, beta: float) -> TwoStage | None:
    """The design of `n` participants with the smallest expected size; None where no design keeps the errors."""
    found: TwoStage | None = None
    if _highest_power(n, p0, p1, alpha) < 1 - beta:
        return None
    for n1 in range(1, n):
        one = _best_of_stages(n1, n, p0, p1, alpha, beta)
        if one is not None and (found is None or one.expected_n < found.expected_n - 1e-12):
            found = one
    return found


def _highest_power(n: int, p0: float, p1: float, alpha: float) -> float:
    """Power of the randomized test of `n` participants at one stage: no other test of the same size has more."""
    under, better = more_than(n, p0), more_than(n, p1)
    r = int(np.argmax(under <= alpha))
    share = (alpha - under[r]) / pmf(n, p0)[r]
    return float(better[r] + share * pmf(n, p1)[r])


def _best_of_stages(n1: int, n: int, p0: float, p1: float, alpha: float, beta: float) -> TwoStage | None:
    under, better = _rejections(n1, n, p0), _rejections(n1, n, p1)
    r = np.argmax(under <= alpha, axis=1)
    rows = np.arange(n1 + 1)
    kept = (under[rows, r] <= alpha) & (better[rows, r] >= 1 - beta)
    if not kept.any():
        return None
    # The more it takes to go on, the smaller the trial is expected to be: the highest r1 that keeps the errors.
    r1 = int(rows[kept][-1])
    stop = float(pmf(n1, p0)[: r1 + 1].sum())
    expected = n1 + (1 - stop) * (n - n1)
    at = int(r[r1])
    return TwoStage(r1, n1, at, n, p0, p1, float(under[r1, at]), float(better[r1, at]), expected, stop)


def _rejections(n1: int, n: int, p: float) -> Array:
    """Probability of ending with more than r of n when going on above r1: shape (n1 + 1, n + 1) over r1 and r."""
    each = pmf(n1, p)[:, None] * _more_than_shifted(n1, n - n1, p)
    summed = np.cumsum(each[::-1], axis=0)[::-1]
    return np.asarray(np.vstack([summed[1:], np.zeros(n + 1)]))


def _more_than_shifted(n1: int, n2: int, p: float) -> Array:
    """Probability that x of the first stage and the second exceed r: shape (n1 + 1, n1 + n2 + 1) over x and r."""
    later = more_than(n2, p)
    need = np.arange(n1 + n2 + 1)[None, :] - np.arange(n1 + 1)[:, None]
    return np.asarray(np.where(need < 0, 1.0, later[np.clip(need, 0, n2)]))


def _hull(minimax: TwoStage, optimal: TwoStage, best: list[TwoStage]) -> Iterator[TwoStage]:
    """Corners of the lower hull from the minimax to the optimal design, by the steepest fall each time."""
    at = minimax
    yield at
    while at.n < optimal.n:
        further = [one for one in best if at.n < one.n <= optimal.n]
        slope = {one.n: (at.expected_n - one.expected_n) / (one.n - at.n) for one in further}
        at = max(further, key=lambda one: (slope[one.n], one.n))
        yield at


@dataclass(frozen=True, slots=True)
class TwoStageInference:
    """What a two-stage trial says of the rate, given where it stopped."""

    x: int
    participants: int
    stopped_early: bool
    naive: float
    """``x`` of the participants: too high or low on average, because the design looks at the data on the way."""
    unbiased: float
    """Uniformly minimum-variance unbiased estimate (Jung and Kim)."""
    p_value: float
    """One-sided, against `p0`, in the order of Koyama and Chen."""
    lower: float
    upper: float
    """Two-sided interval in the same order."""
    level: float


def two_stage_inference(design: TwoStage, x: int, *, stopped_early: bool, level: float = 0.9) -> TwoStageInference:
    """Estimate, P value and interval after a two-stage trial that was carried out as designed.

    Every result of the first stage that stops counts as less than every result of the second.

    Parameters
    ----------
    x
        Outcomes in all: of `n1` participants where it stopped early, else of `n`.
    level
        Of the two-sided interval; 0.9 matches a one-sided test at 0.05.

    Raises
    ------
    InputError
        Stages that are no design, a rate outside 0 to 1, or an `x` that cannot be at that end of the trial.

    References
    ----------
    Jung and Kim, Stat Med 2004;23:881. Koyama and Chen, Stat Med 2008;27:3145.
    """
    require_fraction("level", level)
    require_fraction("p0", design.p0)
    if not (0 <= design.r1 < design.n1 < design.n and design.r1 <= design.r < design.n):
        raise InputError(
            f"{design.r1}/{design.n1} {design.r}/{design.n} is no two-stage design: the first stage is smaller than "
            "the whole trial, and its limit is at most that of the whole trial"
        )
    size = design.n1 if stopped_early else design.n
    low, high = (0, design.r1) if stopped_early else (design.r1 + 1, design.n)
    if not low <= x <= high:
        when = "after the first stage" if stopped_early else "at the end"
        raise InputError(f"{x} of {size} cannot be the result {when} of {design.r1}/{design.n1} {design.r}/{design.n}")
    tail = (1 - level) / 2

    def at_least(p: float) -> float:
        return _at_least(design, x, stopped_early, p)

    def above(p: float) -> float:
        return _at_least(design, x + 1, stopped_early and x < design.r1, p)

    lower = 0.0 if x == 0 and stopped_early else _root(lambda p: at_least(p) - tail)
    upper = 1.0 if x == design.n else _root(lambda p: above(p) - (1 - tail))
    return TwoStageInference(
        x, size, stopped_early, x / size, _unbiased(design, x, stopped_early), at_least(design.p0), lower, upper, level
    )


def _at_least(design: TwoStage, x: int, stopped_early: bool, p: float) -> float:
    """Probability of this result or a greater one; ``x = r1 + 1`` at the second stage: of going on at all."""
    first = pmf(design.n1, p)
    if stopped_early:
        return float(first[x:].sum())
    later = _more_than_shifted(design.n1, design.n - design.n1, p)
    if x == 0:
        return 1.0
    going_on = range(design.r1 + 1, design.n1 + 1)
    return float(sum(first[x1] * (later[x1, x - 1] if x - 1 <= design.n else 0.0) for x1 in going_on))


def _unbiased(design: TwoStage, x: int, stopped_early: bool) -> float:
    if stopped_early:
        return x / design.n1
    from math import comb

    n1, n2 = design.n1, design.n - design.n1
    first = range(max(design.r1 + 1, x - n2), min(x, n1) + 1)
    ways = sum(comb(n1, x1) * comb(n2, x - x1) for x1 in first)
    return sum(comb(n1 - 1, x1 - 1) * comb(n2, x - x1) for x1 in first if x1 > 0) / ways


def _root(rising: Callable[[float], float]) -> float:
    from scipy.optimize import brentq

    return float(brentq(rising, 0.0, 1.0, xtol=1e-13))
