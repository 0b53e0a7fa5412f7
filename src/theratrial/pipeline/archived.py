"""The data sets of a result for an archive."""

from __future__ import annotations

from theratrial.errors import TheratrialError
from theratrial.pipeline.sdtm_package import sdtm_package
from theratrial.results.values import TrialResult
from theratrial.trialfolder.records import TrialFolder


def standard_files(folder: TrialFolder, result: TrialResult) -> tuple[dict[str, bytes], str]:
    """The SDTM package by name, and why there is none: what a trial's data sets lack must not hide its records."""
    try:
        return dict(sdtm_package(folder, result).files), ""
    except TheratrialError as error:
        return {}, str(error)
