"""The planar route and the hybrid route of a region beside the one that is reported."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from theratrial.dosimetry import DosePlan, TimeActivityPoint, time_activity_curve, time_integrated_activity
from theratrial.dosimetry.population.prior import KineticPrior
from theratrial.errors import InputError, NumericalError
from theratrial.nuclides import Nuclide
from theratrial.pipeline.planar_scans import PlanarScan
from theratrial.pipeline.session_population import region_posterior
from theratrial.pipeline.session_values import Z_95, MeasuredRegion
from theratrial.quantification.hybrid import hybrid_activities
from theratrial.quantification.values import MeasuredActivity, Part
from theratrial.results.dosimetry import PlanarPoint, RouteResult
from theratrial.trace import Quantity, Trace

_NO_LESION = "a lesion's counts are not told from those of what lies before and behind it: no planar activity"


def _whole(scan: PlanarScan, name: str, parts: Sequence[str]) -> MeasuredActivity | str:
    """A region made of drawn parts in one view: their sum, its errors taken as shared by the parts."""
    absent = [part for part in parts if part not in scan.activities]
    if absent:
        return "; ".join(scan.undetermined.get(part, f"region {part} is not drawn on the anatomy") for part in absent)
    found = [scan.activities[part] for part in parts]
    total = math.fsum(one.activity_MBq for one in found)
    if total <= 0:
        return "no activity found"
    names = dict.fromkeys(part.name for one in found for part in one.parts)
    mixed = tuple(
        Part(
            kind,
            math.fsum(
                one.activity_MBq / total * part.relative_sd for one in found for part in one.parts if part.name == kind
            ),
        )
        for kind in names
    )
    first = found[0]
    return replace(
        first,
        region=name,
        activity_MBq=total,
        parts=mixed,
        volume_mL=None,
        not_in_interval=tuple(dict.fromkeys(text for one in found for text in one.not_in_interval)),
        warnings=tuple(dict.fromkeys(text for one in found for text in one.warnings)),
    )


def route_results(
    region: MeasuredRegion,
    parts: Sequence[str],
    planar: Sequence[PlanarScan],
    isotope: Nuclide,
    plan: DosePlan,
    prior: KineticPrior | None,
    *,
    administered_MBq: float,
) -> tuple[RouteResult, ...]:
    """Planar and hybrid route of a region beside the one that is reported."""
    if not planar:
        return ()
    seen: dict[str, MeasuredActivity] = {}
    why: dict[str, str] = {}
    for scan in planar:
        # What lies behind or before a lesion changes from patient to patient more than any interval could state.
        is_lesion = region.reading.kind == "lesion"
        one = _NO_LESION if is_lesion else _whole(scan, region.name, parts)
        if isinstance(one, str):
            why[scan.image.plan.id] = one
        else:
            seen[scan.image.plan.id] = one
    own = {key: one.uncorrelated_relative_sd for key, one in seen.items()}
    by_planar = _route("planar", region, planar, seen, own, why, isotope, plan, prior, administered_MBq)
    if not seen:
        return (by_planar,)
    mixed: dict[str, MeasuredActivity] = {}
    lacking = dict(why)
    spect = _as_measured(region, isotope)
    try:
        if spect is None:
            raise InputError("the SPECT's calibration states no uncertainty: nothing can be scaled to it")
        made = hybrid_activities(list(seen.values()), spect)
        by_time = {one.acquired_at: one for one in made}
        mixed = {key: by_time[one.acquired_at] for key, one in seen.items()}
    except (InputError, NumericalError) as error:
        lacking |= dict.fromkeys(seen, str(error))
    # Each planar scan keeps its own noise, the one beside the SPECT too: it is what the course is known by.
    return by_planar, _route("hybrid", region, planar, mixed, own, lacking, isotope, plan, prior, administered_MBq)


def _as_measured(region: MeasuredRegion, isotope: Nuclide) -> MeasuredActivity | None:
    """The last SPECT of the session as the hybrid route takes it; None where its calibration states no uncertainty."""
    last = region.seen[-1].activity
    if last.calibration_relative_sd is None:
        return None
    return MeasuredActivity(
        region=region.name,
        route="spect",
        activity_MBq=last.activity_MBq,
        acquired_at=last.acquired_at,
        nuclide=isotope.name,
        parts=(
            Part("repeatability", last.uncorrelated_relative_sd),
            Part("calibration", last.calibration_relative_sd),
        ),
        trace=last.trace,
        volume_mL=last.volume_mL,
    )


def _route(
    route: str,
    region: MeasuredRegion,
    planar: Sequence[PlanarScan],
    activities: Mapping[str, MeasuredActivity],
    own_relative_sd: Mapping[str, float],
    why: Mapping[str, str],
    isotope: Nuclide,
    plan: DosePlan,
    prior: KineticPrior | None,
    administered_MBq: float,
) -> RouteResult:
    here = f"{region.value}.details.routes[{route}]"
    points, curve_points = [], []
    for scan in planar:
        assert scan.image.hours_after is not None  # matched by its time after the administration
        hours = scan.image.hours_after
        one = activities.get(scan.image.plan.id)
        if one is None:
            said = why.get(scan.image.plan.id, "not measured")
            trace = Trace("quantification.conjugate_view", "1", {"scan": f"protocol:imaging.{scan.image.plan.id}"})
            points.append(PlanarPoint(scan.image.plan.id, hours, Quantity(None, "MBq", trace, note=said), ()))
            continue
        sd = math.hypot(one.uncorrelated_relative_sd, one.common_relative_sd)
        ends = one.activity_MBq * math.exp(-Z_95 * sd), one.activity_MBq * math.exp(Z_95 * sd)
        value = Quantity(one.activity_MBq, "MBq", _point_trace(one, route, region), ends[0], ends[1])
        points.append(PlanarPoint(scan.image.plan.id, hours, value, one.warnings))
        curve_points.append(
            TimeActivityPoint(
                hours,
                one.activity_MBq,
                max(min(own_relative_sd[scan.image.plan.id], 1.0), 1e-4),
                min(_common_sd(one, route), 1.0),
                nuclide=isotope.name,
            )
        )
    inputs = {
        **{
            f"point {p.imaging_id}": f"{here}.points[{p.imaging_id}]"
            for p in points
            if p.activity_MBq.value is not None
        },
        "nuclide": isotope.source,
        "plan": plan.clause,
    }
    trace = Trace("dosimetry.time_integrated_activity", "1", inputs, demonstration=plan.demonstration)
    said = "; ".join(dict.fromkeys(why.values()))
    nothing = said or "no whole-body view of this session gives the activity of this region"
    if not curve_points:
        empty = Quantity(None, "MBq h", trace, note=nothing)
        return RouteResult(route, tuple(points), "undetermined", nothing, empty, replace(empty, unit="percent"))
    curve = time_activity_curve(curve_points, isotope, plan, administered_activity_MBq=administered_MBq)
    tia = time_integrated_activity(curve, plan, administered_activity_MBq=administered_MBq)
    value_MBq_h, ends_MBq_h = tia.time_integrated_activity_MBq_h, (tia.lower_MBq_h, tia.upper_MBq_h)
    note = f"{tia.determinacy}: {tia.because}"
    if region.is_population:
        # The same curve on both routes: what differs then is the route.
        posterior, lacks = region_posterior(
            curve_points,
            region.reading,
            region.name,
            prior,
            isotope,
            plan,
            administered_MBq=administered_MBq,
            mass_g=region.mass_g,
            sex=region.sex,
        )
        if posterior is None:
            note = f"{note}; not weighed with published kinetics: {lacks}"
        else:
            value_MBq_h, ends_MBq_h = posterior.median_MBq_h, (posterior.lower_MBq_h, posterior.upper_MBq_h)
            note = f"by published kinetics and the points ({posterior.because}); the points alone are {note}"
            trace = Trace(
                posterior.trace.method,
                posterior.trace.version,
                {**inputs, "prior": posterior.trace.inputs["prior"]},
                demonstration=plan.demonstration,
            )
    reported = region.tia_MBq_h
    difference = (value_MBq_h / reported - 1) * 100 if value_MBq_h is not None and reported else None
    against = Trace(
        "dosimetry.route_difference",
        "1",
        {
            "this": f"{here}.time_integrated_activity_MBq_h",
            "reported": f"{region.value}.time_integrated_activity_MBq_h",
        },
        demonstration=plan.demonstration,
    )
    return RouteResult(
        route=route,
        points=tuple(points),
        determinacy=str(curve.determinacy),
        determinacy_reason=curve.because,
        time_integrated_activity_MBq_h=Quantity(value_MBq_h, "MBq h", trace, ends_MBq_h[0], ends_MBq_h[1], note),
        difference_percent=Quantity(difference, "percent", against, note="" if difference is not None else note),
    )


def _common_sd(one: MeasuredActivity, route: str) -> float:
    """What all points share: of a hybrid course the SPECT's own, which is all that its scaling adds."""
    if route == "planar":
        return one.common_relative_sd
    return max((part.relative_sd for part in one.parts if part.name == "scaling"), default=one.common_relative_sd)


def _point_trace(one: MeasuredActivity, route: str, region: MeasuredRegion) -> Trace:
    """The trace of a point with places that lead somewhere in the results."""
    inputs = {name: where for name, where in one.trace.inputs.items() if where.startswith(("sha256:", "record:"))}
    if route == "hybrid":
        inputs["spect"] = f"{region.value}.points[{region.points[-1].imaging_id}]"
    return Trace(one.trace.method, one.trace.version, inputs)
