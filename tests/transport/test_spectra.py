"""Electron spectra of decays: energy, sampling, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.dosimetry.transport.spectra import (
    ElectronSpectrum,
    above,
    electron_spectrum,
    energies_at,
    mono_energetic,
    particles_per_decay,
)
from theratrial.errors import InputError, SourceError
from theratrial.nuclides.spectra import electron_emissions

ROWS = [("Lu-177", 147.92, 0.005), ("Y-90", 933.1, 0.05), ("I-131", 191.9, 0.1), ("Tb-161", 202.5, 0.1)]
ALL = ("Lu-177", "Y-90", "I-131", "Ga-68", "In-111", "Zr-89", "Tb-161", "Tc-99m")


@pytest.mark.parametrize(("name", "energy_keV", "tolerance"), ROWS)
def test_mean_electron_energies_are_as_printed(name: str, energy_keV: float, tolerance: float, validation) -> None:
    validation(
        f"electron energy per decay of {name}, spectrum and lines",
        expected=energy_keV,
        got=electron_spectrum(name).energy_keV,
        unit="keV",
        source="ICRP 107 (2008) sums; 177Lu as in EJNMMI Phys 2020, s40658-020-00301-2, table 1",
        absolute=tolerance,
    )


def test_tabulated_spectrum_of_lutetium_carries_more_than_its_branches(validation) -> None:
    emitted = electron_emissions("Lu-177")
    nodes, density = np.array(emitted.beta_keV), np.array(emitted.beta_per_keV)
    validation(
        "first moment of the tabulated 177Lu beta spectrum, trapezoid on its nodes",
        expected=133.27,
        got=float(np.trapezoid(nodes * density, nodes)),
        unit="keV",
        source="ICRP 107 branch mean energies times yields",
        relative=0.006,
        not_matched_because="tabulated spectrum and branch means of ICRP 107 differ by 0.2-0.6 % with the rule of "
        "interpolation; the spectrum is scaled to the branches",
    )
    assert electron_spectrum("Lu-177").beta_energy_keV == pytest.approx(133.27, abs=0.005)


@pytest.mark.parametrize("name", ALL)
def test_equally_spaced_quantiles_carry_the_energy_of_the_spectrum(name: str) -> None:
    spectrum = electron_spectrum(name)
    energy, is_beta = energies_at(spectrum, (np.arange(100_000) + 0.5) / 100_000)
    assert energy.mean() * particles_per_decay(spectrum) == pytest.approx(spectrum.energy_keV, rel=5e-4)
    assert energy.max() <= spectrum.highest_keV
    assert bool(is_beta.any()) == bool(len(spectrum.nodes_keV))


@given(st.floats(0.01, 600.0))
def test_what_is_above_and_below_a_cut_off_is_all_there_is(cutoff_keV: float) -> None:
    spectrum = electron_spectrum("Lu-177")
    kept = above(spectrum, cutoff_keV)
    if kept is None:
        assert cutoff_keV >= spectrum.highest_keV
        return
    energy, _ = energies_at(spectrum, (np.arange(40_000) + 0.5) / 40_000)
    sampled = energy[energy > cutoff_keV].sum() / 40_000 * particles_per_decay(spectrum)
    assert kept.energy_keV == pytest.approx(sampled, rel=0.01, abs=0.05)


def test_positron_emitters_emit_positrons_and_beta_emitters_do_not() -> None:
    assert electron_spectrum("Ga-68").positron_share == 1.0
    assert electron_spectrum("Y-90").positron_share == pytest.approx(0.0, abs=1e-4)
    assert mono_energetic(500.0, positron=True).positron_share == 1.0


def test_unknown_nuclides_and_impossible_energies_are_refused() -> None:
    with pytest.raises(SourceError, match="Xx-999"):
        electron_spectrum("Xx-999")
    with pytest.raises(InputError, match="above 0"):
        mono_energetic(0.0)
    empty = np.empty(0)
    with pytest.raises(InputError, match="emits no electrons"):
        ElectronSpectrum("none", empty, empty, empty, empty)
