"""Rules of the check on words that say the same otherwise: no finding where a reader would find none."""

from __future__ import annotations

from datetime import date

import pytest

from theratrial.registry.check import check
from theratrial.registry.reader import shipped_registration
from theratrial.registry.words import Coded, Text

SEED = shipped_registration("IRCT20210612051548N3")
TODAY = date(2026, 6, 9)


def raised(rule: str, *, aim: str = "", inclusion: str = "", sex: str = "female") -> bool:
    eligibility = SEED.eligibility.model_copy(update={"inclusion": Text(en=inclusion), "sex": Coded(code=sex)})
    summary = SEED.summary.model_copy(
        update={"aim": Text(en=aim), "participants": Text(), "intervention_groups": Text()}
    )
    outcomes = tuple(one.model_copy(update={"method": Text()}) for one in SEED.primary_outcomes)
    groups = tuple(one.model_copy(update={"description": Text(en="Trastuzumab")}) for one in SEED.interventions)
    record = SEED.model_copy(
        update={
            "summary": summary, "eligibility": eligibility, "primary_outcomes": outcomes, "interventions": groups,
        }
    )  # fmt: skip
    return any(one.rule == rule for one in check(record, today=TODAY))


@pytest.mark.parametrize(
    ("aim", "told"),
    [
        ("Uptake of 68Ga-trastuzumab", True),
        ("Uptake of ⁶⁸Ga-DOTA-trastuzumab", True),
        ("Uptake of 68Ga-PSMA-11 beside trastuzumab", False),
        ("Uptake of [68Ga]Ga-DOTATATE and of trastuzumab", False),
        ("Uptake of 68Ga-PSMA-11 and of 68Ga-trastuzumab", True),
        ("Uptake of 68Ga-trastuzumab Fab", False),
    ],
)
def test_a_short_lived_label_is_told_where_it_is_on_the_antibody(aim, told):
    assert raised("antibody-on-short-lived-label", aim=aim) == told


@pytest.mark.parametrize(
    ("words", "told"),
    [("Male patients", False), ("Men above 18 years", False), ("مردان", False), ("No mental illness", True),
     ("Treatment of women", True)],
)  # fmt: skip
def test_a_restriction_to_men_is_found_by_its_words(words, told):
    assert raised("criteria-sex-not-in-text", inclusion=words, sex="male") == told
