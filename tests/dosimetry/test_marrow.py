"""Red marrow from blood and from vertebrae."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from organ_cast import LU, consistent_table

from theratrial.dosimetry.organ.dose import REMAINDER, SourceActivity, organ_dose
from theratrial.dosimetry.organ.marrow import (
    marrow_from_blood,
    marrow_from_concentration,
    marrow_from_vertebrae,
    patient_marrow_mass_g,
    red_marrow_to_blood_ratio,
)
from theratrial.errors import InputError
from theratrial.units import delta_mGy_g_per_MBq_h

TABLE = consistent_table()


def test_marrow_to_blood_follows_the_haematocrit() -> None:
    assert red_marrow_to_blood_ratio(0.47) == pytest.approx(0.19 / 0.53)
    assert red_marrow_to_blood_ratio(0.30) < red_marrow_to_blood_ratio(0.45)


@pytest.mark.parametrize("haematocrit", [0.0, 1.0, 40.0, -0.1, float("nan")])
def test_a_haematocrit_in_percent_is_refused(haematocrit) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        red_marrow_to_blood_ratio(haematocrit)


@given(st.floats(400.0, 2500.0))
def test_the_mass_of_the_marrow_cancels_in_its_own_electron_dose(mass_g) -> None:
    """Blood gives a concentration; what counts for the self dose of electrons is that concentration alone."""
    source = marrow_from_blood(5.0, marrow_to_blood_ratio=0.36, marrow_mass_g=mass_g)
    dose = organ_dose("red_marrow", [source], TABLE, LU, patient_masses_g={"red_marrow": mass_g})
    expected = 5.0 * 0.36 * delta_mGy_g_per_MBq_h(LU.electron_MeV) / 1000
    assert dose.part_Gy("electron_self") == pytest.approx(expected)


def test_remainder_and_organs_add_to_the_marrow() -> None:
    own = marrow_from_blood(5.0, marrow_to_blood_ratio=0.36, marrow_mass_g=900.0)
    alone = organ_dose("red_marrow", [own], TABLE, LU)
    sources = [own, SourceActivity("liver", 2e4), SourceActivity(REMAINDER, 8e4)]
    whole = organ_dose("red_marrow", sources, TABLE, LU)
    cross = 8e4 * whole_rest_s() + 2e4 * TABLE.value("red_marrow", "liver").photon_Gy_per_MBq_h
    assert whole.absorbed_dose_Gy == pytest.approx(alone.absorbed_dose_Gy + cross)
    assert whole.part_Gy("photon_cross", source=REMAINDER) > 0


def whole_rest_s() -> float:
    """S of what is left when liver and marrow are sources: kidneys, spleen and rest by mass."""
    left = {name: TABLE.masses_g[name] for name in ("kidneys", "spleen", "rest")}
    total = sum(left.values())
    return sum(TABLE.value("red_marrow", name).total_Gy_per_MBq_h * mass for name, mass in left.items()) / total


def test_vertebrae_stand_for_all_marrow_by_their_share() -> None:
    source = marrow_from_vertebrae(
        67.0, share_of_marrow_fraction=0.067, relative_sd=0.1, share_relative_sd=0.2, source="value:spine"
    )
    assert source.time_integrated_activity_MBq_h == pytest.approx(1000.0)
    assert source.relative_sd == pytest.approx(0.05**0.5)
    assert "0.067" in source.source


def test_a_concentration_in_the_vertebrae_stands_for_all_marrow_by_mass() -> None:
    source = marrow_from_concentration(
        10.0,
        region_volume_mL=50.0,
        marrow_volume_fraction=0.5,
        marrow_density_g_per_mL=1.03,
        marrow_mass_g=900.0,
    )
    assert source.time_integrated_activity_MBq_h == pytest.approx(10.0 / (50 * 0.5 * 1.03) * 900)


def test_the_patients_marrow_follows_body_mass() -> None:
    assert patient_marrow_mass_g(900.0, patient_kg=72.0, reference_kg=60.0) == pytest.approx(1080.0)


def test_uncertainty_not_known_stays_not_known() -> None:
    assert marrow_from_blood(1.0, marrow_to_blood_ratio=1.0, marrow_mass_g=1.0, relative_sd=0.1).relative_sd is None


@pytest.mark.parametrize(
    "call",
    [
        lambda: marrow_from_blood(-1.0, marrow_to_blood_ratio=0.3, marrow_mass_g=900.0),
        lambda: marrow_from_blood(1.0, marrow_to_blood_ratio=0.0, marrow_mass_g=900.0),
        lambda: marrow_from_blood(1.0, marrow_to_blood_ratio=0.3, marrow_mass_g=0.0),
        lambda: marrow_from_vertebrae(1.0, share_of_marrow_fraction=6.7),
        lambda: marrow_from_vertebrae(float("nan"), share_of_marrow_fraction=0.1),
        lambda: patient_marrow_mass_g(900.0, patient_kg=0.0, reference_kg=60.0),
        lambda: marrow_from_concentration(
            1.0, region_volume_mL=0.0, marrow_volume_fraction=1, marrow_density_g_per_mL=1.03, marrow_mass_g=900.0
        ),
    ],
)
def test_bad_input_is_refused(call) -> None:
    with pytest.raises(InputError):
        call()
