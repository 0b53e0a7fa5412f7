"""Electron Monte Carlo in an infinite uniform medium: energy deposited by distance from a point source.

Mixed simulation: hard elastic collisions and energy transfers one by one, the soft rest of a step as one deflection at
a random point of it (Salvat's random hinge) and a continuous loss. Distances are in g/cm2; density never enters.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from theratrial.dosimetry.transport.electrons_stopping import FINE_STRUCTURE, REST_MeV, csda_range_g_per_cm2
from theratrial.dosimetry.transport.electrons_tables import (
    ABSORPTION_MeV,
    ElectronTables,
    HARD_LOSS_MeV,
    HIGHEST_MeV,
    electron_tables,
)
from theratrial.dosimetry.transport.point_kernels_values import RadialDeposition
from theratrial.dosimetry.transport.spectra import ElectronSpectrum, above, energies_at
from theratrial.errors import InputError

Float64 = NDArray[np.float64]

_STACK: Final = 400
BATCHES: Final = 20


@njit(cache=True)
def _turned(u: float, v: float, w: float, cosine: float, phi: float) -> tuple[float, float, float]:
    sine = math.sqrt(max(0.0, 1 - cosine * cosine))
    c, s = sine * math.cos(phi), sine * math.sin(phi)
    across = u * u + v * v
    if across > 1e-12:
        root = math.sqrt(across)
        x = u * cosine + (c * u * w - s * v) / root
        y = v * cosine + (c * v * w + s * u) / root
        z = w * cosine - c * root
    else:
        x, y, z = c, s, cosine if w > 0 else -cosine
    norm = 1 / math.sqrt(x * x + y * y + z * z)
    return x * norm, y * norm, z * norm


@njit(cache=True)
def _soft_mu(first: float, second: float, rng: Any) -> float:
    """Deflection with the two moments exact: <mu> from the first transport coefficient, <mu^2> from the second."""
    mean = 0.5 * (1 - math.exp(-first))
    square = mean - (1 - math.exp(-second)) / 6
    if mean > 0.4999:
        return float(rng.random())
    b = (2 * mean - 3 * square) / (1 - 2 * mean)
    a = 1 - 2 * mean + b
    if rng.random() < a:
        return float(rng.random() * b)
    return float(b + rng.random() * (1 - b))


@njit(cache=True)
def _hard_mu(cutoff: float, screening: float, beta: float, spin: float, rng: Any) -> float:
    top = 1 + max(0.0, spin * 0.25)
    low, high = 1 / (cutoff + screening), 1 / (1 + screening)
    while True:
        mu = 1 / (low - rng.random() * (low - high)) - screening
        root = math.sqrt(max(mu, 0.0))
        if rng.random() * top <= 1 - beta * beta * mu + spin * root * (1 - root):
            return float(mu)


@njit(cache=True)
def _transfer_MeV(energy: float, hard: float, is_positron: bool, rng: Any) -> float:
    gamma = 1 + energy / 0.51099895
    low, high = hard / energy, 1.0 if is_positron else 0.5
    beta2 = 1 - 1 / (gamma * gamma)
    y = 1 / (gamma + 1)
    b4 = (1 - 2 * y) ** 3
    b3 = (1 - 2 * y) ** 2 + b4
    b2 = (1 - 2 * y) * (3 + y * y)
    b1 = 2 - y * y
    cross = (2 * gamma - 1) / (gamma * gamma)
    share = ((gamma - 1) / gamma) ** 2
    top = 1.0 if is_positron else max(1.0, 2 + share / 4 - cross)
    while True:
        f = 1 / (1 / low - rng.random() * (1 / low - 1 / high))
        if is_positron:
            value = 1 - beta2 * f * (b1 - f * (b2 - f * (b3 - f * b4)))
        else:
            r = f / (1 - f)
            value = 1 + r * r + share * f * f - cross * r
        if rng.random() * top <= value:
            return float(f * energy)


@njit(cache=True)
def _scored(deposit: Float64, x: float, y: float, z: float, scale: float, energy: float) -> None:
    """Shell k of n begins at radius (k/n)^2 of the largest."""
    shell = int(scale * (x * x + y * y + z * z) ** 0.25)
    deposit[min(shell, len(deposit) - 1)] += energy


@njit(cache=True)
def _transport(
    energies: Float64,
    positrons: NDArray[np.bool_],
    tables: ElectronTables,
    largest: float,
    shells: int,
    rng: Any,
) -> tuple[Float64, float]:
    """Energy per shell, one more for what lies beyond, and energy radiated [MeV], of all histories together."""
    deposit = np.zeros(shells + 1)
    scale = shells / math.sqrt(largest)
    radiated = 0.0
    stack = np.zeros((_STACK, 7))
    charge = np.zeros(_STACK, dtype=np.int64)
    points = tables.stopping_MeV_cm2_per_g.shape[1]
    two_pi = 2 * math.pi
    for history in range(len(energies)):
        cosine = 2 * rng.random() - 1
        phi = two_pi * rng.random()
        sine = math.sqrt(1 - cosine * cosine)
        stack[0] = (energies[history], 0.0, 0.0, 0.0, sine * math.cos(phi), sine * math.sin(phi), cosine)
        charge[0] = 1 if positrons[history] else 0
        filled = 1
        while filled > 0:
            filled -= 1
            e, x, y, z, u, v, w = stack[filled]
            q = charge[filled]
            while e > ABSORPTION_MeV:
                at = (math.log(e) - tables.log_lowest) / tables.log_step
                k = min(int(at), points - 2)
                t = at - k
                stopping = tables.stopping_MeV_cm2_per_g[q, k] * (1 - t) + tables.stopping_MeV_cm2_per_g[q, k + 1] * t
                longest = tables.step_g_per_cm2[q, k] * (1 - t) + tables.step_g_per_cm2[q, k + 1] * t
                # Cross sections of the middle of the longest step: their change along it then cancels to first order.
                middle = max(e - 0.5 * stopping * longest, ABSORPTION_MeV)
                at = (math.log(middle) - tables.log_lowest) / tables.log_step
                k = min(int(at), points - 2)
                t = at - k
                elastic = tables.hard_elastic_cm2_per_g[q, k] * (1 - t) + tables.hard_elastic_cm2_per_g[q, k + 1] * t
                losing = tables.hard_loss_cm2_per_g[q, k] * (1 - t) + tables.hard_loss_cm2_per_g[q, k + 1] * t
                step = -math.log(1 - rng.random()) / (elastic + losing)
                collides = step < longest
                if not collides:
                    step = longest
                half = max(e - 0.5 * stopping * step, ABSORPTION_MeV * 0.5)
                at = max((math.log(half) - tables.log_lowest) / tables.log_step, 0.0)
                m = min(int(at), points - 2)
                s = at - m
                stopping = tables.stopping_MeV_cm2_per_g[q, m] * (1 - s) + tables.stopping_MeV_cm2_per_g[q, m + 1] * s
                loss = stopping * step
                if loss > e:
                    loss, collides = e, False
                first = tables.first_soft_cm2_per_g[q, m] * (1 - s) + tables.first_soft_cm2_per_g[q, m + 1] * s
                second = tables.second_soft_cm2_per_g[q, m] * (1 - s) + tables.second_soft_cm2_per_g[q, m + 1] * s
                before = rng.random() * step
                place = rng.random() * step
                bright = loss * (tables.radiated_share[q, m] * (1 - s) + tables.radiated_share[q, m + 1] * s)
                radiated += bright
                if place < before:
                    _scored(deposit, x + place * u, y + place * v, z + place * w, scale, loss - bright)
                x, y, z = x + before * u, y + before * v, z + before * w
                mu = _soft_mu(first * step, second * step, rng)
                u, v, w = _turned(u, v, w, 1 - 2 * mu, two_pi * rng.random())
                if place >= before:
                    rest = place - before
                    _scored(deposit, x + rest * u, y + rest * v, z + rest * w, scale, loss - bright)
                rest = step - before
                x, y, z = x + rest * u, y + rest * v, z + rest * w
                e -= loss
                if not collides or e <= ABSORPTION_MeV:
                    continue
                if rng.random() * (elastic + losing) < elastic:
                    cutoff = tables.cutoff_mu[q, k] * (1 - t) + tables.cutoff_mu[q, k + 1] * t
                    screening = tables.screening[k] * (1 - t) + tables.screening[k + 1] * t
                    gamma = 1 + e / REST_MeV
                    beta = math.sqrt(1 - 1 / (gamma * gamma))
                    spin = math.pi * FINE_STRUCTURE * tables.spin_z * beta * (1.0 if q == 0 else -1.0)
                    mu = _hard_mu(cutoff, screening, beta, spin, rng)
                    u, v, w = _turned(u, v, w, 1 - 2 * mu, two_pi * rng.random())
                else:
                    given = _transfer_MeV(e, HARD_LOSS_MeV, q == 1, rng)
                    phi = two_pi * rng.random()
                    total = e + 2 * REST_MeV
                    if given > ABSORPTION_MeV and filled < _STACK - 1:
                        aside = math.sqrt(given * total / (e * (given + 2 * REST_MeV)))
                        du, dv, dw = _turned(u, v, w, min(1.0, aside), phi + math.pi)
                        stack[filled] = (given, x, y, z, du, dv, dw)
                        charge[filled] = 0
                        filled += 1
                    else:
                        _scored(deposit, x, y, z, scale, given)
                    if given < e:
                        ahead = math.sqrt((e - given) * total / (e * (e - given + 2 * REST_MeV)))
                        u, v, w = _turned(u, v, w, min(1.0, ahead), phi)
                    e -= given
            _scored(deposit, x, y, z, scale, e)
    return deposit, radiated


def electron_deposition(
    spectrum: ElectronSpectrum,
    medium: str,
    *,
    histories: int,
    rng: np.random.Generator,
    shells: int = 160,
) -> RadialDeposition:
    """Energy that the electrons and positrons of a decay deposit by distance in an infinite medium.

    Assumes bremsstrahlung escapes, electrons below 5 keV stop where they are, positrons annihilate at rest, atoms are
    independent. Energies are drawn stratified over the spectrum. The last shell ends 2 % above the longest range.

    Parameters
    ----------
    medium
        A shipped medium, ``water`` or ``soft_tissue`` for instance.
    histories
        Particles to follow.
    shells
        Number of shells; the boundary k of n lies at ``(k/n)^2`` of the largest range.

    Raises
    ------
    InputError
        If the medium is not known, an energy is above 4 MeV or there are fewer histories than batches.
    """
    if histories < BATCHES:
        raise InputError(f"an electron kernel needs at least {BATCHES} histories, got {histories}")
    highest_MeV = spectrum.highest_keV / 1000
    if highest_MeV > HIGHEST_MeV:
        raise InputError(f"electrons of {spectrum.name} reach {highest_MeV} MeV; the tables end at {HIGHEST_MeV} MeV")
    largest = float(csda_range_g_per_cm2(medium, np.array([max(highest_MeV, 2 * ABSORPTION_MeV)]))[0]) * 1.02
    edges = largest * (np.arange(shells + 1) / shells) ** 2
    followed = above(spectrum, ABSORPTION_MeV * 1000)
    energy, variance, lost = np.zeros(shells), np.zeros(shells), 0.0
    if followed is not None:
        energy, variance, lost = _batches(followed, electron_tables(medium), histories, rng, largest, shells)
    energy[0] += spectrum.energy_keV - (followed.energy_keV if followed is not None else 0.0)
    return RadialDeposition(medium, edges, energy, np.sqrt(variance), spectrum.energy_keV, lost)


def _batches(
    spectrum: ElectronSpectrum,
    tables: ElectronTables,
    histories: int,
    rng: np.random.Generator,
    largest: float,
    shells: int,
) -> tuple[Float64, Float64, float]:
    each = histories // BATCHES
    results, lost = np.zeros((BATCHES, shells + 1)), 0.0
    for batch in range(BATCHES):
        quantiles = (np.arange(each) + rng.random(each)) / each
        energies, is_beta = energies_at(spectrum, quantiles)
        positrons = is_beta & (rng.random(each) < spectrum.positron_share)
        deposit, radiated = _transport(energies / 1000, positrons, tables, largest, shells, rng)
        # keV per decay; a sample mean of energy that strays from the spectrum's is not allowed to change the total.
        factor = spectrum.energy_keV / (energies.sum() / each) / each * 1000
        results[batch], lost = deposit * factor, lost + radiated * factor / BATCHES
    mean = results.mean(0)
    mean[-2] += mean[-1]
    return mean[:-1], results.var(0, ddof=1)[:-1] / BATCHES, lost
