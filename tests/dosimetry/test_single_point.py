from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from theratrial.dosimetry import Determinacy, DosePlan, TimeActivityPoint, absorbed_dose
from theratrial.dosimetry.single_point import HANSCHEID_WINDOW, PopulationHalfLife, hanscheid, population_single_point
from theratrial.errors import InputError, NumericalError
from theratrial.nuclides import nuclide

LU = nuclide("Lu-177")
PLAN = DosePlan(clearance_significance=0.95, maximum_extrapolated_fraction=0.9, model_relative_sd=0.0)
KIDNEY = PopulationHalfLife(50.0, 0.2, "a cohort")


def rule(point: TimeActivityPoint, expected: PopulationHalfLife | None = KIDNEY):
    return hanscheid(point, LU, PLAN, administered_activity_MBq=7400, expected=expected)


def error(half_lives: float) -> float:
    """Of the rule for one exponential of 50 h and 100 MBq at administration, scanned at so many half-lives."""
    point = TimeActivityPoint(50 * half_lives, 100 * 0.5**half_lives, 0.0, 0.0)
    return rule(point).time_integrated_activity_MBq_h / (100 * 50 / math.log(2)) - 1


def test_the_rule_is_exact_to_its_published_envelope_over_its_window(validation) -> None:
    low, high = HANSCHEID_WINDOW
    peak = minimize_scalar(lambda x: -error(x), bounds=(low, high), method="bounded", options={"xatol": 1e-9})
    for what, half_lives, percent in (
        ("at 0.75 effective half-lives", low, -10.8),
        ("largest, between", peak.x, 6.2),
        ("at 2.5 effective half-lives", high, -11.6),
    ):
        validation(
            f"error of A(t) t 2/ln 2 for one exponential, {what}",
            expected=percent,
            got=100 * error(half_lives),
            unit="%",
            source="2x/2^x evaluated independently over the window of Hänscheid et al., J Nucl Med 2018;59:75",
            absolute=0.06,
        )
    assert error(1.0) == pytest.approx(0, abs=1e-12)
    assert error(2.0) == pytest.approx(0, abs=1e-12)
    assert min(error(x) for x in np.linspace(low, high, 200)) == pytest.approx(error(high))


def test_the_rule_with_delta_is_a_quarter_gray_gram_per_megabecquerel_hour(validation) -> None:
    found = rule(TimeActivityPoint(96, 10.0, 0.05, 0.0))
    dose = absorbed_dose(found.tia, LU, PLAN, region="kidney", mass_g=150.0)
    assert dose.absorbed_dose_Gy is not None
    validation(
        "factor of the single-scan rule D = F A(t) t / m for 177Lu",
        expected=0.25,
        got=dose.absorbed_dose_Gy * 150.0 / (10.0 * 96),
        unit="Gy g/(MBq h)",
        source="Hänscheid et al., J Nucl Med 2018;59:75, rounded factor",
        absolute=0.005,
    )
    assert dose.determinacy is Determinacy.SINGLE_POINT
    assert dose.upper_Gy == math.inf


@given(st.floats(0.75, 2.5), st.floats(5, 150))
def test_inside_its_window_the_interval_holds_the_truth_whatever_the_half_life(x: float, half_life_h: float) -> None:
    point = TimeActivityPoint(x * half_life_h, 0.5**x, 0.0, 0.0)
    found = rule(point, PopulationHalfLife(half_life_h, None, "the truth"))
    truth = half_life_h / math.log(2)
    assert found.window == "inside"
    assert found.lower_MBq_h <= truth * (1 + 1e-9)
    assert truth <= found.upper_if_assumption_holds_MBq_h * (1 + 1e-9)


def test_outside_the_window_or_without_knowing_it_is_said() -> None:
    early = rule(TimeActivityPoint(24, 50.0, 0.05))
    assert early.window == "outside"
    assert "0.48 effective half-lives (50 h, a cohort), outside the window" in early.tia.because
    unknown = rule(TimeActivityPoint(96, 50.0, 0.05), None)
    assert unknown.window == "not known"
    assert "no expected half-life was given" in unknown.tia.because
    for found in (early, unknown):
        assert "error of the 2t rule outside its window (not known)" in found.tia.not_in_interval
        assert found.tia.determinacy is Determinacy.SINGLE_POINT
        assert found.tia.upper_MBq_h == math.inf
    inside = rule(TimeActivityPoint(96, 50.0, 0.05))
    assert not any("window" in part for part in inside.tia.not_in_interval)


@given(st.floats(0, 300), st.floats(5, 159), st.floats(0.1, 1e3))
def test_the_population_route_is_exact_where_the_patient_is_the_population(
    hours: float, half_life_h: float, activity_MBq: float
) -> None:
    point = TimeActivityPoint(hours, activity_MBq * 0.5 ** (hours / half_life_h), 0.02, 0.0)
    population = PopulationHalfLife(half_life_h, 0.2, "a cohort")
    found = population_single_point(point, LU, PLAN, administered_activity_MBq=1e4, population=population)
    assert found.time_integrated_activity_MBq_h == pytest.approx(activity_MBq * half_life_h / math.log(2), rel=1e-9)
    assert found.kinetics is not None
    assert found.kinetics.time_integrated_activity_MBq_h == pytest.approx(found.time_integrated_activity_MBq_h)
    assert found.lower_MBq_h <= found.time_integrated_activity_MBq_h <= found.upper_if_assumption_holds_MBq_h


@pytest.mark.parametrize("hours", [24.0, 72.0, 120.0])
def test_the_population_interval_covers_patients_drawn_from_it(hours: float) -> None:
    rng, inside, runs = np.random.default_rng(21), 0, 3000
    for _ in range(runs):
        half_life_h = min(50 * math.exp(0.2 * rng.standard_normal()), LU.half_life_h)
        activity = 0.5 ** (hours / half_life_h) * math.exp(0.05 * rng.standard_normal() + 0.04 * rng.standard_normal())
        found = population_single_point(
            TimeActivityPoint(hours, activity, 0.05, 0.04), LU, PLAN, administered_activity_MBq=10, population=KIDNEY
        )
        inside += found.lower_MBq_h <= half_life_h / math.log(2) <= found.upper_if_assumption_holds_MBq_h
    # Where the value hardly depends on the half-life (72 h) the interval is somewhat wide.
    assert 0.935 < inside / runs < 0.98


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"population": PopulationHalfLife(200.0, 0.1, "x")}, "exceeds the physical one of Lu-177"),
        ({"point": TimeActivityPoint(24, 0.0, 0.05)}, "no activity found at 24 h"),
        ({"point": TimeActivityPoint(24, 1.0, 0.05, nuclide="Y-90")}, "is of Y-90"),
        ({"administered_activity_MBq": 0.0}, "administered activity"),
    ],
)
def test_a_single_point_that_says_nothing_is_refused(change: dict, message: str) -> None:
    good = {"point": TimeActivityPoint(24, 1.0, 0.05), "administered_activity_MBq": 1e3, "population": KIDNEY} | change
    with pytest.raises(InputError, match=message):
        population_single_point(good.pop("point"), LU, PLAN, **good)


def test_a_rule_at_time_zero_and_a_half_life_of_no_source_are_refused() -> None:
    with pytest.raises(InputError, match="at 0 h"):
        rule(TimeActivityPoint(0, 1.0, 0.05))
    with pytest.raises(InputError, match="names its source"):
        PopulationHalfLife(50.0, 0.2, "")
    with pytest.raises(InputError, match="above 0 h"):
        PopulationHalfLife(0.0, 0.2, "x")


def test_a_scan_beyond_the_range_of_numbers_is_refused() -> None:
    with pytest.raises(NumericalError, match="2000 half-lives of x late"):
        population_single_point(
            TimeActivityPoint(2000, 1.0, 0.05),
            LU,
            PLAN,
            administered_activity_MBq=1e3,
            population=PopulationHalfLife(1.0, 0.1, "x"),
        )
