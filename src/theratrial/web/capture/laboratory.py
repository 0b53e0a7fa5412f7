"""Laboratory results from a CSV file: looked at first, then taken in; the same file twice changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from theratrial.errors import InputError, Problem
from theratrial.forms import ImportedRow, laboratory_import, row_digest, row_key
from theratrial.trialfolder.tables import table
from theratrial.web.capture.grouping import group_of
from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import live_records
from theratrial.web.capture.services import record_create
from theratrial.web.ledger.act import act, note
from theratrial.web.participants.models import Participant
from theratrial.web.people.permissions import sites_of
from theratrial.web.trials.selectors import protocol_in_force, trial_zone

LARGEST_BYTES = 5 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Difference:
    """A result that is stored already with other content: not changed by an import, but to be looked at."""

    row: ImportedRow
    record: Record


@dataclass(frozen=True, slots=True)
class Preview:
    """What a file would change."""

    file_hash: str
    new: tuple[ImportedRow, ...]
    unchanged: int
    different: tuple[Difference, ...]
    problems: tuple[Problem, ...]


def laboratory_preview(user: Any, content: bytes, file_name: str) -> Preview:
    """Compare a file with what is stored, for participants of the user's sites.

    Raises
    ------
    InputError
        The file is too large.
    """
    if len(content) > LARGEST_BYTES:
        raise InputError(f"the file has {len(content)} bytes, at most {LARGEST_BYTES} are read; split it")
    known = {
        one.code: one
        for one in Participant.objects.filter(site__in=sites_of(user, "records.import")).select_related("site")
    }
    zone = trial_zone()
    found = laboratory_import(
        content, protocol=protocol_in_force(), zone=zone, participants=tuple(known), file_name=file_name
    )
    stored: dict[tuple[str, ...], Record] = {}
    named = {row.cells.get("participant_id", "") for row in found.rows} & known.keys()
    for record in live_records().filter(table="laboratory", participant__code__in=named).select_related("participant"):
        stored[row_key(table("laboratory"), record.cells, zone)] = record
    new: list[ImportedRow] = []
    different: list[Difference] = []
    unchanged = 0
    for row in found.rows:
        earlier = stored.get(row.key)
        if earlier is None:
            new.append(row)
        elif row_digest(table("laboratory"), earlier.cells, zone) == row.digest:
            unchanged += 1
        else:
            different.append(Difference(row, earlier))
    return Preview(found.file_hash, tuple(new), unchanged, tuple(different), found.problems)


def laboratory_taken_in(user: Any, content: bytes, file_name: str) -> Preview:
    """Store the new results of a file, all or none; attributed to the importer, with the file's hash.

    Raises
    ------
    InputError
        The file has problems, or is too large.
    LockedError
        A participant's data are frozen or locked.
    """
    found = laboratory_preview(user, content, file_name)
    if found.problems:
        raise InputError(f"the file has {len(found.problems)} problems; nothing was taken in")
    if not found.new:
        return found
    people = {
        one.code: one
        for one in Participant.objects.filter(site__in=sites_of(user, "records.import")).select_related("site")
    }
    with act(user, "laboratory.import", reason=f"{file_name} {found.file_hash}"):
        note("laboratory.import", file=file_name, hash=found.file_hash, rows=len(found.new))
        for row in found.new:
            record_create(
                user,
                "laboratory",
                row.cells,
                participant=people[row.cells["participant_id"]],
                group=group_of("laboratory", row.cells),
                entered={
                    column: {"text": one.text, "calendar": one.calendar, "unit": one.unit}
                    for column, one in row.entered.items()
                    if one.text != row.cells.get(column)
                },
                source=f"import:{found.file_hash}"[:120],
                action="laboratory.import",
            )
    return found
