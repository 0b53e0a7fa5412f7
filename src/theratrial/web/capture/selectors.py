"""Clinical records as the core reads them: the rows of a trial folder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.db.models import Q, QuerySet

from theratrial.errors import Problem
from theratrial.trialfolder.reader import rows_of_cells
from theratrial.trialfolder.records import TrialFolder
from theratrial.trialfolder.tables import FOLDER_SCHEMA_VERSION
from theratrial.web.capture.models import Record
from theratrial.web.participants.models import Participant
from theratrial.web.trials.selectors import protocol_in_force, the_trial, trial_zone


@dataclass(frozen=True, slots=True)
class Rows:
    """Records as a trial folder in memory, and what could not be read of them."""

    folder: TrialFolder
    problems: tuple[Problem, ...]


def live_records() -> QuerySet[Record]:
    """Every record that counts, in the order of the exported files."""
    return Record.objects.filter(entered_in_error=False).order_by("table", "sequence", "id")


def participant_rows(participant: Participant) -> Rows:
    """What the core needs to judge one participant: her rows, the batches, the calibrations. One query."""
    shared = Q(participant=None)
    return rows_of(live_records().filter(Q(participant=participant) | shared))


def trial_rows() -> Rows:
    """Every row of the trial. One query; for background work and the overview of small trials."""
    return rows_of(live_records())


def rows_of(records: Iterable[Record]) -> Rows:
    """Records as the rows of a trial folder without images."""
    lines: dict[str, list[tuple[str, dict[str, str]]]] = {}
    for record in records:
        lines.setdefault(record.table, []).append((f"record:{record.table}/{record.pk}@{record.version}", record.cells))
    protocol, zone = protocol_in_force(), trial_zone()
    tables, problems = rows_of_cells(lines, protocol, zone)
    trial = the_trial()

    folder = TrialFolder(
        Path("."), protocol, None, tables, (), {}, zone, FOLDER_SCHEMA_VERSION, (), simulated=trial.simulated
    )
    return Rows(folder, problems)
