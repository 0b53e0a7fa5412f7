"""Dose rates measured at a patient: net of the background, referred to 1 m, and what is wrong with them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from theratrial.errors import InputError
from theratrial.safety.protection.geometry import Geometry, distance_factor

READING_SD_FRACTION: Final = 0.10
"""Relative standard deviation of one reading: position, breathing and fluctuation; own choice, no instrument's."""
_HIGHEST_uSv_per_h: Final = 10_000.0


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of an instrument at the patient."""

    hours_after: float
    distance_m: float
    dose_rate_uSv_per_h: float
    background_uSv_per_h: float | None = None
    source: str = ""
    """Where it is recorded."""

    def __post_init__(self) -> None:
        if not math.isfinite(self.hours_after) or self.hours_after < 0:
            raise InputError(
                f"dose rate {self.hours_after:+.2f} h after the administration: a reading before it says nothing of "
                "the patient's activity -> correct the time, or give it as background"
            )
        if not 0 <= self.dose_rate_uSv_per_h <= _HIGHEST_uSv_per_h:
            raise InputError(
                f"dose rate {self.dose_rate_uSv_per_h:g} uSv/h at {self.hours_after:g} h: allowed are 0 to "
                f"{_HIGHEST_uSv_per_h:g} uSv/h -> check sign and unit (mSv/h?)"
            )
        if self.background_uSv_per_h is not None and not 0 <= self.background_uSv_per_h <= _HIGHEST_uSv_per_h:
            raise InputError(
                f"background {self.background_uSv_per_h:g} uSv/h at {self.hours_after:g} h is negative or not "
                "believable -> correct it, or leave it empty"
            )


@dataclass(frozen=True, slots=True)
class NetRate:
    """A reading net of its background, at 1 m."""

    hours_after: float
    dose_rate_uSv_per_h: float
    relative_sd: float
    source: str


def net_rates(
    readings: Sequence[Reading], geometry: Geometry = "line", reading_sd_fraction: float = READING_SD_FRACTION
) -> tuple[tuple[NetRate, ...], tuple[str, ...]]:
    """The readings at 1 m, in order of time, and what is to be said of those left out or doubtful.

    A reading that is not two standard deviations above its background says nothing of the fall and is left out. A
    reading without background is taken as it is: the dose rate is then too high and falls too slowly.
    """
    if not 0 < reading_sd_fraction < 1:
        raise InputError(f"relative standard deviation of a reading {reading_sd_fraction:g}: it lies between 0 and 1")
    found, remarks = [], []
    for one in sorted(readings, key=lambda reading: (reading.hours_after, reading.distance_m)):
        background = one.background_uSv_per_h or 0.0
        net = one.dose_rate_uSv_per_h - background
        sd = reading_sd_fraction * math.hypot(one.dose_rate_uSv_per_h, background)
        if net <= 2 * sd and (background or not net):
            remarks.append(
                f"reading at {one.hours_after:g} h ({one.dose_rate_uSv_per_h:g} uSv/h, background {background:g}) "
                "is not above the background and is left out"
            )
            continue
        if one.background_uSv_per_h is None:
            remarks.append(f"reading at {one.hours_after:g} h has no background: nothing is subtracted")
        factor = distance_factor(one.distance_m, geometry)
        found.append(NetRate(one.hours_after, net / factor, sd / net, one.source))
    return tuple(found), tuple(remarks)
