"""Changes of clinical records. Every other app writes clinical rows through these."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Max

from theratrial.errors import InputError
from theratrial.trialfolder.tables import table as table_definition
from theratrial.web.capture.models import Record
from theratrial.web.ledger.act import act
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import Site
from theratrial.web.trials.models import Trial
from theratrial.web.trials.selectors import the_trial


class ConflictError(InputError):
    """Somebody else changed the record meanwhile; nothing was written."""

    def __init__(self, record: Record) -> None:
        super().__init__(
            f"the record was changed meanwhile (it is at version {record.version}); look at the other's change, "
            "then enter yours again"
        )
        self.record = record


class LockedError(InputError):
    """The data are frozen or locked."""


def _open_or_refused(participant: Participant | None, record: Record | None = None) -> Trial:
    """The trial, where entries are taken."""
    trial = the_trial()
    for state, what in (
        (trial.data_state, "the trial's data are"),
        (participant.data_state if participant else "open", "the participant's data are"),
        (record.data_state if record else "open", "this record is"),
    ):
        if state != "open":
            raise LockedError(
                f"{what} {state.replace('_', ' ')}: no entry is taken; a data manager can unlock with a second person"
            )
    return trial


def record_create(
    actor: Any,
    table: str,
    cells: Mapping[str, str],
    *,
    participant: Participant | None = None,
    site: Site | None = None,
    form: str = "",
    group: uuid.UUID | None = None,
    visit: str = "",
    session: int | None = None,
    entered: Mapping[str, Any] | None = None,
    incomplete: bool = False,
    entered_late: bool = False,
    source: str = "form",
    action: str = "record.create",
) -> Record:
    """Enter a row; a first entry needs no reason.

    Parameters
    ----------
    cells
        Column -> text as in the table's CSV; empty ones are left out. ``participant_id`` is filled in here.

    Raises
    ------
    InputError
        The table has no such column.
    LockedError
        The trial or the participant is frozen or locked.
    """
    row = NewRow(cells, visit, session, entered or {})
    common = {"form": form, "incomplete": incomplete, "entered_late": entered_late, "source": source}
    return records_create(
        actor, table, [row], participant=participant, site=site, group=group, action=action, common=common
    )[0]


@dataclass(frozen=True, slots=True)
class NewRow:
    """A row that is entered with others."""

    cells: Mapping[str, str]
    visit: str = ""
    session: int | None = None
    entered: Mapping[str, Any] = field(default_factory=dict)


def records_create(
    actor: Any,
    table: str,
    rows: Sequence[NewRow],
    *,
    participant: Participant | None = None,
    site: Site | None = None,
    group: uuid.UUID | None = None,
    action: str = "record.create",
    common: Mapping[str, Any],
) -> list[Record]:
    """Enter rows of one table as one group, in that order, all or none; see `record_create`.

    Parameters
    ----------
    common
        Fields of the record that all of them share.
    """
    group = group or uuid.uuid4()
    with act(actor, action):
        trial = _open_or_refused(participant)
        last = Record.objects.filter(table=table).aggregate(last=Max("sequence"))["last"] or 0
        return Record.objects.bulk_create(
            Record(
                table=table,
                group=group,
                protocol_version=trial.in_force,
                participant=participant,
                site=site or (participant.site if participant else None),
                visit=row.visit,
                session=row.session,
                cells=_clean(table, row.cells, participant),
                entered=dict(row.entered),
                sequence=last + number,
                **common,
            )
            for number, row in enumerate(rows, start=1)
        )


def record_change(
    actor: Any,
    record: Record,
    cells: Mapping[str, str],
    *,
    seen_version: int,
    reason: str,
    entered: Mapping[str, Any] | None = None,
    incomplete: bool | None = None,
    action: str = "record.change",
) -> Record:
    """Change a row; nothing is written where nothing changes.

    Parameters
    ----------
    seen_version
        The version that the person had before her eyes.

    Raises
    ------
    InputError
        No reason is given.
    ConflictError
        The record has another version by now.
    LockedError
        Trial, participant or record is frozen or locked.
    """
    if not reason.strip():
        raise InputError("a change of entered data needs a reason; say why the value is changed")
    with act(actor, action, reason=reason.strip()):
        current = Record.objects.select_for_update().get(pk=record.pk)
        _open_or_refused(current.participant, current)
        if current.version != seen_version:
            raise ConflictError(current)
        wanted = _clean(current.table, cells, current.participant)
        complete = current.incomplete if incomplete is None else incomplete
        if wanted == current.cells and complete == current.incomplete:
            return current
        current.cells = wanted
        current.entered = dict(entered or {})
        current.incomplete = complete
        current.version += 1
        current.save()
    return current


def record_entered_in_error(actor: Any, record: Record, *, seen_version: int, reason: str) -> Record:
    """Take a row out of every computation; its content stays readable.

    Raises
    ------
    InputError, ConflictError, LockedError
        As `record_change`.
    """
    if not reason.strip():
        raise InputError("say why the record was entered in error")
    with act(actor, "record.entered-in-error", reason=reason.strip()):
        current = Record.objects.select_for_update().get(pk=record.pk)
        _open_or_refused(current.participant, current)
        if current.version != seen_version:
            raise ConflictError(current)
        current.entered_in_error = True
        current.version += 1
        current.save()
    return current


def _clean(table: str, cells: Mapping[str, str], participant: Participant | None) -> dict[str, str]:
    definition = table_definition(table)
    names = {column.name for column in definition.columns}
    if unknown := sorted(cells.keys() - names):
        raise InputError(f"table {table} has no column {', '.join(unknown)}; it has {', '.join(sorted(names))}")
    filled = {name: cells[name].strip() for name in (c.name for c in definition.columns) if cells.get(name, "").strip()}
    if "participant_id" in names:
        if participant is None:
            raise InputError(f"a row of {table} belongs to a participant; none was given")
        filled = {"participant_id": participant.code, **{k: v for k, v in filled.items() if k != "participant_id"}}
    return filled
