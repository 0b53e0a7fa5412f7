"""An empty trial folder: complete, sound, open, and never made over something."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from theratrial.errors import InputError
from theratrial.protocol.check import Severity, protocol_findings
from theratrial.trialfolder import read_folder
from theratrial.trialfolder.tables import TABLES
from theratrial.trialfolder.template import make_folder, missing_for_run

ROOT = Path(__file__).resolve().parent.parent.parent


def test_an_empty_folder_reads_as_sound_and_says_what_is_missing(tmp_path: Path) -> None:
    make_folder(tmp_path / "my trial")
    folder = read_folder(tmp_path / "my trial")
    assert not any(folder.tables.values())
    assert folder.image_files == ()
    said = " ".join(missing_for_run(folder))
    for words in ("nobody is screened yet", "no images", "protocol.yaml is open"):
        assert words in said


def test_every_clause_of_the_template_is_open_so_that_no_example_passes_for_a_decision(tmp_path: Path) -> None:
    make_folder(tmp_path)
    findings = protocol_findings(read_folder(tmp_path).protocol)
    assert {finding.severity for finding in findings} == {Severity.OPEN}


def test_every_table_has_its_header_and_its_section_in_the_explanation(tmp_path: Path) -> None:
    make_folder(tmp_path)
    readme = (tmp_path / "README.md").read_text()
    for table in TABLES:
        header = (tmp_path / "records" / f"{table.name}.csv").read_text()
        assert header == ",".join(column.name for column in table.columns) + "\n"
        assert f"## records/{table.name}.csv" in readme


def test_a_folder_that_holds_something_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty and stays as it is"):
        make_folder(tmp_path)
    with pytest.raises(InputError, match="is a file"):
        make_folder(tmp_path / "thesis.txt")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("thesis.txt", "mine")]


def test_the_command_makes_the_folder_once_and_refuses_the_second_time(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "theratrial", "init", str(tmp_path / "a b"), "--json"]
    first = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "records/participants.csv" in json.loads(first.stdout)["files"]
    second = subprocess.run(command, capture_output=True, text=True, check=False)
    assert second.returncode == 1
    assert "not empty" in second.stderr
    assert "Traceback" not in second.stderr


def test_the_documentation_of_the_tables_is_current() -> None:
    spec = importlib.util.spec_from_file_location("trial_folder_docs", ROOT / "scripts" / "trial_folder_docs.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.PAGE.read_text(encoding="utf-8") == script.page(), "run scripts/trial_folder_docs.py"
