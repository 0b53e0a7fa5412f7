"""Lean body mass by each named formula against values computed independently from the printed formulas."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.response.lean_body_mass import FORMULAS, lean_mass, turning_weight_kg

# weight, height, sex, James, Morgan, Janmahasatian; computed apart from this program. Women: James as Morgan.
VALUES = [
    (60, 165, "F", 44.630, 44.630, 39.287),
    (70, 160, "F", 46.572, 46.572, 41.995),
    (90, 160, "F", 49.472, 49.472, 48.064),
    (150, 160, "F", 30.422, 30.422, 60.255),
    (80, 175, "M", 61.251, 62.922, 60.183),
    (90, 180, "M", 67.000, 69.000, 65.797),
]


@pytest.mark.parametrize(("weight", "height", "sex", "james", "morgan", "janmahasatian"), VALUES)
def test_every_formula_gives_the_independent_value(weight, height, sex, james, morgan, janmahasatian, validation):
    expected = {"james_128": james, "morgan_120": morgan, "janmahasatian": janmahasatian}
    for formula in FORMULAS:
        validation(
            f"lean body mass {formula}, {sex} {weight} kg {height} cm",
            expected=expected[formula],
            got=lean_mass(formula, weight_kg=weight, height_cm=height, sex=sex).value_kg,
            unit="kg",
            source="printed formula, computed independently",
            absolute=0.0006,
        )


def test_james_falls_with_weight_and_says_so_above_the_weight_where_it_turns():
    turn = turning_weight_kg("james_128", 160, "F")
    # 1.07 * 160**2 / (2 * 148), by hand.
    assert turn == pytest.approx(92.54, abs=0.005)
    below = lean_mass("james_128", weight_kg=turn - 0.1, height_cm=160, sex="F")
    above = lean_mass("james_128", weight_kg=turn + 5, height_cm=160, sex="F")
    assert below.caution == ""
    assert "falls with weight above 92.5 kg at 160 cm" in above.caution
    assert above.value_kg < below.value_kg


@given(st.floats(50, 110), st.floats(1, 100), st.floats(140, 200), st.sampled_from("FM"))
def test_janmahasatian_never_falls_with_weight(weight, more, height, sex):
    lighter, heavier = (
        lean_mass("janmahasatian", weight_kg=kg, height_cm=height, sex=sex) for kg in (weight, weight + more)
    )
    assert heavier.value_kg > lighter.value_kg
    assert heavier.caution == ""
    assert math.isinf(turning_weight_kg("janmahasatian", height, sex))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"formula": "boer"}, "janmahasatian"),
        ({"sex": "other"}, "women"),
        ({"weight_kg": math.nan}, "weight"),
        ({"height_cm": 1.65}, "height"),
        ({"weight_kg": 190, "height_cm": 130}, "choose janmahasatian"),
    ],
)
def test_what_the_formula_is_not_made_for_is_refused(changes, said):
    asked = {"formula": "james_128", "weight_kg": 60, "height_cm": 165, "sex": "F"} | changes
    with pytest.raises(InputError, match=said):
        lean_mass(asked.pop("formula"), **asked)
