"""A patient's lesions: where, how large, and how they take up the imaging and the therapy product."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from theratrial.simulation.phantom import LESION_DENSITY_G_PER_ML, LesionPlace, Phantom, scales

Site = Literal["liver", "lymph_node", "bone", "breast"]
Response = Literal["CR", "PR", "SD", "PD"]

_PLACES: Final[dict[Site, tuple[tuple[float, float, float], ...]]] = {
    "liver": ((-100, -20, 335), (-60, 12, 315), (-30, -28, 338), (-112, 14, 312), (-72, -42, 350), (-86, 22, 352)),
    "lymph_node": ((-118, -40, 556), (120, -40, 552), (32, 22, 196), (-34, 20, 210), (-4, 6, 548), (128, 8, 566)),
    "bone": ((0, 66, 462), (0, 66, 300), (0, 66, 220), (0, 66, 530)),
    "breast": ((-80, -112, 452), (82, -112, 440)),
}
"""Where lesions of each site may lie in the reference phantom: centres [mm], each moved by a few millimetres."""
_LARGEST_MM: Final[dict[Site, float]] = {"liver": 40.0, "lymph_node": 34.0, "bone": 24.0, "breast": 32.0}


@dataclass(frozen=True, slots=True)
class Lesion:
    """One lesion and its truth."""

    name: str
    site: Site
    centre_mm: tuple[float, float, float]
    diameter_mm: float
    her2_positive: bool
    pet_suv: float
    """Uptake of the imaging product at baseline [g/mL]; 0 for one that appears later."""
    response_suv: float
    """Uptake of the imaging product at response [g/mL]."""
    therapy_suv: float
    """Highest uptake of the therapy product, physical decay undone [g/mL]."""
    uptake_half_life_h: float
    biological_half_life_h: float
    new: bool = False

    @property
    def volume_mL(self) -> float:
        """Volume [mL]."""
        return math.pi / 6 * self.diameter_mm**3 / 1000

    @property
    def mass_g(self) -> float:
        """Mass [g]."""
        return self.volume_mL * LESION_DENSITY_G_PER_ML

    @property
    def place(self) -> LesionPlace:
        """Where it lies in the phantom."""
        return LesionPlace(self.name, self.centre_mm, self.diameter_mm)


def drawn_lesions(
    rng: np.random.Generator,
    height_cm: float,
    weight_kg: float,
    *,
    response: Response | None,
    new_lesion: bool,
    her2_positive: bool = True,
) -> tuple[Lesion, ...]:
    """A patient's lesions, the hottest first.

    Parameters
    ----------
    response
        Truth at the response PET; None where none will be made.
    new_lesion
        Whether one appears between the two PET.
    her2_positive
        False for a patient whose lesions mostly lack the target, so that the selection fails.
    """
    count = int(rng.integers(3, 6))
    sites = [("liver", "lymph_node", "breast")[int(rng.integers(0, 3))]]
    sites += [
        str(s) for s in rng.choice(["liver", "lymph_node", "bone", "breast"], count - 1, p=[0.35, 0.35, 0.2, 0.1])
    ]
    negatives = int(rng.integers(0, (count - 1) // 2 + 1)) if her2_positive else count - 1
    if new_lesion:
        sites.append("lymph_node")
    lesions: list[Lesion] = []
    for index, site in enumerate(sites):
        is_new = new_lesion and index == len(sites) - 1
        positive = (index < count - negatives if her2_positive else False) or is_new
        place = _free_place(rng, _site(site), height_cm, weight_kg, lesions, first=index == 0)
        if place is None:
            continue
        centre, diameter, where = place
        hottest = lesions[0].pet_suv if lesions else None
        pet = _uptake(rng, hottest) if positive else float(rng.uniform(0.9, 1.6))
        lesions.append(
            Lesion(
                name=f"lesion_{len(lesions) + 1}",
                site=where,
                centre_mm=centre,
                diameter_mm=diameter,
                her2_positive=positive,
                pet_suv=0.0 if is_new else pet,
                response_suv=_after(rng, pet, positive, response, is_new, hottest=index == 0),
                therapy_suv=(1.25 if positive else 1.0) * pet * float(np.exp(0.15 * rng.standard_normal())),
                uptake_half_life_h=float(rng.uniform(20, 40)) if positive else float(rng.uniform(3, 8)),
                biological_half_life_h=float(rng.uniform(300, 600)) if positive else float(rng.uniform(150, 300)),
                new=is_new,
            )
        )
    return tuple(lesions)


def _site(text: str) -> Site:
    for site in _PLACES:
        if site == text:
            return site
    raise ValueError(text)


def _uptake(rng: np.random.Generator, hottest_suv: float | None) -> float:
    """SUV around 6.8 (2.9-22.7), as O'Donoghue 2018 saw of tumours; the first is the hottest, well above the liver."""
    if hottest_suv is None:
        return float(np.clip(11.0 * math.exp(0.25 * rng.standard_normal()), 8.0, 20.0))
    return float(np.clip(6.8 * math.exp(0.35 * rng.standard_normal()), 5.0, 0.85 * hottest_suv))


def _after(
    rng: np.random.Generator, suv: float, positive: bool, response: Response | None, is_new: bool, *, hottest: bool
) -> float:
    if is_new:
        return float(rng.uniform(7, 11))
    if response is None or not positive:
        return suv * float(rng.uniform(0.95, 1.05))
    low, high = {"CR": (0.0, 0.0), "PR": (0.3, 0.5), "SD": (0.88, 1.1), "PD": (1.55, 1.9)}[response]
    if response == "PR" and not hottest:
        high = 0.65
    return suv * float(rng.uniform(low, high)) if high else float(rng.uniform(0.8, 1.2))


def _free_place(
    rng: np.random.Generator, site: Site, height_cm: float, weight_kg: float, others: list[Lesion], *, first: bool
) -> tuple[tuple[float, float, float], float, Site] | None:
    along, _, across = scales(height_cm, weight_kg)
    diameter = float(np.clip(18 * math.exp(0.45 * rng.standard_normal()), 8, _LARGEST_MM[site]))
    if first:
        diameter = float(rng.uniform(24, _LARGEST_MM[site] - 2))
    jitter = rng.uniform(-4, 4, 3) if site != "bone" else rng.uniform(-3, 3, 3) * np.array([1, 0, 4])
    for place in rng.permutation(np.array(_PLACES[site])):
        x, y, z = (float(v) for v in (place + jitter) * np.array([across, across, along]))
        if all(math.dist((x, y, z), o.centre_mm) > (diameter + o.diameter_mm) / 2 + 6 for o in others):
            return (x, y, z), diameter, site
    return None


def lies_in(lesion: Lesion, phantom: Phantom) -> str:
    """Name of the tissue around a lesion's centre."""
    point = [np.array([c], dtype=float) for c in lesion.centre_mm]
    for tissue in phantom.tissues:
        if tissue.name.startswith("lesion"):
            continue
        depth = [shape.depth_mm(point[0], point[1], point[2]) for shape in tissue.shapes]
        if float(np.max(depth)) > 0:
            return tissue.name
    raise ValueError(f"{lesion.name} lies outside the body")
