"""The records of a trial, in memory, without identity."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from theratrial.errors import InputError
from theratrial.imaging.fastload import header
from theratrial.protocol.reader import protocol_hash
from theratrial.sharing.identity.cleaner import WITHHELD, Cleaner, cleaner_of
from theratrial.sharing.images.keys import STANDARD_ROOT, ReleaseKey
from theratrial.sharing.images.values import Person
from theratrial.sharing.tables.clocks import clocks_of
from theratrial.sharing.tables.release import ctcae_terms
from theratrial.sharing.tables.terms import plain, protocol_texts, shown_id, shown_term
from theratrial.sharing.tables.treatment import label_kind, treatments
from theratrial.sharing.tables.withdrawn import of_withdrawn_alone
from theratrial.trialfolder.columns import Column
from theratrial.trialfolder.records import Row, TrialFolder, Value
from theratrial.trialfolder.tables import TABLES

_MOST_YEARS: Final = 89
IMAGE_UIDS: Final = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")
_DAY: Final = re.compile(r"(?<!\d)\d{4}-\d\d-\d\d(?!\d)")


def trial_cleaner(
    trial: TrialFolder,
    key: ReleaseKey,
    people: Mapping[str, Person],
    allowed_texts: frozenset[tuple[str, str, str]] = frozenset(),
) -> Cleaner:
    """The cleaner of a trial: labels of its sites, batches, cameras and staff, and what stands for each typed text.

    A free text that nobody allowed is withheld; in sentences it is looked for unless it has ordinary words alone.
    """
    how, terms = treatments(), ctcae_terms()
    known = protocol_texts(trial.protocol)
    allowed = {value for _, _, value in allowed_texts}
    labels: dict[str, str] = {}
    instead: dict[str, str] = {}
    withheld: set[tuple[str, str, str]] = set()
    for table in TABLES:
        for row in trial.tables[table.name]:
            for column in table.columns:
                value, done = row[column.name], how[table.name, column.name]
                if not isinstance(value, str) or not value:
                    continue
                if done == "label":
                    labels[value] = key.label(label_kind(column), value)
                elif done == "removed":
                    labels[value] = key.label("STAFF", value)
                elif done in ("words", "id"):
                    shown = _shown(value, column, done, key, known)
                    if shown != value:
                        instead[value] = shown or WITHHELD
                elif done == "withheld" and value not in known and value.casefold() not in terms:
                    if (table.name, column.name, value) not in allowed_texts:
                        withheld.add((table.name, column.name, value))
                    if value not in allowed and not plain(value):
                        instead[value] = WITHHELD
    for one in trial.participant_ids:
        labels.pop(one, None)
        if one not in people:
            # Who withdrew the use of her data is left out of everything; what still speaks of her is found by this.
            labels[one] = WITHDRAWN
    clocks, uids = clocks_of(trial), image_uids(trial)
    return cleaner_of(
        key, people, labels, instead, clocks=clocks, uids=uids, public=public_strings(trial), withheld=withheld
    )


WITHDRAWN: Final = "[a participant who withdrew]"
"""In the place of her id: no file with it may leave."""


def shared_folder(trial: TrialFolder, cleaner: Cleaner) -> TrialFolder:
    """The trial with the shared participants alone; not a folder on disk, and not to be run: texts are withheld."""
    how = treatments()
    tables = {}
    for table in TABLES:
        treated = {one.name: how[table.name, one.name] for one in table.columns}
        rows = [
            _row(row, table.columns, cleaner, treated)
            for row in trial.tables[table.name]
            if ("participant_id" not in row.values or str(row["participant_id"]) in cleaner.people)
            and not of_withdrawn_alone(row, trial)
        ]
        # The order at home is often that of enrolment, and so are the numbers of the lines.
        ordered = sorted(rows, key=_order)
        tables[table.name] = tuple(replace(row, line=line) for line, row in enumerate(ordered, start=2))
    return replace(
        trial,
        path=Path("shared"),
        tables=tables,
        image_files=(),
        manifest={},
        # Moments are those of the wall, written as of UTC: another zone would put them an hour or a day elsewhere.
        zone=ZoneInfo("UTC"),
        notes=(),
        registration_history=None,
    )


def _order(row: Row) -> tuple[str, ...]:
    """By participant, her lines as they were; what is nobody's by its values."""
    if "participant_id" in row.values:
        return (str(row["participant_id"]),)
    return tuple(str(value) for value in row.values.values())


def _row(row: Row, columns: tuple[Column, ...], cleaner: Cleaner, how: Mapping[str, str]) -> Row:
    participant = str(row["participant_id"]) if "participant_id" in row.values else ""
    values = {one.name: _value(row, one, participant, cleaner, how[one.name]) for one in columns}
    original = {name: text for name, text in row.original.items() if how.get(name) == "keep"}
    return Row(row.table, row.line, values, original, f"record:{row.file}", {})


def _value(row: Row, column: Column, participant: str, cleaner: Cleaner, done: str) -> Value:
    value: Value = row[column.name]
    if value is None:
        return None
    if done == "code":
        return cleaner.people[str(value)].code if str(value) in cleaner.people else None
    if done in ("label", "removed"):
        return cleaner.label(str(value))
    if done == "uid":
        return cleaner.key.uid(str(value))
    if done == "capped":
        return 90 if isinstance(value, int | float) and value > _MOST_YEARS else value
    if isinstance(value, date):
        # What belongs to nobody (a batch, a calibration) has no shift of its own, and its day would tell others'.
        return cleaner.moved(value, participant) if participant else None
    if done in ("words", "id") and isinstance(value, str):
        shown = cleaner.instead.get(value.strip(), value)
        return shown if shown != WITHHELD else "withheld" if column.required else None
    if done == "withheld" and isinstance(value, str):
        if (row.table, column.name, value) in cleaner.withheld:
            # The word that stands for it in the results too: whoever counts terms counts the same.
            return WITHHELD if column.required else None
        return cleaner.sentence(value, participant)
    return value


def _shown(value: str, column: Column, done: str, key: ReleaseKey, known: frozenset[str]) -> str:
    if done == "id":
        return shown_id(value, label_kind(column), key, known)
    return shown_term(value, frozenset() if column.name == "region_name" else known)


def image_uids(trial: TrialFolder) -> frozenset[str]:
    """UIDs of the trial's images: study, series, object, frame of reference."""
    found: set[str] = set()
    for path in trial.image_files:
        try:
            seen = header(trial.path / path, IMAGE_UIDS)
        except (InputError, OSError):
            continue  # no DICOM object: it has no UID, and is shared nowhere
        found |= {str(seen.get(name) or "").strip(" \0") for name in IMAGE_UIDS}
    return frozenset(one for one in found if one and not one.startswith(STANDARD_ROOT))


def public_strings(trial: TrialFolder) -> frozenset[str]:
    """Days of the protocol and the registration record, and the digest of the protocol: they are nobody's."""
    said = trial.protocol.model_dump_json()
    said += trial.registration.model_dump_json() if trial.registration is not None else ""
    return frozenset((*_DAY.findall(said), protocol_hash(trial.protocol).removeprefix("sha256:")))
