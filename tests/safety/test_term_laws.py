"""Laws of every term of both versions: one grade per value, never better away from normal, arrays as one by one."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from theratrial.safety.criteria import DIGITS, Range
from theratrial.safety.samples import Sample
from theratrial.safety.spans import reported_array
from theratrial.safety.term_arrays import NO_GRADE, SampleArrays, term_grade_arrays
from theratrial.safety.term_grades import _outcome, term_grades
from theratrial.safety.terms import CTCAE_VERSIONS, terms

TERMS = [term for version in CTCAE_VERSIONS for own in terms(version).values() for term in own]
IDS = [f"{term.version} {term.term} {term.test} {term.unit}" for term in TERMS]
any_term = st.integers(0, len(TERMS) - 1).map(TERMS.__getitem__)
FACTS = {"symptomatic": False, "fasting": True, "cardiac_finding": True, "new_reduction": True}


def apart(two):
    """Whether two numbers differ in the digits that are compared."""
    return DIGITS.create_decimal(repr(two[0])) < DIGITS.create_decimal(repr(two[1]))


def spread(term):
    """Amounts on and around everything a term compares with: ends, limits, multiples."""
    low, high = float(term.lowest_believable), float(term.highest_believable)
    ends = {float(end.number) for one in term.criteria for end in one.ends if end.number is not None}
    near = [end + step for end in ends for step in (-0.01, 0, 0.01)] or [1, 40, 40.01, 60, 120, 200, 800]
    return st.one_of(
        st.sampled_from([v for v in near if low <= v <= high]),
        st.floats(max(low, 0.01), high),
        st.decimals(str(max(low, 0.1)), str(high), places=1).map(float),
    )


def limits_of(term):
    """(lower, upper, baseline), each of them perhaps not known."""
    amounts = spread(term)
    pair = st.tuples(amounts, amounts).map(sorted).filter(apart)
    return st.tuples(pair, st.booleans(), st.booleans(), st.one_of(st.none(), amounts)).map(
        lambda parts: (
            parts[0][0] if parts[1] else None,
            parts[0][1] if parts[2] else None,
            parts[3],
        )
    )


def graded(term, value, limits, facts):
    sample = Sample(value, term.unit, *limits, facts=facts)
    return next(one for one in term_grades(term.test, sample, term.version) if one.term == term.term)


@settings(max_examples=120, deadline=None)
@given(term=any_term, data=st.data())
def test_grades_partition_the_line(term, data):
    """With limits, baseline and facts known every value has exactly one grade, unless the print leaves it open.

    The intervals are the steps between the near ends: the grade is the number of the worst met, and every grade that is
    less bad and has a criterion on the same line is met as well, so no value lies in two grades or between them.
    """
    amounts = spread(term)
    lower, upper = data.draw(st.tuples(amounts, amounts).map(sorted).filter(apart))
    baseline, value = data.draw(amounts), data.draw(amounts)
    found = graded(term, value, (lower, upper, baseline), FACTS)
    assert found.at_least is not None
    if any(one.also == "open_in_print" for one in term.criteria):
        assert found.grade is not None or "physician" in found.missing[0]
    else:
        assert found.grade == found.at_least == found.at_most
    exact = {"LLN": lower, "ULN": upper, "BASELINE": baseline}
    known = {name: Range(*[DIGITS.create_decimal(repr(number))] * 2) for name, number in exact.items()}
    here = Range(*[DIGITS.create_decimal(repr(value))] * 2)
    met = [one.grade for one in term.criteria if _outcome(one, here, known, FACTS).holds]
    assert max(met, default=0) == found.at_least


@settings(max_examples=120, deadline=None)
@given(term=any_term, data=st.data())
def test_a_value_farther_from_normal_never_has_a_better_grade(term, data):
    amounts = spread(term)
    near, far = data.draw(st.tuples(amounts, amounts).map(sorted))
    if term.direction == "down":
        near, far = far, near
    limits = data.draw(limits_of(term))
    facts = data.draw(st.sampled_from([{}, FACTS]))
    better, worse = graded(term, near, limits, facts), graded(term, far, limits, facts)
    assert better.at_least <= worse.at_least
    assert better.at_most <= worse.at_most


@settings(max_examples=120, deadline=None)
@given(term=any_term, data=st.data())
def test_what_becomes_known_narrows_the_grade_and_never_contradicts_it(term, data):
    amounts = spread(term)
    lower, upper = data.draw(st.tuples(amounts, amounts).map(sorted).filter(apart))
    baseline, value = data.draw(amounts), data.draw(amounts)
    everything = graded(term, value, (lower, upper, baseline), FACTS)
    keep = data.draw(st.tuples(st.booleans(), st.booleans(), st.booleans()))
    part = tuple(n if kept else None for n, kept in zip((lower, upper, baseline), keep, strict=True))
    less = graded(term, value, part, FACTS)
    assert less.at_least <= everything.at_least
    assert everything.at_most <= less.at_most
    if less.grade is not None:
        assert less.grade == everything.grade


@settings(max_examples=120, deadline=None)
@given(term=any_term, data=st.data())
def test_arrays_give_the_grades_of_the_values_one_by_one(term, data):
    amounts = st.one_of(spread(term), st.sampled_from([float("nan"), -1.0, 0.0, 1e-30, 1e12, float("inf")]))
    count = data.draw(st.integers(1, 12))
    column = st.lists(st.one_of(amounts, st.just(float("nan"))), min_size=count, max_size=count)
    values, lower, upper, baseline = (np.array(data.draw(column)) for _ in range(4))
    fact_names = sorted({one.also for one in term.criteria} & set(FACTS))
    facts = {
        name: np.array(data.draw(st.lists(st.sampled_from([-1, 0, 1]), min_size=count, max_size=count)))
        for name in fact_names
    }
    arrays = term_grade_arrays(
        term.test, SampleArrays(values, term.unit, lower, upper, baseline, facts=facts), term.version
    )
    mine = next(one for one in arrays if one.term == term.term)
    for i in range(count):
        known = [None if np.isnan(column[i]) else float(column[i]) for column in (values, lower, upper, baseline)]
        stated = {name: bool(column[i]) for name, column in facts.items() if column[i] != NO_GRADE}
        one = graded_value(term, known, stated)
        expected = [NO_GRADE if number is None else number for number in (one.grade, one.at_least, one.at_most)]
        assert [mine.grade[i], mine.at_least[i], mine.at_most[i]] == expected, (known, stated, one.why)


def graded_value(term, known, stated):
    sample = Sample(known[0], term.unit, *known[1:], facts=stated)
    return next(one for one in term_grades(term.test, sample, term.version) if one.term == term.term)


def grid(term):
    """Every end, limit and multiple of the term with its neighbours, in order away from normal."""
    highest = float(term.highest_believable)
    middle = (max(float(term.lowest_believable), highest / 1000) * highest) ** 0.5
    limits = [round(0.9 * middle, 3), round(1.2 * middle, 3)]
    ends = [float(end.number) for one in term.criteria for end in one.ends if end.number is not None]
    ends += [
        times * limit for times in (0.7, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 10, 20) for limit in (*limits, limits[1] * 1.2)
    ]
    values = sorted({round(end * step, 4) for end in ends for step in (0.999, 1, 1.001)})
    inside = [v for v in values if term.lowest_believable <= v <= term.highest_believable]
    return np.array(inside if term.direction == "up" else inside[::-1]), limits


@pytest.mark.parametrize("term", TERMS, ids=IDS)
def test_each_term_has_all_its_grades_in_order_on_one_line(term):
    values, (lower, upper) = grid(term)
    seen = set()
    for baseline in (np.nan, lower * 0.9, (lower + upper) / 2, upper * 1.2):
        for limits in ((lower, upper), (np.nan, upper), (lower, np.nan), (np.nan, np.nan)):
            samples = SampleArrays(values, term.unit, *limits, baseline, facts=FACTS)
            arrays = term_grade_arrays(term.test, samples, term.version)
            found = next(one for one in arrays if one.term == term.term)
            assert (np.diff(found.at_least) >= 0).all()
            assert (np.diff(found.at_most) >= 0).all()
            assert ((found.grade == found.at_least) | (found.grade == NO_GRADE)).all()
            if not np.isnan([baseline, *limits]).any() and not any(c.also == "open_in_print" for c in term.criteria):
                assert NO_GRADE not in found.grade
            seen |= set(found.at_most.tolist())
    assert seen >= {one.grade for one in term.criteria if not one.when and not one.also}


UNITS = [
    ("creatinine", "mg/dL", "umol/L"),
    ("creatinine", "umol/L", "mg/dL"),
    ("platelets", "/mm3", "10^9/L"),
    ("glucose", "g/L", "mmol/L"),
    ("calcium_corrected", "mEq/L", "mg/dL"),
    ("alanine_aminotransferase", "ukat/L", "U/L"),
]


@pytest.mark.parametrize(("test", "unit", "other"), UNITS)
@pytest.mark.parametrize("version", CTCAE_VERSIONS)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_arrays_convert_units_as_the_values_one_by_one(test, unit, other, version, data):
    numbers = st.one_of(
        st.integers(1, 900).map(float), st.decimals("0.1", "300", places=2).map(float), st.floats(0.01, 1e5)
    )
    values, upper, baseline = (data.draw(st.lists(numbers, min_size=6, max_size=6)) for _ in range(3))
    arrays = term_grade_arrays(
        test, SampleArrays(values, unit, np.nan, upper, baseline, limit_unit=other, baseline_unit=other), version
    )
    for i, value in enumerate(values):
        sample = Sample(value, unit, None, upper[i], baseline[i], other, other)
        for mine, one in zip(arrays, term_grades(test, sample, version), strict=True):
            assert mine.term == one.term
            assert [int(mine.grade[i]), int(mine.at_most[i])] == [
                NO_GRADE if n is None else n for n in (one.grade, one.at_most)
            ], one.why


@settings(max_examples=300)
@given(st.one_of(st.floats(1e-12, 1e9), st.decimals("0.000001", "99999999", places=8).map(float)))
@example(1234567.8850000001)
@example(0.1 * 3)
@example(99999999.95)
@example(8986.943945)
@example(5119836.015)
def test_an_array_rounds_to_nine_digits_as_decimals_do_or_says_that_it_cannot_tell(number):
    doubtful = np.zeros(1, dtype=bool)
    rounded = reported_array(np.array([number]), doubtful)
    assert doubtful[0] or Decimal(repr(float(rounded[0]))) == DIGITS.create_decimal(repr(number))


def test_short_numbers_are_never_doubtful():
    """Otherwise everything would go the slow way."""
    doubtful = np.zeros(1_000_000, dtype=bool)
    numbers = np.round(np.arange(1_000_000) * 0.01, 2)
    assert np.array_equal(reported_array(numbers, doubtful), numbers)
    assert not doubtful.any()
