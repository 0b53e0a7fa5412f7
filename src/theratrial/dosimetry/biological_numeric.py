"""Lea-Catcheside factor of any dose rate, by quadrature (docs/methods/biological_dose.md)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from theratrial.errors import InputError, NumericalError

DoseRate = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Hours after administration -> dose rate, in any unit."""

_NODES: Final = 8
_REPAIR_PER_PANEL: Final = 0.5
"""Largest product of repair rate and panel length: the error of 8 nodes is then far below rounding."""


def _panels(breaks_h: Sequence[float], repair_per_h: float) -> NDArray[np.float64]:
    edges = np.asarray(breaks_h, dtype=float)
    if edges.size < 2 or not np.isfinite(edges).all() or edges[0] < 0 or (np.diff(edges) <= 0).any():
        raise InputError("the breaks of a dose rate are two or more increasing hours, not before administration")
    parts = []
    for start, end in pairwise(edges):
        count = max(1, math.ceil((end - start) * repair_per_h / _REPAIR_PER_PANEL))
        parts.append(np.linspace(start, end, count + 1)[:-1])
    return np.concatenate([*parts, edges[-1:]])


def numeric_dose_rate_factor(
    rate: DoseRate, repair_per_h: float, *, breaks_h: Sequence[float], tail_per_h: float | None
) -> float:
    """Lea-Catcheside factor G of a dose rate that is smooth between breaks and decays with one exponential after them.

    Parameters
    ----------
    rate
        Dose rate by hours after administration, taking and giving arrays.
    breaks_h
        Times where the dose rate or its slope jumps, with start and end [h]; between them it should change by less than
        a few e-folds, else give more.
    tail_per_h
        Effective decay constant after the last break, where the rate goes on from its value there; None: it stops.

    Raises
    ------
    InputError
        If breaks do not increase or a rate constant is not positive.
    NumericalError
        If the dose rate is negative or not a number somewhere, or there is no dose.

    Notes
    -----
    Damage ``I' = rate - m I`` and the pairs ``integral of rate * I`` are carried from panel to panel by Gauss-Legendre
    quadrature of 8 nodes, 8 x 8 for the triangle within a panel; the tail is added in closed form.

    Examples
    --------
    A constant rate for T hours has ``G = 2 / (m T)^2 (m T - 1 + exp(-m T))``; with m T = 1:

    >>> round(numeric_dose_rate_factor(np.ones_like, 0.5, breaks_h=(0, 2), tail_per_h=None), 6)
    0.735759
    """
    if not (math.isfinite(repair_per_h) and repair_per_h > 0):
        raise InputError(f"the rate of repair must be above 0 per hour, got {repair_per_h}")
    if tail_per_h is not None and not (math.isfinite(tail_per_h) and tail_per_h > 0):
        raise InputError(f"the decay constant of the tail must be above 0 per hour, got {tail_per_h}")
    edges = _panels(breaks_h, repair_per_h)
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    nodes, weights = (nodes + 1) / 2, weights / 2
    lengths = np.diff(edges)
    times = edges[:-1, None] + lengths[:, None] * nodes
    rates = rate(times)
    inner_times = edges[:-1, None, None] + lengths[:, None, None] * nodes[:, None] * nodes
    inner_rates = rate(inner_times)
    if not (np.isfinite(rates).all() and (rates >= 0).all() and np.isfinite(inner_rates).all()):
        raise NumericalError("the dose rate is negative or not a number between its breaks")
    until = lengths[:, None] * nodes
    doses = lengths * (rates @ weights)
    faded_to_end = np.exp(-repair_per_h * (lengths[:, None] - until))
    gained = lengths * ((rates * faded_to_end) @ weights)
    met = lengths * ((rates * np.exp(-repair_per_h * until)) @ weights)
    lag = until[:, :, None] * (1 - nodes)
    own = until * ((inner_rates * np.exp(-repair_per_h * lag)) @ weights)
    within = lengths * ((rates * own) @ weights)
    damage = pairs = dose = 0.0
    for panel, length in enumerate(lengths):
        pairs += damage * met[panel] + within[panel]
        damage = damage * math.exp(-repair_per_h * length) + gained[panel]
        dose += doses[panel]
    if tail_per_h is not None:
        last = float(rate(edges[-1:])[0])
        pairs += last * damage / (tail_per_h + repair_per_h)
        pairs += last**2 / (2 * tail_per_h * (tail_per_h + repair_per_h))
        dose += last / tail_per_h
    if not (math.isfinite(dose) and dose > 0):
        raise NumericalError(f"the integral of the dose rate is {dose:.4g}; no dose, no factor")
    return float(2 * pairs / dose**2)
