"""Each rule: silent on the good record, and raised by one small change of it; the first trial's record as a whole."""

from __future__ import annotations

import copy
import re
from datetime import date
from typing import Any

import pytest
from record_changes import running_trial

from theratrial.registry.check import RULES, check
from theratrial.registry.completeness import completeness
from theratrial.registry.fields import field_of
from theratrial.registry.found import Severity
from theratrial.registry.imported import Unplaced
from theratrial.registry.reader import shipped_registration
from theratrial.registry.record import SHARED_ITEMS, RegistrationRecord

GOOD = running_trial()
SEED = shipped_registration("IRCT20210612051548N3")
TODAY = date(2024, 6, 1)
PRINTED = date(2026, 6, 9)

CUT = object()
"""A field that is taken away."""


def changed(changes: dict[str, Any], record: RegistrationRecord = GOOD) -> RegistrationRecord:
    """The record with fields set by path; a call is applied to what stands there."""
    plain = copy.deepcopy(record.model_dump())
    for path, value in changes.items():
        steps: list[Any] = [int(one) if one.isdigit() else one for one in re.findall(r"[^.\[\]]+", path)]
        place = plain
        for step in steps[:-1]:
            place = place.setdefault(step, {}) if isinstance(place, dict) else place[step]
        if value is CUT:
            del place[steps[-1]]
        else:
            place[steps[-1]] = value(place[steps[-1]]) if callable(value) else copy.deepcopy(value)
    return RegistrationRecord.model_validate(plain)


def replaced(old: str, new: str, *, times: int = -1):
    """A change of words in both languages; fails where they do not stand."""

    def change(value: Any) -> Any:
        words = [value] if isinstance(value, str) else list(value.values())
        assert any(old in one for one in words), old
        if isinstance(value, str):
            return value.replace(old, new, times)
        return {language: one.replace(old, new, times) for language, one in value.items()}

    return change


@pytest.mark.parametrize("today", [date(2026, 11, 23), date(2036, 1, 1)])
def test_the_shipped_good_record_is_silent_on_any_later_day(today):
    """A trial that is completed and reported: what is silent today and cries tomorrow would be no example."""
    shipped = shipped_registration("IRCT20240110000000N1")
    assert check(shipped, today=today) == ()
    assert completeness(shipped, today=today).present == 24
    assert shipped.recruitment.status.code == "completed"


def rules_of(record: RegistrationRecord, today: date = TODAY, **given: Any) -> set[str]:
    return {one.rule for one in check(record, today=today, **given)}


def both(en: str, fa: str = "متن") -> dict[str, str]:
    return {"en": en, "fa": fa}


OVER = {
    "recruitment.status": "completed",
    "recruitment.actual_end": date(2024, 4, 1),
    "recruitment.trial_completion": date(2024, 5, 1),
    "recruitment.actual_sample_size": 24,
    "registration.stated.last_update": date(2024, 5, 2),
}
RESULTS = OVER | {
    "results": {
        "posted_on": date(2024, 5, 20),
        "urls": ["https://example.org/results"],
        **{name: both("As analysed") for name in ("summary", "baseline", "participant_flow")},
        **{name: both("As analysed") for name in ("adverse_events", "outcome_measures")},
    }
}
INCLUSION, GROUP, PRIMARY = "eligibility.inclusion", "interventions[0].description", "primary_outcomes[0]"
PARTICIPANTS = "summary.participants"

# rule -> the smallest change of the good record that raises it, and nothing else.
ALONE: list[tuple[str, dict[str, Any]]] = [
    ("public-title-missing", {"public_title": CUT}),
    ("scientific-title-missing", {"scientific_title": CUT}),
    ("status-missing", {"recruitment.status": CUT}),
    ("start-date-missing", {"recruitment.expected_start": CUT, "recruitment.actual_start": CUT,
                            "registration.stated.timing": CUT}),
    ("sample-size-missing", {"recruitment.target_sample_size": CUT}),
    ("actual-sample-size-missing", {name: value for name, value in OVER.items() if "sample" not in name}),
    ("countries-missing", {"recruitment.countries": CUT}),
    ("utn-missing", {"registration.utn": CUT}),
    ("utn-out-of-pattern", {"registration.utn": "U1111-12-34"}),
    ("condition-missing", {"conditions": []}),
    ("study-type-missing", {"design.study_type": CUT, "registration.number": "NCT00000000",
                            "registration.registry": "ClinicalTrials.gov"}),
    ("ethics-missing", {"ethics": []}),
    ("ethics-incomplete", {"ethics[0].reference": CUT}),
    ("ethics-after-registration", {"ethics[0].approved_on": date(2024, 2, 4)}),
    ("sharing-missing", {"sharing.individual_participant_data": CUT}),
    ("sharing-details-missing", {"sharing.to_whom": CUT}),
    ("number-or-date-missing", {"registration.number": CUT}),
    ("number-out-of-pattern", {"registration.number": "IRCT20241310000000N1"}),
    ("icd10-three-characters", {"conditions[0].icd10": "C50"}),
    ("icd10-out-of-pattern", {"conditions[0].icd10": "breast"}),
    ("laterality-missing", {"conditions[0].description": both("Metastatic breast cancer"),
                            INCLUSION: lambda old: both(old["en"].replace(" of either side", ""))}),
    ("masked-groups-no-information", {"design.masked_groups": both("No information", "بدون اطلاعات")}),
    ("masked-groups-missing", {"design.blinding": "double", "design.masked_groups": CUT}),
    ("design-incomplete", {"design.phase": CUT}),
    ("randomization-undescribed", {"design.randomization": "randomized", "design.randomization_description": CUT}),
    ("centre-missing", {"centres": []}),
    ("translation-missing", {"public_title": "A title"}),
    ("contact-unreachable", {f"people.general_inquiries.{name}": CUT for name in ("phone", "email", "address")}),
    ("general-contact-missing", {"people.general_inquiries": CUT}),
    ("scientific-contact-missing", {"people.scientific_inquiries": CUT}),
    ("registrant-entity-missing", {"people.registrant.organization": CUT}),
    ("postal-code-not-ten-digits", {"centres[0].postal_code": "45654775"}),
    ("place-spelled-two-ways", {"centres[0].city": both("Teheran")}),
    ("markup-in-text", {"summary.aim": both("To estimate<br>the response")}),
    ("spaces-in-text", {"public_title": both("Treatment" + " " * 200 + "with ¹⁷⁷Lu")}),
    ("contact-in-text", {"sharing.where": both("Write to data@example.org", "به data@example.org بنویسید")}),
    ("contact-in-text", {"summary.aim": both("Ask at +98 21 0000 0000", "با ۰۲۱-۱۰۰۰۰۰۰۰ تماس بگیرید")}),
    ("email-out-of-pattern", {"people.data_updating.email": "data at example"}),
    ("results-incomplete", RESULTS | {"results.adverse_events": CUT}),
    ("results-by-link-only", OVER | {"results": {"posted_on": date(2024, 5, 20), "urls": ["https://example.org/r"]}}),
    ("results-without-date", RESULTS | {"results.posted_on": CUT}),
    ("results-before-the-end", RESULTS | {"results.posted_on": date(2024, 3, 31)}),
    ("results-address-broken", RESULTS | {"results.urls": ["see our page"]}),
    ("status-without-dates", {name: value for name, value in OVER.items() if "trial_completion" not in name}),
    ("status-before-it-could-be", {"registration.stated.last_update": date(2024, 3, 1)}),
    ("timing-stated-wrong", {"registration.stated.timing": "retrospective"}),
    ("dates-out-of-order", {"recruitment.expected_end": date(2024, 3, 1), "summary.design": both("One group")}),
    ("design-text-dates-differ", {"summary.design": replaced("August 2025", "June 2025")}),
    ("sample-size-differs", {"summary.design": replaced("24 patients", "42 patients")}),
    ("criteria-missing", {"eligibility.exclusion": CUT, PARTICIPANTS: CUT}),
    ("criteria-summary-lacks", {PARTICIPANTS: replaced("; untreated brain metastases", "")}),
    ("criteria-limits-differ", {PARTICIPANTS: replaced("age ≥ 18", "age ≥ 21")}),
    ("criteria-sex-not-in-text", {INCLUSION: lambda _: both(GOOD.eligibility.inclusion.en.removeprefix("Women\n"))}),
    ("her2-by-tracer-only", {INCLUSION: replaced("by immunohistochemistry 3+, or by in situ hybridization, of",
                                                  "by PET of"),
                             PARTICIPANTS: replaced("by immunohistochemistry 3+ or in situ hybridization of",
                                                    "by PET of")}),
    ("antibody-on-short-lived-label", {"summary.aim": both("Dose, seen with 68Ga-trastuzumab")}),
    ("no-heart-criterion", {INCLUSION: replaced("LVEF ≥ 50%, by", "By"),
                            PARTICIPANTS: replaced("LVEF ≥ 50%; ", "")}),
    ("outcome-incomplete", {"secondary_outcomes[0].method": CUT}),
    ("spelling-of-outcome", {"secondary_outcomes[0].description": replaced("Adverse", "Adverce")}),
    ("response-criterion-unnamed", {f"{PRIMARY}.method": both("Contrast-enhanced CT")}),
    ("pet-of-no-positron-emitter", {"summary.aim": both("Response to ¹⁷⁷Lu-trastuzumab PET/CT")}),
    ("no-activity-nor-mass", {GROUP: lambda old: both(old["en"].replace("10 mg", "cold")),
                              "summary.intervention_groups": both("One group")}),
    ("registered-after-enrolment", {"recruitment.actual_start": date(2024, 2, 1), "registration.stated.timing": CUT}),
    ("timing-provisional", {"recruitment.actual_start": CUT, "recruitment.status": "suspended"}),
    ("overdue-to-start", {"recruitment.actual_start": CUT, "recruitment.status": "not_yet_recruiting",
                          "registration.stated.timing": CUT}),
    ("actual-date-in-future", {"recruitment.actual_start": date(2024, 7, 1), "recruitment.status": "suspended"}),
    ("outcome-missing", {"primary_outcomes": []}),
    ("outcome-is-no-outcome", {f"{PRIMARY}.description": both("Number of treated patients"),
                               "summary.main_outcome_variables": CUT}),
    ("outcome-summary-differs", {"summary.main_outcome_variables": both("Overall survival")}),
    ("no-safety-outcome", {"secondary_outcomes[0].description": both("Quality of life"),
                           "secondary_outcomes[0].method": both("EORTC QLQ-C30")}),
    ("toxicity-undefined", {GROUP: lambda old: both(old["en"].replace("grade 4 (CTCAE version 5.0)", "toxicity")),
                            "secondary_outcomes[0].method": both("Graded"),
                            "summary.settings_and_conduct": CUT}),
    ("outcome-time-against-visits", {f"{PRIMARY}.timepoint": both("4-6 weeks after the last cycle"),
                                     "summary.settings_and_conduct": both("A visit six to eight weeks after each.")}),
    ("follow-up-without-outcome", {f"secondary_outcomes[{index}].timepoint": both("After the last cycle")
                                   for index in (0, 1)}),
    ("sponsor-missing", {"sponsors": []}),
    ("funding-missing", {"recruitment.funding_source": CUT, "sponsors[0].funding_title": CUT,
                         "sponsors[1].funding_title": CUT}),
    ("intervention-missing", {"interventions": []}),
    ("sharing-undecided", {f"sharing.{name}": "undecided" for name in SHARED_ITEMS}),
    ("criteria-detail-lacks", {INCLUSION: replaced("refractory to", "after")}),
    ("no-kidney-or-liver-criterion", {
        INCLUSION: lambda old: both("\n".join(x for x in old["en"].split("\n") if "bilirubin" not in x)),
        PARTICIPANTS: replaced("creatinine clearance ≥ 50 mL/min; bilirubin and transaminases within 1.5 and 2.5 "
                               "times the upper limit; ", "")}),
    ("no-washout-criterion", {
        INCLUSION: lambda old: both("\n".join(x for x in old["en"].split("\n") if "washout" not in x)),
        PARTICIPANTS: replaced("washout of unlabelled antibody of 4 weeks; ", "")}),
    ("scans-differ", {GROUP: replaced("4 hours, 24 hours, 72 hours and 168 hours", "24 hours")}),
]  # fmt: skip


def test_the_check_is_silent_on_the_good_record():
    assert check(GOOD, today=TODAY) == ()


@pytest.mark.parametrize(("rule", "changes"), ALONE, ids=[rule for rule, _ in ALONE])
def test_a_small_change_raises_its_rule_and_no_other(rule, changes):
    assert rules_of(changed(changes)) == {rule}


def test_a_record_of_a_year_ago_is_stale():
    assert rules_of(GOOD, date(2025, 3, 17)) == set()
    assert rules_of(GOOD, date(2025, 3, 19)) == {"record-stale"}


def test_results_fall_due_twelve_months_after_completion():
    over = changed(OVER)
    assert rules_of(over, date(2025, 5, 1)) == set()
    assert rules_of(over, date(2025, 5, 2)) == {"results-absent", "results-overdue"}


def test_without_secondary_outcomes_safety_and_what_is_followed_between_sessions_are_missing_too():
    expected = {"secondary-outcomes-missing", "no-safety-outcome", "follow-up-without-outcome"}
    assert rules_of(changed({"secondary_outcomes": []})) == expected


def test_a_last_session_needs_a_number_of_sessions():
    several = {GROUP: lambda old: both(old["en"].replace(", at most four cycles 8 weeks apart", ""))}
    several |= {"summary.intervention_groups": both("One group"), "scientific_title": both("Response to treatment")}
    assert rules_of(changed(several)) == {"last-session-unknown", "no-activity-nor-mass"}


def test_a_garbled_date_of_the_source_is_told_with_what_was_meant():
    garbled = Unplaced("line 3", "Registration date", "2641-06-14", "lies in the year 2641", "2020-03-24")
    (finding,) = check(GOOD, today=TODAY, unplaced=(garbled,))
    assert finding.rule == "date-garbled"
    assert "2020-03-24" in finding.message.en
    assert "2020-03-24" in finding.message.fa


@pytest.mark.parametrize(
    ("name", "value", "garbled"),
    [("statusVerifiedDate", "2015-08", False), ("studyFirstPostDate", "2009-09-09", False),
     ("Update count", "many", False), ("Approval date", "2009-13-41", True), ("Approval date", "soon", True)],
)  # fmt: skip
def test_a_sound_date_that_has_no_field_is_not_garbled(name, value, garbled):
    found = check(GOOD, today=TODAY, unplaced=(Unplaced("line 3", name, value, "the record has no field for it"),))
    assert [one.rule for one in found] == ["date-garbled"] * garbled


def test_the_first_trials_record_raises_these_rules():
    """Every row of the list of what a validator has to find in it, and what was found beyond."""
    assert rules_of(SEED, PRINTED) == {
        "status-without-dates",
        "status-before-it-could-be",
        "record-stale",
        "timing-provisional",
        "outcome-is-no-outcome",
        "outcome-summary-differs",
        "spelling-of-outcome",
        "no-safety-outcome",
        "secondary-outcomes-missing",
        "pet-of-no-positron-emitter",
        "no-activity-nor-mass",
        "response-criterion-unnamed",
        "toxicity-undefined",
        "outcome-time-against-visits",
        "criteria-detail-lacks",
        "criteria-summary-lacks",
        "criteria-sex-not-in-text",
        "her2-by-tracer-only",
        "antibody-on-short-lived-label",
        "no-heart-criterion",
        "no-kidney-or-liver-criterion",
        "no-washout-criterion",
        "icd10-three-characters",
        "laterality-missing",
        "countries-missing",
        "utn-missing",
        "results-absent",
        "sharing-undecided",
        "place-spelled-two-ways",
        "postal-code-not-ten-digits",
        "registrant-entity-missing",
        "scans-differ",
        "follow-up-without-outcome",
        "masked-groups-no-information",
        "last-session-unknown",
        "results-overdue",
        # beyond the list
        "actual-sample-size-missing",
        "markup-in-text",
        "one-language-only",
    }


def test_the_gravest_come_first_and_every_sentence_stands_in_both_languages():
    found = check(SEED, today=PRINTED)
    order = [list(Severity).index(one.severity) for one in found]
    assert order == sorted(order)
    for one in found:
        for sentence in (one.message, one.remedy, RULES[one.rule].title):
            assert sentence.en
            assert re.search("[\u0600-\u06ff]", sentence.fa), one.rule
        assert one.source
        if one.path:
            field_of(one.path)


def test_no_finding_quotes_what_points_at_a_person():
    for record, today in ((SEED, PRINTED), (changed({"people.data_updating.email": "data at example"}), TODAY)):
        for one in check(record, today=today):
            assert not any(field_of(quoted.path).personal for quoted in one.quotes if quoted.path)


def test_every_rule_has_a_change_that_raises_it():
    """Rules on a protocol or a trial's data are raised in their own tests."""
    elsewhere = {"record-stale", "results-overdue", "results-absent", "secondary-outcomes-missing", "date-garbled"}
    elsewhere |= {"last-session-unknown", "one-language-only"}
    modules = {name: one.look.__module__.rpartition(".")[2] for name, one in RULES.items()}
    ours = {name for name, module in modules.items() if not module.startswith(("live", "protocol"))}
    assert ours == {rule for rule, _ in ALONE} | elsewhere


def test_the_good_record_is_complete_in_all_that_is_due():
    found = completeness(GOOD)
    assert [one.number for one in found.items if one.state != "present"] == [22, 23]
    assert {found.items[21].state, found.items[22].state} == {"not_yet_due"}
    assert found.score.en == "22 of 22"


def test_the_first_trials_record_lacks_these_items():
    states = {one.number: one.state for one in completeness(SEED).items}
    assert [number for number, state in states.items() if state == "absent"] == [3, 11, 20, 22, 23]
    assert [number for number, state in states.items() if state == "partial"] == [16, 17]
    assert [number for number, state in states.items() if state == "not_applicable"] == [6]


def test_results_of_a_trial_just_completed_are_not_yet_due():
    over = changed(OVER)
    assert completeness(over, today=TODAY).items[22].state == "not_yet_due"
    assert completeness(over, today=date(2025, 5, 2)).items[22].state == "absent"
    assert completeness(changed(RESULTS), today=TODAY).items[22].state == "present"
    assert completeness(changed(RESULTS | {"results.baseline": CUT}), today=TODAY).items[22].state == "partial"


def test_an_empty_record_has_no_item_and_raises_no_error_of_ours():
    empty = RegistrationRecord()
    assert completeness(empty).present == 0
    assert check(empty, today=TODAY)
