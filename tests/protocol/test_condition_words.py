"""Conditions in words, and left as they are where words would not hold."""

from __future__ import annotations

import pytest

from theratrial.protocol.condition_words import condition_words
from theratrial.protocol.reader import shipped_protocol
from theratrial.protocol.schema import Variable

KNOWN = {one.id: one for one in shipped_protocol("IRCT20210612051548N3").variables}


@pytest.mark.parametrize(
    ("condition", "en", "fa"),
    [
        ("age_years >= 18", "Age at screening at least 18 years", "سن هنگام غربالگری دست‌کم 18 years"),
        ('sex == "female"', "Sex is female", "جنس برابر با female"),
        ("ecog <= 2", "ECOG performance status at most 2", "وضعیت عملکردی ECOG حداکثر 2"),
        ("!consent_signed", "Informed consent signed: no", "رضایت آگاهانه امضا شده: خیر"),
        (
            "(pregnant || ecog > 2) && platelets_e9_per_L < 75.5",
            "(Pregnant: yes or ECOG performance status more than 2) and Platelet count less than 75.5 10^9/L",
            "(باردار: بله یا وضعیت عملکردی ECOG بیش از 2) و شمارش پلاکت کمتر از 75.5 10^9/L",
        ),
    ],
)
def test_labels_stand_for_names_and_words_for_signs(condition: str, en: str, fa: str) -> None:
    assert condition_words(condition, KNOWN) == en
    assert condition_words(condition, KNOWN, "fa") == fa


def test_stored_words_are_said_by_whoever_knows_them() -> None:
    def said(variable: Variable, stored: str) -> str:
        return {"positive": "مثبت"}[stored] if variable.id == "her2_read" else stored

    assert condition_words('her2_read == "positive"', KNOWN, "fa", value=said).endswith("برابر با مثبت")


@pytest.mark.parametrize(
    "condition",
    [
        "ecog + 1 <= 2",
        "unknown_name >= 2",
        'sex.startsWith("f")',
        "ecog <= age_years",
        "ecog",
        "!ecog <= 2",
        'sex == "fe\\"male"',
        "ecog <=",
    ],
)
def test_what_is_more_than_a_comparison_is_left_as_it_is(condition: str) -> None:
    assert condition_words(condition, KNOWN) == condition


def test_every_criterion_of_the_shipped_protocol_has_words_in_both_languages() -> None:
    for clause in shipped_protocol("IRCT20210612051548N3").eligibility.values():
        assert clause.reading is not None
        for language in ("en", "fa"):
            words = condition_words(clause.reading.condition, KNOWN, language)
            assert words != clause.reading.condition, clause.reading.condition
