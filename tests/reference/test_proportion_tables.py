"""Published and independently computed interval tables."""

from __future__ import annotations

import pytest

from theratrial.statistics import proportion

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
]

# n = 15, 95 %: x -> Clopper-Pearson, Wilson; computed in another program than ours and given to four digits.
FIFTEEN = {
    0: ((0.0, 0.2180), (0.0, 0.2039)),
    1: ((0.0017, 0.3195), (0.0119, 0.2982)),
    2: ((0.0166, 0.4046), (0.0374, 0.3788)),
    3: ((0.0433, 0.4809), (0.0705, 0.4519)),
    4: ((0.0779, 0.5510), (0.1090, 0.5195)),
    5: ((0.1182, 0.6162), (0.1518, 0.5829)),
    6: ((0.1634, 0.6771), (0.1982, 0.6425)),
    7: ((0.2127, 0.7341), (0.2481, 0.6988)),
    8: ((0.2659, 0.7873), (0.3012, 0.7519)),
    9: ((0.3229, 0.8366), (0.3575, 0.8018)),
    10: ((0.3838, 0.8818), (0.4171, 0.8482)),
    11: ((0.4490, 0.9221), (0.4805, 0.8910)),
    12: ((0.5191, 0.9567), (0.5481, 0.9295)),
    13: ((0.5954, 0.9834), (0.6212, 0.9626)),
    14: ((0.6805, 0.9983), (0.7018, 0.9881)),
    15: ((0.7820, 1.0), (0.7961, 1.0)),
}
PRINTED = 0.5e-4 * 1.001


@pytest.mark.parametrize(("x", "n", "method", "lower", "upper"), NEWCOMBE)
def test_newcombe_examples_are_met_as_printed(x: int, n: int, method: str, lower: float, upper: float) -> None:
    result = proportion(x, n, method)
    assert (result.lower_fraction, result.upper_fraction) == pytest.approx((lower, upper), abs=PRINTED)


@pytest.mark.parametrize("x", FIFTEEN)
def test_every_result_of_fifteen_participants_has_its_tabulated_intervals(x: int) -> None:
    for method, ends in zip(("clopper_pearson", "wilson"), FIFTEEN[x], strict=True):
        result = proportion(x, 15, method)
        assert (result.lower_fraction, result.upper_fraction) == pytest.approx(ends, abs=PRINTED)


def test_statsmodels_gives_the_same_intervals_for_all_counts_up_to_forty() -> None:
    proportion_confint = pytest.importorskip("statsmodels.stats.proportion").proportion_confint
    for ours, theirs in (("clopper_pearson", "beta"), ("wilson", "wilson")):
        for n in range(1, 41):
            for x in range(n + 1):
                result = proportion(x, n, ours, 0.9)
                ends = proportion_confint(x, n, alpha=0.1, method=theirs)
                assert (result.lower_fraction, result.upper_fraction) == pytest.approx(ends, abs=1e-12)
