"""A small virtual trial, made once, and copies of it to break."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from theratrial.pipeline.trial import TrialRun, trial_run
from theratrial.simulation.cohort import simulate


@pytest.fixture(scope="session")
def small_trial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two treated participants (the first of the cohort's stories) and a screen failure, coarse images."""
    folder = tmp_path_factory.mktemp("journey") / "trial"
    simulate(folder, participants=2, seed=1, small=True)
    return folder


@pytest.fixture(scope="session")
def small_run(small_trial: Path) -> TrialRun:
    return trial_run(small_trial)


@pytest.fixture
def broken_trial(small_trial: Path, tmp_path: Path) -> Path:
    """A copy that a test may break."""
    return Path(shutil.copytree(small_trial, tmp_path / "trial"))


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
