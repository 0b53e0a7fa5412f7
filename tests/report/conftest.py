"""The example builder beside these tests, importable by name, and one written report for all that read it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from theratrial.results.values import TrialResult

sys.path.insert(0, str(Path(__file__).parent))


@dataclass(frozen=True)
class Written:
    """A report on disk with what it was made from."""

    result: TrialResult
    folder: Path
    html: str


@pytest.fixture(scope="session")
def example() -> ModuleType:
    import report_example

    return report_example


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory, example: ModuleType) -> Written:
    from theratrial.report import write_report

    result = example.seven()
    folder = tmp_path_factory.mktemp("report with space")
    write_report(result, example.pictures(result), folder, pdf=False)
    return Written(result, folder, (folder / "report.html").read_text(encoding="utf-8"))
