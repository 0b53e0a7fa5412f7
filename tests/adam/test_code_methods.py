"""The statistics of the analytic code against statsmodels and scipy, and against what Newcombe and R print."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import theratrial.sharing.code

SCRIPTS = Path(theratrial.sharing.code.__file__).parent / "scripts"


@pytest.fixture(scope="module")
def methods() -> ModuleType:
    sys.path.insert(0, str(SCRIPTS))
    try:
        import methods as found
    finally:
        sys.path.remove(str(SCRIPTS))
    return found


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("clopper_pearson", "beta"), ("wilson", "wilson"), ("agresti_coull", "agresti_coull"), ("jeffreys", "jeffreys")],
)
def test_intervals_are_those_of_statsmodels(methods: ModuleType, ours: str, theirs: str) -> None:
    from statsmodels.stats.proportion import proportion_confint

    for n in (1, 7, 15, 40):
        for x in range(n + 1):
            if ours == "jeffreys" and x in (0, n):
                continue  # statsmodels does not set the limit of none and of all to 0 and 1
            lower, upper = proportion_confint(x, n, 0.05, method=theirs)
            assert methods.INTERVALS[ours](x, n, 0.95) == pytest.approx(
                (max(0.0, lower), min(1.0, upper)), abs=1e-10
            ), (x, n)


def test_the_other_intervals_are_those_newcombe_printed(methods: ModuleType) -> None:
    # Newcombe, Stat Med 1998;17:857, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29, to four decimals.
    printed = {
        "wilson_continuity": {(81, 263): (0.2535, 0.3682), (15, 148): (0.0598, 0.1644), (1, 29): (0.0018, 0.1963)},
        "mid_p": {(81, 263): (0.2544, 0.3658), (15, 148): (0.0601, 0.1581), (1, 29): (0.0017, 0.1585)},
    }
    for name, cases in printed.items():
        for (x, n), expected in cases.items():
            assert methods.INTERVALS[name](x, n, 0.95) == pytest.approx(expected, abs=6e-5), (name, x, n)


def test_the_curve_is_that_of_statsmodels(methods: ModuleType) -> None:
    from statsmodels.duration.survfunc import SurvfuncRight

    random = np.random.default_rng(7)
    for _ in range(20):
        times = np.round(random.exponential(10, 25), 0) + 1
        had = random.random(25) < 0.6
        theirs = SurvfuncRight(times, had.astype(int))
        ours = {step[0]: step for step in methods.kaplan_meier(times.tolist(), had.tolist(), "log_log", 0.95)}
        for time, left in zip(theirs.surv_times, theirs.surv_prob, strict=True):
            assert ours[time][4] == pytest.approx(left, abs=1e-12)


def test_the_median_and_its_interval_are_those_of_r(methods: ModuleType) -> None:
    # R, package survival: survfit(Surv(time, status) ~ 1, data = aml, subset = x == "Maintained"), which prints
    # n 11, events 7, median 31, 0.95LCL 18, 0.95UCL NA (its default, conf.type "log").
    times = [9, 13, 13, 18, 23, 28, 31, 34, 45, 48, 161]
    had = [True, True, False, True, True, False, True, True, False, True, False]
    steps = methods.kaplan_meier(times, had, "log", 0.95)
    assert methods.median_of(steps) == (31, 18, None)
    assert [round(step[4], 4) for step in steps if step[2]] == [0.9091, 0.8182, 0.7159, 0.6136, 0.4909, 0.3682, 0.1841]


def test_rho_is_that_of_scipy_with_ties(methods: ModuleType) -> None:
    from scipy.stats import spearmanr

    random = np.random.default_rng(3)
    for _ in range(30):
        x, y = random.integers(0, 6, 12).tolist(), random.integers(0, 6, 12).tolist()
        assert methods.rank_correlation(x, y)[0] == pytest.approx(spearmanr(x, y).statistic, abs=1e-12)


def test_the_exact_p_is_that_of_the_binomial(methods: ModuleType) -> None:
    from scipy.stats import binom

    for x in range(16):
        assert methods.exact_p(x, 15, 0.3) == pytest.approx(binom.sf(x - 1, 15, 0.3), abs=1e-12)
