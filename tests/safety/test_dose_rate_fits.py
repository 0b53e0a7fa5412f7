"""The fall of the dose rate: recovered where it is known, never faster than the readings allow, refused where odd."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theratrial.errors import InputError, NumericalError
from theratrial.nuclides import nuclide
from theratrial.safety.protection.contact import contact_dose_mSv, contact_pattern, restricted_until_h
from theratrial.safety.protection.curve import Curve
from theratrial.safety.protection.fit import counted_fall, measured_fall
from theratrial.safety.protection.geometry import distance_factor
from theratrial.safety.protection.readings import Reading, net_rates

LN2 = math.log(2)
DECAY = nuclide("Lu-177").decay_constant_per_h


def readings(curve: Curve, hours: tuple[float, ...], distance_m: float = 1.0) -> list[Reading]:
    factor = distance_factor(distance_m)
    return [Reading(at, distance_m, curve.rate(at) * factor + 0.1, 0.1) for at in hours]


@given(
    half_life=st.floats(10, 155),
    start=st.floats(2, 200),
    hours=st.lists(st.floats(0.5, 200), min_size=2, max_size=6, unique_by=lambda at: round(at / 8)),
    distance=st.sampled_from([0.5, 1.0, 2.0]),
)
@settings(max_examples=60, deadline=None)
def test_an_exact_exponential_is_recovered_at_any_distance(
    half_life: float, start: float, hours: list[float], distance: float
) -> None:
    curve = Curve((start,), (LN2 / half_life,))
    given_hours = tuple(at for at in hours if curve.rate(at) * distance_factor(distance) > 0.2)
    spread = sorted(given_hours)
    if len(spread) < 2 or any(b - a < 1.5 for a, b in pairwise(spread)):
        return
    points, _ = net_rates(readings(curve, tuple(spread), distance))
    if len(points) < 2:
        return
    fall = measured_fall(points, DECAY)
    assert fall.curves.best.slowest_half_life_h == pytest.approx(half_life, rel=1e-6)
    assert fall.curves.best.rate(0) == pytest.approx(start, rel=1e-6)
    at_100 = fall.curves.interval(lambda one: one.rate(100))
    assert at_100.lower < curve.rate(100) < at_100.upper


def test_the_interval_is_that_of_the_normal_equations() -> None:
    # Two readings: the decay constant is ln(r1/r2)/dt with a standard deviation of sd*sqrt(2)/dt, by hand.
    points, _ = net_rates([Reading(0.0, 1.0, 20.0, 0.0), Reading(100.0, 1.0, 8.0, 0.0)])
    fall = measured_fall(points, DECAY)
    constant, sd = math.log(20 / 8) / 100, 0.1 * math.sqrt(2) / 100
    found = fall.curves.interval(lambda one: one.constants_per_h[0])
    assert found.value == pytest.approx(constant)
    assert found.upper == pytest.approx(constant + 1.959964 * sd, rel=1e-6)
    assert found.lower == pytest.approx(constant - 1.959964 * sd, rel=1e-6)


def test_the_interval_holds_the_truth_nineteen_times_of_twenty() -> None:
    generator = random.Random(7)
    curve, within, runs = Curve((20.0,), (LN2 / 70,)), 0, 600
    for _ in range(runs):
        rows = [
            Reading(at, 1.0, curve.rate(at) * math.exp(generator.gauss(0, 0.1)), 0.0) for at in (4.0, 24.0, 48.0, 120.0)
        ]
        fall = measured_fall(net_rates(rows)[0], DECAY)
        at_72 = fall.curves.interval(lambda one: one.rate(72.0))
        within += at_72.lower <= curve.rate(72.0) <= at_72.upper
    assert 0.92 <= within / runs <= 0.985


def test_one_reading_predicts_nothing_faster_than_decay() -> None:
    points, _ = net_rates([Reading(24.0, 1.0, 10.0, 0.1)])
    fall = measured_fall(points, DECAY)
    assert fall.kinetics == "physical_decay"
    assert fall.curves.best.slowest_half_life_h == pytest.approx(nuclide("Lu-177").half_life_h)


def test_two_readings_at_one_visit_are_one_moment() -> None:
    points, _ = net_rates([Reading(24.0, 1.0, 10.0, 0.0), Reading(24.2, 2.0, 1.0, 0.0)])
    fall = measured_fall(points, DECAY)
    assert fall.kinetics == "physical_decay"
    assert fall.curves.best.rate(24.0) == pytest.approx(10.0, rel=1e-3)


def test_fewer_readings_than_the_protocol_asks_for_are_not_believed() -> None:
    points, _ = net_rates(readings(Curve((20.0,), (LN2 / 40,)), (4.0, 24.0)))
    assert measured_fall(points, DECAY, minimum=3).kinetics == "physical_decay"
    assert measured_fall(points, DECAY, minimum=2).kinetics == "measured_dose_rates"


@pytest.mark.parametrize(("rates", "word"), [((10.0, 16.0), "rise"), ((10.0, 9.9, 9.8, 9.7, 9.6), "more slowly")])
def test_rates_that_do_not_fall_are_named_and_refused(rates: tuple[float, ...], word: str) -> None:
    points, _ = net_rates([Reading(40.0 * index, 1.0, rate, 0.0) for index, rate in enumerate(rates)])
    with pytest.raises(NumericalError, match=word) as told:
        measured_fall(points, DECAY)
    assert "contamination" in str(told.value)


def test_a_fall_slower_than_decay_within_its_uncertainty_is_held_to_decay() -> None:
    points, _ = net_rates([Reading(4.0, 1.0, 10.0, 0.0), Reading(24.0, 1.0, 9.8, 0.0)])
    fall = measured_fall(points, DECAY)
    assert fall.remarks
    assert all(min(one.constants_per_h) >= DECAY for one in (fall.curves.best, *fall.curves.others))


@given(st.lists(st.floats(1, 60), min_size=2, max_size=5), st.floats(10, 60))
@settings(max_examples=80, deadline=None)
def test_no_curve_is_ever_slower_than_decay(rates: list[float], gap: float) -> None:
    points, _ = net_rates([Reading(gap * index, 1.0, rate, 0.0) for index, rate in enumerate(rates)])
    try:
        fall = measured_fall(points, DECAY)
    except NumericalError:
        return
    for one in (fall.curves.best, *fall.curves.others):
        assert min(one.constants_per_h) >= DECAY * (1 - 1e-12)


def test_two_phases_are_found_where_they_are_and_not_where_one_does() -> None:
    hours = (1.0, 4.0, 8.0, 20.0, 44.0, 68.0, 116.0)
    peptide = Curve((60.0, 12.0), (LN2 / 3, LN2 / 70))
    fall = measured_fall(net_rates(readings(peptide, hours))[0], DECAY)
    assert len(fall.curves.best.rates_uSv_per_h) == 2
    assert fall.curves.best.slowest_half_life_h == pytest.approx(70, rel=0.02)
    assert fall.curves.best.rate(200) == pytest.approx(peptide.rate(200), rel=0.05)
    single = measured_fall(net_rates(readings(Curve((30.0,), (LN2 / 60,)), hours))[0], DECAY)
    assert len(single.curves.best.rates_uSv_per_h) == 1


def test_three_readings_never_give_two_phases() -> None:
    fall = measured_fall(net_rates(readings(Curve((60.0, 12.0), (LN2 / 3, LN2 / 70)), (1.0, 20.0, 68.0)))[0], DECAY)
    assert len(fall.curves.best.rates_uSv_per_h) == 1


def test_whole_body_counts_are_held_to_decay_and_levelled_by_the_readings() -> None:
    points, _ = net_rates([Reading(24.0, 1.0, 10.1, 0.1)])
    fall = counted_fall((170.0, 100.0, 300.0), DECAY, points, 40.0)
    assert fall.curves.best.constants_per_h[0] == pytest.approx(DECAY)
    assert fall.curves.best.rate(24.0) == pytest.approx(10.0)
    without = counted_fall((100.0, 90.0, 110.0), DECAY, (), 40.0)
    assert without.curves.best.rate(0.0) == 40.0


@given(half_life=st.floats(5, 159), start=st.floats(1, 100), delay=st.floats(0, 400), later=st.floats(0, 100))
@settings(max_examples=80, deadline=None)
def test_a_later_beginning_never_gives_more_dose(half_life: float, start: float, delay: float, later: float) -> None:
    curve, pattern = Curve((start,), (LN2 / half_life,)), contact_pattern("child_2_to_5")
    first = contact_dose_mSv(curve, pattern, from_h=delay, injected_hour=9.0)
    second = contact_dose_mSv(curve, pattern, from_h=delay + later, injected_hour=9.0)
    assert second <= first * (1 + 1e-12)


@given(constraint=st.floats(0.05, 5), factor=st.floats(1, 4))
@settings(max_examples=40, deadline=None)
def test_restrictions_keep_to_the_constraint_and_rise_with_the_dose_rate(constraint: float, factor: float) -> None:
    pattern, curve = contact_pattern("bed_only"), Curve((20.0,), (LN2 / 100,))
    until = restricted_until_h(curve, pattern, constraint, start_h=24.0, injected_hour=9.0)
    assert contact_dose_mSv(curve, pattern, from_h=until, injected_hour=9.0) <= constraint
    assert until >= 24.0
    assert restricted_until_h(curve.scaled(factor), pattern, constraint, start_h=24.0, injected_hour=9.0) >= until


def test_the_contact_dose_is_that_of_a_numerical_integral() -> None:
    curve, pattern = Curve((18.0, 7.0), (LN2 / 9, LN2 / 110)), contact_pattern("child_5_to_15")
    step, total = 1 / 60, 0.0
    for index in range(int(24 * 60 / step)):
        at = 30.0 + (index + 0.5) * step
        hour = (10.5 + at) % 24
        total += step * sum(
            curve.rate(at) * distance_factor(one.distance_m)
            for one in pattern.elements
            if one.start_h <= hour < one.start_h + one.duration_h
        )
    found = contact_dose_mSv(curve, pattern, from_h=30.0, injected_hour=10.5)
    assert found == pytest.approx(total / 1000, rel=2e-3)


@pytest.mark.parametrize(
    ("how", "word"),
    [
        ({"dose_rate_uSv_per_h": -1.0}, "allowed are 0"),
        ({"hours_after": -2.0}, "before it"),
        ({"background_uSv_per_h": -0.1}, "negative"),
        ({"dose_rate_uSv_per_h": 2e4}, "unit"),
    ],
)
def test_a_reading_that_cannot_be_is_refused(how: dict[str, float], word: str) -> None:
    with pytest.raises(InputError, match=word):
        replace(Reading(4.0, 1.0, 10.0), **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("distance", [0.05, 0.29, 6.0])
def test_a_distance_where_no_law_holds_is_refused(distance: float) -> None:
    with pytest.raises(InputError, match="distance"):
        net_rates([Reading(4.0, distance, 10.0, 0.1)])


def test_a_reading_at_the_background_is_left_out_and_said() -> None:
    points, remarks = net_rates([Reading(4.0, 1.0, 10.0, 0.1), Reading(400.0, 1.0, 0.12, 0.11)])
    assert [one.hours_after for one in points] == [4.0]
    assert "left out" in remarks[0]


def test_a_line_far_away_is_a_point_and_near_by_less() -> None:
    assert distance_factor(5.0) / distance_factor(4.0) == pytest.approx((4 / 5) ** 2, rel=0.02)
    assert distance_factor(0.3) < distance_factor(0.3, "point")
    assert distance_factor(0.3) == pytest.approx(distance_factor(0.3, "power_1_5"), rel=0.03)
