"""Activities of regions from one planar pair, each with every part of its uncertainty, or why it is undetermined."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from theratrial.errors import InputError
from theratrial.imaging.values import PlanarPair
from theratrial.nuclides import nuclide_name
from theratrial.quantification.attenuation import check_beam
from theratrial.quantification.attenuation_projection import ProjectedBody
from theratrial.quantification.camera import PlanarSensitivity
from theratrial.quantification.camera_dead_time import DeadTime
from theratrial.quantification.camera_timing import ScanTiming
from theratrial.quantification.conjugate_view import HeadCounts, head_counts
from theratrial.quantification.conjugate_view_crop import cropped
from theratrial.quantification.conjugate_view_model import PlanarModel
from theratrial.quantification.conjugate_view_overlap import OverlapPlan, RegionCounts
from theratrial.quantification.planar_background import BackgroundPlan
from theratrial.quantification.scatter import TRIPLE_WINDOW, ScatterPlan
from theratrial.quantification.values import MeasuredActivity, Part
from theratrial.trace import Trace

METHOD: Final = "quantification.conjugate_view"
VERSION: Final = "1"


@dataclass(frozen=True, slots=True)
class PlanarCamera:
    """What is known of the camera and the scan.

    `dead_time` None means that no loss was corrected, which every activity then says.
    """

    sensitivity: PlanarSensitivity
    timing: ScanTiming
    photopeak: int
    """Index of the photopeak window of the pair."""
    scatter: ScatterPlan = TRIPLE_WINDOW
    dead_time: DeadTime | None = None
    total_spectrum_cps: float | None = None


@dataclass(frozen=True, slots=True)
class PlanarResult:
    """Activities of one scan, and name -> why of the regions that are undetermined."""

    activities: tuple[MeasuredActivity, ...]
    undetermined: tuple[tuple[str, str], ...]
    counts: tuple[RegionCounts, ...] = field(repr=False)

    def activity(self, region: str) -> MeasuredActivity | None:
        """That of a region; None where it is undetermined."""
        return next((a for a in self.activities if a.region == region), None)


def planar_activities(
    pair: PlanarPair,
    body: ProjectedBody,
    camera: PlanarCamera,
    *,
    background: BackgroundPlan | None = None,
    overlap: OverlapPlan | None = None,
    trace_inputs: Mapping[str, str] | None = None,
) -> PlanarResult:
    """Activities [MBq] of all regions of `body` at the time of a planar scan, by the conjugate view.

    Assumes that both views show the same rate per place (parallel heads, one sweep), that each region and the
    background beside it are uniform, and that `body` lies as registered. No decay during the scan is corrected.

    Parameters
    ----------
    pair
        With a posterior view, the time of acquisition with its zone, and a nuclide.
    body
        From `projected_body` (CT) or `stated_body` (stated thickness).
    trace_inputs
        Further inputs to name in the trace: regions, registration, CT.

    Returns
    -------
    PlanarResult
        Undetermined regions (background exceeds counts, no place for the background) are named with the reason.

    Raises
    ------
    InputError
        If views, windows, nuclide, time or camera record are missing or do not fit together.

    References
    ----------
    Siegel JA et al., MIRD pamphlet no. 16, J Nucl Med 1999;40:37S-61S. Buijs WCAM et al., J Nucl Med 1998;39:2167-2172
    (background by thickness). docs/methods/planar_activity.md.
    """
    when, nuclide = _checked(pair, body, camera)
    background, overlap = background or BackgroundPlan(), overlap or OverlapPlan()
    heads = _heads(pair, camera)
    # Outlines count from the edge of the whole view, which cropping moves.
    seen = (body, heads) if background.drawn else cropped(body, heads)
    model = PlanarModel(*seen, background, overlap)
    found = model.counts()
    moved = _moved_levels(model)
    pixel_mL_per_mm = math.prod(pair.pixel_spacing_mm) / 1000
    per_MBq = camera.sensitivity.cps_per_MBq * camera.timing.dwell_s * pixel_mL_per_mm
    warnings = _warnings(pair)
    activities, undetermined = [], []
    for number, counts in enumerate(found):
        if counts.reason:
            undetermined.append((counts.name, counts.reason))
            continue
        part = body.regions[number]
        activities.append(
            MeasuredActivity(
                region=counts.name,
                route="planar",
                activity_MBq=counts.level / per_MBq * part.volume_mL,
                acquired_at=when,
                nuclide=nuclide,
                parts=_parts(counts, body, camera, overlap, [m[number] for m in moved]),
                trace=_trace(pair, body, camera, counts, overlap, dict(trace_inputs or {})),
                volume_mL=part.volume_mL if body.volumes_known[number] else None,
                not_in_interval=_unknown(body, camera),
                warnings=(*warnings, *(_twice(body, counts.name))),
            )
        )
    return PlanarResult(tuple(activities), tuple(undetermined), found)


def _checked(pair: PlanarPair, body: ProjectedBody, camera: PlanarCamera) -> tuple[datetime, str]:
    if pair.posterior is None:
        raise InputError("a conjugate view needs both views, the pair holds one -> give the posterior view too")
    if pair.acquired_at is None or pair.acquired_at.tzinfo is None:
        raise InputError("the planar scan states no time with a zone -> name the zone of the camera's clock")
    if pair.nuclide is None:
        raise InputError("the planar scan names no nuclide -> correct RadiopharmaceuticalInformationSequence")
    name = nuclide_name(pair.nuclide)
    if name != camera.sensitivity.nuclide:
        raise InputError(
            f"the scan is of {name}, the sensitivity of {camera.sensitivity.nuclide} -> give that of {name}"
        )
    if pair.acquired_at.date() < camera.sensitivity.valid_from:
        raise InputError(
            f"the sensitivity holds from {camera.sensitivity.valid_from}, the scan was on {pair.acquired_at.date()} -> "
            "give the record in force that day"
        )
    shape = (pair.anterior.shape[1], pair.anterior.shape[2])
    if body.placement.shape != shape:
        raise InputError(f"regions are projected on {body.placement.shape} pixels, the view has {shape}")
    if not body.regions:
        raise InputError("no region to measure -> give at least one")
    check_beam(body.beam, scatter_taken_off=camera.scatter.method != "none")
    return pair.acquired_at, name


def _heads(pair: PlanarPair, camera: PlanarCamera) -> tuple[HeadCounts, HeadCounts]:
    assert pair.posterior is not None
    first, second = (
        head_counts(
            view,
            pair.windows,
            photopeak=camera.photopeak,
            scatter=camera.scatter,
            timing=camera.timing,
            row_spacing_mm=pair.pixel_spacing_mm[0],
            dead_time=camera.dead_time,
            total_spectrum_cps=camera.total_spectrum_cps,
        )
        for view in (pair.anterior, pair.posterior)
    )
    return first, second


def _moved_levels(model: PlanarModel) -> list[list[float]]:
    """Levels of all regions with the projections moved by the registration's deviation: up, down, left, right."""
    sd = model.body.placement.sd_mm
    if sd == 0:
        return []
    steps = ((sd, 0.0), (-sd, 0.0), (0.0, sd), (0.0, -sd))
    return [[counts.level for counts in model.displaced(*step).counts()] for step in steps]


def _half(values: tuple[float, float], net: tuple[float, float]) -> float:
    """Effect on a geometric mean of errors that both views share: half the sum of the relative errors."""
    return 0.5 * (values[0] / net[0] + values[1] / net[1])


def _parts(
    counts: RegionCounts, body: ProjectedBody, camera: PlanarCamera, overlap: OverlapPlan, moved: list[float]
) -> tuple[Part, ...]:
    net = counts.net
    attenuation = counts.mean_path / 2 * math.hypot(body.mu_relative_sd, body.thickness_relative_sd)
    found = [
        Part(
            "counts",
            0.5 * math.hypot(*(s / n for s, n in zip(counts.net_sd, net, strict=True))),
            "Poisson, all windows",
        ),
        Part("background", _half(counts.background_sd, net), f"noise and unevenness of the {counts.where}"),
        Part(
            "overlap",
            _half(counts.overlap_sd, net),
            f"neighbours known to {overlap.concentration_sd:.0%}, shared out by the rule {overlap.rule}",
        ),
        Part("scatter", camera.scatter.relative_sd * abs(_half(counts.scatter, net)), camera.scatter.source),
        Part("attenuation", attenuation, f"half of mu t = {counts.mean_path:.2f} times its relative deviation"),
        Part("calibration", camera.sensitivity.relative_sd, camera.sensitivity.geometry),
    ]
    if camera.dead_time is not None:
        found.append(Part("dead_time", 0.5 * sum(counts.dead_time_relative_sd), "deviation of tau"))
    if moved:
        up, down, left, right = (abs(v / counts.level - 1) for v in moved)
        effect = math.hypot(max(up, down), max(left, right))
        found.append(Part("registration", effect, f"{body.placement.sd_mm:.1f} mm along either axis"))
    return tuple(found)


def _unknown(body: ProjectedBody, camera: PlanarCamera) -> tuple[str, ...]:
    found = ["uneven uptake within the region", "penetration of the collimator by photons of higher energy"]
    if camera.dead_time is None:
        found.append("losses by dead time, which were not corrected")
    if not body.blurred:
        found.append("counts that spill over the edge of the region")
    if body.placement.sd_mm == 0:
        found.append("error of the placement on the view")
    return tuple(found)


def _warnings(pair: PlanarPair) -> tuple[str, ...]:
    if pair.view_confirmed:
        return ()
    return (f"anterior and posterior were inferred, not confirmed by a view code ({pair.view_rule})",)


def _twice(body: ProjectedBody, name: str) -> tuple[str, ...]:
    return tuple(
        f"{share:.0%} of its volume is claimed by another region too; such voxels were shared equally"
        for region, share in body.doubly_claimed
        if region == name
    )


def _trace(
    pair: PlanarPair,
    body: ProjectedBody,
    camera: PlanarCamera,
    counts: RegionCounts,
    overlap: OverlapPlan,
    more: dict[str, str],
) -> Trace:
    inputs = {
        "planar": pair.source.content_hash,
        "attenuation": body.source,
        "sensitivity": camera.sensitivity.source,
        "timing": f"given:{camera.timing.rule}",
        "scatter": camera.scatter.source,
        "background": f"given:{counts.where}",
        "overlap": f"given:{overlap.rule}",
    }
    if camera.dead_time is not None:
        inputs["dead_time"] = camera.dead_time.source
    return Trace(METHOD, VERSION, {**inputs, **more})
