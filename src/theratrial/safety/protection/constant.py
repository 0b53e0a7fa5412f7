"""Dose rate constant of a nuclide, from its photons."""

from __future__ import annotations

import math
from functools import cache
from typing import Final

from theratrial.errors import SourceError
from theratrial.nuclides import Nuclide
from theratrial.reference import table

COEFFICIENTS: Final = "safety/ambient_dose_coefficients"
LOWEST_keV: Final = 20.0
"""Photons below do not leave a body; the usual constants leave them out as well."""


@cache
def _nodes() -> tuple[tuple[float, ...], tuple[float, ...]]:
    rows = tuple(table(COEFFICIENTS))
    energies = tuple(math.log(row.number("energy_keV")) for row in rows)
    return energies, tuple(math.log(row.number("h10_pSv_cm2")) for row in rows)


def ambient_dose_coefficient_pSv_cm2(energy_keV: float) -> float:
    """Ambient dose equivalent H*(10) per fluence of photons of one energy [pSv cm2].

    Examples
    --------
    >>> round(ambient_dose_coefficient_pSv_cm2(208.37), 3)
    1.25
    """
    energies, values = _nodes()
    at = math.log(energy_keV)
    if not energies[0] <= at <= energies[-1]:
        raise SourceError(f"table {COEFFICIENTS} has no coefficient for {energy_keV:g} keV")
    upper = next(index for index in range(1, len(energies)) if at <= energies[index])
    share = (at - energies[upper - 1]) / (energies[upper] - energies[upper - 1])
    return math.exp(values[upper - 1] + share * (values[upper] - values[upper - 1]))


def dose_rate_constant_uSv_m2_per_MBq_h(isotope: Nuclide, *, lowest_keV: float = LOWEST_keV) -> float:
    """Ambient dose equivalent rate at 1 m in air from 1 MBq, unshielded [uSv m2 / (MBq h)].

    Assumes a point, no absorption in the source and no bremsstrahlung; photons of the nuclide itself, not of progeny.

    References
    ----------
    ICRP Publication 74 (1996), Table A.21; ICRP Publication 107 (2008).

    Examples
    --------
    >>> from theratrial.nuclides import nuclide
    >>> round(dose_rate_constant_uSv_m2_per_MBq_h(nuclide("177Lu")), 5)
    0.00629
    """
    per_decay_pSv_cm2 = math.fsum(
        line.yield_per_decay * ambient_dose_coefficient_pSv_cm2(line.energy_keV)
        for line in isotope.photon_lines
        if line.energy_keV >= lowest_keV
    )
    # 1e6 decays/s for 3600 s over a sphere of 1 m, 4 pi 1e4 cm2; pSv to uSv.
    return per_decay_pSv_cm2 * 1e6 * 3600 / (4 * math.pi * 1e4) * 1e-6
