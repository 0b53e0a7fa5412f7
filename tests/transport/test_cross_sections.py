"""Cross sections of tissues against NIST XCOM and against laws they must obey."""

from __future__ import annotations

import numpy as np
import pytest

from theratrial.dosimetry.transport.cross_sections import (
    composition,
    energies_keV,
    klein_nishina_barn,
    media_table,
    photon_tables,
    transfers_per_angstrom,
)
from theratrial.errors import InputError

MEDIA = sorted({row.text("medium") for row in media_table()})
XCOM = "NIST XCOM / NISTIR 5632 (Hubbell and Seltzer), liquid water"
# Energy [keV], attenuation without pair production and energy absorption [cm2/g].
WATER = (
    (5, 42.58, None),
    (10, 5.329, 4.944),
    (20, 0.8096, 0.5503),
    (50, 0.2269, 0.04223),
    (80, 0.1837, 0.02597),
    (100, 0.1707, 0.02546),
    (200, 0.1370, 0.02967),
    (500, 0.09687, 0.03299),
    (1000, 0.07072, 0.03103),
)
# ICRU-44 rows of the same report.
OTHERS = (
    ("cortical_bone", 30, 1.331, None),
    ("cortical_bone", 100, 0.1855, None),
    ("cortical_bone", 500, 0.09022, None),
    ("soft_tissue", 30, 0.3790, 0.1616),
    ("soft_tissue", 100, 0.1693, 0.02542),
    ("adipose", 100, 0.1688, None),
)


def at(energy_keV: float, table: np.ndarray) -> float:
    return float(np.exp(np.interp(np.log(energy_keV), np.log(energies_keV()), np.log(table))))


@pytest.mark.parametrize(("energy_keV", "attenuation", "absorption"), WATER)
def test_water_attenuates_as_in_xcom(validation, energy_keV, attenuation, absorption):
    tables = photon_tables(["water"])
    validation(
        f"Attenuation of water at {energy_keV} keV",
        expected=attenuation,
        got=at(energy_keV, tables.total_cm2_per_g[0]),
        unit="cm2/g",
        source=XCOM,
        relative=0.005,
    )
    if absorption is not None:
        validation(
            f"Energy transfer in water at {energy_keV} keV",
            expected=absorption,
            got=at(energy_keV, tables.energy_transfer_cm2_per_g[0]),
            unit="cm2/g",
            source=XCOM,
            relative=0.005,
        )


@pytest.mark.parametrize(("medium", "energy_keV", "attenuation", "absorption"), OTHERS)
def test_tissues_attenuate_as_in_the_tables_of_nist(validation, medium, energy_keV, attenuation, absorption):
    tables = photon_tables([medium])
    source = "NISTIR 5632 table 4, ICRU-44 tissue"
    for what, expected, table in (
        ("Attenuation", attenuation, tables.total_cm2_per_g),
        ("Energy transfer", absorption, tables.energy_transfer_cm2_per_g),
    ):
        if expected is None:
            continue
        validation(
            f"{what} in {medium} at {energy_keV} keV",
            expected=expected,
            got=at(energy_keV, table[0]),
            unit="cm2/g",
            source=source,
            relative=0.01,
        )


def test_fluorescence_of_calcium_is_counted_where_it_arises(validation):
    validation(
        "Energy transfer in cortical_bone at 30 keV",
        expected=1.070,
        got=at(30, photon_tables(["cortical_bone"]).energy_transfer_cm2_per_g[0]),
        unit="cm2/g",
        source="NISTIR 5632 table 4, ICRU-44 tissue",
        relative=0.02,
        not_matched_because="the report lets calcium's 3.7 keV fluorescence escape; here it stays, as it goes 0.1 mm",
    )


@pytest.mark.parametrize(("energy_keV", "attenuation"), [(1500, 0.05754), (2000, 0.04942), (3000, 0.03969)])
def test_pair_production_is_what_lacks_above_1022_keV(validation, energy_keV, attenuation):
    validation(
        f"Attenuation of water at {energy_keV} keV",
        expected=attenuation,
        got=at(energy_keV, photon_tables(["water"]).total_cm2_per_g[0]),
        unit="cm2/g",
        source=XCOM,
        relative=0.035,
        not_matched_because="pair production is left out: 0.3 % at 1.5 MeV, 1 % at 2 MeV, 3 % at 3 MeV",
    )


def test_free_electron_cross_section_has_the_thomson_limit():
    assert float(klein_nishina_barn(np.array([0.5]))[0]) == pytest.approx(0.665246 * (1 - 2 * 0.5 / 511), rel=1e-4)


@pytest.mark.parametrize("medium", MEDIA)
def test_mass_fractions_of_a_medium_sum_to_one(medium):
    assert sum(composition(medium).values()) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("medium", MEDIA)
def test_scattering_functions_stay_within_their_bounds(medium):
    tables = photon_tables([medium])
    function = tables.incoherent_function[0]
    assert function.min() >= 0
    assert function.max() <= 1 + 1e-9
    assert function[transfers_per_angstrom() > 30].min() > 0.98
    assert np.all(np.diff(function) > -2e-3), "more transfer frees no fewer electrons"
    assert np.all(np.diff(tables.squared_form_factor_integral[0]) > 0)
    assert np.all(tables.energy_transfer_cm2_per_g < tables.total_cm2_per_g)


def test_an_unknown_medium_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match=r"'cheese'.*water"):
        photon_tables(["cheese"])


def test_a_density_of_zero_is_refused():
    with pytest.raises(InputError, match="positive density"):
        photon_tables(["water"], [0.0])
