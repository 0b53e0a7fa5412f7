"""The trial's results in the standards of regulators, made in the background from the latest computation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.pipeline.adam_package import adam_package
from theratrial.pipeline.outputs import RUN
from theratrial.pipeline.sdtm_package import opened_result, sdtm_package
from theratrial.results.values import TrialResult
from theratrial.trialfolder.records import TrialFolder
from theratrial.web.exports.scope import data_use_withdrawn
from theratrial.web.results.models import Computation
from theratrial.web.results.selectors import computation_folder, latest_trial_result

PERMISSIONS: Final = ("exports.make", "endpoint.view")
"""The data sets hold computed results of every site: both are needed at every one."""


def _sdtm(folder: TrialFolder, result: TrialResult, computation: Computation) -> dict[str, bytes]:
    made_at = computation.finished_at or ""
    return dict(sdtm_package(folder, result, made_at=made_at, leave_out=data_use_withdrawn()).files)


def _adam(folder: TrialFolder, result: TrialResult, computation: Computation) -> dict[str, bytes]:
    made_at = computation.finished_at or ""
    return dict(adam_package(folder, result, made_at=made_at, leave_out=data_use_withdrawn()).files)


STANDARDS: Final[dict[str, Callable[[TrialFolder, TrialResult, Computation], dict[str, bytes]]]] = {
    "sdtm": _sdtm,
    "adam": _adam,
}
"""Kind of package -> what makes its files."""


def standard_files(kind: str) -> dict[str, bytes]:
    """The files of a standard, from the latest computation; who has withdrawn the use of her data by now is in none.

    Raises
    ------
    InputError
        Nothing is computed yet, or its files are gone.
    """
    row = latest_trial_result()
    if row is None:
        raise InputError(_("nothing is computed yet: compute the trial first"))
    folder, result = computed(row.computation)
    return STANDARDS[kind](folder, result, row.computation)


def computed(computation: Computation) -> tuple[TrialFolder, TrialResult]:
    """The folder and the results of a computation.

    Raises
    ------
    InputError
        They are gone.
    """
    place = computation_folder(computation)
    if place is None or not Path(place, "out", RUN).is_file():
        raise InputError(_("the files of the latest computation are gone: compute the trial again"))
    return opened_result(Path(place, "out"), Path(place, "trial"))
