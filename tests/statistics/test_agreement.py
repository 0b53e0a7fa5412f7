"""Agreement against statsmodels, a published table, and laws that hold for every table."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.statistics.agreement import WEIGHTINGS, agreement_table, cohen_kappa, enough, shared_answers

TABLES = st.integers(2, 5).flatmap(
    lambda size: st.lists(st.lists(st.integers(0, 12), min_size=size, max_size=size), min_size=size, max_size=size)
)


def test_kappa_and_standard_error_are_those_that_bonett_prints():
    # statpsych, help of ci.kappa(.05, 31, 12, 4, 58): Cohen kappa 0.6756757, SE 0.07344761, 0.5317210 to 0.8196303.
    found = cohen_kappa([[31, 12], [4, 58]])
    assert found.value == pytest.approx(0.6756757, abs=5e-8)
    assert found.standard_error == pytest.approx(0.07344761, abs=5e-9)
    assert (found.lower, found.upper) == pytest.approx((0.5317210, 0.8196303), abs=5e-8)
    assert not found.note


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@given(table=TABLES)
def test_kappa_and_its_error_are_those_of_statsmodels(weighting, table):
    rater = pytest.importorskip("statsmodels.stats.inter_rater")
    found = cohen_kappa(table, weighting)
    if found.standard_error is None:
        return  # statsmodels divides by zero where ours says why there is no number
    peer = rater.cohens_kappa(table, wt=None if weighting == "unweighted" else weighting)
    assert found.value == pytest.approx(peer.kappa, abs=1e-9)
    assert found.standard_error == pytest.approx(peer.std_kappa, rel=1e-6, abs=1e-9)


@given(table=TABLES, weighting=st.sampled_from(WEIGHTINGS))
def test_exchanging_the_readers_changes_nothing(table, weighting):
    one, other = cohen_kappa(table, weighting), cohen_kappa(list(zip(*table, strict=True)), weighting)
    assert (one.value is None) == (other.value is None)
    if one.value is not None:
        assert one.value == pytest.approx(other.value, abs=1e-9)
        assert -1 - 1e-12 <= one.value <= 1 + 1e-12


@given(counts=st.lists(st.integers(1, 9), min_size=2, max_size=4), weighting=st.sampled_from(WEIGHTINGS))
def test_full_agreement_is_one_without_an_interval_of_no_width(counts, weighting):
    table = [[count if i == j else 0 for j in range(len(counts))] for i, count in enumerate(counts)]
    found = cohen_kappa(table, weighting)
    assert found.value == pytest.approx(1.0)
    assert found.lower is None
    assert "no interval" in found.note


def test_two_categories_have_the_same_kappa_by_every_weighting():
    values = [cohen_kappa([[7, 2], [3, 8]], weighting).value for weighting in WEIGHTINGS]
    assert values == pytest.approx([values[0]] * 3)


def test_one_category_alone_leaves_kappa_undefined_and_says_so():
    for weighting in WEIGHTINGS:
        found = cohen_kappa([[15, 0, 0], [0, 0, 0], [0, 0, 0]], weighting)
        assert found.value is None
        assert found.note.startswith("not defined: both gave one and the same category")


def test_nobody_compared_leaves_kappa_undefined():
    found = cohen_kappa([[0, 0], [0, 0]])
    assert found.value is None
    assert "nobody was compared" in found.note


def test_fifteen_participants_in_four_categories_are_too_few_for_the_interval():
    found = cohen_kappa([[2, 1, 0, 0], [1, 3, 1, 0], [0, 1, 3, 0], [0, 0, 1, 2]])
    assert sum(map(sum, [[2, 1], [1, 3, 1], [1, 3], [1, 2]])) == 15 < enough(4) == 32
    assert "15 participants in 4 categories" in found.note
    assert found.lower is not None


def test_weights_forgive_a_near_disagreement_more_than_a_far_one():
    near, far = [[5, 2, 0], [0, 5, 0], [0, 0, 5]], [[5, 0, 2], [0, 5, 0], [0, 0, 5]]
    assert cohen_kappa(near, "quadratic").value > cohen_kappa(far, "quadratic").value
    assert cohen_kappa(near, "linear").value > cohen_kappa(far, "linear").value


@pytest.mark.parametrize(
    "table", [[], [[1, 2]], [[1], [2]], [[1, -1], [0, 2]], [[1.5, 0], [0, 1]], [[True, 0], [0, 1]]]
)
def test_what_is_no_table_of_agreement_is_refused(table):
    with pytest.raises(InputError):
        cohen_kappa(table)


def test_a_category_that_nobody_named_is_refused():
    with pytest.raises(InputError, match="'NE' is none of CR, PD"):
        agreement_table([("CR", "NE")], ("CR", "PD"))


def test_who_has_no_answer_from_either_is_left_out_and_named():
    both, left = shared_answers({"P1": "CR", "P2": "NE", "P3": "PD"}, {"P1": "PR", "P2": "CR"}, ("CR", "PR", "PD"))
    assert (both, left) == (["P1"], ["P2", "P3"])


def test_the_interval_holds_kappa_and_stays_within_its_range():
    found = cohen_kappa([[1, 0], [1, 1]])
    assert found.lower >= -1
    assert found.upper <= 1
    assert found.lower < found.value < found.upper or math.isclose(found.value, found.upper)


@pytest.mark.parametrize("level", [0.0, 1.0, 95, -0.5, math.nan])
def test_a_level_that_is_none_is_refused_even_where_no_interval_would_be_given(level):
    for table in ([[31, 12], [4, 58]], [[0, 0], [0, 0]]):
        with pytest.raises(InputError, match="level lies between"):
            cohen_kappa(table, level=level)
