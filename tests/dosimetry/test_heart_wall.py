"""Heart wall and its contents."""

from __future__ import annotations

from dataclasses import replace

import pytest
from organ_cast import LU

from theratrial.dosimetry.organ.dose import SourceActivity, organ_dose
from theratrial.dosimetry.organ.heart import heart_sources, heart_sources_by_mass
from theratrial.dosimetry.organ.parts import electron_self_s_value, remainder_s_value, wall_surface_s_value
from theratrial.dosimetry.transport.values import SValue, SValueTable
from theratrial.errors import InputError

TABLE = SValueTable(
    "made",
    "F",
    "Lu-177",
    {"heart_wall": 250.0, "heart_contents": 370.0},
    {
        ("heart_wall", "heart_wall"): SValue(9.57e-5 * 3.6, 0.0),
        ("heart_wall", "heart_contents"): SValue(3.32e-5 * 3.6, 0.0),
    },
    "given:OLINDA-type female",
    statistics_known=False,
    parts_known=False,
)


def test_wall_and_contents_add_up_to_the_region() -> None:
    contents, wall = heart_sources(
        620.0, blood_MBq_h_per_g=1.2, contents_mass_g=370.0, heart_relative_sd=0.05, blood_relative_sd=0.04
    )
    assert contents.time_integrated_activity_MBq_h + wall.time_integrated_activity_MBq_h == pytest.approx(620.0)
    assert wall.relative_sd == pytest.approx(((0.05 * 620) ** 2 + (0.04 * 444) ** 2) ** 0.5 / 176)


def test_blood_that_would_fill_more_than_the_heart_is_refused() -> None:
    with pytest.raises(InputError, match="blood alone would hold"):
        heart_sources(300.0, blood_MBq_h_per_g=1.2, contents_mass_g=370.0)


def test_without_blood_the_region_is_shared_out_by_mass() -> None:
    whole = SourceActivity("heart", 620.0, 0.1, "value:heart")
    contents, wall = heart_sources_by_mass(whole, wall_mass_g=250.0, contents_mass_g=370.0)
    assert (contents.time_integrated_activity_MBq_h, wall.time_integrated_activity_MBq_h) == pytest.approx((370, 250))
    nothing = heart_sources_by_mass(SourceActivity("heart", None), wall_mass_g=250.0, contents_mass_g=370.0)
    assert [source.time_integrated_activity_MBq_h for source in nothing] == [None, None]


def test_the_dose_of_the_wall_is_its_own_and_that_of_its_contents() -> None:
    contents, wall = heart_sources(620.0, blood_MBq_h_per_g=1.2, contents_mass_g=370.0)
    dose = organ_dose("heart_wall", [contents, wall], TABLE, LU)
    assert dose.absorbed_dose_Gy == pytest.approx((444 * 3.32e-5 + 176 * 9.57e-5) * 3.6)
    assert dose.part_Gy("electron_cross", source="heart_contents") == pytest.approx(444 * 3.32e-5 * 3.6)


@pytest.mark.parametrize("parts_known", [True, False])
def test_the_surface_dose_of_a_wall_does_not_spoil_its_remainder(parts_known) -> None:
    """S(wall <- total body) holds the wall's own electrons once; those at its surface are no part of it."""
    own, surface = electron_self_s_value(LU, 250.0), wall_surface_s_value(LU, 370.0)
    photons = {"heart_wall": 3e-6, "heart_contents": 2e-6, "rest": 1e-7}
    mean = (photons["heart_wall"] * 250 + photons["heart_contents"] * 370 + photons["rest"] * 59380) / 60000
    values = {
        ("heart_wall", "heart_wall"): SValue(own, photons["heart_wall"]),
        ("heart_wall", "heart_contents"): SValue(surface, photons["heart_contents"]),
        ("heart_wall", "total_body"): SValue(electron_self_s_value(LU, 60000.0), mean),
    }
    if not parts_known:
        values = {pair: SValue(value.total_Gy_per_MBq_h, 0.0) for pair, value in values.items()}
    table = replace(TABLE, values=values, parts_known=parts_known, masses_g={**TABLE.masses_g, "total_body": 60000.0})
    remainder = remainder_s_value(table, "heart_wall", ("heart_wall", "heart_contents"), LU).value
    assert remainder.total_Gy_per_MBq_h == pytest.approx(photons["rest"], rel=1e-6)


def test_a_heavier_wall_takes_less_of_its_own_and_as_much_of_its_contents() -> None:
    contents, wall = heart_sources(620.0, blood_MBq_h_per_g=1.2, contents_mass_g=370.0)
    heavy = organ_dose("heart_wall", [contents, wall], TABLE, LU, patient_masses_g={"heart_wall": 500.0})
    normal = organ_dose("heart_wall", [contents, wall], TABLE, LU)
    assert heavy.part_Gy("electron_self") == pytest.approx(normal.part_Gy("electron_self") / 2)
    assert heavy.part_Gy("electron_cross") == normal.part_Gy("electron_cross")


def test_the_surface_of_a_wall_gets_half_of_what_the_contents_get() -> None:
    assert wall_surface_s_value(LU, 370.0) == pytest.approx(electron_self_s_value(LU, 370.0) / 2)
    with pytest.raises(InputError, match="above 0 g"):
        wall_surface_s_value(LU, 0.0)


@pytest.mark.parametrize(
    ("heart", "blood", "mass"), [(-1.0, 1.0, 370.0), (1.0, -1.0, 370.0), (1.0, 0.0, 0.0), (float("nan"), 1.0, 370.0)]
)
def test_bad_input_is_refused(heart, blood, mass) -> None:
    with pytest.raises(InputError):
        heart_sources(heart, blood_MBq_h_per_g=blood, contents_mass_g=mass)
