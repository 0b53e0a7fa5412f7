from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theratrial.dosimetry import Determinacy, DosePlan, TimeActivityPoint, time_activity_curve, time_integrated_activity
from theratrial.errors import InputError, NumericalError
from theratrial.nuclides import nuclide

LU = nuclide("Lu-177")
PLAN = DosePlan(clearance_significance=0.95, maximum_extrapolated_fraction=0.8, model_relative_sd=0.1)


def decaying(half_life_h: float, *hours: float, sd: float = 0.03, activity_MBq: float = 100.0):
    return [TimeActivityPoint(t, activity_MBq * 0.5 ** (t / half_life_h), sd, 0.05) for t in hours]


def state(half_life_h: float, sd: float, plan: DosePlan = PLAN) -> Determinacy:
    return time_activity_curve(decaying(half_life_h, 24, 48, sd=sd), LU, plan).determinacy


def test_clear_clearance_is_determined() -> None:
    assert state(50, 0.03) is Determinacy.DETERMINED


def test_clearance_within_the_noise_is_bounded() -> None:
    assert state(130, 0.03) is Determinacy.BOUNDED
    assert state(180, 0.03) is Determinacy.BOUNDED
    assert state(LU.half_life_h, 0.0) is Determinacy.BOUNDED


def test_uptake_beyond_the_noise_is_rising() -> None:
    assert state(-60, 0.03) is Determinacy.RISING
    assert state(160.0, 0.0) is Determinacy.RISING


def test_too_much_beyond_the_last_scan_is_extrapolated_and_says_so() -> None:
    plan = DosePlan(clearance_significance=0.95, maximum_extrapolated_fraction=0.4, model_relative_sd=0.1)
    curve = time_activity_curve(decaying(50, 24, 48), LU, plan)
    assert curve.determinacy is Determinacy.EXTRAPOLATED
    assert curve.extrapolated_fraction == pytest.approx(0.5 ** (48 / 50))
    assert "51% of the time-integrated activity lie after the last scan" in curve.because
    assert not curve.determinacy.is_determined
    tia = time_integrated_activity(curve, plan, administered_activity_MBq=1e3)
    generous = time_integrated_activity(
        time_activity_curve(decaying(50, 24, 48), LU, PLAN), PLAN, administered_activity_MBq=1e3
    )
    assert generous.determinacy is Determinacy.DETERMINED
    assert tia.time_integrated_activity_MBq_h == generous.time_integrated_activity_MBq_h
    assert tia.upper_MBq_h == tia.no_clearance_upper_MBq_h > generous.upper_MBq_h


def test_the_border_between_bounded_and_determined_lies_where_the_normal_quantile_says() -> None:
    # sd(lambda) = sqrt(2) 0.03 / 24 = 0.00176777; 1.644854 of it above ln2/159.528 is a half-life of 95.57 h.
    rate = math.log(2) / 159.528 + 1.6448536 * math.sqrt(2) * 0.03 / 24
    assert state(math.log(2) / rate * 0.9999, 0.03) is Determinacy.DETERMINED
    assert state(math.log(2) / rate * 1.0001, 0.03) is Determinacy.BOUNDED


def test_one_point_no_point_and_a_measured_zero_determine_nothing() -> None:
    zero = [TimeActivityPoint(24, 0.0, 0.03), TimeActivityPoint(48, 5.0, 0.03)]
    for points, expected in (
        ([], Determinacy.UNDETERMINED),
        (decaying(50, 24), Determinacy.SINGLE_POINT),
        (zero, Determinacy.UNDETERMINED),
    ):
        curve = time_activity_curve(points, LU, PLAN)
        assert curve.determinacy is expected
        assert curve.because
        assert curve.effective_half_life_h is None
        tia = time_integrated_activity(curve, PLAN, administered_activity_MBq=1000)
        assert tia.time_integrated_activity_MBq_h is None
        assert tia.lower_MBq_h is None
        assert tia.upper_MBq_h == math.inf
        assert tia.quantity().value is None


def test_only_determined_is_determined_and_only_curves_with_a_bound_have_one() -> None:
    assert [s for s in Determinacy if s.is_determined] == [Determinacy.DETERMINED]
    assert {s for s in Determinacy if s.has_upper_bound} == {
        Determinacy.DETERMINED,
        Determinacy.BOUNDED,
        Determinacy.EXTRAPOLATED,
    }


def test_a_fit_slower_than_physical_decay_is_never_replaced_silently() -> None:
    curve = time_activity_curve(decaying(180, 24, 48), LU, PLAN)
    assert curve.held_to_physical_decay
    assert curve.line is not None
    assert curve.line.clearance_per_h == pytest.approx(math.log(2) / 180)
    assert curve.effective_half_life_h == pytest.approx(LU.half_life_h)
    assert "slower than physical decay" in curve.because
    faster = time_activity_curve(decaying(130, 24, 48), LU, PLAN)
    assert not faster.held_to_physical_decay


def test_many_points_on_one_exponential_give_it_back() -> None:
    curve = time_activity_curve(decaying(60, 4, 24, 72, 168), LU, PLAN)
    assert curve.effective_half_life_h == pytest.approx(60)
    assert curve.line is not None
    assert curve.line.chi_square == pytest.approx(0, abs=1e-18)


def test_weighted_fit_agrees_with_numpy() -> None:
    hours, activities, sds = [4.0, 24.0, 72.0, 168.0], [90.0, 80.0, 41.0, 9.0], [0.05, 0.03, 0.04, 0.08]
    points = [TimeActivityPoint(t, a, s, 0.05) for t, a, s in zip(hours, activities, sds, strict=True)]
    line = time_activity_curve(points, LU, PLAN).line
    coefficients, covariance = np.polyfit(hours, np.log(activities), 1, w=1 / np.array(sds), cov=True)
    assert line is not None
    assert line.clearance_per_h == pytest.approx(-coefficients[0], rel=1e-10)
    # numpy always scales by chi^2 / (n - 2); here it exceeds 1, so that both are the same.
    assert line.chi_square / 2 > 1
    assert line.clearance_sd_per_h == pytest.approx(math.sqrt(covariance[0, 0]), rel=1e-9)


def test_uptake_in_the_last_interval_is_seen_behind_a_falling_fit() -> None:
    points = [TimeActivityPoint(t, a, 0.03) for t, a in ((4, 300.0), (24, 60.0), (48, 90.0))]
    assert time_activity_curve(points, LU, PLAN).determinacy is Determinacy.RISING


@pytest.mark.parametrize("hours", [-0.1, math.nan, math.inf])
def test_a_scan_that_is_not_after_administration_is_refused(hours: float) -> None:
    with pytest.raises(InputError, match="not after"):
        TimeActivityPoint(hours, 1.0, 0.03)


@pytest.mark.parametrize("activity", [-1.0, math.nan, math.inf])
def test_an_activity_that_cannot_be_is_refused(activity: float) -> None:
    with pytest.raises(InputError, match="cannot be"):
        TimeActivityPoint(24, activity, 0.03)


@pytest.mark.parametrize("sd", [-0.1, 5.0, math.nan])
def test_an_uncertainty_that_is_a_percentage_or_nothing_is_refused(sd: float) -> None:
    with pytest.raises(InputError, match="0 to 1"):
        TimeActivityPoint(24, 1.0, sd)


def test_two_scans_at_one_time_are_refused() -> None:
    with pytest.raises(InputError, match="two scans at 24 h"):
        time_activity_curve(decaying(50, 24, 24), LU, PLAN)


def test_a_point_of_another_nuclide_is_refused() -> None:
    points = [
        TimeActivityPoint(24, 1.0, 0.03, nuclide="^177^Lutetium"),
        TimeActivityPoint(48, 0.5, 0.03, nuclide="Y-90"),
    ]
    with pytest.raises(InputError, match="48 h is of Y-90"):
        time_activity_curve(points, LU, PLAN)


def test_uncertainty_stated_for_some_points_only_is_refused() -> None:
    with pytest.raises(InputError, match="each point"):
        time_activity_curve([TimeActivityPoint(24, 2.0, 0.03), TimeActivityPoint(48, 1.0, 0.0)], LU, PLAN)


@pytest.mark.parametrize(
    "change",
    [
        {"clearance_significance": 0.5},
        {"clearance_significance": 95},
        {"maximum_extrapolated_fraction": 0},
        {"model_relative_sd": 10},
        {"calibration_relative_sd": -0.1},
        {"mass_relative_sd": 5},
        {"slow_phase_probability": 5},
    ],
)
def test_a_plan_that_cannot_be_is_refused(change: dict[str, float]) -> None:
    good = {"clearance_significance": 0.95, "maximum_extrapolated_fraction": 0.8, "model_relative_sd": 0.1}
    with pytest.raises(InputError, match=next(iter(change))):
        DosePlan(**(good | change))


POINTS = st.lists(
    st.tuples(st.floats(0.1, 300), st.floats(1e-1, 1e3)), min_size=2, max_size=5, unique_by=lambda p: round(p[0], 1)
).map(lambda pairs: [TimeActivityPoint(t, a, 0.04, 0.05) for t, a in pairs])


@settings(deadline=None)
@given(POINTS, st.randoms(use_true_random=False))
def test_the_order_of_the_points_does_not_matter(points: list[TimeActivityPoint], random: Random) -> None:
    shuffled = points.copy()
    random.shuffle(shuffled)
    assert time_activity_curve(points, LU, PLAN) == time_activity_curve(shuffled, LU, PLAN)


@settings(deadline=None)
@given(POINTS)
def test_a_value_lies_in_its_interval_and_every_state_keeps_its_promise(points: list[TimeActivityPoint]) -> None:
    curve = time_activity_curve(points, LU, PLAN, administered_activity_MBq=1e6)
    tia = time_integrated_activity(curve, PLAN, administered_activity_MBq=1e6)
    assert curve.determinacy.has_value == (tia.time_integrated_activity_MBq_h is not None)
    if tia.time_integrated_activity_MBq_h is None:
        assert tia.upper_MBq_h == math.inf
        return
    assert tia.lower_MBq_h is not None
    assert 0 < tia.lower_MBq_h <= tia.time_integrated_activity_MBq_h <= tia.upper_MBq_h
    assert tia.time_integrated_activity_MBq_h <= tia.no_clearance_upper_MBq_h
    assert curve.clearance_per_h is not None
    assert curve.clearance_per_h >= LU.decay_constant_per_h


@settings(deadline=None)
@given(POINTS, st.floats(1e-3, 1e3))
def test_everything_is_linear_in_activity(points: list[TimeActivityPoint], factor: float) -> None:
    more = [TimeActivityPoint(p.hours_after_administration, p.activity_MBq * factor, 0.04, 0.05) for p in points]
    one, other = (
        time_integrated_activity(
            time_activity_curve(p, LU, PLAN, administered_activity_MBq=given), PLAN, administered_activity_MBq=given
        )
        for p, given in ((points, 1e6), (more, 1e6 * factor))
    )
    assert one.determinacy is other.determinacy
    for a, b in (
        (one.time_integrated_activity_MBq_h, other.time_integrated_activity_MBq_h),
        (one.lower_MBq_h, other.lower_MBq_h),
        (one.upper_MBq_h, other.upper_MBq_h),
    ):
        assert (a is None) == (b is None)
        if a is not None:
            assert b == pytest.approx(a * factor, rel=1e-7)


@given(st.floats(20, 140), st.floats(1, 100), st.floats(0.5, 30))
def test_later_scans_of_one_exponential_give_the_same_time_integrated_activity(
    half_life_h: float, shift_h: float, first_h: float
) -> None:
    values = [
        time_integrated_activity(
            time_activity_curve(decaying(half_life_h, start, start + 24), LU, PLAN), PLAN, administered_activity_MBq=1e3
        ).time_integrated_activity_MBq_h
        for start in (first_h, first_h + shift_h)
    ]
    assert values[0] == pytest.approx(100 * half_life_h / math.log(2), rel=1e-9)
    assert values[1] == pytest.approx(values[0], rel=1e-9)


@given(st.floats(0.45, 1.5), st.sampled_from([0.4, 0.6, 0.8, 1.0]), st.sampled_from([0.01, 0.03, 0.08]))
def test_more_activity_at_the_second_scan_never_lowers_the_upper_end(ratio: float, allowed: float, sd: float) -> None:
    # A gate compares the upper end with a limit: more activity seen must never look safer, whatever the states.
    plan = DosePlan(clearance_significance=0.95, maximum_extrapolated_fraction=allowed, model_relative_sd=0.1)

    def upper(second: float) -> float:
        points = [TimeActivityPoint(24, 100.0, sd, 0.05), TimeActivityPoint(48, second, sd, 0.05)]
        curve = time_activity_curve(points, LU, plan)
        return time_integrated_activity(curve, plan, administered_activity_MBq=1e4).upper_MBq_h

    assert upper(100 * ratio) <= upper(100 * ratio * 1.02)


def test_a_curve_that_needs_more_than_was_given_is_undetermined_with_what_was_seen() -> None:
    # 100 MBq at 24 h and 5 MBq at 48 h: a half-life of 5.55 h, 2000 MBq at administration.
    points = [TimeActivityPoint(24, 100.0, 0.03, 0.05), TimeActivityPoint(48, 5.0, 0.03, 0.05)]
    free = time_activity_curve(points, LU, PLAN)
    assert free.activity_MBq(0) == pytest.approx(2000)
    assert time_activity_curve(points, LU, PLAN, administered_activity_MBq=2000).determinacy is Determinacy.DETERMINED
    curve = time_activity_curve(points, LU, PLAN, administered_activity_MBq=1000)
    assert curve.determinacy is Determinacy.UNDETERMINED
    assert "more activity at administration than was administered" in curve.because
    tia = time_integrated_activity(curve, PLAN, administered_activity_MBq=1000)
    assert tia.upper_MBq_h == math.inf
    # Between the scans: (100 - 5) / ln(20) x 24 = 761.1 MBq h.
    assert tia.lower_MBq_h == pytest.approx(761.1 * math.exp(-1.96 * math.hypot(0.03, 0.05)), rel=1e-3)


def test_camera_and_activity_meter_may_disagree_a_little_before_a_curve_is_impossible() -> None:
    # One-sided 95 % of 10 % is 16 %: 100 MBq at administration against 88 MBq given is possible, against 82 it is not.
    points = decaying(50, 24, 48, sd=0.001)
    states = [
        time_activity_curve(points, LU, PLAN, administered_activity_MBq=given).determinacy for given in (88.0, 82.0)
    ]
    assert states == [Determinacy.DETERMINED, Determinacy.UNDETERMINED]


def test_calibration_that_one_point_lacks_is_not_known_for_the_curve() -> None:
    points = [TimeActivityPoint(24, 100.0, 0.03, 0.05), TimeActivityPoint(48, 60.0, 0.03, None)]

    def omitted(plan: DosePlan) -> tuple[str, ...]:
        curve = time_activity_curve(points, LU, plan)
        return time_integrated_activity(curve, plan, administered_activity_MBq=1e3).not_in_interval

    assert omitted(PLAN) == ("uncertainty of the calibration (not known)",)
    stated = DosePlan(
        clearance_significance=0.95,
        maximum_extrapolated_fraction=0.8,
        model_relative_sd=0.1,
        calibration_relative_sd=0.1,
    )
    assert omitted(stated) == ()


def test_exact_physical_decay_is_its_own_bound() -> None:
    plan = DosePlan(clearance_significance=0.95, maximum_extrapolated_fraction=0.8, model_relative_sd=0.0)
    for first in range(1, 200, 3):
        points = [TimeActivityPoint(t, 100 * LU.fraction_left(t), 0.0, 0.0) for t in (first, first + 24.0)]
        tia = time_integrated_activity(time_activity_curve(points, LU, plan), plan, administered_activity_MBq=100.0)
        assert tia.determinacy is Determinacy.BOUNDED
        assert tia.time_integrated_activity_MBq_h is not None
        assert tia.time_integrated_activity_MBq_h <= tia.upper_MBq_h
        assert tia.upper_MBq_h == pytest.approx(100 * 159.528 / math.log(2), rel=1e-6)


def test_a_curve_beyond_the_range_of_numbers_is_refused() -> None:
    points = [TimeActivityPoint(299, 1e3, 0.001), TimeActivityPoint(300, 1.0, 0.001)]
    with pytest.raises(NumericalError, match="scan earlier"):
        time_integrated_activity(time_activity_curve(points, LU, PLAN), PLAN, administered_activity_MBq=1e4)


@pytest.mark.parametrize("activities", [(100.0, 101.0), (100.0, 100.0), (100.0, 90.0), (100.0, 60.0)])
def test_scans_too_close_together_for_their_noise_give_no_value_whatever_was_drawn(
    activities: tuple[float, float],
) -> None:
    points = [TimeActivityPoint(t, a, 0.05, 0.05) for t, a in zip((47.8, 48.0), activities, strict=True)]
    curve = time_activity_curve(points, LU, PLAN, administered_activity_MBq=1e3)
    tia = time_integrated_activity(curve, PLAN, administered_activity_MBq=1e3)
    assert curve.determinacy is Determinacy.UNDETERMINED
    assert "0.2 h apart, too close together for their noise" in curve.because
    assert tia.time_integrated_activity_MBq_h is None
    assert tia.upper_MBq_h == math.inf


def test_the_border_of_too_close_lies_where_noise_leaves_one_percent_after_the_first_scan() -> None:
    # sd(lambda) = sqrt(2) 0.05 / dt; z sd 24 h = ln 100 at dt = 1.6448536 x 0.0707107 x 24 / 4.6051702 = 0.606145 h.
    def at(spacing_h: float) -> Determinacy:
        return time_activity_curve(decaying(LU.half_life_h, 24, 24 + spacing_h, sd=0.05), LU, PLAN).determinacy

    assert at(0.60614) is Determinacy.UNDETERMINED
    assert at(0.60616) is Determinacy.BOUNDED


def slow_phase_plan(probability: float) -> DosePlan:
    return DosePlan(
        clearance_significance=0.95,
        maximum_extrapolated_fraction=0.8,
        model_relative_sd=0.1,
        slow_phase_probability=probability,
    )


@given(st.floats(0, 1), st.floats(0, 1), st.floats(20, 70))
def test_a_likelier_slow_phase_never_lowers_the_upper_end_and_never_exceeds_no_clearance(
    one: float, other: float, half_life_h: float
) -> None:
    def found(probability: float):
        plan = slow_phase_plan(probability)
        curve = time_activity_curve(decaying(half_life_h, 24, 48), LU, plan)
        assert curve.determinacy is Determinacy.DETERMINED
        return time_integrated_activity(curve, plan, administered_activity_MBq=1e3)

    less, more = found(min(one, other)), found(max(one, other))
    assert less.upper_MBq_h <= more.upper_MBq_h * (1 + 1e-9)
    assert more.upper_MBq_h <= more.no_clearance_upper_MBq_h * (1 + 1e-9)
    assert found(0).upper_MBq_h <= less.upper_MBq_h * (1 + 1e-9)
    assert found(1).upper_MBq_h == pytest.approx(found(1).no_clearance_upper_MBq_h, rel=1e-6)


def test_the_upper_end_with_a_slow_phase_is_the_quantile_of_the_mixture_drawn() -> None:
    plan = slow_phase_plan(0.2)
    curve = time_activity_curve(decaying(50, 24, 48), LU, plan)
    upper = time_integrated_activity(curve, plan, administered_activity_MBq=1e3).upper_MBq_h
    plain = time_integrated_activity(curve, slow_phase_plan(0), administered_activity_MBq=1e3)
    assert plain.time_integrated_activity_MBq_h is not None
    # By hand: 100 MBq at 0 h with 50 h up to 48 h, from there physical decay of 159.528 h.
    rate = math.log(2) / 50
    flat = 100 * (1 - math.exp(-48 * rate)) / rate + 100 * math.exp(-48 * rate) * 159.528 / math.log(2)
    rng = np.random.default_rng(5)
    slow = rng.random(400_000) < 0.2
    centre = np.where(slow, math.log(flat), math.log(plain.time_integrated_activity_MBq_h))
    spread = np.where(
        slow,
        math.log(plain.no_clearance_upper_MBq_h / flat) / 1.96,
        math.log(plain.upper_MBq_h / plain.time_integrated_activity_MBq_h) / 1.96,
    )
    drawn = np.exp(centre + spread * rng.standard_normal(400_000))
    assert upper == pytest.approx(np.quantile(drawn, 0.975), rel=0.005)
