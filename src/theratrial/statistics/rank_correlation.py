"""Spearman's rank correlation with an interval, without a test (docs/methods/lesion_courses.md)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

from theratrial.errors import InputError

METHOD: Final = "statistics.rank_correlation"
VERSION: Final = "1"

FEWEST: Final = 5
"""Pairs below which no coefficient is given: with four, one exchange of two ranks moves it by 0.2 or more."""


@dataclass(frozen=True, slots=True)
class RankCorrelation:
    """Spearman's rho; None with the reason in `note` where it is not given or not defined."""

    pairs: int
    rho: float | None
    lower: float | None
    upper: float | None
    note: str


def rank_correlation(x: Sequence[float], y: Sequence[float], *, level: float = 0.95) -> RankCorrelation:
    """Spearman's rho of pairs, ties sharing their mean rank, with the interval by Fisher's transform.

    The standard error is Bonett and Wright's, sqrt((1 + rho^2 / 2) / (n - 3)). Assumes independent pairs; lesions of
    one participant are not, so that for them the interval is too narrow.

    Raises
    ------
    InputError
        Sequences of different length, or a value that is not finite.

    References
    ----------
    Bonett and Wright, Psychometrika 2000;65:23.

    Examples
    --------
    >>> rank_correlation([1, 2, 3, 4, 5], [2, 1, 4, 3, 5]).rho
    0.8
    """
    if len(x) != len(y):
        raise InputError(f"pairs are needed, got {len(x)} and {len(y)} values")
    if not all(map(math.isfinite, [*x, *y])):
        raise InputError("a rank correlation needs finite values; leave out what is not known")
    pairs = len(x)
    if pairs < FEWEST:
        return RankCorrelation(pairs, None, None, None, f"not given for fewer than {FEWEST} pairs, here {pairs}")
    if len(set(x)) == 1 or len(set(y)) == 1:
        return RankCorrelation(pairs, None, None, None, "not defined: all values of one of the two are the same")
    rho = _pearson(_ranks(x), _ranks(y))
    if abs(rho) > 1 - 1e-12:
        return RankCorrelation(pairs, rho, None, None, "no interval: the ranks agree or oppose perfectly")
    half = NormalDist().inv_cdf((1 + level) / 2) * math.sqrt((1 + rho * rho / 2) / (pairs - 3))
    centre = math.atanh(rho)
    return RankCorrelation(pairs, rho, math.tanh(centre - half), math.tanh(centre + half), "")


def _ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1; those that tie share the mean of theirs."""
    order = sorted(range(len(values)), key=lambda at: values[at])
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for at in order[start : end + 1]:
            ranks[at] = (start + end) / 2 + 1
        start = end + 1
    return ranks


def _pearson(x: Sequence[float], y: Sequence[float]) -> float:
    mean_x, mean_y = math.fsum(x) / len(x), math.fsum(y) / len(y)
    both = math.fsum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return both / math.sqrt(math.fsum((a - mean_x) ** 2 for a in x) * math.fsum((b - mean_y) ** 2 for b in y))
