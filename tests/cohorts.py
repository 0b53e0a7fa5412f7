"""Virtual trials that several test files look at: simulated and run once for all workers of a test run.

The folders are shared: a test that alters one copies it first.
"""

from __future__ import annotations

import fcntl
import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from theratrial.pipeline.outputs import write_outputs
from theratrial.pipeline.trial import TrialRun, trial_run
from theratrial.simulation.cohort import simulate


def shared_cohort(factory: pytest.TempPathFactory, *, participants: int, seed: int = 1) -> Path:
    """Folder of a virtual trial with coarse images; not to be written into."""
    return _cohort(_place(factory), participants, seed)


def shared_run(factory: pytest.TempPathFactory, *, participants: int, seed: int = 1) -> TrialRun:
    """What `trial_run` gives for `shared_cohort`."""
    return _run(_place(factory), participants, seed)


def shared_outputs(factory: pytest.TempPathFactory, *, participants: int, seed: int = 1) -> Path:
    """What `theratrial run` writes for `shared_cohort`, without PDF; not to be written into."""
    folder = shared_cohort(factory, participants=participants, seed=seed)
    run = shared_run(factory, participants=participants, seed=seed)
    out = folder.with_suffix(".out")
    with _alone(out):
        if not out.exists():
            write_outputs(run, out, folder, pdf=False)
    return out


def _place(factory: pytest.TempPathFactory) -> Path:
    """A folder that every worker of this test run finds."""
    base = factory.getbasetemp()
    place = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cohorts"
    place.mkdir(exist_ok=True)
    return place


@cache
def _cohort(place: Path, participants: int, seed: int) -> Path:
    folder = place / f"{participants}-of-{seed}"
    with _alone(folder):
        if not folder.exists():
            making = folder.with_suffix(".making")
            simulate(making, participants=participants, seed=seed, small=True)
            making.rename(folder)
    return folder


@cache
def _run(place: Path, participants: int, seed: int) -> TrialRun:
    folder = _cohort(place, participants, seed)
    file = folder.with_suffix(".run")
    with _alone(file):
        if not file.exists():
            content = pickle.dumps(trial_run(folder))
            file.with_suffix(".making").write_bytes(content)
            file.with_suffix(".making").rename(file)
    run = pickle.loads(file.read_bytes())
    assert isinstance(run, TrialRun)
    return run


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold what no other worker holds at the same time."""
    with path.with_name(path.name + ".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
