"""Spearman's rho against scipy; its interval against the printed formula."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.statistics.rank_correlation import rank_correlation

VALUES = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=5, max_size=20)


@given(pairs=VALUES)
def test_rho_is_that_of_scipy_ties_included(pairs):
    from scipy.stats import spearmanr

    x, y = zip(*pairs, strict=True)
    assume(len(set(x)) > 1 and len(set(y)) > 1)
    assert rank_correlation(x, y).rho == pytest.approx(float(spearmanr(x, y).statistic), abs=1e-12)


def test_the_interval_is_fishers_with_the_error_of_bonett_and_wright():
    # statpsych, help of ci.spearman: interval tanh(atanh(r) +- z sqrt((1 + r^2/2)/(n - 3))), written out by hand here.
    x, y = [1, 2, 3, 4, 5, 6, 7, 8], [2, 1, 4, 3, 6, 5, 8, 7]
    found = rank_correlation(x, y)
    rho = 1 - 6 * 8 / (8 * 63)
    assert found.rho == pytest.approx(rho)
    half = 1.959963984540054 * math.sqrt((1 + rho**2 / 2) / 5)
    assert found.lower == pytest.approx(math.tanh(math.atanh(rho) - half))
    assert found.upper == pytest.approx(math.tanh(math.atanh(rho) + half))


def test_a_monotone_change_of_scale_changes_nothing():
    x, y = [0.3, 2.0, 1.1, 7.5, 4.2, 3.3], [-20.0, -55.0, 3.0, -70.0, -10.0, 12.0]
    assert rank_correlation([math.exp(one) for one in x], y) == rank_correlation(x, y)


def test_too_few_pairs_give_no_coefficient_and_say_so():
    found = rank_correlation([1, 2, 3, 4], [1, 2, 3, 4])
    assert found.rho is None
    assert "fewer than 5 pairs, here 4" in found.note


def test_a_perfect_order_has_no_interval():
    found = rank_correlation([1, 2, 3, 4, 5], [10, 20, 30, 40, 50])
    assert found.rho == pytest.approx(1.0)
    assert found.lower is None
    assert "no interval" in found.note


def test_values_that_are_all_the_same_have_no_order():
    assert "all values of one of the two are the same" in rank_correlation([1] * 6, range(6)).note


def test_an_infinite_dose_is_refused():
    with pytest.raises(InputError, match="finite"):
        rank_correlation([1, 2, 3, 4, math.inf], [1, 2, 3, 4, 5])
