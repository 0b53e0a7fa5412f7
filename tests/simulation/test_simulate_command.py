"""`theratrial simulate` as a person types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "theratrial", "simulate", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_command_writes_a_cohort_into_a_path_with_spaces_and_tells_what_it_wrote(tmp_path: Path) -> None:
    folder = tmp_path / "my virtual trial"
    done = _run(str(folder), "--participants", "1", "--small", "--workers", "1", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["treated"], told["screen_failures"], told["sessions"]) == (1, 1, 3)
    assert told["files"] == sum(f.is_file() for f in folder.rglob("*"))
    assert "2 of 2" in done.stderr
    assert [f.name for f in tmp_path.iterdir()] == [folder.name]


def test_command_refuses_a_file_in_its_way_without_a_traceback(tmp_path: Path) -> None:
    place = tmp_path / "notes.txt"
    place.write_text("mine")
    done = _run(str(place), "--participants", "1", "--small")
    assert done.returncode == 1
    assert "is a file" in done.stderr
    assert "Traceback" not in done.stderr
    assert place.read_text() == "mine"
