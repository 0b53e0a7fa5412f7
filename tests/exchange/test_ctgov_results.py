"""Results as ClinicalTrials.gov's results section: they follow its specification, and its sums hold."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from tests.exchange.test_ctgov_round_trip import study_schema as study_schema
from tests.registry.reported_example import SEED, any_reported, counted, primary, reported

from theratrial.errors import InputError
from theratrial.exchange.ctgov.carried import carried
from theratrial.exchange.ctgov.read import read_ctgov
from theratrial.exchange.ctgov.results import results_section
from theratrial.exchange.ctgov.write import ctgov_study
from theratrial.registry.found import Sentence
from theratrial.registry.reader import shipped_registration
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.results_words import SIMULATED, UNLOCKED

ANY = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def values(node: Any, key: str) -> list[Any]:
    """Everything under a key, at any depth."""
    if isinstance(node, list):
        return [found for member in node for found in values(member, key)]
    if not isinstance(node, dict):
        return []
    here = [node[key]] if key in node else []
    return here + [found for member in node.values() for found in values(member, key)]


def achieved(study: dict[str, Any]) -> dict[str, int]:
    period = study["resultsSection"]["participantFlowModule"]["periods"][0]
    return {one["type"]: int(one["achievements"][0]["numSubjects"]) for one in period["milestones"]}


@ANY
@given(results=any_reported())
def test_any_results_follow_the_registrys_specification(study_schema, results):
    study_schema.validate(ctgov_study(RegistrationRecord(), replace(results, number=""), draft=True))


def test_results_of_the_trial_follow_the_registrys_specification_beside_its_record(study_schema):
    study = ctgov_study(shipped_registration(SEED), reported())
    study_schema.validate(study)
    assert study["hasResults"] is True
    assert set(study["resultsSection"]) == {
        "participantFlowModule",
        "baselineCharacteristicsModule",
        "outcomeMeasuresModule",
        "adverseEventsModule",
        "moreInfoModule",
    }


@ANY
@given(results=any_reported())
def test_sums_hold_as_the_registry_checks_them(results):
    study = ctgov_study(RegistrationRecord(), replace(results, number=""), draft=True)
    flow, section = achieved(study), study["resultsSection"]
    assert flow["STARTED"] == flow["COMPLETED"] + flow["NOT COMPLETED"]
    left = section["participantFlowModule"]["periods"][0].get("dropWithdraws", [])
    assert sum(int(one["reasons"][0]["numSubjects"]) for one in left) == flow["NOT COMPLETED"]
    for denominator in values(section, "denoms"):
        assert int(denominator[0]["counts"][0]["value"]) <= flow["STARTED"]
    baseline = section["baselineCharacteristicsModule"]
    assert int(baseline["denoms"][0]["counts"][0]["value"]) == flow["STARTED"]
    measures = baseline.get("measures", []) + section.get("outcomeMeasuresModule", {}).get("outcomeMeasures", [])
    for measure in measures:
        of = int(measure.get("denoms", baseline["denoms"])[0]["counts"][0]["value"])
        for one in measure.get("classes", []) if measure["paramType"] == "COUNT_OF_PARTICIPANTS" else []:
            told = [int(cell["measurements"][0]["value"]) for cell in one["categories"]]
            assert sum(told) <= of
            assert len(told) == 1 or sum(told) == of
    for stats in values(section["adverseEventsModule"], "stats"):
        assert stats[0]["numAffected"] <= stats[0]["numAtRisk"] == flow["STARTED"]
        assert stats[0]["numAffected"] <= stats[0]["numEvents"]


def test_the_interval_stands_with_its_method_as_printed_in_tables():
    """Clopper-Pearson, 95 %, 10 of 15: .3838-.8818 (statistics facts, table for n = 15)."""
    measure = ctgov_study(shipped_registration(SEED), reported())["resultsSection"]["outcomeMeasuresModule"]
    first = measure["outcomeMeasures"][0]
    cell = first["classes"][0]["categories"][0]["measurements"][0]
    assert (cell["value"], cell["lowerLimit"], cell["upperLimit"]) == ("66.7", "38.4", "88.2")
    assert (first["type"], first["dispersionType"]) == ("PRIMARY", "95% Confidence Interval")
    analysis = first["analyses"][0]
    assert analysis["estimateComment"] == "10 of 15 participants. Interval: exact (Clopper-Pearson)"
    assert (analysis["ciPctValue"], analysis["ciNumSides"]) == ("95", "TWO_SIDED")


def test_deaths_that_nobody_recorded_are_left_out_and_explained():
    known = results_section(reported())["adverseEventsModule"]
    assert known["eventGroups"][0]["deathsNumAffected"] == 1
    assert "allCauseMortalityComment" not in known
    unknown = results_section(reported(adverse=replace(reported().adverse, deaths=None)))["adverseEventsModule"]
    assert "deathsNumAffected" not in unknown["eventGroups"][0]
    assert "deathsNumAtRisk" not in unknown["eventGroups"][0]
    assert unknown["allCauseMortalityComment"].startswith("Not given")


def test_serious_events_stand_apart_from_others():
    module = results_section(reported())["adverseEventsModule"]
    assert [one["stats"][0]["numAffected"] for one in module["seriousEvents"]] == [2]
    assert [one["stats"][0]["numEvents"] for one in module["otherEvents"]] == [9]
    assert module["frequencyThreshold"] == "0"


def test_a_missing_value_is_told_and_not_counted():
    age, sex = results_section(reported())["baselineCharacteristicsModule"]["measures"]
    assert age["denoms"][0]["counts"][0]["value"] == "14"
    assert age["populationDescription"] == "1 participants have no value"
    assert [one["title"] for one in sex["classes"][0]["categories"]] == ["Female", "Male"]
    assert "denoms" not in sex


def test_categories_that_overlap_are_classes_of_their_own():
    several = replace(reported().baseline[1], title=Sentence("Before"), counts=(counted("a", 15), counted("b", 9)))
    (measure,) = results_section(reported(baseline=(several,)))["baselineCharacteristicsModule"]["measures"]
    assert [(one["title"], len(one["categories"])) for one in measure["classes"]] == [("a", 1), ("b", 1)]
    assert [one["categories"][0]["measurements"][0]["value"] for one in measure["classes"]] == ["15", "9"]


def test_results_of_data_that_are_not_locked_are_refused_unless_as_a_draft():
    open_results = reported(locked=False)
    with pytest.raises(InputError, match=r"not locked.*--draft"):
        ctgov_study(shipped_registration(SEED), open_results)
    told = ctgov_study(shipped_registration(SEED), open_results, draft=True)
    assert UNLOCKED.en in told["resultsSection"]["moreInfoModule"]["limitationsAndCaveats"]["description"]
    locked = ctgov_study(shipped_registration(SEED), reported(), draft=True)
    assert UNLOCKED.en not in json.dumps(locked)


def test_virtual_participants_are_named_in_every_group_and_in_the_limitations():
    section = results_section(reported(simulated=True))
    groups = values(section, "groups") + values(section, "eventGroups")
    assert groups
    assert all(group["title"].endswith("(virtual)") for listed in groups for group in listed)
    assert SIMULATED.en in section["moreInfoModule"]["limitationsAndCaveats"]["description"]
    assert "virtual" not in json.dumps(results_section(reported()))


def test_results_of_another_trial_are_refused():
    with pytest.raises(InputError, match=r"results are of .*N3, the record is of .*N1"):
        ctgov_study(shipped_registration("IRCT20240110000000N1"), reported())


FLOW = reported().flow
ADVERSE = reported().adverse


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"flow": replace(FLOW, screened=20)}, "20 screened"),
        ({"flow": replace(FLOW, ongoing=4)}, "15 started, 9 completed, 3 did not, 4 are still in it"),
        ({"flow": replace(FLOW, assessed=16)}, "16 assessed of 15"),
        ({"flow": replace(FLOW, sessions_given=((1, 16),))}, "session 1 was given to 16"),
        ({"baseline": (replace(reported().baseline[0], missing=0),)}, "14 known and 0 missing of 15"),
        ({"outcomes": (primary(numerator=11),)}, "11 of 15 is not 0.6"),
        ({"outcomes": (primary(lower=0.7),)}, "outside of its interval"),
        ({"outcomes": (primary(counts=(counted("x", 16),)),)}, "more than the 15 analysed"),
        ({"outcomes": (primary(analysed=16, value=10 / 16),)}, "16 analysed of 15"),
        ({"adverse": replace(ADVERSE, at_risk=14)}, "14 at risk"),
        ({"adverse": replace(ADVERSE, deaths=16)}, r"16 affected \(died\) of 15"),
        ({"adverse": replace(ADVERSE, serious_affected=1)}, "2 events in 2 of 15 at risk, 1 affected"),
    ],
)
def test_results_that_do_not_add_up_are_refused_with_the_sum(wrong, said):
    with pytest.raises(InputError, match=said):
        results_section(reported(**wrong))


def test_people_are_reached_through_results_only_where_contacts_are_wanted():
    record = shipped_registration(SEED)
    without = results_section(reported(), record)["moreInfoModule"]["pointOfContact"]
    assert without == {"organization": record.people.scientific_inquiries.organization.en}
    with_them = results_section(reported(), record, contacts=True)["moreInfoModule"]["pointOfContact"]
    assert with_them["email"] == record.people.scientific_inquiries.email


def test_an_endpoint_that_nobody_can_be_counted_for_has_no_number():
    nobody = primary(analysed=0, numerator=None, value=None, lower=None, upper=None, counts=())
    told = results_section(reported(outcomes=(replace(nobody, note=Sentence("Nobody yet")),)))
    measure = told["outcomeMeasuresModule"]["outcomeMeasures"][0]
    assert "classes" not in measure
    assert "Nobody yet" in measure["populationDescription"]


def test_results_of_an_imported_study_are_told_module_by_module_and_never_dropped():
    record = shipped_registration(SEED)
    study = ctgov_study(record, reported())
    found = read_ctgov(json.dumps(study).encode(), today=date(2026, 11, 1))
    told = {one.where: one.value for one in found.unplaced}
    assert set(told) == {f"resultsSection.{name}" for name in study["resultsSection"]}
    leaves = len(values(study["resultsSection"]["adverseEventsModule"], "term"))
    assert leaves == 2
    assert told["resultsSection.adverseEventsModule"].endswith(" values")
    assert found.record == carried(record, contacts=False)


def test_an_event_stands_under_its_organ_system_as_the_registry_names_it():
    first, second = reported().adverse.events
    events = (
        replace(first, organ_system="Investigations"),
        replace(second, term="Fatigue", organ_system="General disorders and administration site conditions"),
        replace(second, term="Sore hoof", organ_system=""),
    )
    told = reported(adverse=replace(reported().adverse, events=events))
    module = results_section(told)["adverseEventsModule"]
    assert [one["organSystem"] for one in module["seriousEvents"]] == ["Investigations"]
    # "General disorders" is what NCT studies show for fatigue; CTCAE and MedDRA print the longer name.
    assert [one.get("organSystem") for one in module["otherEvents"]] == ["General disorders", None]
