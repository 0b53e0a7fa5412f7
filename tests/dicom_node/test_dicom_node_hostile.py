"""Peers that mean no good or are broken: each gets a clear end, the node goes on, and nothing half is kept."""

from __future__ import annotations

import os
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ
from tests.dicom_node.dicom_node_site import (
    EXPLICIT,
    STORE_CLASS,
    VERIFICATION,
    RawPeer,
    RunningNode,
    associate_rq,
    data_set,
    halves,
    journal_names,
    rows,
    store_rq,
    until,
    uploads_read,
    value,
)
from tests.web.web_dicom_files import ct_slices

from theratrial.web.dicom_node import commands, pdu
from theratrial.web.dicom_node.instances import Announced, file_meta
from theratrial.web.dicom_node.pdu import ProtocolError

AT = datetime(2022, 5, 1, 9, tzinfo=UTC)
ONE = ct_slices("P01", AT, 1, uid="1.2.3.4")[0]
UID = "1.2.3.4.1"


def stored(peer: RawPeer, instance: str = UID, content: bytes | None = None, *, sop_class: str = STORE_CLASS) -> int:
    """The status for one instance, sent in pieces of 16000 bytes."""
    peer.say(value(1, 3, store_rq(instance, sop_class=sop_class)))
    whole = data_set(ONE) if content is None else content
    pieces = [whole[at : at + 16000] for at in range(0, len(whole), 16000)] or [b""]
    for number, piece in enumerate(pieces):
        peer.say(value(1, 2 if number == len(pieces) - 1 else 0, piece))
    return peer.status()


def test_peers_that_break_the_protocol_are_cut_off_and_the_node_goes_on(node: RunningNode, site_folder: Path) -> None:
    first = [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        struct.pack(">BBL", 1, 0, 0xFFFFFFFF),
        struct.pack(">BBL", 1, 0, 10) + bytes(10),
        struct.pack(">BBL", 4, 0, 4) + bytes(4),
        associate_rq()[:-11] + b"\xff" * 11,
        os.urandom(4096),
    ]
    for data in first:
        peer = RawPeer(node.port)
        peer.say(data)
        assert peer.gone(), data[:20]
        peer.close()
    command = value(1, 3, store_rq(UID))
    later = [
        struct.pack(">BBL", 4, 0, 1 << 31),
        struct.pack(">BBL", 4, 0, 6) + struct.pack(">LBB", 9999, 1, 3),
        struct.pack(">BBL", 4, 0, 6) + struct.pack(">LBB", 1, 1, 3),
        struct.pack(">BBL", 4, 0, 3) + b"abc",
        value(99, 3, store_rq(UID)),
        value(1, 2, b"data without a command"),
        value(1, 3, b"no command set"),
        value(1, 3, struct.pack("<HHL", 0, 0x0100, 0xFFFFFFFF)),
        value(1, 1, b"x" * 60000) * 2,
        command + command,
        command + value(3, 2, b"in another context"),
        command + associate_rq(),
        struct.pack(">BBL", 9, 0, 4) + bytes(4),
    ]
    for data in later:
        peer = RawPeer(node.port).associated()
        peer.say(data)
        assert peer.gone(), data[:20]
        peer.close()
    peer = RawPeer(node.port).associated()
    assert stored(peer) == 0
    peer.close()
    assert halves(site_folder) == []
    assert until(lambda: rows(site_folder, "select files from studies_upload where state = 'reading'")) == [(1,)]


def test_instances_that_could_not_be_kept_are_refused_with_a_status_and_leave_nothing(
    node: RunningNode, site_folder: Path
) -> None:
    peer = RawPeer(node.port).associated()
    content = data_set(ONE)
    assert stored(peer, content=content[:-40]) == commands.CANNOT_UNDERSTAND, "pixels are missing"
    assert stored(peer, content=content[:100]) == commands.CANNOT_UNDERSTAND, "cut off"
    assert stored(peer, content=os.urandom(5000)) == commands.CANNOT_UNDERSTAND
    assert stored(peer, content=b"") == commands.CANNOT_UNDERSTAND
    assert stored(peer, "1.2.3.4.2") == commands.DOES_NOT_MATCH, "another instance than the command says"
    assert stored(peer, sop_class="1.2.840.10008.5.1.4.1.1.4") == commands.DOES_NOT_MATCH
    assert stored(peer, "../../../etc/passwd") == commands.CANNOT_UNDERSTAND
    assert stored(peer, "1" * 65) == commands.CANNOT_UNDERSTAND
    assert (halves(site_folder), journal_names(site_folder)) == ([], set())
    assert stored(peer) == commands.SUCCESS, "and the association goes on"
    assert journal_names(site_folder) == {UID}


def test_unknown_classes_and_syntaxes_are_refused_context_by_context(node: RunningNode) -> None:
    peer = RawPeer(node.port)
    contexts = (
        (1, "1.2.3.4.5.6", (EXPLICIT,)),
        (3, STORE_CLASS, ("1.2.3.4.5.6.7",)),
        (5, STORE_CLASS, ("1.2.840.10008.1.2.4.70", EXPLICIT)),
        (7, VERIFICATION, (EXPLICIT,)),
        (9, "1.2.840.10008.5.1.4.1.2.2.1", (EXPLICIT,)),
    )
    peer.say(associate_rq(contexts=contexts))
    kind, body = peer.hear()
    assert kind == 2
    # pynetdicom's decoder says what the answer means.
    answer = A_ASSOCIATE_AC()
    answer.decode(struct.pack(">BBL", 2, 0, len(body)) + body)
    results = {one.context_id: (one.result, one.transfer_syntax) for one in answer.presentation_context}
    assert {key: result for key, (result, _syntax) in results.items()} == {1: 3, 3: 4, 5: 0, 7: 0, 9: 3}
    assert results[5][1] == EXPLICIT, "uncompressed is taken where it is offered"
    assert answer.user_information.maximum_length == 131072
    peer.close()


def test_peers_that_hang_are_let_go_wherever_they_hang(site_folder: Path, node_of: Callable[..., RunningNode]) -> None:
    node = node_of(site_folder, REQUEST_S=1, IDLE_S=1)
    usual = node.threads()
    silent = RawPeer(node.port)
    in_request = RawPeer(node.port)
    in_request.say(associate_rq()[:50])
    between = RawPeer(node.port).associated()
    in_command = RawPeer(node.port).associated()
    in_command.say(value(1, 1, b"half"))
    in_pdu = RawPeer(node.port).associated()
    in_pdu.say(value(1, 3, store_rq(UID)) + value(1, 2, data_set(ONE))[:100])
    began = time.monotonic()
    for peer in (silent, in_request, between, in_command, in_pdu):
        assert peer.gone()
        peer.close()
    assert time.monotonic() - began < 6
    until(lambda: node.threads() <= usual)
    assert halves(site_folder) == []


def test_a_peer_that_drips_bytes_holds_its_place_no_longer_than_one_that_hangs(
    site_folder: Path, node_of: Callable[..., RunningNode]
) -> None:
    node = node_of(site_folder, REQUEST_S=1)
    peer = RawPeer(node.port)
    began = time.monotonic()
    with pytest.raises(OSError):  # noqa: PT012 - the line breaks at some byte
        for byte in associate_rq():
            peer.say(bytes((byte,)))
            time.sleep(0.1)
    assert time.monotonic() - began < 4


def test_more_associations_than_allowed_hear_that_there_are_too_many_for_now(
    site_folder: Path, node_of: Callable[..., RunningNode]
) -> None:
    node = node_of(site_folder, ASSOCIATIONS=2)
    there = [RawPeer(node.port).associated() for _ in range(2)]
    late = RawPeer(node.port)
    late.say(associate_rq())
    kind, body = late.hear()
    # PS3.8 table 9-21: rejected for now, by the service provider (presentation), local limit exceeded.
    assert (kind, body[1:]) == (3, bytes((2, 3, 2)))
    flood = [RawPeer(node.port) for _ in range(60)]
    until(lambda: node.threads() < 40)
    there.pop().close()
    for one in (*flood, late):
        one.close()
    assert stored(until(lambda: place_found(node))) == 0


def place_found(node: RunningNode) -> RawPeer | None:
    """An association, where there is room for one again."""
    peer = RawPeer(node.port)
    peer.say(associate_rq())
    kind, _body = peer.hear()
    return peer if kind == 2 else None


def test_a_large_instance_is_not_held_in_memory(node: RunningNode, site_folder: Path) -> None:
    dataset = pydicom.dcmread(BytesIO(ONE))
    dataset.Rows, dataset.Columns, dataset.PixelData = 16384, 8192, bytes(2 * 16384 * 8192)
    stream = BytesIO()
    pydicom.dcmwrite(stream, dataset, enforce_file_format=True)
    before = node.most_memory_MB()
    content = data_set(stream.getvalue())
    peer = RawPeer(node.port).associated()
    peer.say(value(1, 3, store_rq(UID)))
    for at in range(0, len(content), 130000):
        peer.say(value(1, 2 if at + 130000 >= len(content) else 0, content[at : at + 130000]))
    assert peer.status() == 0
    assert len(content) > 256e6
    assert node.most_memory_MB() - before < 60


def test_an_instance_larger_than_allowed_is_refused(
    site_folder: Path, node_of: Callable[..., RunningNode], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THERATRIAL_MOST_BYTES_PER_FILE", "900")
    node = node_of(site_folder)
    peer = RawPeer(node.port).associated()
    peer.say(value(1, 3, store_rq(UID)) + value(1, 0, bytes(800)) + value(1, 2, bytes(300)))
    assert peer.status() == commands.OUT_OF_RESOURCES
    assert halves(site_folder) == []
    endless = RawPeer(node.port).associated()
    endless.say(value(1, 3, store_rq(UID)) + value(1, 0, bytes(800)) * 4)
    assert endless.gone(), "what is refused is not read for ever"


def test_a_disk_that_is_nearly_full_takes_nothing_more(site_folder: Path, node_of: Callable[..., RunningNode]) -> None:
    node = node_of(site_folder, RESERVE_MB=10**9)
    assert stored(RawPeer(node.port).associated()) == commands.OUT_OF_RESOURCES
    assert (halves(site_folder), rows(site_folder, "select * from studies_upload")) == ([], [])


@pytest.fixture
def small_images(site_folder: Path) -> Iterator[Path]:
    """The site's images on a file system of 2 MB; only root may mount one."""
    place = site_folder / "images"
    place.mkdir(exist_ok=True)
    line = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    mounted = subprocess.run(line, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here ({mounted.stderr.strip()}): run as root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_on_a_full_disk_every_answer_is_true_and_with_room_it_goes_on(
    site_folder: Path, small_images: Path, node_of: Callable[..., RunningNode]
) -> None:
    node = node_of(site_folder, GRACE_S=60, SILENT_S=60)
    peer = RawPeer(node.port).associated()
    files = ct_slices("P01", AT, 12, uid="1.2.3.4")
    large = []
    for number, one in enumerate(files):
        dataset = pydicom.dcmread(BytesIO(one))
        dataset.Rows, dataset.Columns, dataset.PixelData = 256, 512, bytes([number]) * 262144
        stream = BytesIO()
        pydicom.dcmwrite(stream, dataset, enforce_file_format=True)
        large.append((str(dataset.SOPInstanceUID), data_set(stream.getvalue())))
    answers = {uid: stored(peer, uid, content) for uid, content in large}
    assert set(answers.values()) == {commands.SUCCESS, commands.OUT_OF_RESOURCES}
    kept = {uid for uid, status in answers.items() if status == commands.SUCCESS}
    assert journal_names(site_folder) == kept
    assert halves(site_folder) == []
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_images)], check=True)
    assert {stored(peer, uid, content) for uid, content in large if uid not in kept} == {commands.SUCCESS}
    peer.close()
    node.stopped()
    uploads_read(site_folder)
    assert rows(site_folder, "select count(*) from studies_instance") == [(12,)]


def small_instance(number: int) -> tuple[str, bytes]:
    uid = f"1.2.3.{number}"
    kept = data_set(ONE).replace(UID.encode() + b"\0", uid.encode().ljust(len(UID) + 1, b"\0"))
    return uid, kept


@pytest.mark.walk
@pytest.mark.timeout(3600)
def test_a_hundred_thousand_instances_in_one_association_need_no_more_memory_than_a_thousand(
    site_folder: Path, node_of: Callable[..., RunningNode], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THERATRIAL_MOST_FILES_PER_UPLOAD", "20000")
    count = int(os.environ.get("THERATRIAL_TEST_INSTANCES", "100000"))
    node = node_of(site_folder)
    peer = RawPeer(node.port).associated()
    early = 0.0
    for number in range(100000, 100000 + count):
        uid = f"1.2.3.{number}"
        content = data_set(ONE).replace(
            struct.pack("<HH2sH", 8, 0x18, b"UI", 10) + b"1.2.3.4.1\0",
            struct.pack("<HH2sH", 8, 0x18, b"UI", 12) + uid.encode(),
        )
        assert stored(peer, uid, content) == 0
        if number == 101000:
            early = node.most_memory_MB()
    assert node.most_memory_MB() - early < 40
    peer.close()
    until(lambda: rows(site_folder, "select sum(files) from studies_upload where state = 'reading'") == [(count,)])
    ((uploads,),) = rows(site_folder, "select count(*) from studies_upload")
    assert uploads == -(-count // 20000), "no delivery is larger than an upload may be"


# The bytes alone ------------------------------------------------------------------------------------------------


@given(st.binary(max_size=600))
def test_any_bytes_are_read_or_refused_and_never_a_fault(data: bytes) -> None:
    for read in (lambda: pdu.request_read(memoryview(data)), lambda: list(pdu.values(memoryview(data)))):
        try:
            read()
        except ProtocolError:
            continue
    try:
        commands.command_read(data)
    except ProtocolError:
        return


@given(st.integers(6, 300), st.binary(min_size=1, max_size=4))
def test_any_spoiled_request_is_read_or_refused(at: int, change: bytes) -> None:
    whole = associate_rq()
    spoiled = whole[:at] + change + whole[at + len(change) :]
    try:
        found = pdu.request_read(memoryview(spoiled)[6:])
    except ProtocolError:
        return
    assert len(found.contexts) <= 128


def test_a_request_means_to_us_what_it_means_to_pynetdicom() -> None:
    raw = associate_rq("CT 01", "THERATRIAL")
    theirs = A_ASSOCIATE_RQ()
    theirs.decode(raw)
    ours = pdu.request_read(memoryview(raw)[6:])
    assert (ours.calling, ours.called) == (theirs.calling_ae_title.strip(), theirs.called_ae_title.strip())
    assert ours.application_context == theirs.application_context_name
    assert ours.most_pdu_bytes == theirs.user_information.maximum_length
    assert [(one.id, one.abstract_syntax, list(one.transfer_syntaxes)) for one in ours.contexts] == [
        (one.context_id, one.abstract_syntax, one.transfer_syntax) for one in theirs.presentation_context
    ]


def test_the_file_meta_information_is_what_pydicom_reads_and_would_write() -> None:
    said = Announced(STORE_CLASS, UID, EXPLICIT)
    stream = BytesIO(file_meta(said) + data_set(ONE))
    found = pydicom.dcmread(stream)
    assert found.file_meta.MediaStorageSOPInstanceUID == UID
    assert found.file_meta.MediaStorageSOPClassUID == STORE_CLASS
    assert found.file_meta.TransferSyntaxUID == EXPLICIT
    again = BytesIO()
    pydicom.dcmwrite(again, found, enforce_file_format=True)
    assert again.getvalue() == stream.getvalue()
