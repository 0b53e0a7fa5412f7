"""The demonstration (`make run`): a virtual cohort, and the trial run on it. What is up to date is not made again.

In a terminal the site is started, on the cohort's records, and images and results are made while one looks around.
Without a terminal, or with SERVE=0, the cohort is written as a trial folder, the trial is run, its result said. The
cohort is made again when its arguments or the code that makes it change; the result when the cohort, the arguments or
any code change. The cohort may be edited by hand (demo/trial): then only the result is made again.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "theratrial"
DEMO = ROOT / "demo"

# These lie above the simulation in the layers, or only show results: a cohort cannot depend on them.
NOT_IN_COHORT = ("cli", "web", "pipeline", "report")


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def code_fingerprint(*, without: tuple[str, ...] = ()) -> str:
    """Hash of the program's own files and of the pinned dependencies."""
    files = sorted(
        path
        for path in PACKAGE.rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and path.relative_to(PACKAGE).parts[0].removesuffix(".py") not in without
    )
    parts = [part for path in files for part in (str(path.relative_to(PACKAGE)).encode(), path.read_bytes())]
    return _digest([*parts, (ROOT / "requirements.lock").read_bytes()])


def folder_fingerprint(folder: Path) -> str:
    """Hash of names, sizes and times of all files in a folder: quick, and an edit by hand changes it."""
    parts = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            state = path.stat()
            parts.append(f"{path.relative_to(folder)} {state.st_size} {state.st_mtime_ns}".encode())
    return _digest(parts)


def is_current(stamp: Path, expected: str) -> bool:
    """Whether the thing beside the stamp was finished with these very inputs."""
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == expected


def theratrial(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one command of the program; its results are returned, its progress goes to the terminal."""
    command = [sys.executable, "-m", "theratrial", *arguments]
    # Its errors are already on the terminal; a traceback of ours would bury them.
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    if done.returncode:
        sys.stdout.write(done.stdout)
        sys.exit(done.returncode)
    return done


def _forget(stamp: Path, folder: Path) -> None:
    stamp.unlink(missing_ok=True)
    if folder.exists():
        shutil.rmtree(folder)


def serving() -> bool:
    """Whether somebody is there to look: SERVE decides, else whether this is a terminal."""
    wish = os.environ.get("SERVE", "")
    if wish in ("0", "1"):
        return wish == "1"
    return sys.stdin.isatty() and sys.stdout.isatty() and not os.environ.get("CI")


def free_port(first: int = 8000) -> int:
    """The first port of this machine that nobody listens on, from `first` on."""
    for port in range(first, first + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise SystemExit(f"demo: no free port from {first} to {first + 99}")


def serve(participants: int, seed: int) -> int:
    """Start the site; one folder for each cohort, because somebody may have entered data there."""
    name = "site" if (participants, seed) == (15, 1) else f"site-{participants}-{seed}"
    arguments = ["--site", f"demo/{name}", "--port", str(free_port()), "--demo"]
    arguments += ["--participants", str(participants), "--seed", str(seed)]
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-m", "theratrial", "serve", *arguments])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--participants", type=int, default=15)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    trial, result = DEMO / "trial", DEMO / "result"
    trial_stamp, result_stamp, answer = DEMO / "trial.stamp", DEMO / "result.stamp", DEMO / "result.txt"
    DEMO.mkdir(exist_ok=True)
    if serving():
        return serve(options.participants, options.seed)

    cohort_arguments = ["--participants", str(options.participants), "--seed", str(options.seed)]
    cohort = _digest(map(str.encode, [code_fingerprint(without=NOT_IN_COHORT), *cohort_arguments]))
    if is_current(trial_stamp, cohort) and trial.is_dir():
        print("demo: the cohort in demo/trial is up to date", flush=True)
    else:
        print(f"demo: making a virtual cohort of {options.participants} treated patients in demo/trial", flush=True)
        _forget(trial_stamp, trial)
        sys.stdout.write(theratrial("simulate", "demo/trial", *cohort_arguments).stdout)
        trial_stamp.write_text(cohort, encoding="utf-8")

    # The number of workers changes the time, never the result.
    inputs = _digest(map(str.encode, [code_fingerprint(), folder_fingerprint(trial)]))
    if is_current(result_stamp, inputs) and result.is_dir() and answer.is_file():
        print("demo: the result in demo/result is up to date", flush=True)
    else:
        print("demo: running the trial", flush=True)
        _forget(result_stamp, result)
        said = theratrial("run", "demo/trial", "--out", "demo/result", "--workers", str(options.workers)).stdout
        answer.write_text(said, encoding="utf-8")
        result_stamp.write_text(inputs, encoding="utf-8")
    sys.stdout.write(answer.read_text(encoding="utf-8"))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
