"""Exports: what they hold and leave out, the ledger's note of them, and the certified copy with its verifier."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone, translation

from theratrial import web
from theratrial.sharing.archive.packing import manifest_bytes
from theratrial.trialfolder.tables import TABLES
from theratrial.web.capture.models import Record, Verification
from theratrial.web.capture.queries import query_raised
from theratrial.web.capture.selectors import live_records
from theratrial.web.capture.services import record_change, record_create
from theratrial.web.exports.making import KEPT, SILENT_TOO_LONG, package_file, package_made
from theratrial.web.exports.models import Package
from theratrial.web.exports.naming import export_words
from theratrial.web.exports.packages import folder_files
from theratrial.web.exports.scope import data_use_withdrawn, zipped
from theratrial.web.exports.standards import STANDARDS
from theratrial.web.exports.views import ACTIONS
from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import Event, Head, Note
from theratrial.web.ledger.verification_file import file_verified
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import User
from theratrial.web.setup_site import SETUP, tables_imported
from theratrial.web.trials.models import Trial

ClientOf = Callable[[str], Client]


def person(name: str) -> User:
    return User.objects.get(username=name)


def files_of(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def withdrawn(code: str, kind: str = "data_use") -> None:
    record = Record.objects.get(table="consents", participant__code=code)
    cells = {**record.cells, "withdrawn_at": "2022-09-01T10:00+03:30", "withdrawal_kind": kind}
    record_change(person("coordinator1"), record, cells, seen_version=record.version, reason="she withdrew")


def verified(place: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """The copy's own verifier, in a Python without any of our packages."""
    command = [sys.executable, "-I", "-S", str(place / "verify.py"), str(place), *more]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def copy_fetched(browser: Client, which: str = "", given: dict[str, str] | None = None) -> bytes:
    """Ask for a certified copy, let the worker make it, fetch it."""
    assert browser.post(f"/exports/certified-copy/{which}", given or {}).status_code == 302
    package = Package.objects.latest("requested_at")
    assert package_made(str(package.pk)) == "ready", package.message
    answer = browser.post(f"/exports/packages/{package.pk}/")
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> None:
    settings.SITE_FOLDER = tmp_path / "site"


@pytest.fixture
def history(cohort: Trial) -> Record:
    """P01's screening with a change, a query and a verification."""
    record = Record.objects.get(table="participants", participant__code="P01")
    cells = {**record.cells, "weight_kg": "70.5"}
    changed = record_change(person("coordinator1"), record, cells, seen_version=1, reason="misread scales")
    query_raised(person("monitor1"), "Which scales were these?", record=changed, column="weight_kg")
    return changed


@pytest.fixture
def copy(history: Record, client_of: ClientOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The certified copy of P01, unpacked; without the PDF, which takes long."""
    monkeypatch.setattr("theratrial.web.exports.certified.pdf_of", lambda _page: {})
    content = copy_fetched(client_of("manager1"), "participant/", {"code": "P01"})
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(tmp_path / "copy")
    return tmp_path / "copy"


def test_C1_an_untouched_copy_is_intact(copy: Path) -> None:
    answer = verified(copy)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert answer.stdout.startswith("Intact")


@pytest.mark.parametrize(
    "name", ["copy.html", "records/participants.csv", "ledger.jsonl", "signatures.json", "verify.py"]
)
def test_C1_one_altered_byte_is_named_with_its_file(copy: Path, name: str) -> None:
    file = copy / name
    content = bytearray(file.read_bytes())
    content[-2] ^= 1
    if name == "verify.py":
        content = bytearray(file.read_bytes() + b"\n# added\n")
    file.write_bytes(content)
    answer = verified(copy)
    assert answer.returncode == 1
    assert f"ALTERED: {name}" in answer.stdout or "cannot be read" in answer.stdout


def test_C1_a_file_removed_or_added_is_named(copy: Path) -> None:
    (copy / "history.csv").unlink()
    (copy / "more.txt").write_text("x")
    answer = verified(copy)
    assert "history.csv: missing" in answer.stdout
    assert "more.txt: not part of the copy" in answer.stdout


def test_C1_a_manifest_made_to_fit_is_found_by_the_digest_of_the_ledger(copy: Path) -> None:
    original = hashlib.sha256((copy / "manifest.json").read_bytes()).hexdigest()
    noted = Note.objects.get(action="export.certified-copy").detail["manifest_sha256"]
    assert noted == original
    forged = (copy / "records/participants.csv").read_bytes().replace(b"70.5", b"90.5")
    (copy / "records/participants.csv").write_bytes(forged)
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["files"]["records/participants.csv"]["sha256"] = hashlib.sha256(forged).hexdigest()
    (copy / "manifest.json").write_text(json.dumps(manifest))
    assert "manifest.json: altered" in verified(copy).stdout
    (copy / "manifest.json").write_bytes(manifest_bytes(manifest))
    assert verified(copy).returncode == 0
    answer = verified(copy, "--manifest-sha256", noted)
    assert answer.returncode == 1
    assert "manifest.json: not the one that was certified" in answer.stdout


def test_C1_an_event_altered_with_a_fitting_manifest_is_found_by_its_chain(copy: Path) -> None:
    forged = (copy / "ledger.jsonl").read_bytes().replace(b"misread scales", b"read the scale")
    assert b"read the scale" in forged
    (copy / "ledger.jsonl").write_bytes(forged)
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["files"]["ledger.jsonl"]["sha256"] = hashlib.sha256(forged).hexdigest()
    (copy / "manifest.json").write_text(json.dumps(manifest))
    answer = verified(copy)
    assert answer.returncode == 1
    assert "ledger.jsonl: event" in answer.stdout


def test_C5_the_copy_reads_without_the_software(copy: Path, history: Record) -> None:
    """Values, history with reason, the query, all in plain HTML and CSV that load nothing from elsewhere."""
    page = (copy / "copy.html").read_text(encoding="utf-8")
    for needed in ("70.5", "misread scales", "coordinator1", "Which scales were these?", "P01"):
        assert needed in page
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page
    changes = list(csv.DictReader(io.StringIO((copy / "history.csv").read_text(encoding="utf-8"))))
    change = next(one for one in changes if one["reason"] == "misread scales")
    assert (change["column"], change["new"], change["actor"]) == ("weight_kg", "70.5", "coordinator1")


def test_C1_every_live_cell_of_her_stands_in_the_copy(copy: Path) -> None:
    for table in TABLES:
        lines = list(csv.DictReader(io.StringIO((copy / f"records/{table.name}.csv").read_text(encoding="utf-8"))))
        stored = [one.cells for one in live_records().filter(participant__code="P01", table=table.name)]
        assert [{k: v for k, v in line.items() if v} for line in lines] == stored


def test_V3_an_export_names_software_protocol_and_ledger_head(cohort: Trial, client_of: ClientOf) -> None:
    head = Head.objects.get()
    about = json.loads(files_of(client_of("manager1").post("/exports/folder/").content)["export.json"])
    assert about["software"].startswith("theratrial ")
    assert cohort.in_force is not None
    assert about["protocol_sha256"] == cohort.in_force.sha256
    assert about["ledger"] == {"seq": head.seq, "hash": head.hash}


def test_A9_every_export_is_noted_with_its_digest(
    cohort: Trial, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("theratrial.web.exports.certified.pdf_of", lambda _page: {})
    browser = client_of("manager1")
    for address, action, data in (
        ("folder/", "export.folder", {}),
        ("listings/", "export.listing", {"table": ["participants", "laboratory"]}),
        ("ledger/", "export.ledger", {}),
        ("certified-copy/", "export.certified-copy", {}),
    ):
        certified = address.startswith("certified")
        content = copy_fetched(browser) if certified else browser.post(f"/exports/{address}", data).content
        assert Note.objects.get(action=action).detail["sha256"] == hashlib.sha256(content).hexdigest()
        assert Event.objects.get(action=action, op="note").actor == "manager1"


def test_every_export_that_the_site_notes_is_listed_on_the_page() -> None:
    noted = set()
    for file in Path(web.__path__[0]).rglob("*.py"):
        noted |= set(re.findall(r"[\"'](export\.(?!json)[a-z-]+)[\"']", file.read_text(encoding="utf-8")))
    assert len(noted) >= 7
    assert noted == set(ACTIONS)


@pytest.mark.parametrize("language", ["en", "fa"])
def test_every_export_has_a_name_that_people_know_and_not_that_of_its_action(language: str) -> None:
    """Derived images, data sets and archives were all listed as copies by the action's code."""
    kinds = {"copy", "odm", "archive", "images", "dicom", *STANDARDS}
    with translation.override(language):
        names = {action: export_words(action, {}) for action in ACTIONS if action != "export.study-document"}
        packages = {kind: export_words("export.certified-copy", {"kind": kind}) for kind in kinds}
        documents = {
            kind: export_words("export.study-document", {"kind": kind}) for kind in ("csr", "sap", "safety", "m11")
        }
    assert not [name for name, words in names.items() if words == name or not words]
    assert len(set(packages.values())) == len(kinds)
    assert not [kind for kind, words in {**packages, **documents}.items() if words == kind]
    if language == "fa":
        assert not [words for words in (*names.values(), *packages.values()) if not re.search("[\u0600-\u06ff]", words)]


def test_C2_an_export_imported_into_an_empty_site_exports_the_same_bytes(cohort: Trial, client_of: ClientOf) -> None:
    first = files_of(client_of("manager1").post("/exports/folder/").content)
    tree = {name: content for name, content in first.items() if name.startswith("trial/")}
    tables = {
        table.name: [
            {name: text for name, text in line.items() if text}
            for line in csv.DictReader(io.StringIO(tree[f"trial/records/{table.name}.csv"].decode("utf-8")))
        ]
        for table in TABLES
    }
    made = _in_an_empty_site(lambda: tables_imported(tables, source="export"))
    assert made == {name.removeprefix("trial/"): content for name, content in tree.items()}
    assert len(tree) > len(TABLES)


def _in_an_empty_site(imported: Callable[[], object]) -> dict[str, bytes]:
    """What an empty site with the same protocol exports after the import; the present site is put aside meanwhile."""
    from django.db import transaction

    class PutBack(Exception):
        pass

    found: dict[str, bytes] = {}
    try:
        with transaction.atomic():
            _emptied()
            assert not Record.objects.exists()
            imported()
            files = folder_files(live_records(), contacts=True)
            files.pop("origins.json")
            found.update(files)
            raise PutBack
    except PutBack:
        pass
    return found


def _emptied() -> None:
    """Past the triggers, which refuse it: an empty site in the same database."""
    from theratrial.web.ledger.triggers import triggers_dropped

    triggers_dropped()
    Verification.objects.all().delete()
    Record.objects.all().delete()
    Participant.objects.all().delete()


def test_the_same_records_give_the_same_bytes(cohort: Trial) -> None:
    assert zipped(folder_files(live_records())) == zipped(folder_files(live_records().order_by("-id")))


@pytest.mark.parametrize(
    ("kind", "out"), [("data_use", True), ("all", True), ("", True), ("treatment", False), ("follow_up", False)]
)
def test_who_withdrew_the_use_of_data_is_left_out_and_only_counted(
    cohort: Trial, client_of: ClientOf, kind: str, out: bool
) -> None:
    withdrawn("P02", kind)
    files = files_of(client_of("manager1").post("/exports/folder/").content)
    everything = b"".join(files.values())
    assert (b"P02" not in everything) == out
    about = json.loads(files["export.json"])
    assert about["participants_left_out_because_data_use_is_withdrawn"] == int(out)


def test_a_later_consent_brings_her_data_back(cohort: Trial) -> None:
    withdrawn("P02")
    assert data_use_withdrawn() == {"P02"}
    woman = Participant.objects.get(code="P02")
    cells = {"form_version": "2.0", "language": "fa", "signed_at": "2022-10-01T09:00+03:30", "obtained_by": "CO-01"}
    record_create(person("coordinator1"), "consents", cells, participant=woman)
    assert data_use_withdrawn() == frozenset()


def test_the_ledger_holds_only_digests_of_who_withdrew_and_its_chain_still_verifies(
    cohort: Trial, client_of: ClientOf
) -> None:
    withdrawn("P02")
    weight = Record.objects.get(table="participants", participant__code="P02").cells["weight_kg"]
    lines = files_of(client_of("manager1").post("/exports/ledger/").content)["ledger.jsonl"].decode().splitlines()
    hers = [line for line in lines if '"participant":"P02"' in line]
    assert hers
    assert not any(weight in line and "weight_kg" in line for line in hers)
    assert file_verified(lines).faults == []


def test_the_certified_copy_holds_who_withdrew(
    cohort: Trial, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("theratrial.web.exports.certified.pdf_of", lambda _page: {})
    withdrawn("P02")
    files = files_of(copy_fetched(client_of("manager1")))
    assert b"weight_kg" in files["ledger.jsonl"]
    assert "participants/P02.html" in files
    assert b"P02," in files["records/participants.csv"]


def test_C1_the_copy_of_the_trial_is_intact_and_says_when_its_ledger_is_cut(
    history: Record, client_of: ClientOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("theratrial.web.exports.certified.pdf_of", lambda _page: {"copy.pdf": b"%PDF"})
    place = tmp_path / "copy"
    with zipfile.ZipFile(io.BytesIO(copy_fetched(client_of("manager1")))) as archive:
        archive.extractall(place)
    assert verified(place).returncode == 0
    for name in ("copy", "participants/P01", "participants/shared"):
        assert (place / f"{name}.html").is_file()
        assert (place / f"{name}.pdf").read_bytes() == b"%PDF", name
    lines = (place / "ledger.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (place / "ledger.jsonl").write_text("".join(lines[:5] + lines[6:]), encoding="utf-8")
    assert "event 7 does not follow event 5" in verified(place).stdout


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("theratrial.web.exports.certified.pdf_of", lambda _page: {})


def test_a_copy_is_noted_when_asked_for_and_again_when_it_is_fetched(
    cohort: Trial, client_of: ClientOf, quick: None
) -> None:
    browser = client_of("manager1")
    browser.post("/exports/certified-copy/participant/", {"code": "P01"})
    browser.post("/exports/certified-copy/participant/", {"code": "P01"})
    package = Package.objects.get()
    asked = Note.objects.get(action="export.certified-copy-request")
    assert (asked.participant, asked.detail["package"]) == ("P01", str(package.pk))
    assert not Note.objects.filter(action="export.certified-copy").exists()
    shown = browser.get("/exports/packages/")
    assert "HX-Refresh" not in shown
    assert "waiting for a worker" in shown.content.decode()
    assert browser.post(f"/exports/packages/{package.pk}/").status_code == 404, "it is not made yet"
    assert package_made(str(package.pk)) == "ready"
    assert package_made(str(package.pk)) == "not waiting"
    assert browser.get("/exports/packages/")["HX-Refresh"] == "true"
    assert "ready" in browser.get("/exports/").content.decode()
    answer = browser.post(f"/exports/packages/{package.pk}/")
    content = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    fetched = Note.objects.get(action="export.certified-copy")
    assert (fetched.participant, fetched.detail["sha256"]) == ("P01", hashlib.sha256(content).hexdigest())


def test_a_copy_is_given_to_nobody_but_who_asked_and_only_while_she_may(
    cohort: Trial, client_of: ClientOf, quick: None
) -> None:
    browser = client_of("manager1")
    browser.post("/exports/certified-copy/participant/", {"code": "P01"})
    package = Package.objects.get()
    package_made(str(package.pk))
    address = f"/exports/packages/{package.pk}/"
    assert client_of("manager2").post(address).status_code == 404
    assert client_of("pharmacist1").post(address).status_code == 404
    assert client_of("administrator1").post(address).status_code == 403
    with act(SETUP, "test.end"):
        person("manager1").assignments.update(role="coordinator")
    assert client_of("manager1").post(address).status_code == 403


def test_a_package_is_gone_after_a_week_and_its_file_with_the_next_request(
    cohort: Trial, client_of: ClientOf, quick: None
) -> None:
    browser = client_of("manager1")
    copy_fetched(browser, "participant/", {"code": "P01"})
    package = Package.objects.get()
    file = package_file(package)
    Package.objects.update(requested_at=timezone.now() - KEPT - timedelta(minutes=1))
    assert browser.post(f"/exports/packages/{package.pk}/").status_code == 404
    assert file.is_file()
    browser.post("/exports/certified-copy/participant/", {"code": "P02"})
    assert not file.exists()
    package.refresh_from_db()
    assert package.state == "removed"


def test_a_package_whose_making_fails_says_so_and_leaves_nothing(
    cohort: Trial, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_page: str) -> dict[str, bytes]:
        raise OSError("disk full")

    monkeypatch.setattr("theratrial.web.exports.certified.pdf_of", broken)
    browser = client_of("manager1")
    browser.post("/exports/certified-copy/participant/", {"code": "P01"})
    package = Package.objects.get()
    assert package_made(str(package.pk)) == "failed"
    assert not package_file(package).exists()
    assert "disk full" in browser.get("/exports/").content.decode()


def test_a_package_whose_maker_died_fails_at_the_next_request(cohort: Trial, client_of: ClientOf) -> None:
    client_of("manager1").post("/exports/certified-copy/participant/", {"code": "P01"})
    Package.objects.update(state="making", begun_at=timezone.now() - SILENT_TOO_LONG - timedelta(minutes=1))
    client_of("manager1").post("/exports/certified-copy/participant/", {"code": "P01"})
    assert sorted(Package.objects.values_list("state", flat=True)) == ["failed", "waiting"]


def test_C1_the_pdf_of_a_copy_is_pdf_a_with_embedded_fonts(cohort: Trial) -> None:
    weasyprint = pytest.importorskip("weasyprint")
    assert weasyprint
    from theratrial.web.exports.certified import pdf_of

    content = pdf_of("<html lang='fa' dir='rtl'><title>x</title><p>نسخهٔ تأییدشده P01</p></html>")["copy.pdf"]
    assert content.startswith(b"%PDF-1.7")
    streams = b"".join(_streams(content))
    assert b"<pdfaid:part>3</pdfaid:part>" in streams.replace(b'pdfaid:part="3"', b"<pdfaid:part>3</pdfaid:part>")
    assert b"/FontFile" in streams + content


def _streams(pdf: bytes) -> Iterator[bytes]:
    for found in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            yield zlib.decompress(found.group(1))
        except zlib.error:
            yield found.group(1)


@pytest.mark.parametrize(
    ("who", "address", "expected"),
    [
        ("statistician1", "folder/", 200),
        ("statistician1", "ledger/", 403),
        ("statistician1", "certified-copy/", 403),
        ("coordinator1", "folder/", 403),
        ("monitor1", "certified-copy/", 403),
        ("monitor1", "ledger/", 403),
        ("registrant1", "listings/", 403),
    ],
)
def test_who_may_export_what(cohort: Trial, client_of: ClientOf, who: str, address: str, expected: int) -> None:
    assert client_of(who).post(f"/exports/{address}").status_code == expected


def test_exports_are_made_by_post_only(cohort: Trial, client_of: ClientOf) -> None:
    for address in ("folder/", "listings/", "ledger/", "certified-copy/", "certified-copy/participant/"):
        assert client_of("manager1").get(f"/exports/{address}").status_code == 405


@pytest.mark.parametrize("tables", [[], ["nonsense"], ["../secret"]])
def test_a_listing_of_no_known_table_is_refused_with_words(
    cohort: Trial, client_of: ClientOf, tables: list[str]
) -> None:
    answer = client_of("manager1").post("/exports/listings/", {"table": tables}, follow=True)
    assert "choose tables to list" in answer.content.decode()
    assert not Note.objects.filter(action="export.listing").exists()


@pytest.mark.parametrize("code", ["", "NOBODY", "P01\x00", "../P01"])
def test_a_copy_of_nobody_is_not_found(cohort: Trial, client_of: ClientOf, code: str) -> None:
    # A NUL is refused at the door of the site, before this page.
    answer = client_of("manager1").post("/exports/certified-copy/participant/", {"code": code})
    assert answer.status_code == (422 if "\x00" in code else 404)
