"""Adult reference phantoms of our own design, painted from tables of shapes into voxels.

Masses are those of ICRP Publication 89; shapes, sizes and places are ours and stand in ``adult_female_shapes.csv`` and
``adult_male_shapes.csv``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from theratrial.dosimetry.transport.phantom_shapes import Shape, shape_from_row
from theratrial.errors import InputError, SourceError
from theratrial.reference import table_from_text
from theratrial.reference.tables import Table

PHANTOMS: Final[Mapping[str, str]] = MappingProxyType({"adult_female": "F", "adult_male": "M"})
"""Phantom -> sex."""
VOXEL_MM: Final = 3.0
OUTSIDE: Final = "outside"


def transport_table(name: str) -> Table:
    """A shipped table of this package, its hash checked."""
    place = files("theratrial.dosimetry.transport").joinpath("data", f"{name}.csv")
    try:
        text = place.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SourceError(f"no table {name} is shipped with dosimetry/transport") from None
    return table_from_text(text, f"dosimetry/transport/{name}")


@dataclass(frozen=True, slots=True)
class PhantomRegion:
    """What a region is made of."""

    name: str
    medium: str
    density_g_per_mL: float
    reference_mass_g: float
    """As the region stands in the phantom, walls without contents."""
    red_marrow_fraction: float
    """Share of the body's red marrow in this region."""


@dataclass(frozen=True, slots=True, eq=False)
class Phantom:
    """A voxelised person.

    Parameters
    ----------
    voxels
        ``(nz, ny, nx)`` uint8, number of the region; 0 is outside, n is ``regions[n - 1]``.
    origin_mm
        Lower corner of the first voxel ``(x, y, z)`` in the frame of `Shape` [mm].
    """

    name: str
    sex: str
    voxels: NDArray[np.uint8]
    voxel_mm: float
    origin_mm: tuple[float, float, float]
    regions: tuple[PhantomRegion, ...]
    red_marrow_g: float
    source: str

    @property
    def voxel_masses_g(self) -> Mapping[str, float]:
        """Region -> mass of its voxels [g]."""
        counts = np.bincount(self.voxels.ravel(), minlength=len(self.regions) + 1)
        return {
            region.name: float(count) * (self.voxel_mm / 10) ** 3 * region.density_g_per_mL
            for region, count in zip(self.regions, counts[1:], strict=True)
        }


def painted(
    shapes: Sequence[Shape], regions: Sequence[str], voxel_mm: float = VOXEL_MM
) -> tuple[NDArray[np.uint8], tuple[float, float, float]]:
    """Voxels and origin of shapes painted one after the other; a voxel belongs to what holds its middle.

    Raises
    ------
    SourceError
        If a shape takes more than 2 voxels in 1000 from a region that it must not touch, or reaches out of the body.
    """
    low = [math.floor(min(s.bounds_mm[axis][0] for s in shapes) / voxel_mm) * voxel_mm for axis in range(3)]
    high = [max(s.bounds_mm[axis][1] for s in shapes) for axis in range(3)]
    x, y, z = (
        np.arange(start + voxel_mm / 2, stop + voxel_mm / 2, voxel_mm) for start, stop in zip(low, high, strict=True)
    )
    voxels = np.zeros((z.size, y.size, x.size), dtype=np.uint8)
    numbers = {name: number for number, name in enumerate((OUTSIDE, *regions))}
    for shape in shapes:
        (x0, x1), (y0, y1), (z0, z1) = (
            np.searchsorted(axis, bounds) for axis, bounds in zip((x, y, z), shape.bounds_mm, strict=True)
        )
        part = voxels[z0:z1, y0:y1, x0:x1]
        inside = shape.contains(x[None, None, x0:x1], y[None, y0:y1, None], z[z0:z1, None, None])
        _refuse_overlap(shape, part[inside], numbers)
        part[inside] = numbers[shape.region]
    return voxels, (low[0], low[1], low[2])


def _refuse_overlap(shape: Shape, taken: NDArray[np.uint8], numbers: Mapping[str, int]) -> None:
    allowed = {numbers[name] for name in shape.painted_over} | {numbers[shape.region]}
    wrong = {
        name: int(count)
        for name, number in numbers.items()
        if number not in allowed and (count := np.count_nonzero(taken == number)) > max(2e-3 * taken.size, 2)
    }
    if wrong:
        raise SourceError(
            f"shape of {shape.region} at {shape.centre_mm} mm takes voxels of {wrong} out of {taken.size}; "
            f"it may only paint over {', '.join(sorted(shape.painted_over)) or 'nothing'}"
        )


@cache
def phantom_regions(name: str) -> tuple[PhantomRegion, ...]:
    """Regions of a phantom in the order of their numbers."""
    return tuple(
        PhantomRegion(
            name=row.text("region"),
            medium=row.text("medium"),
            density_g_per_mL=row.number("density_g_per_mL"),
            reference_mass_g=row.number("mass_g"),
            red_marrow_fraction=row.number("red_marrow_fraction"),
        )
        for row in transport_table("phantom_regions")
        if row.text("phantom") == name
    )


@cache
def phantom(name: str) -> Phantom:
    """A shipped phantom in voxels of 3 mm.

    Assumes standing posture, arms at the sides; gall bladder, blood vessels, airways and skin are part of the rest
    of the body, intestines are wall and contents in one.

    Raises
    ------
    InputError
        If there is no such phantom.
    SourceError
        If shapes overlap where they must not.

    References
    ----------
    ICRP Publication 89. Basic anatomical and physiological data for use in radiological protection. 2002. Reference
    masses. ICRP Publication 70 (1995): shares of red marrow.

    Examples
    --------
    >>> round(phantom("adult_female").voxel_masses_g["liver"] / 1400, 2)
    1.0
    """
    if name not in PHANTOMS:
        raise InputError(f"no phantom {name!r}; there are {', '.join(PHANTOMS)}")
    table = transport_table(f"{name}_shapes")
    regions = phantom_regions(name)
    voxels, origin = painted([shape_from_row(row) for row in table], [region.name for region in regions])
    voxels.flags.writeable = False
    return Phantom(
        name=name,
        sex=PHANTOMS[name],
        voxels=voxels,
        voxel_mm=VOXEL_MM,
        origin_mm=origin,
        regions=regions,
        red_marrow_g={"F": 900.0, "M": 1170.0}[PHANTOMS[name]],
        source=table.trace_key,
    )
