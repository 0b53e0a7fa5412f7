"""Record against the living trial: each rule silent where the data agree, and raised by one fact or one change."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from record_changes import CUT, running_trial, with_changes

from theratrial.registry.check import RULES, check
from theratrial.registry.fields import field_of
from theratrial.registry.found import Finding
from theratrial.registry.history import History, Version
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.trial_facts import Fact, TrialFacts
from theratrial.registry.words import Text

GOOD = running_trial()
"""Registered 2024-02-03, approved 2024-01-14, started 2024-03-16, recruiting, 24 planned until 2025-08-22."""
TODAY = date(2024, 6, 1)


def fact(day: date, code: str = "P01", table: str = "consents") -> Fact:
    return Fact(day, f"{table}: {code}, {day.isoformat()}")


FACTS = TrialFacts(
    as_of=TODAY,
    first_consent=fact(date(2024, 3, 16)),
    last_enrolment=fact(date(2024, 5, 20), "P05"),
    first_administration=fact(date(2024, 3, 25), table="administrations"),
    last_administration=fact(date(2024, 5, 28), "P05", "administrations"),
    last_visit=fact(date(2024, 5, 30), "P05", "visits"),
    last_primary_outcome=None,
    screened=7,
    enrolled=5,
    treated=5,
    assessed=0,
    in_treatment_or_follow_up=5,
    target_sample_size=24,
    stopped_early=False,
    data_locked=False,
    sites=("Department of Nuclear Medicine, Example Hospital",),
    simulated=False,
)
"""A trial as the good record tells it: five of twenty-four, all of them still in it."""
EVERYBODY: dict[str, Any] = {"enrolled": 24, "treated": 24, "screened": 30}
NOBODY: dict[str, Any] = {
    **dict.fromkeys(("first_consent", "last_enrolment", "first_administration", "last_administration")),
    **dict.fromkeys(("screened", "enrolled", "treated", "in_treatment_or_follow_up"), 0),
}
GONE = EVERYBODY | {"in_treatment_or_follow_up": 0, "assessed": 24}
MEASURED: dict[str, Any] = {"last_primary_outcome": fact(date(2024, 5, 30), "P05", "visits")}
AS_TOLD = {
    "recruitment.status": "complete",
    "recruitment.actual_end": {"gregorian": date(2024, 5, 20)},
    "recruitment.actual_sample_size": 24,
}
"""Recruitment is over, as EVERYBODY says it."""

LIVE = {name for name, one in RULES.items() if one.look.__module__.rpartition(".")[2].startswith("live")}


def findings(record: RegistrationRecord, facts: TrialFacts, today: date = TODAY, **given: Any) -> list[Finding]:
    return [one for one in check(record, today=today, facts=facts, **given) if one.rule in LIVE]


def rules_of(record: RegistrationRecord, facts: TrialFacts, today: date = TODAY) -> set[str]:
    return {one.rule for one in findings(record, facts, today)}


def test_where_the_data_say_what_the_record_says_the_whole_check_is_silent() -> None:
    assert check(GOOD, today=TODAY, facts=FACTS) == ()
    assert check(GOOD, today=TODAY) == ()
    assert rules_of(with_changes(GOOD, AS_TOLD), replace(FACTS, **EVERYBODY)) == set()


# rule -> change of the record, change of the facts; nothing else of these rules is raised
ALONE: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("status-against-data", AS_TOLD | {"recruitment.status": "recruiting"}, EVERYBODY),
    ("status-not-shown-by-data", {"recruitment.status": "withdrawn"}, {"in_treatment_or_follow_up": 0}),
    ("actual-date-missing", AS_TOLD | {"recruitment.actual_end": None}, EVERYBODY),
    ("actual-date-differs", {"recruitment.actual_start": {"gregorian": date(2024, 3, 17)}}, {}),
    ("actual-date-differs", AS_TOLD | {"recruitment.actual_end": {"gregorian": date(2024, 4, 20)}}, EVERYBODY),
    ("actual-date-not-shown-by-data", {}, NOBODY | {"last_visit": None, "sites": ()}),
    ("actual-date-not-shown-by-data", {"recruitment.trial_completion": {"gregorian": date(2024, 5, 1)}}, {}),
    ("actual-sample-size-differs", AS_TOLD | {"recruitment.actual_sample_size": 23}, EVERYBODY),
    ("sample-size-overshot", AS_TOLD | {"recruitment.actual_sample_size": 26}, EVERYBODY | {"enrolled": 26}),
    ("site-not-in-record", {}, {"sites": (*FACTS.sites, "Persian Gulf Hospital")}),
    ("enrolled-before-approval", {"ethics[0].approved_on": {"gregorian": date(2024, 3, 20)}}, {}),
    ("enrolled-after-stated-end", {"recruitment.actual_end": {"gregorian": date(2024, 5, 10)}}, {}),
    ("recruiting-after-expected-end", {"recruitment.expected_end": {"gregorian": date(2024, 5, 19)}}, {}),
    ("recruiting-after-expected-end", {"recruitment.expected_end": {"gregorian": date(2024, 5, 25)}}, {}),
    ("record-behind-trial", {"recruitment.actual_start": CUT}, {}),
    ("results-overdue-by-data", {}, GONE | MEASURED),
    ("data-are-simulated", {}, {"simulated": True}),
]
BESIDE = {
    "actual-date-differs": {"record-behind-trial", "enrolled-after-stated-end"},
    "record-behind-trial": {"actual-date-missing"},
    "site-not-in-record": {"record-behind-trial"},
    "results-overdue-by-data": LIVE,
}
"""What is true at the same time: who enters a wrong day leaves the record behind the trial."""


@pytest.mark.parametrize(("rule", "record", "facts"), ALONE)
def test_one_change_raises_the_rule(rule: str, record: dict[str, Any], facts: dict[str, Any]) -> None:
    day = date(2025, 6, 1) if rule == "results-overdue-by-data" else TODAY
    found = rules_of(with_changes(GOOD, record), replace(FACTS, as_of=day, **facts), day)
    assert rule in found
    assert found - {rule} <= BESIDE.get(rule, set()), found


def test_every_rule_is_raised_here() -> None:
    assert {rule for rule, _, _ in ALONE} == LIVE


def test_results_of_a_trial_that_ended_are_overdue_a_year_after_its_last_visit() -> None:
    facts = replace(FACTS, **GONE, **MEASURED)
    for day, overdue in ((date(2025, 5, 30), False), (date(2025, 5, 31), True)):
        found = rules_of(GOOD, replace(facts, as_of=day), day)
        assert ("results-overdue-by-data" in found) == overdue
    posted = with_changes(GOOD, {"results": {"urls": ("https://example.org/results",)}})
    assert "results-overdue-by-data" not in rules_of(posted, replace(facts, as_of=date(2026, 1, 1)), date(2026, 1, 1))


def test_thirty_days_are_given_for_an_update() -> None:
    record = with_changes(GOOD, {"recruitment.actual_start": CUT})
    assert rules_of(record, FACTS, date(2024, 4, 15)) == {"actual-date-missing"}
    assert rules_of(record, FACTS, date(2024, 4, 16)) == {"actual-date-missing", "record-behind-trial"}


def test_the_first_consent_decides_on_the_timing() -> None:
    """Registered 2024-02-03: on the same day it is prospective, a day later it was not."""
    for day, late in ((date(2024, 2, 3), False), (date(2024, 2, 2), True)):
        found = {one.rule for one in check(GOOD, today=TODAY, facts=replace(FACTS, first_consent=fact(day)))}
        assert ("registered-after-enrolment" in found) == late
        assert ("timing-stated-wrong" in found) == late


def test_a_version_made_after_the_last_enrolment_is_believed() -> None:
    record = with_changes(GOOD, {"recruitment.status": "complete"})
    assert "status-against-data" in rules_of(record, FACTS)
    made = [datetime(2024, 2, 3, tzinfo=UTC), datetime(2024, 5, 31, tzinfo=UTC)]
    versions = tuple(Version(i, record, at, "coordinator1", Text(en="ended")) for i, at in enumerate(made))
    found = {one.rule for one in findings(record, FACTS, history=History(versions))}
    assert "status-against-data" not in found
    assert "actual-date-missing" in found


def test_sentences_stand_in_both_languages_and_name_no_person() -> None:
    for _, record, facts in ALONE:
        for one in findings(with_changes(GOOD, record), replace(FACTS, **facts)):
            for sentence in (one.message, one.remedy, RULES[one.rule].title):
                assert sentence.en
                assert re.search("[\u0600-\u06ff]", sentence.fa), one.rule
            field_of(one.path)
            assert not any(field_of(quoted.path).personal for quoted in one.quotes if quoted.path)
