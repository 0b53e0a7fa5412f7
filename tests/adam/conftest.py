"""A small virtual trial, run once, and its analysis data sets."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from adam_example import Made
from tests.cohorts import shared_cohort, shared_run

from theratrial.exchange.adam.datasets import adam_datasets
from theratrial.exchange.sdtm.domains import sdtm_datasets
from theratrial.trialfolder import read_folder


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = read_folder(shared_cohort(tmp_path_factory, participants=3, seed=2))
    result = shared_run(tmp_path_factory, participants=3, seed=2).result
    tabulated = sdtm_datasets(folder, result)
    analysis = adam_datasets(folder, result, tabulated)
    return Made(folder, result, {one.name: one for one in tabulated}, {one.name: one for one in analysis})
