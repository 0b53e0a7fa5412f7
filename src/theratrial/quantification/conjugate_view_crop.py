"""The part of a view that a computation looks at, and projections moved on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from scipy.ndimage import shift

from theratrial.quantification.attenuation_projection import ProjectedBody, ProjectedPart
from theratrial.quantification.conjugate_view import HeadCounts

_CROP_MM: Final = 200.0


def cropped(body: ProjectedBody, heads: Sequence[HeadCounts]) -> tuple[ProjectedBody, tuple[HeadCounts, ...]]:
    """Only the rows within 200 mm of any region: all that the method looks at."""
    held = np.any([part.anterior_mm.any(axis=1) for part in body.regions], axis=0)
    rows = np.flatnonzero(held)
    margin = round(_CROP_MM / body.placement.spacing_mm[0])
    cut = slice(max(int(rows[0]) - margin, 0), int(rows[-1]) + margin + 1)
    place = body.placement
    small = replace(
        body,
        placement=replace(
            place,
            shape=(len(held[cut]), place.shape[1]),
            top_mm=place.top_mm - cut.start * place.spacing_mm[0],
        ),
        body_thickness_mm=body.body_thickness_mm[cut],
        path=body.path[cut],
        covered=body.covered[cut],
        regions=tuple(_cut(part, cut) for part in body.regions),
        rest=_cut(body.rest, cut),
    )
    return small, tuple(
        HeadCounts(
            h.primary[cut], h.variance[cut], h.scatter[cut], h.dead_time_relative_sd[cut], h.highest_factor, h.rule
        )
        for h in heads
    )


def _cut(part: ProjectedPart, rows: slice) -> ProjectedPart:
    return replace(
        part,
        thickness_mm=part.thickness_mm[rows],
        anterior_mm=part.anterior_mm[rows],
        posterior_mm=part.posterior_mm[rows],
    )


def moved(body: ProjectedBody, down_mm: float, right_mm: float) -> ProjectedBody:
    """All projections moved on the view: what another registration would have given."""
    steps = (down_mm / body.placement.spacing_mm[0], right_mm / body.placement.spacing_mm[1])

    def move(part: ProjectedPart) -> ProjectedPart:
        front, back = (shift(v, steps, order=1, mode="constant") for v in (part.anterior_mm, part.posterior_mm))
        return replace(part, anterior_mm=front, posterior_mm=back)

    return replace(body, regions=tuple(move(p) for p in body.regions), rest=move(body.rest))
