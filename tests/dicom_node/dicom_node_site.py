"""A site with a running DICOM node, and peers that speak to it by the byte."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tests.forked import Started, ran

STORE_CLASS = "1.2.840.10008.5.1.4.1.1.2"
VERIFICATION = "1.2.840.10008.1.1"
EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"

CONTEXTS = ((1, STORE_CLASS, (EXPLICIT,)), (3, VERIFICATION, (IMPLICIT,)))

_SET_UP = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0, skip_checks=True)
from theratrial.web.setup_site import demonstration_made
demonstration_made(participants=1)
from theratrial.web.dicom_node.peers import peer_recorded
from theratrial.web.people.models import Site, User
site, who = Site.objects.order_by("pk")[0], User.objects.get(username="administrator1")
usual = dict(port="", site=site, may_send=True, may_be_asked=False, any_address=False, tls=False)
for title, host, other in (
    ("CT01", "127.0.0.1", {}), ("CT02", "localhost", {}), ("FARAWAY", "192.0.2.7", {}),
    ("TLSONLY", "127.0.0.1", {"tls": True}),
    ("ASKED", "127.0.0.1", {"may_send": False, "may_be_asked": True, "port": "104"}),
):
    peer_recorded(who, name=title, ae_title=title, host=host, **{**usual, **other})
"""
_READ = """
import django
django.setup()
from theratrial.web.studies.models import Upload
from theratrial.web.studies.services import upload_read
for one in Upload.objects.filter(state="reading"):
    upload_read(str(one.pk))
"""


def environment(site: Path, **settings: object) -> dict[str, str]:
    """Of a process that works on a site."""
    found = {name: value for name, value in os.environ.items() if not name.startswith("THERATRIAL_DICOM")}
    found.pop("DATABASE_URL", None)
    found |= {"THERATRIAL_SITE": str(site), "DJANGO_SETTINGS_MODULE": "theratrial.web.settings"}
    return found | {f"THERATRIAL_DICOM_{name}": str(value) for name, value in settings.items()}


def scripted(site: Path, script: str, *arguments: str) -> str:
    """What a script prints that runs on a site."""
    done = ran(list(arguments), script=script, environment=environment(site), cwd=Path.cwd(), seconds=200)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def site_made(folder: Path) -> None:
    """A site with one virtual participant and the peers of the tests."""
    folder.mkdir()
    scripted(folder, _SET_UP)


def uploads_read(site: Path) -> None:
    """What the worker does."""
    scripted(site, _READ)


def rows(site: Path, query: str) -> list[tuple[Any, ...]]:
    """From the site's database."""
    database = sqlite3.connect(f"file:{site / 'site.sqlite3'}?mode=ro", uri=True, timeout=20)
    try:
        return database.execute(query).fetchall()
    finally:
        database.close()


def until(condition: Callable[[], Any], *, seconds: float = 60.0) -> Any:
    """The first true answer, within some time."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.05)
    return found


class RunningNode:
    """`theratrial dicom-node` as a process of its own."""

    def __init__(self, site: Path, **settings: object) -> None:
        self.site = site
        usual: dict[str, object] = {"GRACE_S": 0.5, "RESERVE_MB": 0, "PORT": 0}
        given = {**usual, **settings}
        port = [] if given.pop("PORT") is None else ["--port", "0"]
        tls = ["--tls-port", "0"] if "TLS_CERT" in given else []
        words = ["theratrial", "dicom-node", "--site", str(site), *port, *tls]
        self._err = site.parent / f".node-{uuid.uuid4().hex}"
        os.mkfifo(self._err)
        out = self._err.with_suffix(".out")
        self.process = Started(words, environment=environment(site, **given), cwd=Path.cwd(), out=out, err=self._err)
        self.said: list[str] = []
        threading.Thread(target=self._listen, daemon=True).start()
        text = until(lambda: next((one for one in self.said if "listens" in one), "") or self._ended(), seconds=60)
        numbers = re.search(r"on port (\d+)(?: and (\d+))? of", text)
        assert numbers is not None, self.said
        self.port = int(numbers[1])
        self.tls_port = int(numbers[2] or numbers[1])

    def _ended(self) -> str:
        assert self.process.poll() is None, self.said
        return ""

    def _listen(self) -> None:
        with self._err.open(encoding="utf-8") as lines:
            for line in lines:
                self.said.append(line)

    def most_memory_MB(self) -> float:
        """The most that the process ever held."""
        text = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmHWM:\s+(\d+) kB", text)
        assert found is not None
        return int(found[1]) / 1024

    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/task").iterdir()))

    def killed(self) -> None:
        """As by a power cut: it is given no moment."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stopped(self) -> int:
        """As `theratrial serve` stops it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


def dcmtk(program: str, *arguments: str, seconds: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Run a program of dcmtk; without its delay of small packets."""
    found = shutil.which(program)
    assert found is not None
    return subprocess.run(
        [found, *arguments],
        env={**os.environ, "TCP_NODELAY": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )


# By the byte -----------------------------------------------------------------------------------------------------


def item(kind: int, value: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(value)) + value


def associate_rq(
    calling: str = "CT01",
    called: str = "THERATRIAL",
    contexts: Iterable[tuple[int, str, Iterable[str]]] = (
        (1, STORE_CLASS, (EXPLICIT,)),
        (3, VERIFICATION, (IMPLICIT,)),
    ),
) -> bytes:
    """An A-ASSOCIATE-RQ (PS3.8 table 9-11)."""
    items = item(0x10, b"1.2.840.10008.3.1.1.1")
    for number, abstract, syntaxes in contexts:
        inside = item(0x30, abstract.encode()) + b"".join(item(0x40, one.encode()) for one in syntaxes)
        items += item(0x20, bytes((number, 0, 0, 0)) + inside)
    items += item(0x50, item(0x51, struct.pack(">L", 16384)) + item(0x52, b"1.2.3.4"))
    body = struct.pack(">HH", 1, 0) + called.ljust(16).encode() + calling.ljust(16).encode() + bytes(32) + items
    return struct.pack(">BBL", 1, 0, len(body)) + body


def value(context: int, control: int, fragment: bytes) -> bytes:
    """A P-DATA-TF with one value: control 1 command, 0 data set, 2 more for the last."""
    inside = struct.pack(">LBB", len(fragment) + 2, context, control) + fragment
    return struct.pack(">BBL", 4, 0, len(inside)) + inside


def store_rq(instance: str, *, sop_class: str = STORE_CLASS, message: int = 1) -> bytes:
    """A C-STORE-RQ command set (PS3.7 table 9.3-1)."""

    def element(number: int, data: bytes) -> bytes:
        return struct.pack("<HHL", 0, number, len(data)) + data

    def text(uid: str) -> bytes:
        return uid.encode() + b"\0" * (len(uid) % 2)

    body = element(0x0002, text(sop_class)) + element(0x0100, struct.pack("<H", 1))
    body += element(0x0110, struct.pack("<H", message)) + element(0x0700, struct.pack("<H", 0))
    body += element(0x0800, struct.pack("<H", 0)) + element(0x1000, text(instance))
    return element(0x0000, struct.pack("<L", len(body))) + body


class RawPeer:
    """A socket to the node that says what it is told."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def say(self, data: bytes) -> None:
        self.socket.sendall(data)

    def hear(self) -> tuple[int, bytes]:
        """The next PDU; (0, b"") where the connection ended."""
        head = self._read(6)
        if len(head) < 6:
            return 0, b""
        kind, _reserved, length = struct.unpack(">BBL", head)
        return kind, self._read(length)

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            try:
                block = self.socket.recv(count - len(data))
            except ConnectionResetError:
                break
            if not block:
                break
            data += block
        return data

    def associated(self, **given: Any) -> RawPeer:
        self.say(associate_rq(**given))
        kind, _body = self.hear()
        assert kind == 2, kind
        return self

    def status(self) -> int:
        """Of the next response."""
        kind, body = self.hear()
        assert kind == 4, kind
        at = body.index(struct.pack("<HHL", 0, 0x0900, 2))
        return int.from_bytes(body[at + 8 : at + 10], "little")

    def gone(self) -> bool:
        """Whether the node ends the connection, with an A-ABORT or without."""
        kind, _body = self.hear()
        return kind in (0, 7)

    def close(self) -> None:
        self.socket.close()


def data_set(file: bytes) -> bytes:
    """What follows the file meta information."""
    assert file[128:132] == b"DICM"
    return file[144 + int.from_bytes(file[140:144], "little") :]


def journal_names(site: Path) -> set[str]:
    """SOP Instance UIDs in the journals of deliveries that were not read yet."""
    import json

    found = set()
    for path in (site / "images" / "incoming").glob("*/journal.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip():
                found.add(json.loads(line)["name"].removesuffix(".dcm"))
    return found


def halves(site: Path) -> list[Path]:
    """Instances that are not whole."""
    return list((site / "images").rglob(".part-*"))
