"""What the electron transport reads on one energy grid: mean free paths, soft scattering, restricted losses."""

from __future__ import annotations

import math
from functools import cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from theratrial.dosimetry.transport.electrons_stopping import (
    FINE_STRUCTURE,
    BETHE_MeV_cm2_per_mol,
    Particle,
    REST_MeV,
    beta_squared,
    collision_stopping_MeV_cm2_per_g,
    electrons_per_g,
    moles_per_g,
    radiative_stopping_MeV_cm2_per_g,
)
from theratrial.errors import InputError

Float64 = NDArray[np.float64]

ABSORPTION_MeV: Final = 0.005
"""Below it the rest is deposited on the spot: 0.8 um of water."""
HARD_LOSS_MeV: Final = 0.002
"""Smallest energy transfer that is made as a collision of its own."""
HIGHEST_MeV: Final = 4.0
_POINTS: Final = 240
_SOFT_SHARE: Final = 0.03
"""Mean free path between hard elastic collisions as a share of the transport mean free path."""
_BOHR_MOMENTUM_MeV: Final = FINE_STRUCTURE * REST_MeV
"""hbar c over the Bohr radius."""


class ElectronTables(NamedTuple):
    """Row 0 for electrons, row 1 for positrons; columns on a logarithmic energy grid from `ABSORPTION_MeV`."""

    log_lowest: float
    log_step: float
    stopping_MeV_cm2_per_g: Float64
    """Collisions with less than `HARD_LOSS_MeV` and bremsstrahlung."""
    radiated_share: Float64
    """Of the stopping power above."""
    hard_loss_cm2_per_g: Float64
    hard_elastic_cm2_per_g: Float64
    cutoff_mu: Float64
    """Hard elastic collisions have mu = (1 - cos)/2 above it."""
    screening: Float64
    spin_z: float
    """Atomic number in the spin correction, negative for no one: its sign turns with the charge."""
    first_soft_cm2_per_g: Float64
    second_soft_cm2_per_g: Float64
    """Transport coefficients of all soft collisions, elastic and inelastic."""
    step_g_per_cm2: Float64
    """Longest step."""


def moller(fraction: Float64, energy_MeV: float) -> Float64:
    """Shape of Moller's cross section by the fraction of energy transferred, up to 1/2."""
    gamma = 1 + energy_MeV / REST_MeV
    share = (gamma - 1) / gamma
    cross = (2 * gamma - 1) / gamma**2
    return np.asarray(fraction**-2 + (1 - fraction) ** -2 + share**2 - cross / (fraction * (1 - fraction)))


def bhabha(fraction: Float64, energy_MeV: float) -> Float64:
    """Shape of Bhabha's cross section by the fraction of energy transferred, up to 1."""
    gamma = 1 + energy_MeV / REST_MeV
    beta2 = 1 - gamma**-2
    y = 1 / (gamma + 1)
    b4 = (1 - 2 * y) ** 3
    b3 = (1 - 2 * y) ** 2 + b4
    b2 = (1 - 2 * y) * (3 + y**2)
    inner = (2 - y**2) / fraction - b2 + b3 * fraction - b4 * fraction**2
    return np.asarray(fraction**-2 - beta2 * inner)


def _hard_losses(energy_MeV: Float64, particle: Particle, z_over_a: float) -> tuple[Float64, Float64]:
    """Cross section [cm2/g] and stopping power [MeV cm2/g] of collisions above `HARD_LOSS_MeV`."""
    nodes, weights = np.polynomial.legendre.leggauss(64)
    number, loss = np.zeros(len(energy_MeV)), np.zeros(len(energy_MeV))
    shape, largest = (moller, 0.5) if particle == "electron" else (bhabha, 1.0)
    for k, energy in enumerate(energy_MeV):
        low = HARD_LOSS_MeV / energy
        if low >= largest:
            continue
        half = math.log(largest / low) / 2
        fraction = low * np.exp(half * (nodes + 1))
        density = shape(fraction, energy) * fraction * half * weights
        scale = BETHE_MeV_cm2_per_mol * z_over_a / float(beta_squared(np.array(energy))) / energy
        number[k] = scale * density.sum()
        loss[k] = scale * energy * (density * fraction).sum()
    return number, loss


class _Elastic(NamedTuple):
    hard: Float64
    cutoff: Float64
    first: Float64
    second: Float64


def _spin(mu: Float64, beta: float, charge_z: float) -> Float64:
    """Mott over Rutherford, McKinley and Feshbach's expansion for light elements."""
    root = np.sqrt(mu)
    return np.asarray(1 - beta**2 * mu + math.pi * FINE_STRUCTURE * charge_z * beta * root * (1 - root))


def _moments(edges: Float64, density: Float64) -> tuple[Float64, Float64, Float64]:
    """Integrals of 1, 2 mu and 6 mu (1 - mu) from 0 to each edge; density given on the edges."""
    steps = np.diff(edges)

    def cumulated(values: Float64) -> Float64:
        return np.r_[0.0, np.cumsum((values[1:] + values[:-1]) / 2 * steps)]

    return cumulated(density), cumulated(2 * edges * density), cumulated(6 * edges * (1 - edges) * density)


def _elastic(medium: str, energy_MeV: Float64, screening: Float64, charge_z: float) -> _Elastic:
    """Hard and soft elastic scattering by nuclei, with the soft inelastic scattering by electrons in the soft part."""
    moles = moles_per_g(medium)
    nuclei = math.fsum(z**2 * n for z, n in moles.items())
    electrons = electrons_per_g(medium)
    out = np.zeros((4, len(energy_MeV)))
    for k, energy in enumerate(energy_MeV):
        gamma, beta2 = 1 + energy / REST_MeV, float(beta_squared(np.array(energy)))
        per_mole = BETHE_MeV_cm2_per_mol / (2 * REST_MeV) / (beta2 * gamma) ** 2
        edges = np.r_[0.0, np.geomspace(screening[k] * 1e-3, 1.0, 4000)]
        rutherford = (edges + screening[k]) ** -2
        number, first, second = _moments(
            edges, per_mole * nuclei * rutherford * _spin(edges, math.sqrt(beta2), charge_z)
        )
        soft_to = REST_MeV * HARD_LOSS_MeV / (2 * energy * (energy + 2 * REST_MeV))
        by_electrons = _moments(edges, per_mole * electrons * rutherford * (edges < soft_to))
        aimed = min(first[-1] / _SOFT_SHARE, number[-1])
        cutoff = float(np.interp(number[-1] - aimed, number, edges))
        out[:, k] = (
            aimed,
            cutoff,
            np.interp(cutoff, edges, first) + by_electrons[1][-1],
            np.interp(cutoff, edges, second) + by_electrons[2][-1],
        )
    return _Elastic(*out)


def _screening(medium: str, energy_MeV: Float64) -> Float64:
    """Moliere's screening, one value for the medium by the logarithmic mean over its elements."""
    moles = moles_per_g(medium)
    squares = math.fsum(z**2 * n for z, n in moles.items())
    momentum = np.sqrt(energy_MeV * (energy_MeV + 2 * REST_MeV))
    beta2 = beta_squared(energy_MeV)
    log = np.zeros(len(energy_MeV))
    for z, n in moles.items():
        atom = (_BOHR_MOMENTUM_MeV * z ** (1 / 3) / 0.88534 / momentum) ** 2 / 4
        log += z**2 * n / squares * np.log(atom * (1.13 + 3.76 * (FINE_STRUCTURE * z) ** 2 / beta2))
    return np.asarray(np.exp(log))


@cache
def electron_tables(medium: str) -> ElectronTables:
    """Tables of a shipped medium for electrons and positrons from 5 keV to 4 MeV.

    Raises
    ------
    InputError
        If the medium is not known.

    References
    ----------
    Salvat F et al. PENELOPE: mixed simulation of electron transport (OECD/NEA). Moliere G. Z Naturforsch 1947;2a:133.
    McKinley WA, Feshbach H. Phys Rev 1948;74:1759.
    """
    energy = np.geomspace(ABSORPTION_MeV, HIGHEST_MeV, _POINTS)
    z_over_a = electrons_per_g(medium)
    moles = moles_per_g(medium)
    spin_z = math.fsum(z**3 * n for z, n in moles.items()) / math.fsum(z**2 * n for z, n in moles.items())
    screening = _screening(medium, energy)
    radiative = radiative_stopping_MeV_cm2_per_g(medium, energy)
    rows = []
    for particle, charge_z in (("electron", spin_z), ("positron", -spin_z)):
        hard_number, hard_loss = _hard_losses(energy, particle, z_over_a)  # type: ignore[arg-type]
        soft = collision_stopping_MeV_cm2_per_g(medium, energy, particle) - hard_loss  # type: ignore[arg-type]
        if soft.min() <= 0:
            raise InputError(f"hard collisions of {medium} take more than all energy loss; the cut-off is too low")
        elastic = _elastic(medium, energy, screening, charge_z)
        stopping = soft + radiative
        step = np.minimum(0.03 * energy / stopping, 3 / elastic.hard)
        rows.append((stopping, radiative / stopping, hard_number, *elastic, step))
    columns = [np.array(values) for values in zip(*rows, strict=True)]
    return ElectronTables(
        log_lowest=math.log(ABSORPTION_MeV),
        log_step=math.log(HIGHEST_MeV / ABSORPTION_MeV) / (_POINTS - 1),
        stopping_MeV_cm2_per_g=columns[0],
        radiated_share=columns[1],
        hard_loss_cm2_per_g=columns[2],
        hard_elastic_cm2_per_g=columns[3],
        cutoff_mu=columns[4],
        screening=screening,
        spin_z=spin_z,
        first_soft_cm2_per_g=columns[5],
        second_soft_cm2_per_g=columns[6],
        step_g_per_cm2=columns[7],
    )
