from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from theratrial.dosimetry import Determinacy, DosePlan, TimeActivityPoint, time_activity_curve, time_integrated_activity
from theratrial.dosimetry.exponentials import Exponential, SumOfExponentials
from theratrial.dosimetry.fit_whole_body import WholeBodyReading, whole_body_clearance
from theratrial.dosimetry.fits import fitted_curve, fitted_time_integrated_activity
from theratrial.dosimetry.previous_session import EarlierKinetics, ScaledCurve, earlier_kinetics, scaled_from_earlier
from theratrial.errors import InputError, NumericalError
from theratrial.nuclides import nuclide

LU = nuclide("Lu-177")
PLAN = DosePlan(clearance_significance=0.95, maximum_extrapolated_fraction=0.85, model_relative_sd=0.0)
SHAPE = SumOfExponentials((Exponential(40.0, math.log(2) / 80), Exponential(60.0, math.log(2) / 4)))
EARLIER = EarlierKinetics(SHAPE, Determinacy.DETERMINED, 0.05, "session 1")


def points(scale: float, *hours: float, sd: float = 0.04, shape: SumOfExponentials = SHAPE):
    return [TimeActivityPoint(t, scale * shape.activity_MBq(t), sd, 0.03) for t in hours]


def scaled(given, earlier: EarlierKinetics = EARLIER, sd: float = 0.1) -> ScaledCurve:
    return scaled_from_earlier(given, earlier, LU, PLAN, administered_activity_MBq=1e3, inter_session_relative_sd=sd)


@given(st.floats(0.1, 10), st.lists(st.floats(0.5, 200), min_size=1, max_size=4, unique_by=lambda t: round(t, 1)))
def test_a_session_of_the_same_shape_is_the_earlier_one_times_its_scale(scale: float, hours: list[float]) -> None:
    found = scaled(points(scale, *hours))
    assert found.scale == pytest.approx(scale)
    assert found.kinetics.time_integrated_activity_MBq_h == pytest.approx(scale * SHAPE.time_integrated_activity_MBq_h)
    assert found.chi_square == pytest.approx(0, abs=1e-9)


def test_one_scan_gives_a_value_but_no_bound_and_says_whose_kinetics_it_is() -> None:
    found = scaled(points(1.3, 24))
    assert found.determinacy is Determinacy.SINGLE_POINT
    assert found.because == (
        "kinetics of session 1 (determined), scaled to this session; one scan of this session does not check them"
    )
    assert found.tia.time_integrated_activity_MBq_h == pytest.approx(1.3 * SHAPE.time_integrated_activity_MBq_h)
    assert found.tia.upper_MBq_h == math.inf
    assert found.tia.trace.inputs["earlier_curve"] == "given:session 1"
    assert "10% between sessions" in found.tia.assumptions[0]


def test_every_stated_uncertainty_is_in_the_interval() -> None:
    found = scaled(points(1.3, 24, 72))
    assert found.determinacy is Determinacy.DETERMINED
    # Two points of 4 %, calibration 3 %, between sessions 10 %, earlier curve 5 %.
    log_sd = math.sqrt(0.04**2 / 2 + 0.03**2 + 0.1**2 + 0.05**2)
    value = found.tia.time_integrated_activity_MBq_h
    assert value is not None
    assert found.tia.sd_MBq_h == pytest.approx(value * log_sd)
    assert found.tia.upper_MBq_h == pytest.approx(value * math.exp(1.959964 * log_sd))
    assert found.tia.lower_MBq_h == pytest.approx(value * math.exp(-1.959964 * log_sd))
    assert found.tia.upper_MBq_h < found.tia.no_clearance_upper_MBq_h


def test_the_interval_covers_sessions_that_differ_as_stated() -> None:
    rng, inside, known, runs = np.random.default_rng(31), 0, 0, 3000
    for _ in range(runs):
        # The truth differs from the earlier shape after the scans, by 10 % of its integral at the same activity, and
        # the earlier curve was off by 5 %.
        truth = SHAPE.time_integrated_activity_MBq_h * math.exp(math.hypot(0.1, 0.05) * rng.standard_normal())
        common = math.exp(0.03 * rng.standard_normal())
        given = [
            replace(p, activity_MBq=p.activity_MBq * common * math.exp(0.04 * rng.standard_normal()))
            for p in points(1.0, 24, 72)
        ]
        tia = scaled(given).tia
        if tia.time_integrated_activity_MBq_h is None:
            continue
        known += 1
        assert tia.lower_MBq_h is not None
        inside += tia.lower_MBq_h <= truth <= tia.upper_MBq_h
    # One in twenty is taken for another shape by chance, as the plan's confidence of 95 % says.
    assert 0.935 < known / runs < 0.965
    assert 0.935 < inside / known < 0.965


def test_scans_that_do_not_fit_the_earlier_kinetics_take_the_value_away() -> None:
    other = SumOfExponentials((Exponential(100.0, math.log(2) / 40),))
    given = points(1.0, 24, 72, 120, shape=other)
    found = scaled(given)
    assert found.determinacy is Determinacy.UNDETERMINED
    assert "do not fit the kinetics of session 1" in found.because
    assert found.tia.time_integrated_activity_MBq_h is None
    assert found.tia.upper_MBq_h == math.inf
    logs = np.log([p.activity_MBq / SHAPE.activity_MBq(p.hours_after_administration) for p in given])
    assert found.p_value == pytest.approx(chi2.sf(((logs - logs.mean()) ** 2).sum() / 0.04**2, 2), rel=1e-6)


def test_a_session_that_rises_is_rising_whatever_was_before() -> None:
    found = scaled([TimeActivityPoint(24, 10.0, 0.03, 0.03), TimeActivityPoint(72, 14.0, 0.03, 0.03)])
    assert found.determinacy is Determinacy.RISING
    assert found.tia.time_integrated_activity_MBq_h is None


def test_the_state_of_the_earlier_curve_goes_on() -> None:
    found = scaled(points(1.0, 24, 72), replace(EARLIER, determinacy=Determinacy.BOUNDED))
    assert found.determinacy is Determinacy.BOUNDED
    assert found.tia.upper_MBq_h == found.tia.no_clearance_upper_MBq_h


def test_curves_of_both_kinds_can_be_used_again_with_their_own_uncertainty() -> None:
    fit = fitted_curve(points(1.0, 1, 4, 12, 24, 72, 168), LU, PLAN, model="bi")
    tia = fitted_time_integrated_activity(fit, PLAN, administered_activity_MBq=1e3)
    again = earlier_kinetics(fit, tia, source="session 1")
    assert tia.sd_MBq_h is not None
    assert tia.time_integrated_activity_MBq_h is not None
    assert again.tia_per_activity_relative_sd == pytest.approx(tia.sd_MBq_h / tia.time_integrated_activity_MBq_h)
    assert scaled(points(2.0, 24), again).kinetics.time_integrated_activity_MBq_h == pytest.approx(
        2 * SHAPE.time_integrated_activity_MBq_h, rel=1e-5
    )
    mono = [TimeActivityPoint(t, 100 * 0.5 ** (t / 50), 0.03, 0.03) for t in (24, 48)]
    line = time_activity_curve(mono, LU, PLAN)
    found = scaled(
        mono[1:],
        earlier_kinetics(line, time_integrated_activity(line, PLAN, administered_activity_MBq=1e3), source="session 1"),
    )
    assert found.kinetics.time_integrated_activity_MBq_h == pytest.approx(100 * 50 / math.log(2))


def test_what_an_earlier_session_could_not_determine_is_not_borrowed() -> None:
    rising = time_activity_curve([TimeActivityPoint(24, 10.0, 0.03), TimeActivityPoint(48, 14.0, 0.03)], LU, PLAN)
    tia = time_integrated_activity(rising, PLAN, administered_activity_MBq=1e3)
    with pytest.raises(NumericalError, match="curve of session 1 is rising"):
        earlier_kinetics(rising, tia, source="session 1")


def test_no_scan_no_activity_and_no_source_are_refused() -> None:
    with pytest.raises(InputError, match="no scan of this session"):
        scaled([])
    with pytest.raises(InputError, match="found no activity"):
        scaled([TimeActivityPoint(24, 0.0, 0.04)])
    with pytest.raises(InputError, match="inter_session_relative_sd"):
        scaled(points(1.0, 24), sd=10.0)
    with pytest.raises(InputError, match="name the session"):
        EarlierKinetics(SHAPE, Determinacy.DETERMINED, 0.05, "")


def readings(half_life_h: float, *hours: float, sd: float = 0.02) -> list[WholeBodyReading]:
    return [WholeBodyReading(t, 5e5 * 0.5 ** (t / half_life_h), sd) for t in hours]


@given(st.floats(10, 140), st.floats(1e-3, 1e3))
def test_whole_body_half_lives_do_not_depend_on_the_unit_of_counts(half_life_h: float, unit: float) -> None:
    given_readings = [replace(r, counts=r.counts * unit) for r in readings(half_life_h, 0.0, 24.0, 96.0, sd=1e-4)]
    found = whole_body_clearance(given_readings, LU, PLAN, administered_activity_MBq=350.0)
    assert found.effective_half_life_h == pytest.approx(half_life_h, rel=1e-6)
    assert found.biological_half_life_h == pytest.approx(1 / (1 / half_life_h - 1 / LU.half_life_h), rel=1e-5)
    assert found.residence_time_h == pytest.approx(half_life_h / math.log(2), rel=1e-6)


def test_a_whole_body_that_only_decays_has_an_infinite_biological_half_life_and_is_bounded() -> None:
    found = whole_body_clearance(readings(170.0, 0.0, 24.0, 48.0), LU, PLAN, administered_activity_MBq=350.0)
    assert found.curve.determinacy is Determinacy.BOUNDED
    assert found.effective_half_life_h == pytest.approx(LU.half_life_h)
    assert found.biological_half_life_h == math.inf


def test_whole_body_readings_without_a_start_are_refused() -> None:
    with pytest.raises(InputError, match="at least two readings, got 1"):
        whole_body_clearance(readings(100.0, 0.0), LU, PLAN, administered_activity_MBq=350.0)
    with pytest.raises(InputError, match="first whole-body reading has 0"):
        whole_body_clearance(
            [WholeBodyReading(0.0, 0.0, 0.02), WholeBodyReading(24.0, 5.0, 0.02)],
            LU,
            PLAN,
            administered_activity_MBq=350.0,
        )
