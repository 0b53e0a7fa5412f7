"""The trial folder that the site writes says whether its data are locked."""

from __future__ import annotations

import pytest

from theratrial.trialfolder import read_folder
from theratrial.web.capture.selectors import live_records
from theratrial.web.exports import folder as written
from theratrial.web.trials.selectors import the_trial


@pytest.mark.parametrize(
    ("state", "locked"), [("open", False), ("frozen", False), ("locked", True), ("hard_locked", True)]
)
def test_the_folder_says_that_the_data_are_locked(cohort, tmp_path, monkeypatch, state, locked):
    trial = the_trial()
    trial.data_state = state
    monkeypatch.setattr(written, "the_trial", lambda: trial)
    written.folder_written(tmp_path / "folder", live_records(), ())
    assert read_folder(tmp_path / "folder").locked is locked
