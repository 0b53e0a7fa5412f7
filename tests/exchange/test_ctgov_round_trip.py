"""A record written as a study and read again: what is carried comes back, and nothing else."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from theratrial.exchange.ctgov.carried import CARRIED, carried
from theratrial.exchange.ctgov.read import read_ctgov
from theratrial.exchange.ctgov.write import ctgov_study
from theratrial.registry.codes import code_list
from theratrial.registry.fields import field_of, fields, filled_fields
from theratrial.registry.reader import shipped_registration, shipped_registration_names
from theratrial.registry.record import PERSONAL, RegistrationRecord

TODAY = date(2026, 11, 1)
SEED = "IRCT20210612051548N3"

WORDS = st.one_of(
    st.sampled_from(
        (
            "",
            "Age ≥ 18 years\nECOG ≤ 2",
            "Inclusion Criteria:",
            "a\n  Exclusion criteria\nb",
            "\\Inclusion criteria",
            "Design:\nSettings and conduct:",
            "Other Identifier",
            "Registry Identifier: X",
            "UTN",
            "Participant, Investigator",
            "Principal Investigator",
            "QUADRUPLE",
            "Intervention group 1",
            "PHASE1, PHASE3",
        )
    ),
    st.text(st.characters(codec="utf-8"), max_size=30),
)
TEXT = st.builds(lambda en, fa: {"en": en, "fa": fa}, WORDS, st.sampled_from(("", "متن")))
DAYS = st.dates(date(1990, 1, 1), date(2070, 1, 1))
DATE = st.none() | st.builds(
    lambda day, precision: {"gregorian": day, "precision": precision}, DAYS, st.sampled_from(("day", "month", "year"))
)
AGE = st.builds(
    lambda value, unit, text: {"value": value, "unit": unit, "text": text},
    st.none() | st.sampled_from((0.0, 0.5, 1.0, 1.7, 18.0, 1e7)),
    st.sampled_from(("years", "months", "weeks", "days")),
    st.sampled_from(("", "6 Hours", "adults")),
)
COUNT = st.none() | st.integers(0, 10**6)
NUMBER = st.sampled_from(("", "NCT01234567", SEED, "nct01234567", "own-1"))


def coded(list_name: str) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda code, text: {"code": code, "text": text}, st.sampled_from(("", *code_list(list_name))), WORDS
    )


def value_of(path: str) -> st.SearchStrategy[Any]:
    field = field_of(path)
    if path == "registration.number":
        return NUMBER
    if path == "secondary_ids[].number":
        return st.sampled_from(("", "A-1", "B-2", "U1111-1234-5678"))
    if field.kind == "code":
        return coded(field.list_name)
    return {
        "text": TEXT,
        "string": WORDS,
        "date": DATE,
        "day": st.none() | DAYS,
        "count": COUNT,
        "percent": st.none() | st.floats(0, 100),
        "age": AGE,
        "texts": st.lists(TEXT, max_size=2),
        "strings": st.lists(WORDS, max_size=2),
    }[field.kind]


@st.composite
def records(draw: st.DrawFn) -> RegistrationRecord:
    """Any field of the table, each given in about one record of four."""
    tree: dict[str, Any] = {}
    sizes: dict[str, int] = {}
    chosen = draw(st.sets(st.sampled_from([field.path for field in fields()]), max_size=40))
    for path in sorted(chosen):
        group, _, rest = path.rpartition("[].")
        if group:
            size = sizes.setdefault(group, draw(st.integers(1, 3)))
            places = [tree.setdefault(group, [{} for _ in range(size)])[index] for index in range(size)]
        else:
            places, rest = [tree], path
        for place in places:
            *above, last = rest.split(".")
            here = place
            for step in above:
                here = here.setdefault(step, {})
            here[last] = draw(value_of(path))
    return RegistrationRecord.model_validate(tree)


def as_bytes(study: dict[str, Any]) -> bytes:
    return json.dumps(study, ensure_ascii=False).encode()


@pytest.fixture(scope="module")
def study_schema(shared) -> jsonschema.Draft202012Validator:
    path = shared / "data" / "spec" / "clinicaltrials-gov-v2-openapi.json"
    if not path.is_file():
        pytest.skip(f"{path.name} absent")
    spec = json.loads(path.read_text(encoding="utf-8"))
    components = spec["components"]
    # The specification leaves further keys open; ours must all be known to it.
    for schema in components["schemas"].values():
        if schema.get("type") == "object" and "properties" in schema:
            schema["additionalProperties"] = False
    return jsonschema.Draft202012Validator(
        {"$ref": "#/components/schemas/Study", "components": components},
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )


@pytest.mark.parametrize("number", shipped_registration_names())
@pytest.mark.parametrize("contacts", [False, True])
def test_shipped_records_follow_the_registrys_specification(study_schema, number, contacts):
    study_schema.validate(ctgov_study(shipped_registration(number), contacts=contacts))


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(record=records(), contacts=st.booleans())
def test_any_record_follows_the_registrys_specification(study_schema, record, contacts):
    study_schema.validate(ctgov_study(record, contacts=contacts))


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(record=records(), contacts=st.booleans())
def test_what_is_carried_comes_back_and_a_second_export_is_the_first(record, contacts):
    study = ctgov_study(record, contacts=contacts)
    found = read_ctgov(as_bytes(study), today=TODAY)
    assert found.record == carried(record, contacts=contacts)
    assert ctgov_study(found.record, contacts=contacts) == study
    assert found.unplaced == ()


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(record=records(), contacts=st.booleans())
def test_the_table_of_carried_fields_names_every_field_that_comes_back(record, contacts):
    study = ctgov_study(record, contacts=contacts)
    back = {one.field.path for one in filled_fields(read_ctgov(as_bytes(study), today=TODAY).record) if not one.blank}
    assert back <= {path for path, _ in CARRIED}


def test_the_table_names_fields_of_the_record_once_each():
    paths = [path for path, _ in CARRIED]
    assert len(paths) == len(set(paths))
    assert set(paths) <= {field.path for field in fields()}


def filled(number: str, without: tuple[str, ...]) -> RegistrationRecord:
    """Every field of the table with a value that the registry takes."""
    plain = {"date": "2024-05-06", "day": "2024-05-06", "count": 24, "percent": 50.0, "age": {"value": 18.0}}
    tree: dict[str, Any] = {}
    for field in fields():
        value: Any = {"texts": ["word"], "strings": ["https://example.org"], "string": "x-1", **plain}.get(
            field.kind, "Principal Investigator" if field.path.endswith(".position") else "words"
        )
        if field.kind == "code":
            value = next((one.code for one in code_list(field.list_name).values() if one.ctgov), "")
        value = {"registration.number": number, "design.masked_groups": "Participant"}.get(field.path, value)
        if field.path in without:
            continue
        group, _, rest = field.path.rpartition("[].")
        here = tree.setdefault(group, [{}])[0] if group else tree
        *above, last = (rest or field.path).split(".")
        for step in above:
            here = here.setdefault(step, {})
        here[last] = value
    return RegistrationRecord.model_validate(tree)


def test_every_field_of_the_table_comes_back_from_a_record_that_has_it():
    back: set[str] = set()
    for without in ((), ("recruitment.actual_start", "recruitment.actual_sample_size")):
        study = ctgov_study(filled("NCT01234567", without), contacts=True)
        found = read_ctgov(as_bytes(study), today=TODAY)
        back |= {one.field.path for one in filled_fields(found.record) if not one.blank}
    assert back == {path for path, _ in CARRIED}


def test_without_contacts_no_person_is_named():
    written = json.dumps(ctgov_study(shipped_registration(SEED)))
    contact = shipped_registration(SEED).people.general_inquiries
    for name in PERSONAL:
        value = str(getattr(contact, name))
        assert not value or value not in written
    assert "overallOfficials" not in written
    assert contact.email in json.dumps(ctgov_study(shipped_registration(SEED), contacts=True))
