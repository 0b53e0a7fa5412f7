"""Python processes that begin with the heavy imports done: each is forked off a process that made them once.

A test that runs a command or a script in a process of its own spends most of its time on importing. What is preloaded
knows neither Django's settings nor a site: those come in the process itself, as in one that starts from nothing.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

_PRELOADED = [
    "tests.forked",
    "pytest",  # the main module of the parent, which every child looks at
    *("django.core.management", "django.db.models", "django.forms", "django.http", "django.template", "sqlparse"),
    *("typer", "rich.console", "theratrial.cli", "theratrial.imaging.catalogue", "theratrial.pipeline.matching"),
    *("theratrial.protocol.reader", "theratrial.registry.difference", "theratrial.registry.reader"),
    *("theratrial.simulation.cohort", "theratrial.trialfolder", "theratrial.results.values"),
]
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(_PRELOADED)


def ran(
    words: list[str], *, script: str = "", environment: Mapping[str, str], cwd: Path, seconds: float = 280.0
) -> subprocess.CompletedProcess[str]:
    """`python -m WORDS...`, or a script with these arguments; as `subprocess.run` with its output captured."""
    with tempfile.TemporaryDirectory(prefix="theratrial-forked-") as name:
        out, err = Path(name, "out"), Path(name, "err")
        process = _CONTEXT.Process(target=_run, args=(words, script, dict(environment), str(cwd), str(out), str(err)))
        process.start()
        process.join(seconds)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(words, seconds)
        return subprocess.CompletedProcess(words, process.exitcode, out.read_text("utf-8"), err.read_text("utf-8"))


class Started:
    """`python -m WORDS...` that goes on beside the test; `out` and `err` may be pipes that have a name."""

    def __init__(self, words: list[str], *, environment: Mapping[str, str], cwd: Path, out: Path, err: Path) -> None:
        given = (words, "", dict(environment), str(cwd), str(out), str(err))
        self._process = _CONTEXT.Process(target=_run, args=given)
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """As `kill` does."""
        os.kill(self.pid, number)

    def wait(self, seconds: float) -> int:
        """Its exit code, once it has ended."""
        self._process.join(seconds)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(str(self.pid), seconds)
        return self._process.exitcode


def _run(words: list[str], script: str, environment: dict[str, str], cwd: str, out: str, err: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    for number, path in ((1, out), (2, err)):
        target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(target, number)
        os.close(target)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    # A process that starts from nothing stands in its folder with its modules.
    sys.path.insert(0, cwd)
    if script:
        sys.argv = ["-c", *words]
        exec(compile(script, "<script>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = list(words)
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
