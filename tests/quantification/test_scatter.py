"""Scatter estimates: exact where the spectrum is what they assume, unbiased and honest about noise elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.imaging.values import EnergyWindow
from theratrial.quantification.scatter import TRIPLE_WINDOW, ScatterPlan, primary_counts

PEAK = EnergyWindow("peak", 187.0, 229.0)
LOWER = EnergyWindow("lower", 166.0, 187.0)
UPPER = EnergyWindow("upper", 229.0, 241.0)
WINDOWS = (PEAK, LOWER, UPPER)


def _line(constant: float, slope: float, window: EnergyWindow) -> float:
    """Integral of constant + slope * (E - 208 keV) over a window."""
    assert window.lower_keV is not None
    assert window.upper_keV is not None
    middle = (window.lower_keV + window.upper_keV) / 2 - 208.0
    return (window.upper_keV - window.lower_keV) * (constant + slope * middle)


@settings(deadline=None)
@given(st.floats(0.0, 1e4), st.floats(5.0, 50.0))
def test_the_triple_window_is_exact_under_a_constant_spectrum_whatever_the_widths(primary: float, level: float) -> None:
    counts = np.array([primary + _line(level, 0, PEAK), _line(level, 0, LOWER), _line(level, 0, UPPER)])
    found = primary_counts(counts.reshape(3, 1, 1), WINDOWS, photopeak=0, plan=TRIPLE_WINDOW)
    assert found.primary[0, 0] == pytest.approx(primary, rel=1e-5, abs=1e-2)


@settings(deadline=None)
@given(st.floats(0.0, 1e4), st.floats(-0.3, 0.3))
def test_the_triple_window_is_exact_under_a_sloping_line_with_equal_neighbours(primary: float, slope: float) -> None:
    windows = (PEAK, LOWER, EnergyWindow("upper", 229.0, 250.0))
    counts = np.array([_line(20, slope, w) for w in windows])
    counts[0] += primary
    found = primary_counts(counts.reshape(3, 1, 1), windows, photopeak=0, plan=TRIPLE_WINDOW)
    assert found.primary[0, 0] == pytest.approx(primary, rel=1e-5, abs=1e-2)


def test_windows_are_found_by_their_limits_and_not_by_their_order() -> None:
    counts = np.array([50.0, 900.0, 40.0]).reshape(3, 1, 1)
    found = primary_counts(counts, (LOWER, PEAK, UPPER), photopeak=1, plan=TRIPLE_WINDOW)
    assert found.scatter[0, 0] == pytest.approx(50 * 42 / (2 * 21) + 40 * 42 / (2 * 12))


def test_the_stated_variance_is_that_of_many_repeated_measurements_and_nothing_is_clipped() -> None:
    rng = np.random.default_rng(1)
    means = np.array([30.0, 15.0, 8.6]).reshape(3, 1, 1)
    counts = rng.poisson(np.broadcast_to(means, (3, 200, 200))).astype(np.float32)
    found = primary_counts(counts, WINDOWS, photopeak=0, plan=TRIPLE_WINDOW)
    expected = 30 - 15.0 - 8.6 * 42 / 24
    assert float((found.primary < 0).mean()) > 0.2
    assert float(found.primary.mean()) == pytest.approx(expected, abs=0.15)
    assert float(found.primary.var()) == pytest.approx(float(found.variance.mean()), rel=0.03)


def test_the_dual_window_takes_k_times_the_lower_window() -> None:
    counts = np.array([100.0, 60.0]).reshape(2, 1, 1)
    plan = ScatterPlan("dual", 0.5, 0.2, "given:phantom")
    found = primary_counts(counts, (PEAK, LOWER), photopeak=0, plan=plan)
    assert (found.primary[0, 0], found.variance[0, 0]) == (70.0, 115.0)


def test_too_much_scatter_is_told() -> None:
    counts = np.stack([np.full((4, 4), 10.0), np.full((4, 4), 30.0), np.full((4, 4), 5.0)])
    found = primary_counts(counts, WINDOWS, photopeak=0, plan=TRIPLE_WINDOW)
    assert found.over_subtracted(np.ones((4, 4), dtype=np.float32))
    fine = primary_counts(counts[[1, 0, 2]], WINDOWS, photopeak=0, plan=TRIPLE_WINDOW)
    assert not fine.over_subtracted(np.ones((4, 4), dtype=np.float32))


@pytest.mark.parametrize(
    ("windows", "message"),
    [
        ((PEAK, LOWER), "no upper scatter window"),
        ((PEAK, UPPER), "no lower scatter window"),
        ((PEAK, LOWER, EnergyWindow("far", 300.0, 320.0)), "no upper scatter window"),
        ((EnergyWindow("peak", None, None), LOWER, UPPER), "states no limits"),
    ],
)
def test_a_missing_scatter_window_is_refused(windows: tuple[EnergyWindow, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        primary_counts(np.ones((len(windows), 2, 2)), windows, photopeak=0, plan=TRIPLE_WINDOW)
