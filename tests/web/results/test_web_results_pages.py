"""Pages of results: who sees what, dosimetry signed, readings blind to each other, adverse events recorded."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from theratrial.trialfolder import read_folder
from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import live_records
from theratrial.web.capture.services import record_change
from theratrial.web.exports.folder import folder_written
from theratrial.web.ledger.act import act
from theratrial.web.ledger.chain import json_digest
from theratrial.web.ledger.models import Signature
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import Site, User
from theratrial.web.results import selectors
from theratrial.web.results.models import Computation, ParticipantResultRow
from theratrial.web.results.reading import readings_of
from theratrial.web.setup_site import SETUP

ClientOf = Callable[[str], Client]
PASSWORD = "a-password-for-trying-out"
pytestmark = pytest.mark.usefixtures("computed_site")
EVENT = {
    **{"i-term": "Nausea", "i-ctcae_version": "5.0", "i-grade": "2", "i-started_on": "2022-04-01", "i-ended_on": ""},
    **{"i-serious": "no", "i-related": "related", "i-comment": ""},
}
LESION = {
    **{
        "i-timepoint": "baseline",
        "i-lesion_id": "lesion_1",
        "i-site": "liver",
        "i-role": "target",
        "i-status": "present",
    },
    **{"i-region_name": "lesion_1", "i-comment": ""},
}


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


def posted_signature(client: Client, username: str, address: str, action: str, **more: str) -> Any:
    """Post the signing form of a page whose address begins with `action`."""
    for found, body in re.findall(
        r'<form method="post" action="([^"]+)"(.*?)</form>', text(client, address), re.DOTALL
    ):
        if found.startswith(action):
            fields = dict(re.findall(r'name="(kind|key|digest|meaning)" value="([^"]*)"', body))
            given = {**fields, "sign_username": username, "sign_password": PASSWORD, **more}
            return client.post(found.replace("&amp;", "&"), given)
    raise AssertionError(f"{address} has no form for {action}")


def reading_made(client: Client, **changed: str) -> None:
    for timepoint in ("baseline", "response"):
        answer = client.post(
            "/results/participant/P01/response/reading/", {**LESION, "i-timepoint": timepoint, **changed}
        )
        assert answer.status_code == 302


@pytest.fixture
def no_readings() -> None:
    """P01 as before anybody read: the imported reading is taken out."""
    with act(SETUP, "test.set-up"):
        for one in Record.objects.filter(table="lesion_readings", participant__code="P01"):
            one.entered_in_error = True
            one.save()


@pytest.mark.parametrize(
    ("username", "address", "status"),
    [
        ("administrator1", "/results/", 403),
        ("pharmacist1", "/results/participant/P01/", 403),
        ("coordinator1", "/results/participant/P01/", 302),
        ("coordinator1", "/results/participant/P01/safety/", 200),
        ("coordinator1", "/results/participant/P01/session/1/trace/liver/", 403),
        ("coordinator1", "/results/participant/P01/figure/limits.svg", 403),
        ("statistician1", "/results/gates/", 403),
        ("monitor1", "/results/participant/P01/safety/event/", 403),
        ("adjudicator1", "/results/participant/P01/response/", 200),
        ("adjudicator1", "/results/participant/P01/response/reading/", 403),
        ("monitor1", "/results/participant/NOBODY/", 404),
        ("monitor1", "/results/participant/NOBODY/safety/", 404),
        ("monitor1", "/results/participant/P01/figure/curves-1-organ.svg", 200),
        ("monitor1", "/results/participant/P01/figure/curves-9-organ.svg", 404),
        ("monitor1", "/results/participant/P01/figure/laboratory-platelets.svg", 200),
        ("monitor1", "/results/participant/P01/session/1/trace/liver/", 200),
        ("monitor1", "/results/participant/P01/session/1/trace/nothing/", 404),
    ],
)
def test_who_may_see_what(client_of: ClientOf, username: str, address: str, status: int) -> None:
    assert client_of(username).get(address).status_code == status


def test_a_participant_of_another_site_does_not_exist_here(client_of: ClientOf) -> None:
    with act(SETUP, "test.set-up"):
        elsewhere = Site.objects.create(code="OTHER", name="Centre B", timezone="UTC")
        one = Participant.objects.get(code="P01")
        one.site = elsewhere
        one.save()
    client = client_of("nuclear1")
    for page in ("", "safety/", "response/", "gate/1/", "figure/limits.svg", "session/1/trace/liver/"):
        assert client.get(f"/results/participant/P01/{page}").status_code == 404, page
    assert "P01" not in text(client, "/results/gates/")
    assert "P01" not in text(client, "/results/")


def test_the_endpoint_is_shown_to_those_alone_who_may_see_it(client_of: ClientOf, computed_site: Computation) -> None:
    sentence = "The report</a>"
    assert sentence in text(client_of("investigator1"), "/results/")
    assert sentence not in text(client_of("nuclear1"), "/results/")
    report = f"/results/computation/{computed_site.pk}/report.html"
    assert client_of("nuclear1").get(report).status_code == 403
    answer = client_of("statistician1").get(report)
    assert answer.status_code == 200
    assert "script" not in answer["Content-Security-Policy"]
    assert "default-src 'none'" in answer["Content-Security-Policy"]


@pytest.mark.parametrize("name", ["..%2f..%2fsecret.key", "P99", "..", "P01%00"])
def test_only_dosimetry_pages_are_served_from_a_computation(
    client_of: ClientOf, computed_site: Computation, name: str
) -> None:
    address = f"/results/computation/{computed_site.pk}/dosimetry/{name}.html"
    assert client_of("physicist1").get(address).status_code in (404, 422)


def test_dosimetry_is_signed_by_the_physicist_and_void_once_other_doses_are_computed(client_of: ClientOf) -> None:
    client, address = client_of("physicist1"), "/results/participant/P01/"
    action = "/results/participant/P01/session/1/sign/"
    assert posted_signature(client, "physicist1", address, action, sign_password="no").status_code == 422
    assert posted_signature(client, "physicist1", address, action).status_code == 302
    assert '<span class="tag good">signed</span>' in text(client, address)
    row = selectors.latest_result(Participant.objects.get(code="P01"))
    assert row is not None
    content = row.content
    dose = content["sessions"][0]["doses"][0]
    dose["absorbed_dose_Gy"]["value"] *= 1.01
    with act(SETUP, "test.set-up"):
        newer = Computation.objects.create(
            kind="participant",
            participant=row.participant,
            state="done",
            requested_by="x",
            requested_at=row.computation.requested_at,
            finished_at=timezone.now(),
            ledger_seq=row.computation.ledger_seq,
        )
        ParticipantResultRow.objects.create(
            computation=newer, participant=row.participant, content=content, for_gate=row.for_gate, digest="0" * 64
        )
    shown = text(client, address)
    assert "signature void" in shown
    assert f"{dose['region_name']}: signed" in shown


def test_the_same_doses_computed_again_keep_their_signature(client_of: ClientOf) -> None:
    client, address = client_of("physicist1"), "/results/participant/P01/"
    posted_signature(client, "physicist1", address, "/results/participant/P01/session/1/sign/")
    row = selectors.latest_result(Participant.objects.get(code="P01"))
    assert row is not None
    with act(SETUP, "test.set-up"):
        newer = Computation.objects.create(
            kind="participant",
            participant=row.participant,
            state="done",
            requested_by="x",
            requested_at=row.computation.requested_at,
            finished_at=timezone.now(),
            ledger_seq=row.computation.ledger_seq,
        )
        ParticipantResultRow.objects.create(
            computation=newer,
            participant=row.participant,
            content=row.content,
            for_gate=row.for_gate,
            digest=json_digest({}),
        )
    assert '<span class="tag good">signed</span>' in text(client, address)


def test_who_does_not_sign_doses_is_offered_no_signature(client_of: ClientOf) -> None:
    assert 'name="sign_password"' not in text(client_of("oncologist1"), "/results/participant/P01/")
    assert client_of("oncologist1").post("/results/participant/P01/session/1/sign/", {}).status_code == 403


def test_every_state_of_a_curve_is_said_in_words_and_a_dose_without_bound_says_none(client_of: ClientOf) -> None:
    shown = text(client_of("physicist1"), "/results/participant/P01/")
    assert "rising: takes up activity still; nothing bounds it" in shown
    assert "bounded: clearance cannot be told from physical decay" in shown


def test_a_trace_leads_from_a_dose_to_the_record_it_rests_on(client_of: ClientOf) -> None:
    shown = text(client_of("physicist1"), "/results/participant/P01/session/1/trace/liver/")
    calibration = Record.objects.get(table="calibrations", cells__kind="spect")
    assert re.search(rf'href="/ledger/[^"]*{calibration.pk}', shown)


def test_readers_do_not_see_each_other_before_they_have_signed(client_of: ClientOf, no_readings: None) -> None:
    one, two = client_of("nuclear1"), client_of("nuclear2")
    reading_made(one, **{"i-site": "bone_of_reader_one"})
    address = "/results/participant/P01/response/"
    assert "bone_of_reader_one" in text(one, address)
    side_by_side = text(client_of("investigator1"), address)
    assert all(title in side_by_side for title in ("Criteria side by side", "PERCIST 1.0", "EORTC 1999", "RECIST 1.1"))
    hidden = text(two, address)
    assert "bone_of_reader_one" not in hidden
    # Every set of criteria is by all readers' lesions, and names them.
    assert not any(title in hidden for title in ("Criteria side by side", "PERCIST 1.0", "RECIST 1.1", "RD-01"))
    assert "1 reading by somebody else is hidden" in hidden
    assert "hottest target" not in hidden
    reading_made(two, **{"i-site": "bone_of_reader_two"})
    assert "bone_of_reader_one" not in text(two, address)
    assert posted_signature(two, "nuclear2", address, f"{address}sign/").status_code == 302
    assert "bone_of_reader_one" in text(two, address)
    assert "bone_of_reader_two" not in text(one, address)


def test_a_reading_is_changed_by_its_own_reader_and_the_change_voids_her_signature(
    client_of: ClientOf, no_readings: None
) -> None:
    one, address = client_of("nuclear1"), "/results/participant/P01/response/"
    reading_made(one)
    posted_signature(one, "nuclear1", address, f"{address}sign/")
    record = Record.objects.filter(table="lesion_readings", entered_in_error=False, participant__code="P01").first()
    assert record is not None
    change = {**LESION, "i-timepoint": record.cells["timepoint"], "i-status": "resolved"}
    change["versions"] = json.dumps({str(record.pk): record.version})
    edit = f"{address}reading/{record.pk}/"
    assert client_of("nuclear2").post(edit, {**change, "reason": "x"}).status_code == 403
    assert one.post(edit, {**change, "reason": ""}).status_code == 422
    assert one.post(edit, {**change, "reason": "seen on the CT"}).status_code == 302
    assert "signature void" in text(one, address)


def test_readers_who_differ_are_adjudicated_by_a_third_person_and_the_computation_takes_the_chosen_reading(
    client_of: ClientOf, no_readings: None
) -> None:
    address = "/results/participant/P01/response/"
    one, two, third = client_of("nuclear1"), client_of("nuclear2"), client_of("adjudicator1")
    reading_made(one)
    reading_made(two, **{"i-status": "resolved"})
    action = f"{address}adjudicate/"
    early = posted_signature(third, "adjudicator1", address, f"{action}?chosen=nuclear2", reason="clear on the CT")
    assert early.status_code == 422
    for client, name in ((one, "nuclear1"), (two, "nuclear2")):
        posted_signature(client, name, address, f"{address}sign/")
    silent = posted_signature(third, "adjudicator1", address, f"{action}?chosen=nuclear2", reason="")
    assert silent.status_code == 422
    done = posted_signature(third, "adjudicator1", address, f"{action}?chosen=nuclear2", reason="clear on the CT")
    assert done.status_code == 302
    readings = readings_of(Participant.objects.get(code="P01"))
    assert readings.chosen == "nuclear2"
    line = Record.objects.get(table="adjudications", participant__code="P01", entered_in_error=False)
    assert (line.cells["chosen_reader"], line.cells["adjudicator"]) == ("nuclear2", "adjudicator1")
    assert line.cells["reason"] == "clear on the CT"


def test_an_adjudication_reaches_the_trial_folder_and_leaves_it_when_a_reading_changes(
    client_of: ClientOf, no_readings: None, tmp_path: Path
) -> None:
    address = "/results/participant/P01/response/"
    one, two, third = client_of("nuclear1"), client_of("nuclear2"), client_of("adjudicator1")
    reading_made(one)
    reading_made(two, **{"i-status": "resolved"})
    for client, name in ((one, "nuclear1"), (two, "nuclear2")):
        posted_signature(client, name, address, f"{address}sign/")
    action = f"{address}adjudicate/?chosen=nuclear2"
    assert posted_signature(third, "adjudicator1", address, action, reason="clear").status_code == 302
    folder_written(tmp_path / "stands", live_records(), ())
    written = read_folder(tmp_path / "stands")
    assert [row["chosen_reader"] for row in written.rows("adjudications", participant_id="P01")] == ["nuclear2"]
    readers = {row["reader"] for row in written.rows("lesion_readings", participant_id="P01")}
    assert readers == {"nuclear1", "nuclear2"}
    hers = Record.objects.filter(table="lesion_readings", participant__code="P01", entered_in_error=False)
    record = next(one for one in hers if one.cells["reader"] == "nuclear1")
    changed = {**record.cells, "comment": "looked at again"}
    record_change(User.objects.get(username="nuclear1"), record, changed, seen_version=record.version, reason="again")
    folder_written(tmp_path / "void", live_records(), ())
    assert read_folder(tmp_path / "void").rows("adjudications", participant_id="P01") == ()


def test_a_lesion_is_read_once_by_each_reader_at_a_time_point(client_of: ClientOf, no_readings: None) -> None:
    one = client_of("nuclear1")
    reading_made(one)
    answer = one.post("/results/participant/P01/response/reading/", LESION)
    assert answer.status_code == 422


def test_an_adverse_event_is_recorded_from_a_jalali_date_and_listed(client_of: ClientOf) -> None:
    client = client_of("oncologist1")
    before = Record.objects.filter(table="adverse_events").count()
    answer = client.post("/results/participant/P01/safety/event/", {**EVENT, "i-started_on": "۱۴۰۱/۰۱/۱۲"})
    assert answer.status_code == 302
    record = Record.objects.filter(table="adverse_events", participant__code="P01").latest("sequence")
    assert Record.objects.filter(table="adverse_events").count() == before + 1
    assert record.cells["started_on"] == "2022-04-01"
    assert "Nausea" in text(client, "/results/participant/P01/safety/")


@pytest.mark.parametrize(
    "wrong",
    [
        {"i-term": ""},
        {"i-grade": "0"},
        {"i-grade": "6"},
        {"i-started_on": ""},
        {"i-started_on": "soon"},
        {"i-serious": ""},
        {"i-related": ""},
        {"i-ctcae_version": "3.0"},
        {"i-ended_on": "2022-03-31"},
    ],
)
def test_an_adverse_event_with_something_missing_or_impossible_is_not_saved(
    client_of: ClientOf, wrong: dict[str, str]
) -> None:
    before = Record.objects.count()
    answer = client_of("oncologist1").post("/results/participant/P01/safety/event/", {**EVENT, **wrong})
    assert answer.status_code == 422
    assert Record.objects.count() == before


def test_grades_are_said_to_rest_on_the_laboratory_value_alone(client_of: ClientOf) -> None:
    shown = text(client_of("monitor1"), "/results/participant/P02/safety/")
    assert "computed from the laboratory value alone, by CTCAE 5.0" in shown
    assert "Platelet count decreased" in shown


def _more_participants(number: int) -> None:
    site = Site.objects.get()
    with act(SETUP, "test.set-up"):
        rows = list(Record.objects.filter(participant__code="P02"))
        result = ParticipantResultRow.objects.get(participant__code="P02")
        for index in range(number):
            code = f"X{index:02d}"
            made = Participant.objects.create(code=code, site=site, screened_on="2022-01-01")
            Record.objects.bulk_create(
                Record(
                    table=one.table,
                    protocol_version=one.protocol_version,
                    participant=made,
                    site=site,
                    session=one.session,
                    cells={**one.cells, "participant_id": code},
                    sequence=one.sequence,
                )
                for one in rows
            )
            ParticipantResultRow.objects.create(
                computation=result.computation, participant=made, content={}, for_gate=result.for_gate, digest="0" * 64
            )


@pytest.mark.parametrize("address", ["/results/", "/results/gates/", "/results/deviations/"])
def test_lists_ask_the_database_no_more_for_thirty_participants_than_for_three(
    client_of: ClientOf, django_assert_max_num_queries: Any, address: str
) -> None:
    client = client_of("investigator1")
    with django_assert_max_num_queries(40) as few:
        text(client, address)
    _more_participants(20)
    # Two more, however many they are: what is remembered of participants asks the ledger who has changed since.
    with django_assert_max_num_queries(len(few.captured_queries) + 2):
        text(client, address)


@pytest.mark.parametrize("page", ["", "safety/", "response/", "gate/1/"])
def test_pages_of_a_participant_have_a_bounded_number_of_queries(
    client_of: ClientOf, django_assert_max_num_queries: Any, page: str
) -> None:
    client = client_of("nuclear1")
    with django_assert_max_num_queries(45):
        text(client, f"/results/participant/P01/{page}")


def test_starting_a_computation_needs_the_right_and_shows_its_progress(client_of: ClientOf) -> None:
    assert client_of("monitor1").post("/results/start/").status_code == 403
    client = client_of("physicist1")
    assert client.post("/results/start/").status_code == 302
    assert "waiting for a worker" in text(client, "/results/")
    assert 'hx-trigger="every 2s"' in text(client, "/results/progress/")
    with act(SETUP, "test.set-up"):
        for one in Computation.objects.filter(state="waiting"):
            one.state = "failed"
            one.save()
    assert client.get("/results/progress/")["HX-Refresh"] == "true"


def test_signatures_are_of_the_account_that_signed(client_of: ClientOf) -> None:
    client = client_of("physicist1")
    address = "/results/participant/P01/"
    answer = posted_signature(client, "nuclear1", address, "/results/participant/P01/session/1/sign/")
    assert answer.status_code == 422
    assert not Signature.objects.exists()
    assert User.objects.filter(username="physicist1").exists()


def test_S3_a_changed_injection_voids_the_signature_of_the_doses_and_they_are_not_signed_before_computed_again(
    client_of: ClientOf,
) -> None:
    client, address = client_of("physicist1"), "/results/participant/P01/"
    action = "/results/participant/P01/session/1/sign/"
    posted_signature(client, "physicist1", address, action)
    signed = Signature.objects.get(kind="dosimetry", participant="P01")
    assert signed.voided_at is None
    record = Record.objects.get(table="administrations", participant__code="P01", cells__session="1")
    measured = {**record.cells, "measured_activity_MBq": "1600"}
    with act(SETUP, "test.set-up"):
        record_change(User.objects.get(username="physicist1"), record, measured, seen_version=1, reason="Misread")
    signed.refresh_from_db()
    assert signed.voided_at is not None
    answer = posted_signature(client, "physicist1", address, action)
    assert answer.status_code == 422
    assert Signature.objects.filter(kind="dosimetry", participant="P01", voided_at=None).count() == 0
