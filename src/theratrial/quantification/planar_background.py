"""Where beside a region the background is read, and how uneven it is there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from theratrial.errors import InputError, NumericalError
from theratrial.imaging.values import FloatArray
from theratrial.quantification.attenuation_projection import ProjectedBody
from theratrial.quantification.planar_regions import Outline, coverage

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]
_SECTORS: Final = 8
_LEAST_SECTOR_PIXELS: Final = 4


@dataclass(frozen=True, slots=True)
class BackgroundPlan:
    """How background is read: a ring around each region, or an outline drawn for it.

    Parameters
    ----------
    gap_mm
        From the region's edge, and from every other region's, to where the ring starts [mm]: more than the resolution.
    width_mm, widest_mm
        Of the ring [mm]; it is widened in steps of `width_mm` up to `widest_mm` until it holds `least_cm2`.
    drawn
        Outlines drawn by hand, named as the region they belong to; used instead of a ring.
    """

    gap_mm: float = 12.0
    width_mm: float = 20.0
    widest_mm: float = 120.0
    least_cm2: float = 20.0
    drawn: tuple[Outline, ...] = ()

    def __post_init__(self) -> None:
        if min(self.gap_mm, self.least_cm2) < 0 or not 0 < self.width_mm <= self.widest_mm:
            raise InputError("a background ring has a gap of 0 or more and a positive width up to its widest")


@dataclass(frozen=True, slots=True, eq=False)
class BackgroundPlace:
    """Pixels ``(n,)`` (flat index) where the background of a region is read, with their weight and sector."""

    index: NDArray[np.intp]
    weight: FloatArray
    sector: NDArray[np.intp]
    where: str


def background_places(
    body: ProjectedBody, members: Sequence[Mask], usable: Mask, plan: BackgroundPlan
) -> list[BackgroundPlace | str]:
    """Where the background of every region is read, or why there is no place for it.

    Parameters
    ----------
    members
        Pixels ``(ny, nx)`` of every region.
    usable
        Pixels where body, CT and view are all there.
    """
    spacing = body.placement.spacing_mm
    distances = [distance_transform_edt(~member, sampling=spacing) for member in members]
    nearest = np.stack([usable & (d > plan.gap_mm) for d in distances]).sum(axis=0) == len(members)
    found: list[BackgroundPlace | str] = []
    for part, member, distance in zip(body.regions, members, distances, strict=True):
        drawn = next((outline for outline in plan.drawn if outline.name == part.name), None)
        if drawn is not None:
            share = coverage(drawn, body.placement.shape, spacing)
            found.append(_place(share, member, spacing, "drawn outline"))
        else:
            found.append(_ring(part.name, member, distance, nearest, spacing, plan))
    return found


def _ring(
    name: str,
    member: Mask,
    distance_mm: FloatArray,
    free: Mask,
    spacing: tuple[float, float],
    plan: BackgroundPlan,
) -> BackgroundPlace | str:
    width = plan.width_mm
    while width <= plan.widest_mm + 1e-9:
        ring = free & (distance_mm <= plan.gap_mm + width)
        if float(ring.sum()) * math.prod(spacing) / 100 >= plan.least_cm2:
            where = f"ring {plan.gap_mm:g}-{plan.gap_mm + width:g} mm"
            return _place(ring.astype(np.float32), member, spacing, where)
        width += plan.width_mm
    return (
        f"region {name!r}: no {plan.least_cm2:g} cm2 of body without another region within "
        f"{plan.gap_mm + plan.widest_mm:g} mm of it -> draw its background"
    )


def _place(weights: FloatArray, member: Mask, spacing: tuple[float, float], where: str) -> BackgroundPlace:
    index = np.flatnonzero(weights > 0)
    rows, columns = np.unravel_index(index, weights.shape)
    middle = [float(v.mean()) for v in np.nonzero(member)]
    angle = np.arctan2((rows - middle[0]) * spacing[0], (columns - middle[1]) * spacing[1])
    sector = np.floor((angle + np.pi) / (2 * np.pi) * _SECTORS).astype(np.intp) % _SECTORS
    return BackgroundPlace(index, weights.ravel()[index].astype(np.float32), sector, where)


@dataclass(frozen=True, slots=True)
class Background:
    """Concentration of the rest of the body beside a region, as one head sees it.

    `level` is counts per attenuated thickness [counts/mm]: times the attenuated thickness of the rest in a pixel it
    gives the counts the rest contributes there. `sd` holds counting noise and unevenness around the region.
    """

    level: float
    sd: float


def background(place: BackgroundPlace, net: Floats, variance: Floats, rest_mm: Floats) -> Background:
    """Background of one head.

    Parameters
    ----------
    net, variance
        Counts of the pixels of the place ``(n,)`` without what the regions spill there, and the variance of the counts.
    rest_mm
        Attenuated thickness of the rest of the body towards this head ``(n,)``.

    Raises
    ------
    NumericalError
        If the place holds no body.
    """
    counts, rest, noise = net * place.weight, rest_mm * place.weight, variance * place.weight**2
    total = float(rest.sum())
    if total <= 0:
        raise NumericalError("the place of the background holds no body -> draw it on the body")
    level = float(counts.sum()) / total
    counting = math.sqrt(float(noise.sum())) / total
    sectors, spread = [], []
    for sector in range(_SECTORS):
        own = place.sector == sector
        held = float(rest[own].sum())
        if int(own.sum()) >= _LEAST_SECTOR_PIXELS and held > 0.02 * total:
            sectors.append(float(counts[own].sum()) / held)
            spread.append(float(noise[own].sum()) / held**2)
    uneven = 0.0
    if len(sectors) >= 2:
        # What lies under the region is one more draw of such sectors, less the noise of counting them.
        uneven = math.sqrt(max(float(np.var(sectors, ddof=1)) - float(np.mean(spread)), 0.0))
    return Background(level, math.hypot(counting, uneven))
