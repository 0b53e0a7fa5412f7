"""Clearance of the whole body from the counts of a session's planar views."""

from __future__ import annotations

import math
from collections.abc import Sequence

from theratrial.dosimetry import DosePlan
from theratrial.errors import InputError, NumericalError
from theratrial.nuclides import Nuclide
from theratrial.pipeline.planar_scans import PlanarScan
from theratrial.pipeline.session_values import Z_95
from theratrial.protocol.schema import DosimetryPlan
from theratrial.quantification.values import MeasuredActivity, Part
from theratrial.quantification.whole_body import METHOD, VERSION, whole_body_half_life
from theratrial.results.dosimetry import WholeBody, WholeBodyPoint
from theratrial.trace import Quantity, Trace


def whole_body_result(
    planar: Sequence[PlanarScan],
    here: str,
    isotope: Nuclide,
    plan: DosePlan,
    dosimetry: DosimetryPlan,
    *,
    administered_MBq: float,
) -> WholeBody | None:
    """Effective half-life and time-integrated activity of the whole body; None where the protocol does not want it.

    Assumes one exponential from injection on, when all that was administered was in the body. A body that loses less
    than physical decay takes is held to physical decay, and the note says so.

    Parameters
    ----------
    here
        ``value:`` and the place of the session in the results.
    """
    if dosimetry.planar is None or dosimetry.planar.whole_body == "none" or not planar:
        return None
    place = f"{here}.whole_body"
    points, measured = [], []
    for scan in planar:
        counts = scan.whole_body
        sd = math.hypot(counts.relative_sd, dosimetry.repeatability_percent / 100)
        trace = Trace(METHOD, VERSION, {"planar": counts.source})
        ends = counts.cps * math.exp(-Z_95 * sd), counts.cps * math.exp(Z_95 * sd)
        assert scan.image.hours_after is not None  # matched by its time after the administration
        rate = Quantity(counts.cps, "cps", trace, ends[0], ends[1])
        points.append(WholeBodyPoint(scan.image.plan.id, scan.image.hours_after, rate))
        # A rate stands for an activity here: what both scans share cancels in a half-life.
        measured.append(
            MeasuredActivity(
                "whole body",
                "planar",
                counts.cps,
                counts.acquired_at,
                isotope.name,
                (Part("counts", counts.relative_sd), Part("repeatability", dosimetry.repeatability_percent / 100)),
                trace,
            )
        )
    inputs = {f"point {point.imaging_id}": f"{place}.points[{point.imaging_id}]" for point in points}
    trace = Trace(
        "quantification.whole_body_half_life", "1", {**inputs, "nuclide": isotope.source, "plan": plan.clause}
    )
    tia_trace = Trace(
        "dosimetry.whole_body",
        "1",
        {
            "effective_half_life": f"{place}.effective_half_life_h",
            "administered_activity": f"{here}.administered_activity_MBq",
            "nuclide": isotope.source,
        },
        demonstration=plan.demonstration,
    )
    try:
        found = whole_body_half_life(measured, isotope)
    except (InputError, NumericalError) as error:
        why = str(error)
        return WholeBody(
            tuple(points), Quantity(None, "h", trace, note=why), Quantity(None, "MBq h", tia_trace, note=why)
        )
    physical_h = isotope.half_life_h
    # The rate of clearance is normal, the half-life its inverse; nothing clears slower than physical decay.
    clearance, sd = math.log(2) / found.hours, math.log(2) / found.hours**2 * found.sd_h
    slowest = max(clearance - Z_95 * sd, math.log(2) / physical_h)
    hours = min(found.hours, physical_h)
    lower, upper = math.log(2) / max(clearance + Z_95 * sd, slowest), math.log(2) / slowest
    note = "slower than physical decay by the counts; held to physical decay" if found.hours > physical_h else ""
    half_life = Quantity(hours, "h", trace, min(lower, hours), max(upper, hours), note)

    def decays(half_life_h: float) -> float:
        return administered_MBq * half_life_h / math.log(2)

    assert half_life.lower is not None
    assert half_life.upper is not None
    return WholeBody(
        tuple(points),
        half_life,
        Quantity(
            decays(hours),
            "MBq h",
            tia_trace,
            decays(half_life.lower),
            decays(half_life.upper),
            "one exponential from injection on; all that was administered in the body then",
        ),
    )
