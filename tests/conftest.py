"""Fixtures shared by all tests."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes depends on what else the machine does; speed is measured in benchmarks/.
settings.register_profile("theratrial", deadline=None)
settings.load_profile("theratrial")

ROOT = Path(__file__).resolve().parent.parent


def shared_folder() -> Path:
    """Folder of real data and facts that is never committed; where it is, the environment says."""
    return Path(os.environ.get("THERATRIAL_SHARED", ROOT.parent / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    folder = shared_folder()
    if not (folder / "data").is_dir():
        pytest.skip(f"shared data folder absent ({folder}); set THERATRIAL_SHARED")
    return folder


_SKIP_REASONS: dict[str, int] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and isinstance(report.longrepr, tuple):
        reason = str(report.longrepr[2]).removeprefix("Skipped: ")
        _SKIP_REASONS[reason] = _SKIP_REASONS.get(reason, 0) + 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for reason, count in sorted(_SKIP_REASONS.items()):
        terminalreporter.write_line(f"{count} skipped because {reason}", yellow=True, bold=True)


class Validation:
    """Compares a number of ours with one that we did not make, and records it for docs/validation.md."""

    def __init__(self, test: str, folder: Path) -> None:
        self._test = test
        self._folder = folder

    def __call__(
        self,
        what: str,
        *,
        expected: float,
        got: float,
        unit: str,
        source: str,
        relative: float | None = None,
        absolute: float | None = None,
        not_matched_because: str = "",
    ) -> None:
        """Assert that `got` is `expected` within a relative or absolute tolerance, and record the row.

        Parameters
        ----------
        not_matched_because
            Where the tolerance is wide because both are known to differ: why. The page shows such rows as not matched.
        """
        assert (relative is None) != (absolute is None), "give one tolerance"
        allowed = abs(expected) * relative if relative is not None else absolute
        assert allowed is not None
        row = {
            "test": self._test,
            "what": what,
            "unit": unit,
            "source": source,
            "expected": expected,
            "got": got,
            "tolerance": f"{relative * 100:.3g} %" if relative is not None else f"{absolute:.3g} {unit}",
            "not_matched_because": not_matched_because,
            "at": time.time_ns(),
        }
        assert abs(got - expected) <= allowed, f"{what}: expected {expected!r} {unit} ({source}), got {got!r}"
        self._folder.mkdir(parents=True, exist_ok=True)
        worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
        with (self._folder / f"{worker}.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")


@pytest.fixture
def validation(request: pytest.FixtureRequest) -> Validation:
    """Comparison with a number of others, kept for the validation page (scripts/validation_page.py)."""
    return Validation(request.node.nodeid, ROOT / "build" / "validation")
