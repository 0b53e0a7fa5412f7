"""A proportion with its two-sided confidence interval (docs/methods/proportion.md)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from statistics import NormalDist
from typing import Final

from theratrial.errors import InputError

VERSION: Final = "1"


@dataclass(frozen=True, slots=True)
class Proportion:
    """`x` of `n`, as a fraction, with a two-sided interval."""

    x: int
    n: int
    estimate_fraction: float
    lower_fraction: float
    upper_fraction: float
    level: float
    """Two-sided confidence, 0.95 for 95 %."""
    method: str
    version: str = VERSION


def _clopper_pearson(x: int, n: int, level: float) -> tuple[float, float]:
    # Imported here so that a start-up does not pay for scipy.
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    lower = float(betaincinv(x, n - x + 1, tail)) if x > 0 else 0.0
    upper = float(betaincinv(x + 1, n - x, 1 - tail)) if x < n else 1.0
    return lower, upper


def _wilson(x: int, n: int, level: float) -> tuple[float, float]:
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = z * z / n
    centre = x / n + share / 2
    half = z * math.sqrt(x * (n - x) / n / n / n + share / 4 / n)
    # At the ends the limit is the end itself; rounding would leave it a hair beside.
    lower = 0.0 if x == 0 else (centre - half) / (1 + share)
    upper = 1.0 if x == n else (centre + half) / (1 + share)
    return lower, upper


METHODS: Final[dict[str, Callable[[int, int, float], tuple[float, float]]]] = {
    "clopper_pearson": _clopper_pearson,
    "wilson": _wilson,
}


def proportion(x: int, n: int, method: str = "clopper_pearson", level: float = 0.95) -> Proportion:
    """The proportion `x` of `n` with its two-sided interval.

    Assumes `n` independent participants with one common probability.

    Parameters
    ----------
    method
        ``clopper_pearson`` (exact) or ``wilson`` (score).
    level
        Two-sided confidence.

    Raises
    ------
    InputError
        If `x` or `n` is not a whole number, `n` is 0, `x` lies outside 0..n, or method or level is unknown.

    References
    ----------
    Clopper and Pearson, Biometrika 1934;26:404. Wilson, J Am Stat Assoc 1927;22:209.

    Examples
    --------
    >>> nine = proportion(9, 15)
    >>> round(nine.lower_fraction, 4), round(nine.upper_fraction, 4)
    (0.3229, 0.8366)
    """
    for what, count in (("x", x), ("n", n)):
        if isinstance(count, bool) or not isinstance(count, Integral):
            raise InputError(f"{what} of a proportion is a count, got {count!r}")
    x, n = int(x), int(n)
    if n < 1:
        raise InputError(f"a proportion of {n} participants is none; the analysis set is empty")
    if not 0 <= x <= n:
        raise InputError(f"{x} of {n} cannot be; x lies from 0 to n")
    if method not in METHODS:
        raise InputError(f"unknown interval method {method!r}; known: {', '.join(METHODS)}")
    if not 0 < level < 1:
        raise InputError(f"confidence level lies between 0 and 1 (0.95 is 95 %), got {level}")
    lower, upper = METHODS[method](x, n, level)
    return Proportion(x, n, x / n, lower, upper, level, method)
