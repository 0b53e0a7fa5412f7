"""The body as the two heads see it: thickness, attenuation path and attenuated thickness of every part, per pixel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from theratrial.errors import InputError
from theratrial.imaging.values import FloatArray, Region
from theratrial.quantification.attenuation import Beam, MuMap

Floats = NDArray[np.float64]
_FWHM_PER_SD: Final = 2.0 * math.sqrt(2.0 * math.log(2.0))
LEAST_INSIDE: Final = 0.95
_LEAST_IN_BODY: Final = 0.9


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the pixels of a planar view lie in the patient coordinates of a CT.

    `top_mm` is z of the centres of row 0, `right_mm` x of the centres of column 0; z falls with the row, x (to the
    patient's left) rises with the column. `sd_mm` is the standard deviation of either as registered.
    """

    shape: tuple[int, int]
    spacing_mm: tuple[float, float]
    top_mm: float
    right_mm: float
    sd_mm: float = 0.0

    def moved(self, up_mm: float, left_mm: float) -> Placement:
        """The same pixels laid further up and to the left on the body."""
        return replace(self, top_mm=self.top_mm + up_mm, right_mm=self.right_mm + left_mm)


@dataclass(frozen=True, slots=True)
class Collimator:
    """Resolution of a camera: ``FWHM^2 = intrinsic^2 + (face + slope * distance)^2`` [mm].

    `gap_mm` is the distance from the collimator's face to the nearest point of the body.
    """

    intrinsic_fwhm_mm: float
    face_fwhm_mm: float
    fwhm_per_mm: float
    gap_mm: float

    def __post_init__(self) -> None:
        if min(self.intrinsic_fwhm_mm, self.face_fwhm_mm, self.fwhm_per_mm, self.gap_mm) < 0:
            raise InputError("no part of a collimator's resolution is negative")

    def fwhm_mm(self, distance_mm: Floats) -> Floats:
        """FWHM at distances from the face [mm]."""
        return np.sqrt(self.intrinsic_fwhm_mm**2 + (self.face_fwhm_mm + self.fwhm_per_mm * distance_mm) ** 2)


@dataclass(frozen=True, slots=True, eq=False)
class ProjectedPart:
    """A part of the body as both heads see it, per pixel ``(ny, nx)``.

    `thickness_mm` is its extent along the view, averaged over the pixel, without blur. `anterior_mm` and `posterior_mm`
    are that thickness with every point weighted by the transmission towards the head and blurred by the collimator: a
    concentration of 1 MBq/mL gives ``anterior_mm * pixel area * 1e-3 * cps/MBq`` counts per second.
    """

    name: str
    thickness_mm: FloatArray
    anterior_mm: FloatArray
    posterior_mm: FloatArray
    volume_mL: float
    """Of the whole part, also of what the view does not hold."""
    inside_fraction: float
    """Share of it inside the view and the CT."""

    @property
    def transmission_factor(self) -> float:
        """``sqrt(T_A T_P)``: what a geometric mean of counts over the whole part is of that without attenuation.

        Transmission is averaged over the part, not its exponent. For a slab it is ``exp(-mu t / 2) / f`` of MIRD 16.
        """
        total = float(self.thickness_mm.sum(dtype=np.float64))
        seen = (float(v.sum(dtype=np.float64)) for v in (self.anterior_mm, self.posterior_mm))
        return math.sqrt(math.prod(seen)) / total


@dataclass(frozen=True, slots=True, eq=False)
class ProjectedBody:
    """All regions and the rest of the body on the pixels of a planar view."""

    placement: Placement
    body_thickness_mm: FloatArray
    path: FloatArray
    """Integral of mu through the body (dimensionless)."""
    covered: NDArray[np.bool_]
    """Rows ``(ny,)`` that the CT covers wholly."""
    regions: tuple[ProjectedPart, ...]
    rest: ProjectedPart
    doubly_claimed: tuple[tuple[str, float], ...]
    """(region, share of it that another region claims too)."""
    blurred: bool
    """Whether projections carry the camera's resolution, so that counts over the edge are found again."""
    mu_relative_sd: float
    thickness_relative_sd: float
    beam: Beam
    source: str
    """For the trace: where the attenuation comes from."""
    volumes_known: tuple[bool, ...]
    """Region by region; a hand-drawn outline without thickness has no volume."""


_Sums = tuple[Floats, Floats, Floats, Floats, Floats]
"""Thickness, attenuated towards front and back, and both times FWHM squared; all ``(nz, nx)`` of the CT [mm, mm^3]."""


@dataclass(frozen=True, slots=True, eq=False)
class DepthSums:
    """What regions and the rest of the body send to either head, pixel of the CT by pixel, wherever the view lies."""

    names: tuple[str, ...]
    """Of the regions; the rest is not named."""
    collimator: Collimator | None
    sums: dict[str, _Sums]
    twice: tuple[tuple[str, float], ...]


def depth_sums(mu: MuMap, regions: Sequence[Region], collimator: Collimator | None) -> DepthSums:
    """The part of `projected_body` that does not depend on where the view lies; made once for many views.

    Raises
    ------
    InputError
        As `projected_body` for the regions.
    """
    for region in regions:
        if not region.grid.same_place(mu.grid):
            raise InputError(f"region {region.name!r} is on another grid than the CT -> put it on the CT's grid")
        held = float((mu.body[region.box()] * region.weights).sum(dtype=np.float64))
        share = held / float(region.weights.sum(dtype=np.float64))
        if share < _LEAST_IN_BODY:
            raise InputError(
                f"region {region.name!r}: {share:.0%} of it lies in the body that the CT shows; at least "
                f"{_LEAST_IN_BODY:.0%} is needed -> check that region and CT are of one examination"
            )
    weights, twice = _shared_membership(mu, regions)
    return DepthSums(
        tuple(region.name for region in regions), collimator, _depth_sums(mu, regions, weights, collimator), twice
    )


def projected_body(
    mu: MuMap,
    regions: Sequence[Region],
    placement: Placement,
    collimator: Collimator | None,
    made: DepthSums | None = None,
) -> ProjectedBody:
    """Regions drawn on the CT (or put on its grid), seen from front and back.

    Parameters
    ----------
    mu
        On an axial grid.
    regions
        On the grid of `mu`; voxels that several claim are shared out equally and told.
    placement
        Of the planar pixels in the coordinates of that grid, as registered.
    collimator
        None leaves projections sharp; counts that spill over the edge are then lost to a region.
    made
        Of the same CT, regions and collimator, where it was made already.

    Raises
    ------
    InputError
        If a region lies on another grid, less than 95 % of it in the CT and the view, or less than 90 % in the body.
    """
    if made is None:
        made = depth_sums(mu, regions, collimator)
    elif made.names != tuple(region.name for region in regions) or made.collimator != collimator:
        raise InputError("the sums along the view were made for other regions or another collimator -> make them anew")
    sums, twice = made.sums, made.twice
    rows, columns = _overlaps(mu, placement)
    covered = rows.sum(axis=1) > 1 - 1e-6
    parts = [_part(name, sums[name], rows, columns, mu, placement, collimator) for name in sums]
    found = []
    for region, part in zip(regions, parts, strict=False):
        inside = part.inside_fraction * region.inside_fraction
        if inside < LEAST_INSIDE:
            raise InputError(
                f"region {region.name!r}: {inside:.0%} of it lies inside the CT and the planar view; at least "
                f"{LEAST_INSIDE:.0%} is needed -> leave it out, or check the registration"
            )
        found.append(replace(part, inside_fraction=inside))
    depth_mm = mu.grid.spacing_mm[1]
    body = rows @ (mu.body.sum(axis=1) * depth_mm) @ columns.T
    path = rows @ (mu.per_mm.sum(axis=1, dtype=np.float64) * depth_mm) @ columns.T
    return ProjectedBody(
        placement,
        body.astype(np.float32),
        path.astype(np.float32),
        covered,
        tuple(found),
        parts[-1],
        twice,
        collimator is not None,
        mu.relative_sd,
        0.0,
        "narrow",
        mu.trace.inputs["ct"],
        (True,) * len(regions),
    )


def inside_fraction(mu: MuMap, region: Region, placement: Placement) -> float:
    """Share of a region, as drawn, that lies inside both the CT and the planar view."""
    rows, columns = _overlaps(mu, placement)
    seen = region.weights.sum(axis=1, dtype=np.float64)
    z, _, x = region.box()
    # Shares of pixels become shares of voxels by the ratio of their sizes.
    held_z = rows[:, z].sum(axis=0) * placement.spacing_mm[0] / mu.grid.spacing_mm[0]
    held_x = columns[:, x].sum(axis=0) * placement.spacing_mm[1] / mu.grid.spacing_mm[2]
    return float(held_z @ seen @ held_x / seen.sum()) * region.inside_fraction


def _shared_membership(mu: MuMap, regions: Sequence[Region]) -> tuple[list[FloatArray], tuple[tuple[str, float], ...]]:
    claimed = np.zeros(mu.grid.shape, dtype=np.float32)
    for region in regions:
        claimed[region.box()] += region.weights
    weights, twice = [], []
    for region in regions:
        own = region.weights / np.maximum(claimed[region.box()], 1)
        lost = 1 - float(own.sum(dtype=np.float64)) / float(region.weights.sum(dtype=np.float64))
        if lost > 0.01:
            twice.append((region.name, lost))
        weights.append(own.astype(np.float32))
    return weights, tuple(twice)


def _depth_sums(
    mu: MuMap, regions: Sequence[Region], weights: Sequence[FloatArray], collimator: Collimator | None
) -> dict[str, _Sums]:
    """Sums along the view of every region and the rest (key ""), slice by slice so that memory stays small."""
    nz, ny, nx = mu.grid.shape
    dy = mu.grid.spacing_mm[1]
    occupied = np.flatnonzero(mu.body.any(axis=(0, 2)))
    depth = (np.arange(ny) - occupied[0] + 0.5) * dy
    back = (occupied[-1] - np.arange(ny) + 0.5) * dy
    gap = collimator.gap_mm if collimator else 0.0
    blur = [
        collimator.fwhm_mm(np.maximum(d, 0) + gap)[:, None] ** 2 if collimator else np.zeros((ny, 1))
        for d in (depth, back)
    ]
    sums: dict[str, _Sums] = {}
    for name in (*(r.name for r in regions), ""):
        empty = [np.zeros((nz, nx)) for _ in range(5)]
        sums[name] = (empty[0], empty[1], empty[2], empty[3], empty[4])
    if len(sums) != len(regions) + 1:
        raise InputError("two regions carry the same name -> name them apart")
    for z in range(nz):
        path = mu.per_mm[z].astype(np.float64) * dy
        before = np.cumsum(path, axis=0) - path / 2
        behind = path.sum(axis=0) - before
        # A voxel is a slab: its mean transmission is that of its middle times sinh(p/2) / (p/2).
        within = np.sinh(path / 2) / np.where(path > 0, path / 2, 1)
        within[path <= 0] = 1
        seen = (np.exp(-before) * within * dy, np.exp(-behind) * within * dy)
        rest = mu.body[z].astype(np.float64)
        for region, own in zip(regions, weights, strict=True):
            zs, ys, xs = region.box()
            if not zs.start <= z < zs.stop:
                continue
            here = own[z - zs.start].astype(np.float64)
            rest[ys, xs] -= here
            _add(sums[region.name], z, ys, xs, here, seen, blur, dy)
        everywhere = slice(0, None)
        _add(sums[""], z, everywhere, everywhere, np.maximum(rest, 0), seen, blur, dy)
    return sums


def _add(
    sums: _Sums, z: int, ys: slice, xs: slice, here: Floats, seen: tuple[Floats, Floats], blur: list[Floats], dy: float
) -> None:
    sums[0][z, xs] += here.sum(axis=0) * dy
    for number, (transmitted, squared) in enumerate(zip(seen, blur, strict=True)):
        weighted = here * transmitted[ys, xs]
        sums[1 + number][z, xs] += weighted.sum(axis=0)
        sums[3 + number][z, xs] += (weighted * squared[ys]).sum(axis=0)


def _overlaps(mu: MuMap, placement: Placement) -> tuple[Floats, Floats]:
    """Share of every planar row in every CT slice, and of every planar column in every CT column."""
    dz, _, dx = mu.grid.spacing_mm
    x0, _, z0 = mu.grid.origin_mm
    ny, nx = placement.shape
    row_mm, column_mm = placement.spacing_mm
    rows = placement.top_mm - row_mm * np.arange(ny)
    columns = placement.right_mm + column_mm * np.arange(nx)
    return (
        _share(rows, row_mm, z0 + dz * np.arange(mu.grid.shape[0]), dz),
        _share(columns, column_mm, x0 + dx * np.arange(mu.grid.shape[2]), dx),
    )


def _share(centres: Any, width: float, others: Any, other_width: float) -> Floats:
    low: Floats = np.maximum(centres[:, None] - width / 2, others[None, :] - other_width / 2)
    high = np.minimum(centres[:, None] + width / 2, others[None, :] + other_width / 2)
    return np.maximum(high - low, 0) / width


def _part(
    name: str,
    sums: _Sums,
    rows: Floats,
    columns: Floats,
    mu: MuMap,
    placement: Placement,
    collimator: Collimator | None,
) -> ProjectedPart:
    planes = [rows @ plane @ columns.T for plane in sums[:3]]
    row_mm, column_mm = placement.spacing_mm
    if collimator:
        for number in (1, 2):
            total = float(sums[number].sum())
            fwhm = math.sqrt(float(sums[2 + number].sum()) / total) if total > 0 else 0.0
            sigma = (fwhm / _FWHM_PER_SD / row_mm, fwhm / _FWHM_PER_SD / column_mm)
            planes[number] = gaussian_filter(planes[number], sigma, mode="constant", truncate=4.0)
    dz, _, dx = mu.grid.spacing_mm
    whole_mm3 = float(sums[0].sum()) * dz * dx
    inside_mm3 = float(planes[0].sum()) * row_mm * column_mm
    inside = min(inside_mm3 / whole_mm3, 1.0) if whole_mm3 > 0 else 0.0
    thickness, front, back = (plane.astype(np.float32) for plane in planes)
    return ProjectedPart(name, thickness, front, back, whole_mm3 / 1000, inside)
