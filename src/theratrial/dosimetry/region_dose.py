"""The front door: from the points of a region in one session to its absorbed dose."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from theratrial.dosimetry.absorbed_dose import AbsorbedDose, absorbed_dose
from theratrial.dosimetry.curve import TimeActivityCurve, time_activity_curve
from theratrial.dosimetry.plan import DosePlan
from theratrial.dosimetry.points import TimeActivityPoint
from theratrial.dosimetry.time_integrated import TimeIntegratedActivity, time_integrated_activity
from theratrial.errors import InputError
from theratrial.nuclides import Nuclide
from theratrial.trace import Trace


@dataclass(frozen=True, slots=True)
class RegionDose:
    """Curve, time-integrated activity and absorbed dose of a region in one session."""

    region: str
    curve: TimeActivityCurve
    tia: TimeIntegratedActivity
    dose: AbsorbedDose

    @property
    def trace(self) -> Trace:
        """Of the dose, which names every input of the steps before it."""
        return self.dose.trace


def _require_possible(
    points: Sequence[TimeActivityPoint], region: str, nuclide: Nuclide, administered_MBq: float, plan: DosePlan
) -> None:
    for point in points:
        hours = point.hours_after_administration
        left = administered_MBq * nuclide.fraction_left(hours)
        common = point.common_relative_sd if point.common_relative_sd is not None else plan.calibration_relative_sd
        # Three standard deviations, and 20 % where the calibration's is not known: beyond it is a unit or an injection.
        noise = 3 * math.hypot(point.uncorrelated_relative_sd, common or 0.0) if common is not None else 0.2
        if point.activity_MBq > left * (1 + noise + 1e-9):
            raise InputError(
                f"region {region} holds {point.activity_MBq:.4g} MBq at {hours:.4g} h, but only {left:.4g} MBq are "
                f"left of {administered_MBq:.4g} MBq administered; check units, injection time and decay correction"
            )


def region_dose(
    points: Sequence[TimeActivityPoint],
    *,
    region: str,
    nuclide: Nuclide,
    administered_activity_MBq: float,
    mass_g: float,
    plan: DosePlan,
    mass_source: str = "as given",
) -> RegionDose:
    """Absorbed dose of a region in one session from its activities at scan times.

    Assumes one exponential and local deposition of electrons; see the pages of docs/methods. No point is an
    undetermined dose, not a dose of zero.

    Parameters
    ----------
    points
        In any order; activities at scan time [MBq], hours after administration.
    administered_activity_MBq
        At the time of administration, net of the residual.
    mass_g
        Of the region [g].

    Raises
    ------
    InputError
        If times are equal or before administration, an activity is negative or exceeds what is left of the administered
        activity, the mass or the administered activity is not positive, or a point is of another nuclide.
    NumericalError
        For alpha emitters.

    Examples
    --------
    >>> from theratrial.nuclides import nuclide
    >>> plan = DosePlan(clearance_significance=0.95, maximum_extrapolated_fraction=0.9, model_relative_sd=0.1)
    >>> points = [TimeActivityPoint(24, 100, 0.02), TimeActivityPoint(48, 70.710678, 0.02)]
    >>> liver = region_dose(points, region="liver", nuclide=nuclide("Lu-177"), administered_activity_MBq=7400,
    ...                     mass_g=1400, plan=plan)
    >>> round(liver.tia.time_integrated_activity_MBq_h), round(liver.dose.absorbed_dose_Gy, 3)
    (9793, 0.597)
    """
    if not (math.isfinite(administered_activity_MBq) and administered_activity_MBq > 0):
        raise InputError(f"administered activity must be above 0 MBq, got {administered_activity_MBq}")
    curve = time_activity_curve(points, nuclide, plan, administered_activity_MBq=administered_activity_MBq)
    tia = time_integrated_activity(curve, plan, administered_activity_MBq=administered_activity_MBq)
    _require_possible(curve.points, region, nuclide, administered_activity_MBq, plan)
    dose = absorbed_dose(tia, nuclide, plan, region=region, mass_g=mass_g, mass_source=mass_source)
    return RegionDose(region=region, curve=curve, tia=tia, dose=dose)
