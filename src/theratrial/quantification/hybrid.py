"""Hybrid route: the course of planar scans over time, its height from one SPECT/CT."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from theratrial.errors import InputError
from theratrial.nuclides import nuclide
from theratrial.quantification.values import MeasuredActivity, Part
from theratrial.trace import Trace

METHOD: Final = "quantification.hybrid"
VERSION: Final = "1"
NEAR_h: Final = 2.0
"""Up to here physical decay moves a planar point to the time of the SPECT; antibody curves differ by under 2 %."""


def hybrid_activities(
    planar: Sequence[MeasuredActivity],
    spect: MeasuredActivity,
    *,
    curve: Callable[[datetime], float] | None = None,
    curve_relative_sd: float = 0.0,
    curve_source: str = "",
    near_h: float = NEAR_h,
) -> tuple[MeasuredActivity, ...]:
    """Planar activities of one region, scaled so that at the time of the SPECT they are the SPECT's.

    Errors that all planar scans share (sensitivity, attenuation) cancel and are left out; what each planar scan has for
    itself stays; the SPECT's whole uncertainty becomes the common scaling. A planar scan beside the SPECT serves as
    anchor: at its time nothing of the planar counts is left in the result but the decay between both.

    Parameters
    ----------
    planar
        Of one region, all scans of a session.
    curve
        Planar course over time in any unit, fitted to these points; needed where no planar scan is within `near_h` of
        the SPECT.
    curve_relative_sd
        Of the curve at the time of the SPECT [fraction].
    curve_source
        For the trace (``value:<place>``).

    Raises
    ------
    InputError
        If regions or nuclides differ, two planar scans are at one time, or no planar scan is near the SPECT and no
        curve is given.

    References
    ----------
    Sundlöv A et al., EJNMMI Phys 2018;5:12 (planar course, one SPECT/CT per cycle). docs/methods/hybrid.md.
    """
    ordered = _checked(planar, spect)
    nearest = min(ordered, key=lambda p: abs(_hours(p.acquired_at, spect.acquired_at)))
    gap_h = _hours(nearest.acquired_at, spect.acquired_at)
    anchor: MeasuredActivity | None = None
    if abs(gap_h) <= near_h:
        anchor = nearest
        at_spect = anchor.activity_MBq * nuclide(spect.nuclide).fraction_left(gap_h)
        sd = anchor.uncorrelated_relative_sd
        how = f"planar scan {abs(gap_h):.2f} h {'before' if gap_h >= 0 else 'after'}, moved by physical decay"
    elif curve is not None:
        if curve_relative_sd <= 0 or not curve_source:
            raise InputError("a curve comes with its relative standard deviation at the SPECT and its source")
        at_spect, sd, how = float(curve(spect.acquired_at)), curve_relative_sd, "planar curve at the time of the SPECT"
    else:
        raise InputError(
            f"region {spect.region!r}: the SPECT is {abs(gap_h):.1f} h from the nearest planar scan; without the "
            f"planar curve at most {near_h:g} h are allowed -> fit the planar points first and give the curve"
        )
    if not (math.isfinite(at_spect) and at_spect > 0):
        raise InputError(f"region {spect.region!r}: planar activity {at_spect} MBq at the SPECT cannot be scaled")
    factor = spect.activity_MBq / at_spect
    own = math.hypot(spect.common_relative_sd, spect.uncorrelated_relative_sd)
    inputs = {f"spect.{name}": place for name, place in spect.trace.inputs.items()}
    if anchor is None:
        inputs["curve"] = curve_source
    return tuple(_scaled(point, factor, anchor, own, sd, how, inputs, spect) for point in ordered)


def _hours(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds() / 3600


def _checked(planar: Sequence[MeasuredActivity], spect: MeasuredActivity) -> list[MeasuredActivity]:
    if not planar:
        raise InputError(f"region {spect.region!r}: the hybrid route needs planar scans, got none")
    if spect.activity_MBq <= 0:
        raise InputError(
            f"region {spect.region!r}: the SPECT holds no activity to scale to -> undetermined by this route"
        )
    for point in planar:
        if point.region != spect.region or point.nuclide != spect.nuclide:
            raise InputError(
                f"planar {point.region!r} with {point.nuclide} and SPECT {spect.region!r} with {spect.nuclide} are not "
                "one course -> give both of one region and nuclide"
            )
        if point.route != "planar" or spect.route != "spect":
            raise InputError(f"the hybrid route takes planar points and a SPECT, got {point.route} and {spect.route}")
        if point.activity_MBq <= 0:
            raise InputError(
                f"region {point.region!r}: a planar activity of zero tells no course -> leave the scan out"
            )
    if len({p.acquired_at for p in planar}) < len(planar):
        raise InputError(f"region {spect.region!r}: two planar scans at one time -> keep one")
    return sorted(planar, key=lambda p: p.acquired_at)


def _scaled(
    point: MeasuredActivity,
    factor: float,
    anchor: MeasuredActivity | None,
    spect_sd: float,
    anchor_sd: float,
    how: str,
    inputs: dict[str, str],
    spect: MeasuredActivity,
) -> MeasuredActivity:
    own = {f"planar.{name}": place for name, place in point.trace.inputs.items()}
    if point is anchor:
        # Its own counts stand in numerator and denominator.
        parts: tuple[Part, ...] = (Part("scaling", spect_sd, f"the SPECT's; {how}"),)
    else:
        scaling = Part("scaling", math.hypot(spect_sd, anchor_sd), f"the SPECT's and the planar value beside it; {how}")
        parts = (*(p for p in point.parts if not p.is_common), scaling)
    return replace(
        point,
        route="hybrid",
        activity_MBq=point.activity_MBq * factor,
        parts=parts,
        volume_mL=spect.volume_mL,
        trace=Trace(METHOD, VERSION, {**own, **inputs, "scaling": f"given:{how}, factor {factor:.6g}"}),
        not_in_interval=tuple(dict.fromkeys((*point.not_in_interval, *spect.not_in_interval))),
        warnings=tuple(dict.fromkeys((*point.warnings, *spect.warnings))),
    )
