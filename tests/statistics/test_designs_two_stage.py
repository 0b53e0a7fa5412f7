"""Two-stage designs against Simon's published tables, and inference after them against its definitions."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.statistics.designs.two_stage import TwoStage, rejection, two_stage, two_stage_inference

# Simon R. Control Clin Trials 1989;10:1-10, tables 1 and 2: p0, p1, alpha, beta, then optimal and minimax as
# r1/n1 r/n EN PET; the last four rows are those of a difference of 15 %.
SIMON = """
.05 .25 .10 .10 | 0/9 2/24 14.5 .63 | 0/13 2/20 16.4 .51
.05 .25 .05 .20 | 0/9 2/17 12.0 .63 | 0/12 2/16 13.8 .54
.05 .25 .05 .10 | 0/9 3/30 16.8 .63 | 0/15 3/25 20.4 .46
.10 .30 .10 .10 | 1/12 5/35 19.8 .66 | 1/16 4/25 20.4 .51
.10 .30 .05 .20 | 1/10 5/29 15.0 .74 | 1/15 5/25 19.5 .55
.10 .30 .05 .10 | 2/18 6/35 22.5 .73 | 2/22 6/33 26.2 .62
.20 .40 .10 .10 | 3/17 10/37 26.0 .55 | 3/19 10/36 28.3 .46
.20 .40 .05 .20 | 3/13 12/43 20.6 .75 | 4/18 10/33 22.3 .72
.20 .40 .05 .10 | 4/19 15/54 30.4 .67 | 5/24 13/45 31.2 .66
.30 .50 .10 .10 | 7/22 17/46 29.9 .67 | 7/28 15/39 35.0 .36
.30 .50 .05 .20 | 5/15 18/46 23.6 .72 | 6/19 16/39 25.7 .67
.30 .50 .05 .10 | 8/24 24/63 34.7 .73 | 7/24 21/53 36.6 .56
.40 .60 .10 .10 | 7/18 22/46 30.2 .56 | 11/28 20/41 33.8 .55
.40 .60 .05 .20 | 7/16 23/46 24.5 .72 | 17/34 20/39 34.4 .91
.40 .60 .05 .10 | 11/25 32/66 36.0 .73 | 12/29 27/54 38.1 .64
.50 .70 .10 .10 | 11/21 26/45 29.0 .67 | 11/23 23/39 31.0 .50
.50 .70 .05 .20 | 8/15 26/43 23.5 .70 | 12/23 23/37 27.7 .66
.50 .70 .05 .10 | 13/24 36/61 34.0 .73 | 14/27 32/53 36.1 .65
.60 .80 .10 .10 | 6/11 26/38 25.4 .47 | 18/27 24/35 28.5 .82
.60 .80 .05 .20 | 7/11 30/43 20.5 .70 | 8/13 25/35 20.8 .65
.60 .80 .05 .10 | 12/19 37/53 29.5 .69 | 15/26 32/45 35.9 .48
.70 .90 .10 .10 | 6/9 22/28 17.8 .54 | 11/16 20/25 20.0 .55
.70 .90 .05 .20 | 4/6 22/27 14.8 .58 | 19/23 21/26 23.2 .95
.70 .90 .05 .10 | 11/15 29/36 21.2 .70 | 13/18 26/32 22.7 .67
.05 .20 .05 .20 | 0/10 3/29 17.6 .60 | 0/13 3/27 19.8 .51
.10 .25 .05 .20 | 2/18 7/43 24.7 .73 | 2/22 7/40 28.8 .62
.20 .35 .05 .20 | 5/22 19/72 35.4 .73 | 6/31 15/53 40.4 .57
.30 .45 .05 .20 | 9/27 30/81 41.7 .73 | 16/46 25/65 49.6 .81
"""


def _printed(design: TwoStage) -> str:
    return f"{design.r1}/{design.n1} {design.r}/{design.n} {design.expected_n:.1f} {design.stop_early:.2f}".replace(
        " 0.", " ."
    )


@pytest.mark.parametrize("row", SIMON.strip().splitlines())
def test_designs_are_those_of_simons_tables(row: str) -> None:
    rates, optimal, minimax = (part.strip() for part in row.split("|"))
    p0, p1, alpha, beta = (float(number) for number in rates.split())
    found = two_stage(p0, p1, alpha=alpha, beta=beta, n_max=68 if p1 - p0 > 0.16 else 82)
    assert _printed(found.optimal) == optimal
    assert _printed(found.minimax) == minimax
    for design in found.admissible:
        assert rejection(design.r1, design.n1, design.r, design.n, p0) == pytest.approx(design.alpha)
        assert design.alpha <= alpha
        assert design.power >= 1 - beta


def test_admissible_designs_lead_from_minimax_to_optimal_and_each_pays_for_its_participants() -> None:
    found = two_stage(0.2, 0.4, n_max=60)
    assert (found.admissible[0], found.admissible[-1]) == (found.minimax, found.optimal)
    slopes = [
        (one.expected_n - other.expected_n) / (other.n - one.n)
        for one, other in zip(found.admissible, found.admissible[1:], strict=False)
    ]
    assert slopes == sorted(slopes, reverse=True)
    assert all(slope > 0 for slope in slopes)


def _results(design: TwoStage) -> list[tuple[int, bool]]:
    early = [(x, True) for x in range(design.r1 + 1)]
    return early + [(x, False) for x in range(design.r1 + 1, design.n + 1)]


def _probability(design: TwoStage, x: int, early: bool, p: float) -> float:
    """Written out from the definition of the design, with whole numbers of ways."""
    n1, n2 = design.n1, design.n - design.n1
    if early:
        return math.comb(n1, x) * p**x * (1 - p) ** (n1 - x)
    ways = sum(math.comb(n1, x1) * math.comb(n2, x - x1) for x1 in range(design.r1 + 1, n1 + 1) if 0 <= x - x1 <= n2)
    return ways * p**x * (1 - p) ** (design.n - x)


@settings(deadline=None, max_examples=25)
@given(st.floats(0.02, 0.98))
def test_the_unbiased_estimate_is_unbiased_and_the_share_is_not(p: float) -> None:
    design = TwoStage(3, 13, 12, 43, 0.2, 0.4, 0, 0, 0, 0)
    chances = {result: _probability(design, *result, p) for result in _results(design)}
    assert math.fsum(chances.values()) == pytest.approx(1)
    told = {(x, early): two_stage_inference(design, x, stopped_early=early) for x, early in chances}
    assert math.fsum(chances[key] * told[key].unbiased for key in chances) == pytest.approx(p, abs=1e-9)
    if 0.1 < p < 0.6:
        assert math.fsum(chances[key] * told[key].naive for key in chances) < p - 1e-3


def test_the_p_value_adds_up_the_results_at_or_beyond_the_one_seen() -> None:
    design = TwoStage(3, 13, 12, 43, 0.2, 0.4, 0, 0, 0, 0)
    order = _results(design)
    for at, (x, early) in enumerate(order):
        beyond = math.fsum(_probability(design, *one, 0.2) for one in order[at:])
        assert two_stage_inference(design, x, stopped_early=early).p_value == pytest.approx(beyond, abs=1e-12)


def test_the_interval_holds_the_rates_that_the_result_does_not_contradict() -> None:
    design = TwoStage(3, 13, 12, 43, 0.2, 0.4, 0, 0, 0, 0)
    order = _results(design)
    for at, (x, early) in enumerate(order):
        found = two_stage_inference(design, x, stopped_early=early, level=0.9)
        if found.lower > 0:
            assert math.fsum(_probability(design, *one, found.lower) for one in order[at:]) == pytest.approx(0.05)
        if found.upper < 1:
            assert math.fsum(_probability(design, *one, found.upper) for one in order[: at + 1]) == pytest.approx(0.05)
        assert found.lower <= found.unbiased <= found.upper


def test_rejecting_the_null_rate_and_passing_r_are_the_same() -> None:
    design = two_stage(0.2, 0.4, n_max=50).optimal
    assert two_stage_inference(design, design.r + 1, stopped_early=False).p_value <= 0.05
    assert two_stage_inference(design, design.r, stopped_early=False).p_value > 0.05


@pytest.mark.parametrize(("x", "early"), [(4, True), (3, False), (44, False), (-1, True)])
def test_a_result_that_the_design_cannot_end_with_is_refused(x: int, early: bool) -> None:
    design = TwoStage(3, 13, 12, 43, 0.2, 0.4, 0, 0, 0, 0)
    with pytest.raises(InputError, match="cannot be the result"):
        two_stage_inference(design, x, stopped_early=early)


@pytest.mark.parametrize(
    ("stages", "p0"),
    [
        ((3, 13, 2, 10), 0.2),
        ((3, 13, 2, 43), 0.2),
        ((13, 13, 14, 43), 0.2),
        ((3, 13, 43, 43), 0.2),
        ((3, 43, 12, 43), 0.2),
    ]
    + [((3, 13, 12, 43), p0) for p0 in (1.5, float("nan"), 0.0)],
)
def test_stages_that_are_no_design_and_a_rate_that_is_none_are_refused(stages: tuple[int, ...], p0: float) -> None:
    r1, n1, r, n = stages
    with pytest.raises(InputError, match=r"is no two-stage design|p0 lies between"):
        two_stage_inference(TwoStage(r1, n1, r, n, p0, 1.0, 0, 0, 0, 0), 5, stopped_early=False)


def test_a_search_that_ends_too_soon_says_what_to_do() -> None:
    with pytest.raises(InputError, match="raise n_max"):
        two_stage(0.2, 0.25, n_max=40)
    with pytest.raises(InputError, match="p0 < p1"):
        two_stage(0.4, 0.2)
