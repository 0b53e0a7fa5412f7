"""Hostile deliveries: bombs, tricks with names, lies about sizes, a kill in the middle, people who may not."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import stat
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from tests.web.web_dicom_files import batch, zipped

from theratrial.errors import InputError
from theratrial.web.ledger.act import SystemActor, act
from theratrial.web.people.models import Site
from theratrial.web.studies import arrivals, store
from theratrial.web.studies.archives import ArchiveRefused, unpacked
from theratrial.web.studies.arrivals import files_of_body, journal
from theratrial.web.studies.models import Upload

DICOM = b"\0" * 128 + b"DICM" + b"\x02\0\0\0"
ROBOT = SystemActor("test")


pytestmark = pytest.mark.usefixtures("own_images")


def opened(tmp_path: Path, content: bytes) -> list[arrivals.Arrived]:
    archive = tmp_path / "a.zip"
    archive.write_bytes(content)
    return list(unpacked(archive, "a.zip", tmp_path / "out"))


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with pytest.raises(ArchiveRefused, match="times its size"):
        opened(tmp_path, zipped([("zeros.dcm", b"\0" * 50_000_000)]))
    assert not (tmp_path / "out").exists()


def test_a_directory_that_lies_about_a_size_stops_at_the_limit(tmp_path: Path) -> None:
    content = bytearray(zipped([("zeros.dcm", b"\0" * 50_000_000)]))
    for signature, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = content.index(signature)
        struct.pack_into("<I", content, at + offset, 1000)
    found: list[arrivals.Arrived] = []
    with contextlib.suppress(ArchiveRefused):
        found = opened(tmp_path, bytes(content))
    kept = [path for path in (tmp_path / "out").glob("*") if path.is_file()]
    assert all(one.reason for one in found)
    assert sum(path.stat().st_size for path in kept) == 0


def test_names_of_an_archive_lead_out_of_nothing(tmp_path: Path) -> None:
    found = opened(tmp_path, zipped([("../../evil.dcm", DICOM + b"1"), ("/etc/evil.dcm", DICOM + b"2")]))
    assert [one.name for one in found] == ["a.zip/evil.dcm", "a.zip/etc/evil.dcm"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {one.sha256 for one in found}
    assert not list(tmp_path.parent.glob("evil.dcm"))


def test_a_symbolic_link_in_an_archive_is_not_followed(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        link = zipfile.ZipInfo("link.dcm")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert [one.reason for one in opened(tmp_path, stream.getvalue())] == ["is a symbolic link, which is not followed"]


def test_an_archive_inside_an_archive_is_not_unpacked(tmp_path: Path) -> None:
    inner = zipped([("a.dcm", DICOM)])
    [one] = opened(tmp_path, zipped([("inner.zip", inner)]))
    assert "archive inside an archive" in one.reason
    assert list((tmp_path / "out").iterdir()) == []


def test_an_encrypted_archive_is_refused_with_what_to_do(tmp_path: Path) -> None:
    content = bytearray(zipped([("a.dcm", DICOM)]))
    for signature, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        content[content.index(signature) + offset] |= 1
    with pytest.raises(ArchiveRefused, match="encrypted; unpack it"):
        opened(tmp_path, bytes(content))


@pytest.mark.parametrize("cut", [10, 60, 200])
def test_a_damaged_archive_is_refused_whole(tmp_path: Path, cut: int) -> None:
    with pytest.raises(ArchiveRefused, match="damaged"):
        opened(tmp_path, zipped([("a.dcm", DICOM * 50)])[:-cut])


@pytest.mark.parametrize("megabytes", [400, pytest.param(2048, marks=pytest.mark.walk)])
def test_a_large_body_is_never_held_in_memory(monkeypatch: pytest.MonkeyPatch, megabytes: int) -> None:
    size = megabytes * 1024 * 1024
    monkeypatch.setenv("THERATRIAL_MOST_BYTES_PER_FILE", str(size))
    head = json.dumps({"name": "big.dcm", "bytes": size}).encode() + b"\n" + DICOM
    left = [size - len(DICOM)]
    waiting = [head]

    def read(most: int) -> bytes:
        if waiting:
            return waiting.pop()
        block = min(most, left[0])
        left[0] -= block
        return bytes(block)

    tracemalloc.start()
    [one] = list(files_of_body(read, "big"))
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (one.bytes, one.reason) == (size, "")
    assert (store.incoming_folder("big") / one.sha256).stat().st_size == size
    assert peak < 16 * 1024 * 1024


@pytest.mark.parametrize(
    "body",
    [
        b"no json\n",
        b'{"name": 3, "bytes": 1}\nx',
        b'{"name": "a", "bytes": -1}\nx',
        b'{"name": "a", "bytes": true}\nx',
        b'{"name": "a", "bytes": 1e3}\nx',
        b"[" * 9000 + b"\n",
        b"\xff\xfe\n",
    ],
)
def test_a_body_that_is_no_batch_is_refused(body: bytes) -> None:
    with pytest.raises(InputError):
        list(files_of_body(io.BytesIO(body).read, "broken"))
    assert journal("broken") == []


def test_a_file_beyond_the_limit_is_refused_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THERATRIAL_MOST_BYTES_PER_FILE", "1000")
    with pytest.raises(InputError, match="larger than"):
        list(files_of_body(io.BytesIO(batch([("a.dcm", DICOM + b"\0" * 2000)])).read, "large"))
    assert list(store.incoming_folder("large").iterdir()) == []


def test_more_files_than_allowed_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THERATRIAL_MOST_FILES_PER_UPLOAD", "2")
    body = batch([(f"{n}.dcm", DICOM + bytes([n])) for n in range(3)])
    with pytest.raises(InputError, match="more than 2 files"):
        list(files_of_body(io.BytesIO(body).read, "many"))
    assert len(journal("many")) == 2


def test_a_kill_in_the_middle_of_storing_leaves_no_file_that_looks_whole(tmp_path: Path) -> None:
    script = (
        "import os, sys, time; os.environ['THERATRIAL_SITE'] = sys.argv[1]\n"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'theratrial.web.settings'\n"
        "import django; django.setup()\n"
        "from pathlib import Path\n"
        "from theratrial.web.studies.store import written\n"
        "def read(most):\n"
        "    print('block', flush=True); time.sleep(0.05); return b'x' * 1000\n"
        "written(read, Path(sys.argv[1], 'in'), most=10**9)\n"
    )
    site = tmp_path / "killed"
    site.mkdir()
    process = subprocess.Popen([sys.executable, "-c", script, str(site)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for _ in range(3):
        assert process.stdout.readline() == "block\n"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    names = [path.name for path in (site / "in").iterdir()]
    assert len(names) == 1
    assert names[0].startswith(".part-")


def test_a_journal_line_cut_by_a_crash_is_left_out(tmp_path: Path) -> None:
    list(files_of_body(io.BytesIO(batch([("a.dcm", DICOM)])).read, "crash"))
    with (store.incoming_folder("crash") / "journal.jsonl").open("ab") as file:
        file.write(b'{"name": "b.dcm", "by')
    assert [one.name for one in journal("crash")] == ["a.dcm"]


@pytest.mark.parametrize("sha256", ["../../etc/passwd", "a" * 63, "A" * 64, "g" * 64, ""])
def test_only_a_hash_is_a_place_of_the_store(sha256: str) -> None:
    with pytest.raises(InputError):
        store.stored_path(sha256)


@pytest.mark.parametrize("username", ["monitor1", "pharmacist1", "manager1", "statistician1", "administrator1"])
def test_who_may_not_upload_gets_nowhere(cast: Any, client_of: Callable[[str], Client], username: str) -> None:
    client = client_of(username)
    assert client.get("/images/upload/").status_code == 403
    assert client.post("/images/upload/begin/").status_code == 403
    assert not Upload.objects.exists()


def test_another_sites_upload_does_not_exist(cast: Any, other_site: Site, client_of: Callable[[str], Client]) -> None:
    with act(ROBOT, "test"):
        theirs = Upload.objects.create(received_at="2026-01-01T00:00Z", received_by="x", site=other_site)
    client = client_of("coordinator1")
    address = f"/images/uploads/{theirs.pk}/"
    body = batch([("a.dcm", DICOM)])
    assert client.get(address).status_code == 404
    assert client.get(f"{address}have/").status_code == 404
    assert client.put(f"{address}files/", body, content_type="application/octet-stream").status_code == 404
    assert client.post(f"{address}finish/").status_code == 404
    assert client.post(f"{address}cancel/").status_code == 404
    assert client.post("/images/upload/begin/", {"site": other_site.pk}).status_code == 422
    assert not store.incoming_folder(str(theirs.pk)).exists()


def test_a_batch_without_the_forms_token_is_refused(cast: Any, site: Site) -> None:
    from theratrial.web.people.models import User

    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.get(username="coordinator1"), "theratrial.web.people.backend.AccountBackend")
    with act(ROBOT, "test"):
        upload = Upload.objects.create(received_at="2026-01-01T00:00Z", received_by="x", site=site)
    answer = client.put(f"/images/uploads/{upload.pk}/files/", b"", content_type="application/octet-stream")
    assert answer.status_code == 403


def test_nobody_signed_in_is_sent_to_the_sign_in(trial: Any) -> None:
    for address in ("/images/", "/images/upload/", "/images/quarantine/", "/images/participant/P01/"):
        answer = Client().get(address)
        assert answer.status_code == 302
        assert "sign-in" in answer["Location"]
