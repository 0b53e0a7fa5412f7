"""The records of a trial, in memory, without identity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final

from theratrial.sharing.identity.cleaner import Cleaner, cleaner_of
from theratrial.sharing.images.keys import ReleaseKey
from theratrial.sharing.images.values import Person
from theratrial.sharing.tables.treatment import label_kind, treatments
from theratrial.sharing.tables.withdrawn import of_withdrawn_alone
from theratrial.trialfolder.columns import Column
from theratrial.trialfolder.records import Row, TrialFolder, Value
from theratrial.trialfolder.tables import TABLES

_MOST_YEARS: Final = 89


def trial_cleaner(
    trial: TrialFolder,
    key: ReleaseKey,
    people: Mapping[str, Person],
    allowed_texts: frozenset[tuple[str, str, str]] = frozenset(),
) -> Cleaner:
    """The cleaner of a trial: labels of its sites, batches, cameras and staff, and every typed text nobody allowed."""
    how = treatments()
    labels: dict[str, str] = {}
    typed: set[str] = set()
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
                elif done == "withheld" and not _allowed(table.name, column, value, allowed_texts):
                    typed.add(value)
    for one in trial.participant_ids:
        labels.pop(one, None)
        if one not in people:
            # Who withdrew the use of her data is left out of everything; what still speaks of her is found by this.
            labels[one] = WITHDRAWN
    return cleaner_of(key, people, labels, typed - _vocabulary(trial))


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
        # The order at home is often that of enrolment.
        tables[table.name] = tuple(sorted(rows, key=lambda row: str(row.values.get("participant_id", ""))))
    return replace(
        trial, path=Path("shared"), tables=tables, image_files=(), manifest={}, notes=(), registration_history=None
    )


def _row(row: Row, columns: tuple[Column, ...], cleaner: Cleaner, how: Mapping[str, str]) -> Row:
    participant = str(row["participant_id"]) if "participant_id" in row.values else ""
    values = {one.name: _value(row, one, participant, cleaner, how[one.name]) for one in columns}
    original = {name: text for name, text in row.original.items() if how.get(name) == "keep"}
    return Row(row.table, row.line, values, original, row.origin and f"record:{row.file}", {})


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
    if done == "withheld" and isinstance(value, str):
        left = cleaner.sentence(value, participant)
        return left if "[withheld]" not in left else "withheld" if column.required else None
    return value


def _allowed(table: str, column: Column, value: str, allowed: frozenset[tuple[str, str, str]]) -> bool:
    return (table, column.name, value) in allowed


def _vocabulary(trial: TrialFolder) -> frozenset[str]:
    """Texts of the protocol and terms of CTCAE: whoever typed one of them said nothing of a person."""
    from theratrial.sharing.tables.release import ctcae_terms

    found: set[str] = set()
    waiting: list[object] = [trial.protocol.model_dump(mode="json")]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += one.values()
            found.update(map(str, one))
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, str):
            found.add(one)
    typed = {str(row[c.name]) for t in TABLES for row in trial.tables[t.name] for c in t.columns if row[c.name]}
    terms = ctcae_terms()
    return frozenset(found) | {one for one in typed if one.casefold() in terms}
