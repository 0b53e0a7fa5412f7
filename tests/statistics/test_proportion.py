from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.statistics import METHODS, proportion, proportion_in_plain_words, proportion_sentence

COUNTS = st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("x", "n", "word"),
    [
        (1, 0, "empty"),
        (0, 0, "empty"),
        (16, 15, "cannot be"),
        (-1, 15, "cannot be"),
        (1.0, 15, "count"),
        (True, 2, "count"),
    ],
)
def test_counts_that_cannot_be_are_refused(x: object, n: int, word: str) -> None:
    with pytest.raises(InputError, match=word):
        proportion(x, n)  # type: ignore[arg-type]


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, math.nan])
def test_a_level_that_is_no_confidence_is_refused(level: float) -> None:
    with pytest.raises(InputError, match="level"):
        proportion(1, 2, level=level)


def test_an_unknown_method_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="clopper_pearson, wilson"):
        proportion(1, 2, "wald")


def test_numpy_integers_are_counts() -> None:
    assert proportion(np.int64(9), np.int64(15)) == proportion(9, 15)


@given(COUNTS, st.sampled_from(sorted(METHODS)), st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_failures_have_the_mirrored_interval_of_successes(counts: tuple[int, int], method: str, level: float) -> None:
    x, n = counts
    one, other = proportion(x, n, method, level), proportion(n - x, n, method, level)
    assert one.lower_fraction == pytest.approx(1 - other.upper_fraction, abs=1e-12)
    assert 0 <= one.lower_fraction <= one.estimate_fraction <= one.upper_fraction <= 1


@given(COUNTS)
def test_exact_limits_put_half_of_the_error_into_each_tail(counts: tuple[int, int]) -> None:
    x, n = counts
    result = proportion(x, n)

    def at_least(k: int, p: float) -> float:
        return math.fsum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))

    if x > 0:
        assert at_least(x, result.lower_fraction) == pytest.approx(0.025, rel=1e-6)
    if x < n:
        assert 1 - at_least(x + 1, result.upper_fraction) == pytest.approx(0.025, rel=1e-6)


def test_exact_interval_covers_at_least_95_percent_for_fifteen_whatever_the_truth() -> None:
    ends = [proportion(x, 15) for x in range(16)]
    for p in np.linspace(0.001, 0.999, 500):
        covered = math.fsum(
            math.comb(15, e.x) * p**e.x * (1 - p) ** (15 - e.x)
            for e in ends
            if e.lower_fraction <= p <= e.upper_fraction
        )
        assert covered >= 0.95


def test_the_sentence_carries_counts_percentage_interval_and_method() -> None:
    sentence = proportion_sentence(
        proportion(9, 15), outcome="had disease control", participants="treated participants"
    )
    assert sentence == (
        "9 of 15 treated participants had disease control: 60.0 %, "
        "95 % exact (Clopper-Pearson) confidence interval 32.3 % to 83.7 %."
    )


@pytest.mark.parametrize("x", range(16))
def test_plain_words_name_the_range_and_what_one_participant_changes(x: int) -> None:
    words = proportion_in_plain_words(proportion(x, 15))
    assert "6.7 percentage points" in words
    assert "control group" in words
    assert (f"{x + 1} of 15," in words) == (x < 15)
    assert (f"{x - 1} of 15," in words) == (x > 0)


def test_a_small_limit_never_reads_as_nothing() -> None:
    assert "from under 1 % to 32 %" in proportion_in_plain_words(proportion(1, 15))
    assert "from 68 % to over 99 %" in proportion_in_plain_words(proportion(14, 15))
