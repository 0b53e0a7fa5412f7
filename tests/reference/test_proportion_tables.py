"""Published and independently computed interval tables."""

from __future__ import annotations

import pytest

from theratrial.statistics import one_sided_bound, proportion

# Newcombe RG. Two-sided confidence intervals for the single proportion. Stat Med 1998;17:857-872, table I, 95 %,
# as printed to four digits.
NEWCOMBE = [
    (81, 263, "clopper_pearson", 0.2527, 0.3676),
    (81, 263, "wilson", 0.2553, 0.3662),
    (15, 148, "clopper_pearson", 0.0578, 0.1617),
    (15, 148, "wilson", 0.0624, 0.1605),
    (0, 20, "clopper_pearson", 0.0, 0.1684),
    (0, 20, "wilson", 0.0, 0.1611),
    (1, 29, "clopper_pearson", 0.0009, 0.1776),
    (1, 29, "wilson", 0.0061, 0.1718),
    (81, 263, "wilson_continuity", 0.2535, 0.3682),
    (81, 263, "mid_p", 0.2544, 0.3658),
    (15, 148, "wilson_continuity", 0.0598, 0.1644),
    (15, 148, "mid_p", 0.0601, 0.1581),
    (0, 20, "wilson_continuity", 0.0, 0.2005),
    (0, 20, "mid_p", 0.0, 0.1391),
    (1, 29, "wilson_continuity", 0.0018, 0.1963),
    (1, 29, "mid_p", 0.0017, 0.1585),
]

# n = 15, 95 %: x -> Clopper-Pearson, Wilson, Jeffreys (equal tails; 0 and 1 at the ends), mid-P; computed in another
# program than ours and given to four digits.
FIFTEEN = {
    0: ((0.0, 0.218), (0.0, 0.2039), (0.0, 0.1518), (0.0, 0.181)),
    1: ((0.0017, 0.3195), (0.0119, 0.2982), (0.0073, 0.2718), (0.0033, 0.2873)),
    2: ((0.0166, 0.4046), (0.0374, 0.3788), (0.0288, 0.3634), (0.023, 0.3752)),
    3: ((0.0433, 0.4809), (0.0705, 0.4519), (0.0598, 0.4436), (0.0535, 0.4535)),
    4: ((0.0779, 0.551), (0.109, 0.5195), (0.0974, 0.5166), (0.091, 0.5253)),
    5: ((0.1182, 0.6162), (0.1518, 0.5829), (0.1403, 0.5842), (0.1338, 0.5921)),
    6: ((0.1634, 0.6771), (0.1982, 0.6425), (0.1875, 0.6472), (0.1809, 0.6546)),
    7: ((0.2127, 0.7341), (0.2481, 0.6988), (0.2388, 0.7061), (0.232, 0.7132)),
    8: ((0.2659, 0.7873), (0.3012, 0.7519), (0.2939, 0.7612), (0.2868, 0.768)),
    9: ((0.3229, 0.8366), (0.3575, 0.8018), (0.3528, 0.8125), (0.3454, 0.8191)),
    10: ((0.3838, 0.8818), (0.4171, 0.8482), (0.4158, 0.8597), (0.4079, 0.8662)),
    11: ((0.449, 0.9221), (0.4805, 0.891), (0.4834, 0.9026), (0.4747, 0.909)),
    12: ((0.5191, 0.9567), (0.5481, 0.9295), (0.5564, 0.9402), (0.5465, 0.9465)),
    13: ((0.5954, 0.9834), (0.6212, 0.9626), (0.6366, 0.9712), (0.6248, 0.977)),
    14: ((0.6805, 0.9983), (0.7018, 0.9881), (0.7282, 0.9927), (0.7127, 0.9967)),
    15: ((0.782, 1.0), (0.7961, 1.0), (0.8482, 1.0), (0.819, 1.0)),
}
PRINTED = 0.5e-4 * 1.001


@pytest.mark.parametrize(("x", "n", "method", "lower", "upper"), NEWCOMBE)
def test_newcombe_examples_are_met_as_printed(x: int, n: int, method: str, lower: float, upper: float) -> None:
    result = proportion(x, n, method)
    assert (result.lower_fraction, result.upper_fraction) == pytest.approx((lower, upper), abs=PRINTED)


@pytest.mark.parametrize("x", FIFTEEN)
def test_every_result_of_fifteen_participants_has_its_tabulated_intervals(x: int) -> None:
    for method, ends in zip(("clopper_pearson", "wilson", "jeffreys", "mid_p"), FIFTEEN[x], strict=True):
        result = proportion(x, 15, method)
        assert (result.lower_fraction, result.upper_fraction) == pytest.approx(ends, abs=PRINTED)


def test_statsmodels_gives_the_same_intervals_for_all_counts_up_to_forty() -> None:
    proportion_confint = pytest.importorskip("statsmodels.stats.proportion").proportion_confint
    for ours, theirs in (("clopper_pearson", "beta"), ("wilson", "wilson"), ("agresti_coull", "agresti_coull")):
        for n in range(1, 41):
            for x in range(n + 1):
                result = proportion(x, n, ours, 0.9)
                ends = proportion_confint(x, n, alpha=0.1, method=theirs)
                ends = (max(0.0, ends[0]), min(1.0, ends[1]))
                assert (result.lower_fraction, result.upper_fraction) == pytest.approx(ends, abs=1e-12)


def test_statsmodels_gives_the_same_jeffreys_interval_between_the_ends() -> None:
    proportion_confint = pytest.importorskip("statsmodels.stats.proportion").proportion_confint
    for n in range(2, 41):
        for x in range(1, n):
            result = proportion(x, n, "jeffreys", 0.9)
            ends = proportion_confint(x, n, alpha=0.1, method="jeffreys")
            assert (result.lower_fraction, result.upper_fraction) == pytest.approx(ends, abs=1e-12)


def test_nobody_of_fifteen_leaves_the_tabulated_one_sided_bound() -> None:
    assert one_sided_bound(0, 15, "upper") == pytest.approx(0.1810, abs=PRINTED)
    assert one_sided_bound(15, 15, "lower") == pytest.approx(1 - 0.1810, abs=PRINTED)
