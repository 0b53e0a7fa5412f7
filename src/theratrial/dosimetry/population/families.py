"""Families of biological curves: each a sum of exponentials of unit amplitude, by named parameters."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

AMPLITUDE: Final = "uptake_fraction"
"""First parameter of every family: what multiplies the unit curve, as share of the administered activity."""

SHAPES: Final[dict[str, tuple[str, ...]]] = {
    "mono": ("half_life_h",),
    "bi": ("fast_share", "fast_half_life_h", "half_life_h"),
    "uptake": ("uptake_half_life_h", "half_life_h"),
    "blood_and_uptake": ("blood_share", "blood_half_life_h", "uptake_half_life_h", "half_life_h"),
}
"""Family -> names of its shape parameters."""

TERMS: Final = 3
"""Exponentials of the widest family; narrower ones have zero coefficients."""


def is_share(parameter: str) -> bool:
    """Whether a parameter lies between 0 and 1 and is kept as its logit; the others are kept as their logarithm."""
    return parameter.endswith("_share")


def latent(parameter: str, value: float) -> float:
    """Logarithm or logit of a parameter."""
    return float(np.log(value / (1 - value))) if is_share(parameter) else float(np.log(value))


def natural(parameter: str, values: Floats) -> Floats:
    """The parameter of its logarithm or logit."""
    return 1 / (1 + np.exp(-values)) if is_share(parameter) else np.exp(values)


def unit_terms(family: str, shape: Floats) -> tuple[Floats, Floats]:
    """Coefficients and biological rates [1/h] of the unit curve, each ``(n, TERMS)``.

    Parameters
    ----------
    shape
        Logarithms and logits of the shape parameters of `SHAPES`, ``(n, k)``.

    Notes
    -----
    With ``k = ln 2 / half-life``:
    mono ``exp(-k t)``; bi ``w exp(-k_fast t) + (1 - w) exp(-k t)``; uptake ``exp(-k t) (1 - exp(-u t))``;
    blood and uptake ``b exp(-k_blood t) + (1 - b) exp(-k t) (1 - exp(-u t))``. None is negative at any time.
    """
    values = {name: natural(name, shape[:, column]) for column, name in enumerate(SHAPES[family])}
    rate = {name: np.log(2) / value for name, value in values.items() if not is_share(name)}
    count = len(shape)
    coefficients, rates = np.zeros((count, TERMS)), np.ones((count, TERMS))
    slow = rate["half_life_h"]
    if family == "mono":
        coefficients[:, 0], rates[:, 0] = 1.0, slow
    elif family == "bi":
        share = values["fast_share"]
        coefficients[:, 0], rates[:, 0] = share, rate["fast_half_life_h"]
        coefficients[:, 1], rates[:, 1] = 1 - share, slow
    else:
        blood = values.get("blood_share", np.zeros(count))
        coefficients[:, 0], rates[:, 0] = 1 - blood, slow
        coefficients[:, 1], rates[:, 1] = blood - 1, slow + rate["uptake_half_life_h"]
        if family == "blood_and_uptake":
            coefficients[:, 2], rates[:, 2] = blood, rate["blood_half_life_h"]
    return coefficients, rates
