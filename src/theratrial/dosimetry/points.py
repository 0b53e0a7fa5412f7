"""One point of a time-activity curve."""

from __future__ import annotations

import math
from dataclasses import dataclass

from theratrial.dosimetry.plan import checked_relative_sd
from theratrial.errors import InputError


@dataclass(frozen=True, slots=True)
class TimeActivityPoint:
    """Activity of a region at the time of a scan, physical decay included.

    Parameters
    ----------
    hours_after_administration
        Not negative [h].
    activity_MBq
        At scan time, not negative [MBq]. Zero is a measured zero; a scan that was not made is no point.
    uncorrelated_relative_sd
        Independent from scan to scan (counting noise, repeatability of the region).
    common_relative_sd
        Shared by all scans (calibration); None means not known.
    source
        For the trace: ``sha256:...`` of the series, or ``value:<key>``.
    nuclide
        As the image says; "" where it is not an image's. Compared with that of the dose.
    """

    hours_after_administration: float
    activity_MBq: float
    uncorrelated_relative_sd: float
    common_relative_sd: float | None = None
    source: str = ""
    nuclide: str = ""

    def __post_init__(self) -> None:
        hours, activity = self.hours_after_administration, self.activity_MBq
        if not math.isfinite(hours) or hours < 0:
            raise InputError(
                f"a scan {hours} h after administration is not after it; check the times of scan and injection"
            )
        if not math.isfinite(activity) or activity < 0:
            raise InputError(
                f"activity {activity} MBq at {hours} h cannot be; check scatter and background corrections"
            )
        checked_relative_sd(self.uncorrelated_relative_sd, f"uncorrelated uncertainty of the point at {hours} h")
        if self.common_relative_sd is not None:
            checked_relative_sd(self.common_relative_sd, f"common uncertainty of the point at {hours} h")
