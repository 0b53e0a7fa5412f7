"""The electrons of a decay as something to sample: beta spectrum at its branch mean energy, electron lines."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from theratrial.errors import InputError
from theratrial.nuclides.library import nuclide
from theratrial.nuclides.spectra import Line, electron_emissions

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class ElectronSpectrum:
    """Electrons and positrons per decay by energy.

    Parameters
    ----------
    nodes_keV, per_keV
        Continuous part, piecewise linear [keV], [particles per decay and keV]; empty without beta particles.
    lines_keV, lines_per_decay
        Discrete part [keV], [particles per decay].
    positron_share
        Positrons per particle of the continuous part.
    beta_factor
        What the tabulated spectrum was multiplied with to carry the branch mean energy.
    """

    name: str
    nodes_keV: Float64
    per_keV: Float64
    lines_keV: Float64
    lines_per_decay: Float64
    positron_share: float = 0.0
    beta_factor: float = 1.0

    def __post_init__(self) -> None:
        if len(self.nodes_keV) == 0 and len(self.lines_keV) == 0:
            raise InputError(f"{self.name} emits no electrons; it has no electron kernel")
        if len(self.nodes_keV) and (np.diff(self.nodes_keV).min() <= 0 or self.per_keV.min() < 0):
            raise InputError(f"beta spectrum of {self.name}: energies must rise and densities not be negative")
        if len(self.lines_keV) and (self.lines_keV.min() <= 0 or self.lines_per_decay.min() < 0):
            raise InputError(f"electron lines of {self.name}: energies must be above 0 and yields not negative")

    @property
    def beta_energy_keV(self) -> float:
        """Mean energy of the continuous part per decay [keV]."""
        return _energy_keV(self.nodes_keV, self.per_keV)

    @property
    def energy_keV(self) -> float:
        """Mean energy of all electrons and positrons per decay [keV]."""
        return self.beta_energy_keV + float(self.lines_keV @ self.lines_per_decay)

    @property
    def highest_keV(self) -> float:
        """Largest energy [keV]."""
        ends = [*self.nodes_keV[-1:], *self.lines_keV]
        return float(max(ends))


def _number(nodes: Float64, density: Float64) -> float:
    return float(np.trapezoid(density, nodes)) if len(nodes) else 0.0


def _energy_keV(nodes: Float64, density: Float64) -> float:
    """Exact first moment of a piecewise linear density."""
    if not len(nodes):
        return 0.0
    low, high = nodes[:-1], nodes[1:]
    left, right = density[:-1], density[1:]
    return float(((high - low) / 6 * (left * (2 * low + high) + right * (low + 2 * high))).sum())


def mono_energetic(energy_keV: float, *, positron: bool = False) -> ElectronSpectrum:
    """One electron (or positron) of one energy per decay, as a spectrum.

    Raises
    ------
    InputError
        If the energy is not above 0.
    """
    if not (math.isfinite(energy_keV) and energy_keV > 0):
        raise InputError(f"an electron has an energy above 0, got {energy_keV} keV")
    if positron:
        # A narrow triangle: only the continuous part may hold positrons.
        nodes = energy_keV * np.array([1 - 1e-6, 1.0, 1 + 1e-6])
        return ElectronSpectrum(
            "positron", nodes, np.array([0, 1e6 / energy_keV, 0]), np.empty(0), np.empty(0), positron_share=1.0
        )
    return ElectronSpectrum("electron", np.empty(0), np.empty(0), np.array([energy_keV]), np.ones(1))


def electron_spectrum(spelling: str) -> ElectronSpectrum:
    """All electrons and positrons that a decay of the nuclide itself emits.

    Assumes that the branch mean energies of ICRP 107 hold where they and the tabulated spectrum differ: the spectrum is
    multiplied with one factor so that it carries their energy, its shape and end point kept.

    Raises
    ------
    SourceError
        If the nuclide is not known.
    InputError
        If it emits no electrons, or both beta particles of either sign (which the table does not tell apart) in
        shares that matter.

    Examples
    --------
    >>> lu = electron_spectrum("Lu-177")
    >>> round(lu.beta_energy_keV, 2), round(lu.energy_keV, 2), round(lu.beta_factor, 4)
    (133.27, 147.92, 0.9944)
    """
    known, emitted = nuclide(spelling), electron_emissions(spelling)
    nodes, density = np.array(emitted.beta_keV), np.array(emitted.beta_per_keV)
    printed_keV = _energy_keV(nodes, density)
    factor = (known.beta_minus_MeV + known.beta_plus_MeV) * 1000 / printed_keV if len(nodes) else 1.0
    lines = _positive((*emitted.conversion_lines, *emitted.auger_lines))
    return ElectronSpectrum(
        name=known.name,
        nodes_keV=nodes,
        per_keV=density * factor,
        lines_keV=np.array([energy for energy, _ in lines]),
        lines_per_decay=np.array([per_decay for _, per_decay in lines]),
        positron_share=emitted.positron_share,
        beta_factor=factor,
    )


def _positive(lines: Iterable[Line]) -> list[Line]:
    return [line for line in lines if line[0] > 0 and line[1] > 0]


def above(spectrum: ElectronSpectrum, cutoff_keV: float) -> ElectronSpectrum | None:
    """The part of a spectrum above a cut-off; None if there is none."""
    nodes, density = spectrum.nodes_keV, spectrum.per_keV
    if len(nodes) and nodes[-1] > cutoff_keV:
        inside = nodes > cutoff_keV
        edge = np.interp(cutoff_keV, nodes, density)
        nodes, density = np.r_[cutoff_keV, nodes[inside]], np.r_[edge, density[inside]]
    else:
        nodes, density = np.empty(0), np.empty(0)
    kept = spectrum.lines_keV > cutoff_keV
    if not len(nodes) and not kept.any():
        return None
    return ElectronSpectrum(
        spectrum.name,
        nodes,
        density,
        spectrum.lines_keV[kept],
        spectrum.lines_per_decay[kept],
        spectrum.positron_share,
        spectrum.beta_factor,
    )


def particles_per_decay(spectrum: ElectronSpectrum) -> float:
    """Number of particles per decay, continuous and discrete part together."""
    return _number(spectrum.nodes_keV, spectrum.per_keV) + float(spectrum.lines_per_decay.sum())


def energies_at(spectrum: ElectronSpectrum, quantiles: Float64) -> tuple[Float64, NDArray[np.bool_]]:
    """Energies [keV] at quantiles of the spectrum by number, and which belong to the continuous part.

    Equally spaced quantiles make a stratified sample.
    """
    nodes, density = spectrum.nodes_keV, spectrum.per_keV
    continuous = _number(nodes, density)
    total = particles_per_decay(spectrum)
    number = np.asarray(quantiles) * total
    is_beta = number < continuous
    energy = np.empty(len(number))
    if len(nodes):
        energy[is_beta] = _inverse(nodes, density, number[is_beta])
    steps = continuous + np.cumsum(spectrum.lines_per_decay)
    if len(steps):
        index = np.minimum(np.searchsorted(steps, number[~is_beta], side="right"), len(steps) - 1)
        energy[~is_beta] = spectrum.lines_keV[index]
    return energy, is_beta


def _inverse(nodes: Float64, density: Float64, number: Float64) -> Float64:
    """Energy below which `number` particles lie, exact for a piecewise linear density."""
    cumulated = np.r_[0.0, np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(nodes))]
    at = np.clip(np.searchsorted(cumulated, number, side="right") - 1, 0, len(nodes) - 2)
    width, left = nodes[at + 1] - nodes[at], density[at]
    slope = (density[at + 1] - left) / width
    rest = number - cumulated[at]
    root = np.sqrt(np.maximum(left**2 + 2 * slope * rest, 0.0))
    step = np.where(left + root > 0, 2 * rest / np.where(left + root > 0, left + root, 1.0), 0.0)
    return np.asarray(nodes[at] + np.clip(step, 0.0, width))
