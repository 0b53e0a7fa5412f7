"""Single-stage exact designs: the smallest trial in which the binomial test keeps both errors, and its power."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from theratrial.errors import InputError
from theratrial.statistics.designs.binomial import more_than, pmf, require_errors, require_fraction, require_rates
from theratrial.statistics.proportion import require_counts

VERSION: Final = "1"


@dataclass(frozen=True, slots=True)
class SingleStage:
    """Worth pursuing if more than `r` of `n` have the outcome."""

    r: int
    n: int
    alpha: float
    """True probability of going on though the rate is `p0`."""
    power: float
    """Probability of going on if the rate is `p1`."""
    p0: float
    p1: float


def single_stage(p0: float, p1: float, *, alpha: float = 0.05, beta: float = 0.2, n_max: int = 500) -> SingleStage:
    """The smallest exact design with one stage.

    Parameters
    ----------
    p0, p1
        Rate that is not worth pursuing, rate that is [fraction].
    alpha, beta
        Highest probability of each error (one-sided).
    n_max
        Where the search ends.

    Raises
    ------
    InputError
        Rates or errors out of range, or no design with at most `n_max` participants.

    References
    ----------
    A'Hern, Stat Med 2001;20:859. The first `n` is given for which the errors hold; for a few larger ones they do not,
    because the binomial distribution moves in steps.

    Examples
    --------
    >>> design = single_stage(0.3, 0.6)
    >>> design.r, design.n
    (8, 17)
    """
    require_rates(p0, p1)
    require_errors(alpha, beta)
    for n in range(1, n_max + 1):
        under, better = more_than(n, p0), more_than(n, p1)
        r = int(np.argmax(under <= alpha))
        if better[r] >= 1 - beta:
            return SingleStage(r, n, float(under[r]), float(better[r]), p0, p1)
    raise InputError(
        f"no single-stage design for {p0} against {p1} with at most {n_max} participants; "
        "raise n_max, or let the rates lie further apart"
    )


@dataclass(frozen=True, slots=True)
class Rejection:
    """What an exact one-sided test of `n` participants against the rate `p0` can show."""

    n: int
    p0: float
    at_least: int
    """Fewest outcomes that reject `p0`; ``n + 1``: not even all would."""
    alpha: float
    """Its true level."""
    power: tuple[tuple[float, float], ...]
    """(true rate, probability of rejecting)."""


def exact_test(n: int, p0: float, *, alpha: float = 0.025, rates: tuple[float, ...] = ()) -> Rejection:
    """Fewest outcomes with ``P(X >= x | p0) <= alpha``, the level that is kept, and the power at given rates.

    Raises
    ------
    InputError
        `n` below 1, or `p0`, `alpha` or a rate outside 0 to 1.

    Examples
    --------
    >>> exact_test(15, 0.3).at_least, round(exact_test(15, 0.3).alpha, 4)
    (9, 0.0152)
    """
    require_counts(0, n)
    for name, value in (("p0", p0), ("alpha", alpha), *(("a true rate", rate) for rate in rates)):
        require_fraction(name, value)
    # P(X >= x) for x = 1 ... n is P(X > x - 1), and more than n never happens.
    r = int(np.argmax(more_than(n, p0) <= alpha))
    power = tuple((rate, float(more_than(n, rate)[r])) for rate in rates)
    return Rejection(n, p0, r + 1, float(more_than(n, p0)[r]), power)


def p_value(x: int, n: int, p0: float, *, mid: bool = False) -> float:
    """One-sided exact P value ``P(X >= x | p0)``; `mid` counts the probability of `x` itself half.

    Raises
    ------
    InputError
        `x` of `n` cannot be, or `p0` lies outside 0 to 1.

    Examples
    --------
    >>> round(p_value(9, 15, 0.3), 4)
    0.0152
    """
    x, n = require_counts(x, n)
    require_fraction("p0", p0)
    mass = pmf(n, p0)
    return float(mass[x:].sum() - (mass[x] / 2 if mid else 0.0))
