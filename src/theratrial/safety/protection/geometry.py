"""How the dose rate falls with the distance from a patient.

A patient is no point: inverse square is right some metres away and too steep near by. The default is a line as long as
the reference adult female, seen from beside its middle, of even activity and without absorption.
"""

from __future__ import annotations

import math
from typing import Final, Literal

from theratrial.errors import InputError

Geometry = Literal["line", "point", "power_1_5"]
GEOMETRIES: Final[tuple[Geometry, ...]] = ("line", "point", "power_1_5")

LINE_LENGTH_M: Final = 1.63
"""Height of the reference adult female (ICRP Publication 89)."""
NEAREST_m: Final = 0.3
FARTHEST_m: Final = 5.0


def distance_factor(distance_m: float, geometry: Geometry = "line") -> float:
    """Dose rate at a distance as a multiple of that at 1 m.

    Parameters
    ----------
    distance_m
        From the middle of the body [m]; 0.3 to 5 m. Nearer, no law of this kind holds for an extended source.
    geometry
        ``line`` of 1.63 m; ``point``, the inverse square; ``power_1_5``, distance to the power -1.5, which Cormack and
        Shearer and PyPI glowgreen use.

    Raises
    ------
    InputError
        The distance lies outside of where the laws may be used.

    Examples
    --------
    >>> [round(distance_factor(d), 2) for d in (0.3, 0.5, 1.0, 2.0)]
    [5.94, 2.98, 1.0, 0.28]
    >>> distance_factor(2.0, "point")
    0.25
    """
    if not NEAREST_m <= distance_m <= FARTHEST_m:
        raise InputError(
            f"distance {distance_m:g} m: dose rates are referred to 1 m from {NEAREST_m:g} to {FARTHEST_m:g} m only; "
            "nearer, the reading depends on the organ beside it -> measure at 1 m"
        )
    if geometry == "point":
        return distance_m**-2
    if geometry == "power_1_5":
        return distance_m**-1.5
    return _line(distance_m) / _line(1.0)


def _line(distance_m: float) -> float:
    return 2 / (LINE_LENGTH_M * distance_m) * math.atan(LINE_LENGTH_M / (2 * distance_m))
