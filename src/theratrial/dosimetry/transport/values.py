"""What transport gives to dosimetry: S values per phantom and voxel kernels, by kind of radiation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from theratrial.errors import InputError
from theratrial.trace import Trace


@dataclass(frozen=True, slots=True)
class SValue:
    """Absorbed dose of a target per time-integrated activity of a source, by kind of radiation [Gy/(MBq h)].

    `photon_relative_sd` is the statistical relative standard deviation of the photon part; 0 for a printed table that
    states none only if `SValueTable.statistics_known` is False.
    """

    electron_Gy_per_MBq_h: float
    """Beta particles, conversion and Auger electrons, positrons."""
    photon_Gy_per_MBq_h: float
    """Gamma, x and annihilation photons."""
    alpha_Gy_per_MBq_h: float = 0.0
    """Absorbed, not weighted; never added to the others without saying so."""
    photon_relative_sd: float = 0.0

    def __post_init__(self) -> None:
        for value in (self.electron_Gy_per_MBq_h, self.photon_Gy_per_MBq_h, self.alpha_Gy_per_MBq_h):
            if not (math.isfinite(value) and value >= 0):
                raise InputError(f"an S value of {value} Gy/(MBq h) cannot be")

    @property
    def total_Gy_per_MBq_h(self) -> float:
        """All radiation, unweighted [Gy/(MBq h)]."""
        return self.electron_Gy_per_MBq_h + self.photon_Gy_per_MBq_h + self.alpha_Gy_per_MBq_h


@dataclass(frozen=True, slots=True)
class SValueTable:
    """S values of one nuclide in one phantom.

    Parameters
    ----------
    masses_g
        Region -> reference mass of the phantom [g].
    values
        ``(target, source)`` -> `SValue`. A pair that is absent is not known, never zero.
    parts_known
        False for a user's table that gives totals only; then everything stands in `electron_Gy_per_MBq_h` and the
        parts must not be shown apart.
    """

    phantom: str
    sex: str
    nuclide: str
    masses_g: Mapping[str, float]
    values: Mapping[tuple[str, str], SValue]
    source: str
    """For a trace: ``table:<name>@<edition>`` or ``sha256:<hash of the user's file>``."""
    statistics_known: bool = True
    parts_known: bool = True
    notes: tuple[str, ...] = field(default_factory=tuple)

    def value(self, target: str, source: str) -> SValue:
        """The S value of a pair.

        Raises
        ------
        InputError
            If the table does not have the pair: what is not known is not zero.
        """
        try:
            return self.values[target, source]
        except KeyError:
            raise InputError(f"S table {self.source} has no value for {target} <- {source}") from None


@dataclass(frozen=True, slots=True, eq=False)
class VoxelKernel:
    """Absorbed dose around a voxel of uniform activity per time-integrated activity in it [Gy/(MBq h)].

    Parameters
    ----------
    electron, photon
        ``(nz, ny, nx)`` float64, all odd, source voxel in the middle, in a uniform medium.
    spacing_mm
        ``(dz, dy, dx)``, any, anisotropic included.
    """

    nuclide: str
    medium: str
    density_g_per_mL: float
    spacing_mm: tuple[float, float, float]
    electron_Gy_per_MBq_h: NDArray[np.float64]
    photon_Gy_per_MBq_h: NDArray[np.float64]
    trace: Trace

    def __post_init__(self) -> None:
        if self.electron_Gy_per_MBq_h.ndim != 3 or any(n % 2 == 0 for n in self.electron_Gy_per_MBq_h.shape):
            raise InputError("a voxel kernel has three odd dimensions with the source voxel in the middle")
        if any(n % 2 == 0 for n in self.photon_Gy_per_MBq_h.shape):
            raise InputError("a voxel kernel has three odd dimensions with the source voxel in the middle")
        if not (math.isfinite(self.density_g_per_mL) and self.density_g_per_mL > 0) or min(self.spacing_mm) <= 0:
            raise InputError("a voxel kernel needs a positive density and positive voxel sizes")

    @property
    def voxel_mass_g(self) -> float:
        """Mass of one voxel of the kernel's medium [g]."""
        dz, dy, dx = self.spacing_mm
        return dz * dy * dx / 1000 * self.density_g_per_mL
