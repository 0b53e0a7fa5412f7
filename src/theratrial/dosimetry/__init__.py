"""From activities at scan times to absorbed dose: curve with determinacy, time-integrated activity, dose, sum."""

from theratrial.dosimetry.absorbed_dose import AbsorbedDose, CumulativeDose, absorbed_dose, cumulative, region_mass_g
from theratrial.dosimetry.activity import RegionActivity, region_activity
from theratrial.dosimetry.curve import Determinacy, TimeActivityCurve, time_activity_curve
from theratrial.dosimetry.plan import DosePlan
from theratrial.dosimetry.points import TimeActivityPoint
from theratrial.dosimetry.region_dose import RegionDose, region_dose
from theratrial.dosimetry.time_integrated import TimeIntegratedActivity, time_integrated_activity

__all__ = [
    "AbsorbedDose",
    "CumulativeDose",
    "Determinacy",
    "DosePlan",
    "RegionActivity",
    "RegionDose",
    "TimeActivityCurve",
    "TimeActivityPoint",
    "TimeIntegratedActivity",
    "absorbed_dose",
    "cumulative",
    "region_activity",
    "region_dose",
    "region_mass_g",
    "time_activity_curve",
    "time_integrated_activity",
]
