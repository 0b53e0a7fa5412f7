"""The probability of exceeding a limit is said beside the judgement and never changes it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from theratrial.errors import InputError
from theratrial.gates import LimitProbability
from theratrial.gates.doses import _percent
from theratrial.pipeline.cumulative_doses import exceedance_probability
from theratrial.pipeline.session_values import EXCEEDANCE_STEPS


def log_normal(median_Gy: float, log_sd: float) -> np.ndarray:
    return median_Gy * np.exp(log_sd * norm.ppf(EXCEEDANCE_STEPS))


@given(st.floats(0.5, 30.0), st.floats(0.05, 0.5), st.floats(0.0, 0.2), st.floats(5.0, 40.0))
def test_of_one_session_it_is_that_of_the_log_normal_distribution(
    median_Gy: float, log_sd: float, mass_sd: float, limit_Gy: float
) -> None:
    total = float(np.hypot(log_sd, mass_sd))
    expected = float(norm.sf(np.log(limit_Gy / median_Gy) / total))
    found = exceedance_probability([log_normal(median_Gy, log_sd)], limit_Gy, mass_sd)
    assert found == pytest.approx(expected, abs=3e-3)


def test_sessions_that_share_their_errors_spread_more_than_independent_ones() -> None:
    sessions = [log_normal(5.0, 0.2)] * 3
    together = exceedance_probability(sessions, 18.0, 0.0)
    rng = np.random.default_rng(1)
    independent = float((5.0 * np.exp(0.2 * rng.standard_normal((200_000, 3)))).sum(axis=1).__gt__(18.0).mean())
    assert together > independent
    assert together == pytest.approx(float(norm.sf(np.log(18.0 / 15.0) / 0.2)), abs=3e-3)


def test_it_is_said_without_false_certainty() -> None:
    assert [_percent(value) for value in (0.0, 0.004, 0.12, 0.996)] == ["below 1 %", "below 1 %", "12 %", "above 99 %"]


def test_what_is_no_probability_is_refused() -> None:
    with pytest.raises(InputError, match="not possible"):
        LimitProbability("liver", 1.2, None)
