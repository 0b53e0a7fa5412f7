"""One planar scan with the CT and regions of its patient: laid on the CT, projected, measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from theratrial.errors import InputError
from theratrial.imaging.values import PlanarPair, Region, Volume
from theratrial.quantification.attenuation import mu_map
from theratrial.quantification.attenuation_projection import (
    LEAST_INSIDE,
    Collimator,
    ProjectedBody,
    inside_fraction,
    projected_body,
)
from theratrial.quantification.conjugate_view import head_counts
from theratrial.quantification.conjugate_view_activity import PlanarCamera, PlanarResult, planar_activities
from theratrial.quantification.conjugate_view_overlap import OverlapPlan
from theratrial.quantification.planar_background import BackgroundPlan
from theratrial.quantification.planar_registration import CtRegistration, registered_to_ct

_GUIDES_mL = 50.0
"""Regions below that hold too few counts to guide a registration."""


@dataclass(frozen=True, slots=True, eq=False)
class PlanarScan:
    """Activities of a planar scan, and how its view was laid on the CT."""

    result: PlanarResult
    registration: CtRegistration
    body: ProjectedBody


def planar_scan(
    pair: PlanarPair,
    ct: Volume,
    regions: Sequence[Region],
    camera: PlanarCamera,
    collimator: Collimator,
    *,
    energy_keV: float,
    background: BackgroundPlan | None = None,
    overlap: OverlapPlan | None = None,
    trace_inputs: Mapping[str, str] | None = None,
) -> PlanarScan:
    """Activities of all regions of a patient in one planar scan, by the conjugate view with a CT-based attenuation.

    Assumes that the patient lay alike on both tables but for a shift, and that nothing of what was drawn has moved or
    grown since the CT.

    Parameters
    ----------
    ct
        In HU, axial; of any examination of the patient near in time.
    regions
        On the grid of the CT.
    energy_keV
        Of the imaged line.

    Returns
    -------
    PlanarScan
        Regions that leave the view or the CT are undetermined, with the reason, as are those the method cannot see.

    Raises
    ------
    InputError, NumericalError
        If the scan as a whole cannot be used: see `registered_to_ct`, `mu_map`, `planar_activities`.
    """
    if pair.posterior is None:
        raise InputError("a conjugate view needs both views, the pair holds one -> give the posterior view too")
    mu = mu_map(ct, energy_keV, regions=regions)
    views = [
        head_counts(
            view,
            pair.windows,
            photopeak=camera.photopeak,
            scatter=camera.scatter,
            timing=camera.timing,
            row_spacing_mm=pair.pixel_spacing_mm[0],
            dead_time=camera.dead_time,
            total_spectrum_cps=camera.total_spectrum_cps,
        ).primary
        for view in (pair.anterior, pair.posterior)
    ]
    whole = [r for r in regions if r.inside_fraction >= LEAST_INSIDE]
    guides = [r for r in whole if r.volume_mL > _GUIDES_mL]
    found = registered_to_ct(views[0], views[1], pair.pixel_spacing_mm, mu, guides, collimator)
    shares = {r.name: inside_fraction(mu, r, found.placement) for r in regions}
    inside = [r for r in regions if shares[r.name] >= LEAST_INSIDE]
    body = projected_body(mu, inside, found.placement, collimator)
    place = f"given:correlation {found.correlation:.3f}, heads apart {max(found.heads_apart_mm):.1f} mm"
    drawn = {f"region.{r.name}": f"{r.source.content_hash}#{r.name}" for r in inside}
    result = planar_activities(
        pair,
        body,
        camera,
        background=background,
        overlap=overlap,
        trace_inputs={"registration": place, **drawn, **(trace_inputs or {})},
    )
    outside = tuple(
        (
            name,
            f"region {name!r}: {share:.0%} of it lies inside the CT and the planar view; {LEAST_INSIDE:.0%} are needed",
        )
        for name, share in shares.items()
        if share < LEAST_INSIDE
    )
    full = PlanarResult(result.activities, result.undetermined + outside, result.counts)
    return PlanarScan(full, found, body)
