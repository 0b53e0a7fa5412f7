"""A study of ClinicalTrials.gov read into a record: every value is placed or told, and hostile files are refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.exchange.ctgov.carried import carried
from theratrial.exchange.ctgov.read import read_ctgov
from theratrial.registry.imported import Imported

TODAY = date(2026, 11, 1)
CRITERIA = "Inclusion Criteria:\n\n* Adults\n* ECOG 0\\-1\n\nExclusion Criteria:\n\n* Pregnancy"


def study() -> dict[str, Any]:
    """An invented study in the shape of the v2 interface, each value told apart from every other."""
    return {
        "protocolSection": {
            "identificationModule": {
                "nctId": "NCT09999901",
                "orgStudyIdInfo": {"id": "INVENTED-7", "link": "https://example.org/org"},
                "secondaryIdInfos": [
                    {"id": "U1111-0000-0002", "type": "OTHER", "domain": "UTN"},
                    {"id": "2020-000001-11", "type": "EUDRACT_NUMBER"},
                    {
                        "id": "IRCT20200101000001N1",
                        "type": "REGISTRY",
                        "domain": "IRCT",
                        "link": "https://irct.example",
                    },
                ],
                "organization": {"fullName": "Invented Institute", "class": "OTHER"},
                "briefTitle": "Brief title",
                "officialTitle": "Official title",
            },
            "statusModule": {
                "statusVerifiedDate": "2024-01",
                "overallStatus": "TERMINATED",
                "whyStopped": "No supply",
                "startDateStruct": {"date": "2021-03", "type": "ACTUAL"},
                "primaryCompletionDateStruct": {"date": "2023-04-05", "type": "ESTIMATED"},
                "completionDateStruct": {"date": "2641-06-14", "type": "ACTUAL"},
                "studyFirstSubmitDate": "2021-02-03",
                "studyFirstPostDateStruct": {"date": "2021-02-09", "type": "ACTUAL"},
            },
            "sponsorCollaboratorsModule": {
                "responsibleParty": {"type": "SPONSOR"},
                "leadSponsor": {"name": "Invented Company", "class": "INDUSTRY"},
                "collaborators": [{"name": "Invented Fund", "class": "NIH"}],
            },
            "oversightModule": {"oversightHasDmc": True},
            "descriptionModule": {"briefSummary": "Brief summary", "detailedDescription": "Long words.\n\nMore."},
            "conditionsModule": {"conditions": ["Condition A", "Condition B"], "keywords": ["lutetium"]},
            "designModule": {
                "studyType": "INTERVENTIONAL",
                "phases": ["PHASE1", "PHASE2"],
                "designInfo": {
                    "allocation": "RANDOMIZED",
                    "interventionModel": "PARALLEL",
                    "primaryPurpose": "DEVICE_FEASIBILITY",
                    "maskingInfo": {"masking": "DOUBLE", "whoMasked": ["PARTICIPANT", "INVESTIGATOR"]},
                },
                "enrollmentInfo": {"count": 41, "type": "ACTUAL"},
            },
            "armsInterventionsModule": {
                "armGroups": [
                    {
                        "label": "Arm one",
                        "type": "EXPERIMENTAL",
                        "description": "Drug and scan",
                        "interventionNames": ["Drug: Ligand", "Diagnostic Test: Scan"],
                    },
                    {"label": "Arm two", "type": "ACTIVE_COMPARATOR", "interventionNames": ["Diagnostic Test: Scan"]},
                ],
                "interventions": [
                    {
                        "type": "DRUG",
                        "name": "Ligand",
                        "description": "7.4 GBq",
                        "armGroupLabels": ["Arm one"],
                        "otherNames": ["L-1"],
                    },
                    {"type": "DIAGNOSTIC_TEST", "name": "Scan", "armGroupLabels": ["Arm one", "Arm two", "Arm three"]},
                ],
            },
            "outcomesModule": {
                "primaryOutcomes": [{"measure": "Response", "description": "RECIST 1.1", "timeFrame": "12 weeks"}],
                "secondaryOutcomes": [{"measure": "Toxicity"}],
                "otherOutcomes": [{"measure": "Cost", "timeFrame": "1 year"}],
            },
            "eligibilityModule": {
                "eligibilityCriteria": CRITERIA,
                "healthyVolunteers": False,
                "sex": "ALL",
                "minimumAge": "18 Years",
                "maximumAge": "eighty",
                "stdAges": ["ADULT", "OLDER_ADULT"],
            },
            "contactsLocationsModule": {
                "locations": [
                    {"facility": "Clinic", "city": "Town", "country": "Iran", "geoPoint": {"lat": 1.5, "lon": 2.5}},
                    {"facility": "Ward", "city": "Village", "country": "Iran", "status": "COMPLETED"},
                ],
            },
            "ipdSharingStatementModule": {
                "ipdSharing": "YES",
                "infoTypes": ["SAP", "CSR"],
                "url": "https://example.org/d",
            },
            "newModule": {"value": 5, "a.b": "dotted", "nothing": None},
        },
        "resultsSection": {"outcomeMeasuresModule": {"outcomeMeasures": [{"title": "t", "unit": "u"}]}, "empty": {}},
        "derivedSection": {"miscInfoModule": {"versionHolder": "2024-01-01"}},
        "hasResults": True,
    }


def read(value: Any) -> Imported:
    return read_ctgov(json.dumps(value).encode(), today=TODAY)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, member in value.items():
            step = key if "." not in key else json.dumps(key)
            yield from leaves(member, f"{path}.{step}" if path else step)
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from leaves(member, f"{path}[{index}]")
    elif value is not None:
        yield path, value


def test_every_value_is_in_the_record_or_told_with_its_path():
    found = read(study())
    told = {one.where for one in found.unplaced}
    whole = tuple(f"{path}." for path in told if re.fullmatch(r"(results|derived)Section\.\w+", path))
    every = dict(leaves(study()))
    # A value that is not told can be changed only with a change of the record: nothing else holds it.
    for path, value in every.items():
        if path in told or path.startswith(whole) or path == "hasResults":
            continue
        changed = study()
        *steps, last = re.findall(r"\w+", path)
        here: Any = changed
        for step in steps:
            here = here[int(step) if step.isdigit() else step]
        here[int(last) if last.isdigit() else last] = {"2021-03": "2021-05"}.get(value, 77 if value == 41 else "Zz")
        again = read(changed)
        assert again.record != found.record or {one.where for one in again.unplaced} != told, path
    assert told - set(every) == {"resultsSection.outcomeMeasuresModule", "derivedSection.miscInfoModule"}


def test_what_is_told_is_what_the_record_cannot_hold():
    told = {one.where.removeprefix("protocolSection."): one for one in read(study()).unplaced}
    assert set(told) == {
        "identificationModule.orgStudyIdInfo.link",
        "identificationModule.secondaryIdInfos[2].link",
        "identificationModule.organization.class",
        "statusModule.statusVerifiedDate",
        "statusModule.whyStopped",
        "statusModule.primaryCompletionDateStruct.type",
        "statusModule.completionDateStruct.date",
        "statusModule.completionDateStruct.type",
        "statusModule.studyFirstPostDateStruct.date",
        "statusModule.studyFirstPostDateStruct.type",
        "sponsorCollaboratorsModule.responsibleParty.type",
        "oversightModule.oversightHasDmc",
        "armsInterventionsModule.interventions[1].armGroupLabels[2]",
        "outcomesModule.otherOutcomes[0].measure",
        "outcomesModule.otherOutcomes[0].timeFrame",
        "eligibilityModule.healthyVolunteers",
        "eligibilityModule.maximumAge",
        "eligibilityModule.stdAges[0]",
        "eligibilityModule.stdAges[1]",
        "contactsLocationsModule.locations[0].geoPoint.lat",
        "contactsLocationsModule.locations[0].geoPoint.lon",
        "contactsLocationsModule.locations[1].status",
        "newModule.value",
        'newModule."a.b"',
        "resultsSection.outcomeMeasuresModule",
        "derivedSection.miscInfoModule",
    }
    assert told["statusModule.completionDateStruct.date"].suggestion == "2020-03-24"
    assert told["resultsSection.outcomeMeasuresModule"].value == "2 values"
    assert all(one.why for one in told.values())


def test_a_study_fills_the_record():
    record = read(study()).record
    assert (record.registration.number, record.registration.registry.en) == ("NCT09999901", "ClinicalTrials.gov")
    assert record.registration.utn == "U1111-0000-0002"
    assert [(one.number, one.authority.en) for one in record.secondary_ids] == [
        ("INVENTED-7", "Organization's Unique Protocol ID"),
        ("2020-000001-11", "EudraCT Number"),
        ("IRCT20200101000001N1", "Registry Identifier: IRCT"),
    ]
    start = record.recruitment.actual_start
    assert (start.gregorian, start.precision, start.pair) == (date(2021, 3, 1), "month", "2021-03")
    assert (record.recruitment.actual_sample_size, record.recruitment.target_sample_size) == (41, None)
    assert record.recruitment.trial_completion is None
    assert [one.en for one in record.recruitment.countries] == ["Iran"]
    assert (record.design.phase.code, record.design.purpose.code) == ("1_2", "")
    assert record.design.purpose.text.en == "DEVICE_FEASIBILITY"
    assert record.eligibility.inclusion.en == "* Adults\n* ECOG 0\\-1"
    assert record.eligibility.exclusion.en == "* Pregnancy"
    assert record.eligibility.age_from.value == 18
    assert [one.category.code for one in record.interventions] == ["treatment_drugs", "diagnosis"]
    assert record.summary.intervention_groups.en.startswith(
        "Arm one (Experimental): Drug and scan\nInterventions: Drug"
    )
    assert [(one.kind.code, one.organization_type.code) for one in record.sponsors] == [
        ("primary_sponsor", "industry"),
        ("secondary_sponsor", ""),
    ]
    assert (record.sharing.clinical_study_report.code, record.sharing.study_protocol.code) == ("yes", "")
    assert carried(record) == record


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Adults only", ("Adults only", "")),
        ("INCLUSION CRITERIA:\nA\nEXCLUSION CRITERIA:\nB", ("A", "B")),
        ("* Key Inclusion Criteria\nA\n\n**Exclusion criteria**\nB", ("A", "B")),
        ("For both parts:\nInclusion Criteria:\nA\nExclusion Criteria:\nB", ("For both parts:\nA", "B")),
        ("Exclusion Criteria:\nB", ("", "B")),
        (
            "Inclusion Criteria:\nA\nExclusion Criteria:\nB\nInclusion Criteria:\nC",
            ("Inclusion Criteria:\nA\nExclusion Criteria:\nB\nInclusion Criteria:\nC", ""),
        ),
    ],
)
def test_criteria_are_split_only_where_the_text_says_so_once(text, expected):
    value = study()
    value["protocolSection"]["eligibilityModule"]["eligibilityCriteria"] = text
    eligibility = read(value).record.eligibility
    assert (eligibility.inclusion.en, eligibility.exclusion.en) == expected


def test_a_list_of_one_study_is_read_and_what_stands_beside_it_is_told():
    found = read({"studies": [study()], "totalCount": 1})
    assert found.record == read(study()).record
    assert "totalCount" in {one.where for one in found.unplaced}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"7",
        b'{"protocolSection": []}',
        b'{"protocolSection": {}, "protocolSection": {}}',
        b'{"protocolSection": {"a": NaN}}',
        b'{"protocolSection": {"a": 1e999}}',
        b'{"protocolSection": {"a": ' + b"9" * 5000 + b"}}",
        b'{"protocolSection": {"a": "\\ud800"}}',
        b'{"protocolSection": {"\\udfff": 1}}',
        b"\xff\xfe{}",
        b"[" * 200_000,
        b'{"protocolSection": ' * 100_000,
        b'{"protocolSection": {"a": ' + b"[" * 500 + b"]" * 500 + b"}}",
        b'{"studies": [{"protocolSection": {}}, {"protocolSection": {}}]}',
    ],
)
def test_what_is_no_study_is_refused_with_a_message(content):
    with pytest.raises(InputError) as told:
        read_ctgov(content, today=TODAY)
    assert len(str(told.value)) < 500


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(("2021-03", "0000-00-00", "999999 Years", "PHASE1", "OTHER")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("id", "name", "type", "date")), inner),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_wrong_types_anywhere_are_told_or_refused(data):
    value = study()
    for _ in range(data.draw(st.integers(1, 4))):
        here: Any = value
        while True:
            key = data.draw(st.sampled_from(list(here) if isinstance(here, dict) else list(range(len(here)))))
            if not isinstance(here[key], dict | list) or not here[key] or data.draw(st.integers(0, 3)) == 0:
                break
            here = here[key]
        here[key] = data.draw(JUNK)
    try:
        found = read(value)
    except InputError:
        return
    told = {one.where for one in found.unplaced}
    numbers = {path for path, member in leaves(value) if not isinstance(member, str) and "Section." in path}
    whole = ("resultsSection", "derivedSection", "hasResults", "protocolSection.designModule.enrollmentInfo.count")
    assert {path for path in numbers if not path.startswith(whole)} <= told


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(content):
    with pytest.raises(InputError):
        read_ctgov(content, today=TODAY)
