"""Fetching from a PACS that nobody here wrote: Orthanc, started by the test with a configuration of its own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.dicom_node.dicom_node_site import RunningNode, dcmtk, rows, scripted, until, uploads_read
from tests.web.web_dicom_files import ct_slices, whole_body

AT = datetime(2022, 5, 1, 9, tzinfo=UTC)
pytestmark = pytest.mark.usefixtures("dcmtk_there")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Orthanc:
    """A running PACS."""

    port: int
    http: int

    def asked(self, path: str) -> object:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=10) as answer:
            return json.load(answer)


@pytest.fixture
def orthanc_for(tmp_path: Path) -> Iterator[Callable[[int], Orthanc]]:
    """Starts an Orthanc that knows our node on a port."""
    program = shutil.which("Orthanc") or "/usr/sbin/Orthanc"
    if not Path(program).exists():
        pytest.skip("Orthanc is not installed (Debian: apt install orthanc)")
    started: list[subprocess.Popen[bytes]] = []

    def start(our_port: int) -> Orthanc:
        made = Orthanc(free_port(), free_port())
        folder = tmp_path / "orthanc"
        folder.mkdir()
        (folder / "orthanc.json").write_text(
            json.dumps(
                {
                    "Name": "Test",
                    "StorageDirectory": str(folder / "db"),
                    "IndexDirectory": str(folder / "db"),
                    "Plugins": [],
                    "HttpPort": made.http,
                    "RemoteAccessAllowed": False,
                    "AuthenticationEnabled": False,
                    "DicomAet": "ORTHANC",
                    "DicomPort": made.port,
                    "DicomModalities": {"us": ["THERATRIAL", "127.0.0.1", our_port]},
                }
            ),
            encoding="utf-8",
        )
        started.append(
            subprocess.Popen(
                [program, str(folder / "orthanc.json")],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "TCP_NODELAY": "1"},
            )
        )
        until(lambda: _answers(made), seconds=60)
        return made

    yield start
    for one in started:
        one.terminate()
        one.wait(20)


def _answers(orthanc: Orthanc) -> bool:
    try:
        return bool(orthanc.asked("/system"))
    except OSError:
        return False


def filled(orthanc: Orthanc, folder: Path, files: list[bytes]) -> None:
    folder.mkdir()
    for number, content in enumerate(files):
        (folder / f"{number}.dcm").write_bytes(content)
    done = dcmtk("storescu", "-aec", "ORTHANC", "127.0.0.1", str(orthanc.port), "+sd", str(folder))
    assert done.returncode == 0, done.stderr


_PEER = """
import sys
import django
django.setup()
from theratrial.web.dicom_node.peers import peer_recorded
from theratrial.web.people.models import Site, User
site, who = Site.objects.order_by("pk")[0], User.objects.get(username="administrator1")
peer_recorded(who, name="Archive", ae_title=sys.argv[2], host="127.0.0.1", port=sys.argv[1], site=site,
              may_send=True, may_be_asked=True, any_address=False, tls=False)
"""
_FETCHED = """
import json, sys
import django
django.setup()
from datetime import date
from theratrial.errors import InputError
from theratrial.web.dicom_node import asking, fetching
from theratrial.web.dicom_node.models import Fetch, Peer
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import User
peer, who = Peer.objects.get(name="Archive"), User.objects.get(username="coordinator1")
person = Participant.objects.get(code="P01")
try:
    asking.echoed(peer)
    days = [date.fromisoformat(one) for one in sys.argv[1:]] or [None, None]
    found = fetching.studies_asked(who, peer, person, first=days[0], last=days[1])
    for one in found:
        row = fetching.fetch_begun(who, peer, person, one.study_instance_uid)
        fetching.fetch_made(str(row.pk))
        fetching.fetch_made(str(row.pk))
    print(json.dumps([[one.patient_id, one.study_date, one.modalities, one.instances] for one in found]))
except InputError as error:
    print(json.dumps(str(error)))
"""


def test_a_study_is_found_by_the_participants_code_and_fetched_with_all_its_images(
    node: RunningNode, site_folder: Path, orthanc_for: Callable[[int], Orthanc], tmp_path: Path
) -> None:
    orthanc = orthanc_for(node.port)
    hers = ct_slices("P01", AT, 7, uid="1.2.3.4")
    others = [*ct_slices("P011", AT, 2, uid="1.2.3.5"), whole_body("SOMEBODY", AT)]
    filled(orthanc, tmp_path / "files", [*hers, *others])
    scripted(site_folder, _PEER, str(orthanc.port), "ORTHANC")
    assert json.loads(scripted(site_folder, _FETCHED, "2022-05-02", "2022-05-09")) == [], "of other days"
    found = json.loads(scripted(site_folder, _FETCHED, "2022-05-01", "2022-05-01"))
    assert found == [["P01", "20220501", "CT", "7"]]
    assert rows(site_folder, "select state, completed, failed, message from dicom_node_fetch") == [("done", 7, 0, "")]
    until(lambda: rows(site_folder, "select sender, files from studies_upload where state='reading'"))
    uploads_read(site_folder)
    assert rows(site_folder, "select sender, files from studies_upload") == [("ORTHANC", 7)]
    uids = {f"1.2.3.4.{number}" for number in range(1, 8)}
    assert {one[0] for one in rows(site_folder, "select sop_instance_uid from studies_instance")} == uids
    actions = {one[0] for one in rows(site_folder, "select action from ledger_event where action like 'dicom-%'")}
    assert {"dicom-peer.enter", "dicom-peer.ask", "dicom-fetch.begin", "dicom-fetch.move", "dicom-fetch.end"} <= actions


def test_an_archive_that_cannot_reach_us_or_is_not_there_is_told_in_words(
    node: RunningNode, site_folder: Path, orthanc_for: Callable[[int], Orthanc], tmp_path: Path
) -> None:
    orthanc = orthanc_for(free_port())  # it believes us elsewhere
    filled(orthanc, tmp_path / "files", ct_slices("P01", AT, 2, uid="1.2.3.4"))
    scripted(site_folder, _PEER, str(orthanc.port), "ORTHANC")
    scripted(site_folder, _FETCHED)
    ((state, message),) = rows(site_folder, "select state, message from dicom_node_fetch")
    assert state == "failed"
    assert message != ""
    assert rows(site_folder, "select * from studies_upload") == []


def test_a_port_where_nobody_listens_is_told_with_host_and_port(site_folder: Path) -> None:
    port = free_port()
    scripted(site_folder, _PEER, str(port), "NOBODY")
    said = json.loads(scripted(site_folder, _FETCHED))
    assert "does not answer at 127.0.0.1" in said
    assert str(port) in said


def test_a_move_that_another_station_asks_for_arrives_here_and_dcmtk_finds_what_we_find(
    node: RunningNode, site_folder: Path, orthanc_for: Callable[[int], Orthanc], tmp_path: Path
) -> None:
    orthanc = orthanc_for(node.port)
    filled(
        orthanc, tmp_path / "files", [*ct_slices("P01", AT, 3, uid="1.2.3.4"), *ct_slices("P02", AT, 2, uid="1.2.3.5")]
    )
    scripted(site_folder, _PEER, str(orthanc.port), "ORTHANC")
    level = ("-k", "QueryRetrieveLevel=STUDY")
    # Orthanc answers only titles that it knows.
    place = ("-aet", "THERATRIAL", "-aec", "ORTHANC", "127.0.0.1", str(orthanc.port))
    theirs = dcmtk("findscu", "-S", *level, "-k", "PatientID=P01", "-k", "StudyInstanceUID", *place)
    told = theirs.stdout + theirs.stderr
    assert "[1.2.3.4.0" in told
    assert "1.2.3.5" not in told
    ours = scripted(
        site_folder,
        "import django\ndjango.setup()\n"
        "from theratrial.web.dicom_node import asking\nfrom theratrial.web.dicom_node.models import Peer\n"
        "print([one.study_instance_uid for one in asking.found_studies(Peer.objects.get(name='Archive'), 'P01')])",
    )
    assert ours.strip() == "['1.2.3.4.0']"
    moved = dcmtk("movescu", "-S", "-aem", "THERATRIAL", *level, "-k", "StudyInstanceUID=1.2.3.4.0", *place)
    assert moved.returncode == 0, moved.stderr
    until(
        lambda: rows(site_folder, "select sender, files from studies_upload where state='reading'") == [("ORTHANC", 3)]
    )
