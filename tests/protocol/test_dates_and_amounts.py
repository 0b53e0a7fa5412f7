"""Dates in conditions, and arithmetic whose value is a number."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.protocol.expressions import ExpressionError, Truth, condition, quantity

TYPES = {"a": "date", "b": "date", "p": "datetime", "q": "datetime", "x": "number", "y": "number"}
DAYS = st.dates(date(1900, 1, 1), date(2100, 1, 1))
MINUTES = st.integers(0, 100 * 365 * 24 * 60).map(
    lambda minutes: datetime(1950, 1, 1, tzinfo=UTC) + timedelta(0, minutes * 60)
)


@settings(deadline=None)
@given(DAYS, DAYS)
def test_two_days_compare_and_differ_by_whole_days(a, b):
    values = {"a": a, "b": b}
    assert (condition("a < b", TYPES).evaluate(values).truth is Truth.MET) is (a < b)
    assert (condition("a == b", TYPES).evaluate(values).truth is Truth.MET) is (a == b)
    assert quantity("a - b", TYPES).evaluate(values).value == (a - b).days


@settings(deadline=None)
@given(MINUTES, st.integers(-1000, 1000))
def test_two_instants_differ_by_hours_exactly_at_the_limit(p, minutes):
    values = {"p": p + timedelta(minutes=minutes), "q": p, "x": minutes / 60}
    assert condition("p - q == x && (p) - (q) <= x", TYPES).evaluate(values).truth is Truth.MET
    assert condition("p - q > x", TYPES).evaluate(values).truth is Truth.NOT_MET


def test_an_instant_is_the_same_in_every_offset():
    tehran = datetime(2022, 3, 5, 9, 30, tzinfo=timezone(timedelta(hours=3.5)))
    assert condition("p == q", TYPES).evaluate({"p": tehran, "q": tehran.astimezone(UTC)}).truth is Truth.MET


@pytest.mark.parametrize(
    "text", ["a < p", "a - p > 1", "p - x > 1", "a + b > 1", "a > 3", "a * 2 > 1", "!a", "-(a) > 1"]
)
def test_a_moment_is_no_number_and_a_day_no_instant(text):
    with pytest.raises(ExpressionError):
        condition(text, TYPES)


@pytest.mark.parametrize(
    ("name", "value"),
    [("a", datetime(2022, 1, 1, tzinfo=UTC)), ("p", datetime(2022, 1, 1)), ("p", date(2022, 1, 1)), ("a", 5.0)],
)
def test_a_moment_of_the_wrong_kind_is_the_callers_fault(name, value):
    with pytest.raises(InputError, match=name):
        condition(f"{name} == {name}", TYPES).evaluate({name: value})


@settings(deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_an_amount_is_what_arithmetic_says(x, y):
    assert quantity("(x + y) * 2 - x / 4", TYPES).evaluate({"x": x, "y": y}).value == (x + y) * 2 - x / 4


def test_an_amount_that_lacks_a_value_or_divides_by_zero_is_not_known():
    ratio = quantity("x / y", TYPES)
    assert (ratio.evaluate({"x": 1.0}).value, ratio.evaluate({"x": 1.0}).missing) == (None, ("y",))
    assert (ratio.evaluate({"x": 1.0, "y": 0.0}).value, ratio.evaluate({"x": 1, "y": 0}).reasons) == (
        None,
        ("division by zero",),
    )
    assert quantity("x * y", TYPES).evaluate({"x": 1e300, "y": 1e300}).reasons == ("a number out of range",)


@pytest.mark.parametrize("text", ["x > y", "true", "'x'", "a", "", "z + 1"])
def test_what_is_no_number_is_no_amount(text):
    with pytest.raises(ExpressionError):
        quantity(text, TYPES)
