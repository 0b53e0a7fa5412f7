"""Values of point kernels: energy deposited by distance, of one kind of radiation and of a nuclide."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

from theratrial.errors import InputError
from theratrial.nuclides.library import nuclide as known_nuclide
from theratrial.reference import table_from_text
from theratrial.trace import Trace

Float64 = NDArray[np.float64]

METHOD: Final = "dosimetry.transport.point_kernel"
VERSION: Final = "1"


@cache
def medium_density_g_per_mL(medium: str) -> float:
    """Shipped density of a medium [g/mL], read without the cross sections that a finished kernel does not need.

    Raises
    ------
    InputError
        If there is no such medium.
    """
    path = files("theratrial.dosimetry.transport").joinpath("data", "media.csv")
    rows = table_from_text(path.read_text(encoding="utf-8"), "dosimetry/transport/media").rows
    densities = {row.text("medium"): row.number("density_g_per_mL") for row in rows}
    if medium not in densities:
        raise InputError(f"no medium {medium!r}; known are {', '.join(sorted(densities))}")
    return densities[medium]


@dataclass(frozen=True, slots=True, eq=False)
class RadialDeposition:
    """Energy deposited per decay by distance from a point source in an infinite medium.

    Parameters
    ----------
    edges_g_per_cm2
        ``(n + 1,)`` shell boundaries, from 0 [g/cm2].
    energy_keV, sd_keV
        ``(n,)`` in each shell per decay, with the statistical standard deviation [keV].
    emitted_keV
        Of these particles, per decay [keV].
    lost_keV
        Turned into bremsstrahlung (electrons) or carried beyond the last shell (photons) per decay [keV].
    """

    medium: str
    edges_g_per_cm2: Float64
    energy_keV: Float64
    sd_keV: Float64
    emitted_keV: float
    lost_keV: float

    def __post_init__(self) -> None:
        if self.edges_g_per_cm2[0] != 0 or np.diff(self.edges_g_per_cm2).min() <= 0:
            raise InputError("shells of a radial deposition start at 0 and rise")
        if len(self.energy_keV) + 1 != len(self.edges_g_per_cm2) or self.energy_keV.min() < 0:
            raise InputError("a radial deposition has one energy, not negative, per shell")

    @property
    def deposited_keV(self) -> float:
        """In all shells per decay [keV]."""
        return float(self.energy_keV.sum())


@dataclass(frozen=True, slots=True, eq=False)
class PointKernel:
    """Energy deposited per decay by distance from a point source in an infinite uniform medium.

    Distances are mass per area, so that one kernel serves every density of the medium.

    Parameters
    ----------
    electron
        Electrons and positrons, without their bremsstrahlung.
    photon
        Gamma, x and annihilation photons and bremsstrahlung.
    source
        For a trace: the shipped table, or how it was made.
    """

    nuclide: str
    medium: str
    electron: RadialDeposition
    photon: RadialDeposition
    source: str

    @property
    def trace(self) -> Trace:
        """How the kernel came about."""
        return Trace(
            METHOD,
            VERSION,
            {"kernel": self.source, "decay_data": known_nuclide(self.nuclide).source},
        )


def energy_within_keV(deposition: RadialDeposition, radius_mm: float, density_g_per_mL: float) -> float:
    """Energy per decay deposited within a radius [keV]; uniform by radius inside a shell.

    Raises
    ------
    InputError
        If the radius is beyond the kernel and it still has photons to deposit.
    """
    at = radius_mm / 10 * density_g_per_mL
    if at < 0 or (at > deposition.edges_g_per_cm2[-1] and deposition.lost_keV > 1e-3 * deposition.emitted_keV):
        largest_mm = deposition.edges_g_per_cm2[-1] * 10 / density_g_per_mL
        raise InputError(f"radius {radius_mm} mm is negative or beyond the kernel's {largest_mm:.0f} mm")
    return float(np.interp(at, deposition.edges_g_per_cm2, np.r_[0.0, np.cumsum(deposition.energy_keV)]))
