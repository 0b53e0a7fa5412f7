"""Doses of a session by S values: by hand, with parts missing, for samples, composites and lesions."""

from __future__ import annotations

import math

import pytest

from theratrial.dosimetry.transport.s_value_files import shipped_s_values
from theratrial.dosimetry.transport.spheres import sphere_s_value
from theratrial.errors import InputError, SourceError
from theratrial.nuclides import nuclide
from theratrial.pipeline.session_s_values import RegionForS, s_value_doses, s_value_doses_and_losses, session_s_table
from theratrial.protocol.schema import DoseRegion, DosimetryPlan
from theratrial.units import delta_mGy_g_per_MBq_h

LUTETIUM = nuclide("Lu-177")
TABLE = shipped_s_values("adult_female", "Lu-177")
AT_MOST = 1500.0 / LUTETIUM.decay_constant_per_h


def reading(name: str, *references: str, kind: str = "organ", drawn: str = "whole") -> DoseRegion:
    return DoseRegion(
        id=name, title=name, kind=kind, region_names=(name,), density_g_per_mL=1.05, density_source="test",
        reference_regions=references, drawn=drawn,
    )  # type: ignore[arg-type]  # fmt: skip


def region(one: DoseRegion, mass_g: float, tia: float | None, upper: float = math.inf) -> RegionForS:
    return RegionForS(one.id, one, mass_g, tia, upper)


LIVER = reading("liver", "liver")
KIDNEYS = reading("kidneys", "kidneys")
HEART = reading("heart", "heart_wall", "heart_contents")
MARROW = reading("red_marrow", "red_marrow", drawn="sample")
LESION = reading("lesion_1", kind="lesion")


def doses(*regions: RegionForS, whole_body: float = 230_000.0) -> dict:
    return s_value_doses(regions, TABLE, LUTETIUM, whole_body_MBq_h=whole_body, at_most_MBq_h=AT_MOST)


def test_an_organ_alone_is_its_activity_times_s_at_its_mass() -> None:
    found = doses(region(LIVER, 1400.0, 20_000.0), whole_body=20_000.0)["liver"]
    value = TABLE.value("liver", "liver")
    assert found.electron_Gy == pytest.approx(20_000 * value.electron_Gy_per_MBq_h)
    assert found.photon_self_Gy == pytest.approx(20_000 * value.photon_Gy_per_MBq_h)
    assert found.photon_cross_Gy == 0
    half = doses(region(LIVER, 700.0, 20_000.0), whole_body=20_000.0)["liver"]
    assert half.electron_Gy == pytest.approx(2 * found.electron_Gy)
    assert half.photon_self_Gy == pytest.approx(2 ** (2 / 3) * found.photon_self_Gy)
    assert 2 / 3 < found.mass_exponent < 1


def test_photons_come_from_other_organs_and_the_rest_of_the_body() -> None:
    alone = doses(region(KIDNEYS, 275.0, 4_000.0), whole_body=4_000.0)["kidneys"]
    beside = doses(region(KIDNEYS, 275.0, 4_000.0), region(LIVER, 1400.0, 20_000.0), whole_body=24_000.0)["kidneys"]
    in_body = doses(region(KIDNEYS, 275.0, 4_000.0), region(LIVER, 1400.0, 20_000.0), whole_body=150_000.0)["kidneys"]
    from_liver = 20_000 * TABLE.value("kidneys", "liver").photon_Gy_per_MBq_h
    assert beside.photon_cross_Gy == pytest.approx(from_liver)
    assert in_body.photon_cross_Gy > beside.photon_cross_Gy
    assert alone.electron_Gy == in_body.electron_Gy


def test_a_source_that_is_not_known_is_named_and_no_zero() -> None:
    found = doses(region(KIDNEYS, 275.0, 4_000.0), region(LIVER, 1400.0, None))
    assert any("liver" in text for text in found["kidneys"].missing)
    assert not any("kidneys" in text for text in found["liver"].missing)


def test_what_the_gate_holds_of_photons_is_never_less_than_what_is_reported() -> None:
    for tia in (100.0, 20_000.0, 60_000.0):
        found = doses(region(LIVER, 1400.0, tia, 1.5 * tia), region(KIDNEYS, 275.0, 4_000.0, 5_000.0))
        for one in found.values():
            assert one.cross_upper_Gy >= (one.photon_cross_Gy or 0.0)


def test_electrons_of_a_heart_drawn_with_its_blood_stay_in_the_whole_of_it() -> None:
    found = doses(region(HEART, 620.0, 10_000.0), whole_body=10_000.0)["heart"]
    assert found.electron_Gy == pytest.approx(10_000 * delta_mGy_g_per_MBq_h(LUTETIUM.electron_MeV) / 620 / 1000)
    assert 0 < found.photon_self_Gy < 0.1 * found.electron_Gy


def test_a_sample_stands_for_the_whole_by_its_concentration_whatever_was_drawn() -> None:
    small, large = (
        doses(region(MARROW, mass_g, 10.0 * mass_g), whole_body=20_000.0)["red_marrow"] for mass_g in (40.0, 200.0)
    )
    assert small.electron_Gy == pytest.approx(large.electron_Gy)
    assert small.photon_self_Gy == pytest.approx(large.photon_self_Gy)
    # Electrons stay in what was drawn, whose concentration holds the fat already.
    assert small.electron_Gy == pytest.approx(10.0 * delta_mGy_g_per_MBq_h(LUTETIUM.electron_MeV) / 1000)
    assert small.mass_exponent == 1


@pytest.mark.parametrize(
    "one", [LIVER, KIDNEYS, HEART, MARROW, reading("spleen", "spleen"), reading("lungs", "lungs")], ids=lambda r: r.id
)
def test_in_a_uniform_body_every_organ_gets_the_dose_of_the_total_body_table(one: DoseRegion) -> None:
    """S(T <- total body) is an independent sum of the same transport: nothing is lost or counted twice."""
    body_g, per_g = TABLE.masses_g["total_body"], 2.0
    mass_g = sum(TABLE.masses_g[part] for part in one.reference_regions)
    found = doses(region(one, mass_g, per_g * mass_g), whole_body=per_g * body_g)[one.id]
    expected = sum(
        TABLE.masses_g[part] / mass_g * TABLE.value(part, "total_body").total_Gy_per_MBq_h
        for part in one.reference_regions
    )
    # The marrow's electrons are those of its concentration; the table's come through bone and fat (Delta/m each).
    assert found.absorbed_dose_Gy == pytest.approx(expected * per_g * body_g, rel=0.02 if one is MARROW else 2e-3)


def test_less_knowledge_never_lowers_what_the_gate_holds_of_photons() -> None:
    kidneys = region(KIDNEYS, 275.0, 4_000.0, 5_000.0)
    known = doses(kidneys, region(LIVER, 1400.0, 20_000.0, 25_000.0))["kidneys"]
    rising = doses(kidneys, region(LIVER, 1400.0, None))["kidneys"]
    absent = doses(kidneys, RegionForS("liver", LIVER, None, None, math.inf))
    assert set(absent) == {"kidneys"}
    assert known.cross_upper_Gy < rising.cross_upper_Gy == pytest.approx(absent["kidneys"].cross_upper_Gy)
    assert any("liver" in text for text in absent["kidneys"].missing)


def test_activity_of_a_lesion_reaches_the_organs_as_that_of_the_rest_of_the_body() -> None:
    without = doses(region(LIVER, 1400.0, 20_000.0))["liver"]
    beside = doses(region(LIVER, 1400.0, 20_000.0), region(LESION, 100.0, 30_000.0))["liver"]
    assert beside.photon_cross_Gy == pytest.approx(without.photon_cross_Gy)


def test_organs_that_hold_more_than_the_whole_body_are_told() -> None:
    found = doses(region(LIVER, 1400.0, 20_000.0), whole_body=5_000.0)["liver"]
    assert any("more than the 5000 MBq h" in text for text in found.missing)


def test_one_region_without_a_dose_takes_none_from_the_others() -> None:
    dust = region(reading("lesion_2", kind="lesion"), 0.001, 1.0)
    found, lost = s_value_doses_and_losses(
        [region(LIVER, 1400.0, 20_000.0), dust, region(reading("second", "liver"), 1400.0, 10.0)],
        TABLE, LUTETIUM, whole_body_MBq_h=1e5, at_most_MBq_h=AT_MOST,
    )  # fmt: skip
    assert set(found) == {"liver"}
    assert "another region" in lost["second"]
    assert "lesion_2" in lost


def test_a_lesion_is_a_sphere_of_its_mass() -> None:
    found = doses(region(LESION, 12.0, 500.0))["lesion_1"]
    assert found.absorbed_dose_Gy == pytest.approx(500 * sphere_s_value("Lu-177", 12.0).total_Gy_per_MBq_h)
    assert found.photon_cross_Gy is None
    assert found.missing


def test_an_organ_without_a_reference_region_has_no_dose_by_s_values() -> None:
    assert "spleen" not in doses(region(reading("spleen"), 130.0, 2_000.0))


def test_a_reference_region_that_the_phantom_lacks_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="no region thumb"):
        doses(region(reading("hand", "thumb"), 100.0, 10.0))


def plan(phantom: str) -> DosimetryPlan:
    return DosimetryPlan(
        imaging=("spect_24h",), curve="best_supported", clearance_significance=0.95, maximum_extrapolated_fraction=0.9,
        repeatability_percent=5, model_relative_sd_percent=10, phantom=phantom,
    )  # type: ignore[arg-type]  # fmt: skip


def test_the_phantom_is_that_of_the_sex_or_of_the_protocol_and_never_guessed() -> None:
    assert session_s_table(plan("by_sex"), "male", LUTETIUM).phantom == "adult_male"
    assert session_s_table(plan("adult_female"), "other", LUTETIUM).phantom == "adult_female"
    with pytest.raises(InputError, match="no phantom for sex"):
        session_s_table(plan("by_sex"), "other", LUTETIUM)


def test_a_nuclide_without_shipped_s_values_is_refused_with_the_command_that_makes_them() -> None:
    with pytest.raises(SourceError, match="svalues make --nuclide Re-188"):
        session_s_table(plan("adult_male"), "male", nuclide("Re-188"))
