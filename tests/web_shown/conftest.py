"""A small simulated cohort, made once, and what the browser would be sent of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cohorts import shared_cohort
from web_shown_cohort import Participant

from theratrial.imaging.catalogue import catalogue


@pytest.fixture(scope="session")
def participant(tmp_path_factory: pytest.TempPathFactory) -> Participant:
    folder = shared_cohort(tmp_path_factory, participants=1)
    return Participant(tuple(s for s in catalogue(Path(folder / "images")).series if s.patient_id == "P01"))
