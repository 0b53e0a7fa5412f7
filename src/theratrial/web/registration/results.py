"""The results that registries are told: of the latest computation of the trial, held against the newest record."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

from theratrial.errors import InputError
from theratrial.pipeline.registry_files import read_reported
from theratrial.registry.outcome_links import linked
from theratrial.registry.outcomes_compared import OutcomeComparison, outcomes_compared
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.results_reported import ReportedResults
from theratrial.web.access import may
from theratrial.web.results.blinding import hidden_records
from theratrial.web.results.selectors import computation_folder
from theratrial.web.trials.results_brief import latest_computation
from theratrial.web.trials.selectors import the_trial


@dataclass(frozen=True, slots=True)
class Found:
    """Results, and where they come from; `reported` None where there are none, and `why` says why."""

    reported: ReportedResults | None
    compared: tuple[OutcomeComparison, ...] = ()
    computation: Any = None
    why: str = ""


def may_see(user: Any) -> bool:
    """Whether the user may see results now: the endpoint, or what is locked; never a reader who has not signed."""
    if not may(user, "endpoint.view") and the_trial().data_state not in ("locked", "hard_locked"):
        return False
    return not hidden_records(user)


def found_results(record: RegistrationRecord) -> Found:
    """Results of the latest computation of the whole trial, their outcomes linked to those of the record."""
    row = latest_computation()
    if row is None:
        return Found(None)
    folder = computation_folder(row.computation)
    if folder is None:
        return Found(None, computation=row.computation)
    try:
        reported = linked(_read(row.computation.pk, str(folder)), record)
    except InputError as error:
        return Found(None, computation=row.computation, why=str(error))
    return Found(reported, outcomes_compared(record, reported), row.computation)


@lru_cache(maxsize=2)
def _read(computation: UUID, folder: str) -> ReportedResults:
    """Read once per process: a finished computation never changes."""
    return read_reported(Path(folder, "out"))
