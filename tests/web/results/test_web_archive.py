"""The inspector's archive on the site: who may ask for it, what it holds, that it verifies without the site."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from theratrial.pipeline.verify_archive import archive_verification
from theratrial.sharing.archive import contents
from theratrial.sharing.archive.packing import listed, manifest_bytes, zip_bytes
from theratrial.sharing.archive.verifier import faults
from theratrial.web.exports import certified
from theratrial.web.exports.making import package_file, package_made
from theratrial.web.exports.models import Package
from theratrial.web.ledger.models import Note
from theratrial.web.results.models import Computation

ClientOf = Callable[[str], Client]
ADDRESS = "/exports/archive/"
MAY = {"investigator1"}
"""Who may export, read the ledger and see the endpoint."""


@pytest.fixture(autouse=True)
def _no_pdf(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> None:
    monkeypatch.setattr(contents, "pdf_bytes", lambda _page, **_named: b"%PDF-1.7 of a test")
    monkeypatch.setattr(certified, "pdf_of", lambda _page: {"copy.pdf": b"%PDF-1.7 of a test"})
    settings.SITE_FOLDER = tmp_path / "site"


def made(browser: Client, **given: str) -> Package:
    assert browser.post(ADDRESS, given).status_code == 302
    package = Package.objects.latest("requested_at")
    assert package_made(str(package.pk)) == "ready", package.message
    package.refresh_from_db()
    return package


def fetched(browser: Client, package: Package, place: Path) -> Path:
    answer = browser.post(f"/exports/packages/{package.pk}/")
    assert answer.status_code == 200
    assert "archive" in answer.headers["Content-Disposition"]
    place.write_bytes(b"".join(answer.streaming_content))  # type: ignore[attr-defined]
    return place


def test_C1_the_archive_of_the_trial_holds_everything_and_no_event_can_leave_it_unseen(
    computed_files: Computation, client_of: ClientOf, tmp_path: Path
) -> None:
    browser = client_of("investigator1")
    place = fetched(browser, made(browser), tmp_path / "a.zip")
    with zipfile.ZipFile(place) as archive:
        names = set(archive.namelist())
        about = json.loads(archive.read("manifest.json"))
        (tmp_path / "verify.py").write_bytes(archive.read("verify.py"))
    expected = {
        *("report.pdf", "copy/copy.pdf", "odm.xml", "sdtm/dataset-json/dm.json", "sdtm/xpt/dm.xpt"),
        *("sdtm/dataset-json/define.xml", "ledger.jsonl", "copy/signatures.json", "images.json", "trial/protocol.yaml"),
        *("trial/records/visits.csv", "results/results.json", "README.txt", "verify.py", "manifest.json"),
    }
    assert expected <= names
    assert (about["ledger_is_whole"], about["not_inside"], about["images_inside"]) == (True, [], False)
    digest = Note.objects.get(action="export.certified-copy").detail["manifest_sha256"]
    line = [sys.executable, "-I", "-S", str(tmp_path / "verify.py"), str(place), "--manifest-sha256", digest]
    said = subprocess.run(line, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout
    assert not archive_verification(place).recomputed
    _an_event_left_out_is_found_by_its_chain(place)


def _an_event_left_out_is_found_by_its_chain(place: Path) -> None:
    with zipfile.ZipFile(place) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    lines = files["ledger.jsonl"].splitlines(keepends=True)
    files["ledger.jsonl"] = b"".join(lines[:10] + lines[11:])
    about = json.loads(files.pop("manifest.json")) | {"files": listed(files)}
    place.write_bytes(zip_bytes({**files, "manifest.json": manifest_bytes(about)}))
    assert list(faults(place)) == ["ledger.jsonl: event 12 does not follow event 10"]


@pytest.mark.long
def test_the_archive_with_images_is_recomputed_in_full(
    computed_files: Computation, client_of: ClientOf, tmp_path: Path
) -> None:
    browser = client_of("investigator1")
    place = fetched(browser, made(browser, images="yes"), tmp_path / "a.zip")
    found = archive_verification(place)
    assert found.whole is not None
    assert found.whole.differences == ()
    assert found.recomputed


def test_the_archive_of_one_participant_tells_of_nobody_else(
    computed_files: Computation, client_of: ClientOf, tmp_path: Path
) -> None:
    browser = client_of("investigator1")
    place = fetched(browser, made(browser, code="P01"), tmp_path / "a.zip")
    assert list(faults(place)) == []
    with zipfile.ZipFile(place) as archive:
        for name in archive.namelist():
            assert b"P02" not in archive.read(name), name
            assert "P02" not in name


def test_only_who_may_export_read_the_ledger_and_see_results_gets_one(
    computed_files: Computation, client_of: ClientOf, db: None
) -> None:
    from theratrial.web.people.models import User

    package = made(client_of("investigator1"))
    for name in User.objects.values_list("username", flat=True):
        answer = client_of(name).post(ADDRESS, {"code": "P01"})
        assert (answer.status_code == 302) == (name in MAY), (name, answer.status_code)
        answer = client_of(name).post(ADDRESS)
        assert (answer.status_code == 302) == (name in MAY), (name, answer.status_code)
        got = client_of(name).post(f"/exports/packages/{package.pk}/").status_code
        assert (got == 200) == (name == "investigator1"), name
        page = client_of(name).get("/exports/")
        assert (b"/exports/archive/" in page.content) == (name in MAY), name


def test_bad_words_and_a_site_without_results_are_answered(cohort: Any, client_of: ClientOf) -> None:
    browser = client_of("investigator1")
    assert browser.post(ADDRESS, {"code": "P99"}).status_code == 404
    assert browser.post(ADDRESS, {"code": "P01\x00"}).status_code in (404, 422)
    assert browser.get(ADDRESS).status_code == 405
    assert browser.post(ADDRESS).status_code == 302
    package = Package.objects.latest("requested_at")
    assert package_made(str(package.pk)) == "failed"
    package.refresh_from_db()
    assert "nothing is computed yet" in package.message
    assert not package_file(package).exists()
    assert list(package_file(package).parent.glob("*")) == []
