"""The forecast of recovery: against statsmodels, and by simulation with known truth."""

import math

import numpy as np
import pytest
from statsmodels.regression.linear_model import OLS

from theratrial.errors import InputError
from theratrial.safety.recovery_forecast import LEAST_COURSES, cohort_forecast, log_linear_forecast

DAYS = [35.0, 42.0, 49.0, 56.0]
COUNTS = [28.0, 33.0, 47.0, 52.0]


def test_at_both_ends_of_the_interval_the_band_of_statsmodels_just_holds_the_target():
    """The ends are where the 95 % band of the mean of an ordinary least squares line touches the target."""
    found = log_linear_forecast(DAYS, COUNTS, 75)
    fit = OLS(np.log(COUNTS), np.column_stack([np.ones(4), DAYS])).fit()
    here, low, high = (
        fit.get_prediction([[1, day]]).summary_frame(alpha=0.05)
        for day in (found.days, found.lower_days, found.upper_days)
    )
    assert math.exp(here["mean"][0]) == pytest.approx(75, rel=1e-9)
    assert math.exp(high["mean_ci_lower"][0]) == pytest.approx(75, rel=1e-9)
    clipped = found.lower_days == DAYS[-1]
    assert clipped or math.exp(low["mean_ci_upper"][0]) == pytest.approx(75, rel=1e-9)
    assert found.lower_days <= found.days <= found.upper_days


@pytest.mark.parametrize(("n", "noise"), [(3, 0.05), (5, 0.1), (5, 0.4)])
def test_the_interval_holds_the_true_day_in_95_of_100_courses(n, noise):
    """2,000 courses that double every 14 days, with log-normal noise; the truth is known and never told.

    A course without a forecast (no rise) is not counted as held; with noise that hides the rise the upper end is open.
    """
    random = np.random.default_rng(66)
    days = 35 + 7 * np.arange(n)
    truth = 35 + 7 * (n - 1) + 10.0
    target = 30 * 2 ** ((truth - 35) / 14)
    held = told = 0
    for _ in range(2000):
        counts = 30 * 2 ** ((days - 35) / 14) * np.exp(noise * random.standard_normal(n))
        found = log_linear_forecast(days.tolist(), counts.tolist(), target)
        if found.days is None:
            continue
        told += 1
        held += found.lower_days <= truth <= found.upper_days
    assert told > 1500
    error = math.sqrt(0.95 * 0.05 / told)
    assert held / told == pytest.approx(0.95, abs=4 * error)


def test_an_unsure_rise_has_no_later_end_and_no_rise_has_no_forecast():
    unsure = log_linear_forecast([35, 42, 49], [30, 45, 33], 75)
    assert math.isinf(unsure.upper_days)
    assert unsure.lower_days == 49
    falling = log_linear_forecast([35, 42, 49], [40, 38, 30], 75)
    assert falling.days is None
    assert "do not rise" in falling.because
    slow = log_linear_forecast([35, 42, 49], [30, 30.1, 30.2], 75)
    assert slow.days is None
    assert "slow" in slow.because


def test_two_counts_and_two_on_one_instant_are_too_few():
    assert log_linear_forecast([35, 42], [30, 40], 75).days is None
    assert log_linear_forecast([35, 42, 42], [30, 40, 41], 75).days is None
    with pytest.raises(InputError, match="above zero"):
        log_linear_forecast([35, 42, 49], [0, 1, 2], 75)


def test_the_cohort_speaks_only_of_courses_that_took_longer_than_this_one_has():
    assert cohort_forecast([30, 40, 50, 60, 70], 35).days is None
    found = cohort_forecast([30, 40, 50, 60, 70, 80], 35)
    assert (found.days, found.lower_days, found.upper_days) == (60, 40, 80)
    assert "67%" in found.because


def test_a_next_course_lies_in_the_range_of_n_as_often_as_said():
    """Distribution-free: (n - 1)/(n + 1), here from 4,000 drawn cohorts of exponential times."""
    random = np.random.default_rng(67)
    n, held = LEAST_COURSES, 0
    for _ in range(4000):
        times = random.exponential(20, n + 1)
        found = cohort_forecast(times[:n].tolist(), -1)
        held += found.lower_days <= times[n] <= found.upper_days
    assert held / 4000 == pytest.approx((n - 1) / (n + 1), abs=0.03)
