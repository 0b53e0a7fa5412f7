"""A small virtual trial, run once, and its analysis data sets."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from adam_example import Made

from theratrial.exchange.adam.datasets import adam_datasets
from theratrial.exchange.sdtm.domains import sdtm_datasets
from theratrial.pipeline.trial import trial_run
from theratrial.simulation.cohort import simulate
from theratrial.trialfolder import read_folder


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    path = tmp_path_factory.mktemp("adam") / "trial"
    simulate(path, participants=3, seed=2, small=True)
    folder, result = read_folder(path), trial_run(path).result
    tabulated = sdtm_datasets(folder, result)
    analysis = adam_datasets(folder, result, tabulated)
    return Made(folder, result, {one.name: one for one in tabulated}, {one.name: one for one in analysis})
