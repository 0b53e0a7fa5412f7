"""The data sets for regulators on the site: who may have them, what is in them, and who is not."""

from __future__ import annotations

import io
import json
import socket
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from theratrial.pipeline import sdtm_package as pipeline_package
from theratrial.pipeline.trial import TrialRun
from theratrial.trialfolder import read_folder
from theratrial.web.capture.models import Record
from theratrial.web.exports import standards
from theratrial.web.exports.making import KEPT, package_file, package_made, packages_resumed
from theratrial.web.exports.models import Package
from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import Event
from theratrial.web.people.models import Assignment, User
from theratrial.web.results.models import Computation
from theratrial.web.setup_site import CAST, SETUP

ClientOf = Callable[[str], Client]
ADDRESS = "/exports/standards/"
MAY_HAVE_THEM = {"investigator1", "statistician1"}


@pytest.fixture(autouse=True)
def _no_pdf(monkeypatch: pytest.MonkeyPatch) -> None:
    """Laying out takes long and is tested elsewhere."""
    monkeypatch.setattr(pipeline_package, "pdf_bytes", lambda _html: b"%PDF")


@pytest.fixture
def results(
    computed_site: Computation, folder_run: TrialRun, virtual_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Computation:
    """The site's computation, its files replaced by those of the same run outside the site."""
    monkeypatch.setattr(standards, "computed", lambda _one: (read_folder(virtual_folder), folder_run.result))
    return computed_site


def asked(browser: Client, kind: str = "sdtm") -> Package:
    assert browser.post(f"{ADDRESS}ask/", {"kind": kind}).status_code == 302
    return Package.objects.latest("requested_at")


def made(browser: Client, kind: str = "sdtm") -> Package:
    one = asked(browser, kind)
    assert package_made(str(one.pk)) == "ready", Package.objects.get(pk=one.pk).message
    one.refresh_from_db()
    return one


def content(answer: Any) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_data_sets_are_for_those_who_may_export_and_see_the_endpoint(
    computed_site: Computation, client_of: ClientOf
) -> None:
    answers = {one.username: client_of(one.username).post(f"{ADDRESS}ask/", {"kind": "sdtm"}) for one in CAST}
    assert {name for name, answer in answers.items() if answer.status_code == 302} == MAY_HAVE_THEM
    assert {answer.status_code for answer in answers.values()} == {302, 403}
    assert Package.objects.count() == len(MAY_HAVE_THEM)


def test_whoever_may_export_at_all_is_told_why_she_may_not_have_them(
    computed_site: Computation, client_of: ClientOf
) -> None:
    for member in CAST:
        answer = client_of(member.username).get(ADDRESS)
        if answer.status_code == 200 and member.username not in MAY_HAVE_THEM:
            assert b"they are for those who may export and see the endpoint" in answer.content, member.username
            assert b"Make the SDTM package" not in answer.content
        elif member.username in MAY_HAVE_THEM:
            assert b"Make the SDTM package" in answer.content


def test_a_package_is_made_fetched_and_noted(results: Computation, client_of: ClientOf) -> None:
    browser = client_of("statistician1")
    one = made(browser)
    page = browser.get(ADDRESS).content.decode()
    assert one.sha256 in page
    answer = browser.post(f"{ADDRESS}{one.pk}/")
    assert answer.headers["X-Content-SHA256"] == one.sha256
    files = content(answer)
    assert {"dataset-json/dm.json", "xpt/dm.xpt", "dataset-json/define.xml", "xpt/csdrg.html"} <= set(files)
    assert json.loads(files["dataset-json/dm.json"])["records"] == 3
    assert Event.objects.filter(action="export.certified-copy", actor="statistician1").exists()


def test_the_analysis_data_are_made_beside_the_tabulated_ones(results: Computation, client_of: ClientOf) -> None:
    """`export adam` could make them when the site could not."""
    browser = client_of("statistician1")
    one = made(browser, "adam")
    assert "analysis data (ADaM)" in browser.get(ADDRESS).content.decode()
    files = content(browser.post(f"{ADDRESS}{one.pk}/"))
    assert {"dataset-json/adsl.json", "xpt/adsl.xpt", "dataset-json/define.xml"} <= set(files)
    assert json.loads(files["dataset-json/adsl.json"])["records"] == 3


def test_the_same_computation_gives_the_same_bytes(results: Computation, client_of: ClientOf) -> None:
    browser = client_of("statistician1")
    assert made(browser).sha256 == made(browser).sha256


def test_who_withdrew_the_use_of_her_data_after_the_computation_is_in_no_file(
    results: Computation, client_of: ClientOf
) -> None:
    consent = Record.objects.get(table="consents", participant__code="P01")
    with act(SETUP, "test.withdrawal", reason="withdrawn"):
        consent.cells = {**consent.cells, "withdrawn_at": "2023-05-01T10:00+03:30", "withdrawal_kind": "data_use"}
        consent.version += 1
        consent.save()
    browser = client_of("statistician1")
    assert b"1 left out" in browser.get(ADDRESS).content
    files = content(browser.post(f"{ADDRESS}{made(browser).pk}/"))
    assert json.loads(files["dataset-json/dm.json"])["records"] == 2
    assert [name for name, body in files.items() if b"-P01" in body] == []


def test_a_reader_who_has_not_signed_gets_none(computed_site: Computation, client_of: ClientOf) -> None:
    with act(SETUP, "test.set-up", reason="two duties"):
        Assignment.objects.create(
            user=User.objects.get(username="nuclear1"), role="statistician", site=None,
            starts_at=timezone.now() - timedelta(days=1), granted_by=SETUP.name,
        )  # fmt: skip
    browser = client_of("nuclear1")
    assert b"Make the SDTM package" in browser.get(ADDRESS).content, "imported readings are hidden from nobody"
    with act(SETUP, "test.set-up", reason="read here"):
        Record.objects.filter(table="lesion_readings").update(source="form")
    assert browser.post(f"{ADDRESS}ask/", {"kind": "sdtm"}).status_code == 403
    page = browser.get(ADDRESS).content
    assert b"once their own readings are signed" in page
    assert b"Make the SDTM package" not in page


def test_a_package_is_given_to_nobody_but_who_asked_and_only_for_some_days(
    results: Computation, client_of: ClientOf
) -> None:
    browser = client_of("statistician1")
    one = made(browser)
    assert client_of("investigator1").post(f"{ADDRESS}{one.pk}/").status_code == 404
    assert browser.post(f"/exports/packages/{one.pk}/").status_code in (403, 404), "not through the door of copies"
    Package.objects.update(requested_at=timezone.now() - KEPT - timedelta(minutes=1))
    assert browser.post(f"{ADDRESS}{one.pk}/").status_code == 404
    asked(browser)
    assert not package_file(one).exists()


def test_an_unknown_kind_is_no_package(computed_site: Computation, client_of: ClientOf) -> None:
    browser = client_of("statistician1")
    for kind in ("copy", "archive", "odm", "", "SDTM"):
        assert browser.post(f"{ADDRESS}ask/", {"kind": kind}).status_code == 404, kind
    assert Package.objects.count() == 0


def test_what_cannot_be_made_says_why(computed_site: Computation, client_of: ClientOf) -> None:
    """The files of the computation are gone."""
    browser = client_of("statistician1")
    one = asked(browser)
    assert package_made(str(one.pk)) == "failed"
    one.refresh_from_db()
    assert "compute the trial again" in one.message
    assert one.message in browser.get(f"{ADDRESS}list/").content.decode()


def test_an_interrupted_package_is_made_again(results: Computation, client_of: ClientOf) -> None:
    one = asked(client_of("statistician1"))
    Package.objects.update(state="making", begun_at=timezone.now(), worker=f"{socket.gethostname()}/0/1")
    assert packages_resumed() == 1
    assert package_made(str(one.pk)) == "ready"


def test_without_a_computation_nothing_is_asked_for(demonstration: object, client_of: ClientOf) -> None:
    browser = client_of("statistician1")
    assert b"Nothing is computed yet" in browser.get(ADDRESS).content
    browser.post(f"{ADDRESS}ask/", {"kind": "sdtm"})
    assert Package.objects.count() == 0
