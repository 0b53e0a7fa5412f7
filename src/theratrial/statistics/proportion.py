"""A proportion with its two-sided confidence interval (docs/methods/proportion.md)."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Final, Literal

from theratrial.errors import InputError
from theratrial.statistics.intervals import METHODS

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


def proportion(x: int, n: int, method: str = "clopper_pearson", level: float = 0.95) -> Proportion:
    """The proportion `x` of `n` with its two-sided interval.

    Assumes `n` independent participants with one common probability.

    Parameters
    ----------
    method
        ``clopper_pearson`` (exact), ``wilson`` (score), ``wilson_continuity``, ``jeffreys``, ``mid_p`` or
        ``agresti_coull``.
    level
        Two-sided confidence.

    Raises
    ------
    InputError
        If `x` or `n` is not a whole number, `n` is 0, `x` lies outside 0..n, or method or level is unknown.

    References
    ----------
    Clopper and Pearson, Biometrika 1934;26:404. Wilson, J Am Stat Assoc 1927;22:209. Newcombe, Stat Med 1998;17:857.
    Brown, Cai and DasGupta, Stat Sci 2001;16:101. Agresti and Coull, Am Stat 1998;52:119.

    Examples
    --------
    >>> nine = proportion(9, 15)
    >>> round(nine.lower_fraction, 4), round(nine.upper_fraction, 4)
    (0.3229, 0.8366)
    """
    x, n = require_counts(x, n)
    if method not in METHODS:
        raise InputError(f"unknown interval method {method!r}; known: {', '.join(METHODS)}")
    if not 0 < level < 1:
        raise InputError(f"confidence level lies between 0 and 1 (0.95 is 95 %), got {level}")
    lower, upper = METHODS[method](x, n, level)
    return Proportion(x, n, x / n, lower, upper, level, method)


def require_counts(x: int, n: int) -> tuple[int, int]:
    """`x` of `n` as whole numbers, 0 <= x <= n and n at least 1; anything else raises `InputError`."""
    for what, count in (("x", x), ("n", n)):
        if isinstance(count, bool) or not isinstance(count, Integral):
            raise InputError(f"{what} of a proportion is a count, got {count!r}")
    x, n = int(x), int(n)
    if n < 1:
        raise InputError(f"a proportion of {n} participants is none; the analysis set is empty")
    if not 0 <= x <= n:
        raise InputError(f"{x} of {n} cannot be; x lies from 0 to n, got x = {x}")
    return x, n


def one_sided_bound(
    x: int, n: int, side: Literal["lower", "upper"], method: str = "clopper_pearson", level: float = 0.95
) -> float:
    """The lower or upper bound of a proportion [fraction] with one-sided confidence `level`.

    It is the limit of the two-sided interval of confidence ``2 * level - 1`` on that side.

    Raises
    ------
    InputError
        As `proportion`; and if `level` is not above one half, or `side` is none of the two.

    Examples
    --------
    Nobody of 15: up to 18 % could have it.

    >>> round(one_sided_bound(0, 15, "upper"), 4)
    0.181
    """
    if side not in ("lower", "upper"):
        raise InputError(f"side of a bound is 'lower' or 'upper', got {side!r}")
    if not 0.5 < level < 1:
        raise InputError(f"one-sided confidence lies between 0.5 and 1 (0.95 is 95 %), got {level}")
    both = proportion(x, n, method, 2 * level - 1)
    return both.lower_fraction if side == "lower" else both.upper_fraction
