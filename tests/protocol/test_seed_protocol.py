"""The shipped protocol says what the registration record says, word by word, and fits the record tables."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from pydantic import BaseModel

from theratrial.protocol.clauses import Sentence
from theratrial.protocol.documents import parse_document
from theratrial.protocol.expressions import Truth, condition
from theratrial.protocol.findings import clauses
from theratrial.protocol.reader import protocol_hash, shipped_protocol, shipped_protocol_bytes
from theratrial.protocol.vocabulary import SELECTION_FACTS
from theratrial.trialfolder.tables import TABLES, table

ROOT = Path(__file__).resolve().parents[2]


def sentences(value, path=""):
    if isinstance(value, Sentence):
        yield path, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from sentences(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from sentences(entry, f"{path}.{key}")
    elif isinstance(value, tuple):
        for index, entry in enumerate(value):
            yield from sentences(entry, f"{path}[{index}]")


def test_every_quoted_sentence_stands_in_the_registration_record_exactly(seed, shared):
    record = (shared / "seed" / "IRCT20210612051548N3.txt").read_text(encoding="utf-8")
    found = list(sentences(seed))
    assert len(found) > 80
    assert [path for path, sentence in found if sentence.text not in record] == []


# The sentences of the record that rule the conduct of the trial; each must be quoted by a clause.
CONDUCT = [
    "Age ≥18 years",
    "Patients with confirmed HER2-positive breast cancer using ⁶⁸Ga-Trastuzumab PET/CT",
    "Eastern Cooperative Oncology Group Performance Status (ECOG) ≤ 2",
    "Absolute neutrophil count ≥ 1000 cells/mm³",
    "Platelet count ≥ 100,000/mm³",
    "Hemoglobin ≥ 9 g/dL",
    "Signed informed consent form",
    "Pregnant woman",
    "Inability to provide written informed consent.",
    "Patients with known sensitivity or contraindication to Herceptin.",
    "uncontrolled bacterial, viral, or fungal infection(s) requiring systemic therapy.",
    "psychiatric illness/social situations that would interfere",
    "Female",
    "Target sample size: **15**",
    "Malignant breast cancer",
    "whole-body scan is performed at 24 hours, and 48 hours after injection",
    "if there was not any toxicity, the next treatment session will be performed",
    "visited by oncologists and nuclear medicine physicians",
    "4-6 weeks after last treatment session",
    "Image-based response using ⁶⁸Ga-Trastuzumab PET/CT",
    "Numbe of treated breast cancer patients",
    "partial, stable (not-progressed), or complete response to therapy.",
    "IR.BPUMS.REC.1400.053",
    "2021-06-27, 1400/04/06",
    "Undecided - It is not yet known if there will be a plan to make this available",
    "We are going to use a single group of patients",
]


@pytest.mark.parametrize("text", CONDUCT)
def test_every_criterion_visit_and_outcome_of_the_record_has_its_clause(text, seed, shared):
    assert text in (shared / "seed" / "IRCT20210612051548N3.txt").read_text(encoding="utf-8")
    assert [path for path, clause in clauses(seed) if any(text in one.text for one in clause.verbatim)]


# Contradictions and silences that the issue and the reading of the record name.
EXPECTED_CONFLICTS = {
    "activity_and_antibody_mass", "number_of_sessions", "meaning_of_toxicity", "response_rule",
    "assessment_before_visit", "number_or_proportion", "pet_ct_of_lutetium", "one_scan_or_two",
    "scan_times_for_an_antibody", "missing_response", "planar_scan_and_organ_dose", "her2_selection_rule",
    "gallium_and_antibody_kinetics", "metastatic_or_not", "resistant_or_relapsed", "psychiatric_exclusion",
    "cold_trastuzumab", "heart_function", "pregnancy", "women_only", "dose_limiting_toxicity", "stopping_rule",
    "serious_event_clock", "discharge_rule", "intercurrent_events", "sample_size_reason",
}  # fmt: skip


def test_the_conflicts_of_the_record_are_named(seed):
    assert {conflict.id for conflict in seed.conflicts} >= EXPECTED_CONFLICTS
    assert all(conflict.sentences for conflict in seed.conflicts)


def test_the_limits_of_the_record_are_kept_in_core_units(seed):
    # 1000 cells/mm3 = 1.0e9/L, 100,000/mm3 = 100e9/L, 9 g/dL = 90 g/L: 1 mm3 = 1e-6 L, 1 dL = 0.1 L.
    types = {variable.id: variable.type for variable in seed.variables}
    borders = {
        "neutrophils": ("neutrophils_e9_per_L", 1000 / 1e-6 / 1e9),
        "haemoglobin": ("haemoglobin_g_per_L", 9 / 0.1),
    }
    borders["platelets"] = ("platelets_e9_per_L", 100_000 / 1e-6 / 1e9)
    for key, (name, border) in borders.items():
        read = condition(seed.eligibility[key].reading.condition, types)
        assert read.evaluate({name: border}).truth is Truth.MET
        assert read.evaluate({name: border * 0.999}).truth is Truth.NOT_MET
        assert read.evaluate({}).truth is Truth.NOT_KNOWN


def test_every_column_of_a_record_table_has_its_item_or_is_filled_by_itself(seed):
    by_itself = {"participant_id"}
    kept = {}
    for clause in seed.forms.values():
        form = clause.reading
        kept.setdefault(form.table, set()).update(item.column or item.id for item in form.items)
        kept[form.table].update(name for item in form.items for name in item.where)
    unkept = {
        (one.name, column.name)
        for one in TABLES
        if one.name in kept
        for column in one.columns
        if column.required and column.name not in kept[one.name] | by_itself
    }
    assert unkept == {("laboratory", "unit")}  # the unit of the item itself
    # Written by acts of their own: the schedule, the signed adjudication, the settling of quarantine.
    assert {one.name for one in TABLES} - set(kept) == {"visits", "adjudications", "image_assignments"}


def test_the_facts_of_a_selection_read_are_columns_of_its_table():
    types = {"choice": "text", "text": "text", "integer": "integer"}
    for fact in SELECTION_FACTS:
        assert types[table("selection_reads").column(fact.name).type] == fact.type


def test_the_protocols_name_no_person_and_no_way_to_reach_one(seed_text):
    for mark in ("@", "http", "+98", "Phone", "Dr ", "Dr.", "Prof"):
        assert mark not in seed_text


def test_the_json_schema_in_docs_is_current_and_accepts_the_shipped_protocol(seed_text):
    script = ROOT / "scripts" / "protocol_schema.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    schema = json.loads((ROOT / "docs" / "protocol.schema.json").read_text(encoding="utf-8"))
    value = parse_document(shipped_protocol_bytes("IRCT20210612051548N3"), "p").value
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(value)
    value["sessions"]["reading"]["maximum_sessions"] = "three"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate(value)


def test_every_column_that_the_safety_gate_reads_is_asked_for(seed):
    asked = {item.id for item in seed.forms["examination"].reading.items}
    assert asked == {column.name for column in table("examinations").columns} - {"participant_id"}
    asked = {item.id for item in seed.forms["adverse_event"].reading.items if not item.calculated}
    assert asked == {column.name for column in table("adverse_events").columns} - {"participant_id"}
    tests = {item.where.get("test") for item in seed.forms["laboratory"].reading.items} - {None}
    assert tests >= {limit.test for limit in seed.safety_gate.reading.laboratory}


def test_whatever_has_a_title_for_people_has_it_in_every_language_of_the_trial() -> None:
    protocol = shipped_protocol("IRCT20210612051548N3")
    assert protocol.identity.reading is not None
    groups = (protocol.schedule, protocol.imaging, protocol.forms, protocol.eligibility)
    named = {key: clause.reading for group in groups for key, clause in group.items() if clause.reading is not None}
    named |= {conflict.id: conflict for conflict in protocol.conflicts}
    for language in set(protocol.identity.reading.languages) - {"en"}:
        assert [key for key, one in named.items() if language not in one.titles] == []
        assert [one.id for one in protocol.conflicts if language not in one.questions] == []


def test_a_protocol_without_the_further_clauses_has_the_hash_it_had() -> None:
    protocol = shipped_protocol("IRCT20210612051548N3")
    names = ("further_criteria", "toxicity", "stopping", "serious_events", "radiation_protection", "analysis")
    bare = protocol.model_copy(update=dict.fromkeys(names))
    content = {name: value for name, value in bare.model_dump(mode="json").items() if name not in names}
    for name in ("terms", "with_images", "dates"):
        del content["sharing"]["reading"][name]
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert protocol_hash(bare) == "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    for name in names:
        assert protocol_hash(protocol.model_copy(update={name: None})) != protocol_hash(protocol)


def test_what_was_added_later_enters_the_hash_only_where_it_is_not_the_default() -> None:
    protocol = shipped_protocol("IRCT20210612051548N3")
    assert protocol.further_criteria is not None
    assert protocol.toxicity is not None
    criteria, toxicity = protocol.further_criteria.reading, protocol.toxicity.reading
    assert criteria is not None
    assert criteria.recist_1_1 is not None
    assert toxicity is not None
    before = criteria.recist_1_1
    # The fields of the plan before the five of `others` could be written.
    old = ("partial_stays", "confirmation_days", "stable_days", "not_evaluable_between", "stable_between")

    def changed(**fields: object) -> str:
        plan = criteria.model_copy(update={"recist_1_1": before.model_copy(update=fields)})
        clause = protocol.further_criteria.model_copy(update={"reading": plan})  # type: ignore[union-attr]
        return protocol_hash(protocol.model_copy(update={"further_criteria": clause}))

    others: dict[str, object] = {
        "reappeared_progresses": False,
        "normal_nodes_progress": True,
        "doubtful_dated": "confirmed",
        "partial_after_complete": True,
        "early_complete_progresses": True,
    }
    assert {*others, *old, "too_small_mm"} == set(type(before).model_fields)
    assert len({protocol_hash(protocol), *(changed(**{name: value}) for name, value in others.items())}) == 6

    longer = protocol.toxicity.model_copy(update={"reading": toxicity.model_copy(update={"longest_gap_days": 15.0})})
    assert protocol_hash(protocol.model_copy(update={"toxicity": longer})) != protocol_hash(protocol)
    content = protocol.model_dump(mode="json")
    del (
        content["further_criteria"]["reading"]["eortc_1999"]["uptake_by"],
        content["toxicity"]["reading"]["longest_gap_days"],
    )
    for name in others:
        del content["further_criteria"]["reading"]["recist_1_1"][name]
    for name in ("percist_1_0", "eortc_1999"):
        del content["further_criteria"]["reading"][name]["volume_threshold"]
    del content["serious_events"]["reading"]["expedited"]
    for name in ("terms", "with_images", "dates"):
        del content["sharing"]["reading"][name]
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert protocol_hash(protocol) == "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def test_a_protocol_without_words_in_further_languages_has_the_hash_it_had() -> None:
    protocol = shipped_protocol("IRCT20210612051548N3")
    first = protocol.conflicts[0]
    plain = first.model_copy(update={"titles": {}, "questions": {}})
    before = protocol.model_copy(update={"conflicts": (plain,)})
    content = before.model_dump(mode="json")
    for conflict in content["conflicts"]:
        del conflict["titles"], conflict["questions"]
    del content["further_criteria"]["reading"]["eortc_1999"]["uptake_by"]
    for name in ("percist_1_0", "eortc_1999"):
        del content["further_criteria"]["reading"][name]["volume_threshold"]
    del content["serious_events"]["reading"]["expedited"]
    for name in ("terms", "with_images", "dates"):
        del content["sharing"]["reading"][name]
    del content["toxicity"]["reading"]["longest_gap_days"]
    plan = content["further_criteria"]["reading"]["recist_1_1"]
    for name in ("reappeared_progresses", "normal_nodes_progress", "doubtful_dated"):
        del plan[name]
    del plan["partial_after_complete"], plan["early_complete_progresses"]
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert protocol_hash(before) == "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    assert protocol_hash(before) != protocol_hash(protocol.model_copy(update={"conflicts": (first,)}))
