"""The documents of the trial on the site: who may ask for which, how they are made, read and fetched."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from theratrial.pipeline.trial import TrialRun
from theratrial.report.study.render import Document, page
from theratrial.report.study.voice import Voice
from theratrial.trialfolder import read_folder
from theratrial.web.capture.models import Record
from theratrial.web.exports import documents
from theratrial.web.exports.documents import document_file, document_made, documents_resumed
from theratrial.web.exports.making import KEPT
from theratrial.web.exports.models import StudyDocument
from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import Event, Note
from theratrial.web.people.models import Assignment, User
from theratrial.web.results.models import Computation
from theratrial.web.setup_site import CAST, SETUP

ClientOf = Callable[[str], Client]
ADDRESS = "/exports/documents/"
MAY_SEE_THE_ENDPOINT = {"investigator1", "statistician1"}
OUTSIDE_THE_TRIAL = {"administrator1"}


@pytest.fixture(autouse=True)
def _no_pdf(monkeypatch: pytest.MonkeyPatch) -> None:
    """Laying out takes long and is tested elsewhere."""

    def written(made: Document, voice: Voice, place: Path) -> str:
        html = page(made, voice, printed=True)
        place.write_bytes(b"%PDF of " + hashlib.sha256(html.encode()).digest())
        return ""

    monkeypatch.setattr(documents, "pdf_written", written)


@pytest.fixture
def results(
    computed_site: Computation, folder_run: TrialRun, virtual_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Computation:
    """The site's computation, its files replaced by those of the same run outside the site."""
    monkeypatch.setattr(documents, "computed", lambda _one: (read_folder(virtual_folder), folder_run.result))
    return computed_site


def ready(name: str, kind: str, **given: Any) -> StudyDocument:
    """A document that was made for somebody."""
    made = StudyDocument.objects.create(
        kind=kind, language="en", requested_by=User.objects.get(username=name), requested_at=timezone.now(),
        state="ready", html_sha256="0" * 64, pdf_sha256="0" * 64, **given,
    )  # fmt: skip
    for ending in ("html", "pdf"):
        place = document_file(made, ending)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"the document")
    return made


def made_for(client: Client, **asked: str) -> StudyDocument:
    assert client.post(f"{ADDRESS}ask/", {"language": "en", **asked}).status_code == 302
    one = StudyDocument.objects.latest("requested_at")
    assert document_made(str(one.pk)) == "ready", StudyDocument.objects.get(pk=one.pk).message
    one.refresh_from_db()
    return one


def content(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


@pytest.mark.parametrize("kind", ["csr", "safety", "sap", "m11"])
def test_what_holds_data_is_for_those_who_may_see_the_endpoint_and_the_plan_for_everybody_in_the_trial(
    computed_site: Computation, client_of: ClientOf, kind: str
) -> None:
    for member in CAST:
        allowed = member.username in MAY_SEE_THE_ENDPOINT or (
            kind in ("sap", "m11") and member.username not in OUTSIDE_THE_TRIAL
        )
        browser, one = client_of(member.username), ready(member.username, kind)
        before = StudyDocument.objects.count()
        asked = browser.post(f"{ADDRESS}ask/", {"kind": kind, "language": "en"})
        assert asked.status_code == (302 if allowed else 403), member.username
        assert StudyDocument.objects.count() == before + allowed
        assert browser.get(f"{ADDRESS}{one.pk}/").status_code == (200 if allowed else 403), member.username
        assert browser.post(f"{ADDRESS}{one.pk}/pdf/").status_code == (200 if allowed else 403), member.username


def test_a_document_is_given_to_nobody_but_who_asked_and_only_for_some_days(
    computed_site: Computation, client_of: ClientOf
) -> None:
    one = ready("investigator1", "csr")
    assert client_of("statistician1").get(f"{ADDRESS}{one.pk}/").status_code == 404
    assert client_of("investigator1").get(f"{ADDRESS}{one.pk}/").status_code == 200
    StudyDocument.objects.update(requested_at=timezone.now() - KEPT - timedelta(minutes=1))
    assert client_of("investigator1").get(f"{ADDRESS}{one.pk}/").status_code == 404
    client_of("statistician1").post(f"{ADDRESS}ask/", {"kind": "sap", "language": "fa"})
    assert not document_file(one, "html").exists()
    assert not document_file(one, "pdf").exists()


def test_a_reader_who_has_not_signed_gets_no_document_with_data_although_she_may_see_the_endpoint(
    computed_site: Computation, client_of: ClientOf
) -> None:
    with act(SETUP, "test.set-up", reason="two duties"):
        Assignment.objects.create(
            user=User.objects.get(username="nuclear1"), role="statistician", site=None,
            starts_at=timezone.now() - timedelta(days=1), granted_by=SETUP.name,
        )  # fmt: skip
    browser, one = client_of("nuclear1"), ready("nuclear1", "csr")
    assert browser.get(f"{ADDRESS}{one.pk}/").status_code == 200, "imported readings are hidden from nobody"
    with act(SETUP, "test.set-up", reason="read here"):
        Record.objects.filter(table="lesion_readings").update(source="form")
    for kind in ("csr", "safety"):
        mine = ready("nuclear1", kind)
        assert browser.get(f"{ADDRESS}{mine.pk}/").status_code == 403
        assert browser.post(f"{ADDRESS}{mine.pk}/pdf/").status_code == 403
        assert browser.post(f"{ADDRESS}ask/", {"kind": kind, "language": "en"}).status_code == 403
    shown = browser.get(ADDRESS).content.decode()
    assert "Make the study report" not in shown
    assert "once their own readings are signed" in shown
    assert browser.post(f"{ADDRESS}ask/", {"kind": "sap", "language": "en"}).status_code == 302


@pytest.mark.parametrize("kind", ["sap", "m11"])
def test_the_plan_is_made_without_any_computation_and_fetching_it_is_noted_with_its_digest(
    demonstration: Any, client_of: ClientOf, kind: str
) -> None:
    browser = client_of("monitor1")
    page = browser.get(ADDRESS).content.decode()
    assert "Make the analysis plan" in page
    assert "Make the protocol document" in page
    assert "Make the study report" not in page
    one = made_for(browser, kind=kind, language="fa")
    html = content(browser.get(f"{ADDRESS}{one.pk}/"))
    assert hashlib.sha256(html).hexdigest() == one.html_sha256
    assert b'dir="rtl"' in html
    pdf = content(browser.post(f"{ADDRESS}{one.pk}/pdf/"))
    noted = Note.objects.get(action="export.study-document")
    assert noted.detail["sha256"] == hashlib.sha256(pdf).hexdigest()
    again = made_for(browser, kind=kind, language="fa")
    assert again.pk != one.pk
    assert again.html_sha256 == one.html_sha256, "the same protocol, the same bytes"


def test_the_safety_report_names_the_head_of_the_ledger_its_day_in_either_calendar_and_that_it_is_a_draft(
    results: Computation, client_of: ClientOf
) -> None:
    browser = client_of("statistician1")
    one = made_for(browser, kind="safety", cut_off="1401/02/10")
    assert one.cut_off == date(2022, 4, 30)
    assert one.draft
    assert one.done == one.total > 0
    place = Event.objects.get(seq=results.ledger_seq)
    html = content(browser.get(f"{ADDRESS}{one.pk}/")).decode()
    state = html[html.index('class="head-start"') : html.index("<main>")]
    assert f"ledger {place.seq}, {place.hash[:16]}" in state
    assert "DRAFT" in state
    assert "2022-04-30" in state
    shown = browser.get(ADDRESS).content.decode()
    assert "1401/02/10" in shown
    assert place.hash[:16] in shown


@pytest.mark.parametrize("asked", [{"kind": "csr", "language": "de"}, {"kind": "safety", "cut_off": "30.4.2022"}])
def test_what_is_not_understood_makes_nothing(
    computed_site: Computation, client_of: ClientOf, asked: dict[str, str]
) -> None:
    client_of("statistician1").post(f"{ADDRESS}ask/", {"language": "en", **asked})
    assert not StudyDocument.objects.exists()


def test_nothing_computed_makes_no_document_with_data(demonstration: Any, client_of: ClientOf) -> None:
    client_of("investigator1").post(f"{ADDRESS}ask/", {"kind": "csr", "language": "en"})
    assert not StudyDocument.objects.exists()


def test_results_whose_files_are_gone_or_of_another_program_make_no_document_but_say_so(
    computed_site: Computation, client_of: ClientOf
) -> None:
    """The computation of this test wrote no record of its run, as one of an older version or a removed one."""
    client_of("investigator1").post(f"{ADDRESS}ask/", {"kind": "csr", "language": "en"})
    one = StudyDocument.objects.get()
    assert document_made(str(one.pk)) == "failed"
    assert "compute the trial again" in client_of("investigator1").get(ADDRESS).content.decode()


def test_asking_twice_while_it_is_under_way_makes_one_and_a_worker_that_died_is_replaced(
    computed_site: Computation, client_of: ClientOf
) -> None:
    browser = client_of("investigator1")
    for _ in range(2):
        browser.post(f"{ADDRESS}ask/", {"kind": "sap", "language": "en"})
    one = StudyDocument.objects.get()
    assert "HX-Refresh" not in browser.get(f"{ADDRESS}list/")
    StudyDocument.objects.update(state="making", worker="nowhere/1/1", begun_at=timezone.now() - timedelta(hours=3))
    assert documents_resumed() == 1
    assert document_made(str(one.pk)) == "ready"
    assert document_made(str(one.pk)) == "not waiting"
    assert browser.get(f"{ADDRESS}list/")["HX-Refresh"] == "true"


def test_the_page_is_there_in_persian(computed_site: Computation, client_of: ClientOf) -> None:
    browser = client_of("statistician1")
    browser.cookies["theratrial_language"] = "fa"
    shown = browser.get(ADDRESS).content.decode()
    assert "گزارش مطالعهٔ بالینی" in shown
    assert "Make the" not in shown
