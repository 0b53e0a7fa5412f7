"""Photons of a decay in an infinite uniform medium: energy deposited by distance from a point source."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from theratrial.dosimetry.transport.cross_sections import HIGHEST_keV, LOWEST_keV, PhotonTables, photon_tables
from theratrial.dosimetry.transport.electrons import BATCHES
from theratrial.dosimetry.transport.electrons_stopping import (
    collision_stopping_MeV_cm2_per_g,
    radiative_stopping_MeV_cm2_per_g,
)
from theratrial.dosimetry.transport.photons import (
    after_interaction,
    attenuation_per_cm,
    free_path_cm,
    isotropic_direction,
)
from theratrial.dosimetry.transport.point_kernels_values import RadialDeposition
from theratrial.dosimetry.transport.spectra import ElectronSpectrum, energies_at, particles_per_decay
from theratrial.errors import InputError

Float64 = NDArray[np.float64]

LARGEST_g_per_cm2: Final = 40.0
"""Of the kernel; photons are followed to half as far again, from where hardly any comes back."""
_SMALLEST_g_per_cm2: Final = 1e-3
_FOLLOWED: Final = 1.5
_SHELLS: Final = 200


@dataclass(frozen=True, slots=True, eq=False)
class PhotonLines:
    """Energies [keV] and yields per decay of photons that leave a point."""

    energy_keV: Float64
    per_decay: Float64

    @property
    def total_keV(self) -> float:
        """Energy per decay [keV]."""
        return float(self.energy_keV @ self.per_decay)


def bremsstrahlung_lines(spectrum: ElectronSpectrum, medium: str, bins: int = 48) -> PhotonLines:
    """Bremsstrahlung of the electrons of a decay that stop in a medium, as lines.

    Assumes continuous slowing down, photons that leave from the decay itself (electron ranges are small against
    photon paths), and Kramers's spectrum: the energy radiated at an electron energy is uniform up to it.
    """
    energy, _ = energies_at(spectrum, (np.arange(20000) + 0.5) / 20000)
    highest = float(energy.max())
    if highest <= 2 * LOWEST_keV:
        return PhotonLines(np.empty(0), np.empty(0))
    grid = np.geomspace(LOWEST_keV, highest, 600)
    starting_above = (1 - np.searchsorted(np.sort(energy), grid) / len(energy)) * particles_per_decay(spectrum)
    radiative = radiative_stopping_MeV_cm2_per_g(medium, grid / 1000)
    losses = collision_stopping_MeV_cm2_per_g(medium, grid / 1000) + radiative
    # Integral over electron energies above k of track length times radiated energy per photon energy.
    per_keV = starting_above / losses * radiative / grid
    steps = (per_keV[1:] + per_keV[:-1]) / 2 * np.diff(grid)
    intensity = np.r_[np.cumsum(steps[::-1])[::-1], 0.0]
    edges = np.geomspace(LOWEST_keV, highest, bins + 1)
    middle = np.sqrt(edges[1:] * edges[:-1])
    radiated = np.interp(middle, grid, intensity) * np.diff(edges)
    return PhotonLines(middle, radiated / middle)


@njit(cache=True)
def _deposit(
    energies: Float64, weights: Float64, tables: PhotonTables, smallest: float, largest: float, shells: int, rng: Any
) -> tuple[Float64, float]:
    """Energy per shell and energy carried beyond the last, weighted sums over all photons [keV]."""
    deposit = np.zeros(shells)
    beyond = 0.0
    scale = (shells - 1) / math.log(largest / smallest)
    end = (1.5 * largest) ** 2
    for history in range(len(energies)):
        energy, weight = energies[history], weights[history]
        direction = isotropic_direction(rng)
        x = y = z = 0.0
        while energy > 0.0:
            # The tables stand at density 1: paths in cm are g/cm2.
            path = free_path_cm(rng, attenuation_per_cm(tables, 0, energy))
            x += path * direction[0]
            y += path * direction[1]
            z += path * direction[2]
            squared = x * x + y * y + z * z
            if squared > end:
                beyond += energy * weight
                break
            left, direction = after_interaction(rng, tables, 0, energy, direction)
            radius = math.sqrt(squared)
            if radius > largest:
                beyond += (energy - left) * weight
            else:
                shell = 0
                if radius > smallest:
                    shell = min(int(math.log(radius / smallest) * scale) + 1, shells - 1)
                deposit[shell] += (energy - left) * weight
            energy = left
    return deposit, beyond


def shell_edges_g_per_cm2() -> Float64:
    """Boundaries of the photon shells [g/cm2]: 0, then logarithmic from 0.001 to 40."""
    return np.r_[0.0, np.geomspace(_SMALLEST_g_per_cm2, LARGEST_g_per_cm2, _SHELLS)]


def photon_deposition(lines: PhotonLines, medium: str, *, histories: int, rng: np.random.Generator) -> RadialDeposition:
    """Energy that photons deposit by distance in an infinite medium.

    Assumes electrons set in motion stop where they are. Lines are drawn by yield times the root of energy, weighted
    back; photons below 1 keV stay at the source.

    Raises
    ------
    InputError
        If there are fewer histories than batches or a photon is above 3 MeV.
    """
    if histories < BATCHES:
        raise InputError(f"a photon kernel needs at least {BATCHES} histories, got {histories}")
    if len(lines.energy_keV) and lines.energy_keV.max() > HIGHEST_keV:
        raise InputError(f"a photon of {lines.energy_keV.max()} keV is above the cross sections' {HIGHEST_keV} keV")
    edges = shell_edges_g_per_cm2()
    followed = (lines.energy_keV > LOWEST_keV) & (lines.per_decay > 0)
    local_keV = float((lines.energy_keV * lines.per_decay)[~followed].sum())
    results, beyond = np.zeros((BATCHES, _SHELLS)), 0.0
    if followed.any():
        energy, number = lines.energy_keV[followed], lines.per_decay[followed]
        drawn = number * np.sqrt(energy)
        share = np.cumsum(drawn) / drawn.sum()
        weight = number / (drawn / drawn.sum())
        tables = photon_tables([medium], [1.0])
        each = histories // BATCHES
        for batch in range(BATCHES):
            index = np.searchsorted(share, (np.arange(each) + rng.random(each)) / each).clip(max=len(share) - 1)
            weights = weight[index] * (float(energy @ number) / float((energy * weight)[index].mean()))
            results[batch], away = _deposit(
                energy[index], weights / each, tables, _SMALLEST_g_per_cm2, LARGEST_g_per_cm2, _SHELLS, rng
            )
            beyond += away / BATCHES
    mean, sd = results.mean(0), results.std(0, ddof=1) / math.sqrt(BATCHES)
    mean[0] += local_keV
    return RadialDeposition(medium, edges, mean, sd, lines.total_keV, beyond)
