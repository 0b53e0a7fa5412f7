"""Counts of the whole body, as activity or as a share of what was administered, and their effective half-life."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from theratrial.errors import InputError, NumericalError
from theratrial.imaging.values import PlanarPair
from theratrial.nuclides import Nuclide, nuclide_name
from theratrial.quantification.attenuation import StatedAttenuation, check_beam
from theratrial.quantification.conjugate_view import (
    conjugate_view_activity_MBq,
    head_counts,
    self_attenuation_factor,
)
from theratrial.quantification.conjugate_view_activity import PlanarCamera
from theratrial.quantification.values import MeasuredActivity, Part
from theratrial.trace import Trace

REGION: Final = "whole body"
METHOD: Final = "quantification.whole_body"
VERSION: Final = "1"
_MOST_OF_ADMINISTERED: Final = 1.3


@dataclass(frozen=True, slots=True)
class WholeBodyCounts:
    """Net counts of one whole-body scan, the rate of the view's edges taken off.

    `relative_sd` is that of the geometric mean (Poisson statistics and the edge's).
    """

    anterior: float
    posterior: float
    edge_counts: tuple[float, float]
    """Taken off for the edge (anterior, posterior)."""
    relative_sd: float
    dead_time_relative_sd: float
    dwell_s: float
    acquired_at: datetime
    nuclide: str
    source: str

    @property
    def geometric_mean(self) -> float:
        """``sqrt(A P)`` [counts]."""
        return math.sqrt(self.anterior * self.posterior)

    @property
    def cps(self) -> float:
        """Geometric mean rate [cps]."""
        return self.geometric_mean / self.dwell_s


def whole_body_counts(pair: PlanarPair, camera: PlanarCamera, *, edge_mm: float = 20.0) -> WholeBodyCounts:
    """Net counts of a whole-body scan.

    The background is read in strips of `edge_mm` at both sides of the view, where no body may lie.

    Raises
    ------
    InputError
        If a view, the time or the nuclide is missing, or the strips leave no body between them.
    NumericalError
        If nothing is left above the edge's rate.
    """
    if pair.posterior is None:
        raise InputError("whole-body counts need both views -> give the posterior view too")
    if pair.acquired_at is None or pair.acquired_at.tzinfo is None:
        raise InputError("the whole-body scan states no time with a zone -> name the zone of the camera's clock")
    if pair.nuclide is None:
        raise InputError("the whole-body scan names no nuclide -> correct its header")
    strip = round(edge_mm / pair.pixel_spacing_mm[1])
    nx = pair.anterior.shape[2]
    if strip < 1 or 2 * strip >= nx // 2:
        raise InputError(f"strips of {edge_mm:g} mm at the edges of a view of {nx} columns leave no body between them")
    net, variance, edge, dead = [], [], [], []
    for view in (pair.anterior, pair.posterior):
        head = head_counts(
            view,
            pair.windows,
            photopeak=camera.photopeak,
            scatter=camera.scatter,
            timing=camera.timing,
            row_spacing_mm=pair.pixel_spacing_mm[0],
            dead_time=camera.dead_time,
            total_spectrum_cps=camera.total_spectrum_cps,
        )
        outside = np.zeros(nx, dtype=bool)
        outside[:strip] = outside[-strip:] = True
        scale = (nx - 2 * strip) / (2 * strip)
        taken = scale * float(head.primary[:, outside].sum(dtype=np.float64))
        net.append(float(head.primary[:, ~outside].sum(dtype=np.float64)) - taken)
        variance.append(
            float(head.variance[:, ~outside].sum(dtype=np.float64))
            + scale**2 * float(head.variance[:, outside].sum(dtype=np.float64))
        )
        edge.append(taken)
        dead.append(float(head.dead_time_relative_sd.mean()))
    if min(net) <= 0:
        raise NumericalError(
            f"whole body: net {net[0]:.0f} and {net[1]:.0f} counts after the edge's background of {edge[0]:.0f} and "
            f"{edge[1]:.0f} -> undetermined; check that the strips lie outside of the body"
        )
    relative = 0.5 * math.hypot(*(math.sqrt(v) / n for v, n in zip(variance, net, strict=True)))
    return WholeBodyCounts(
        net[0],
        net[1],
        (edge[0], edge[1]),
        relative,
        0.5 * sum(dead),
        camera.timing.dwell_s,
        pair.acquired_at,
        nuclide_name(pair.nuclide),
        pair.source.content_hash,
    )


def whole_body_shares(
    scans: Sequence[WholeBodyCounts],
    *,
    administered_MBq: float,
    administered_relative_sd: float,
    administered_at: datetime,
    nuclide: Nuclide,
    first_before_voiding: bool,
    source: str,
) -> tuple[MeasuredActivity, ...]:
    """Whole-body activities by the first scan, which holds all that was administered.

    Assumes that nothing left the body before the first scan, and that attenuation stays the same while the activity
    moves within the body.

    Parameters
    ----------
    scans
        In any order, of one session and camera.
    first_before_voiding
        As the protocol and the record say; without it the first scan is not 100 %.
    source
        Of the administration, for the trace.

    Raises
    ------
    InputError
        If the first scan was after voiding or before the administration, or the scans are of another nuclide.
    """
    if not scans:
        raise InputError("no whole-body scan to normalise")
    if not first_before_voiding:
        raise InputError(
            "the first whole-body scan was not made before the bladder was first voided, so that it is not 100 % of "
            "the administered activity -> use the camera's sensitivity with an attenuation instead"
        )
    ordered = sorted(scans, key=lambda s: s.acquired_at)
    first = ordered[0]
    hours = (first.acquired_at - administered_at).total_seconds() / 3600
    if hours < 0:
        raise InputError(f"the first whole-body scan is {-hours:.2f} h before the administration -> check both times")
    odd = {s.nuclide for s in ordered} - {nuclide.name}
    if odd:
        raise InputError(f"whole-body scans of {', '.join(sorted(odd))} for an administration of {nuclide.name}")
    held_MBq = administered_MBq * nuclide.fraction_left(hours)
    found = []
    for scan in ordered:
        parts = [Part("scaling", administered_relative_sd, "administered activity is 100 % in the first scan")]
        if scan is not first:
            parts += [
                Part("counts", math.hypot(scan.relative_sd, first.relative_sd), "Poisson, this scan and the first"),
                Part("dead_time", abs(first.dead_time_relative_sd - scan.dead_time_relative_sd), "of both scans"),
            ]
        inputs = {"planar": scan.source, "first": first.source, "administration": source, "half_life": nuclide.source}
        found.append(
            MeasuredActivity(
                REGION,
                "planar",
                held_MBq * scan.cps / first.cps,
                scan.acquired_at,
                nuclide.name,
                tuple(parts),
                Trace("quantification.whole_body_shares", VERSION, inputs),
                not_in_interval=("change of attenuation as activity moves within the body",),
            )
        )
    return tuple(found)


def whole_body_activity(
    counts: WholeBodyCounts, camera: PlanarCamera, attenuation: StatedAttenuation, *, most_MBq: float | None = None
) -> MeasuredActivity:
    """Whole-body activity by the camera's sensitivity, the body a uniform slab of a stated thickness.

    Parameters
    ----------
    most_MBq
        Administered activity decayed to the scan, where known: 30 % more than that is refused.

    Raises
    ------
    InputError
        If beam and scatter correction do not go together.
    NumericalError
        If the result exceeds what can be there.
    """
    check_beam(attenuation.beam, scatter_taken_off=camera.scatter.method != "none")
    if counts.nuclide != camera.sensitivity.nuclide:
        raise InputError(f"the scan is of {counts.nuclide}, the sensitivity of {camera.sensitivity.nuclide}")
    path = attenuation.mu_per_mm * attenuation.body_thickness_mm
    activity = conjugate_view_activity_MBq(
        counts.anterior / counts.dwell_s,
        counts.posterior / counts.dwell_s,
        body_path=path,
        self_attenuation=self_attenuation_factor(attenuation.mu_per_mm, attenuation.body_thickness_mm),
        cps_per_MBq=camera.sensitivity.cps_per_MBq,
        region=REGION,
    )
    if most_MBq is not None and activity > _MOST_OF_ADMINISTERED * most_MBq:
        raise NumericalError(
            f"whole body: {activity:.0f} MBq by counts, but at most {most_MBq:.0f} MBq can be there -> check "
            "thickness, sensitivity and the time per point"
        )
    parts = [
        Part("counts", counts.relative_sd, "Poisson and the edge's background"),
        Part("attenuation", attenuation.relative_sd, "stated thickness and coefficient"),
        Part("calibration", camera.sensitivity.relative_sd, camera.sensitivity.geometry),
    ]
    if camera.dead_time is not None:
        parts.append(Part("dead_time", counts.dead_time_relative_sd, "deviation of tau"))
    inputs = {
        "planar": counts.source,
        "attenuation": attenuation.source,
        "sensitivity": camera.sensitivity.source,
        "timing": f"given:{camera.timing.rule}",
    }
    return MeasuredActivity(
        REGION,
        "planar",
        activity,
        counts.acquired_at,
        counts.nuclide,
        tuple(parts),
        Trace(METHOD, VERSION, inputs),
        not_in_interval=("one thickness for trunk, head and limbs",),
    )


@dataclass(frozen=True, slots=True)
class EffectiveHalfLife:
    """Effective half-life of one exponential through whole-body points [h], with its standard deviation."""

    hours: float
    sd_h: float
    points: int
    slower_than_decay: bool
    """The body would lose less than physical decay takes: within its deviation, or something is wrong."""


def whole_body_half_life(points: Sequence[MeasuredActivity], nuclide: Nuclide) -> EffectiveHalfLife:
    """Weighted straight line through the logarithms of whole-body activities.

    Errors that all scans share do not change it and are left out; a scan that defines 100 % weighs as the best other.

    Raises
    ------
    InputError
        If there are fewer than two times, or a point is zero.
    NumericalError
        If the activity does not fall.
    """
    if len({p.acquired_at for p in points}) < 2:
        raise InputError(f"an effective half-life needs two times at least, got {len(points)} point(s)")
    if min(p.activity_MBq for p in points) <= 0:
        raise InputError("a whole-body activity of zero has no logarithm -> leave the scan out")
    start = min(p.acquired_at for p in points)
    hours = np.array([(p.acquired_at - start).total_seconds() / 3600 for p in points])
    logs = np.log([p.activity_MBq for p in points])
    sds = np.array([p.uncorrelated_relative_sd for p in points])
    known = sds[sds > 0]
    sds = np.where(sds > 0, sds, float(known.min()) if len(known) else 0.01)
    weights = sds**-2
    middle = float((weights * hours).sum() / weights.sum())
    spread = float((weights * (hours - middle) ** 2).sum())
    slope = -float((weights * (hours - middle) * logs).sum()) / spread
    if slope <= 0:
        raise NumericalError("the whole-body activity does not fall between the scans -> check times and counts")
    value = math.log(2) / slope
    return EffectiveHalfLife(
        value, value / slope / math.sqrt(spread), len(points), bool(slope < nuclide.decay_constant_per_h)
    )
