"""How electrons and positrons lose energy in a medium: Bethe's formula, density effect, bremsstrahlung, range."""

from __future__ import annotations

import math
from functools import cache
from importlib.resources import files
from typing import Final, Literal

import numpy as np
import xraydb
from numpy.typing import NDArray

from theratrial.dosimetry.transport.cross_sections import composition, density_g_per_mL
from theratrial.errors import InputError
from theratrial.reference import Table, table_from_text

Float64 = NDArray[np.float64]
Particle = Literal["electron", "positron"]

REST_MeV: Final = 0.51099895
BETHE_MeV_cm2_per_mol: Final = 0.153537
"""2 pi r_e^2 m_e c^2 N_A."""
FINE_STRUCTURE: Final = 1 / 137.035999
WATER_EXCITATION_eV: Final = 75.0
_LOOSEST_g_per_mL: Final = 0.9
"""The density effect is that of the tissue itself: inflated lung is tissue and air, not thin tissue."""
_PLASMA_eV: Final = 28.816


@cache
def stopping_table() -> Table:
    """The shipped mean excitation energies."""
    path = files("theratrial.dosimetry.transport").joinpath("data", "stopping_elements.csv")
    return table_from_text(path.read_text(encoding="utf-8"), "dosimetry/transport/stopping_elements")


def moles_per_g(medium: str) -> dict[int, float]:
    """Atomic number -> moles of atoms per gram of a medium [mol/g]."""
    return {
        int(xraydb.atomic_number(symbol)): share / float(xraydb.atomic_mass(symbol))
        for symbol, share in composition(medium).items()
    }


def electrons_per_g(medium: str) -> float:
    """Moles of electrons per gram, Z/A of the medium [mol/g].

    Examples
    --------
    >>> round(electrons_per_g("water"), 4)
    0.5551
    """
    return math.fsum(z * moles for z, moles in moles_per_g(medium).items())


@cache
def mean_excitation_energy_eV(medium: str) -> float:
    """Mean excitation energy of a medium, by Bragg's additivity with the values of ICRU 37 for compounds [eV].

    Examples
    --------
    >>> mean_excitation_energy_eV("water")
    75.0
    """
    if medium == "water":
        return WATER_EXCITATION_eV
    values = stopping_table().by("element")
    missing = [symbol for symbol in composition(medium) if symbol not in values]
    if missing:
        raise InputError(f"no mean excitation energy of {', '.join(missing)} in {medium}; add it to stopping_elements")
    weighted = math.fsum(
        share
        * xraydb.atomic_number(symbol)
        / xraydb.atomic_mass(symbol)
        * math.log(values[symbol].number("mean_excitation_energy_eV"))
        for symbol, share in composition(medium).items()
    )
    return math.exp(weighted / electrons_per_g(medium))


def beta_squared(energy_MeV: Float64) -> Float64:
    """Square of the speed over that of light."""
    tau = energy_MeV / REST_MeV
    return np.asarray(tau * (tau + 2) / (tau + 1) ** 2)


def density_effect(medium: str, energy_MeV: Float64) -> Float64:
    """Density-effect correction in Sternheimer's form, its constant from excitation energy and plasma energy.

    Tissues have the onset, end and exponent fitted to water (all soft tissues of the publication are within 1 % of
    them), bone those of the general formula for condensed matter.

    References
    ----------
    Sternheimer RM, Berger MJ, Seltzer SM. At Data Nucl Data Tables 1984;30:261-271. Sternheimer RM, Peierls RF. Phys
    Rev B 1971;3:3681-3692.
    """
    excitation = mean_excitation_energy_eV(medium)
    density = max(density_g_per_mL(medium), _LOOSEST_g_per_mL)
    c = 2 * math.log(excitation / (_PLASMA_eV * math.sqrt(density * electrons_per_g(medium)))) + 1
    if excitation < 100:
        start, end, exponent = 0.24, 2.8004, 3.4773
    else:
        start, end, exponent = (0.2 if c < 5.215 else 0.326 * c - 1.5), 3.0, 3.0
    bend = (c - 2 * math.log(10) * start) / (end - start) ** exponent
    tau = np.asarray(energy_MeV) / REST_MeV
    x = np.log10(np.sqrt(tau * (tau + 2)))
    middle = 2 * math.log(10) * x - c + bend * np.maximum(end - x, 0.0) ** exponent
    return np.where(x < start, 0.0, middle)


def collision_stopping_MeV_cm2_per_g(medium: str, energy_MeV: Float64, particle: Particle = "electron") -> Float64:
    """Mass collision stopping power by Bethe's formula, with Moller's or Bhabha's close collisions [MeV cm2/g].

    Assumes energies far above the binding of the medium's electrons: within 1 % from 10 keV up in tissue.

    References
    ----------
    ICRU Report 37. Stopping Powers for Electrons and Positrons. 1984.

    Examples
    --------
    >>> float(collision_stopping_MeV_cm2_per_g("water", np.array([0.1]))[0].round(3))
    4.115
    """
    energy = np.asarray(energy_MeV, dtype=np.float64)
    tau, beta2 = energy / REST_MeV, beta_squared(energy)
    excitation = mean_excitation_energy_eV(medium) * 1e-6
    if particle == "electron":
        close = (1 - beta2) * (1 + tau**2 / 8 - (2 * tau + 1) * math.log(2))
    else:
        close = 2 * math.log(2) - beta2 / 12 * (23 + 14 / (tau + 2) + 10 / (tau + 2) ** 2 + 4 / (tau + 2) ** 3)
    bracket = 2 * np.log(energy / excitation) + np.log1p(tau / 2) + close - density_effect(medium, energy)
    return np.asarray(BETHE_MeV_cm2_per_mol * electrons_per_g(medium) / beta2 * bracket)


def _spence(x: Float64) -> Float64:
    """Integral of ln(1 + y)/y from 0 to x."""
    nodes, weights = np.polynomial.legendre.leggauss(64)
    y = (nodes + 1) / 2 * np.asarray(x)[:, None]
    return np.asarray((weights / 2 * np.log1p(y) / y).sum(1) * x)


def radiative_stopping_MeV_cm2_per_g(medium: str, energy_MeV: Float64) -> Float64:
    """Mass radiative stopping power by the Born approximation without screening, Z^2 as Z (Z + 1) [MeV cm2/g].

    Assumes that a few percent of what is itself below 1 % of the energy do not matter; the same for positrons.

    References
    ----------
    Heitler W. The Quantum Theory of Radiation, 3rd ed., 1954, section 25 (Bethe and Heitler 1934).
    """
    energy = np.asarray(energy_MeV, dtype=np.float64).reshape(-1)
    total = (energy + REST_MeV) / REST_MeV
    momentum = np.sqrt(total**2 - 1)
    log = np.log(total + momentum)
    shape = (
        (12 * total**2 + 4) / (3 * total * momentum) * log
        - (8 * total + 6 * momentum) / (3 * total * momentum**2) * log**2
        - 4 / 3
        + 2 / (total * momentum) * _spence(2 * momentum * (total + momentum))
    )
    squares = math.fsum(z * (z + 1) * moles for z, moles in moles_per_g(medium).items())
    per_mole = FINE_STRUCTURE * BETHE_MeV_cm2_per_mol / (2 * math.pi * REST_MeV)
    return np.asarray(per_mole * squares * total * REST_MeV * shape)


def csda_range_g_per_cm2(medium: str, energy_MeV: Float64, particle: Particle = "electron") -> Float64:
    """Range in the continuous-slowing-down approximation [g/cm2].

    The stopping power is held constant below 1 keV, where Bethe's formula ends; that part is 9e-6 g/cm2, 0.1 um.

    Examples
    --------
    >>> float(csda_range_g_per_cm2("water", np.array([1.0]))[0].round(3))
    0.437
    """
    energy = np.asarray(energy_MeV, dtype=np.float64)
    grid = np.geomspace(1e-3, max(float(energy.max()), 2e-3), 1200)
    losses = collision_stopping_MeV_cm2_per_g(medium, grid, particle) + radiative_stopping_MeV_cm2_per_g(medium, grid)
    per_log = grid / losses
    cumulated = np.r_[0.0, np.cumsum((per_log[1:] + per_log[:-1]) / 2 * np.diff(np.log(grid)))] + 1e-3 / losses[0]
    return np.asarray(np.interp(energy, grid, cumulated))
