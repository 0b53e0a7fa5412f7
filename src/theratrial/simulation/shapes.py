"""Simple solids in patient coordinates (LPS: x to the left, y to the back, z to the head), millimetres."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from theratrial.errors import SourceError

Floats = NDArray[np.floating[Any]]
Kind = Literal["ellipsoid", "cylinder", "cone"]
KINDS: tuple[str, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Shape:
    """An ellipsoid, an elliptic cylinder or a cone along z.

    Parameters
    ----------
    centre_mm
        (x, y, z) of the middle.
    semi_axes_mm
        Half widths along x, y, z; of a cone in x and y at its upper end.
    taper
        Width of a cone's lower end over that of its upper end.
    """

    kind: Kind
    centre_mm: tuple[float, float, float]
    semi_axes_mm: tuple[float, float, float]
    taper: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS or min(self.semi_axes_mm) <= 0 or not 0 < self.taper <= 1:
            raise SourceError(f"no such solid: {self.kind} with semi-axes {self.semi_axes_mm} mm, taper {self.taper}")

    @property
    def volume_mL(self) -> float:
        """Volume [mL]."""
        a, b, c = self.semi_axes_mm
        if self.kind == "ellipsoid":
            return 4 / 3 * math.pi * a * b * c / 1000
        t = self.taper
        return 2 * math.pi * a * b * c * (1 + t + t * t) / 3 / 1000

    @property
    def bounds_mm(self) -> tuple[tuple[float, float], tuple[float, float], tuple[float, float]]:
        """Lowest and highest x, y and z."""
        x, y, z = self.centre_mm
        a, b, c = self.semi_axes_mm
        return (x - a, x + a), (y - b, y + b), (z - c, z + c)

    def depth_mm(self, x: Floats, y: Floats, z: Floats) -> Floats:
        """Distance to the surface [mm], positive inside, to first order near the surface; arrays broadcast.

        The zero set is exact; away from it the value only keeps its sign.
        """
        u, v, w = x - self.centre_mm[0], y - self.centre_mm[1], z - self.centre_mm[2]
        a, b, c = self.semi_axes_mm
        if self.kind == "ellipsoid":
            inside = 1 - (u / a) ** 2 - (v / b) ** 2 - (w / c) ** 2
            slope = 2 * np.sqrt((u / a**2) ** 2 + (v / b**2) ** 2 + (w / c**2) ** 2)
            return inside / np.maximum(slope, 1 / max(a, b, c))
        if self.kind == "cone":
            width = np.clip((1 + self.taper) / 2 + (1 - self.taper) / 2 * w / c, 0.2 * self.taper, 1.0)
            u, v = u / width, v / width
        inside = 1 - (u / a) ** 2 - (v / b) ** 2
        slope = 2 * np.sqrt((u / a**2) ** 2 + (v / b**2) ** 2)
        return np.minimum(inside / np.maximum(slope, 1 / max(a, b)), c - np.abs(w))

    def scaled(self, scale: tuple[float, float, float]) -> Shape:
        """Centre and semi-axes times `scale` along x, y, z: the same solid in a larger or smaller patient."""
        centre = [m * s for m, s in zip(self.centre_mm, scale, strict=True)]
        semi = [a * s for a, s in zip(self.semi_axes_mm, scale, strict=True)]
        return replace(self, centre_mm=(centre[0], centre[1], centre[2]), semi_axes_mm=(semi[0], semi[1], semi[2]))


def sphere(centre_mm: tuple[float, float, float], diameter_mm: float) -> Shape:
    """A sphere."""
    radius = diameter_mm / 2
    return Shape("ellipsoid", centre_mm, (radius, radius, radius))
