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
from pathlib import Path

import pytest
from django.test import Client

from theratrial.trialfolder.tables import TABLES
from theratrial.web.capture.models import Record, Verification
from theratrial.web.capture.queries import query_raised
from theratrial.web.capture.selectors import live_records
from theratrial.web.capture.services import record_change, record_create
from theratrial.web.exports.packages import folder_files
from theratrial.web.exports.scope import data_use_withdrawn, zipped
from theratrial.web.ledger.models import Event, Head, Note
from theratrial.web.ledger.verification_file import file_verified
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import User
from theratrial.web.setup_site import tables_imported
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
    answer = client_of("manager1").post("/exports/certified-copy/participant/", {"code": "P01"})
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
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
        content = browser.post(f"/exports/{address}", data).content
        assert Note.objects.get(action=action).detail["sha256"] == hashlib.sha256(content).hexdigest()
        assert Event.objects.get(action=action, op="note").actor == "manager1"


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
            files = folder_files(live_records())
            files.pop("origins.json")
            found.update(files)
            raise PutBack
    except PutBack:
        pass
    return found


def _emptied() -> None:
    """Past the triggers, which refuse it: an empty site in the same database."""
    from django.db import connection

    from theratrial.web.ledger import triggers

    triggers.triggers_removed() if hasattr(triggers, "triggers_removed") else None
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            for (name,) in cursor.fetchall():
                cursor.execute(f'DROP TRIGGER "{name}"')
        else:
            cursor.execute("SET LOCAL session_replication_role = replica")
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
    files = files_of(client_of("manager1").post("/exports/certified-copy/").content)
    assert b"weight_kg" in files["ledger.jsonl"]
    assert "participants/P02.html" in files
    assert b"P02," in files["records/participants.csv"]


def test_C1_the_copy_of_the_trial_is_intact_and_says_when_its_ledger_is_cut(
    history: Record, client_of: ClientOf, tmp_path: Path
) -> None:
    answer = client_of("manager1").post("/exports/certified-copy/")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        archive.extractall(tmp_path)
    assert verified(tmp_path).returncode == 0
    lines = (tmp_path / "ledger.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "ledger.jsonl").write_text("".join(lines[:5] + lines[6:]), encoding="utf-8")
    assert "event 7 does not follow event 5" in verified(tmp_path).stdout


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
    assert client_of("manager1").post("/exports/certified-copy/participant/", {"code": code}).status_code == 404
