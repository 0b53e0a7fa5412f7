"""Two-sided intervals of a proportion `x` of `n`: formulas alone (docs/methods/proportion.md)."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Final

Interval = tuple[float, float]


def _z(level: float) -> float:
    return NormalDist().inv_cdf((1 + level) / 2)


def clopper_pearson(x: int, n: int, level: float) -> Interval:
    """Exact: both one-sided binomial tests inverted."""
    # Imported here, as below, so that a start-up does not pay for scipy.
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    lower = float(betaincinv(x, n - x + 1, tail)) if x > 0 else 0.0
    upper = float(betaincinv(x + 1, n - x, 1 - tail)) if x < n else 1.0
    return lower, upper


def wilson(x: int, n: int, level: float) -> Interval:
    """Score test inverted."""
    z = _z(level)
    share = z * z / n
    centre = x / n + share / 2
    half = z * math.sqrt(x * (n - x) / n / n / n + share / 4 / n)
    # At the ends the limit is the end itself; rounding would leave it a hair beside.
    lower = 0.0 if x == 0 else (centre - half) / (1 + share)
    upper = 1.0 if x == n else (centre + half) / (1 + share)
    return lower, upper


def wilson_continuity(x: int, n: int, level: float) -> Interval:
    """Score test with continuity correction inverted (Newcombe's method 4)."""
    z = _z(level)
    p, square = x / n, z * z
    lower = upper = 0.0
    if x > 0:
        root = math.sqrt(max(0.0, square - 2 - 1 / n + 4 * p * (n * (1 - p) + 1)))
        lower = max(0.0, (2 * n * p + square - 1 - z * root) / (2 * (n + square)))
    if x < n:
        root = math.sqrt(max(0.0, square + 2 - 1 / n + 4 * p * (n * (1 - p) - 1)))
        upper = min(1.0, (2 * n * p + square + 1 + z * root) / (2 * (n + square)))
    else:
        upper = 1.0
    return lower, upper


def agresti_coull(x: int, n: int, level: float) -> Interval:
    """Wald's interval about the centre of Wilson's, cut off at 0 and 1."""
    square = _z(level) ** 2
    size = n + square
    centre = (x + square / 2) / size
    half = math.sqrt(square * centre * (1 - centre) / size)
    return max(0.0, centre - half), min(1.0, centre + half)


def jeffreys(x: int, n: int, level: float) -> Interval:
    """Equal tails of the posterior from the prior Beta(1/2, 1/2); lower limit 0 for x = 0, upper limit 1 for x = n.

    Not the modified interval of Brown, Cai and DasGupta, whose limits at x = 1 and n - 1 are others.
    """
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    lower = float(betaincinv(x + 0.5, n - x + 0.5, tail)) if x > 0 else 0.0
    upper = float(betaincinv(x + 0.5, n - x + 0.5, 1 - tail)) if x < n else 1.0
    return lower, upper


def mid_p(x: int, n: int, level: float) -> Interval:
    """Exact tests inverted that count the probability of what was seen half."""
    lower = _mid_p_lower(x, n, (1 - level) / 2)
    return lower, 1 - _mid_p_lower(n - x, n, (1 - level) / 2)


def _mid_p_lower(x: int, n: int, tail: float) -> float:
    """The proportion under which `x` or more, `x` itself counted half, has probability `tail`."""
    if x == 0:
        return 0.0
    from scipy.optimize import brentq
    from scipy.special import betainc

    def above(p: float) -> float:
        at_least = float(betainc(x, n - x + 1, p))
        more = float(betainc(x + 1, n - x, p)) if x < n else 0.0
        return (at_least + more) / 2 - tail

    return float(brentq(above, 0.0, 1.0, xtol=1e-14, rtol=1e-14))


METHODS: Final[dict[str, Callable[[int, int, float], Interval]]] = {
    "clopper_pearson": clopper_pearson,
    "wilson": wilson,
    "wilson_continuity": wilson_continuity,
    "jeffreys": jeffreys,
    "mid_p": mid_p,
    "agresti_coull": agresti_coull,
}

NAMES: Final[dict[str, str]] = {
    "clopper_pearson": "exact (Clopper-Pearson)",
    "wilson": "Wilson",
    "wilson_continuity": "Wilson with continuity correction",
    "jeffreys": "Jeffreys (equal tails)",
    "mid_p": "mid-P",
    "agresti_coull": "Agresti-Coull",
}
