"""A trial folder as it was at an instant: what was recorded of later moments does not exist in it.

A folder keeps the present state of each record and no history, so this removes by the moments that records speak of: a
line whose required date, or else whose moment, lies later; a later date in a line that stays, with what was recorded
of it; a later image, and regions drawn later or on a later image. A correction made later of an earlier fact cannot be
told from the fact.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Final

from theratrial.errors import InputError
from theratrial.imaging.catalogue import CatalogueSeries, catalogue
from theratrial.trace import bytes_hash, file_hash
from theratrial.trialfolder.records import Row, TrialFolder, Value
from theratrial.trialfolder.tables import table as table_definition

_OF_THE_PLACE: Final = frozenset({"batches", "calibrations", "recoveries"})
"""Tables of no participant: an expiry may lie in the future, and a batch that nobody has received yet tells nothing."""
_GO_WITH: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("adverse_events", "ended_on"): ("outcome",),
    ("consents", "withdrawn_at"): ("withdrawal_kind",),
    ("administrations", "residual_measured_at"): ("residual_activity_MBq",),
    ("prior_therapy", "last_given_on"): ("outcome",),
}
"""(table, date) -> columns that were recorded with that date and go with it."""


def end_of_day(day: date, folder: TrialFolder) -> datetime:
    """The last instant of a day at the trial."""
    return datetime.combine(day, time(23, 59, 59), folder.zone)


def folder_as_of(folder: TrialFolder, moment: datetime) -> TrialFolder:
    """The folder with only what it speaks of up to `moment`.

    Raises
    ------
    InputError
        Nobody was screened by then.
    """
    tables = {name: tuple(_kept(rows, moment)) for name, rows in folder.tables.items()}
    people = {row["participant_id"] for row in tables["participants"]}
    if not people:
        raise InputError(f"nobody was screened by {moment.date().isoformat()} -> give a later --cut-off")
    tables = {
        name: tuple(row for row in rows if "participant_id" not in row.values or row["participant_id"] in people)
        for name, rows in tables.items()
    }
    given = {(row["participant_id"], row["session"]) for row in tables["administrations"] if row["session"] is not None}
    all_given = {(row["participant_id"], row["session"]) for row in folder.rows("administrations")}
    later = all_given - given
    # A visit that was missed has no date; that of a session which is still to come is a later record.
    tables["visits"] = tuple(row for row in tables["visits"] if (row["participant_id"], row["session"]) not in later)
    files = _images(folder, moment)
    return replace(folder, tables=tables, image_files=files)


def _kept(rows: Iterable[Row], moment: datetime) -> Iterable[Row]:
    for row in rows:
        if row.table in _OF_THE_PLACE:
            yield row
            continue
        definition = table_definition(row.table)
        first = row.moment
        required = [row[column.name] for column in definition.columns if column.required]
        if any(_later(value, moment) for value in (first, *required)):
            continue
        later = [name for name, value in row.values.items() if _later(value, moment)]
        if later:
            gone = {name for one in later for name in (one, *_GO_WITH.get((row.table, one), ()))}
            values: dict[str, Value] = {name: None if name in gone else value for name, value in row.values.items()}
            yield replace(row, values=values)
        else:
            yield row


def _later(value: object, moment: datetime) -> bool:
    if isinstance(value, datetime):
        return value > moment
    return isinstance(value, date) and value > moment.date()


def _images(folder: TrialFolder, moment: datetime) -> tuple[Path, ...]:
    seen = catalogue(folder.image_files)
    gone = {one.series_instance_uid for one in seen.series if _taken_later(one, moment, folder)}
    # What refers to an image that does not exist yet does not exist either.
    gone |= {one.series_instance_uid for one in seen.series if any(uid in gone for uid in one.referenced_series_uids)}
    dropped = {file for one in seen.series if one.series_instance_uid in gone for file in one.files}
    return tuple(file for file in folder.image_files if file not in dropped)


def _taken_later(one: CatalogueSeries, moment: datetime, folder: TrialFolder) -> bool:
    if one.acquired_at is None:
        return False
    at = one.acquired_at if one.acquired_at.tzinfo is not None else one.acquired_at.replace(tzinfo=folder.zone)
    return at > moment


def content_hash(folder: TrialFolder) -> str:
    """One hash of what the folder speaks of: its lines, its images, protocol and registration record.

    Other than a hash of the files, it does not change when something is added that `folder_as_of` takes away again.
    """
    lines = [
        json.dumps(
            [name, {key: str(value) for key, value in sorted(row.values.items()) if value is not None}],
            ensure_ascii=False,
        )
        for name, rows in sorted(folder.tables.items())
        if name not in _OF_THE_PLACE
        for row in rows
    ]
    lines += [f"{path.relative_to(folder.path).as_posix()} {file_hash(path)}" for path in folder.image_files]
    lines += [f"{name} {digest}" for name, digest in sorted(folder.manifest.items()) if name.endswith(".yaml")]
    return bytes_hash("\n".join(lines).encode())
