"""Point kernels: energy balance, shipped tables, refusals, on demand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from theratrial.dosimetry.transport.point_kernels import SHIPPED_MEDIA, SHIPPED_NUCLIDES, point_kernel, shipped_table
from theratrial.dosimetry.transport.point_kernels_values import RadialDeposition, energy_within_keV
from theratrial.errors import InputError, SourceError
from theratrial.nuclides import nuclide

BOTH = [(name, medium) for medium in SHIPPED_MEDIA for name in SHIPPED_NUCLIDES]


@pytest.mark.parametrize(("name", "medium"), BOTH)
def test_electron_energy_is_deposited_but_for_bremsstrahlung(name: str, medium: str) -> None:
    kernel, known = point_kernel(name, medium), nuclide(name)
    assert kernel.electron.emitted_keV == pytest.approx(known.electron_MeV * 1000)
    # Bremsstrahlung of electrons of up to 2 MeV in tissue: under 1 % (ESTAR: 0.85 % in water at 2 MeV).
    assert 0.0002 < kernel.electron.lost_keV / kernel.electron.emitted_keV < 0.0085
    assert kernel.electron.sd_keV.max() < 0.01 * kernel.electron.energy_keV.max()


@pytest.mark.parametrize(("name", "medium"), BOTH)
def test_photon_kernels_reach_300_mm_and_hold_no_more_than_is_emitted(name: str, medium: str) -> None:
    kernel = point_kernel(name, medium)
    assert kernel.photon.edges_g_per_cm2[-1] * 10 >= 300
    assert kernel.photon.deposited_keV <= kernel.photon.emitted_keV
    assert kernel.photon.deposited_keV > 0.85 * kernel.photon.emitted_keV
    within = [energy_within_keV(kernel.photon, radius, 1.0) for radius in (0.0, 1.0, 10.0, 100.0, 300.0)]
    assert within[0] == 0
    assert all(a < b for a, b in itertools.pairwise(within))


def test_water_and_soft_tissue_differ_by_little_but_differ() -> None:
    tissue, water = (point_kernel("Lu-177", medium).electron for medium in ("soft_tissue", "water"))
    one, other = energy_within_keV(tissue, 0.3, 1.0), energy_within_keV(water, 0.3, 1.0)
    assert one != other
    assert one == pytest.approx(other, rel=0.02)


def test_distances_are_mass_per_area() -> None:
    photon = point_kernel("Lu-177").photon
    assert energy_within_keV(photon, 100.0, 1.5) == pytest.approx(energy_within_keV(photon, 150.0, 1.0))


def test_a_radius_beyond_the_kernel_is_refused() -> None:
    with pytest.raises(InputError, match="beyond the kernel's 400 mm"):
        energy_within_keV(point_kernel("Lu-177").photon, 500.0, 1.0)


def test_unknown_nuclides_and_media_are_refused() -> None:
    with pytest.raises(SourceError, match="Xx-999"):
        point_kernel("Xx-999")
    with pytest.raises(InputError, match="no medium 'jelly'; known are"):
        point_kernel("Lu-177", "jelly")


def test_shells_that_do_not_rise_are_refused() -> None:
    ones = np.ones(2)
    with pytest.raises(InputError, match="start at 0 and rise"):
        RadialDeposition("water", np.array([0.0, 2.0, 1.0]), ones, ones, 2.0, 0.0)
    with pytest.raises(InputError, match="not negative"):
        RadialDeposition("water", np.array([0.0, 1.0, 2.0]), -ones, ones, 2.0, 0.0)


def test_passports_say_how_many_histories() -> None:
    for name, medium in BOTH:
        assert "photons, seed" in shipped_table(name, medium).passport.how_entered


@pytest.mark.long
def test_a_kernel_made_again_is_the_shipped_one_within_statistics() -> None:
    from theratrial.dosimetry.transport.point_kernels_computed import computed_point_kernel

    made = computed_point_kernel("Lu-177", histories=10_000, photon_histories=100_000, seed=99)
    shipped = point_kernel("Lu-177")
    for part in ("electron", "photon"):
        one, other = getattr(made, part), getattr(shipped, part)
        met = one.energy_keV > 0.004 * one.deposited_keV
        pull = (one.energy_keV - other.energy_keV)[met] / np.hypot(one.sd_keV, other.sd_keV)[met]
        assert met.sum() > 25
        assert 0.5 < pull.std() < 1.6
        assert one.deposited_keV == pytest.approx(other.deposited_keV, rel=0.01)


@pytest.mark.long
def test_nuclides_that_are_not_shipped_are_made_when_asked_for() -> None:
    kernel = point_kernel("Tb-161")
    assert kernel.source.startswith("given:own Monte Carlo")
    assert kernel.electron.emitted_keV == pytest.approx(nuclide("Tb-161").electron_MeV * 1000)
    assert point_kernel("161Tb") is kernel
