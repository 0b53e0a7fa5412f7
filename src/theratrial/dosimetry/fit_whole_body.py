"""Effective and biological half-life of the whole body from counts normalised to the administration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from theratrial.dosimetry.curve import TimeActivityCurve, time_activity_curve
from theratrial.dosimetry.plan import DosePlan
from theratrial.dosimetry.points import TimeActivityPoint
from theratrial.dosimetry.time_integrated import TimeIntegratedActivity, time_integrated_activity
from theratrial.errors import InputError
from theratrial.nuclides import Nuclide


@dataclass(frozen=True, slots=True)
class WholeBodyReading:
    """Counts of the whole body (geometric mean, dead time and background corrected), before the first voiding or later.

    Parameters
    ----------
    hours_after_administration
        [h].
    counts
        In any unit that is the same for all readings.
    relative_sd
        Independent from reading to reading.
    """

    hours_after_administration: float
    counts: float
    relative_sd: float


@dataclass(frozen=True, slots=True)
class WholeBodyClearance:
    """One exponential through whole-body readings."""

    curve: TimeActivityCurve
    tia: TimeIntegratedActivity
    effective_half_life_h: float | None
    """None where the readings give none; then the curve says why."""
    biological_half_life_h: float | None
    """Infinite where nothing but physical decay was seen."""
    residence_time_h: float | None
    """Time-integrated activity per administered activity [h]."""


def whole_body_clearance(
    readings: Sequence[WholeBodyReading],
    nuclide: Nuclide,
    plan: DosePlan,
    *,
    administered_activity_MBq: float,
) -> WholeBodyClearance:
    """Effective half-life of the whole body from readings of which the first stands for the administered activity.

    Assumes that the first reading was taken before any excretion and that the counting geometry stayed the same. Its
    noise is shared by all later readings and enters as common uncertainty; the calibration of the camera cancels.

    Raises
    ------
    InputError
        If there are fewer than two readings, the first has no counts, or times are equal or before administration.

    Examples
    --------
    >>> from theratrial.nuclides import nuclide
    >>> plan = DosePlan(clearance_significance=0.95, maximum_extrapolated_fraction=0.9, model_relative_sd=0.0)
    >>> readings = [WholeBodyReading(t, 1e6 * 0.5 ** (t / 106.25), 0.02) for t in (0, 24, 48)]
    >>> found = whole_body_clearance(readings, nuclide("Lu-177"), plan, administered_activity_MBq=350)
    >>> round(found.effective_half_life_h, 2), round(found.biological_half_life_h, 1)
    (106.25, 318.1)
    """
    if len(readings) < 2:
        raise InputError(f"a whole-body half-life needs at least two readings, got {len(readings)}")
    ordered = sorted(readings, key=lambda reading: reading.hours_after_administration)
    first = ordered[0]
    if not (math.isfinite(first.counts) and first.counts > 0):
        raise InputError(f"the first whole-body reading has {first.counts} counts; it stands for what was administered")
    full = administered_activity_MBq * nuclide.fraction_left(first.hours_after_administration)
    points = [
        TimeActivityPoint(
            reading.hours_after_administration,
            full * reading.counts / first.counts,
            reading.relative_sd,
            common_relative_sd=first.relative_sd,
        )
        for reading in ordered
    ]
    curve = time_activity_curve(points, nuclide, plan)
    tia = time_integrated_activity(curve, plan, administered_activity_MBq=administered_activity_MBq)
    effective, biological = curve.effective_half_life_h, None
    if curve.clearance_per_h is not None:
        excess = curve.clearance_per_h - nuclide.decay_constant_per_h
        biological = math.log(2) / excess if excess > 1e-12 else math.inf
    return WholeBodyClearance(curve, tia, effective, biological, tia.coefficient_h)
