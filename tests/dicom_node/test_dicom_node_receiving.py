"""The node against dcmtk's programs and pynetdicom's requestor: what they send is stored once and whole."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pydicom
import pytest
from pynetdicom import AE
from tests.dicom_node.dicom_node_site import (
    STORE_CLASS,
    RunningNode,
    dcmtk,
    halves,
    journal_names,
    rows,
    until,
    uploads_read,
)
from tests.web.web_dicom_files import ct_slices

AT = datetime(2022, 5, 1, 9, tzinfo=UTC)
pytestmark = pytest.mark.usefixtures("dcmtk_there")


def written(folder: Path, files: list[bytes]) -> Path:
    folder.mkdir()
    for number, content in enumerate(files):
        (folder / f"{number:04}.dcm").write_bytes(content)
    return folder


def slices(folder: Path, count: int, uid: str = "1.2.3.4") -> Path:
    return written(folder, ct_slices("P01", AT, count, uid=uid))


def sent(node: RunningNode, folder: Path, *more: str, calling: str = "CT01") -> subprocess.CompletedProcess[str]:
    arguments = ("-aet", calling, "-aec", "THERATRIAL", *more, "127.0.0.1", str(node.port), "+sd", str(folder))
    return dcmtk("storescu", *arguments)


def states(site: Path) -> list[str]:
    return [str(one[0]) for one in rows(site, "select state from studies_upload order by received_at")]


def handed_over(site: Path, count: int = 1) -> None:
    until(lambda: states(site).count("reading") + states(site).count("done") == count)


def test_a_known_peer_gets_its_echo_and_everybody_else_the_reason_why_not(node: RunningNode) -> None:
    def echo(calling: str, called: str = "THERATRIAL") -> str:
        done = dcmtk("echoscu", "-aet", calling, "-aec", called, "127.0.0.1", str(node.port))
        return "" if done.returncode == 0 else done.stderr

    assert echo("CT01") == ""
    assert echo("CT02") == "", "its host is a name"
    assert "Calling AE Title Not Recognized" in echo("STRANGER")
    assert "Calling AE Title Not Recognized" in echo("FARAWAY"), "its address is another one"
    assert "Calling AE Title Not Recognized" in echo("TLSONLY"), "it came without TLS"
    assert "Calling AE Title Not Recognized" in echo("ASKED"), "it is only asked"
    assert "Called AE Title Not Recognized" in echo("CT01", "SOMEBODY")


def test_what_storescu_sends_is_read_and_its_data_sets_are_the_senders(
    node: RunningNode, site_folder: Path, tmp_path: Path
) -> None:
    folder = slices(tmp_path / "ct", 5)
    done = sent(node, folder)
    assert done.returncode == 0, done.stderr
    handed_over(site_folder)
    uploads_read(site_folder)
    assert rows(site_folder, "select state, files, sender, received_by from studies_upload") == [
        ("done", 5, "CT01", "dicom:CT01")
    ]
    originals = {one.SOPInstanceUID: one for one in map(pydicom.dcmread, sorted(folder.iterdir()))}
    stored = rows(site_folder, "select sop_instance_uid, file_id from studies_instance")
    assert {uid for uid, _sha256 in stored} == set(originals)
    for uid, sha256 in stored:
        path = site_folder / "images" / sha256[:2] / sha256[2:4] / sha256
        # dcmtk's own judgement of the file format, and pydicom's of the contents.
        assert shutil.which("dcmftest") is None or dcmtk("dcmftest", str(path)).stdout.startswith("yes")
        assert pydicom.dcmread(path) == originals[uid]
    assert halves(site_folder) == []


def test_the_same_images_again_are_known_and_stored_once(node: RunningNode, site_folder: Path, tmp_path: Path) -> None:
    folder = slices(tmp_path / "ct", 4)
    sent(node, folder)
    handed_over(site_folder)
    uploads_read(site_folder)
    # From another sender and in another encoding, too.
    for count, (calling, encoding) in enumerate((("CT01", "-xe"), ("CT02", "-xe"), ("CT01", "-xi")), start=2):
        assert sent(node, folder, encoding, calling=calling).returncode == 0
        handed_over(site_folder, count)
    uploads_read(site_folder)
    assert rows(site_folder, "select known from studies_upload order by received_at") == [(0,), (4,), (4,), (4,)]
    assert rows(site_folder, "select count(*) from studies_instance") == [(4,)]
    assert rows(site_folder, "select count(*) from studies_series") == [(1,)]


def test_two_senders_at_once_lose_nothing_and_are_two_deliveries(
    node: RunningNode, site_folder: Path, tmp_path: Path
) -> None:
    one, other = slices(tmp_path / "one", 60, "1.2.3.4"), slices(tmp_path / "other", 60, "1.2.3.5")
    answers: list[int] = []
    threads = [
        threading.Thread(target=lambda f=folder, c=calling: answers.append(sent(node, f, calling=c).returncode))
        for folder, calling in ((one, "CT01"), (other, "CT02"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [0, 0]
    handed_over(site_folder, 2)
    assert sorted(rows(site_folder, "select sender, files from studies_upload")) == [("CT01", 60), ("CT02", 60)]
    uploads_read(site_folder)
    assert rows(site_folder, "select count(*) from studies_instance") == [(120,)]


def test_one_association_per_image_is_still_one_delivery(node: RunningNode, site_folder: Path, tmp_path: Path) -> None:
    folder = slices(tmp_path / "ct", 3)
    for path in sorted(folder.iterdir()):
        done = dcmtk("storescu", "-aet", "CT01", "-aec", "THERATRIAL", "127.0.0.1", str(node.port), str(path))
        assert done.returncode == 0
    handed_over(site_folder)
    assert rows(site_folder, "select files from studies_upload") == [(3,)]


def requestor(node: RunningNode, calling: str = "CT01"):  # type: ignore[no-untyped-def]
    entity = AE(ae_title=calling)
    entity.add_requested_context(STORE_CLASS, "1.2.840.10008.1.2.1")
    association = entity.associate("127.0.0.1", node.port, ae_title="THERATRIAL")
    assert association.is_established
    return association


def test_an_association_that_stays_open_does_not_hold_back_its_images(
    site_folder: Path, node_of: Callable[..., RunningNode], tmp_path: Path
) -> None:
    node = node_of(site_folder, SILENT_S=1)
    files = [pydicom.dcmread(path) for path in sorted(slices(tmp_path / "ct", 2).iterdir())]
    association = requestor(node)
    assert association.send_c_store(files[0]).Status == 0
    handed_over(site_folder)
    assert association.send_c_store(files[1]).Status == 0
    association.release()
    handed_over(site_folder, 2)
    uploads_read(site_folder)
    assert rows(site_folder, "select count(*) from studies_instance") == [(2,)]
    assert rows(site_folder, "select count(*) from studies_series") == [(1,)]


def test_killed_in_the_middle_the_node_has_everything_it_acknowledged_and_no_halves(
    site_folder: Path, node_of: Callable[..., RunningNode], tmp_path: Path
) -> None:
    files = [pydicom.dcmread(path) for path in sorted(slices(tmp_path / "ct", 200).iterdir())]
    node = node_of(site_folder)
    association = requestor(node)
    acknowledged: list[str] = []
    for number, one in enumerate(files):
        if number == 40:
            # From another thread, so that it strikes anywhere within the next instances.
            threading.Timer(0.02, node.killed).start()
        answer = association.send_c_store(one) if association.is_established else None
        if answer is None or "Status" not in answer:
            break
        assert answer.Status == 0
        acknowledged.append(str(one.SOPInstanceUID))
    assert 40 <= len(acknowledged) < 200
    assert states(site_folder) == ["receiving"]
    (site_folder / "images" / "incoming" / ".dicom" / ".part-left").write_bytes(b"half")
    node_of(site_folder)
    handed_over(site_folder)
    assert halves(site_folder) == []
    uploads_read(site_folder)
    stored = {one[0] for one in rows(site_folder, "select sop_instance_uid from studies_instance")}
    assert set(acknowledged) <= stored
    assert len(stored) <= len(acknowledged) + 1, "at most the one whose answer was on its way"


def test_a_sender_killed_in_the_middle_leaves_what_was_acknowledged_and_no_halves(
    node: RunningNode, site_folder: Path, tmp_path: Path
) -> None:
    folder = slices(tmp_path / "ct", 400)
    line = ["storescu", "-v", "-aet", "CT01", "-aec", "THERATRIAL", "127.0.0.1", str(node.port), "+sd", str(folder)]
    sender = subprocess.Popen(line, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert sender.stderr is not None
    acknowledged = 0
    for text in sender.stderr:
        acknowledged += "Received Store Response (Success)" in text
        if acknowledged == 50:
            sender.kill()
            break
    sender.wait()
    handed_over(site_folder)
    assert 50 <= len(journal_names(site_folder)) < 400
    assert halves(site_folder) == []
    uploads_read(site_folder)
    assert rows(site_folder, "select state from studies_upload") == [("done",)]


def test_a_delivery_that_a_power_cut_left_is_put_in_order_by_its_files(
    site_folder: Path, node_of: Callable[..., RunningNode], tmp_path: Path
) -> None:
    node = node_of(site_folder, GRACE_S=60)
    assert sent(node, slices(tmp_path / "ct", 3)).returncode == 0
    node.killed()
    (journal,) = (site_folder / "images" / "incoming").glob("*/journal.jsonl")
    lines = [line for line in journal.read_text(encoding="utf-8").splitlines() if line]
    first = lines[0].split('"sha256": "')[1][:64]
    # A line that was not written yet, a file that was only half there, half a line.
    journal.write_text(lines[0] + "\n" + lines[1][:30], encoding="utf-8")
    (journal.parent / first).write_bytes((journal.parent / first).read_bytes()[:100])
    node_of(site_folder)
    handed_over(site_folder)
    assert rows(site_folder, "select files from studies_upload") == [(2,)]
    uploads_read(site_folder)
    assert rows(site_folder, "select count(*) from studies_instance") == [(2,)]


def test_a_stranger_is_taken_into_quarantine_where_the_site_says_so(
    site_folder: Path, node_of: Callable[..., RunningNode], tmp_path: Path
) -> None:
    ((code,),) = rows(site_folder, "select code from people_site order by id limit 1")
    with pytest.raises(AssertionError, match="which is not there"):
        RunningNode(site_folder, UNKNOWN="NOWHERE")
    node = node_of(site_folder, UNKNOWN=code)
    assert sent(node, slices(tmp_path / "ct", 2), calling="STRANGER").returncode == 0
    handed_over(site_folder)
    uploads_read(site_folder)
    ((state, because),) = rows(site_folder, "select state, because from studies_series")
    assert state == "quarantined"
    assert '"unknown_sender"' in because


def test_a_second_node_of_the_same_site_is_refused(node: RunningNode, site_folder: Path) -> None:
    with pytest.raises(AssertionError, match="another DICOM node of this site runs already"):
        RunningNode(site_folder)


def test_told_to_stop_the_node_hands_over_what_it_has(node: RunningNode, site_folder: Path, tmp_path: Path) -> None:
    files = [pydicom.dcmread(path) for path in sorted(slices(tmp_path / "ct", 2).iterdir())]
    association = requestor(node)
    assert association.send_c_store(files[0]).Status == 0
    assert node.stopped() == 0
    association.abort()
    assert states(site_folder) == ["reading"]
