"""Stopping powers, ranges and the electron Monte Carlo."""

from __future__ import annotations

import numpy as np
import pytest

from theratrial.dosimetry.transport import electrons_tables
from theratrial.dosimetry.transport.electrons import electron_deposition
from theratrial.dosimetry.transport.electrons_stopping import (
    collision_stopping_MeV_cm2_per_g,
    csda_range_g_per_cm2,
    mean_excitation_energy_eV,
    radiative_stopping_MeV_cm2_per_g,
)
from theratrial.dosimetry.transport.electrons_tables import electron_tables
from theratrial.dosimetry.transport.spectra import electron_spectrum, mono_energetic
from theratrial.errors import InputError

ESTAR = "NIST ESTAR (Berger, Coursey, Zucker, Chang), liquid water"


@pytest.mark.parametrize(("energy_MeV", "expected"), [(0.01, 22.56), (0.1, 4.115), (0.5, 2.034), (1.0, 1.849)])
def test_collision_stopping_powers_of_water_are_those_of_estar(energy_MeV: float, expected: float, validation) -> None:
    got = float(collision_stopping_MeV_cm2_per_g("water", np.array([energy_MeV]))[0])
    validation(
        f"collision stopping power of water at {energy_MeV} MeV",
        expected=expected,
        got=got,
        unit="MeV cm2/g",
        source=ESTAR,
        relative=0.006,
    )


@pytest.mark.parametrize(
    ("energy_MeV", "expected", "tolerance"),
    [(0.01, 2.515e-4, 0.02), (0.1, 1.431e-2, 0.003), (0.5, 0.1766, 0.003), (1.0, 0.4367, 0.003)],
)
def test_ranges_in_water_are_those_of_estar(energy_MeV: float, expected: float, tolerance: float, validation) -> None:
    got = float(csda_range_g_per_cm2("water", np.array([energy_MeV]))[0])
    validation(
        f"CSDA range in water at {energy_MeV} MeV",
        expected=expected,
        got=got,
        unit="g/cm2",
        source=ESTAR,
        relative=tolerance,
    )


def test_radiative_stopping_power_of_water_is_near_that_of_estar(validation) -> None:
    validation(
        "radiative stopping power of water at 1 MeV",
        expected=0.01280,
        got=float(radiative_stopping_MeV_cm2_per_g("water", np.array([1.0]))[0]),
        unit="MeV cm2/g",
        source=ESTAR,
        relative=0.13,
        not_matched_because="Born approximation with Z(Z + 1) without screening; 0.7 % of the energy loss at 1 MeV",
    )


@pytest.mark.parametrize(("medium", "expected"), [("soft_tissue", 74.7), ("cortical_bone", 112.0), ("adipose", 64.8)])
def test_mean_excitation_energies_are_those_printed_for_the_media(medium: str, expected: float, validation) -> None:
    validation(
        f"mean excitation energy of {medium} by additivity",
        expected=expected,
        got=mean_excitation_energy_eV(medium),
        unit="eV",
        source="NIST X-ray mass attenuation coefficients, table 2 (ICRU 44 media)",
        relative=0.01,
    )


def test_positrons_lose_more_at_low_and_less_at_high_energy() -> None:
    energy = np.array([0.01, 1.0])
    ratio = collision_stopping_MeV_cm2_per_g("water", energy, "positron") / collision_stopping_MeV_cm2_per_g(
        "water", energy
    )
    assert ratio[0] > 1.05
    assert 0.96 < ratio[1] < 1.0


def test_unknown_media_and_energies_beyond_the_tables_are_refused() -> None:
    rng = np.random.default_rng(1)
    with pytest.raises(InputError, match="no composition of medium 'jelly'"):
        electron_tables("jelly")
    with pytest.raises(InputError, match="tables end at 4"):
        electron_deposition(mono_energetic(5000.0), "water", histories=100, rng=rng)
    with pytest.raises(InputError, match="at least 20 histories"):
        electron_deposition(mono_energetic(500.0), "water", histories=3, rng=rng)


@pytest.mark.long
@pytest.mark.parametrize("positron", [False, True])
def test_energy_deposited_and_radiated_is_all_that_was_emitted(positron: bool) -> None:
    spectrum = mono_energetic(800.0, positron=positron)
    found = electron_deposition(spectrum, "soft_tissue", histories=400, rng=np.random.default_rng(4))
    assert found.deposited_keV + found.lost_keV == pytest.approx(spectrum.energy_keV, rel=1e-9)
    assert 0.001 < found.lost_keV / spectrum.energy_keV < 0.006


@pytest.mark.long
def test_the_same_seed_repeats_a_kernel_and_another_agrees_within_its_deviation() -> None:
    first, again, other = (
        electron_deposition(electron_spectrum("Lu-177"), "water", histories=4000, rng=np.random.default_rng(seed))
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first.energy_keV, again.energy_keV)
    well_met = first.energy_keV > 1.0
    difference = (first.energy_keV - other.energy_keV)[well_met]
    pull = difference / np.hypot(first.sd_keV, other.sd_keV)[well_met]
    assert well_met.sum() > 30
    assert 0.5 < pull.std() < 1.6
    assert np.abs(pull).max() < 6


@pytest.mark.long
def test_finer_steps_do_not_change_how_far_electrons_get(monkeypatch: pytest.MonkeyPatch) -> None:
    # What is hard shrinks from 3 % to 0.6 % of the transport mean free path: five times as many collisions one by one.
    def mean_radius(seed: int) -> tuple[float, float]:
        found = electron_deposition(mono_energetic(300.0), "water", histories=20_000, rng=np.random.default_rng(seed))
        middle = (found.edges_g_per_cm2[1:] + found.edges_g_per_cm2[:-1]) / 2
        share = middle / found.deposited_keV
        return float(share @ found.energy_keV), float(np.sqrt((share * found.sd_keV) @ (share * found.sd_keV)))

    coarse, coarse_sd = mean_radius(1)
    monkeypatch.setattr(electrons_tables, "_SOFT_SHARE", 0.006)
    electron_tables.cache_clear()
    try:
        fine, fine_sd = mean_radius(2)
    finally:
        electron_tables.cache_clear()
    assert coarse == pytest.approx(fine, rel=0.01)
    assert coarse_sd / coarse < 0.005
    assert fine_sd / fine < 0.005


@pytest.mark.long
def test_positrons_of_one_energy_get_about_as_far_as_electrons() -> None:
    radius = {}
    for positron in (False, True):
        found = electron_deposition(
            mono_energetic(800.0, positron=positron), "water", histories=5000, rng=np.random.default_rng(3)
        )
        middle = (found.edges_g_per_cm2[1:] + found.edges_g_per_cm2[:-1]) / 2
        radius[positron] = float(middle @ found.energy_keV) / found.deposited_keV
    assert 0.98 < radius[True] / radius[False] < 1.06
