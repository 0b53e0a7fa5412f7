"""Decay data against printed values."""

from __future__ import annotations

import math

import pytest

from theratrial.nuclides import nuclide
from theratrial.units import delta_mGy_g_per_MBq_h


def test_lutetium_177_is_as_printed() -> None:
    # EJNMMI Phys 2020, s40658-020-00301-2, table 1 (ICRP 107).
    lu = nuclide("Lu-177")
    assert lu.half_life_h == pytest.approx(159.528, abs=1e-9)
    assert lu.beta_minus_MeV == pytest.approx(0.13327, abs=0.5e-5)
    assert lu.conversion_electron_MeV == pytest.approx(0.01352, abs=0.5e-5)
    assert lu.auger_MeV == pytest.approx(0.00113, abs=0.5e-5)
    assert lu.electron_MeV == pytest.approx(0.14792, abs=0.5e-5)
    assert lu.gamma_MeV == pytest.approx(0.03156, abs=0.5e-5)
    assert lu.x_ray_MeV == pytest.approx(0.00354, abs=0.5e-5)
    assert lu.photon_MeV * 1000 == pytest.approx(35.10, abs=0.005)
    assert lu.beta_plus_MeV == lu.annihilation_MeV == lu.alpha_MeV == lu.positron_yield == 0
    gammas = {round(line.energy_keV, 2): line.yield_per_decay for line in lu.photon_lines if line.kind == "gamma"}
    assert gammas == {71.65: 0.00154, 112.95: 0.064, 136.73: 0.00048, 208.37: 0.11, 249.67: 0.00212, 321.32: 0.00219}


def test_lutetium_177_electrons_give_85_32_mGy_g_per_MBq_h() -> None:
    # Independent of units.py: MeV -> J, per Bq s -> per MBq h, per kg -> per g, Gy -> mGy.
    lu = nuclide("Lu-177")
    by_hand = lu.electron_MeV * 1.602176634e-13 * 1e6 * 3600 * 1e3 * 1e3
    assert delta_mGy_g_per_MBq_h(lu.electron_MeV) == pytest.approx(85.32, abs=0.01)
    assert delta_mGy_g_per_MBq_h(lu.electron_MeV) == pytest.approx(by_hand, rel=1e-12)


# ICRP 107 as summed in another program: half-life [h], beta (either sign), CE, Auger, gamma, x, annihilation [MeV].
ROWS = [
    ("Ga-68", 67.71 / 60, 0.73738, None, 0.00055, 0.0396, None, 0.9087),
    ("Zr-89", 78.41, 0.08994, 0.0076, 0.0044, 0.9183, None, None),
    ("In-111", 2.8047 * 24, 0.0, 0.0279, 0.0069, 0.3861, 0.0200, 0.0),
    ("Y-90", 64.1, 0.93291, 0.0002, None, None, None, 0.0),
    ("I-131", 8.0207 * 24, 0.18187, 0.0096, 0.0004, 0.3812, None, 0.0),
    ("Tb-161", 6.906 * 24, 0.15426, 0.0393, 0.0089, None, None, 0.0),
    ("Lu-177m", 160.4 * 24, 0.0319, 0.2187, 0.0182, 0.9195, 0.081, 0.0),
]
ELECTRONS = {"Ga-68": 0.73793, "Zr-89": 0.1019, "In-111": 0.0348, "Y-90": 0.9331, "I-131": 0.1919, "Tb-161": 0.2025,
             "Lu-177m": 0.2688}  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_half_life_and_energies_per_decay_are_those_of_icrp_107(row: tuple) -> None:
    name, half_life_h, *energies = row
    found = nuclide(name)
    assert found.half_life_h == pytest.approx(half_life_h, rel=1e-12)
    ours = (
        found.beta_minus_MeV + found.beta_plus_MeV,
        found.conversion_electron_MeV,
        found.auger_MeV,
        found.gamma_MeV,
        found.x_ray_MeV,
        found.annihilation_MeV,
    )
    for got, printed in zip(ours, energies, strict=True):
        if printed is not None:
            digits = 5 if printed in (row[2], 0.00055) else 4
            assert got == pytest.approx(printed, abs=0.51 * 10**-digits if name != "Lu-177m" else 0.51e-4)
    # The totals of that program are sums of rounded parts.
    assert found.electron_MeV == pytest.approx(ELECTRONS[name], abs=1e-4)


def test_photon_sums_of_terbium_and_yttrium_are_as_tabulated() -> None:
    assert nuclide("Tb-161").photon_MeV == pytest.approx(0.0365, abs=0.5e-4)
    assert nuclide("Y-90").photon_MeV == pytest.approx(1.2e-6, abs=0.5e-7)


def test_gallium_68_gives_1_778_annihilation_photons_per_decay() -> None:
    gallium = nuclide("Ga-68")
    assert gallium.positron_yield == pytest.approx(0.8891, abs=0.5e-4)
    annihilation = [line for line in gallium.photon_lines if line.kind == "annihilation"]
    assert [line.energy_keV for line in annihilation] == [511.0]
    assert annihilation[0].yield_per_decay == pytest.approx(1.778, abs=0.0005)
    assert annihilation[0].yield_per_decay == pytest.approx(2 * gallium.positron_yield, rel=1e-4)


def test_the_physical_half_life_bounds_the_hundred_hour_decay_of_lutetium() -> None:
    # By hand: 2^(-100/159.528) = exp(-0.434495...) = 0.64759.
    assert nuclide("Lu-177").fraction_left(100.0) == pytest.approx(math.exp(-100 * 0.6931471806 / 159.528), rel=1e-9)
