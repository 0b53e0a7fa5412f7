"""Two exponentials through four dose rates or more, where they show two."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from theratrial.safety.protection.curve import Curve, Curves
from theratrial.safety.protection.readings import NetRate

_Z_95: Final = 1.959964
_CHI_SQUARE_2: Final = 5.991465
"""95 % point of chi square with the two parameters that a second exponential adds."""
_LEAST_RATIO: Final = 2.0
_LEAST_SHARE: Final = 0.02
_WORST_CONDITION: Final = 1e12


def two_phases(rates: Sequence[NetRate], decay_per_h: float, chi_square_one: float) -> Curves | None:
    """The curves of two exponentials; None where one explains the readings as well, or two are not determined.

    Neither phase is slower than physical decay. Two are taken where they lower chi square by more than 5.99, their
    half-lives differ at least by 2, and each has at least 2 % of the dose rate at the administration.
    """
    if len(rates) < 4 or chi_square_one <= _CHI_SQUARE_2:
        return None
    import numpy as np
    from scipy.optimize import least_squares

    hours = np.array([one.hours_after for one in rates])
    logs = np.log([one.dose_rate_uSv_per_h for one in rates])
    sds = np.array([one.relative_sd for one in rates])

    def residuals(x: Any) -> Any:
        curve = _parts(x, decay_per_h)
        model = np.log(sum(rate * np.exp(-constant * hours) for rate, constant in zip(*curve, strict=True)))
        return (model - logs) / sds

    bounds = ([-20.0, -20.0, math.log(1e-4), 1.0], [20.0, 20.0, math.log(5.0), 200.0])
    fits = []
    for fast, slow in ((0.2, 1.0), (0.05, 1.2), (0.5, 2.0)):
        start = [float(logs[0]), float(logs[-1] + slow * decay_per_h * hours[-1]), math.log(fast), slow * 1.01]
        fits.append(least_squares(residuals, start, bounds=bounds, xtol=1e-12, ftol=1e-12, gtol=1e-12))
    best = min(fits, key=lambda fit: float(fit.cost))
    if chi_square_one - 2 * float(best.cost) <= _CHI_SQUARE_2:
        return None
    levels, constants = _parts(best.x, decay_per_h)
    share = levels[1] / sum(levels)
    if constants[0] / constants[1] < _LEAST_RATIO or not _LEAST_SHARE <= share <= 1 - _LEAST_SHARE:
        return None
    information = best.jac.T @ best.jac
    if np.linalg.cond(information) > _WORST_CONDITION:
        return None
    values, vectors = np.linalg.eigh(np.linalg.inv(information))
    freedom = len(rates) - 4
    scale = max(1.0, 2 * float(best.cost) / freedom) if freedom else 1.0
    steps = [_Z_95 * math.sqrt(scale * value) * vectors[:, index] for index, value in enumerate(values)]
    moved = [sign * step for step in steps for sign in (-1, 1)]
    moved += [
        (sign * one + other_sign * other) / math.sqrt(2)
        for index, one in enumerate(steps)
        for other in steps[index + 1 :]
        for sign in (-1, 1)
        for other_sign in (-1, 1)
    ]
    others = []
    for step in moved:
        x = np.clip(best.x + step, bounds[0], bounds[1])
        others.append(Curve(*_parts(x, decay_per_h)))
    return Curves(Curve(levels, constants), tuple(others))


def _parts(x: Any, decay_per_h: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Rates and constants, the fast phase first, from the logarithms of both rates, of the excess, and the slow one."""
    slow = float(x[3]) * decay_per_h
    return (math.exp(x[0]), math.exp(x[1])), (slow + math.exp(x[2]), slow)
