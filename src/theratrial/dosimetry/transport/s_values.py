"""Organ S values of a nuclide in an adult phantom: photons by Monte Carlo, electrons and alphas by stated fractions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from theratrial.dosimetry.transport import s_value_fractions as fractions
from theratrial.dosimetry.transport.organ_monte_carlo import (
    BATCHES,
    Float64,
    PhotonSpectrum,
    energy_absorbed_keV,
    photon_spectrum,
    tasks,
)
from theratrial.dosimetry.transport.phantoms import Phantom, phantom
from theratrial.dosimetry.transport.values import SValue, SValueTable
from theratrial.errors import InputError
from theratrial.nuclides import Nuclide, nuclide
from theratrial.workers import in_processes

METHOD: Final = "dosimetry.organ_s_values"
VERSION: Final = "1"
GY_PER_MEV_PER_G: Final = 1.602176634e-10
DECAYS_PER_MBQ_H: Final = 3.6e9
HISTORIES: Final = 200_000
_RECIPROCAL_ABOVE: Final = 0.05
"""A cross term less certain than this takes the value of its reciprocal, where that one is more certain."""
_LEAST_CERTAIN: Final = 0.3
"""A cross term less certain than this is not given: it is not known, which is not zero."""
_MOST_ROUNDS: Final = 8


def _silent(_what: str) -> None:
    """Told of each batch that is done, and keeps it to itself."""


@dataclass(frozen=True, slots=True, eq=False)
class AbsorbedEnergies:
    """What transport gave: batches of mean energy per emitted photon [keV].

    Parameters
    ----------
    absorbed_keV, marrow_keV
        ``(batch, source, target)`` over the phantom's regions; `marrow_keV` as if the target were all red marrow.
    """

    absorbed_keV: Float64
    marrow_keV: Float64
    histories_per_source: tuple[int, ...]
    reciprocal: frozenset[tuple[str, str]] = field(default_factory=frozenset)


def first_round_batches(phantom_name: str) -> int:
    """Batches of the first round, for a progress display; there may be more rounds."""
    return BATCHES * len(phantom(phantom_name).regions)


def _relative_sd(batches: Float64) -> float:
    mean = float(batches.mean())
    return float(batches.std(ddof=1)) / math.sqrt(batches.size) / mean if mean > 0 else math.inf


@dataclass(frozen=True, slots=True)
class TransportPlan:
    """How long to transport: photons per source region in the first round, and the certainty to reach."""

    histories: int
    relative_sd: float
    seed: int
    workers: int

    def __post_init__(self) -> None:
        if self.histories < BATCHES or not 0 < self.relative_sd < 1 or self.seed < 0 or self.workers < 1:
            got = f"{self.histories}, {self.relative_sd}, {self.seed}, {self.workers}"
            raise InputError(
                f"histories, relative_sd, seed, workers are {got}; allowed are at least {BATCHES}, between 0 and 1, "
                "at least 0, at least 1"
            )


def absorbed_energies(
    body: Phantom, nuclide_name: str, plan: TransportPlan, tell: Callable[[str], None]
) -> AbsorbedEnergies:
    """Transport from every region, in rounds until self-absorption is as certain as asked.

    Raises
    ------
    InputError
        If it is not after eight rounds, each of twice the histories of the one before.
    """
    count = len(body.regions)
    sums = np.zeros((2, BATCHES, count, count))
    done = np.zeros(count, dtype=np.int64)
    open_sources = list(range(count))
    for turn in range(_MOST_ROUNDS):
        numbers, histories = [s + 1 for s in open_sources], plan.histories * 2**turn
        work = tasks(body.name, nuclide_name, numbers, histories, plan.seed, first=turn * BATCHES)
        for task, energy in zip(work, in_processes(energy_absorbed_keV, work, plan.workers), strict=True):
            source, batch = task.source_number - 1, task.seed[2] % BATCHES
            sums[:, batch, source] += energy[:, 1:] * task.histories
            done[source] += task.histories
            tell(body.regions[source].name)
        open_sources = [s for s in open_sources if _relative_sd(sums[0, :, s, s]) > plan.relative_sd]
        if not open_sources:
            mean = sums / (done / BATCHES)[None, None, :, None]
            return AbsorbedEnergies(mean[0], mean[1], tuple(int(n) for n in done))
    names = ", ".join(body.regions[s].name for s in open_sources)
    raise InputError(f"self-absorption of {names} stays less certain than {plan.relative_sd:g}; ask for more histories")


def with_reciprocals(body: Phantom, energies: AbsorbedEnergies) -> AbsorbedEnergies:
    """Poor cross terms between regions that are not bone taken from the other direction.

    Assumes equal specific absorbed fractions both ways, which is exact in a uniform medium and good to a few percent
    between soft tissues and lung.
    """
    masses = np.array(list(body.voxel_masses_g.values()))
    absorbed, swapped = energies.absorbed_keV.copy(), set()
    soft = [n for n, region in enumerate(body.regions) if region.medium != "skeleton"]
    sd = {(s, t): _relative_sd(energies.absorbed_keV[:, s, t]) for s in soft for t in soft}
    for (s, t), here in sd.items():
        if s != t and here > _RECIPROCAL_ABOVE and sd[t, s] < here:
            absorbed[:, s, t] = energies.absorbed_keV[:, t, s] / masses[s] * masses[t]
            swapped.add((body.regions[t].name, body.regions[s].name))
    return AbsorbedEnergies(absorbed, energies.marrow_keV, energies.histories_per_source, frozenset(swapped))


def _photon_dose_per_source(body: Phantom, energies: AbsorbedEnergies) -> dict[tuple[str, str], Float64]:
    """(target, source) -> batches of mean energy per gram and emitted photon [keV/g], composite regions included."""
    masses = np.array(list(body.voxel_masses_g.values()))
    names = [region.name for region in body.regions]
    marrow = np.array([region.red_marrow_fraction for region in body.regions])
    bone = np.array([region.medium == "skeleton" for region in body.regions])
    direct = with_reciprocals(body, energies).absorbed_keV
    # How activity of a source stands in the regions, and how a target's mean dose is made of their energies.
    source_shares = {name: row for name, row in zip(names, np.eye(len(names)), strict=True) if name in _shown(body)}
    source_shares[fractions.TOTAL_BODY] = masses / masses.sum()
    source_shares[fractions.SKELETON] = np.where(bone, masses, 0) / masses[bone].sum()
    source_shares[fractions.RED_MARROW] = marrow / marrow.sum()
    source_shares[fractions.TRABECULAR_BONE] = marrow / marrow.sum()
    doses: dict[tuple[str, str], Float64] = {}
    for source, shares in source_shares.items():
        absorbed = np.einsum("s,bst->bt", shares, direct)
        all_energy = np.einsum("s,bst->b", shares, energies.absorbed_keV)
        in_marrow = np.einsum("s,bst->bt", shares, energies.marrow_keV)
        for number, name in enumerate(names):
            if name in _shown(body):
                doses[name, source] = absorbed[:, number] / masses[number]
        doses[fractions.TOTAL_BODY, source] = all_energy / masses.sum()
        doses[fractions.SKELETON, source] = absorbed[:, bone].sum(axis=1) / masses[bone].sum()
        doses[fractions.RED_MARROW, source] = (in_marrow / masses) @ (marrow / marrow.sum())
    return doses


def _shown(body: Phantom) -> set[str]:
    return {region.name for region in body.regions if region.medium != "skeleton"}


def reference_masses_g(body: Phantom) -> dict[str, float]:
    """Masses of all regions that S values are given for [g].

    Examples
    --------
    >>> masses = reference_masses_g(phantom("adult_female"))
    >>> masses["liver"], masses["red_marrow"], masses["total_body"]
    (1400.0, 900.0, 60000.0)
    """
    masses = {r.name: r.reference_mass_g for r in body.regions if r.name in _shown(body)}
    masses[fractions.SKELETON] = sum(r.reference_mass_g for r in body.regions if r.medium == "skeleton")
    masses[fractions.RED_MARROW] = body.red_marrow_g
    masses[fractions.TRABECULAR_BONE] = fractions.TRABECULAR_BONE_G[body.sex]
    masses[fractions.TOTAL_BODY] = sum(r.reference_mass_g for r in body.regions)
    return {name: round(mass, 3) for name, mass in masses.items()}


def _value(
    pair: tuple[str, str], photon_keV_per_g: Float64, masses_g: Mapping[str, float], of: Nuclide, lines: PhotonSpectrum
) -> SValue:
    unit = GY_PER_MEV_PER_G * DECAYS_PER_MBQ_H
    per_gram = fractions.charged_share_per_g(*pair, masses_g)
    photons = float(lines.photons_per_decay.sum()) / 1000
    followed = float(photon_keV_per_g.mean()) * photons
    photon = followed + lines.local_MeV * per_gram
    sd = _relative_sd(photon_keV_per_g) if followed > 0 else 0.0
    return SValue(
        electron_Gy_per_MBq_h=of.electron_MeV * per_gram * unit,
        photon_Gy_per_MBq_h=photon * unit,
        alpha_Gy_per_MBq_h=(of.alpha_MeV + of.alpha_recoil_MeV) * fractions.alpha_share_per_g(*pair, masses_g) * unit,
        photon_relative_sd=sd * followed / photon if photon > 0 else 0.0,
    )


def s_value_table(
    phantom_name: str,
    nuclide_name: str,
    *,
    seed: int,
    histories: int = HISTORIES,
    relative_sd: float = 0.01,
    workers: int = 1,
    tell: Callable[[str], None] = _silent,
) -> SValueTable:
    """S values of a nuclide between all regions of an adult phantom.

    Assumes what ``docs/methods/s_values.md`` says: electrons local except between contents and wall, marrow and bone;
    photons below 10 keV local; no bremsstrahlung; no progeny.

    Parameters
    ----------
    histories
        Photons per source region in the first round.
    relative_sd
        Rounds go on until each region's self-absorbed photon energy is known with this relative standard deviation.
    seed
        The same seed gives the same table, whatever `workers`.
    tell
        Called with the source region's name after each batch; the first round has 20 batches per region.

    Raises
    ------
    InputError
        If the phantom is unknown, a number makes no sense, or the nuclide emits no photon and no charged particle.
    """
    plan = TransportPlan(histories, relative_sd, seed, workers)
    body, of = phantom(phantom_name), nuclide(nuclide_name)
    if of.fission_or_neutron:
        raise InputError(f"{of.name} emits neutrons or fission fragments, which are not transported")
    lines, masses = photon_spectrum(of), reference_masses_g(body)
    count = len(body.regions)
    if lines.energies_keV.size:
        energies = absorbed_energies(body, of.name, plan, tell)
    else:
        energies = AbsorbedEnergies(np.zeros((2, count, count)), np.zeros((2, count, count)), (0,) * count)
    doses = _photon_dose_per_source(body, energies)
    swapped = len(with_reciprocals(body, energies).reciprocal)
    unseen = {
        pair
        for pair, batches in doses.items()
        if fractions.charged_share_per_g(*pair, masses) == 0 and _relative_sd(batches) > _LEAST_CERTAIN
    }
    return SValueTable(
        phantom=body.name,
        sex=body.sex,
        nuclide=of.name,
        masses_g=masses,
        values={pair: _value(pair, doses[pair], masses, of, lines) for pair in sorted(doses) if pair not in unseen},
        source=f"computed:{METHOD}@{VERSION}#{of.source}#{body.source}#histories={histories}#relative_sd={relative_sd:g}"
        f"#seed={seed}",
        notes=(
            f"{sum(energies.histories_per_source)} histories",
            f"{swapped} cross terms less certain than {_RECIPROCAL_ABOVE:.0%} are those of the other direction",
            f"{len(unseen)} cross terms left out: not known to {_LEAST_CERTAIN:.0%}",
        ),
    )
