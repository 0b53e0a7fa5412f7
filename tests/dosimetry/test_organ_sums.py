"""MIRD 21 sums: mass scaling, remainder, what is missing, and uncertainty."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from organ_cast import BODY_G, LU, MASSES_G, consistent_table

from theratrial.dosimetry.organ.dose import REMAINDER, SourceActivity, organ_dose, remainder_activity
from theratrial.dosimetry.organ.parts import patient_s_value, remainder_s_value, told_apart
from theratrial.dosimetry.transport.values import SValue
from theratrial.errors import InputError, NumericalError
from theratrial.nuclides import nuclide

TABLE = consistent_table()
EXPLICIT = ("liver", "kidneys", "spleen", "red_marrow")
SOURCES = [
    SourceActivity("liver", 15000.0, 0.10),
    SourceActivity("kidneys", 2000.0, 0.12),
    SourceActivity("spleen", 1500.0, 0.15),
    SourceActivity("red_marrow", 1800.0, 0.30),
]
positive = st.floats(1.0, 1e5)


@pytest.mark.parametrize("target", list(MASSES_G))
def test_the_remainder_is_what_is_left_of_a_body_made_of_its_regions(target) -> None:
    """The table's total body is the sum of its regions, so that the remainder must be the region that is left."""
    remainder = remainder_s_value(TABLE, target, EXPLICIT, LU)
    assert remainder.mass_g == pytest.approx(MASSES_G["rest"])
    for kind in ("electron_Gy_per_MBq_h", "photon_Gy_per_MBq_h"):
        expected = getattr(TABLE.value(target, "rest"), kind)
        assert getattr(remainder.value, kind) == pytest.approx(expected, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("target", EXPLICIT)
def test_the_remainder_of_a_table_of_totals_is_the_same(target) -> None:
    totals = remainder_s_value(consistent_table(parts_known=False), target, EXPLICIT, LU).value
    assert totals.electron_Gy_per_MBq_h == 0.0
    assert totals.photon_Gy_per_MBq_h == pytest.approx(TABLE.value(target, "rest").photon_Gy_per_MBq_h)


def test_without_correction_the_whole_body_would_count_an_organs_own_electrons_twice() -> None:
    corrected = remainder_s_value(TABLE, "liver", EXPLICIT, LU).value.total_Gy_per_MBq_h
    assert TABLE.value("liver", "total_body").total_Gy_per_MBq_h > 5 * corrected


def test_a_table_that_contradicts_itself_gives_no_remainder() -> None:
    wrong = replace(TABLE, values={**TABLE.values, ("liver", "liver"): SValue(3e-4, 0.0)})
    with pytest.raises(NumericalError, match="contradicts itself"):
        remainder_s_value(wrong, "liver", EXPLICIT, LU)
    dose = organ_dose("liver", [*SOURCES, SourceActivity(REMAINDER, 9e4)], wrong, LU)
    assert dose.absorbed_dose_Gy is None
    assert "contradicts itself" in dose.missing[0]


def test_a_difference_below_zero_by_rounding_is_said() -> None:
    own = TABLE.value("liver", "liver")
    rounded = replace(own, electron_Gy_per_MBq_h=own.electron_Gy_per_MBq_h * 1.005)
    table = replace(TABLE, values={**TABLE.values, ("liver", "liver"): rounded})
    dose = organ_dose("liver", [*SOURCES, SourceActivity(REMAINDER, 9e4)], table, LU)
    assert dose.absorbed_dose_Gy is not None
    assert any("electron part came out below zero" in note for note in dose.notes)


def test_sources_that_outweigh_the_body_leave_nothing() -> None:
    heavy = replace(TABLE, masses_g={**TABLE.masses_g, "total_body": 1500.0})
    with pytest.raises(InputError, match="outweigh"):
        remainder_s_value(heavy, "liver", EXPLICIT, LU)


@given(positive, st.floats(0.3, 3.0))
def test_own_electrons_scale_with_one_over_mass_and_photons_with_the_power_two_thirds(tia, ratio) -> None:
    patient = {"liver": MASSES_G["liver"] * ratio}
    sources = [SourceActivity("liver", tia), SourceActivity("spleen", tia)]
    reference = organ_dose("liver", sources, TABLE, LU)
    scaled = organ_dose("liver", sources, TABLE, LU, patient_masses_g=patient)
    assert scaled.part_Gy("electron_self") == pytest.approx(reference.part_Gy("electron_self") / ratio)
    assert scaled.part_Gy("photon_self") == pytest.approx(reference.part_Gy("photon_self") / ratio ** (2 / 3))
    assert scaled.part_Gy("photon_cross") == reference.part_Gy("photon_cross")


@given(st.floats(0.1, 10.0))
def test_doses_are_linear_in_activity(factor) -> None:
    more = [replace(s, time_integrated_activity_MBq_h=s.time_integrated_activity_MBq_h * factor) for s in SOURCES]
    one, other = organ_dose("liver", SOURCES, TABLE, LU), organ_dose("liver", more, TABLE, LU)
    assert other.absorbed_dose_Gy == pytest.approx(one.absorbed_dose_Gy * factor)
    assert other.relative_sd == pytest.approx(one.relative_sd)


def test_totals_are_told_apart_by_the_energy_of_electrons() -> None:
    totals = consistent_table(parts_known=False)
    for pair in TABLE.values:
        apart = told_apart(totals, *pair, LU)
        assert apart.total_Gy_per_MBq_h == pytest.approx(TABLE.values[pair].total_Gy_per_MBq_h)
        assert apart.electron_Gy_per_MBq_h == pytest.approx(TABLE.values[pair].electron_Gy_per_MBq_h, abs=1e-15)
    dose = organ_dose("liver", SOURCES, totals, LU)
    assert not dose.parts_known
    assert any("told apart by us" in note for note in dose.notes)


def test_a_source_or_pair_that_is_not_known_is_named_and_the_dose_has_no_value() -> None:
    unknown = [*SOURCES[:1], SourceActivity("kidneys", None), SourceActivity("brain", 10.0)]
    dose = organ_dose("liver", unknown, TABLE, LU, sources_wanted=["liver", "lungs"])
    assert dose.absorbed_dose_Gy is None
    assert dose.known_Gy > 0
    text = "; ".join(dose.missing)
    for what in ("kidneys: its time-integrated", "no value for liver <- brain", "lungs: no activity was given"):
        assert what in text


def test_alpha_particles_stand_in_no_other_sum() -> None:
    own = replace(TABLE.value("liver", "liver"), alpha_Gy_per_MBq_h=1e-3)
    table = replace(TABLE, values={**TABLE.values, ("liver", "liver"): own})
    dose = organ_dose("liver", SOURCES, table, LU)
    assert dose.alpha_Gy == pytest.approx(15.0)
    assert dose.absorbed_dose_Gy == pytest.approx(organ_dose("liver", SOURCES, TABLE, LU).absorbed_dose_Gy)


def test_the_remainder_holds_what_the_sources_do_not() -> None:
    rest = remainder_activity(SourceActivity("total_body", 1e5, 0.05), SOURCES)
    assert rest.time_integrated_activity_MBq_h == pytest.approx(1e5 - 20300)
    own = (1500.0, 240.0, 225.0, 540.0)
    assert rest.relative_sd == pytest.approx(math.hypot(5000.0, *own) / 79700)
    assert remainder_activity(SourceActivity("total_body", None), SOURCES).time_integrated_activity_MBq_h is None
    with pytest.raises(InputError, match="whole body only"):
        remainder_activity(SourceActivity("total_body", 1000.0), SOURCES)
    with pytest.raises(InputError, match="twice"):
        remainder_activity(SourceActivity("total_body", 1e6), [SOURCES[0], SOURCES[0]])


def test_uncertainty_sums_sources_table_calibration_and_mass() -> None:
    table = consistent_table(photon_sd=0.02)
    alone = organ_dose("liver", SOURCES[:1], table, LU, common_relative_sd=0.05, mass_relative_sd=0.08)
    electron, photon = alone.part_Gy("electron_self"), alone.part_Gy("photon_self")
    total = electron + photon
    mass = 0.08 * (electron + 2 / 3 * photon) / total
    expected = math.hypot(0.10, 0.05, 0.02 * photon / total, mass)
    assert alone.relative_sd == pytest.approx(expected)
    assert alone.not_in_interval == ("the patient's anatomy against the phantom's (not known)",)


def test_what_has_no_uncertainty_is_named() -> None:
    dose = organ_dose("liver", [SourceActivity("liver", 1.0)], consistent_table(parts_known=False), LU)
    for what in ("activity of liver", "calibration", "target's mass", "statistics of the S values"):
        assert any(what in text for text in dose.not_in_interval)


def test_the_trace_names_table_sources_and_mass() -> None:
    dose = organ_dose("liver", SOURCES, TABLE, LU, patient_masses_g={"liver": 1500.0})
    assert dose.trace.inputs["s_table"] == "given:made"
    assert dose.trace.inputs["mass"] == "given:1500.0 g"
    assert "source spleen" in dose.trace.inputs


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: organ_dose("liver", [SOURCES[0], SOURCES[0]], TABLE, LU), "twice"),
        (lambda: organ_dose("liver", [*SOURCES, SourceActivity("total_body", 1e5)], TABLE, LU), "count twice"),
        (lambda: organ_dose("brain", SOURCES, TABLE, LU), "no target brain; its targets"),
        (lambda: organ_dose("liver", SOURCES, TABLE, nuclide("I-131")), "is of Lu-177"),
        (lambda: organ_dose("liver", SOURCES, TABLE, LU, patient_masses_g={"liver": 0.0}), "above 0 g"),
        (lambda: SourceActivity("liver", -1.0), "cannot be"),
        (lambda: SourceActivity("liver", math.nan), "cannot be"),
        (lambda: SourceActivity("liver", 1.0, -0.1), "cannot be"),
        (
            lambda: patient_s_value(
                TABLE.value("liver", "liver"), is_self=True, reference_mass_g=1.0, patient_mass_g=-1
            ),
            "above 0 g",
        ),
    ],
)
def test_bad_input_is_refused(call, says) -> None:
    with pytest.raises(InputError, match=says):
        call()


def test_energy_of_a_uniform_body_is_that_emitted_in_it() -> None:
    """All regions as sources by mass: the mean dose is Delta over mass plus photons, as from the total body."""
    tia = 1e5
    sources = [SourceActivity(name, tia * mass / BODY_G) for name, mass in MASSES_G.items()]
    for target in MASSES_G:
        by_regions = organ_dose(target, sources, TABLE, LU).absorbed_dose_Gy
        by_body = organ_dose(target, [SourceActivity("total_body", tia)], TABLE, LU).absorbed_dose_Gy
        assert by_regions == pytest.approx(by_body)
