"""What the dose of a region without a determined curve would be under one stated scenario. Not a value, not a bound."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from theratrial.dosimetry import TimeActivityPoint
from theratrial.nuclides import Nuclide
from theratrial.units import delta_mGy_g_per_MBq_h

SCENARIO = (
    "as if the activity rose in a straight line from zero to the first scan, went exponentially between scans, and "
    "nothing but physical decay took it away after the last"
)


@dataclass(frozen=True, slots=True)
class ScenarioDose:
    """Time-integrated activity and absorbed dose in the scenario `SCENARIO`."""

    time_integrated_activity_MBq_h: float
    absorbed_dose_Gy: float
    after_last_scan_fraction: float


def physical_tail(points: Sequence[TimeActivityPoint], nuclide: Nuclide, *, mass_g: float) -> ScenarioDose | None:
    """The scenario for a region whose curve gives no value; None where no scan shows activity.

    A region that still rises may rise on after the last scan, so this bounds nothing. It shows how much of the dose
    lies where nobody looked.

    Parameters
    ----------
    points
        Activities at scan time, in any order.
    mass_g
        Of the region [g].

    Examples
    --------
    One scan at 24 h of 10 MBq 177Lu: 120 MBq h before it, 10 MBq times 230.15 h after it.

    >>> from theratrial.nuclides import nuclide
    >>> found = physical_tail([TimeActivityPoint(24, 10, 0.05)], nuclide("Lu-177"), mass_g=10)
    >>> round(found.time_integrated_activity_MBq_h, 1)
    2421.5
    """
    ordered = sorted(points, key=lambda point: point.hours_after_administration)
    if not ordered or min(point.activity_MBq for point in ordered) <= 0:
        return None
    first, last = ordered[0], ordered[-1]
    total = first.activity_MBq * first.hours_after_administration / 2
    for one, other in pairwise(ordered):
        hours = other.hours_after_administration - one.hours_after_administration
        ratio = math.log(other.activity_MBq / one.activity_MBq)
        mean = one.activity_MBq if abs(ratio) < 1e-9 else (other.activity_MBq - one.activity_MBq) / ratio
        total += mean * hours
    tail = last.activity_MBq / nuclide.decay_constant_per_h
    gray_per_MBq_h = delta_mGy_g_per_MBq_h(nuclide.electron_MeV) / mass_g / 1000
    return ScenarioDose(total + tail, (total + tail) * gray_per_MBq_h, tail / (total + tail))
