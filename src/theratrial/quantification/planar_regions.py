"""Regions drawn by hand on a planar view, and a body of stated thickness for them, where no CT covers the patient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from theratrial.errors import InputError
from theratrial.imaging.membership import Polygon, plane_coverage
from theratrial.imaging.values import FloatArray, PlanarPair
from theratrial.quantification.attenuation import StatedAttenuation
from theratrial.quantification.attenuation_projection import Placement, ProjectedBody, ProjectedPart

_LEAST_INSIDE = 0.95


@dataclass(frozen=True, slots=True)
class Outline:
    """A closed polygon on a planar view.

    Parameters
    ----------
    points_mm
        (down from the upper edge of the view, rightwards from its left edge) of each corner [mm]; as shown, the
        patient's right is on the left.
    thickness_mm
        Of the organ, front to back; None where it is not known: it is then taken as thin, without self-attenuation, and
        nothing is taken off the background for the room it fills.
    """

    name: str
    points_mm: tuple[tuple[float, float], ...]
    thickness_mm: float | None = None

    def __post_init__(self) -> None:
        if len(self.points_mm) < 3:
            raise InputError(f"region {self.name!r}: an outline needs at least 3 corners, got {len(self.points_mm)}")
        if self.thickness_mm is not None and not 0 < self.thickness_mm < 600:
            raise InputError(
                f"region {self.name!r}: thickness {self.thickness_mm} mm; allowed is above 0 and below 600"
            )


def rectangle(
    name: str, *, top_mm: float, left_mm: float, height_mm: float, width_mm: float, thickness_mm: float | None = None
) -> Outline:
    """A rectangle by its upper left corner and size on the view as shown [mm]."""
    bottom, right = top_mm + height_mm, left_mm + width_mm
    corners = ((top_mm, left_mm), (top_mm, right), (bottom, right), (bottom, left_mm))
    return Outline(name, corners, thickness_mm)


def coverage(outline: Outline, shape: tuple[int, int], spacing_mm: tuple[float, float]) -> FloatArray:
    """Share 0..1 of every pixel ``(ny, nx)`` inside an outline, exact.

    Raises
    ------
    InputError
        If the outline has no area, or less than 95 % of it lies on the view.
    """
    points = np.asarray(outline.points_mm, dtype=float)
    rows, columns = points[:, 0] / spacing_mm[0] - 0.5, points[:, 1] / spacing_mm[1] - 0.5
    (row, column), found = plane_coverage([Polygon(0, rows, columns)], 1)
    drawn = float(found.sum())
    if drawn <= 0:
        raise InputError(f"region {outline.name!r}: the outline encloses no area -> draw it again")
    canvas = np.zeros(shape, dtype=np.float32)
    height, width = found.shape[1:]
    r0, r1 = max(row, 0), min(row + height, shape[0])
    c0, c1 = max(column, 0), min(column + width, shape[1])
    if r1 > r0 and c1 > c0:
        canvas[r0:r1, c0:c1] = found[0, r0 - row : r1 - row, c0 - column : c1 - column]
    inside = float(canvas.sum(dtype=np.float64)) / drawn
    if inside < _LEAST_INSIDE:
        raise InputError(
            f"region {outline.name!r}: {inside:.0%} of it lies on the planar view; at least {_LEAST_INSIDE:.0%} is "
            "needed -> draw it inside the field of view"
        )
    return canvas


def stated_body(pair: PlanarPair, outlines: Sequence[Outline], attenuation: StatedAttenuation) -> ProjectedBody:
    """Hand-drawn regions in a body of one stated thickness, as both heads see them.

    Assumes that each organ is a slab in the middle of the body; a geometric mean hardly asks where in depth it lies.
    The rest of the body is what the slabs leave of it: without attenuation Buijs' fraction ``1 - t / T``, with it the
    same fraction of what a head sees.
    """
    ny, nx = pair.anterior.shape[1:]
    placement = Placement((ny, nx), pair.pixel_spacing_mm, 0.0, 0.0)
    total, mu = attenuation.body_thickness_mm, attenuation.mu_per_mm
    pixel_mm2 = math.prod(pair.pixel_spacing_mm)
    left = np.full((ny, nx), total, dtype=np.float32)
    parts = []
    for outline in outlines:
        share = coverage(outline, (ny, nx), pair.pixel_spacing_mm)
        thick = outline.thickness_mm
        if thick is not None and thick > total:
            raise InputError(f"region {outline.name!r} of {thick} mm is thicker than the body of {total} mm")
        depth = 1.0 if thick is None else thick
        half = mu * depth / 2 if thick is not None else 0.0
        factor = math.exp(-mu * total / 2) * (math.sinh(half) / half if half > 0 else 1.0)
        seen = (share * np.float32(depth * factor)).astype(np.float32)
        volume_mL = float(share.sum(dtype=np.float64)) * pixel_mm2 * depth / 1000
        parts.append(ProjectedPart(outline.name, share * np.float32(depth), seen, seen, volume_mL, 1.0))
        if thick is not None:
            left = left - share * np.float32(thick)
    if float(left.min()) < -1e-3:
        raise InputError(f"the regions together are thicker than the body of {total} mm -> correct the thicknesses")
    # A uniform body gives (1 - exp(-mu T)) / mu to either head; an organ of known thickness replaces its part.
    rest = np.full((ny, nx), (1 - math.exp(-mu * total)) / mu, dtype=np.float32)
    for part, outline in zip(parts, outlines, strict=True):
        if outline.thickness_mm is not None:
            rest = rest - part.anterior_mm
    everything = ProjectedPart("", left, rest, rest, float(left.sum(dtype=np.float64)) * pixel_mm2 / 1000, 1.0)
    return ProjectedBody(
        placement=placement,
        body_thickness_mm=np.full((ny, nx), total, dtype=np.float32),
        path=np.full((ny, nx), mu * total, dtype=np.float32),
        covered=np.ones(ny, dtype=bool),
        regions=tuple(parts),
        rest=everything,
        doubly_claimed=(),
        blurred=False,
        mu_relative_sd=attenuation.mu_relative_sd,
        thickness_relative_sd=attenuation.thickness_sd_mm / total,
        beam=attenuation.beam,
        source=attenuation.source,
        volumes_known=tuple(o.thickness_mm is not None for o in outlines),
    )
