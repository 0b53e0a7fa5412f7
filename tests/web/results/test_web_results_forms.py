"""Adverse events and lesion readings are filled by the protocol's forms: another protocol, another page, no code."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from django.test import Client

from theratrial.errors import InputError
from theratrial.protocol.reader import shipped_protocol_bytes
from theratrial.simulation.cohort import SEED_PROTOCOL
from theratrial.web.capture.forms import Filling, Place, _changed, definition_of
from theratrial.web.capture.models import Draft, Query, Record
from theratrial.web.ledger.act import act
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import Site, User
from theratrial.web.setup_site import SETUP, trial_set_up
from theratrial.web.trials.models import Trial

ClientOf = Callable[[str], Client]
SAFETY = "/results/participant/P01/safety/"
RESPONSE = "/results/participant/P01/response/"
EVENT = {
    **{"i-term": "Nausea", "i-ctcae_version": "5.0", "i-grade": "2", "i-started_on": "2022-04-01"},
    **{"i-serious": "no", "i-related": "related"},
}
LESION = {
    **{"i-timepoint": "baseline", "i-lesion_id": "own_1", "i-site": "liver", "i-role": "target"},
    **{"i-status": "present", "i-region_name": "own_1"},
}
ACTION = {
    "id": "action_taken",
    "label": "What was done with the treatment",
    "labels": {"fa": "اقدام دربارهٔ درمان"},
    "type": "choice",
    "choices": ["none", "delayed", "stopped"],
    "choice_labels": {
        "en": {"none": "Nothing", "delayed": "Next session delayed", "stopped": "Treatment ended"},
        "fa": {"none": "هیچ", "delayed": "تعویق نوبت بعدی", "stopped": "پایان درمان"},
    },
}


def other_protocol() -> dict[str, Any]:
    """The shipped protocol with one more item, and another code list, in the form of adverse events."""
    content: dict[str, Any] = yaml.safe_load(shipped_protocol_bytes(SEED_PROTOCOL))
    reading = content["forms"]["adverse_event"]["reading"]
    items = reading["items"] = [one for one in reading["items"] if one["id"] != ACTION["id"]]
    related = next(one for one in items if one["id"] == "related")
    related["choices"] = ["related", "not_related"]
    related["choice_labels"] = {
        "en": {"related": "Reasonable possibility", "not_related": "No reasonable possibility"},
        "fa": {"related": "احتمال معقول", "not_related": "بدون احتمال معقول"},
    }
    items.append(ACTION)
    return content


@pytest.fixture
def content() -> dict[str, Any]:
    return other_protocol()


@pytest.fixture
def trial(db: None, content: dict[str, Any]) -> Trial:
    """In the place of the shipped trial: the one with the other protocol."""
    return trial_set_up(yaml.safe_dump(content, allow_unicode=True, sort_keys=False).encode(), simulated=True)


@pytest.fixture
def participant(site: Site, cast: dict[str, User]) -> Participant:
    with act(SETUP, "test.set-up"):
        return Participant.objects.create(code="P01", site=site, screened_on="2022-01-22")


def shown(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


def test_another_protocols_item_and_code_list_are_asked_stored_and_listed(
    participant: Participant, client_of: ClientOf
) -> None:
    client = client_of("oncologist1")
    form = shown(client, f"{SAFETY}event/")
    assert "What was done with the treatment" in form
    assert re.findall(r'<option value="(\w+)"', form.split('id="i-related"')[1].split("</select>")[0]) == [
        "related",
        "not_related",
    ]
    typed = {**EVENT, "i-action_taken": "delayed"}
    assert client.post(f"{SAFETY}event/", {**typed, "i-related": "not_assessed"}).status_code == 422
    assert client.post(f"{SAFETY}event/", {**typed, "i-action_taken": "hoped"}).status_code == 422
    assert client.post(f"{SAFETY}event/", EVENT).status_code == 422, "the item is required"
    assert not Record.objects.filter(table="adverse_events").exists()
    answer = client.post(f"{SAFETY}event/", typed)
    assert (answer.status_code, answer["Location"]) == (302, SAFETY)
    record = Record.objects.get(table="adverse_events")
    assert (record.cells["action_taken"], record.cells["related"], record.form) == (
        "delayed",
        "related",
        "adverse_event",
    )
    listed = shown(client, SAFETY)
    assert "<th>What was done with the treatment</th>" in listed
    assert "Next session delayed" in listed
    assert "Reasonable possibility" in listed


def test_the_other_protocols_words_are_persian_on_the_persian_page(
    participant: Participant, client_of: ClientOf
) -> None:
    client = client_of("oncologist1")
    assert client.post(f"{SAFETY}event/", {**EVENT, "i-action_taken": "stopped"}).status_code == 302
    client.cookies["theratrial_language"] = "fa"
    assert "تعویق نوبت بعدی" in shown(client, f"{SAFETY}event/")
    refused = client.post(f"{SAFETY}event/", {**EVENT, "i-started_on": "2022-04-02"}).content.decode()
    assert "اقدام دربارهٔ درمان خالی است" in refused
    assert "پایان درمان" in shown(client, SAFETY)


def test_the_page_and_the_list_of_forms_store_the_same_row(participant: Participant, client_of: ClientOf) -> None:
    client = client_of("oncologist1")
    typed = {**EVENT, "i-action_taken": "none"}
    assert client.post(f"{SAFETY}event/", typed).status_code == 302
    generic = "/records/participant/P01/form/adverse_event/"
    assert client.post(generic, {**typed, "i-started_on": "2022-04-02"}).status_code == 302
    one, two = Record.objects.filter(table="adverse_events").order_by("sequence")
    assert {**one.cells, "started_on": ""} == {**two.cells, "started_on": ""}
    assert (one.form, one.incomplete) == (two.form, two.incomplete)


def test_a_draft_begun_on_the_page_is_found_there_again(participant: Participant, client_of: ClientOf) -> None:
    client = client_of("oncologist1")
    preview = re.search(r'data-preview="([^"]+)"', shown(client, f"{SAFETY}event/")).group(1)  # type: ignore[union-attr]
    assert client.post(preview, {"i-term": "Half an ev"}).status_code == 200
    assert 'value="Half an ev"' in shown(client, f"{SAFETY}event/")
    assert client.post(f"{SAFETY}event/", {"discard": "1"})["Location"] == SAFETY
    assert not Draft.objects.exists()


def test_a_change_needs_its_reason_and_the_newest_version(participant: Participant, client_of: ClientOf) -> None:
    client = client_of("oncologist1")
    assert client.post(f"{SAFETY}event/", {**EVENT, "i-action_taken": "none"}).status_code == 302
    record = Record.objects.get(table="adverse_events")
    edit, versions = f"{SAFETY}event/{record.pk}/", json.dumps({str(record.pk): record.version})
    changed = {**EVENT, "i-action_taken": "none", "i-grade": "3", "versions": versions}
    assert client.post(edit, changed).status_code == 422
    assert client.post(edit, {**changed, "reason": "source corrected"}).status_code == 302
    late = client.post(edit, {**changed, "i-grade": "1", "reason": "mine"})
    assert late.status_code == 409
    assert "source corrected" in late.content.decode()
    record.refresh_from_db()
    assert record.cells["grade"] == "3"


def test_a_serious_event_brings_the_protocols_words_on_its_notice(
    participant: Participant, client_of: ClientOf
) -> None:
    client = client_of("oncologist1")
    grave = {**EVENT, "i-action_taken": "stopped", "i-grade": "4"}
    assert client.post(f"{SAFETY}event/", grave).status_code == 302
    assert "within 24 hours" not in shown(client, SAFETY)
    assert Query.objects.filter(rule="edit-check:adverse_event:grave_event_serious", state="open").count() == 1
    other = {**grave, "i-serious": "yes", "i-started_on": "2022-04-08"}
    assert client.post(f"{SAFETY}event/", other).status_code == 302
    assert "within 24 hours" in shown(client, SAFETY)


def test_the_page_of_readings_writes_reader_and_time_whatever_is_posted(
    participant: Participant, client_of: ClientOf
) -> None:
    client = client_of("nuclear1")
    page = shown(client, f"{RESPONSE}reading/")
    assert '<option value="lymph_node">' in page
    assert 'id="i-read_at"' not in page
    forged = {**LESION, "i-reader": "nuclear2", "i-read_at": "2001-01-01 10:00"}
    assert client.post(f"{RESPONSE}reading/", forged).status_code == 302
    record = Record.objects.get(table="lesion_readings")
    assert record.cells["reader"] == "nuclear1"
    assert not record.cells["read_at"].startswith("2001")
    again = client.post(f"{RESPONSE}reading/", LESION)
    assert again.status_code == 422
    assert "You have read this lesion at this time point" in again.content.decode()


def test_a_lesion_that_is_present_names_its_region_and_no_other_does(
    participant: Participant, client_of: ClientOf
) -> None:
    client = client_of("nuclear1")
    assert client.post(f"{RESPONSE}reading/", {**LESION, "i-region_name": ""}).status_code == 422
    gone = {**LESION, "i-timepoint": "response", "i-status": "resolved"}
    assert client.post(f"{RESPONSE}reading/", gone).status_code == 302
    assert "region_name" not in Record.objects.get(table="lesion_readings").cells


def test_a_reading_is_not_changed_by_another_reader_through_the_list_of_forms_either(
    participant: Participant, client_of: ClientOf
) -> None:
    assert client_of("nuclear1").post(f"{RESPONSE}reading/", LESION).status_code == 302
    with act(SETUP, "test.set-up", reason="as if it had come with a folder: hidden from nobody"):
        record = Record.objects.get(table="lesion_readings")
        record.source = "import"
        record.save()
    address = f"/records/participant/P01/form/lesion_reading/{record.group}/"
    change = {
        **{**LESION, "i-status": "not_assessable", "i-reader": "nuclear1", "i-read_at": "2022-08-01 10:00"},
        **{"versions": json.dumps({str(record.pk): record.version}), "reason": "I see it otherwise"},
    }
    refused = client_of("nuclear2").post(address, change)
    assert refused.status_code == 422
    assert "changed by nobody else" in refused.content.decode()
    record.refresh_from_db()
    assert record.cells["status"] == "present"


@pytest.mark.parametrize(("who", "allowed"), [("nuclear2", False), ("nuclear1", True), ("investigator1", True)])
def test_a_visible_reading_is_taken_out_by_its_reader_or_by_who_may_take_out_readings_of_others(
    participant: Participant, client_of: ClientOf, who: str, allowed: bool
) -> None:
    assert client_of("nuclear1").post(f"{RESPONSE}reading/", LESION).status_code == 302
    with act(SETUP, "test.set-up", reason="as if it had come with a folder: hidden from nobody"):
        record = Record.objects.get(table="lesion_readings")
        record.source = "import"
        record.save()
    record.refresh_from_db()
    client, fields = client_of(who), {"versions": json.dumps({str(record.pk): record.version})}
    offered = "Mark as entered in error" in shown(client, f"/records/participant/P01/entry/{record.group}/")
    assert offered is allowed
    address = f"/records/entry/{record.group}/in-error/"
    assert client.post(address, fields).status_code in (302, 403)
    assert not Record.objects.get(pk=record.pk).entered_in_error, "nobody does it without a reason"
    answer = client.post(address, {**fields, "reason": "wrong patient on the screen"})
    assert answer.status_code == (302 if allowed else 403)
    assert Record.objects.get(pk=record.pk).entered_in_error is allowed


def test_a_line_of_a_reading_does_not_go_by_being_left_out_of_another_readers_change(
    participant: Participant, client_of: ClientOf
) -> None:
    nuclear2 = User.objects.get(username="nuclear2")
    assert client_of("nuclear1").post(f"{RESPONSE}reading/", LESION).status_code == 302
    record = Record.objects.get(table="lesion_readings")
    place = Place("lesion_reading", participant, participant.site)
    definition = definition_of("lesion_reading", record)
    with pytest.raises(InputError, match="changed by nobody else"):
        _changed(
            nuclear2, place, definition, Filling(record.group, (record,)), (), {str(record.pk): record.version}, "x",
            False,
        )  # fmt: skip


def test_an_incomplete_line_of_a_reading_is_not_signed(participant: Participant, client_of: ClientOf) -> None:
    client = client_of("nuclear1")
    half = {**LESION, "i-region_name": "", "incomplete": "on"}
    assert client.post(f"{RESPONSE}reading/", half).status_code == 302
    page = shown(client, RESPONSE)
    assert ">incomplete<" in page
    fields = dict(re.findall(r'name="(kind|key|digest|meaning)" value="([^"]*)"', page))
    given = {**fields, "sign_username": "nuclear1", "sign_password": "a-password-for-trying-out"}
    refused = client.post(f"{RESPONSE}sign/", given)
    assert refused.status_code == 422
    assert "incomplete; complete it before you sign" in refused.content.decode()


class TestAProtocolWithoutTheForms:
    """Nothing is asked that no protocol asks."""

    @pytest.fixture
    def content(self) -> dict[str, Any]:
        found = other_protocol()
        del found["forms"]["adverse_event"]
        found["edit_checks"] = [one for one in found["edit_checks"] if one["form"] != "adverse_event"]
        for visit in found["schedule"].values():
            planned = visit.get("reading", {}).get("procedures", [])
            visit.get("reading", {})["procedures"] = [one for one in planned if one != "adverse_event"]
        for conflict in found["conflicts"]:
            conflict["affects"] = [one for one in conflict["affects"] if one != "forms.adverse_event"]
        found["conflicts"] = [one for one in found["conflicts"] if one["affects"]]
        return found

    def test_the_page_says_so_and_offers_nothing(self, participant: Participant, client_of: ClientOf) -> None:
        client = client_of("oncologist1")
        page = shown(client, SAFETY)
        assert "The protocol has no form for adverse events." in page
        assert f"{SAFETY}event/" not in page
        assert client.get(f"{SAFETY}event/").status_code == 404
