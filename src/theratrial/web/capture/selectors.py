"""Clinical records as the core reads them: the rows of a trial folder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol as Shape
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.fields.json import KT

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


class Kept(Shape):
    """What of a record makes a row of the trial folder."""

    @property
    def table(self) -> str: ...
    @property
    def pk(self) -> UUID: ...
    @property
    def version(self) -> int: ...
    @property
    def cells(self) -> dict[str, str]: ...


def live_records() -> QuerySet[Record]:
    """Every record that counts, in the order of the exported files."""
    return Record.objects.filter(entered_in_error=False).order_by("table", "sequence", "id")


def records_about(people: Iterable[Participant]) -> QuerySet[Record]:
    """Every record of these participants, the batches they were injected from, and what else all share. Two queries.

    A trial of a thousand participants has thousands of batches; a page about one needs hers.
    """
    wanted = [one.pk for one in people]
    named = live_records().filter(table="administrations", participant__in=wanted).order_by()
    batches = {batch for batch in named.values_list(KT("cells__batch_id"), flat=True) if batch}
    shared = Q(participant=None) & (~Q(table="batches") | Q(cells__batch_id__in=sorted(batches)))
    return live_records().filter(Q(participant__in=wanted) | shared)


def participant_rows(participant: Participant, tables: Iterable[str] = ()) -> Rows:
    """What the core needs to judge one participant: her rows, her batches, the calibrations. Two queries.

    With `tables` only those are read, for a page that shows nothing of the others.
    """
    found = records_about([participant])
    wanted = tuple(tables)
    return rows_of(kept(found.filter(table__in=wanted) if wanted else found))


def kept(records: QuerySet[Record]) -> Iterable[Kept]:
    """Only what `rows_of` reads of them: making a model of each record takes longer than the query."""
    return records.values_list("table", "pk", "version", "cells", named=True)


def trial_rows() -> Rows:
    """Every row of the trial. One query; for background work and the overview of small trials."""
    return rows_of(kept(live_records()))


def rows_of(records: Iterable[Kept]) -> Rows:
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
