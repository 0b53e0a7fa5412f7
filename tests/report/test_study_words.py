"""Words of the documents that a reader of Persian would trip over."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.report.study.voice import Voice
from theratrial.trace import Quantity, Trace
from theratrial.web.sentences.matching import _split

TRACE = Trace(method="test", version="1", inputs={})


def test_lists_have_the_commas_and_semicolons_of_their_language() -> None:
    assert Voice("en").listed(("a", "b")) == "a, b"
    assert Voice("fa").listed(("کلیه", "کبد")) == "کلیه، کبد"
    assert Voice("fa").clauses(("کلیه", "کبد")) == "کلیه؛ کبد"


@pytest.mark.parametrize(("value", "said"), [(0.0001, "کمتر از"), (0.9999, "بیش از")])
def test_a_probability_beyond_its_resolution_is_said_in_persian(value: float, said: str) -> None:
    text = Voice("fa").value(Quantity(value, "probability", TRACE))
    assert text.startswith(said)
    assert "low" not in text
    assert "above" not in text


@given(st.lists(st.sampled_from(["a", "b", "(", ")", "; ", " ", ";", " -> ", "(; )"]), max_size=12).map("".join))
def test_a_sentence_is_split_at_every_joint_outside_brackets_and_nowhere_else(text: str) -> None:
    parts = _split(text, "; ")
    assert "; ".join(parts) == text
    at = 0
    for part in parts[:-1]:
        at += len(part)
        assert text[:at].count("(") == text[:at].count(")")
        at += len("; ")
    # Counted letter by letter: no joint is left outside of brackets.
    left = [i for i in range(len(text)) if text.startswith("; ", i) and text[:i].count("(") == text[:i].count(")")]
    assert len(left) == len(parts) - 1
