"""Conditions: the logic of three values, types, and what happens at the edges of arithmetic."""

from __future__ import annotations

import itertools
import math
import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.protocol.expressions import ExpressionError, Truth, condition

TYPES = {"a": "flag", "b": "flag", "c": "flag", "x": "number", "n": "integer", "t": "text", "u": "text"}
VALUES = (True, False, None)
TRUTHS = {True: Truth.MET, False: Truth.NOT_MET, None: Truth.NOT_KNOWN}


# Kleene's strong tables (Introduction to Metamathematics, 1952, section 64), written as minimum and maximum of
# not met < not known < met: a definition independent of the code under test.
RANK = {False: 0, None: 1, True: 2}
BY_RANK = {rank: TRUTHS[value] for value, rank in RANK.items()}


def answer(text, **values):
    return condition(text, TYPES).evaluate(values)


@pytest.mark.parametrize(("p", "q"), list(itertools.product(VALUES, VALUES)))
def test_two_operands_follow_the_tables_of_kleene(p, q):
    assert answer("a && b", a=p, b=q).truth is BY_RANK[min(RANK[p], RANK[q])]
    assert answer("a || b", a=p, b=q).truth is BY_RANK[max(RANK[p], RANK[q])]


@pytest.mark.parametrize(("p", "q", "r"), list(itertools.product(VALUES, VALUES, VALUES)))
def test_three_operands_follow_the_tables_in_every_order_and_bracketing(p, q, r):
    values = {"a": p, "b": q, "c": r}
    ranks = {name: RANK[value] for name, value in values.items()}
    for first, second, third in itertools.permutations("abc"):
        k, m, n = ranks[first], ranks[second], ranks[third]
        expected = {
            f"{first} && {second} && {third}": min(k, m, n),
            f"{first} || {second} || {third}": max(k, m, n),
            f"{first} && {second} || {third}": max(min(k, m), n),
            f"{first} || {second} && {third}": max(k, min(m, n)),
            f"({first} || {second}) && {third}": min(max(k, m), n),
            f"!({first} && {second}) || !{third}": max(2 - min(k, m), 2 - n),
        }
        for text, rank in expected.items():
            assert answer(text, **values).truth is BY_RANK[rank], text


@given(
    st.recursive(
        st.sampled_from(["a", "b", "c", "x > 1", "true", "1/n > 0"]),
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
            inner.map(lambda part: f"!({part})"),
        ),
        max_leaves=6,
    ),
    st.fixed_dictionaries(
        {
            "a": st.sampled_from(VALUES),
            "b": st.sampled_from(VALUES),
            "c": st.sampled_from(VALUES),
            "x": st.sampled_from([None, 0.5, 2]),
            "n": st.sampled_from([None, 0, 3]),
        }
    ),
)
@settings(max_examples=60, deadline=None)
def test_an_answer_once_known_never_changes_when_more_becomes_known(text, values):
    before = answer(text, **values)
    assert answer(f"!({text})", **values).truth is BY_RANK[2 - {v: k for k, v in BY_RANK.items()}[before.truth]]
    assert set(before.missing) <= {name for name, value in values.items() if value is None}
    if before.truth is Truth.NOT_KNOWN:
        assert before.missing or before.reasons
        return
    full = {"a": True, "b": False, "c": True, "x": 2, "n": 0}
    assert answer(text, **{name: full[name] if value is None else value for name, value in values.items()}) == before


def test_only_variables_that_could_still_change_the_answer_are_named_missing():
    outcome = answer("(a && b) || c", b=False)
    assert (outcome.truth, outcome.missing) == (Truth.NOT_KNOWN, ("c",))
    assert answer("(a && b) || c", b=False, c=True).missing == ()
    assert answer("x > 1 && n > 1").missing == ("x", "n")


def test_none_and_absence_are_both_not_known_and_never_zero():
    assert answer("n == 0", n=None).truth is answer("n == 0").truth is Truth.NOT_KNOWN
    assert answer("n == 0", n=0).truth is Truth.MET


def test_whole_and_decimal_numbers_compare_with_each_other():
    for value in (18, 18.0):
        for text in ("x >= 18", "x >= 18.0", "n >= 18", "n >= 17.5", "x in [17, 18]", "n + 0.5 == 18.5"):
            assert answer(text, x=value, n=value).truth is Truth.MET, (text, value)
    assert answer("x >= 18", x=math.nextafter(18, 0)).truth is Truth.NOT_MET
    assert answer("7 / 2 == 3.5").truth is Truth.MET


@pytest.mark.parametrize("text", ["x / n > 1", "n / 0 == 1", "1 / (1 / n) == 0", "0 / n != 0", "1 > x / n"])
def test_division_by_zero_is_not_known_and_says_so(text):
    outcome = answer(text, x=1, n=0)
    assert (outcome.truth, outcome.reasons) == (Truth.NOT_KNOWN, ("division by zero",))
    assert answer(f"{text} || a", x=1, n=0, a=True).truth is Truth.MET
    assert answer(f"a && {text}", x=1, n=0, a=False).truth is Truth.NOT_MET


def test_an_overflow_is_not_known():
    assert answer("x * 1e308 * 10 > 1", x=5).reasons == ("a number out of range",)


def test_text_compares_exactly():
    assert answer('t == "positive"', t="positive").truth is Truth.MET
    assert answer('t == "positive"', t="Positive").truth is Truth.NOT_MET
    assert answer("t in ['a', 'b'] && t.startsWith('b')", t="b").truth is Truth.MET
    assert answer("t != u", t="a", u="a").truth is Truth.NOT_MET
    assert answer("t != u", t="a").truth is Truth.NOT_KNOWN


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("age > 1", "unknown name 'age'"),
        ("nn > 1", "unknown name 'nn'"),
        ("a > 1", "flag and number"),
        ("a >= true", "flag and flag"),
        ("t > 'a'", "text and text"),
        ("x == 'a'", "number and text"),
        ("t == null", "null"),
        ("x", "is a number"),
        ("t", "is a text"),
        ("!x", "after !"),
        ("a && x", "beside &&"),
        ("-a > 1", "after -"),
        ("t + 1 > 2", "beside +"),
        ("x % 2 == 0", "%"),
        ("1 < x < 3", "flag and number"),
        ("a ? b : c", "? :"),
        ("x in ['a']", "list of text"),
        ("x in []", "a list holds"),
        ("x in [1, 'a']", "a list holds"),
        ("size(t) > 1", "size()"),
        ("t.matches('(a+)+b')", ".matches()"),
        ("[1].exists(z, z > 1)", ".exists()"),
        ("t.upper == 'A'", "parts of a value"),
        ("x > 1u", "unsigned"),
        ("t == b'x'", "bytes"),
        ("x > 1e999", "too large"),
        ("x >", "cannot be read"),
        ("x = 1", "cannot be read"),
        ("a and b", "cannot be read"),
        ("", "empty"),
        ("   ", "empty"),
        ("a || " * 500 + "a", "characters"),
        ("(" * 60 + "a" + ")" * 60, "nested too deeply"),
        ("__import__('os').system('true') == 0", "not read"),
        ("{1: 2} == {1: 2}", "outside"),
    ],
)
def test_what_is_no_typed_condition_is_refused_with_the_reason(text, says):
    with pytest.raises(ExpressionError, match="(?s)" + re.escape(says)):
        condition(text, TYPES)


def test_a_misspelt_name_comes_with_a_suggestion():
    with pytest.raises(ExpressionError, match="did you mean 'age_years'"):
        condition("age_year >= 18", {"age_years": "number"})


def test_a_variable_cannot_be_called_like_a_word_of_the_language():
    with pytest.raises(ExpressionError, match="belongs to the expression language"):
        condition("size > 1", {"size": "number"})


@pytest.mark.parametrize(
    ("text", "values"),
    [("x > 1", {"x": "2"}), ("x > 1", {"x": True}), ("x > 1", {"x": math.nan}), ("x > 1", {"x": math.inf}),
     ("n > 1", {"n": 1.5}), ("a", {"a": 1}), ("a", {"a": "yes"}), ("t == 'a'", {"t": 1})],
)  # fmt: skip
def test_a_value_of_another_type_is_an_error_and_not_an_unknown(text, values):
    with pytest.raises(InputError, match="its type is"):
        answer(text, **values)


@given(st.text(alphabet="abxnt0.1&|!()<>= '\"+-*/[],\\\n", max_size=25))
@settings(max_examples=150, deadline=None)
def test_any_text_is_either_a_condition_or_refused_as_one(text):
    try:
        read = condition(text, TYPES)
    except ExpressionError:
        return
    assert read.evaluate({}).truth in Truth
    assert read.evaluate({"a": True, "b": False, "x": 1.5, "n": 2, "t": "a"}).truth in Truth


def test_the_expression_library_is_loaded_only_with_the_first_condition():
    code = (
        "import sys, theratrial.protocol.expressions as e; assert 'celpy' not in sys.modules\n"
        "e.condition('true', {}); assert 'celpy' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
