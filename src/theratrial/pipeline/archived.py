"""A result as it was written, whatever build wrote it: what an archive is made from."""

from __future__ import annotations

from pathlib import Path

from theratrial.pipeline.outputs import RESULTS, read_run_record
from theratrial.pipeline.verify import trial_folder_of
from theratrial.results.plain import read_results
from theratrial.results.rebuild import rebuilt
from theratrial.results.values import TrialResult
from theratrial.trialfolder import read_folder
from theratrial.trialfolder.records import TrialFolder


def result_opened(out: Path, trial: Path | None = None) -> tuple[TrialFolder, TrialResult]:
    """The trial folder and the values of a result.

    Raises
    ------
    InputError
        One of them is not there, or is not what this version reads.
    """
    values = rebuilt(TrialResult, read_results(out / RESULTS))
    return read_folder(trial_folder_of(out, read_run_record(out), trial)), values
