"""`make run` makes again what changed and nothing else."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, working on a small package of the test in a folder of the test."""
    spec = importlib.util.spec_from_file_location("demo_script", ROOT / "scripts" / "demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    package = tmp_path / "src"
    for room in ("simulation", "pipeline"):
        (package / room).mkdir(parents=True)
        (package / room / "code.py").write_text("pass\n", encoding="utf-8")
    (tmp_path / "requirements.lock").write_text("numpy==2\n", encoding="utf-8")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "PACKAGE", package)
    monkeypatch.setattr(module, "DEMO", tmp_path / "demo")
    return module


Made = Callable[..., list[str]]


@pytest.fixture
def made(demo: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """Run the script with a stand-in for the program; returns the commands that it was given."""
    calls: list[str] = []

    def theratrial(*arguments: str) -> subprocess.CompletedProcess[str]:
        calls.append(arguments[0])
        folder = tmp_path / (arguments[1] if arguments[0] == "simulate" else arguments[3])
        folder.mkdir()
        (folder / "file").write_text(" ".join(arguments), encoding="utf-8")
        return subprocess.CompletedProcess(arguments, 0, stdout=f"said by {arguments[0]}\n")

    monkeypatch.setattr(demo, "theratrial", theratrial)

    def run(*arguments: str) -> list[str]:
        calls.clear()
        monkeypatch.setattr(sys, "argv", ["demo.py", *arguments])
        assert demo.main() == 0
        return list(calls)

    return run


def test_the_second_run_makes_nothing_and_says_the_answer_again(made: Made, capsys: pytest.CaptureFixture[str]) -> None:
    assert made() == ["simulate", "run"]
    assert "said by run\n" in capsys.readouterr().out
    assert made() == []
    assert "said by run\n" in capsys.readouterr().out


def test_another_seed_makes_another_cohort(made: Made) -> None:
    made()
    assert made("--seed", "2") == ["simulate", "run"]


def test_more_workers_make_nothing_again(made: Made) -> None:
    made("--workers", "1")
    assert made("--workers", "2") == []


def test_a_cohort_edited_by_hand_is_kept_and_run_again(made: Made, tmp_path: Path) -> None:
    made()
    edited = tmp_path / "demo" / "trial" / "file"
    edited.write_text("edited by hand", encoding="utf-8")
    assert made() == ["run"]
    assert edited.read_text(encoding="utf-8") == "edited by hand"


def test_new_code_above_the_simulation_keeps_the_cohort(made: Made, tmp_path: Path) -> None:
    made()
    (tmp_path / "src" / "pipeline" / "code.py").write_text("changed\n", encoding="utf-8")
    assert made() == ["run"]


def test_new_code_of_the_simulation_makes_the_cohort_again(made: Made, tmp_path: Path) -> None:
    made()
    (tmp_path / "src" / "simulation" / "code.py").write_text("changed\n", encoding="utf-8")
    assert made() == ["simulate", "run"]


@pytest.mark.parametrize(("lost", "again"), [("trial", ["simulate", "run"]), ("result", ["run"])])
def test_what_was_removed_is_made_again(made: Made, tmp_path: Path, lost: str, again: list[str]) -> None:
    made()
    (tmp_path / "demo" / lost / "file").unlink()
    (tmp_path / "demo" / lost).rmdir()
    assert made() == again


def test_a_simulation_that_broke_off_is_begun_again(
    made: Made, demo: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = demo.theratrial

    def broken(*arguments: str) -> subprocess.CompletedProcess[str]:
        whole(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "theratrial", broken)
    with pytest.raises(KeyboardInterrupt):
        made()
    monkeypatch.setattr(demo, "theratrial", whole)
    assert made() == ["simulate", "run"]


def test_a_refusal_of_the_program_ends_the_demonstration_with_its_exit_code(demo: ModuleType) -> None:
    with pytest.raises(SystemExit) as stop:
        demo.theratrial("no-such-command")
    assert stop.value.code == 2
