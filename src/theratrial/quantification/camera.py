"""Planar sensitivity of a gamma camera: counts per second and MBq in air, as a dated record with its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from theratrial.errors import InputError
from theratrial.nuclides import nuclide_name


@dataclass(frozen=True, slots=True)
class PlanarSensitivity:
    """What a source of known activity in air gave, head by head.

    Parameters
    ----------
    camera
        As the site names it; a record of one camera is never used for another.
    window
        Energy window it holds for, in words (``photopeak 208 keV, 20 %``).
    anterior_cps_per_MBq, posterior_cps_per_MBq
        Of the head that sees the front and the one that sees the back, without scatter and attenuation [cps/MBq].
        Where one mean was measured, both are that mean.
    relative_sd
        Relative standard deviation of either [fraction].
    valid_from
        First day on which it holds; a later record of the same camera and nuclide takes over on its own day.
    geometry
        How it was measured (``Petri dish of 10 cm, 10 cm from the collimator, in air``).
    source
        For the trace: ``record:<file>#<line>`` or ``given:<text>``.
    """

    camera: str
    nuclide: str
    window: str
    anterior_cps_per_MBq: float
    posterior_cps_per_MBq: float
    relative_sd: float
    valid_from: date
    geometry: str
    source: str

    def __post_init__(self) -> None:
        for head, value in (("anterior", self.anterior_cps_per_MBq), ("posterior", self.posterior_cps_per_MBq)):
            if not (math.isfinite(value) and value > 0):
                raise InputError(
                    f"camera {self.camera}: sensitivity of the {head} head is {value} cps/MBq; a positive number is "
                    "needed -> measure a source of known activity in air"
                )
        if not 0 < self.relative_sd < 0.5:
            raise InputError(
                f"camera {self.camera}: relative standard deviation {self.relative_sd} of the sensitivity; allowed is "
                "above 0 and below 0.5 -> state what the calibration gave"
            )
        if not self.geometry.strip():
            raise InputError(f"camera {self.camera}: a sensitivity without geometry cannot be judged -> state it")
        object.__setattr__(self, "nuclide", nuclide_name(self.nuclide))

    @property
    def cps_per_MBq(self) -> float:
        """Geometric mean of both heads [cps/MBq], which is what a geometric mean of counts is divided by."""
        return math.sqrt(self.anterior_cps_per_MBq * self.posterior_cps_per_MBq)


def sensitivity_in_force(
    records: Sequence[PlanarSensitivity], *, camera: str, nuclide: str, at: datetime
) -> PlanarSensitivity:
    """The record of that camera and nuclide with the latest `valid_from` not after the scan.

    Raises
    ------
    InputError
        If no record holds on that day, or two start on the same one.
    """
    wanted = nuclide_name(nuclide)
    own = [r for r in records if r.camera == camera and r.nuclide == wanted]
    if not own:
        known = ", ".join(sorted({f"{r.camera} with {r.nuclide}" for r in records})) or "none"
        raise InputError(
            f"no planar sensitivity of camera {camera!r} for {wanted}; known are {known} -> counts are no activity "
            "without it: add the record of its calibration"
        )
    past = [r for r in own if r.valid_from <= at.date()]
    if not past:
        raise InputError(
            f"camera {camera!r}: the first planar sensitivity for {wanted} holds from "
            f"{min(r.valid_from for r in own)}, the scan was on {at.date()} -> add the record in force that day"
        )
    latest = max(r.valid_from for r in past)
    chosen = [r for r in past if r.valid_from == latest]
    if len(chosen) > 1:
        raise InputError(f"camera {camera!r}: {len(chosen)} sensitivities for {wanted} start on {latest} -> keep one")
    return chosen[0]
