"""How much of a voxel-wise map does not rest on a clearance of its own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HeldClearance:
    """Shares of a voxel-wise map, all as fractions.

    "Activity" is the sum of absolute voxel activities at the first scan, "tia" that of the time-integrated activities.
    """

    held_activity_fraction: float
    """In voxels whose fitted clearance was slower than physical decay (rising ones included) and held to it."""
    held_tia_fraction: float
    unfitted_activity_fraction: float
    """In voxels with a value of zero or below in some scan: no exponential; physical decay through their mean."""
    unfitted_tia_fraction: float
    before_first_scan_tia_fraction: float
    """Share of the time-integrated activity that is extrapolated back from the first scan to administration."""

    @property
    def text(self) -> str:
        """In words."""
        return (
            f"voxels fitted one by one: {self.held_activity_fraction:.1%} of the activity "
            f"({self.held_tia_fraction:.1%} of the time-integrated activity) held to physical decay, "
            f"{self.unfitted_activity_fraction:.1%} ({self.unfitted_tia_fraction:.1%}) without an exponential, "
            f"{self.before_first_scan_tia_fraction:.1%} of the time-integrated activity before the first scan"
        )
