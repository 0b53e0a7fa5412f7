"""How long 300 CT slices take to be received: by the site's DICOM node, by dcmtk's storescp, by Orthanc, in one run.

dcmtk's storescu sends the same files to each in turn, with TCP_NODELAY and PDUs of 128 KiB. Ours has every slice on
the disk before it answers (one flush per slice); storescp leaves that to the operating system. The time is that of the
whole storescu process, its start included. Needs dcmtk; without Orthanc its lines are left out.

Orthanc is measured as its package starts it, against which the limit holds, and once more with TCP_NODELAY=1 in its
environment, which its documentation does not ask for and which takes away the 40 ms that TCP waits before each answer.

    python benchmarks/dicom_receive.py [--slices 300] [--size 512] [--repeats 5]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from load_series import write_series

RESULTS = Path(__file__).resolve().parent / "results" / "dicom_receive.json"
MOST_OF_STORESCP = 3.5
LEAST_OF_ORTHANC = 4.0
_QUICK = {**os.environ, "TCP_NODELAY": "1"}
_USUAL = {name: value for name, value in os.environ.items() if name != "TCP_NODELAY"}
_SET_UP = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0, skip_checks=True)
from theratrial.web.setup_site import demonstration_made
demonstration_made(participants=1)
from theratrial.web.dicom_node.peers import peer_recorded
from theratrial.web.people.models import Site, User
peer_recorded(User.objects.get(username="administrator1"), name="Bench", ae_title="BENCH", host="127.0.0.1", port="",
              site=Site.objects.order_by("pk")[0], may_send=True, may_be_asked=False, any_address=False, tls=False)
"""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until_open(port: int, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("a receiver did not start")


@contextmanager
def ours(folder: Path) -> Iterator[tuple[int, str]]:
    """The node of a site; no worker reads meanwhile, as none of the others reads."""
    site = folder / "site"
    site.mkdir()
    environment = {**_QUICK, "THERATRIAL_SITE": str(site), "DJANGO_SETTINGS_MODULE": "theratrial.web.settings"}
    environment.pop("DATABASE_URL", None)
    subprocess.run([sys.executable, "-c", _SET_UP], env=environment, check=True)
    line = [sys.executable, "-m", "theratrial", "dicom-node", "--site", str(site), "--port", "0"]
    process = subprocess.Popen(line, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = process.stderr.readline()
    found = re.search(r"port (\d+)", said)
    if found is None:
        raise SystemExit(f"the node did not start: {said}")
    try:
        yield int(found[1]), "THERATRIAL"
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def storescp(folder: Path) -> Iterator[tuple[int, str]]:
    """dcmtk's receiver."""
    (folder / "storescp").mkdir()
    port = free_port()
    line = ["storescp", "-pdu", "131072", "-od", str(folder / "storescp"), str(port)]
    process = subprocess.Popen(line, env=_QUICK, stderr=subprocess.DEVNULL, text=True)
    try:
        _until_open(port, process)
        yield port, "ANY-SCP"
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def orthanc(folder: Path, environment: dict[str, str] | None = None) -> Iterator[tuple[int, str]]:
    """Orthanc as it comes, with a database of its own."""
    port = free_port()
    (folder / "orthanc").mkdir()
    settings = {
        "StorageDirectory": str(folder / "orthanc"), "IndexDirectory": str(folder / "orthanc"), "Plugins": [],
        "HttpServerEnabled": False, "DicomAet": "ORTHANC", "DicomPort": port, "DicomAlwaysAllowStore": True,
    }  # fmt: skip
    (folder / "orthanc.json").write_text(json.dumps(settings), encoding="utf-8")
    program = shutil.which("Orthanc") or "/usr/sbin/Orthanc"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([program, str(folder / "orthanc.json")], env=environment or _USUAL, text=True, **quiet)  # type: ignore[call-overload]
    try:
        _until_open(port, process)
        yield port, "ORTHANC"
    finally:
        process.terminate()
        process.wait(60)


def sent_s(files: Path, port: int, called: str) -> float:
    """Seconds that storescu takes."""
    line = ["storescu", "-aet", "BENCH", "-aec", called, "-pdu", "131072", "127.0.0.1", str(port), "+sd", str(files)]
    began = time.perf_counter()
    done = subprocess.run(line, env=_QUICK, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"storescu failed: {done.stderr[-500:]}")
    return time.perf_counter() - began


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    if shutil.which("storescu") is None:
        print("dcmtk is not installed (Debian: apt install dcmtk); nothing to measure")
        return 0
    receivers: dict[str, Callable[[Path], contextmanager]] = {"theratrial": ours, "storescp": storescp}  # type: ignore[valid-type]
    if shutil.which("Orthanc") or Path("/usr/sbin/Orthanc").exists():
        receivers["Orthanc"] = orthanc
        receivers["Orthanc, TCP_NODELAY"] = partial(orthanc, environment=_QUICK)
    times: dict[str, list[float]] = {name: [] for name in receivers}
    with tempfile.TemporaryDirectory() as place:
        for turn in range(options.repeats):
            # A series of its own in each turn: what is known already would be quicker.
            files = Path(place, f"files-{turn}")
            write_series(files, "CT", options.slices, options.size)
            volume_MB = sum(one.stat().st_size for one in files.iterdir()) / 1e6
            for name, receiver in receivers.items():
                with tempfile.TemporaryDirectory(dir=place) as folder, receiver(Path(folder)) as (port, called):
                    os.sync()
                    times[name].append(sent_s(files, port, called))
            shutil.rmtree(files)
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    print(f"{options.slices} CT slices, {volume_MB:.0f} MB, median of {options.repeats}, {platform.machine()}")
    for name, median_s in medians.items():
        print(f"{name:<20} {median_s:6.2f} s  {volume_MB / median_s:6.0f} MB/s  (from {min(times[name]):.2f} to "
              f"{max(times[name]):.2f})")  # fmt: skip
    of_storescp = medians["theratrial"] / medians["storescp"]
    met = of_storescp <= MOST_OF_STORESCP
    print(f"ours / storescp {of_storescp:.2f} (at most {MOST_OF_STORESCP})")
    if "Orthanc" in medians:
        of_orthanc = medians["Orthanc"] / medians["theratrial"]
        met = met and of_orthanc >= LEAST_OF_ORTHANC
        print(f"Orthanc / ours {of_orthanc:.1f} (at least {LEAST_OF_ORTHANC})")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"volume_MB": volume_MB, "seconds": times}, indent=1), encoding="utf-8")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
