"""Boundaries and Bayesian rules against published tables and values of other programs."""

from __future__ import annotations

import math
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.statistics.designs.bayesian import (
    Beta,
    futility_boundary,
    futility_characteristics,
    posterior,
    predictive_probability,
    probability_above,
    toxicity_boundary,
)
from theratrial.statistics.designs.stopping import characteristics, pocock_boundary, replay

# 15 participants; computed by a dynamic programme of others and by clinfun's toxbdry, which agree: p0, overall,
# boundary, P(stop) at p0, .3, .4, .5, expected size at .4.
POCOCK = """
.10 .05 -,2,3,3,3,3,3,4,4,4,4,4,5,5,5 .0468 .600 .846 .961 7.94
.10 .10 -,2,2,2,3,3,3,3,3,4,4,4,4,4,5 .0969 .713 .904 .979 6.44
.20 .05 -,-,3,4,4,4,5,5,5,6,6,6,7,7,7 .0437 .198 .471 .752 11.97
.20 .10 -,2,3,3,4,4,4,5,5,5,6,6,6,6,7 .0980 .306 .591 .829 10.28
.30 .05 -,-,-,4,5,5,6,6,6,7,7,8,8,9,9 .0447 .045 .171 .410 13.96
.30 .10 -,-,3,4,4,5,5,6,6,6,7,7,8,8,9 .0898 .090 .261 .520 13.02
"""
BAYES = [
    (0.3, 0.95, Beta(1, 1), "-,2,3,3,4,4,5,5,5,6,6,7,7,8,8", 0.2056),
    (0.3, 0.95, Beta(0.5, 0.5), "-,2,3,3,4,4,5,5,6,6,6,7,7,8,8", 0.1952),
]
POSTERIOR_FIFTEEN = {  # P(p > .3) for x of 15 with Beta(1, 1) and Beta(1/2, 1/2); computed in another program
    4: (0.4499, 0.4037),
    5: (0.6598, 0.6239),
    6: (0.8247, 0.8040),
    7: (0.9256, 0.9168),
    8: (0.9743, 0.9716),
    9: (0.9929, 0.9923),
    10: (0.9984, 0.9984),
}


def _written(boundary: tuple[int | None, ...]) -> str:
    return ",".join("-" if limit is None else str(limit) for limit in boundary)


@pytest.mark.parametrize("row", POCOCK.strip().splitlines())
def test_continuous_boundaries_and_what_they_do_are_those_of_the_table(row: str) -> None:
    p0, overall, boundary, *numbers = row.split()
    found = pocock_boundary(15, float(p0), overall=float(overall))
    assert _written(found) == boundary
    in_vain, at_3, at_4, at_5, size = (float(number) for number in numbers)
    assert characteristics(found, float(p0)).stop == pytest.approx(in_vain, abs=5.1e-5)
    for rate, stop in ((0.3, at_3), (0.4, at_4), (0.5, at_5)):
        assert characteristics(found, rate).stop == pytest.approx(stop, abs=5.1e-4)
    assert characteristics(found, 0.4).expected_n == pytest.approx(size, abs=5.1e-3)


@pytest.mark.parametrize(("p0", "threshold", "prior", "boundary", "in_vain"), BAYES)
def test_bayesian_boundaries_stop_in_vain_as_often_as_computed_elsewhere(
    p0: float, threshold: float, prior: Beta, boundary: str, in_vain: float
) -> None:
    found = toxicity_boundary(15, p0, threshold, (prior,))
    assert _written(found) == boundary
    assert characteristics(found, p0).stop == pytest.approx(in_vain, abs=5.1e-5)


def test_a_flat_prior_at_ninety_percent_stops_after_the_first_participant() -> None:
    found = toxicity_boundary(15, 0.2, 0.9, (Beta(1, 1),))
    assert found[0] == 1
    assert characteristics(found, 0.2).stop == pytest.approx(0.4316, abs=5.1e-5)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.one_of(st.none(), st.integers(1, 6)), min_size=1, max_size=7),
    st.floats(0.01, 0.99),
)
def test_characteristics_are_the_sum_over_every_order_of_events(boundary: list[int | None], rate: float) -> None:
    stop = size = 0.0
    for path in product((0, 1), repeat=len(boundary)):
        chance = math.prod(rate if event else 1 - rate for event in path)
        sums = [sum(path[:k]) for k in range(1, len(path) + 1)]
        stops = (k for k, limit in enumerate(boundary, 1) if limit is not None and sums[k - 1] >= limit)
        at = next(stops, None)
        stop += chance * (at is not None)
        size += chance * (at or len(path))
    found = characteristics(tuple(boundary), rate)
    assert found.stop == pytest.approx(stop, abs=1e-9)
    assert found.expected_n == pytest.approx(size, abs=1e-9)


def test_a_replay_stops_where_the_boundary_is_reached_and_counts_nobody_who_is_not_known() -> None:
    boundary = (None, 2, 3)
    steps = replay(boundary, [("P01", True), ("P02", None), ("P03", True)])
    assert [(step.known, step.events, step.limit, step.stop) for step in steps] == [
        (1, 1, None, False),
        (1, 1, None, False),
        (2, 2, 2, True),
    ]
    with pytest.raises(InputError, match="for 3 participants"):
        replay(boundary, [(f"P{k}", False) for k in range(4)])


def test_predictive_probability_is_that_of_lee_and_liu() -> None:
    # Lee and Liu, Clin Trials 2008;5:93, and Genentech's phase1b, whose tests hold the digits.
    prior = (Beta(0.6, 0.4),)
    assert probability_above(prior, 16, 23, 0.6) == pytest.approx(0.8359808, abs=5e-8)
    found = [predictive_probability(prior, 16, 23, 40, 0.6, threshold) for threshold in (0.8, 0.9, 0.95)]
    assert found[1] == pytest.approx(0.5655589, abs=5e-8)
    assert [round(value, 3) for value in found] == [0.708, 0.566, 0.407]


def test_a_mixture_of_priors_is_weighed_by_what_each_foretold() -> None:
    # phase1b's value for an equal mixture of Beta(.6, .4) and Beta(1, 1) after 10 of 23.
    prior = (Beta(0.6, 0.4), Beta(1, 1))
    assert probability_above(prior, 10, 23, 0.6) == pytest.approx(0.05559802, abs=5e-9)
    assert math.fsum(part.weight for part in posterior(prior, 10, 23)) == pytest.approx(1)


@pytest.mark.parametrize("x", POSTERIOR_FIFTEEN)
def test_posteriors_of_fifteen_are_those_of_the_table(x: int) -> None:
    for prior, expected in zip((Beta(1, 1), Beta(0.5, 0.5)), POSTERIOR_FIFTEEN[x], strict=True):
        assert probability_above((prior,), x, 15, 0.3) == pytest.approx(expected, abs=5.1e-5)


def test_futility_looks_are_those_of_bop2fe() -> None:
    # README of BOP2FE for p0 = .2; the others computed in another program than ours.
    assert futility_boundary((10, 15, 20, 25, 30, 35, 40), 0.2, cut_off=0.9, shape=1) == (1, 2, 3, 5, 7, 9, 11)
    assert futility_boundary((5, 8, 10, 12, 15), 0.3, cut_off=0.9, shape=1) == (1, 2, 3, 4, 7)
    assert futility_boundary((5, 8, 10, 12, 15), 0.3, cut_off=0.9, shape=0.5) == (1, 3, 4, 5, 7)


@pytest.mark.parametrize("rate", [0.0, 0.15, 0.6, 1.0])
def test_futility_looks_stop_as_often_as_every_order_of_outcomes_says(rate: float) -> None:
    looks, boundary = (2, 5, 8), (0, None, 3)
    stop = size = 0.0
    for path in product((0, 1), repeat=8):
        chance = math.prod(rate if event else 1 - rate for event in path)
        ends = (n for n, limit in zip(looks, boundary, strict=True) if limit is not None and sum(path[:n]) <= limit)
        at = next(ends, None)
        stop += chance * (at is not None)
        size += chance * (at or 8)
    assert futility_characteristics(looks, boundary, rate) == pytest.approx((stop, size), abs=1e-12)


def test_rules_that_are_none_are_refused() -> None:
    with pytest.raises(InputError, match="rising numbers"):
        futility_boundary((10, 10), 0.2, cut_off=0.9, shape=1)
    with pytest.raises(InputError, match="beta distributions"):
        probability_above((), 1, 2, 0.5)
    with pytest.raises(InputError, match="more than the 20"):
        predictive_probability((Beta(1, 1),), 3, 23, 20, 0.5, 0.9)
    with pytest.raises(InputError, match="at least one participant"):
        characteristics((), 0.5)
