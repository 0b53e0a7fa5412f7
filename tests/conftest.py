"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

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
