"""Readers of the CT who differ are adjudicated as readers of the PET are, and nobody's category is another's."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from tests.web.results.test_web_blinding import read_and_signed, row_made, signed_by

from theratrial.pipeline.participant_response import measurement_adjudication, standing_adjudication
from theratrial.trialfolder import read_folder
from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import live_records
from theratrial.web.exports.folder import folder_written
from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import Signature
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import User
from theratrial.web.results.blinding import hidden_records
from theratrial.web.results.models import Computation
from theratrial.web.results.reading import readings_of
from theratrial.web.setup_site import SETUP

ClientOf = Callable[[str], Client]
PASSWORD = "a-password-for-trying-out"
ADDRESS = "/results/participant/P01/response/"
CT = "tumour_measurements"


def adjudicated(client: Client, chosen: str, reason: str = "the node is short", of: str = CT) -> int:
    """The answer to the adjudicator's signature under the form that the page offers."""
    page = client.get(ADDRESS).content.decode()
    start = f"{ADDRESS}adjudicate/?chosen={chosen}" + (f"&amp;of={of}" if of == CT else '"')
    for action, body in re.findall(r'<form method="post" action="([^"]+"?)(.*?)</form>', page, re.DOTALL):
        if action.startswith(start):
            fields = dict(re.findall(r'name="(kind|key|digest|meaning)" value="([^"]*)"', body))
            given = {**fields, "sign_username": "adjudicator1", "sign_password": PASSWORD, "reason": reason}
            return client.post(action.replace("&amp;", "&").rstrip('"'), given).status_code
    raise AssertionError(f"no form for {start}")


@pytest.fixture
def measured(demonstration: Any) -> tuple[Record, Record]:
    """One lesion measured by two readers, 20 mm and 12 mm; the imported measurements are taken out."""
    with act(SETUP, "test.set-up"):
        for one in Record.objects.filter(table=CT, participant__code="P01"):
            one.entered_in_error = True
            one.save()
    return row_made(CT, "nuclear1", "L", length_mm="20"), row_made(CT, "nuclear2", "L", length_mm="12")


def test_readers_of_the_ct_are_adjudicated_once_both_have_signed_and_the_line_reaches_the_folder(
    client_of: ClientOf, measured: tuple[Record, Record], tmp_path: Path
) -> None:
    third = client_of("adjudicator1")
    page = third.get(ADDRESS).content.decode()
    assert "the readers of CT or MRI differ" in page
    beside = re.search(r"<details open>(?:(?!</details>).)*20 mm(?:(?!</details>).)*", page, re.DOTALL)
    assert beside is not None, "who decides sees the lengths beside each other"
    assert re.findall(r"<bdi>([^<]* mm)</bdi>", beside[0]) == ["20 mm", "12 mm"]
    assert adjudicated(third, "nuclear2") == 422, "nobody has signed"
    for name in ("nuclear1", "nuclear2"):
        assert signed_by(client_of(name), name) == 302
    assert adjudicated(third, "nuclear2", reason="") == 422
    # What was typed comes back with the refusal, in the form that was sent and in no other.
    refused = third.post(f"{ADDRESS}adjudicate/?chosen=nuclear2&of={CT}", {"reason": "the node is short"})
    assert (refused.status_code, refused.content.decode().count(">the node is short</textarea>")) == (422, 1)
    assert adjudicated(third, "nuclear2") == 302
    readings = readings_of(Participant.objects.get(code="P01"))
    assert (readings.measurements.chosen, readings.chosen) == ("nuclear2", "")
    assert "adjudicated: the reading of nuclear2 stands" in third.get(ADDRESS).content.decode()
    folder_written(tmp_path / "stands", live_records(), ())
    written = read_folder(tmp_path / "stands")
    line, why = measurement_adjudication(written, "P01")
    assert line is not None, why
    assert (line["chosen_reader"], line["adjudicator"], line["of_table"]) == ("nuclear2", "adjudicator1", CT)
    # It says nothing of the PET.
    assert standing_adjudication(written, "P01") == (None, "")
    signature = Signature.objects.get(kind="measurement_adjudication")
    assert {one["length_mm"] for lines in signature.content["readings"].values() for one in lines} == {"20", "12"}


def test_a_length_that_is_changed_afterwards_takes_the_adjudication_back(
    client_of: ClientOf, measured: tuple[Record, Record], tmp_path: Path
) -> None:
    for name in ("nuclear1", "nuclear2"):
        assert signed_by(client_of(name), name) == 302
    assert adjudicated(client_of("adjudicator1"), "nuclear1") == 302
    with act(SETUP, "test.change", reason="measured again"):
        measured[0].cells = {**measured[0].cells, "length_mm": "19"}
        measured[0].version += 1
        measured[0].save()
    assert readings_of(Participant.objects.get(code="P01")).measurements.chosen == ""
    folder_written(tmp_path / "void", live_records(), ())
    assert read_folder(tmp_path / "void").rows("adjudications", participant_id="P01") == ()


def test_what_is_not_adjudicated_is_refused(client_of: ClientOf, measured: tuple[Record, Record]) -> None:
    third = client_of("adjudicator1")
    assert third.post(f"{ADDRESS}adjudicate/?chosen=nuclear1&of=lesion_classes", {}).status_code == 404
    # Who measured nothing has no measurement that could stand.
    assert third.post(f"{ADDRESS}adjudicate/?chosen=oncologist1&of={CT}", {"reason": "x"}).status_code == 422
    assert client_of("nuclear1").post(f"{ADDRESS}adjudicate/?chosen=nuclear1&of={CT}", {}).status_code == 403


def test_a_signature_from_before_the_longest_dimension_could_be_written_still_stands(
    client_of: ClientOf, demonstration: Any
) -> None:
    client = client_of("nuclear1")
    read_and_signed(client, "baseline")
    own = readings_of(Participant.objects.get(code="P01")).of("nuclear1")
    assert own is not None
    assert own.signed
    # What was signed then holds no such cell, and neither does what is compared with it.
    assert all("longest_mm" not in line for line in own.content["lesions"])
    with act(SETUP, "test.change", reason="measured"):
        record = own.records[0]
        record.cells = {**record.cells, "longest_mm": "22"}
        record.version += 1
        record.save()
    again = readings_of(Participant.objects.get(code="P01")).of("nuclear1")
    assert again is not None
    assert not again.signed, "a length that is written later is a change of the reading"


def test_who_typed_a_measurement_is_shown_no_category_that_rests_on_a_pet_that_another_signed_alone(
    client_of: ClientOf, computed_site: Computation
) -> None:
    """The PET is another's, so its category stays hidden from who measured the CT alone, signed or not."""
    with act(SETUP, "test.set-up"):
        Record.objects.filter(table="lesion_readings", participant__code="P01").update(entered_in_error=True)
    pet = client_of("nuclear1")
    read_and_signed(pet, "baseline")
    read_and_signed(pet, "response")
    typed = row_made(CT, "nuclear2", "L", length_mm="20")
    ct, one = client_of("nuclear2"), Participant.objects.get(code="P01")

    def page(client: Client) -> str:
        return client.get(ADDRESS).content.decode()

    for signed in (False, True):
        if signed:
            assert signed_by(ct, "nuclear2") == 302
        hidden = hidden_records(User.objects.get(username="nuclear2"), one)
        assert hidden.participants == {"P01"}
        assert typed.pk not in hidden.records
        assert "Criteria side by side" not in page(ct)
        assert "readings by others are hidden" in page(ct) or "reading by somebody else is hidden" in page(ct)
    # Nor does who signed the PET alone see the diameters, or what was computed from them, before her own.
    assert hidden_records(User.objects.get(username="nuclear1"), one).records == {typed.pk}
    assert "Criteria side by side" not in page(pet)
    # Who reads nothing sees it: the test would otherwise pass on a page that shows nobody anything.
    assert "Criteria side by side" in page(client_of("monitor1"))
