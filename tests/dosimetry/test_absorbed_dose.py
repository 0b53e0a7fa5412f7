from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theratrial.dosimetry import (
    AbsorbedDose,
    Determinacy,
    DosePlan,
    TimeActivityPoint,
    cumulative,
    region_dose,
    region_mass_g,
)
from theratrial.errors import InputError, NumericalError
from theratrial.nuclides import nuclide

LU = nuclide("Lu-177")
PLAN = DosePlan(
    clearance_significance=0.95,
    maximum_extrapolated_fraction=0.8,
    model_relative_sd=0.1,
    calibration_relative_sd=0.05,
    mass_relative_sd=0.05,
    demonstration=("dosimetry",),
)


def points(half_life_h: float = 50.0, activity_MBq: float = 100.0, hours: tuple[float, ...] = (24.0, 48.0)):
    return [TimeActivityPoint(t, activity_MBq * 0.5 ** (t / half_life_h), 0.03, source=f"sha256:{t:g}") for t in hours]


def dose(given=None, *, mass_g: float = 1000.0, plan: DosePlan = PLAN, **other) -> AbsorbedDose:
    arguments = {"region": "liver", "nuclide": LU, "administered_activity_MBq": 7400.0} | other
    return region_dose(points() if given is None else given, mass_g=mass_g, plan=plan, **arguments).dose


def test_dose_is_time_integrated_activity_times_delta_over_mass() -> None:
    # By hand: 100 MBq with a half-life of 50 h are 7213.475 MBq h; 85.32 mGy g/(MBq h); 1000 g.
    assert dose().absorbed_dose_Gy == pytest.approx(7213.475 * 85.32 / 1000 / 1000, rel=2e-5)


def test_dose_and_coefficient_of_the_same_session_belong_together() -> None:
    found = region_dose(
        points(), region="liver", nuclide=LU, administered_activity_MBq=7400.0, mass_g=1000.0, plan=PLAN
    )
    assert found.tia.coefficient_h == pytest.approx(7213.475 / 7400, rel=1e-6)
    assert found.trace is found.dose.trace


def test_missing_photons_are_named_with_their_size() -> None:
    found = dose()
    assert found.own_photons_at_most_fraction == pytest.approx(35.10 / 147.92, rel=1e-3)
    assert any("at most +23.7%" in part for part in found.missing)
    assert any("other regions" in part for part in found.missing)
    assert found.upper_with_own_photons_Gy == pytest.approx(found.upper_Gy * (1 + 35.10 / 147.92), rel=1e-3)


def test_what_is_not_known_of_the_uncertainty_is_named_and_not_zero() -> None:
    plan = DosePlan(clearance_significance=0.95, maximum_extrapolated_fraction=0.8, model_relative_sd=0.1)
    assert dose(plan=plan).not_in_interval == (
        "uncertainty of the calibration (not known)",
        "uncertainty of the mass (not known)",
    )
    assert dose().not_in_interval == ()


def test_the_interval_holds_every_stated_contribution() -> None:
    # Independent first-order propagation: d ln TIA / d ln A_i from the two-point formula, then all in quadrature.
    rate = math.log(2) / 50
    first = (48 - 1 / rate) / 24
    second = 1 - first
    variance = 0.03**2 * (first**2 + second**2) + 0.05**2 + 0.1**2 + 0.05**2
    found = dose()
    assert found.absorbed_dose_Gy is not None
    assert found.lower_Gy is not None
    half_width = (math.log(found.upper_Gy) - math.log(found.lower_Gy)) / 2
    assert half_width == pytest.approx(1.96 * math.sqrt(variance), rel=0.03)


def test_the_trace_names_every_input() -> None:
    trace = dose(mass_source="900 mL x 1.06 g/mL, somewhere").trace
    text = " ".join(trace.inputs.values())
    for part in ("sha256:24", "sha256:48", "icrp107-database", "7400.0", "1000.0 g, 900 mL", "protocol:dosimetry"):
        assert part in text
    assert trace.demonstration == ("dosimetry",)


def test_quantity_carries_the_state_as_its_note() -> None:
    known, unknown = dose().quantity(), dose([]).quantity()
    assert known.unit == "Gy"
    assert known.value == dose().absorbed_dose_Gy
    assert known.note.startswith("determined: ")
    assert unknown.value is None
    assert unknown.upper == math.inf
    assert unknown.note.startswith("undetermined: no scan")


@pytest.mark.parametrize("mass_g", [0.0, -1.0, math.nan, math.inf])
def test_a_mass_of_nothing_is_refused(mass_g: float) -> None:
    with pytest.raises(InputError, match="liver: mass must be above 0"):
        dose(mass_g=mass_g)


@pytest.mark.parametrize("activity", [0.0, -7400.0, math.nan])
def test_an_administration_of_nothing_is_refused(activity: float) -> None:
    with pytest.raises(InputError, match="administered activity"):
        dose(administered_activity_MBq=activity)


def test_more_activity_than_was_given_is_refused_as_a_unit_mistake() -> None:
    with pytest.raises(InputError, match="check units"):
        dose(points(activity_MBq=100e3))


@pytest.mark.parametrize("name", ["Ac-225", "Ra-223", "At-211"])
def test_alpha_emitters_are_refused_instead_of_counted_as_electrons(name: str) -> None:
    with pytest.raises(NumericalError, match="alpha"):
        dose(points(half_life_h=5, hours=(1.0, 3.0)), nuclide=nuclide(name))


@pytest.mark.parametrize(("volume_mL", "density"), [(0, 1.05), (100, 0), (-1, 1), (math.nan, 1)])
def test_a_mass_needs_a_volume_and_a_density(volume_mL: float, density: float) -> None:
    with pytest.raises(InputError, match="above 0"):
        region_mass_g(volume_mL, density)


@settings(deadline=None)
@given(st.floats(1, 1e5), st.floats(0.1, 10))
def test_dose_is_inverse_to_mass_and_so_are_its_ends(mass_g: float, factor: float) -> None:
    one, other = dose(mass_g=mass_g), dose(mass_g=mass_g * factor)
    assert one.absorbed_dose_Gy is not None
    assert other.absorbed_dose_Gy == pytest.approx(one.absorbed_dose_Gy / factor)
    assert one.lower_Gy is not None
    assert other.lower_Gy == pytest.approx(one.lower_Gy / factor)
    assert other.upper_Gy == pytest.approx(one.upper_Gy / factor)


def test_sessions_add_up_with_both_ends() -> None:
    total = cumulative([dose(), dose(), dose()])
    one = dose()
    assert one.absorbed_dose_Gy is not None
    assert one.lower_Gy is not None
    assert total.absorbed_dose_Gy == pytest.approx(3 * one.absorbed_dose_Gy)
    assert total.lower_Gy == pytest.approx(3 * one.lower_Gy)
    assert total.upper_Gy == pytest.approx(3 * one.upper_Gy)
    assert total.determinacy is Determinacy.DETERMINED
    assert total.sessions == 3
    assert total.trace.inputs["session 3, point 2"] == total.trace.inputs["session 1, point 2"]


@pytest.mark.parametrize(
    ("lacking", "state"),
    [
        ([], Determinacy.UNDETERMINED),
        (points(hours=(24.0,)), Determinacy.SINGLE_POINT),
        (points(half_life_h=-60.0), Determinacy.RISING),
    ],
)
def test_one_session_without_value_leaves_the_sum_without_value_or_bound(lacking: list, state: Determinacy) -> None:
    total = cumulative([dose(), dose(lacking)])
    assert total.absorbed_dose_Gy is None
    assert total.upper_Gy == math.inf
    assert total.upper_with_own_photons_Gy == math.inf
    assert total.determinacy is state
    assert total.sessions_without_value == (2,)
    lower = dose().lower_Gy
    assert lower is not None
    assert total.lower_Gy >= lower
    assert total.quantity().note == f"{state}: no value for session 2"


def test_the_bound_without_clearance_travels_to_the_dose_and_adds_over_sessions() -> None:
    one = dose()
    # By hand: 50 h up to 48 h, then physical decay of 159.528 h; 85.32 mGy g/(MBq h), 1000 g; photons 35.10/147.92.
    rate = math.log(2) / 50
    flat = 100 * (1 - math.exp(-48 * rate)) / rate + 100 * math.exp(-48 * rate) * 159.528 / math.log(2)
    assert one.no_clearance_upper_Gy > flat * 85.32 / 1e6 > one.upper_Gy
    assert one.no_clearance_upper_with_own_photons_Gy == pytest.approx(
        one.no_clearance_upper_Gy * (1 + 35.10 / 147.92), rel=1e-3
    )
    total = cumulative([one, one])
    assert total.no_clearance_upper_Gy == pytest.approx(2 * one.no_clearance_upper_Gy)
    assert total.no_clearance_upper_with_own_photons_Gy == pytest.approx(2 * one.no_clearance_upper_with_own_photons_Gy)
    assert cumulative([one, dose([])]).no_clearance_upper_with_own_photons_Gy == math.inf


def test_a_chance_of_a_slow_phase_reaches_the_dose_and_is_said() -> None:
    careful = replace(PLAN, slow_phase_probability=0.1)
    found = region_dose(
        points(), region="liver", nuclide=LU, administered_activity_MBq=7400.0, mass_g=1000.0, plan=careful
    )
    assert found.dose.absorbed_dose_Gy == dose().absorbed_dose_Gy
    assert dose().upper_Gy < found.dose.upper_Gy <= dose().no_clearance_upper_Gy
    assert found.tia.assumptions == ("the upper end allows a chance of 10% that clearance ends with the last scan",)


def test_a_bounded_session_makes_the_sum_bounded_with_a_value() -> None:
    total = cumulative([dose(), dose(points(half_life_h=150.0))])
    assert total.determinacy is Determinacy.BOUNDED
    assert total.absorbed_dose_Gy is not None
    assert math.isfinite(total.upper_Gy)


def test_sums_of_nothing_or_of_different_regions_are_refused() -> None:
    with pytest.raises(InputError, match="at least one session"):
        cumulative([])
    with pytest.raises(InputError, match="kidneys, liver"):
        cumulative([dose(), dose(region="kidneys")])
