"""A small virtual trial, made once, and copies of it to break."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.cohorts import shared_cohort, shared_run

from theratrial.cli import main
from theratrial.imaging.catalogue import CatalogueSeries, catalogue
from theratrial.pipeline.trial import TrialRun


@pytest.fixture(scope="session")
def small_trial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two treated participants (the first of the cohort's stories) and a screen failure, coarse images."""
    return shared_cohort(tmp_path_factory, participants=2)


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> TrialRun:
    return shared_run(tmp_path_factory, participants=2)


def copied(trial: Path, place: Path) -> Path:
    """A copy of a trial folder; its images are links to the same bytes, so replace one, never write into it."""
    shutil.copytree(trial, place, ignore=shutil.ignore_patterns("images"))
    shutil.copytree(trial / "images", place / "images", copy_function=os.link)
    return place


@pytest.fixture
def broken_trial(small_trial: Path, tmp_path: Path) -> Path:
    """A copy that a test may break."""
    return copied(small_trial, tmp_path / "trial")


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Call theratrial as the shell does, in this process; no error may end in a traceback."""

    def call(*words: str | Path) -> Said:
        monkeypatch.setattr(sys, "argv", ["theratrial", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            main()
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        assert isinstance(left.value.code, int)
        return Said(left.value.code, out, err)

    return call


@pytest.fixture(scope="session")
def series(small_trial: Path) -> tuple[CatalogueSeries, ...]:
    """What lies in images/ of the small trial."""
    return catalogue(small_trial / "images").series


@pytest.fixture
def edit(broken_trial: Path) -> Callable[[str, Callable[[str], str]], None]:
    """Change the text of a file of the copy."""

    def change(name: str, how: Callable[[str], str]) -> None:
        path = broken_trial / name
        before = path.read_text(encoding="utf-8")
        after = how(before)
        assert after != before, f"the edit of {name} changed nothing"
        path.write_text(after, encoding="utf-8")

    return change
