"""The digital female phantom: regions that never overlap, scaled to a patient, with her lesions in it.

Method: docs/methods/virtual_patient.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any, Final

import numpy as np

from theratrial.errors import InputError
from theratrial.reference import table
from theratrial.reference.tables import Row
from theratrial.simulation.shapes import Floats, Shape, sphere

TABLE: Final = "simulation/phantom_female"
REFERENCE_HEIGHT_CM: Final = 163.0
REFERENCE_WEIGHT_KG: Final = 60.0
LESION_DENSITY_G_PER_ML: Final = 1.03
LESION_HOUNSFIELD: Final = 65.0
BODY: Final = "body"
SALIVARY: Final = ("parotid_left", "parotid_right", "submandibular_left", "submandibular_right")


@dataclass(frozen=True, slots=True)
class Tissue:
    """One region of the phantom: the union of its shapes without the regions that cut it."""

    name: str
    shapes: tuple[Shape, ...]
    cut_by: tuple[Shape, ...]
    density_g_per_mL: float
    hounsfield: float
    volume_mL: float
    """After cutting."""

    @property
    def mass_g(self) -> float:
        """Mass [g]."""
        return self.volume_mL * self.density_g_per_mL

    def depth_mm(self, x: Floats, y: Floats, z: Floats) -> Floats:
        """Distance to the surface, positive inside (see `Shape.depth_mm`)."""
        depth: Any = self.shapes[0].depth_mm(x, y, z)
        for shape in self.shapes[1:]:
            depth = np.maximum(depth, shape.depth_mm(x, y, z))
        for shape in self.cut_by:
            depth = np.minimum(depth, -shape.depth_mm(x, y, z))
        return depth

    @property
    def bounds_mm(self) -> tuple[tuple[float, float], ...]:
        """Lowest and highest x, y and z."""
        boxes = [shape.bounds_mm for shape in self.shapes]
        return tuple((min(b[i][0] for b in boxes), max(b[i][1] for b in boxes)) for i in range(3))


@dataclass(frozen=True, slots=True)
class LesionPlace:
    """A spherical lesion in a patient's own phantom."""

    name: str
    centre_mm: tuple[float, float, float]
    diameter_mm: float


@dataclass(frozen=True, slots=True)
class Phantom:
    """A patient's body: tissues from the one that cuts all others (lesions) down to the rest of the body."""

    tissues: tuple[Tissue, ...]
    height_cm: float
    weight_kg: float

    def tissue(self, name: str) -> Tissue:
        """The tissue of that name.

        Raises
        ------
        InputError
            If the phantom has none of that name.
        """
        for tissue in self.tissues:
            if tissue.name == name:
                return tissue
        known = ", ".join(t.name for t in self.tissues)
        raise InputError(f"the phantom has no region {name!r}; it has {known}")

    @property
    def mass_kg(self) -> float:
        """Mass of all tissues [kg]."""
        return sum(t.mass_g for t in self.tissues) / 1000


def region_tissues(region_name: str) -> tuple[str, ...]:
    """Tissues that together are a drawn region: the heart is wall and blood together."""
    return ("heart_blood", "heart_wall") if region_name == "heart" else (region_name,)


def region_names(lesion_names: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Names of the regions that are drawn, as the structure sets name them."""
    organs = ("liver", "kidney_left", "kidney_right", "spleen", "heart", "lung_left", "lung_right", "spine_marrow")
    return (*organs, "bladder", *SALIVARY, *lesion_names)


@dataclass(frozen=True, slots=True)
class _Design:
    """A tissue of the reference phantom as its table states it."""

    name: str
    shapes: tuple[Shape, ...]
    density_g_per_mL: float
    hounsfield: float
    volume_mL: float


@cache
def _designs() -> tuple[_Design, ...]:
    groups: dict[str, list[Row]] = {}
    for row in table(TABLE):
        groups.setdefault(row.text("region"), []).append(row)
    found = []
    for name, rows in groups.items():
        density = rows[0].number("density")
        volume = rows[0].number("mass") / density
        found.append(_Design(name, tuple(map(_shape, rows)), density, rows[0].number("hounsfield"), volume))
    return tuple(found)


def _shape(row: Row) -> Shape:
    kind: Any = row.text("shape")
    place = (row.number("x"), row.number("y"), row.number("z"))
    return Shape(kind, place, (row.number("semi_x"), row.number("semi_y"), row.number("semi_z")), row.number("taper"))


def scales(height_cm: float, weight_kg: float) -> tuple[float, float, float]:
    """Scale along z, of the body across, and of the organs across.

    A tall patient's organs are longer; a heavy one's are wider by the square root of what the body is.

    Raises
    ------
    InputError
        If height or weight lie so far from the reference that organs would leave the body.
    """
    along = height_cm / REFERENCE_HEIGHT_CM
    across = float(np.sqrt(weight_kg / REFERENCE_WEIGHT_KG / along))
    if not 0.9 <= along <= 1.1 or not 0.9 <= across <= 1.22:
        raise InputError(
            f"no phantom of {height_cm:g} cm and {weight_kg:g} kg; allowed are 147-179 cm and about 49-85 kg at 163 cm"
        )
    return along, across, float(np.sqrt(across))


@lru_cache(maxsize=32)
def patient_phantom(height_cm: float, weight_kg: float, lesions: tuple[LesionPlace, ...] = ()) -> Phantom:
    """The phantom of a patient of that height [cm] and weight [kg] with her lesions.

    The table's masses hold for the reference; every solid keeps its shape when scaled, so volumes scale with it. The
    rest of the body is what its outline holds besides the organs.
    """
    along, across, organ_across = scales(height_cm, weight_kg)
    growth = organ_across**2 * along
    spheres = tuple(sphere(lesion.centre_mm, lesion.diameter_mm) for lesion in lesions)
    tissues = [
        Tissue(lesion.name, (shape,), (), LESION_DENSITY_G_PER_ML, LESION_HOUNSFIELD, shape.volume_mL)
        for lesion, shape in zip(lesions, spheres, strict=True)
    ]
    outline_mL = sum(design.volume_mL for design in _designs()) * across**2 * along
    organs_mL = sum(design.volume_mL for design in _designs() if design.name != BODY) * growth
    above: list[Shape] = []
    for design in _designs():
        wide = across if design.name == BODY else organ_across
        shapes = tuple(shape.scaled((wide, wide, along)) for shape in design.shapes)
        healthy_mL = outline_mL - organs_mL if design.name == BODY else design.volume_mL * growth
        healthy = Tissue(
            design.name,
            shapes,
            tuple(c for c in above if _meets_any(c, shapes)),
            design.density_g_per_mL,
            design.hounsfield,
            healthy_mL,
        )
        own = tuple(c for c in spheres if _meets_any(c, shapes))
        left_mL = healthy_mL - sum(_shared_volume_mL(c, healthy) for c in own)
        tissues.append(replace(healthy, cut_by=own + healthy.cut_by, volume_mL=left_mL))
        above.extend(shapes)
    return Phantom(tuple(tissues), height_cm, weight_kg)


def _meets_any(a: Shape, others: tuple[Shape, ...]) -> bool:
    """Whether the box of a shape meets the box of any other."""
    return any(
        all(low < high2 and low2 < high for (low, high), (low2, high2) in zip(a.bounds_mm, b.bounds_mm, strict=True))
        for b in others
    )


def _shared_volume_mL(ball: Shape, tissue: Tissue) -> float:
    """Volume [mL] of a lesion that lies in a tissue, by 40 points across."""
    axes = [low + (np.arange(40) + 0.5) * (high - low) / 40 for low, high in ball.bounds_mm]
    x, y, z = axes[0][None, None, :], axes[1][None, :, None], axes[2][:, None, None]
    inside = ball.depth_mm(x, y, z) > 0
    shared = inside & (tissue.depth_mm(x, y, z) > 0)
    return ball.volume_mL * float(np.count_nonzero(shared)) / float(np.count_nonzero(inside))
