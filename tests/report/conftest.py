"""The example builder beside these tests, importable by name, and one written report for all that read it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from report_reading import Written


@pytest.fixture(scope="session")
def example() -> ModuleType:
    import report_example

    return report_example


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory, example: ModuleType) -> Written:
    from theratrial.report.write import write_report

    result = example.seven()
    folder = tmp_path_factory.mktemp("report with space")
    write_report(result, example.pictures(result), folder, pdf=False)
    return Written(result, folder, (folder / "report.html").read_text(encoding="utf-8"))
