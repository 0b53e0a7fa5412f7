"""Single-stage designs and exact tests against clinfun (R), run for these rates, and against tables for n = 15."""

from __future__ import annotations

import math

import pytest

from theratrial.errors import InputError
from theratrial.statistics.designs.single_stage import exact_test, p_value, single_stage

# clinfun::ph2single: p0, p1, beta -> n, r; alpha .05.
CLINFUN = [
    (0.05, 0.25, 0.2, 16, 2),
    (0.10, 0.30, 0.2, 25, 5),
    (0.10, 0.30, 0.1, 33, 6),
    (0.20, 0.40, 0.2, 35, 11),
    (0.20, 0.40, 0.1, 47, 14),
    (0.30, 0.50, 0.2, 39, 16),
    (0.30, 0.50, 0.1, 53, 21),
    (0.40, 0.60, 0.2, 42, 22),
    (0.40, 0.60, 0.1, 56, 28),
    (0.30, 0.60, 0.2, 17, 8),
    (0.30, 0.60, 0.1, 25, 11),
    (0.40, 0.70, 0.2, 19, 11),
    (0.40, 0.70, 0.1, 25, 14),
    (0.50, 0.80, 0.2, 18, 12),
    (0.50, 0.80, 0.1, 23, 15),
    (0.20, 0.50, 0.2, 17, 6),
    (0.20, 0.50, 0.1, 21, 7),
]

# n = 15 at one-sided 2.5 %: p0 -> fewest to reject, true level, power at .5 .6 .7 .8 .9; computed in another program.
FIFTEEN = [
    (0.1, 5, 0.0127, (0.941, 0.991, 0.999, 1.0, 1.0)),
    (0.2, 7, 0.0181, (0.696, 0.905, 0.985, 0.999, 1.0)),
    (0.3, 9, 0.0152, (0.304, 0.610, 0.869, 0.982, 1.000)),
    (0.4, 10, 0.0338, (0.151, 0.403, 0.722, 0.939, 0.998)),
    (0.5, 12, 0.0176, (0.018, 0.091, 0.297, 0.648, 0.944)),
]


@pytest.mark.parametrize(("p0", "p1", "beta", "n", "r"), CLINFUN)
def test_designs_are_those_of_clinfun(p0: float, p1: float, beta: float, n: int, r: int) -> None:
    found = single_stage(p0, p1, beta=beta)
    assert (found.n, found.r) == (n, r)
    assert found.alpha <= 0.05
    assert found.power >= 1 - beta


@pytest.mark.parametrize(("p0", "at_least", "level", "power"), FIFTEEN)
def test_fifteen_participants_show_what_the_table_says(
    p0: float, at_least: int, level: float, power: tuple[float, ...]
) -> None:
    found = exact_test(15, p0, alpha=0.05 if p0 == 0.4 else 0.025, rates=(0.5, 0.6, 0.7, 0.8, 0.9))
    assert found.at_least == at_least
    assert found.alpha == pytest.approx(level, abs=5.1e-5)
    assert [got for _rate, got in found.power] == pytest.approx(power, abs=5.1e-4)


@pytest.mark.parametrize(
    ("p0", "x", "expected"),
    [(0.2, 6, 0.0611), (0.2, 7, 0.0181), (0.3, 8, 0.0500), (0.4, 9, 0.0950), (0.5, 11, 0.0592), (0.5, 12, 0.0176)],
)
def test_tail_probabilities_of_fifteen_are_those_of_the_table(p0: float, x: int, expected: float) -> None:
    assert p_value(x, 15, p0) == pytest.approx(expected, abs=5.1e-5)


def test_eight_of_fifteen_against_a_third_of_nine_tenths_is_just_above_five_percent() -> None:
    assert p_value(8, 15, 0.3) == pytest.approx(0.05001, abs=5e-6)
    assert p_value(8, 15, 0.3) > 0.05


def test_half_of_what_was_seen_is_taken_off_for_the_mid_p_value() -> None:
    seen = math.comb(15, 9) * 0.3**9 * 0.7**6
    assert p_value(9, 15, 0.3, mid=True) == pytest.approx(p_value(9, 15, 0.3) - seen / 2, abs=1e-12)


def test_where_not_even_all_of_them_would_convince_the_test_says_so() -> None:
    found = exact_test(2, 0.5, alpha=0.05, rates=(0.9,))
    assert (found.at_least, found.alpha, found.power) == (3, 0.0, ((0.9, 0.0),))


def test_numbers_out_of_range_are_refused_with_the_range() -> None:
    with pytest.raises(InputError, match="p0 < p1"):
        single_stage(0.5, 0.5)
    with pytest.raises(InputError, match="alpha lies between 0 and"):
        single_stage(0.2, 0.5, alpha=5)
    with pytest.raises(InputError, match="raise n_max"):
        single_stage(0.2, 0.21, n_max=100)
    with pytest.raises(InputError, match="p0 lies between"):
        exact_test(15, 1.0)
