"""Record against protocol: each rule silent on the first trial's pair, and raised by one small change of either."""

from __future__ import annotations

import re
import time
from datetime import date
from typing import Any

import pytest
from record_changes import CUT, running_trial, with_changes, words

from theratrial.protocol.reader import shipped_protocol
from theratrial.protocol.schema import Protocol
from theratrial.registry.check import RULES, check
from theratrial.registry.fields import field_of
from theratrial.registry.found import Finding
from theratrial.registry.reader import shipped_registration
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.rules.frame import PROTOCOL as OF_PROTOCOL
from theratrial.registry.rules.frame import Case
from theratrial.registry.words import Text

NUMBER = "IRCT20210612051548N3"
SEED, PROTOCOL = shipped_registration(NUMBER), shipped_protocol(NUMBER)
GOOD = running_trial()
TODAY = date(2024, 6, 1)
INCLUSION, EXCLUSION, GROUP = "eligibility.inclusion", "eligibility.exclusion", "interventions[0].description"
TIMEPOINT, PRIMARY = "primary_outcomes[0].timepoint", "primary_outcomes[0].description"

KNOWN = {
    "protocol-outcome-differs",  # "Numbe of treated breast cancer patients": no response that counts
    "protocol-outcome-time-differs",  # 4-6 weeks against weeks 4 to 9, which the protocol file explains
    "protocol-treatment-only-in-protocol",  # 1500 MBq, 10 mg, three sessions: nowhere in the record
    "protocol-imaging-kind-differs",  # SPECT/CT for the doses: nowhere in the record
}
"""What really differs between the first trial's record and the protocol file made of it."""


def findings(record: RegistrationRecord = SEED, protocol: Protocol = PROTOCOL) -> list[Finding]:
    return [one for one in check(record, today=TODAY, protocol=protocol) if one.source == OF_PROTOCOL]


def rules_of(record: RegistrationRecord = SEED, protocol: Protocol = PROTOCOL) -> set[str]:
    return {one.rule for one in findings(record, protocol)}


def test_the_first_trials_record_and_its_protocol_differ_in_four_things_and_no_more() -> None:
    assert rules_of() == KNOWN
    assert len(findings()) == 4


def test_what_the_protocol_file_only_assumes_is_called_an_assumption() -> None:
    for one in findings():
        assert "an assumption of the protocol file" in one.message.en
        assert "فرض فایل پروتکل" in one.message.fa


def test_without_a_protocol_no_rule_on_protocols_speaks() -> None:
    for record in (SEED, GOOD):
        assert not [one for one in check(record, today=TODAY) if one.source == OF_PROTOCOL]


RECORD: list[tuple[str, dict[str, Any]]] = [
    ("protocol-number-differs", {"registration.number": "IRCT20210612051548N2"}),
    ("protocol-title-differs", {"scientific_title": words("resistant or relapsed ", "")}),
    ("protocol-title-differs", {"public_title": words("breast", "gastric")}),
    ("protocol-phase-differs", {"design.phase": "1_2"}),
    ("protocol-sex-differs", {"eligibility.sex": "both"}),
    ("protocol-age-differs", {"eligibility.age_from": {"value": 20}}),
    ("protocol-age-differs", {"eligibility.age_to": {"value": 75}}),
    ("protocol-age-differs", {"eligibility.age_from": CUT}),
    ("protocol-sample-size-differs", {"recruitment.target_sample_size": 30}),
    ("protocol-condition-differs", {"conditions[0].icd10": "C16"}),
    ("protocol-ethics-differs", {"ethics[0].reference": "IR.BPUMS.REC.1401.001"}),
    ("protocol-ethics-differs", {"ethics[0].approved_on": {"gregorian": date(2021, 6, 28)}}),
    ("protocol-sharing-differs", {"sharing.study_protocol": "yes"}),
    ("protocol-criterion-only-in-record", {INCLUSION: words("Signed", "LVEF ≥ 50% Signed")}),
    ("protocol-criterion-only-in-record", {EXCLUSION: words("Pregnant woman", "Pregnant woman. Breast-feeding.")}),
    ("protocol-criterion-only-in-protocol", {INCLUSION: words("(ii) Platelet count ≥ 100,000/mm³; ", "")}),
    ("protocol-criterion-only-in-protocol", {EXCLUSION: words("psychiatric illness/social situations", "reasons")}),
    ("protocol-criterion-differs", {INCLUSION: words("≥ 1000 cells/mm³", "≥ 1500 cells/mm³")}),
    ("protocol-criterion-differs", {INCLUSION: words("Hemoglobin ≥ 9 g/dL", "Hemoglobin ≥ 8 g/dL")}),
    ("protocol-criterion-differs", {INCLUSION: words("(ECOG) ≤ 2", "(ECOG) ≤ 1")}),
    ("protocol-criterion-differs", {INCLUSION: words("Age ≥18 years", "Age > 18 years")}),
    ("protocol-nuclide-differs", {GROUP: words("is injected", "or ⁹⁰Y-Trastuzumab is injected")}),
    ("protocol-arms-differ", {"design.assignment": "parallel"}),
    ("protocol-arms-differ", {"interventions": lambda one: (*one, *one)}),
    ("protocol-visit-differs", {GROUP: words("Six to eight weeks after", "Ten to twelve weeks after")}),
    ("protocol-imaging-times-differ", {GROUP: words("24 hours, and 48 hours", "24 hours, and 96 hours")}),
    ("protocol-imaging-times-differ", {GROUP: words("24 hours, and 48 hours", "24 hours")}),
    ("protocol-ctcae-differs", {GROUP: words("toxicity", "toxicity (CTCAE version 4.0)")}),
    ("protocol-dose-limit-differs", {GROUP: words("toxicity", "kidney dose above 18 Gy")}),
    ("protocol-treatment-differs", {GROUP: words("is injected", "3.7 GBq is injected")}),
    ("protocol-treatment-differs", {GROUP: words("is injected", "1.6 GBq is injected")}),
    ("protocol-treatment-differs", {GROUP: words("is injected", "(50 mg of antibody) is injected")}),
    ("protocol-treatment-differs", {GROUP: words("is injected", "at most six sessions is injected")}),
    ("protocol-treatment-differs", {GROUP: words("is injected", "in sessions 4 weeks apart is injected")}),
]


@pytest.mark.parametrize(("rule", "changes"), RECORD)
def test_a_change_of_the_record_raises_the_rule_and_no_other(rule: str, changes: dict[str, Any]) -> None:
    found = rules_of(with_changes(SEED, changes))
    assert rule in found
    assert found - KNOWN == {rule} - KNOWN


PLAN: list[tuple[str, dict[str, Any]]] = [
    ("protocol-phase-differs", {"identity.reading.phase": "I/II"}),
    ("protocol-sex-differs", {"population.reading.sex": "all"}),
    ("protocol-sample-size-differs", {"population.reading.sample_size": 20}),
    ("protocol-age-differs", {"population.reading.maximum_age_years": 75}),
    ("protocol-criterion-differs", {"eligibility.platelets.reading.condition": "platelets_e9_per_L >= 75.0"}),
    ("protocol-criterion-only-in-record", {"eligibility.active_infection": CUT}),
    ("protocol-nuclide-differs", {"products.lu177_trastuzumab.reading.nuclide": "Tb-161"}),
    ("protocol-visit-differs", {"schedule.follow_up.reading.window_days": {"minimum": 28, "maximum": 35}}),
    ("protocol-imaging-times-differ", {"imaging.whole_body_48h.reading.window_h": {"minimum": 90, "maximum": 100}}),
    ("protocol-sharing-differs", {"sharing.reading.analytic_code": "no"}),
]


@pytest.mark.parametrize(("rule", "changes"), PLAN)
def test_a_change_of_the_protocol_raises_the_rule_and_no_other(rule: str, changes: dict[str, Any]) -> None:
    found = rules_of(SEED, with_changes(PROTOCOL, changes))
    assert found - KNOWN == {rule}


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("protocol-outcome-differs", {PRIMARY: "Proportion with complete, partial or stable response"}),
        ("protocol-outcome-differs", {PRIMARY: "Disease control rate"}),
        ("protocol-outcome-time-differs", {TIMEPOINT: "4-9 weeks after last treatment session"}),
        ("protocol-outcome-time-differs", {TIMEPOINT: "5 weeks after the last session"}),
        ("protocol-imaging-kind-differs", {GROUP: words("whole-body scan", "whole-body scan and SPECT/CT")}),
        (
            "protocol-treatment-only-in-protocol",
            {GROUP: words("is injected", "(1.5 GBq, 10 mg of antibody, at most three sessions) is injected")},
        ),
    ],
)
def test_what_differs_can_be_mended(rule: str, changes: dict[str, Any]) -> None:
    assert rules_of(with_changes(SEED, changes)) == KNOWN - {rule}


@pytest.mark.parametrize(
    "changes",
    [
        {INCLUSION: words("≥ 1000 cells/mm³", "≥ 1.0 × 10^9/L")},
        {INCLUSION: words("≥ 9 g/dL", "≥ 90 g/L")},
        {INCLUSION: words("≥ 100,000/mm³", "not less than 100 x 10^9/L")},
        {"scientific_title": words("¹⁷⁷Lu", "177Lu")},
        {"conditions[0].icd10": "C50.9"},
        {"eligibility.age_from": {"value": 216, "unit": "months"}},
        {GROUP: words("24 hours, and 48 hours", "1 day and 2 days")},
        {GROUP: words("Six to eight weeks", "6-8 weeks")},
        {GROUP: words("toxicity", "toxicity (CTCAE version 5.0)")},
        {GROUP: words("toxicity", "kidney dose above 23 Gy")},
        {"registration.number": "NCT00000000", "secondary_ids": ({"number": NUMBER},)},
        {"ethics": CUT},
    ],
)
def test_the_same_in_other_words_is_no_difference(changes: dict[str, Any]) -> None:
    assert rules_of(with_changes(SEED, changes)) == KNOWN


def test_another_amount_is_told_with_both_numbers_and_its_place() -> None:
    record = with_changes(SEED, {GROUP: words("is injected", "100 mCi is injected")})
    (one,) = [found for found in findings(record) if found.rule == "protocol-treatment-differs"]
    assert one.path == GROUP
    assert "'100 mCi' in the record, 1.5 GBq in the protocol" in one.message.en
    assert "protocol-treatment-differs" not in rules_of(
        with_changes(SEED, {GROUP: words("is injected", "40.5 mCi is injected")})
    )


def test_a_criterion_is_told_with_both_limits_in_units_of_people() -> None:
    record = with_changes(SEED, {INCLUSION: words("≥ 1000 cells/mm³", "≥ 1500 cells/mm³")})
    (one,) = [found for found in findings(record) if found.rule == "protocol-criterion-differs"]
    assert one.message.en == "Neutrophils: ≥ 1.5 × 10⁹/L in the record, ≥ 1 × 10⁹/L in the protocol"
    assert one.path == INCLUSION


@pytest.mark.parametrize("piece", ["4-6 weeks after ", "scan 24 hours ", "a", "1", "kidney ", "at most four "])
def test_a_long_text_without_an_end_is_read_in_little_time(piece: str) -> None:
    """50,000 characters, where a reading anew from every place would take minutes."""
    text = Text(en=(piece * 50_000)[:50_000])
    group = SEED.interventions[0].model_copy(update={"description": text})
    outcome = SEED.primary_outcomes[0].model_copy(update={"timepoint": text})
    case = Case(SEED.model_copy(update={"interventions": (group,), "primary_outcomes": (outcome,)}), TODAY, PROTOCOL)
    start = time.process_time()
    for one in RULES.values():
        if one.source == OF_PROTOCOL:
            list(one.findings(case))
    assert time.process_time() - start < 3


def test_every_rule_on_protocols_is_raised_here_and_speaks_both_languages() -> None:
    ours = {name for name, one in RULES.items() if one.source == OF_PROTOCOL}
    assert ours == {rule for rule, _ in (*RECORD, *PLAN)} | KNOWN
    for record in (SEED, GOOD, *(with_changes(SEED, changes) for _, changes in RECORD[:12])):
        for one in findings(record):
            assert re.search("[\u0600-\u06ff]", one.message.fa), one.rule
            assert re.search("[\u0600-\u06ff]", one.remedy.fa), one.rule
            field_of(one.path)
            assert not any(field_of(quoted.path).personal for quoted in one.quotes if quoted.path)
