"""The site's pages of CTCAE terms, serious events, their reports and the printed form."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from theratrial.web.capture.models import Record

ClientOf = Callable[[str], Client]
SAFETY = "/results/participant/P01/safety/"
EVENT = {
    **{"i-term": "Febrile neutropenia", "i-ctcae_version": "5.0", "i-grade": "3", "i-started_on": "2022-05-10"},
    **{"i-ended_on": "2022-05-14", "i-serious": "yes", "i-related": "related", "i-outcome": "recovered"},
    "i-seriousness": "requires inpatient hospitalisation or prolongs it",
}
REPORT = {
    **{"i-term": "Febrile neutropenia", "i-started_on": "2022-05-10", "i-report": "initial"},
    **{"i-became_aware_at": "2022-05-11 09:00", "i-sent_at": "2022-05-11 15:00", "i-recipient": "sponsor"},
    **{"i-expected": "yes", "i-narrative": "Fever and 0.4 neutrophils.", "i-reported_by": "ONC-01"},
}
pytestmark = pytest.mark.usefixtures("demonstration")


def shown(client: Client, address: str, **more: Any) -> str:
    answer = client.get(address, more)
    assert answer.status_code == 200, address
    return str(answer.content.decode())


def event(client: Client, **changes: str) -> Record:
    answer = client.post(f"{SAFETY}event/", {**EVENT, **changes})
    assert answer.status_code == 302, answer.content.decode()[:2000]
    return Record.objects.filter(table="adverse_events").latest("sequence")


def test_terms_appear_while_typing_and_then_the_text_of_each_grade(client_of: ClientOf) -> None:
    client = client_of("oncologist1")
    typed = shown(client, "/results/ctcae/", term="thrombocytopen", version="5.0")
    assert 'data-ctcae-term="Platelet count decreased"' in typed
    found = shown(client, "/results/ctcae/", term="nausea", version="5.0", grade="4")
    assert "Loss of appetite without alteration in eating habits" in found
    assert "does not exist for this term" in found
    assert "CTCAE 5.0 has no grade 4 for Nausea" in found


@pytest.mark.parametrize("term", ["<script>alert(1)</script>", "x" * 5000, "%00", "' or 1=1 --"])
@pytest.mark.parametrize("version", ["5.0", "9.9", ""])
@pytest.mark.parametrize("grade", ["", "9", "²", "-1", "drop"])
def test_nothing_typed_breaks_the_list_or_comes_back_as_markup(
    client_of: ClientOf, term: str, version: str, grade: str
) -> None:
    assert "<script>alert" not in shown(
        client_of("oncologist1"), "/results/ctcae/", term=term, version=version, grade=grade
    )


def test_the_form_stands_beside_the_list_and_offers_every_term(client_of: ClientOf) -> None:
    form = shown(client_of("oncologist1"), f"{SAFETY}event/")
    assert 'data-ctcae="/results/ctcae/"' in form
    assert 'data-term="i-term"' in form
    assert form.count("<option value=") > 837


def test_an_event_that_is_no_ctcae_term_is_saved_and_named(client_of: ClientOf) -> None:
    client = client_of("oncologist1")
    event(client, **{"i-term": "Badness", "i-serious": "no", "i-seriousness": "", "i-grade": "2"})
    page = shown(client, SAFETY)
    assert "Badness" in page
    assert "is not a CTCAE 5.0 term" in page


def test_a_serious_event_without_report_is_named_on_the_page_the_overview_and_the_listing(client_of: ClientOf) -> None:
    client = client_of("oncologist1")
    event(client)
    for address in (SAFETY, "/results/serious/"):
        assert "no report is recorded" in shown(client, address)
    assert "Reports of serious events" in shown(client, "/")


def test_reports_are_recorded_by_the_protocols_form_and_the_clock_is_read(client_of: ClientOf) -> None:
    client = client_of("oncologist1")
    one = event(client)
    address = f"{SAFETY}event/{one.pk}/report/"
    assert 'value="Febrile neutropenia"' in shown(client, address)
    assert client.post(address, REPORT).status_code == 302
    late = {**REPORT, "i-recipient": "ethics committee", "i-sent_at": "2022-05-13 10:00"}
    assert client.post(address, late).status_code == 302
    page = shown(client, SAFETY)
    assert "sent 6 h after becoming aware" in page
    assert "sent 49 h after becoming aware, 25 h late" in page
    lines = shown(client, "/results/serious/listing.csv").splitlines()
    mine = [line for line in lines if "Febrile neutropenia" in line and "P01" in line and "2022-05-10" in line]
    assert sorted("late" if ",late," in line else "in_time" for line in mine) == ["in_time", "late"]
    report = Record.objects.filter(table="serious_reports").latest("sequence")
    assert client.get(f"{SAFETY}report/{report.pk}/").status_code == 200


def test_a_report_past_its_time_and_not_sent_counts_as_overdue(client_of: ClientOf) -> None:
    client = client_of("oncologist1")
    one = event(client)
    before = client.get("/").context
    unsent = {**REPORT, "i-sent_at": ""}
    assert client.post(f"{SAFETY}event/{one.pk}/report/", unsent).status_code == 302
    answer = client.get("/")
    # The cohort is of 2022: a report that is not sent is past its 24 hours. The other recipient is owed the same.
    assert answer.context["unsent_count"] == before["unsent_count"] + 2
    assert answer.context["overdue_count"] == answer.context["late_count"] + answer.context["unsent_count"]
    assert "serious reports not sent" in answer.content.decode()


def test_the_printed_form_tells_everything_that_was_recorded_of_what_happened(client_of: ClientOf) -> None:
    client = client_of("oncologist1")
    one = event(client, **{"i-comment": "Neutrophils were low."})
    address = f"{SAFETY}event/{one.pk}/report/"
    after = {**REPORT, "i-report": "follow_up", "i-narrative": "Recovered, at home.", "i-sent_at": "2022-05-16 10:00"}
    other = {**REPORT, "i-recipient": "ethics committee"}
    for report in (after, REPORT, other):
        assert client.post(address, report).status_code == 302
    page = shown(client, f"{SAFETY}event/{one.pk}/form/", language="en")
    texts = ["Neutrophils were low.", REPORT["i-narrative"], "Recovered, at home."]
    places = [page.index(text) for text in texts]
    assert places == sorted(places)
    assert [page.count(text) for text in texts] == [1, 1, 1]
    persian = shown(client, f"{SAFETY}event/{one.pk}/form/", language="fa")
    assert "بهبود" in persian
    assert ">recovered<" not in persian
    listed = shown(client, "/results/serious/")
    assert "Recovered" in listed
    assert "Related" in listed


@pytest.mark.parametrize("language", ["en", "fa"])
def test_the_printed_form_is_filled_and_marks_what_is_left_to_the_hand(client_of: ClientOf, language: str) -> None:
    client = client_of("oncologist1")
    one = event(client)
    page = shown(client, f"{SAFETY}event/{one.pk}/form/", language=language)
    assert f'<html lang="{language}"' in page
    assert "Febrile neutropenia (CTCAE 5.0)" in page
    assert 'class="hand"' in page
    assert ("Report of a serious adverse event" in page) == (language == "en")
    made = client.get(f"{SAFETY}event/{one.pk}/form.pdf", {"language": language})
    assert made.status_code in (200, 503)
    if made.status_code == 200:
        assert made.content.startswith(b"%PDF")


def test_there_is_no_printed_form_of_an_event_that_is_not_serious(client_of: ClientOf) -> None:
    client = client_of("oncologist1")
    one = event(client, **{"i-serious": "no", "i-seriousness": ""})
    assert client.get(f"{SAFETY}event/{one.pk}/form/").status_code == 404
    assert client.get(f"{SAFETY}event/{one.pk}/form/", {"language": "xx"}).status_code == 404


def test_a_pregnancy_is_recorded_and_its_report_is_owed(client_of: ClientOf) -> None:
    client = client_of("oncologist1")
    aware = datetime.now(tz=UTC).strftime("%Y-%m-%d 00:00")
    typed = {"i-became_aware_at": aware, "i-whose": "participant", "i-outcome": "ongoing", "i-reported_by": "ONC-01"}
    assert client.post(f"{SAFETY}pregnancy/", typed).status_code == 302
    assert "the participant&#x27;s" in (page := shown(client, SAFETY)) or "the participant's" in page


def test_who_may_not_enter_safety_may_look_and_not_write(client_of: ClientOf) -> None:
    one = event(client_of("oncologist1"))
    monitor = client_of("monitor1")
    assert monitor.get("/results/serious/").status_code == 200
    assert monitor.get(f"{SAFETY}event/{one.pk}/report/").status_code in (403, 404)
    assert monitor.post(f"{SAFETY}event/{one.pk}/report/", REPORT).status_code in (403, 404)
    assert monitor.post(f"{SAFETY}pregnancy/", {}).status_code in (403, 404)


def test_an_unexpected_reaction_runs_the_clock_of_days_on_the_page_the_listing_the_form_and_the_overview(
    client_of: ClientOf,
) -> None:
    client = client_of("oncologist1")
    recorded = event(client)
    sheet = f"{SAFETY}event/{recorded.pk}/form/"
    page = shown(client, SAFETY)
    assert "undetermined, counts as due" in page
    assert "whether it was expected is not known" in page
    client.post(f"{SAFETY}event/{recorded.pk}/report/", {**REPORT, "i-expected": "no"})
    page = shown(client, SAFETY)
    assert "related and not expected" in page
    assert "regulatory authority" in page
    listing = shown(client, "/results/serious/listing.csv")
    assert ",expedited,regulatory authority," in listing
    assert "regulatory authority" in shown(client, sheet)
    assert "regulatory authority" in shown(client, "/")
    for language in ("en", "fa"):
        client.cookies["theratrial_language"] = language
        said = shown(client, SAFETY)
        assert ("به مرجع نظارتی" in said) is (language == "fa")


def test_an_expected_reaction_is_not_due_at_the_authority(client_of: ClientOf) -> None:
    client = client_of("oncologist1")
    recorded = event(client)
    client.post(f"{SAFETY}event/{recorded.pk}/report/", REPORT)
    page = shown(client, SAFETY)
    assert "need not be reported" in page
    assert "Expedited report" not in page
