"""Persian words in figures: Unicode's compatibility decomposition, which knows no code of ours, undoes the shapes."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.report.study.figure_letters import seen
from theratrial.report.study.figure_words import persian_figure
from theratrial.report.study.voice import Voice

PERSIAN = "ابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهی"


def _drawn(text: str) -> str:
    return seen(text)[1:-1]


@given(st.text(alphabet=PERSIAN + " ", max_size=30))
def test_the_shapes_are_the_same_letters_from_right_to_left(text: str) -> None:
    drawn = _drawn(text)
    assert unicodedata.normalize("NFKC", "".join(reversed(drawn))) == text


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("حد", ["FINAL FORM", "INITIAL FORM"]),
        ("کبد", ["FINAL FORM", "MEDIAL FORM", "INITIAL FORM"]),
        ("دز", ["ISOLATED FORM", "ISOLATED FORM"]),
        ("ها", ["FINAL FORM", "INITIAL FORM"]),
    ],
)
def test_letters_join_as_in_handwriting(text: str, names: list[str]) -> None:
    """Drawn by hand: from left to right the last letter stands first."""
    assert [unicodedata.name(letter).rsplit("LETTER ")[-1].split(maxsplit=1)[1] for letter in _drawn(text)] == names


def test_a_number_among_persian_words_keeps_its_direction_and_stands_on_their_left() -> None:
    assert _drawn("حد 23.0 Gy").startswith("23.0 Gy ")
    assert "[Gy]" in _drawn("دز جذبی [Gy]")


def test_words_of_a_figure_are_said_in_persian_and_signs_are_left() -> None:
    svg = "<svg><text x='1'>Screened</text><text>PD</text><text>n = 19</text><text>P01</text><text>12.5</text></svg>"
    said, left = persian_figure(svg, Voice("fa"))
    assert "Screened" not in said
    assert all(f">{kept}<" in said for kept in ("PD", "P01", "12.5"))
    assert seen("19 نفر") in said
    assert not left


def test_a_word_that_nobody_translated_stays_and_is_said_to_be_there() -> None:
    said, left = persian_figure("<text>Unheard of words</text>", Voice("fa"))
    assert said == "<text>Unheard of words</text>"
    assert left


def test_persian_words_cannot_become_markup() -> None:
    said, _left = persian_figure("<text>2 withdrawal: &lt;b&gt;</text>", Voice("fa"))
    assert "<b>" not in said
