"""The trial in the standards that an archive holds: SDTM as Dataset-JSON and transport files, with their Define-XML."""

from __future__ import annotations

from theratrial.results.values import TrialResult
from theratrial.trialfolder.records import TrialFolder

FOLDER = "sdtm/"


def standard_files(folder: TrialFolder, result: TrialResult) -> tuple[dict[str, bytes], str]:
    """Files of the data sets by name, and why there are none."""
    return {}, "the SDTM package is not made yet"
