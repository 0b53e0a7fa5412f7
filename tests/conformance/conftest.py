"""CDISC's rules, run by CDISC's engine in an environment of its own. Absent: skipped, loudly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TOOL = Path(os.environ.get("CONFORMANCE_DIR") or ROOT.parent / "shared" / "tools" / "conformance")
VENV = Path(os.environ.get("CONFORMANCE_VENV") or ROOT / ".cache" / "conformance")


@pytest.fixture(scope="session")
def conformance() -> Callable[..., dict[str, Any]]:
    """`conformance(kind, path, ...)` -> the tool's report; the test fails where it found a failure not allowed for.

    kind: ``sdtm`` (a folder), ``usdm``, ``odm``, ``define``, ``dataset-json``. ``accept_failures=True`` hands the
    failures to the test instead.
    """
    if not (TOOL / "check.py").is_file():
        pytest.skip(f"no conformance tool in {TOOL} (CONFORMANCE_DIR): CDISC's rules were NOT run")
    if not (VENV / "bin" / "python").exists():
        pytest.skip(f"no side environment in {VENV} (scripts/conformance.sh makes it): CDISC's rules were NOT run")

    def run(kind: str, *paths: Path, accept_failures: bool = False, options: tuple[str, ...] = ()) -> dict[str, Any]:
        call = [sys.executable, str(TOOL / "check.py"), kind, *map(str, paths), "--allow", str(HERE / "allow.json")]
        environment = os.environ | {"CONFORMANCE_VENV": str(VENV)}
        done = subprocess.run([*call, *options], capture_output=True, text=True, env=environment, timeout=1100)
        if done.returncode == 2:
            pytest.skip(f"CDISC's rules were NOT run: {done.stderr.strip()[-300:]}")
        report: dict[str, Any] = json.loads(done.stdout)
        if not accept_failures:
            assert done.returncode == 0, json.dumps(report["failures"], indent=1, ensure_ascii=False)[:6000]
        return report

    return run
