"""The ledger's pages: who sees what of it, a field's history, a table as it was, redaction by two people."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from theratrial.web.capture.models import Record
from theratrial.web.capture.services import record_change, record_create, record_entered_in_error
from theratrial.web.ledger.act import act, note
from theratrial.web.ledger.models import Event, Payload, Redaction
from theratrial.web.ledger.selectors import records_as_of
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import Assignment, Delegation, Site, User
from theratrial.web.results.models import Computation, TrialResultRow
from theratrial.web.setup_site import SETUP
from theratrial.web.trials.models import Trial

ClientOf = Callable[[str], Client]


@pytest.fixture
def record(cast: dict[str, User], site: Site) -> Record:
    with act(SETUP, "test.register"):
        participant = Participant.objects.create(code="P01", site=site, screened_on="2022-03-01")
    return record_create(cast["coordinator1"], "participants", {"weight_kg": "61"}, participant=participant)


@pytest.fixture
def elsewhere(other_site: Site) -> Record:
    with act(SETUP, "test.register"):
        participant = Participant.objects.create(code="Q99", site=other_site, screened_on="2022-03-01")
    return record_create(SETUP, "participants", {"note": "of the other site"}, participant=participant)


def row_url(record: Record, field: str = "") -> str:
    return f"/ledger/row/capture_record/{record.pk}/" + (f"?field={field}" if field else "")


def text_of(client: Client, url: str, status: int = 200) -> str:
    answer = client.get(url)
    assert answer.status_code == status
    return str(answer.content.decode())


def test_A10_the_history_of_a_field_shows_old_new_who_when_in_which_zone_and_why(
    record: Record, cast: dict[str, User], client_of: ClientOf
) -> None:
    record_change(cast["coordinator1"], record, {"weight_kg": "62"}, seen_version=1, reason="misread the scale")
    page = text_of(client_of("monitor1"), row_url(record, "weight_kg"))
    for expected in ("61", "62", "coordinator1", "Asia/Tehran", "misread the scale"):
        assert expected in page


def test_A4_a_blanked_value_shows_as_empty_in_the_history(record: Record, client_of: ClientOf) -> None:
    record_change(SETUP, record, {}, seen_version=1, reason="never weighed")
    page = text_of(client_of("monitor1"), row_url(record, "weight_kg"))
    assert page.count("(empty)") == 2  # before the first entry, and after the blanking
    assert "61" in page


def test_A10_the_history_of_a_field_leaves_other_fields_out(record: Record, client_of: ClientOf) -> None:
    record_change(SETUP, record, {"weight_kg": "61", "note": "other field"}, seen_version=1, reason="a note was added")
    page = text_of(client_of("monitor1"), row_url(record, "weight_kg"))
    assert "a note was added" not in page
    assert "a note was added" in text_of(client_of("monitor1"), row_url(record))


def test_A10_the_list_is_narrowed_by_each_filter(record: Record, client_of: ClientOf) -> None:
    client = client_of("manager1")
    total = text_of(client, "/ledger/").count("<tr>")
    for query, expected in (
        ("participant=P01", "record.create"),
        ("actor=coordinator1", "record.create"),
        ("action=record.", "record.create"),
        ("entity=capture_record", "record.create"),
    ):
        page = text_of(client, f"/ledger/?{query}")
        assert expected in page
        assert page.count("<tr>") < total
    assert "No event is like this" in text_of(client, "/ledger/?until=2001-01-01")
    assert "record.create" in text_of(client, "/ledger/?since=1380/01/01&action=record.")
    assert text_of(client, "/ledger/?since=31/31/31", 422)


def test_A10_a_page_of_the_ledger_takes_as_many_queries_for_many_events_as_for_few(
    record: Record, client_of: ClientOf, django_assert_max_num_queries: Any
) -> None:
    client = client_of("manager1")
    for _number in range(60):
        record_create(SETUP, "participants", {"note": "n"}, participant=record.participant)
    for url in ("/ledger/", "/ledger/participant/P01/", "/ledger/as-of/?table=participants", row_url(record)):
        with django_assert_max_num_queries(25):
            assert client.get(url).status_code == 200


def test_A10_export_as_csv_holds_every_field_and_is_an_event_itself(record: Record, client_of: ClientOf) -> None:
    record_change(SETUP, record, {"weight_kg": "61", "note": "=1+1"}, seen_version=1, reason="r")
    answer = client_of("manager1").post("/ledger/export/", {"participant": "P01"})
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    lines = list(csv.DictReader(io.StringIO(text)))
    changed = next(line for line in lines if line["field"] == "cells.note")
    assert (changed["old"], changed["new"], changed["reason"]) == ("", "'=1+1", "r")
    assert {line["participant"] for line in lines} == {"P01"}
    assert Event.objects.filter(action="ledger.export", actor="manager1", op="note").count() == 1


def test_A10_who_is_blinded_does_not_see_the_endpoint_in_the_ledger(
    trial: Trial, cast: dict[str, User], client_of: ClientOf
) -> None:
    with act(SETUP, "result.store"):
        computation = Computation.objects.create(kind="trial", requested_by="x", requested_at=datetime.now(UTC))
        TrialResultRow.objects.create(computation=computation, content={"endpoint": "NINE-OF-TWELVE"}, digest="d")
    url = f"/ledger/row/results_trialresultrow/{TrialResultRow.objects.get().pk}/"
    blinded = client_of("manager1")
    for address in (url, "/ledger/", f"{url}?field=endpoint"):
        # The ledger keeps the digest of a result alone, so that nobody reads it there, blinded or not.
        assert "NINE-OF-TWELVE" not in text_of(client_of("investigator1"), address)
        assert "NINE-OF-TWELVE" not in text_of(blinded, address)
    exported = b"".join(blinded.post("/ledger/export/").streaming_content)  # type: ignore[attr-defined]
    assert b"NINE-OF-TWELVE" not in exported
    assert b"blinded" in exported


def test_events_of_other_sites_do_not_exist_for_the_user(
    record: Record, elsewhere: Record, client_of: ClientOf
) -> None:
    client = client_of("coordinator1")
    assert client.get(row_url(elsewhere)).status_code == 404
    assert client.get("/ledger/participant/Q99/").status_code == 404
    assert "Q99" not in text_of(client, "/ledger/")
    assert "of the other site" not in text_of(client, "/ledger/as-of/?table=participants")
    assert "Q99" in text_of(client_of("investigator1"), "/ledger/")


def test_events_without_a_site_are_for_who_reads_the_ledger_everywhere_but_for_shared_data(
    record: Record, elsewhere: Record, client_of: ClientOf
) -> None:
    with act(SETUP, "somebody.signed-in"):
        note("somebody.signed-in")
    record_create(SETUP, "calibrations", {}, action="calibration.create")
    here, everywhere = text_of(client_of("coordinator1"), "/ledger/"), text_of(client_of("investigator1"), "/ledger/")
    assert "somebody.signed-in" not in here
    assert "somebody.signed-in" in everywhere
    assert "calibration.create" in here


def test_events_of_participants_need_the_right_to_see_participants(record: Record, client_of: ClientOf) -> None:
    client = client_of("pharmacist1")
    assert client.get(row_url(record)).status_code == 404
    assert "P01" not in text_of(client, "/ledger/?action=record.")
    assert (
        client.get("/ledger/participant/P01/").status_code == client.get("/ledger/participant/P99/").status_code == 404
    )


@pytest.mark.parametrize("username", ["statistician1", "registrant1", "administrator1"])
def test_the_ledger_is_closed_to_who_has_no_right_to_it(record: Record, client_of: ClientOf, username: str) -> None:
    for url in ("/ledger/", row_url(record), "/ledger/as-of/", "/ledger/verify/", "/ledger/redactions/"):
        assert client_of(username).get(url).status_code == 403


def test_a_listing_as_of_an_instant_is_what_it_was_then(record: Record, cast: dict[str, User]) -> None:
    user = cast["manager1"]
    start = datetime(2091, 1, 1, tzinfo=UTC)
    with act(SETUP, "t", at=start.replace(hour=1)):
        Record.objects.filter(pk=record.pk).update(cells={"note": "at one"})
    with act(SETUP, "t", at=start.replace(hour=2)):
        Record.objects.filter(pk=record.pk).update(cells={"note": "at two"}, session=1)
    with act(SETUP, "t", at=start.replace(hour=3)):
        late = Record.objects.create(
            table="participants", protocol_version=record.protocol_version, participant=record.participant,
            site=record.site, cells={"note": "late"}, sequence=9,
        )  # fmt: skip

    def notes(hour: int, minute: int) -> list[Any]:
        at = start.replace(hour=hour, minute=minute)
        return [(row.cells or {}).get("note") for row in records_as_of(user, at, "participants")]

    assert notes(0, 30) == [None]
    assert notes(1, 0) == ["at one"]
    assert notes(1, 59) == ["at one"]
    assert notes(2, 0) == ["at two"]
    assert notes(3, 30) == ["at two", "late"]
    assert late.pk
    assert records_as_of(user, datetime(2001, 1, 1, tzinfo=UTC), "participants") == []
    assert records_as_of(user, start.replace(hour=4), "laboratory") == []


def test_now_as_the_ledger_knows_it_is_what_the_records_say(cohort: Trial) -> None:
    user = User.objects.get(username="manager1")
    for table in ("laboratory", "consents", "administrations"):
        past = records_as_of(user, datetime.now(UTC), table)
        now = Record.objects.filter(table=table).order_by("sequence", "id")
        assert [row.cells for row in past] == [one.cells for one in now]


def test_a_listing_marks_what_was_entered_in_error(record: Record, client_of: ClientOf) -> None:
    record_entered_in_error(SETUP, record, seen_version=1, reason="another woman's")
    assert "entered in error" in text_of(client_of("monitor1"), "/ledger/as-of/?table=participants")


@pytest.mark.parametrize("at", ["yesterday", "2022-13-01", "2022-01-01 25:00", "1400/12/31", "%00"])
def test_an_instant_that_is_none_is_refused_with_what_to_write(record: Record, client_of: ClientOf, at: str) -> None:
    assert client_of("monitor1").get(f"/ledger/as-of/?at={at}").status_code == 422


def test_A10_verification_is_started_on_a_page_and_its_result_stays(record: Record, client_of: ClientOf) -> None:
    client = client_of("monitor1")
    assert "not verified yet" in text_of(client, "/ledger/verify/")
    client.post("/ledger/verify/start/")
    page = text_of(client, "/ledger/verify/")
    assert "monitor1" in page
    assert '<span class="tag good">whole</span>' in page


def test_A8_redaction_on_the_pages_takes_two_people(record: Record, cast: dict[str, User], client_of: ClientOf) -> None:
    wrong = record_change(cast["coordinator1"], record, {"note": "IDENTIFIER"}, seen_version=1, reason="r")
    record_change(cast["coordinator1"], wrong, {"note": "-"}, seen_version=2, reason="r")
    seqs = list(Payload.objects.filter(new__contains="IDENTIFIER").values_list("seq", flat=True))
    seqs += list(Payload.objects.filter(old__contains="IDENTIFIER").values_list("seq", flat=True))
    first, second = client_of("manager1"), client_of("manager2")
    answer = first.post("/ledger/redactions/ask/", {"seqs": ", ".join(map(str, seqs)), "justification": "a name"})
    assert answer.status_code == 302
    asked = Redaction.objects.get()
    first.post(f"/ledger/redactions/{asked.pk}/decide/", {"answer": "approve"})
    assert "IDENTIFIER" in text_of(second, row_url(record))
    second.post(f"/ledger/redactions/{asked.pk}/decide/", {"answer": "approve"})
    page = text_of(second, row_url(record))
    assert "IDENTIFIER" not in page
    assert "redacted by two people" in page
    assert "a name" in text_of(second, "/ledger/redactions/")


def test_the_history_of_a_row_leads_who_may_to_a_redaction_of_each_event(record: Record, client_of: ClientOf) -> None:
    seq = Event.objects.get(entity="capture_record", entity_id=str(record.pk)).seq
    link = f"/ledger/redactions/ask/?seqs={seq}"
    investigator, monitor = client_of("investigator1"), client_of("monitor1")
    assert link in investigator.get(f"/ledger/row/capture_record/{record.pk}/").content.decode()
    assert f'value="{seq}"' in investigator.get(link).content.decode()
    assert link not in monitor.get(f"/ledger/row/capture_record/{record.pk}/").content.decode()


def test_A8_a_redaction_asks_for_a_justification_and_for_events_that_are_there(
    record: Record, client_of: ClientOf
) -> None:
    client = client_of("manager1")
    assert client.post("/ledger/redactions/ask/", {"seqs": "1", "justification": " "}).status_code == 422
    assert client.post("/ledger/redactions/ask/", {"seqs": "999999", "justification": "j"}).status_code == 422
    assert client.post("/ledger/redactions/ask/", {"seqs": "", "justification": "j"}).status_code == 422
    assert client_of("monitor1").get("/ledger/redactions/").status_code == 403


def test_A8_events_of_another_site_cannot_be_redacted_from_here(
    record: Record, elsewhere: Record, client_of: ClientOf
) -> None:
    seq = Event.objects.get(entity_id=str(elsewhere.pk)).seq
    answer = client_of("manager1").post("/ledger/redactions/ask/", {"seqs": str(seq), "justification": "j"})
    assert answer.status_code == 422
    assert not Redaction.objects.exists()


@pytest.mark.parametrize(
    "url",
    [
        "/ledger/row/no_such_table/1/",
        "/ledger/row/capture_record/nothing/",
        "/ledger/row/ledger_event/1/",
        "/ledger/as-of/?table=x",
    ],
)
def test_what_is_not_there_answers_404(record: Record, client_of: ClientOf, url: str) -> None:
    assert client_of("manager1").get(url).status_code == 404


def test_A9_role_changes_are_events_with_their_site(cast: dict[str, User]) -> None:
    events = Event.objects.filter(entity="people_assignment")
    assert events.count() == Assignment.objects.count()
    assert set(Event.objects.filter(entity="people_delegation").values_list("site", flat=True)) == {"BUSHEHR-VIRTUAL"}
    assert Delegation.objects.exists()


def numbers_of(page: str) -> list[int]:
    """Numbers of the events in the order of the page."""
    return [int(found) for found in re.findall(r'<tr>\s*<td class="number">(\d+)</td>', page)]


def link_of(page: str, words: str) -> str | None:
    found = re.search(rf'<a href="([^"]+)"[^>]*>{words}</a>', page)
    return html.unescape(found[1]) if found else None


def test_A10_the_pages_of_the_ledger_hold_every_event_once_newest_first_and_lead_back(
    record: Record, client_of: ClientOf
) -> None:
    for _number in range(120):
        record_create(SETUP, "participants", {"note": "n"}, participant=record.participant)
    client, address = client_of("manager1"), "/ledger/"
    every = list(Event.objects.filter(participant="P01").order_by("-seq").values_list("seq", flat=True))
    seen: list[list[int]] = []
    link: str | None = "?participant=P01"
    while link:
        page = text_of(client, address + link)
        assert f"{len(every)} events" in page
        seen.append(numbers_of(page))
        last, link = page, link_of(page, "Older")
    assert [len(one) for one in seen] == [50, 50, len(every) - 100]
    assert [seq for one in seen for seq in one] == every
    back = link_of(last, "Newer")
    assert back is not None
    middle = text_of(client, address + back)
    assert numbers_of(middle) == seen[1]
    first = link_of(middle, "Newer")
    assert first is not None
    assert numbers_of(text_of(client, address + first)) == seen[0]
    assert link_of(text_of(client, address + first), "Newer") is None
    newest = link_of(middle, "Newest")
    assert newest is not None
    assert numbers_of(text_of(client, address + newest)) == seen[0]


def test_less_than_a_page_of_newer_events_is_shown_as_the_newest_page(record: Record, client_of: ClientOf) -> None:
    for _number in range(60):
        record_create(SETUP, "participants", {"note": "n"}, participant=record.participant)
    client = client_of("manager1")
    newest = numbers_of(text_of(client, "/ledger/participant/P01/"))
    page = text_of(client, f"/ledger/participant/P01/?after={newest[10]}")
    assert numbers_of(page) == newest
    assert link_of(page, "Newer") is None


@pytest.mark.parametrize("query", ["before=x", "after=-1", "before=99999999999999999999", "after=٣", "before=&after="])
def test_a_place_in_the_ledger_that_is_none_shows_the_newest_page(
    record: Record, client_of: ClientOf, query: str
) -> None:
    client = client_of("manager1")
    assert numbers_of(text_of(client, f"/ledger/?{query}"))[0] >= numbers_of(text_of(client, "/ledger/"))[1]


def test_more_events_than_are_counted_are_said_to_be_more(
    record: Record, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("theratrial.web.ledger.paging.COUNTED", 3)
    assert "more than 3 events" in text_of(client_of("manager1"), "/ledger/")


def test_many_fields_of_an_event_are_folded_and_what_is_typed_is_escaped(record: Record, client_of: ClientOf) -> None:
    cells = dict.fromkeys(("note", "weight_kg", "height_cm", "sex", "screened_on"), "<b>&'\"")
    record_change(SETUP, record, cells | {"note": "x" * 400}, seen_version=1, reason="r")
    for url, folded in (("/ledger/participant/P01/?action=record.change", True), (row_url(record), False)):
        page = text_of(client_of("manager1"), url)
        assert "&lt;b&gt;&amp;&#x27;&quot;" in page
        assert "<b>&" not in page
        assert "x" * 299 + "…" in page
        assert "x" * 300 not in page
        assert ("<details><summary>" in page) is folded
        assert '<b dir="auto">61</b> <span class="arrow" aria-label="became">→</span> ' in page
