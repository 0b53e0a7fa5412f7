"""What every route from counts to activity gives: the activity of a region at a scan, and why it is not exact."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from theratrial.errors import InputError
from theratrial.trace import Trace

Route = Literal["spect", "planar", "hybrid"]
"""How counts became activity: SPECT/CT, planar conjugate view, planar time points scaled to one SPECT/CT."""

COMMON_PARTS: Final = ("calibration", "attenuation", "recovery", "scaling")
"""Contributions that all scans of a session share; every other one is independent from scan to scan."""


@dataclass(frozen=True, slots=True)
class Part:
    """One contribution to a relative standard deviation.

    Parameters
    ----------
    name
        ``counts``, ``repeatability``, ``background``, ``overlap``, ``scatter``, ``dead_time``, ``registration`` (each
        scan its own) or one of `COMMON_PARTS` (shared by the scans of a session).
    relative_sd
        Relative standard deviation [fraction of the activity].
    why
        Where the figure comes from, in words.
    """

    name: str
    relative_sd: float
    why: str = ""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.relative_sd) and self.relative_sd >= 0):
            raise InputError(f"contribution {self.name}: relative standard deviation {self.relative_sd} cannot be")

    @property
    def is_common(self) -> bool:
        """Whether all scans of a session share it."""
        return self.name in COMMON_PARTS


@dataclass(frozen=True, slots=True)
class MeasuredActivity:
    """Activity of a region at the time of a scan by one route.

    Parameters
    ----------
    activity_MBq
        At scan time, physical decay included, never negative [MBq].
    volume_mL
        Of the region [mL]; None where the route sees no volume.
    parts
        Contributions to its uncertainty that are known.
    not_in_interval
        Contributions whose size is not known, in words; never taken as zero silently.
    warnings
        What a physicist should know (dead time outside its range, view not confirmed, registration poor).
    """

    region: str
    route: Route
    activity_MBq: float
    acquired_at: datetime
    nuclide: str
    parts: tuple[Part, ...]
    trace: Trace
    volume_mL: float | None = None
    not_in_interval: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (math.isfinite(self.activity_MBq) and self.activity_MBq >= 0):
            raise InputError(
                f"region {self.region}: activity {self.activity_MBq} MBq cannot be; check scatter and background"
            )
        if self.acquired_at.tzinfo is None:
            raise InputError("the time of a scan carries its time zone")

    @property
    def uncorrelated_relative_sd(self) -> float:
        """Of what is independent from scan to scan."""
        return math.hypot(*(part.relative_sd for part in self.parts if not part.is_common))

    @property
    def common_relative_sd(self) -> float:
        """Of what all scans of a session share."""
        return math.hypot(*(part.relative_sd for part in self.parts if part.is_common))
