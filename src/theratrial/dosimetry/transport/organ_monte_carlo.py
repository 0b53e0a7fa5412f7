"""Photons through a voxelised phantom: energy absorbed per region by tracks, for every source region, in batches.

Each history follows its photon from voxel to voxel. Along every track, length times energy times the energy-transfer
coefficient is scored in the region crossed, which is what locally absorbed electrons deposit on average; so every organ
on a photon's way counts, not only those where it interacts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from theratrial.dosimetry.transport.cross_sections import PhotonTables, photon_tables
from theratrial.dosimetry.transport.phantoms import Phantom, phantom
from theratrial.dosimetry.transport.photons import (
    after_interaction,
    coefficient_cm2_per_g,
    isotropic_direction,
)
from theratrial.errors import InputError
from theratrial.nuclides import Nuclide

MARROW: Final = "red_marrow"
LEAST_FOLLOWED_keV: Final = 10.0
"""A photon emitted below it (L x rays) is absorbed in its own source: its mean free path in tissue is under 2 mm."""
BATCHES: Final = 20
Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class PhotonSpectrum:
    """Lines that are followed, and the energy of those too soft to be."""

    energies_keV: Float64
    photons_per_decay: Float64
    local_MeV: float
    """Energy per decay absorbed in the source itself [MeV]."""

    @property
    def followed_MeV(self) -> float:
        """Energy per decay of the followed lines [MeV]."""
        return float(self.energies_keV @ self.photons_per_decay) / 1000


def photon_spectrum(nuclide: Nuclide, least_keV: float = LEAST_FOLLOWED_keV) -> PhotonSpectrum:
    """Photon lines of a nuclide, none left out: below `least_keV` counted as absorbed where they arise.

    Examples
    --------
    >>> from theratrial.nuclides import nuclide
    >>> spectrum = photon_spectrum(nuclide("Lu-177"))
    >>> round(1000 * (spectrum.followed_MeV + spectrum.local_MeV), 2)
    35.1
    """
    followed = [line for line in nuclide.photon_lines if line.energy_keV >= least_keV]
    soft = [line for line in nuclide.photon_lines if line.energy_keV < least_keV]
    return PhotonSpectrum(
        energies_keV=np.array([line.energy_keV for line in followed]),
        photons_per_decay=np.array([line.yield_per_decay for line in followed]),
        local_MeV=math.fsum(line.energy_keV * line.yield_per_decay for line in soft) / 1000,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """A phantom as transport reads it."""

    voxels: NDArray[np.uint8]
    voxel_cm: float
    medium: NDArray[np.int64]
    """Row of the photon tables per region number; outside is 0 and not used."""
    density_g_per_mL: Float64
    tables: PhotonTables
    marrow_row: int


@cache
def phantom_geometry(name: str) -> Geometry:
    """Geometry of a shipped phantom."""
    return geometry(phantom(name))


def geometry(body: Phantom) -> Geometry:
    """Geometry of a phantom; red marrow is a medium of its own, in which bones are scored a second time."""
    media = sorted({region.medium for region in body.regions} | {MARROW})
    return Geometry(
        voxels=body.voxels,
        voxel_cm=body.voxel_mm / 10,
        medium=np.array([0, *(media.index(region.medium) for region in body.regions)]),
        density_g_per_mL=np.array([0.0, *(region.density_g_per_mL for region in body.regions)]),
        tables=photon_tables(media),
        marrow_row=media.index(MARROW),
    )


@dataclass(frozen=True, slots=True)
class Task:
    """One batch of histories from one region; repeated exactly from its seed."""

    phantom: str
    source_number: int
    nuclide: str
    histories: int
    seed: tuple[int, ...]


@njit(cache=True)
def _flight(
    rng: np.random.Generator,
    voxels: NDArray[np.uint8],
    voxel_cm: float,
    per_cm: Float64,
    place: Float64,
    direction: tuple[float, float, float],
    tracks_cm: Float64,
) -> int:
    """Move `place` [voxels] to the next interaction; the region it is in, or 0 if the photon left.

    Lengths crossed are added to `tracks_cm` per region.
    """
    nz, ny, nx = voxels.shape
    x, y, z = place[0], place[1], place[2]
    u, v, w = direction
    i, j, k = int(x), int(y), int(z)
    step_i, step_j, step_k = (1 if u > 0 else -1), (1 if v > 0 else -1), (1 if w > 0 else -1)
    far = 1e30
    gap_x = abs(1.0 / u) if u != 0 else far
    gap_y = abs(1.0 / v) if v != 0 else far
    gap_z = abs(1.0 / w) if w != 0 else far
    next_x = ((i + 1 - x) if u > 0 else (x - i)) * gap_x if u != 0 else far
    next_y = ((j + 1 - y) if v > 0 else (y - j)) * gap_y if v != 0 else far
    next_z = ((k + 1 - z) if w > 0 else (z - k)) * gap_z if w != 0 else far
    left = -math.log(1.0 - rng.random())
    gone = 0.0
    while 0 <= i < nx and 0 <= j < ny and 0 <= k < nz:
        region = voxels[k, j, i]
        end = min(next_x, next_y, next_z)
        length = (end - gone) * voxel_cm
        if region:
            depth = per_cm[region] * length
            if depth >= left:
                length = left / per_cm[region]
                tracks_cm[region] += length
                gone += length / voxel_cm
                place[0], place[1], place[2] = x + u * gone, y + v * gone, z + w * gone
                return region
            left -= depth
            tracks_cm[region] += length
        gone = end
        if end == next_x:
            i += step_i
            next_x += gap_x
        elif end == next_y:
            j += step_j
            next_y += gap_y
        else:
            k += step_k
            next_z += gap_z
    return 0


@njit(cache=True)
def _histories(
    rng: np.random.Generator,
    voxels: NDArray[np.uint8],
    voxel_cm: float,
    medium: NDArray[np.int64],
    density: Float64,
    tables: PhotonTables,
    marrow_row: int,
    source_voxels: NDArray[np.int64],
    energies_keV: Float64,
    cumulative: Float64,
    histories: int,
) -> tuple[Float64, Float64]:
    """Energy transferred per region [keV], and the same per gram of red marrow times the region's mass."""
    count = medium.size
    absorbed, in_marrow = np.zeros(count), np.zeros(count)
    tracks_cm, per_cm = np.zeros(count), np.zeros(count)
    rows = tables.total_cm2_per_g.shape[0]
    total, transfer = np.zeros(rows), np.zeros(rows)
    place = np.zeros(3)
    _, ny, nx = voxels.shape
    for _ in range(histories):
        chosen = source_voxels[int(rng.random() * source_voxels.size)]
        place[0] = chosen % nx + rng.random()
        place[1] = chosen // nx % ny + rng.random()
        place[2] = chosen // (nx * ny) + rng.random()
        energy = energies_keV[np.searchsorted(cumulative, rng.random())]
        direction = isotropic_direction(rng)
        at = -1.0
        while energy > 0:
            if energy != at:
                at = energy
                for row in range(rows):
                    total[row] = coefficient_cm2_per_g(tables.total_cm2_per_g, tables.energy_step, row, energy)
                    transfer[row] = coefficient_cm2_per_g(
                        tables.energy_transfer_cm2_per_g, tables.energy_step, row, energy
                    )
                for region in range(1, count):
                    per_cm[region] = total[medium[region]] * density[region]
            tracks_cm[:] = 0.0
            region = _flight(rng, voxels, voxel_cm, per_cm, place, direction, tracks_cm)
            for crossed in range(1, count):
                if tracks_cm[crossed] > 0:
                    fluence = tracks_cm[crossed] * density[crossed] * energy
                    absorbed[crossed] += fluence * transfer[medium[crossed]]
                    in_marrow[crossed] += fluence * transfer[marrow_row]
            if region == 0:
                break
            energy, direction = after_interaction(rng, tables, medium[region], energy, direction)
    return absorbed, in_marrow


@cache
def _source_voxels(name: str, number: int) -> NDArray[np.int64]:
    return np.flatnonzero(phantom_geometry(name).voxels == number)


@cache
def _spectrum_of(name: str) -> PhotonSpectrum:
    from theratrial.nuclides import nuclide

    return photon_spectrum(nuclide(name))


def energy_absorbed_in_keV(
    form: Geometry,
    source_voxels: NDArray[np.int64],
    spectrum: PhotonSpectrum,
    histories: int,
    rng: np.random.Generator,
) -> Float64:
    """Mean energy per emitted photon, ``(2, regions + 1)``: absorbed [keV], and had all of a region been red marrow.

    Assumes uniform activity in the source voxels and that electrons stay where they are set in motion. What leaves the
    grid is lost.

    Parameters
    ----------
    source_voxels
        Flat indices into ``form.voxels``.

    Raises
    ------
    InputError
        If there is no voxel or no photon line to start from.
    """
    if source_voxels.size == 0 or spectrum.energies_keV.size == 0:
        raise InputError(
            f"{source_voxels.size} source voxels and {spectrum.energies_keV.size} lines: nothing to follow"
        )
    cumulative = np.cumsum(spectrum.photons_per_decay)
    # The last one stands above any number drawn, whatever the rounding.
    cumulative = np.append(cumulative[:-1] / cumulative[-1], 2.0)
    sums = _histories(
        rng,
        form.voxels,
        form.voxel_cm,
        form.medium,
        form.density_g_per_mL,
        form.tables,
        form.marrow_row,
        source_voxels,
        spectrum.energies_keV,
        cumulative,
        histories,
    )
    return np.array(sums) / histories


def energy_absorbed_keV(task: Task) -> Float64:
    """`energy_absorbed_in_keV` of one batch of a shipped phantom."""
    return energy_absorbed_in_keV(
        phantom_geometry(task.phantom),
        _source_voxels(task.phantom, task.source_number),
        _spectrum_of(task.nuclide),
        task.histories,
        np.random.Generator(np.random.PCG64(np.random.SeedSequence(task.seed))),
    )


def tasks(
    name: str, nuclide: str, sources: Sequence[int], histories: int, seed: int, batches: int = BATCHES, first: int = 0
) -> list[Task]:
    """Batches of all sources, each with its own seed; `first` numbers the batches on when more are needed."""
    share = max(math.ceil(histories / batches), 1)
    return [
        Task(name, number, nuclide, share, (seed, number, batch))
        for number in sources
        for batch in range(first, first + batches)
    ]
