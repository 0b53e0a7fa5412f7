"""Entering and correcting forms: nothing is lost, nothing is overwritten, every change has a reason."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from theratrial.web.capture.models import Draft, Query, Record
from theratrial.web.capture.services import record_change
from theratrial.web.ledger.act import act
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import Site, User
from theratrial.web.setup_site import SETUP

ClientOf = Callable[[str], Client]
LABORATORY = {
    "i-collected_at": "1401/01/11 09:30",
    "i-neutrophils_e9_per_L": "1200",
    "u-neutrophils_e9_per_L": "cells/mm3",
    "i-platelets_e9_per_L": "۲۰۱",
    "i-haemoglobin_g_per_L": "118",
    "i-white_cells_e9_per_L": "4.2",
}


@pytest.fixture
def participant(site: Site, cast: dict[str, User]) -> Participant:
    with act(SETUP, "test.set-up"):
        return Participant.objects.create(code="P01", site=site, screened_on="2022-01-22")


def address(form: str, name: str = "form-new", **more: Any) -> str:
    return reverse(f"capture:{name}", kwargs={"code": "P01", "form": form, **more})


def saved_laboratory(client: Client) -> Record:
    answer = client.post(address("laboratory"), LABORATORY)
    assert answer.status_code == 302, answer.content.decode()[:3000]
    return Record.objects.get(table="laboratory", cells__test="platelets")


def value_on(page: str, item: str) -> str:
    field = re.search(rf'<input[^>]*id="i-{item}"[^>]*>', page)
    assert field is not None
    value = re.search(r'value="([^"]*)"', field.group(0))
    assert value is not None
    return value.group(1)


def versions_on(page: str) -> str:
    found = re.search(r'name="versions" value="([^"]*)"', page)
    assert found is not None
    return found.group(1).replace("&quot;", '"')


def test_a_form_is_kept_as_rows_that_the_trial_folder_reads(participant: Participant, client_of: ClientOf) -> None:
    saved_laboratory(client_of("coordinator1"))
    rows = {record.cells["test"]: record for record in Record.objects.filter(table="laboratory")}
    assert set(rows) == {"neutrophils", "platelets", "haemoglobin", "white_cells"}
    assert rows["neutrophils"].cells["value"] == "1200"
    assert rows["neutrophils"].cells["unit"] == "cells/mm3"
    assert rows["platelets"].cells["value"] == "201"
    assert rows["platelets"].cells["collected_at"] == "2022-03-31T09:30:00+04:30"
    assert rows["platelets"].entered["collected_at"] == {"text": "1401/01/11 09:30", "calendar": "jalali", "unit": ""}
    assert len({record.group for record in rows.values()}) == 1


def test_an_ambiguous_date_is_refused_and_what_was_typed_stays(participant: Participant, client_of: ClientOf) -> None:
    answer = client_of("coordinator1").post(address("laboratory"), {**LABORATORY, "i-collected_at": "03/05/2022 09:30"})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "2022-03-05" in page
    assert 'value="118"' in page
    assert not Record.objects.exists()


def test_a_form_with_required_items_missing_is_saved_only_when_said_so(
    participant: Participant, client_of: ClientOf
) -> None:
    client, half = client_of("coordinator1"), {k: v for k, v in LABORATORY.items() if "haemoglobin" not in k}
    answer = client.post(address("laboratory"), half)
    assert answer.status_code == 422
    assert not Record.objects.exists()
    assert client.post(address("laboratory"), {**half, "incomplete": "on"}).status_code == 302
    assert all(record.incomplete for record in Record.objects.filter(table="laboratory"))


def test_a_row_that_is_there_already_is_refused_until_it_is_in_error(
    participant: Participant, client_of: ClientOf
) -> None:
    """Keys of stored rows are kept by their text; what was taken back or changed is no longer taken."""
    client = client_of("coordinator1")
    first = saved_laboratory(client)
    before = Record.objects.count()
    answer = client.post(address("laboratory"), LABORATORY)
    assert answer.status_code == 422
    assert Record.objects.count() == before
    # In the words of the form, not in those of the table.
    told = re.sub("[\u2068\u2069]", "", answer.content.decode())
    assert "Entered already: Absolute neutrophil count · Sample taken 2022-03-31 · 1401/01/11 09:30 Asia/" in told
    assert "line with this key" not in told
    group = list(Record.objects.filter(group=first.group))
    versions = json.dumps({str(one.pk): one.version for one in group})
    client.post(
        reverse("capture:in-error", args=[first.group]), {"versions": versions, "reason": "of another participant"}
    )
    assert client.post(address("laboratory"), LABORATORY).status_code == 302
    assert Record.objects.filter(entered_in_error=False, table="laboratory").count() == len(group)


def test_saving_costs_the_same_queries_after_3_and_after_30_forms(
    participant: Participant, client_of: ClientOf, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    client = client_of("coordinator1")
    for number in range(31):
        typed = {**LABORATORY, "i-collected_at": f"2022-03-05 {number // 2:02d}:{30 * (number % 2):02d}"}
        if number in (3, 30):
            with django_assert_max_num_queries(28):
                assert client.post(address("laboratory"), typed).status_code == 302
        else:
            assert client.post(address("laboratory"), typed).status_code == 302


def test_A2_a_change_without_reason_is_refused_and_one_with_reason_keeps_the_old_value(
    participant: Participant, client_of: ClientOf
) -> None:
    client = client_of("coordinator1")
    record = saved_laboratory(client)
    edit = address("laboratory", "form-edit", group=record.group)
    versions = versions_on(client.get(edit).content.decode())
    changed = {**LABORATORY, "i-platelets_e9_per_L": "102", "versions": versions}
    assert client.post(edit, changed).status_code == 422
    record.refresh_from_db()
    assert record.cells["value"] == "201"
    assert client.post(edit, {**changed, "reason": "Typing error"}).status_code == 302
    record.refresh_from_db()
    assert (record.cells["value"], record.version) == ("102", 2)
    others = Record.objects.filter(table="laboratory").exclude(pk=record.pk)
    assert {one.version for one in others} == {1}, "rows that did not change are not touched"


def test_A2_who_comes_second_does_not_take_back_what_she_did_not_touch(
    participant: Participant, client_of: ClientOf
) -> None:
    client = client_of("coordinator1")
    record = saved_laboratory(client)
    edit = address("laboratory", "form-edit", group=record.group)
    page = client.get(edit).content.decode()
    versions = versions_on(page)
    opened = {**LABORATORY, "i-collected_at": value_on(page, "collected_at"), "i-platelets_e9_per_L": "201"}
    first = {**opened, "i-platelets_e9_per_L": "45", "versions": versions, "reason": "Other tube"}
    assert client.post(edit, first).status_code == 302
    mine = {**opened, "i-haemoglobin_g_per_L": "120", "i-platelets_e9_per_L": "201", "versions": versions}
    answer = client.post(edit, {**mine, "reason": "Hb typed wrongly"})
    assert answer.status_code == 409
    shown = answer.content.decode()
    assert value_on(shown, "platelets_e9_per_L") == "45", "she did not touch it"
    assert value_on(shown, "haemoglobin_g_per_L") == "120"
    sent = {**mine, "i-platelets_e9_per_L": "45", "versions": versions_on(shown), "reason": "Hb typed wrongly"}
    assert client.post(edit, sent).status_code == 302
    record.refresh_from_db()
    assert record.cells["value"] == "45"
    assert Record.objects.get(table="laboratory", cells__test="haemoglobin").cells["value"] == "120"


@pytest.mark.parametrize(("typed", "kept"), [("201", "45"), ("46", "46")])
def test_A2_a_row_changed_by_both_shows_what_stood_what_stands_and_what_was_typed(
    participant: Participant, client_of: ClientOf, typed: str, kept: str
) -> None:
    client = client_of("coordinator1")
    record = saved_laboratory(client)
    edit = address("laboratory", "form-edit", group=record.group)
    page = client.get(edit).content.decode()
    opened = {**LABORATORY, "i-collected_at": value_on(page, "collected_at"), "i-platelets_e9_per_L": "201"}
    opened["versions"] = versions_on(page)
    assert client.post(edit, {**opened, "i-platelets_e9_per_L": "45", "reason": "Other tube"}).status_code == 302
    # The lower limit stands in the same row as the platelets.
    mine = {**opened, "i-platelets_lower_e9_per_L": "150", "i-platelets_e9_per_L": typed, "reason": "Limit"}
    answer = client.post(edit, mine)
    assert answer.status_code == 409
    shown = answer.content.decode()
    assert value_on(shown, "platelets_e9_per_L") == kept
    table = shown.partition("Changed to meanwhile")[2].partition("</table>")[0]
    assert "201" in table
    assert "45" in table
    assert ("yours" in table) is (typed == "46")
    assert "form.save" not in shown.partition("<form")[0], "the first entry lies before what she opened"
    again = {**mine, "i-platelets_e9_per_L": kept, "versions": versions_on(shown)}
    assert client.post(edit, again).status_code == 302
    record.refresh_from_db()
    assert (record.cells["value"], record.cells["lower_limit"]) == (kept, "150")


def test_A2_a_draft_from_before_somebody_elses_change_does_not_bring_the_old_value_back(
    participant: Participant, client_of: ClientOf
) -> None:
    client = client_of("coordinator1")
    record = saved_laboratory(client)
    edit = address("laboratory", "form-edit", group=record.group)
    page = client.get(edit).content.decode()
    opened = {**LABORATORY, "i-collected_at": value_on(page, "collected_at"), "i-platelets_e9_per_L": "201"}
    opened["versions"] = versions_on(page)
    typed = {**opened, "i-haemoglobin_g_per_L": "120"}
    assert client.post(address("laboratory", "preview-stored", group=record.group), typed).status_code == 200
    with act(SETUP, "test.other", reason="as another person"):
        record_change(
            User.objects.get(username="coordinator1"), record, {**record.cells, "value": "45"}, seen_version=1,
            reason="Other tube",
        )  # fmt: skip
    again = client.get(edit).content.decode()
    assert value_on(again, "haemoglobin_g_per_L") == "120", "what she typed is kept"
    assert value_on(again, "platelets_e9_per_L") == "45", "what she did not touch is the newest"
    assert "Changed to meanwhile" in again


def test_A2_blanking_a_result_needs_a_reason_and_keeps_the_row(participant: Participant, client_of: ClientOf) -> None:
    client = client_of("coordinator1")
    record = saved_laboratory(client)
    edit = address("laboratory", "form-edit", group=record.group)
    blank = {**LABORATORY, "i-platelets_e9_per_L": "", "versions": versions_on(client.get(edit).content.decode())}
    assert client.post(edit, {**blank, "incomplete": "on"}).status_code == 422
    assert client.post(edit, {**blank, "incomplete": "on", "reason": "Wrong sample"}).status_code == 302
    record.refresh_from_db()
    assert record.entered_in_error
    assert record.cells["value"] == "201"


def test_two_people_editing_one_form_the_second_is_told_and_nothing_is_overwritten(
    participant: Participant, client_of: ClientOf
) -> None:
    first, second = client_of("coordinator1"), client_of("coordinator1")
    record = saved_laboratory(first)
    edit = address("laboratory", "form-edit", group=record.group)
    seen = versions_on(second.get(edit).content.decode())
    mine = {**LABORATORY, "i-platelets_e9_per_L": "102", "reason": "Typing error", "versions": seen}
    assert first.post(edit, mine).status_code == 302
    answer = second.post(edit, {**mine, "i-platelets_e9_per_L": "210", "reason": "Source corrected"})
    assert answer.status_code == 409
    assert 'value="210"' in answer.content.decode(), "what the second typed stays on the page"
    record.refresh_from_db()
    assert record.cells["value"] == "102"


def test_a_draft_is_kept_while_typing_is_no_data_and_is_gone_once_saved(
    participant: Participant, client_of: ClientOf
) -> None:
    client = client_of("coordinator1")
    answer = client.post(address("laboratory", "preview"), {"i-platelets_e9_per_L": "201"})
    assert answer.status_code == 200
    assert Draft.objects.count() == 1
    assert not Record.objects.exists()
    assert 'value="201"' in client.get(address("laboratory")).content.decode()
    saved_laboratory(client)
    assert not Draft.objects.exists()


def test_another_persons_draft_is_not_shown(participant: Participant, client_of: ClientOf) -> None:
    client_of("coordinator1").post(address("adverse_event", "preview"), {"i-term": "Nausea of the first"})
    assert "Nausea of the first" not in client_of("nuclear1").get(address("adverse_event")).content.decode()


def test_D6_preview_and_saving_say_the_same(participant: Participant, client_of: ClientOf) -> None:
    client, wrong = client_of("coordinator1"), {**LABORATORY, "i-haemoglobin_g_per_L": "11,8"}
    said = client.post(address("laboratory", "preview"), wrong).json()["fields"]["haemoglobin_g_per_L"]["problem"]
    assert said
    page = client.post(address("laboratory"), wrong).content.decode()
    assert said.split(";")[0].replace("'", "&#x27;") in page


def test_D6_a_check_raises_one_query_and_saving_again_raises_no_second(
    participant: Participant, client_of: ClientOf
) -> None:
    client = client_of("coordinator1")
    future = {**LABORATORY, "i-collected_at": "2099-01-01 10:00"}
    client.post(address("laboratory"), future)
    assert Query.objects.filter(kind="system", state="open").count() == 1
    record = Record.objects.get(table="laboratory", cells__test="platelets")
    edit = address("laboratory", "form-edit", group=record.group)
    again = {**future, "reason": "Typing error", "i-platelets_e9_per_L": "150"}
    client.post(edit, {**again, "versions": versions_on(client.get(edit).content.decode())})
    assert Query.objects.filter(kind="system", state="open").count() == 1
    mended = {**again, "i-collected_at": "2022-04-01 10:00", "versions": versions_on(client.get(edit).content.decode())}
    assert client.post(edit, mended).status_code == 302
    assert Query.objects.filter(state="open").count() == 0


def test_nobody_examines_in_anothers_name(participant: Participant, client_of: ClientOf) -> None:
    form = {
        "i-visit_id": "follow_up",
        "i-session": "1",
        "i-examined_on": "2022-03-31",
        "i-examiner": "nuclear1",
        "i-examiner_role": "oncologist",
        "i-toxicity": "none",
    }
    answer = client_of("oncologist1").post(address("examination"), form)
    assert answer.status_code == 422
    assert not Record.objects.exists()
    assert (
        client_of("oncologist1").post(address("examination"), {**form, "i-examiner": "oncologist1"}).status_code == 302
    )


@pytest.mark.parametrize("username", ["monitor1", "statistician1", "pharmacist1", "administrator1"])
def test_who_may_not_enter_cannot(participant: Participant, client_of: ClientOf, username: str) -> None:
    assert client_of(username).post(address("laboratory"), LABORATORY).status_code in (403, 404)
    assert not Record.objects.exists()


def test_a_participant_of_another_site_does_not_exist(
    other_site: Site, cast: dict[str, User], client_of: ClientOf
) -> None:
    with act(SETUP, "test.set-up"):
        Participant.objects.create(code="P01", site=other_site, screened_on="2022-01-22")
    assert client_of("coordinator1").get(address("laboratory")).status_code == 404
    assert client_of("coordinator1").post(address("laboratory"), LABORATORY).status_code == 404


CSV = b"""participant_id,collected_at,test,value,unit,lower_limit,upper_limit,laboratory
P01,2022-03-31T09:30,platelets,201,10^9/L,150,450,LAB-1
P01,2022-03-31T09:30,neutrophils,3.1,10^9/L,1.5,7.5,LAB-1
"""


def taken_in(client: Client, content: bytes) -> Any:
    return client.post(reverse("capture:laboratory"), {"content": content.decode(), "name": "x.csv", "confirm": "1"})


def test_D7_the_same_laboratory_file_twice_changes_nothing(participant: Participant, client_of: ClientOf) -> None:
    client = client_of("coordinator1")
    assert taken_in(client, CSV).status_code == 302
    before = list(Record.objects.values_list("pk", "version", "source"))
    assert len(before) == 2
    assert all(source.startswith("import:sha256:") for _, _, source in before)
    assert taken_in(client, CSV).status_code == 302
    assert list(Record.objects.values_list("pk", "version", "source")) == before


def test_D7_a_result_that_differs_is_shown_and_not_overwritten(participant: Participant, client_of: ClientOf) -> None:
    client = client_of("coordinator1")
    taken_in(client, CSV)
    other = CSV.replace(b"platelets,201", b"platelets,102")
    page = client.post(reverse("capture:laboratory"), {"content": other.decode(), "name": "x.csv"}).content.decode()
    assert "102" in page
    taken_in(client, other)
    assert Record.objects.get(cells__test="platelets").cells["value"] == "201"


def test_a_laboratory_file_with_a_problem_is_taken_in_not_even_in_part(
    participant: Participant, client_of: ClientOf
) -> None:
    answer = taken_in(client_of("coordinator1"), CSV + b"P99,2022-03-31T09:30,platelets,1,10^9/L,,,\n")
    assert answer.status_code == 422
    assert "P99" in answer.content.decode()
    assert not Record.objects.exists()


CALIBRATION = {
    "i-calibration_id": "spect_lu177_2022",
    "i-camera": "CAMERA1",
    "i-kind": "spect",
    "i-nuclide": "Lu-177",
    "i-factor_cps_per_MBq": "9.2",
    "i-relative_sd_percent": "3",
    "i-valid_from": "1400/10/11",
}


def test_the_physicist_enters_a_calibration_once_and_finds_it_among_the_cameras(
    site: Site, cast: dict[str, User], client_of: ClientOf
) -> None:
    client, form = client_of("physicist1"), reverse("capture:shared-form-new", args=["calibration"])
    assert client.post(form, CALIBRATION).status_code == 302
    record = Record.objects.get(table="calibrations")
    assert record.cells["valid_from"] == "2022-01-01"
    assert "spect_lu177_2022" in client.get(reverse("capture:cameras")).content.decode()
    assert client.post(form, CALIBRATION).status_code == 422, "the name of a calibration is taken once"
    assert Record.objects.filter(table="calibrations").count() == 1


@pytest.mark.parametrize("username", ["coordinator1", "monitor1", "pharmacist1"])
def test_nobody_but_who_may_enters_a_calibration(
    site: Site, cast: dict[str, User], client_of: ClientOf, username: str
) -> None:
    form = reverse("capture:shared-form-new", args=["calibration"])
    assert client_of(username).post(form, CALIBRATION).status_code in (403, 404)
    assert not Record.objects.exists()
