"""The trial as FHIR R5, judged by `fhir.resources` (the R5 definitions as pydantic models, not ours)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fhir.resources.bundle import Bundle
from typer.testing import CliRunner

from theratrial.cli import app
from theratrial.exchange.fhir import fhir_bundle, fhir_json
from theratrial.protocol.clauses import Decision, DecisionStatus
from theratrial.protocol.reader import shipped_protocol, shipped_protocol_bytes, shipped_protocol_names
from theratrial.protocol.schema import Protocol
from theratrial.registry.reader import shipped_registration

SEED = "IRCT20210612051548N3"


@pytest.fixture(scope="module")
def protocol() -> Protocol:
    return shipped_protocol(SEED)


def resource(bundle: dict[str, Any], kind: str) -> dict[str, Any]:
    [found] = [one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == kind]
    return found


def actions(plan: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    waiting = list(plan["action"])
    while waiting:
        one = waiting.pop()
        assert one["id"] not in found, f"two actions are called {one['id']}"
        found[one["id"]] = one
        waiting += one.get("action", [])
    return found


@pytest.mark.parametrize("name", shipped_protocol_names())
def test_every_shipped_protocol_is_valid_fhir(name: str) -> None:
    Bundle.model_validate(fhir_bundle(shipped_protocol(name)))


def test_the_validator_refuses_what_is_not_fhir(protocol: Protocol) -> None:
    bundle = fhir_bundle(protocol)
    resource(bundle, "PlanDefinition")["action"][0]["relatedAction"] = [{"relationship": "after"}]
    with pytest.raises(ValueError, match="targetId"):
        Bundle.model_validate(bundle)


def test_with_the_registration_record_period_and_sponsor_are_told_but_no_person(protocol: Protocol) -> None:
    record = shipped_registration(SEED)
    bundle = fhir_bundle(protocol, record=record)
    Bundle.model_validate(bundle)
    study = resource(bundle, "ResearchStudy")
    assert study["period"]["start"].startswith("202")
    assert [one["name"] for one in study["associatedParty"]] == ["Boushehr University of Medical Sciences"]
    people = [record.people.registrant, *record.centres, *(one.contact for one in record.sponsors)]
    text = json.dumps(bundle, ensure_ascii=False)
    assert not [one.name.en for one in people if one.name.en and one.name.en in text]


def test_scans_stand_in_the_session_with_the_windows_of_the_protocol(protocol: Protocol) -> None:
    found = actions(resource(fhir_bundle(protocol), "PlanDefinition"))
    inside = {one["id"] for one in found["session"]["action"]}
    assert {"whole-body-24h", "whole-body-48h", "follow-up"} <= inside
    assert found["session"]["timingTiming"]["repeat"]["countMax"] == 3
    [related] = found["whole-body-48h"]["relatedAction"]
    assert (related["targetId"], related["offsetRange"]["low"]["value"], related["offsetRange"]["high"]["value"]) == (
        "administration", 42, 54,
    )  # fmt: skip


def test_every_action_that_another_counts_from_is_there(protocol: Protocol) -> None:
    found = actions(resource(fhir_bundle(protocol), "PlanDefinition"))
    targets = {related["targetId"] for one in found.values() for related in one.get("relatedAction", [])}
    assert targets
    assert targets <= found.keys()


def test_every_criterion_stands_with_its_side_and_its_expression(protocol: Protocol) -> None:
    listed = resource(fhir_bundle(protocol), "Group")["characteristic"]
    assert len(listed) == len(protocol.eligibility)
    for one, clause in zip(listed, protocol.eligibility.values(), strict=True):
        assert clause.reading is not None
        assert one["exclude"] == (clause.reading.kind == "exclusion")
        expression = one["_valueBoolean"]["extension"][0]["valueExpression"]
        assert expression["expression"] == clause.reading.condition
        assert expression["description"] == " ".join(sentence.text for sentence in clause.verbatim)


def test_a_protocol_with_an_open_conflict_is_a_draft(protocol: Protocol) -> None:
    first, *others = protocol.conflicts
    opened = first.model_copy(update={"decision": Decision(status=DecisionStatus.OPEN), "answer": ""})
    draft = protocol.model_copy(update={"conflicts": (opened, *others)})
    assert resource(fhir_bundle(protocol), "ResearchStudy")["status"] == "active"
    assert resource(fhir_bundle(draft), "ResearchStudy")["status"] == "draft"
    assert resource(fhir_bundle(draft), "PlanDefinition")["status"] == "draft"


def test_the_same_protocol_gives_the_same_bytes(protocol: Protocol) -> None:
    assert fhir_json(protocol) == fhir_json(shipped_protocol(SEED))


def test_the_command_writes_once_and_replaces_only_when_told(tmp_path: Any) -> None:
    source, out = tmp_path / "protocol.yaml", tmp_path / "new" / "trial.json"
    source.write_bytes(shipped_protocol_bytes(SEED))
    call = ["export", "fhir", str(source), str(out)]
    assert CliRunner().invoke(app, call).exit_code == 0
    Bundle.model_validate_json(out.read_bytes())
    again = CliRunner().invoke(app, call)
    assert again.exit_code != 0
    assert "--force" in str(again.exception)
    assert CliRunner().invoke(app, [*call, "--force"]).exit_code == 0
    assert [one.name for one in out.parent.iterdir()] == ["trial.json"]
