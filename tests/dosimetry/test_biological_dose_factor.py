"""Biologically effective dose: closed forms against quadrature and scipy's integrator, limits, refusals, spread."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from theratrial.dosimetry.biological import (
    Radiobiology,
    biological_dose,
    biological_dose_of_factor,
    cumulative_biological_dose,
    dose_rate_factor,
    eqd2_Gy,
)
from theratrial.dosimetry.biological_numeric import numeric_dose_rate_factor
from theratrial.dosimetry.biological_uncertainty import (
    BiologicalSpread,
    first_order_interval,
    sampled_interval,
)
from theratrial.dosimetry.exponentials import Exponential, SumOfExponentials
from theratrial.errors import InputError, NumericalError

KIDNEY = Radiobiology(2.6, 2.8, "given:test")
rates = st.floats(0.002, 3.0)


def curve(*terms: tuple[float, float]) -> SumOfExponentials:
    return SumOfExponentials(tuple(Exponential(*term) for term in terms))


def values(of: SumOfExponentials):
    return lambda t: sum(term.activity_MBq * np.exp(-term.effective_per_h * t) for term in of.terms)


def integrated_by_scipy(of: SumOfExponentials, repair: float) -> float:
    """Damage and pairs as a differential equation: independent of both our formula and our quadrature."""
    end = 45 / min(min(t.effective_per_h for t in of.terms), repair)
    rate = values(of)
    scale = of.time_integrated_activity_MBq_h

    def slopes(t: float, y: np.ndarray) -> list[float]:
        now = float(rate(t)) / scale
        return [now - repair * y[0], now * y[0]]

    solved = solve_ivp(slopes, (0, end), [0.0, 0.0], method="LSODA", rtol=1e-10, atol=1e-14)
    return 2 * float(solved.y[1, -1])


@given(rate=rates, repair=rates)
def test_one_exponential_gives_the_textbook_factor(rate: float, repair: float) -> None:
    assert dose_rate_factor(curve((5.0, rate)), repair) == pytest.approx(rate / (rate + repair), rel=1e-12)


@pytest.mark.parametrize(
    "terms",
    [
        ((1.0, 0.01), (2.0, 0.2)),
        ((1.0, 0.0116), (-1.0, 0.3)),
        ((1.0, 0.0116), (-1.0, 0.2476)),  # uptake as fast as repair: singular in forms that divide by the difference
        ((3.0, 0.01), (1.0, 0.05), (-4.0, 0.7)),
    ],
)
@pytest.mark.parametrize("half_life", [0.5, 2.8, 30.0])
def test_sums_of_exponentials_agree_with_scipys_integrator(terms, half_life: float) -> None:
    repair = math.log(2) / half_life
    assert dose_rate_factor(curve(*terms), repair) == pytest.approx(
        integrated_by_scipy(curve(*terms), repair), rel=2e-7
    )


@settings(max_examples=30, deadline=None)
@given(slow=st.floats(0.003, 0.1), fast=st.floats(0.1, 1.5), share=st.floats(-1.0, 5.0), repair=st.floats(0.02, 1.5))
def test_quadrature_agrees_with_the_closed_form(slow: float, fast: float, share: float, repair: float) -> None:
    of = curve((1.0, slow), (share, fast))
    end = 60 / fast
    breaks = [*np.linspace(0, end, 80)]
    got = numeric_dose_rate_factor(lambda t: np.maximum(values(of)(t), 0.0), repair, breaks_h=breaks, tail_per_h=slow)
    assert got == pytest.approx(dose_rate_factor(of, repair), rel=1e-8)


def test_a_constant_rate_gives_the_textbook_factor() -> None:
    for repair, hours in ((0.25, 3.0), (0.02, 100.0), (5.0, 24.0)):
        x = repair * hours
        got = numeric_dose_rate_factor(np.ones_like, repair, breaks_h=(0, hours), tail_per_h=None)
        assert got == pytest.approx(2 / x**2 * (x - 1 + math.exp(-x)), rel=1e-10)


@given(slow=st.floats(0.003, 0.1), fast=st.floats(0.1, 1.5), share=st.floats(-1.0, 5.0), repair=rates)
def test_the_factor_lies_between_none_and_all_and_falls_with_faster_repair(
    slow: float, fast: float, share: float, repair: float
) -> None:
    of = curve((1.0, slow), (share, fast))
    assert 0 < dose_rate_factor(of, 2 * repair) < dose_rate_factor(of, repair) < 1
    assert dose_rate_factor(of, 1e-9) == pytest.approx(1, abs=1e-5)
    assert dose_rate_factor(of, 1e9) == pytest.approx(0, abs=1e-5)


@given(factor=st.floats(1e-3, 1e3), stretch=st.floats(0.1, 10))
def test_the_factor_knows_neither_the_size_nor_the_unit_of_time(factor: float, stretch: float) -> None:
    of = curve((1.0, 0.01), (-0.7, 0.3))
    other = curve((factor, 0.01 * stretch), (-0.7 * factor, 0.3 * stretch))
    assert dose_rate_factor(other, 0.25 * stretch) == pytest.approx(dose_rate_factor(of, 0.25), rel=1e-9)


@given(dose=st.floats(0, 200))
def test_bed_is_at_least_the_dose_and_eqd2_of_two_gray_at_once_is_two_gray(dose: float) -> None:
    made = biological_dose(dose, curve((1.0, 0.0116)), KIDNEY, region="kidneys")
    assert made.biologically_effective_dose_Gy >= dose
    at_once = biological_dose_of_factor(2.0, 1.0, KIDNEY, region="kidneys", kinetics="given:at once")
    assert at_once.eqd2_Gy == pytest.approx(2.0)
    assert eqd2_Gy(0.0, 3.0) == 0


def test_sessions_add_and_each_keeps_its_own_kinetics() -> None:
    one = biological_dose(6.0, curve((1.0, 0.0116)), KIDNEY, region="kidneys")
    other = biological_dose(5.0, curve((1.0, 0.0139)), KIDNEY, region="kidneys")
    both = cumulative_biological_dose([one, other])
    assert both.absorbed_dose_Gy == 11.0
    assert both.biologically_effective_dose_Gy == pytest.approx(
        one.biologically_effective_dose_Gy + other.biologically_effective_dose_Gy
    )
    assert both.eqd2_Gy == pytest.approx(one.eqd2_Gy + other.eqd2_Gy)
    assert both.sessions == 2
    together = biological_dose(11.0, curve((1.0, 0.0116)), KIDNEY, region="kidneys")
    assert both.biologically_effective_dose_Gy < together.biologically_effective_dose_Gy


def test_what_does_not_add_is_refused() -> None:
    of = curve((1.0, 0.0116))
    kidney = biological_dose(6.0, of, KIDNEY, region="kidneys")
    with pytest.raises(InputError, match="no session"):
        cumulative_biological_dose([])
    with pytest.raises(InputError, match="kidneys and liver do not add"):
        cumulative_biological_dose([kidney, biological_dose(6.0, of, KIDNEY, region="liver")])
    other = biological_dose(6.0, of, Radiobiology(2.5, 2.8, "given:test"), region="kidneys")
    with pytest.raises(InputError, match="different radiobiological parameters"):
        cumulative_biological_dose([kidney, other])


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="alpha/beta"):
        Radiobiology(0.0, 2.8, "given:test")
    with pytest.raises(InputError, match="repair half-life"):
        Radiobiology(2.6, math.nan, "given:test")
    with pytest.raises(InputError, match="where they come from"):
        Radiobiology(2.6, 2.8, "")
    with pytest.raises(InputError, match="kidneys: an absorbed dose of -1"):
        biological_dose(-1.0, curve((1.0, 0.01)), KIDNEY, region="kidneys")
    with pytest.raises(NumericalError, match="no dose rate"):
        dose_rate_factor(curve((1.0, 0.1), (-1.0, 0.01)), 0.25)
    with pytest.raises(InputError, match="rate of repair"):
        dose_rate_factor(curve((1.0, 0.1)), 0.0)
    with pytest.raises(InputError, match="from 0 to 1, got"):
        biological_dose_of_factor(1.0, 1.5, KIDNEY, region="kidneys", kinetics="given:test")
    with pytest.raises(InputError, match="breaks"):
        numeric_dose_rate_factor(np.ones_like, 0.25, breaks_h=(3, 1), tail_per_h=None)
    with pytest.raises(NumericalError, match="negative"):
        numeric_dose_rate_factor(lambda t: 1 - t, 0.25, breaks_h=(0, 3), tail_per_h=None)
    with pytest.raises(NumericalError, match="no dose"):
        numeric_dose_rate_factor(np.zeros_like, 0.25, breaks_h=(0, 3), tail_per_h=None)
    with pytest.raises(InputError, match="correlation"):
        BiologicalSpread(0.1, 0.1, 0.1, 0.1, 1.5)


@pytest.mark.parametrize("correlation", [0.0, 0.8])
@pytest.mark.parametrize("terms", [((1.0, 0.0116),), ((1.0, 0.0116), (-0.9, 0.2))])
def test_first_order_agrees_with_sampling_for_small_spread(terms, correlation: float) -> None:
    of = curve(*terms)
    made = biological_dose(23.0, of, KIDNEY, region="kidneys")
    spread = BiologicalSpread(0.05, 0.06, 0.08, 0.08, correlation)
    first = first_order_interval(made, of, spread)
    sampled = sampled_interval(made, of, spread, generator=np.random.default_rng(1), samples=8000)
    assert first.relative_sd == pytest.approx(sampled.relative_sd, rel=0.04)
    assert first.lower_Gy == pytest.approx(sampled.lower_Gy, rel=0.015)
    assert first.upper_Gy == pytest.approx(sampled.upper_Gy, rel=0.015)
    squares = sum(math.copysign(part**2, part) for part in first.contributions.values())
    assert squares == pytest.approx(first.relative_sd**2)
    assert first.lower_Gy < made.biologically_effective_dose_Gy < first.upper_Gy


def test_correlation_of_dose_and_kinetics_is_not_lost() -> None:
    of = curve((1.0, 0.0116))
    made = biological_dose(23.0, of, KIDNEY, region="kidneys")
    none, full = (
        first_order_interval(made, of, BiologicalSpread(0.1, 0.1, 0.0, 0.0, rho)).relative_sd for rho in (0.0, 1.0)
    )
    # A longer half-life brings more dose but a lower rate: the two partly cancel.
    assert full < none
