"""What was acknowledged to a sender and is not registered yet is in the backup, and comes to its place after it."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.web.web_backup_commands import ROOT, command, environment, site_copied, site_process

from theratrial.web.backup import deliveries

UPLOADS = "SELECT state, count(*), sum(files) FROM studies_upload WHERE source = 'dicom' GROUP BY state ORDER BY state"


def rows(site: Path, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(f"file:{site / 'site.sqlite3'}?mode=ro", uri=True) as database:
        return list(database.execute(query))


def stored(site: Path) -> set[str]:
    return {str(one) for (one,) in rows(site, "SELECT sha256 FROM studies_storedfile")}


def waiting_files(site: Path) -> set[str]:
    """Whole instances of deliveries."""
    return {path.name for path in (site / "images" / "incoming").glob("*/*") if len(path.name) == 64}


def test_a_backup_says_and_holds_what_was_received_and_not_registered(made_backups: Path) -> None:
    said = (made_backups / "said").read_text()
    assert "images: 3; not registered yet: 6 in 3 deliveries; without a place: 1" in said
    assert "Deliveries received and not registered yet: 3 (6 files)" in said
    assert "(images/unregistered): 1" in said
    with zipfile.ZipFile(made_backups / "b.zip") as archive:
        names = archive.namelist()
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["waiting"] == {"deliveries": 3, "files": 6, "unregistered": 1}
    held = {name.rpartition("/")[2] for name in names if name.startswith("site/images/incoming/")} - {"journal.jsonl"}
    assert held == waiting_files(made_backups / "site")
    assert len(held) == 6
    assert sum(name.startswith("site/images/unregistered/") for name in names) == 1


def test_in_a_restored_site_they_are_read_and_registered(made_backups: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    assert "not registered yet: 3 (6 files)" in command("restore", made_backups / "b", "--site", again)
    waiting, before = waiting_files(again), stored(again)
    assert waiting == waiting_files(made_backups / "site")
    assert rows(again, UPLOADS) == [("done", 1, 1), ("failed", 1, 1), ("reading", 1, 3), ("receiving", 1, 0)]
    site_process("read", again)
    assert rows(again, UPLOADS) == [("done", 4, 7)]
    assert stored(again) - before == waiting
    assert waiting_files(again) == set()


def test_a_delivery_whose_files_are_missing_is_told_and_never_becomes_done(made_site: Path, tmp_path: Path) -> None:
    """As after a backup of an earlier version, which left deliveries out."""
    site, again = tmp_path / "site", tmp_path / "again"
    site_copied(made_site, site)
    [(whole,)] = rows(site, "SELECT id FROM studies_upload WHERE state = 'reading'")
    [(one,)] = rows(site, "SELECT id FROM studies_upload WHERE state = 'failed'")
    folders = {path.name.replace("-", ""): path for path in (site / "images" / "incoming").iterdir()}
    shutil.rmtree(folders[whole])
    next(folders[one].glob("?" * 64)).unlink()
    said = command("backup", tmp_path / "b", "--site", site, code=1)
    assert f"delivery {folders[whole].name} of CT01: its 3 files are missing" in said
    assert f"delivery {folders[one].name} of CT01: " in said
    assert "was received and is missing" in said
    command("restore", tmp_path / "b", "--site", again, code=1)
    site_process("read", again)
    messages = dict(rows(again, "SELECT id, message FROM studies_upload WHERE state = 'failed'"))
    assert "3 of the 3 files of this delivery are not on the site any more" in messages[whole]
    assert "was received but is not there any more; send it again" in messages[one]
    assert rows(again, UPLOADS)[0] == ("done", 2, 3), "the one that was still arriving, and the one done before"


def test_a_backup_while_images_arrive_has_all_that_were_acknowledged_before_it(made_site: Path, tmp_path: Path) -> None:
    site, again = tmp_path / "site", tmp_path / "again"
    site_copied(made_site, site)
    line = [sys.executable, "-m", "tests.web.web_backup_site", "deliver", str(site)]
    sender = subprocess.Popen(line, env=environment(), stdout=subprocess.PIPE, text=True, cwd=ROOT)
    acknowledged: list[str] = []
    try:
        assert sender.stdout is not None
        assert sender.stdout.readline() == "ready\n"
        threading.Thread(target=lambda: acknowledged.extend(map(str.strip, sender.stdout)), daemon=True).start()
        while len(acknowledged) < 9:
            time.sleep(0.01)
        line = [sys.executable, "-m", "theratrial", "backup", str(tmp_path / "b"), "--site", str(site)]
        backup = subprocess.Popen(line, env=environment(), stderr=subprocess.PIPE, text=True, cwd=ROOT)
        assert backup.stderr is not None
        assert backup.stderr.readline() == "Backing up: 1 of 5 (ledger)\n"
        before = set(acknowledged)  # the moment of the database comes now
        assert backup.wait(60) == 0
    finally:
        sender.send_signal(signal.SIGKILL)
        sender.wait()
    assert set(acknowledged) > before, "images arrived meanwhile"
    command("restore", tmp_path / "b", "--site", again)
    waiting = json.loads((tmp_path / "b" / "manifest.json").read_text())["waiting"]
    assert waiting["deliveries"] > 3, "those of the site that was copied, and what was under way"
    site_process("read", again)
    assert before <= stored(again)
    assert {state for state, _count, _files in rows(again, UPLOADS)} == {"done"}


def upload(state: str, *, source: str = "dicom", files: int = 0, id: str = "d") -> dict[str, Any]:
    return {"id": id, "state": state, "source": source, "sender": "CT01", "received_by": "dicom:CT01", "files": files}


@pytest.fixture
def snapshots(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Each time the database is looked at it holds the next of these, one upload."""
    held: list[dict[str, Any]] = []

    @contextmanager
    def taken(_folder: Path, _working: Path, _url: str) -> Iterator[dict[str, Any]]:
        yield held.pop(0)

    monkeypatch.setattr(deliveries, "snapshot_taken", taken)
    monkeypatch.setattr(deliveries, "_rows", lambda found, table: [found] if table == "studies_upload" else [])
    return held


@pytest.mark.parametrize("state", ["reading", "receiving"])
def test_a_delivery_that_came_and_went_between_database_and_journals_has_the_moment_taken_again(
    snapshots: list[dict[str, Any]], tmp_path: Path, state: str
) -> None:
    snapshots += [upload(state, files=2), upload("done", files=2), upload("done")]
    with deliveries.snapshot_with_deliveries(tmp_path, tmp_path, "") as (snapshot, found):
        assert snapshot["state"] == "done"
        assert found.waiting == ()
    assert len(snapshots) == 1


def test_a_delivery_that_stays_lost_is_told_after_some_tries(snapshots: list[dict[str, Any]], tmp_path: Path) -> None:
    snapshots += [upload("reading", files=2)] * 3
    with deliveries.snapshot_with_deliveries(tmp_path, tmp_path, "") as (_snapshot, found):
        assert [one.lost for one in found.waiting] == [True]


def test_a_journal_that_was_there_before_the_moment_counts_though_a_worker_has_taken_it_away(
    snapshots: list[dict[str, Any]],
) -> None:
    row = upload("reading", files=1)
    line = b'{"name": "a.dcm", "bytes": 1, "sha256": "aa"}\n'
    for before, after in (({"d": line}, {}), ({}, {"d": line}), ({"d": line[:20]}, {"d": line})):
        [one] = deliveries.deliveries_at(row, before, after).waiting
        assert [arrived.sha256 for arrived in one.lines] == ["aa"]
        assert not one.lost


def test_what_is_registered_cancelled_or_a_folder_of_this_machine_does_not_wait(
    snapshots: list[dict[str, Any]],
) -> None:
    journals = {"d": b"{}"}
    for row in (upload("done", source="browser"), upload("cancelled"), upload("reading", source="folder")):
        assert deliveries.deliveries_at(row, {}, journals).waiting == ()
    assert deliveries.deliveries_at(upload("done"), {}, {}).waiting == ()
    assert deliveries.deliveries_at(upload("receiving", source="browser"), {}, {}).waiting == ()
