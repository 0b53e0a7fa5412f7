"""What the protocol says about how a dose is computed, as numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

from theratrial.errors import InputError


def checked_relative_sd(value: float, what: str) -> float:
    """`value` if it can be a relative standard deviation.

    Raises
    ------
    InputError
        If it is negative, not finite or above 1 (a percentage given as a fraction).
    """
    if not (math.isfinite(value) and 0 <= value <= 1):
        raise InputError(f"{what} must be a relative standard deviation from 0 to 1 (0.05 is 5 %), got {value}")
    return value


@dataclass(frozen=True, slots=True)
class DosePlan:
    """Parameters of the protocol's dosimetry; none has a default that would be a clinical decision of ours.

    Parameters
    ----------
    clearance_significance
        One-sided confidence at which clearance or uptake is told from physical decay.
    maximum_extrapolated_fraction
        Largest share of the time-integrated activity after the last scan for a curve to be determined.
    model_relative_sd
        Relative standard deviation for kinetics that the scan times cannot see.
    calibration_relative_sd
        Used for points whose camera states none. None: not known, and results say that it is not in their interval.
    mass_relative_sd
        Of the region's mass. None: not known, said likewise.
    clause
        Where the plan stands, for traces.
    demonstration
        Clause ids of the plan that are only demonstration assumptions.
    slow_phase_probability
        Chance that clearance seen between the scans does not go on after the last of them, and only physical decay acts
        from there. It raises the upper end of determined curves; 0 takes the fitted curve at its word.
    """

    clearance_significance: float
    maximum_extrapolated_fraction: float
    model_relative_sd: float
    calibration_relative_sd: float | None = None
    mass_relative_sd: float | None = None
    clause: str = "protocol:dosimetry"
    demonstration: tuple[str, ...] = ()
    slow_phase_probability: float = 0.0

    def __post_init__(self) -> None:
        if not 0.5 < self.clearance_significance < 1:
            raise InputError(
                f"clearance_significance must lie between 0.5 and 1 (0.95 usual), got {self.clearance_significance}"
            )
        if not 0 < self.maximum_extrapolated_fraction <= 1:
            raise InputError(
                f"maximum_extrapolated_fraction must lie in (0, 1], got {self.maximum_extrapolated_fraction}"
            )
        checked_relative_sd(self.model_relative_sd, "model_relative_sd")
        for name in ("calibration_relative_sd", "mass_relative_sd"):
            if (value := getattr(self, name)) is not None:
                checked_relative_sd(value, name)
        if not 0 <= self.slow_phase_probability <= 1:
            raise InputError(f"slow_phase_probability must lie from 0 to 1, got {self.slow_phase_probability}")
