"""The solids that phantoms are painted with: ellipsoids and elliptic cylinders, cut by planes along the axes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from theratrial.errors import SourceError
from theratrial.reference.tables import Row

ShapeKind = Literal["ellipsoid", "cylinder_z", "cylinder_x"]
KINDS: Final[tuple[ShapeKind, ...]] = ("ellipsoid", "cylinder_z", "cylinder_x")
_CUTS: Final = ("x_from_mm", "x_to_mm", "y_from_mm", "y_to_mm", "z_from_mm", "z_to_mm")
COLUMNS: Final = (
    "region",
    "kind",
    "x_mm",
    "y_mm",
    "z_mm",
    "a_mm",
    "b_mm",
    "c_mm",
    "end_scale",
    *_CUTS,
    "painted_over",
)


@dataclass(frozen=True, slots=True)
class Shape:
    """One solid. x to the patient's left, y to the back, z to the head, from the middle of the trunk's lower end [mm].

    Parameters
    ----------
    a_mm, b_mm, c_mm
        Half-axes along x, y, z; that along a cylinder's axis is not used.
    end_scale
        Half-axes of a cylinder at its upper (left) end over those at its lower (right) end; between them linear.
    cuts_mm
        ``(x from, x to, y from, y to, z from, z to)``, infinite where nothing cuts; a cylinder is cut at both its ends.
    painted_over
        Regions that this shape may take voxels from; anything else would be two organs in one place.
    """

    region: str
    kind: ShapeKind
    centre_mm: tuple[float, float, float]
    a_mm: float
    b_mm: float
    c_mm: float
    end_scale: float
    cuts_mm: tuple[float, float, float, float, float, float]
    painted_over: frozenset[str]

    def enlarged(self, scale: float) -> Shape:
        """The same with half-axes times `scale`, cuts as they are."""
        return replace(self, a_mm=self.a_mm * scale, b_mm=self.b_mm * scale, c_mm=self.c_mm * scale)

    @property
    def bounds_mm(self) -> tuple[tuple[float, float], tuple[float, float], tuple[float, float]]:
        """Lowest and highest x, y and z."""
        widest = max(1.0, self.end_scale)
        halves = {
            "ellipsoid": (self.a_mm, self.b_mm, self.c_mm),
            "cylinder_z": (self.a_mm * widest, self.b_mm * widest, math.inf),
            "cylinder_x": (math.inf, self.b_mm * widest, self.c_mm * widest),
        }[self.kind]
        x, y, z = (
            (max(c - h, low), min(c + h, high))
            for c, h, low, high in zip(self.centre_mm, halves, self.cuts_mm[::2], self.cuts_mm[1::2], strict=True)
        )
        return x, y, z

    def contains(
        self, x_mm: NDArray[np.float64], y_mm: NDArray[np.float64], z_mm: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Whether points lie in it; the arrays are broadcast."""
        x0, y0, z0 = self.centre_mm
        x_from, x_to, y_from, y_to, z_from, z_to = self.cuts_mm
        inside = (x_mm >= x_from) & (x_mm < x_to) & (y_mm >= y_from) & (y_mm < y_to) & (z_mm >= z_from) & (z_mm < z_to)
        x, y, z = (x_mm - x0) / self.a_mm, (y_mm - y0) / self.b_mm, (z_mm - z0) / self.c_mm
        if self.kind == "ellipsoid":
            return inside & (x * x + y * y + z * z <= 1)
        if self.kind == "cylinder_z":
            scale = 1 + (self.end_scale - 1) * (z_mm - z_from) / (z_to - z_from)
            return inside & (x * x + y * y <= scale * scale)
        scale = 1 + (self.end_scale - 1) * (x_mm - x_from) / (x_to - x_from)
        return inside & (y * y + z * z <= scale * scale)


def shape_from_row(row: Row) -> Shape:
    """The shape of a table's row; an empty cut is none.

    Raises
    ------
    SourceError
        If the kind is unknown, a half-axis not positive or a cylinder has no ends.
    """
    kind = next((k for k in KINDS if k == row.text("kind")), None)
    if kind is None:
        raise SourceError(f"table {row.table} line {row.line}: kind {row.text('kind')!r} is none of {', '.join(KINDS)}")
    cuts = [row.number(cut) if row.text(cut) else (-math.inf, math.inf)[number % 2] for number, cut in enumerate(_CUTS)]
    shape = Shape(
        region=row.text("region"),
        kind=kind,
        centre_mm=(row.number("x_mm"), row.number("y_mm"), row.number("z_mm")),
        a_mm=row.number("a_mm"),
        b_mm=row.number("b_mm"),
        c_mm=row.number("c_mm"),
        end_scale=row.number("end_scale"),
        cuts_mm=(cuts[0], cuts[1], cuts[2], cuts[3], cuts[4], cuts[5]),
        painted_over=frozenset(row.text("painted_over").split()),
    )
    if min(shape.a_mm, shape.b_mm, shape.c_mm, shape.end_scale) <= 0:
        raise SourceError(f"table {row.table} line {row.line}: half-axes and end_scale must be positive")
    if not all(math.isfinite(bound) for axis in shape.bounds_mm for bound in axis):
        raise SourceError(f"table {row.table} line {row.line}: a cylinder needs a cut at both its ends")
    return shape
