"""Binomial probabilities as arrays, and what designs ask of their inputs."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from theratrial.errors import InputError

Array = NDArray[np.float64]


@lru_cache(maxsize=4096)
def pmf(n: int, p: float) -> Array:
    """Probability of 0, 1 ... n outcomes, shape (n + 1,), read only."""
    from scipy.stats import binom

    return _kept(binom.pmf(np.arange(n + 1), n, p))


@lru_cache(maxsize=4096)
def more_than(n: int, p: float) -> Array:
    """Probability of more than 0, 1 ... n outcomes, shape (n + 1,), read only."""
    from scipy.stats import binom

    return _kept(binom.sf(np.arange(n + 1), n, p))


def _kept(values: Array) -> Array:
    array = np.asarray(values)
    array.flags.writeable = False
    return array


def require_rates(p0: float, p1: float) -> None:
    """`InputError` unless ``0 < p0 < p1 < 1``."""
    if not 0 < p0 < p1 < 1:
        raise InputError(f"the rates of a design are 0 < p0 < p1 < 1 as fractions, got p0 = {p0}, p1 = {p1}")


def require_errors(alpha: float, beta: float) -> None:
    """`InputError` unless both lie between 0 and 1/2."""
    for name, value in (("alpha", alpha), ("beta", beta)):
        if not 0 < value < 0.5:
            raise InputError(f"{name} lies between 0 and 0.5 (0.05 is 5 %), got {value}")


def require_fraction(name: str, value: float) -> None:
    """`InputError` unless it lies strictly between 0 and 1."""
    if not 0 < value < 1:
        raise InputError(f"{name} lies between 0 and 1, got {value}")


def require_looks(looks: tuple[int, ...]) -> None:
    """`InputError` unless looks are rising counts of participants from 1."""
    if not looks or looks[0] < 1 or any(later <= sooner for sooner, later in pairwise(looks)):
        raise InputError(f"looks are rising numbers of participants, 5, 10, 15, got {looks}")
