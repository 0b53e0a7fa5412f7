"""One photon's steps: free path, kind of interaction, scattering; compiled, and alike for voxels, shapes and spheres.

Every function takes a numpy Generator, so that a batch of histories is repeated exactly from its seed. Electrons set in
motion deposit where they are (their range in soft tissue is 0.4 mm at 200 keV, 1.8 mm at 500 keV, 4.4 mm at 1 MeV); so
do fluorescence and Auger electrons of these light elements.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit

from theratrial.dosimetry.transport.cross_sections import (
    ELECTRON_REST_keV,
    Float64,
    HC_keV_ANGSTROM,
    PhotonTables,
)

CUT_OFF_keV: Final = 1.0
"""Below it a photon is absorbed where it is: its mean free path in tissue is under 3 micrometres."""
PHOTOELECTRIC: Final = 0
INCOHERENT: Final = 1
COHERENT: Final = 2
_LOWEST_X_PER_ANGSTROM: Final = 1e-3


@njit(cache=True)
def coefficient_cm2_per_g(table: Float64, energy_step: float, medium: int, energy_keV: float) -> float:
    """Value of one of the tables of `PhotonTables` at an energy; the end of the grid beyond it."""
    last = table.shape[1] - 2
    place = math.log(energy_keV) / energy_step
    cell = min(max(int(place), 0), last)
    part = min(max(place - cell, 0.0), 1.0)
    return table[medium, cell] * (1.0 - part) + table[medium, cell + 1] * part


@njit(cache=True)
def attenuation_per_cm(tables: PhotonTables, medium: int, energy_keV: float) -> float:
    """Linear attenuation coefficient at the medium's tabled density [1/cm]."""
    mass = coefficient_cm2_per_g(tables.total_cm2_per_g, tables.energy_step, medium, energy_keV)
    return mass * tables.density_g_per_mL[medium]


@njit(cache=True)
def free_path_cm(rng: np.random.Generator, attenuation_per_cm: float) -> float:
    """Distance to the next interaction where attenuation is uniform [cm]."""
    return -math.log(1.0 - rng.random()) / attenuation_per_cm


@njit(cache=True)
def interaction(rng: np.random.Generator, tables: PhotonTables, medium: int, energy_keV: float) -> int:
    """Kind of the interaction that takes place: PHOTOELECTRIC, INCOHERENT or COHERENT."""
    step = tables.energy_step
    drawn = rng.random() * coefficient_cm2_per_g(tables.total_cm2_per_g, step, medium, energy_keV)
    drawn -= coefficient_cm2_per_g(tables.incoherent_cm2_per_g, step, medium, energy_keV)
    if drawn < 0.0:
        return INCOHERENT
    drawn -= coefficient_cm2_per_g(tables.photoelectric_cm2_per_g, step, medium, energy_keV)
    return PHOTOELECTRIC if drawn < 0.0 else COHERENT


@njit(cache=True)
def _bound_share(tables: PhotonTables, medium: int, x: float) -> float:
    function = tables.incoherent_function
    if x <= _LOWEST_X_PER_ANGSTROM:
        return function[medium, 0] * (x / _LOWEST_X_PER_ANGSTROM) ** 2
    place = math.log(x / _LOWEST_X_PER_ANGSTROM) / tables.transfer_step
    cell = min(int(place), function.shape[1] - 2)
    part = min(place - cell, 1.0)
    return function[medium, cell] * (1.0 - part) + function[medium, cell + 1] * part


@njit(cache=True)
def scattered_incoherently(
    rng: np.random.Generator, tables: PhotonTables, medium: int, energy_keV: float
) -> tuple[float, float]:
    """Energy after [keV] and cosine of the angle of incoherent scattering.

    Klein-Nishina, sampled by composition and rejection in the share of energy left, then accepted with the medium's
    incoherent scattering function. The energy is that of a free electron at rest: no Doppler broadening.
    """
    k = energy_keV / ELECTRON_REST_keV
    least = 1.0 / (1.0 + 2.0 * k)
    first = -math.log(least)
    second = 0.5 * (1.0 - least * least)
    while True:
        if rng.random() * (first + second) < first:
            left = math.exp(-first * rng.random())
        else:
            left = math.sqrt(least * least + (1.0 - least * least) * rng.random())
        turned = (1.0 - left) / (k * left)
        if rng.random() > 1.0 - left * turned * (2.0 - turned) / (1.0 + left * left):
            continue
        x = energy_keV / HC_keV_ANGSTROM * math.sqrt(max(0.5 * turned, 0.0))
        if rng.random() <= _bound_share(tables, medium, x):
            return energy_keV * left, 1.0 - turned


@njit(cache=True)
def cosine_of_coherent(rng: np.random.Generator, tables: PhotonTables, medium: int, energy_keV: float) -> float:
    """Cosine of the angle of coherent scattering: Thomson's cross section times the squared form factor."""
    integral = tables.squared_form_factor_integral[medium]
    most = energy_keV / HC_keV_ANGSTROM
    place = math.log(most / _LOWEST_X_PER_ANGSTROM) / tables.transfer_step
    cell = min(max(int(place), 0), integral.shape[0] - 2)
    part = min(max(place - cell, 0.0), 1.0)
    whole = integral[cell] * (1.0 - part) + integral[cell + 1] * part
    while True:
        drawn = rng.random() * whole
        if drawn <= integral[0]:
            x_squared = _LOWEST_X_PER_ANGSTROM**2 * drawn / integral[0]
        else:
            upper = min(int(np.searchsorted(integral, drawn)), integral.shape[0] - 1)
            low = _LOWEST_X_PER_ANGSTROM**2 * math.exp(2.0 * (upper - 1) * tables.transfer_step)
            high = low * math.exp(2.0 * tables.transfer_step)
            x_squared = low + (high - low) * (drawn - integral[upper - 1]) / (integral[upper] - integral[upper - 1])
        cosine = 1.0 - 2.0 * x_squared / (most * most)
        if cosine >= -1.0 and rng.random() * 2.0 <= 1.0 + cosine * cosine:
            return cosine


@njit(cache=True)
def isotropic_direction(rng: np.random.Generator) -> tuple[float, float, float]:
    """Unit vector (x, y, z), all directions alike."""
    z = 2.0 * rng.random() - 1.0
    radius = math.sqrt(max(1.0 - z * z, 0.0))
    angle = 2.0 * math.pi * rng.random()
    return radius * math.cos(angle), radius * math.sin(angle), z


@njit(cache=True)
def turned_direction(
    rng: np.random.Generator, x: float, y: float, z: float, cosine: float
) -> tuple[float, float, float]:
    """Unit vector at an angle to (x, y, z), its azimuth drawn uniformly."""
    sine = math.sqrt(max(1.0 - cosine * cosine, 0.0))
    azimuth = 2.0 * math.pi * rng.random()
    a, b = sine * math.cos(azimuth), sine * math.sin(azimuth)
    across = math.sqrt(x * x + y * y)
    if across < 1e-10:
        return a, b, cosine if z > 0 else -cosine
    new_x = x * cosine + (x * z * a - y * b) / across
    new_y = y * cosine + (y * z * a + x * b) / across
    new_z = z * cosine - a * across
    # Rounding must not make the direction longer from one scattering to the next.
    length = math.sqrt(new_x * new_x + new_y * new_y + new_z * new_z)
    return new_x / length, new_y / length, new_z / length


@njit(cache=True)
def after_interaction(
    rng: np.random.Generator,
    tables: PhotonTables,
    medium: int,
    energy_keV: float,
    direction: tuple[float, float, float],
) -> tuple[float, tuple[float, float, float]]:
    """Energy [keV] and direction of the photon after an interaction; 0 keV if it is gone. What it lost is deposited."""
    kind = interaction(rng, tables, medium, energy_keV)
    x, y, z = direction
    if kind == PHOTOELECTRIC:
        return 0.0, direction
    if kind == COHERENT:
        return energy_keV, turned_direction(rng, x, y, z, cosine_of_coherent(rng, tables, medium, energy_keV))
    left, cosine = scattered_incoherently(rng, tables, medium, energy_keV)
    if left < CUT_OFF_keV:
        return 0.0, direction
    return left, turned_direction(rng, x, y, z, cosine)
