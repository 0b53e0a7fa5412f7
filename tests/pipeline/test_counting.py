"""How the endpoint counts each participant, and what activity she was given: worked out by hand."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from theratrial.errors import Problems
from theratrial.nuclides import nuclide
from theratrial.pipeline.activity import net_administered_activity
from theratrial.pipeline.cohort import counted, endpoint_outcome
from theratrial.protocol.reader import shipped_protocol
from theratrial.protocol.schema import Endpoint
from theratrial.results.values import ParticipantResult, ResponseOutcome
from theratrial.trialfolder.records import Row

INJECTED_AT = datetime(2024, 3, 1, 9, tzinfo=UTC)


def endpoint(missing: str) -> Endpoint:
    reading = shipped_protocol("IRCT20210612051548N3").endpoint.reading
    assert reading is not None
    return reading.model_copy(update={"missing": missing})


def blank(kind: type, **values: Any) -> Any:
    return kind(**{field.name: None for field in fields(kind)} | values)


def participant(category: str | None, sets: tuple[str, ...] = ("full",), number: int = 1) -> ParticipantResult:
    response = None if category is None else blank(ResponseOutcome, category=category, arithmetic="because")
    found = blank(ParticipantResult, participant_id=f"P{number}", analysis_sets=sets, response=response)
    assert isinstance(found, ParticipantResult)
    return found


@pytest.mark.parametrize(
    ("category", "sets", "as_failure", "left_out"),
    [
        ("CR", ("full",), "success", "success"),
        ("PR", ("full",), "success", "success"),
        ("SD", ("full",), "success", "success"),
        ("PD", ("full",), "failure", "failure"),
        ("NE", ("full",), "failure", "excluded"),
        (None, ("full",), "failure", "excluded"),
        ("CR", ("safety",), "not analysed", "not analysed"),
        (None, (), "not analysed", "not analysed"),
    ],
)
def test_a_participant_counts_as_the_rule_for_missing_answers_says(
    category: str | None, sets: tuple[str, ...], as_failure: str, left_out: str
) -> None:
    assert counted(participant(category, sets), endpoint("failure")).counted == as_failure
    assert counted(participant(category, sets), endpoint("excluded")).counted == left_out


@pytest.mark.parametrize(("missing", "successes", "analysed"), [("failure", 2, 5), ("excluded", 2, 3)])
def test_the_denominator_holds_missing_answers_only_where_they_are_failures(
    missing: str, successes: int, analysed: int
) -> None:
    rule = endpoint(missing)
    people = [participant(c, number=n) for n, c in enumerate(["PR", "SD", "PD", "NE", None])]
    outcome = endpoint_outcome([counted(one, rule) for one in people], rule, demonstration=())
    assert (outcome.successes, outcome.analysed) == (successes, analysed)
    assert outcome.proportion.value == successes / analysed


def test_nobody_in_the_analysis_set_gives_no_proportion() -> None:
    rule = endpoint("failure")
    outcome = endpoint_outcome([counted(participant("CR", ()), rule)], rule, demonstration=())
    assert (outcome.analysed, outcome.proportion.value) == (0, None)


def given(**values: Any) -> Row:
    line = {
        "measured_activity_MBq": 200.0,
        "measured_at": INJECTED_AT - timedelta(minutes=10),
        "residual_activity_MBq": 10.0,
        "residual_measured_at": INJECTED_AT + timedelta(minutes=20),
        "injected_at": INJECTED_AT,
        "administered_by": "NU-01",
    }
    return Row("administrations", 2, line | values)


def test_syringe_and_residual_are_each_decayed_to_the_injection() -> None:
    # 68Ga, 67.71 min (ICRP 107): 200 MBq ten minutes before, 10 MBq twenty minutes after.
    found = net_administered_activity(given(), nuclide("Ga-68"))
    assert found.value == pytest.approx(200 * 2 ** (-10 / 67.71) - 10 * 2 ** (20 / 67.71), rel=1e-4)


def test_a_residual_not_measured_is_not_zero_but_leaves_an_upper_bound() -> None:
    found = net_administered_activity(given(residual_activity_MBq=None), nuclide("Ga-68"))
    assert found.value == found.upper == pytest.approx(200 * 2 ** (-10 / 67.71), rel=1e-4)
    assert "not measured" in found.note


def test_a_residual_above_the_syringe_is_refused_also_when_only_decay_shows_it() -> None:
    late = given(residual_activity_MBq=120.0, residual_measured_at=INJECTED_AT + timedelta(minutes=60))
    with pytest.raises(Problems, match="administered activity"):
        net_administered_activity(late, nuclide("Ga-68"))
