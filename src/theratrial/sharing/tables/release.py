"""The record tables of a trial folder, without identity: codes, moved dates or days of the study, read texts alone."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta
from functools import cache
from typing import Final

from theratrial.reference import table as reference_table
from theratrial.sharing.images.own_strings import OwnStrings
from theratrial.sharing.images.values import Person
from theratrial.sharing.tables.clocks import clocks_of
from theratrial.sharing.tables.dictionary import dictionary_csv
from theratrial.sharing.tables.risk import risk, small_groups
from theratrial.sharing.tables.terms import plain, protocol_texts, shown_id, shown_term
from theratrial.sharing.tables.treatment import Treatment, label_kind, treatments
from theratrial.sharing.tables.values import SharedTables, TablesAsked, WithheldText
from theratrial.sharing.tables.withdrawn import of_withdrawn_alone
from theratrial.trialfolder.columns import Column
from theratrial.trialfolder.records import Row, TrialFolder
from theratrial.trialfolder.tables import TABLES
from theratrial.trialfolder.withdrawals import data_use_withdrawn

_OLDEST_SHOWN_YEARS: Final = 89
_RISKY: Final = frozenset(("choice", "id", "integer", "flag"))
"""Kinds of column whose values are looked at for small groups: measured numbers are all different."""


def shared_tables(trial: TrialFolder, asked: TablesAsked) -> SharedTables:
    """The tables of a trial as they may leave: files, risk, and what stays home.

    Participants who withdrew the use of their data are in no table. Tables without a participant (batches,
    calibrations) have no shift of their own: their dates are left out.
    """
    everybody = [str(row["participant_id"]) for row in trial.tables["participants"]]
    excluded = tuple(one for one in everybody if data_use_withdrawn(trial, one))
    shared = [one for one in everybody if one not in excluded]
    people = {one: _person(one, trial, asked) for one in shared}
    work = _Work(trial, asked, people)
    files: dict[str, bytes] = {}
    lines: dict[str, int] = {}
    for table in TABLES:
        rows = [row for row in trial.tables[table.name] if _kept(row, table.columns, people, trial)]
        lines[table.name] = len(rows)
        if rows:
            files[f"tables/{table.name}.csv"] = work.written(table.name, table.columns, rows)
    found = risk(
        [_characteristics(row) for row in trial.tables["participants"] if str(row["participant_id"]) in people],
        small_groups(work.seen, asked.smallest_group),
        asked.smallest_group,
    )
    files["data_dictionary.csv"] = dictionary_csv(lines, relative_days=asked.relative_days)
    files["risk.json"] = (json.dumps(asdict(found), indent=1, ensure_ascii=False) + "\n").encode("utf-8")
    texts = tuple(WithheldText(*key, count) for key, count in sorted(work.withheld.items()))
    return SharedTables(files, found, people, texts, excluded, tuple(_leaks(files, trial, people)))


def _kept(row: Row, columns: Iterable[Column], people: Mapping[str, Person], trial: TrialFolder) -> bool:
    if not any(column.name == "participant_id" for column in columns):
        return not of_withdrawn_alone(row, trial)
    return str(row["participant_id"]) in people


def _person(one: str, trial: TrialFolder, asked: TablesAsked) -> Person:
    known = asked.people.get(one)
    if known is not None:
        return known
    offset = 0
    screened = next((r["screened_on"] for r in trial.tables["participants"] if r["participant_id"] == one), None)
    if isinstance(screened, date):
        at = datetime(screened.year, screened.month, screened.day, 12, tzinfo=trial.zone).utcoffset()
        offset = int((at or timedelta()).total_seconds() // 60)
    return Person(asked.key.participant_code(one), asked.key.shift_days(one, _dates_of(trial, one)), offset)


def _dates_of(trial: TrialFolder, participant: str) -> set[date]:
    found: set[date] = set()
    for table in TABLES:
        if any(column.name == "participant_id" for column in table.columns):
            for row in trial.rows(table.name, participant_id=participant):
                for column in table.columns:
                    value = row[column.name]
                    if isinstance(value, datetime):
                        found.add(value.date())
                    elif isinstance(value, date):
                        found.add(value)
    return found


def _characteristics(row: Row) -> dict[str, object]:
    return {name: row[name] for name in ("sex", "age_years", "height_cm", "weight_kg", "site_id")}


class _Work:
    """One release under way: what was withheld and which values were shared of whom."""

    def __init__(self, trial: TrialFolder, asked: TablesAsked, people: Mapping[str, Person]) -> None:
        self._trial, self._asked, self._people = trial, asked, people
        self._how = treatments()
        self._known = protocol_texts(trial.protocol)
        self._clocks = clocks_of(trial)
        self.withheld: Counter[tuple[str, str, str]] = Counter()
        self.seen: list[tuple[str, str, str, str]] = []

    def written(self, table: str, columns: Iterable[Column], rows: Iterable[Row]) -> bytes:
        """A table as UTF-8 CSV, lines in an order that does not tell that of the original."""
        kept = [column for column in columns if self._how[table, column.name] != "removed"]
        lines = sorted([self._cell(table, column, row) for column in kept] for row in rows)
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([column.name for column in kept])
        writer.writerows(lines)
        return out.getvalue().encode("utf-8")

    def _cell(self, table: str, column: Column, row: Row) -> str:
        value = row[column.name]
        if value is None:
            return ""
        participant = str(row["participant_id"]) if "participant_id" in row.values else ""
        done = self._how[table, column.name]
        text = self._shown(table, column, value, participant, done)
        if participant and text and column.type in _RISKY and done in ("keep", "id"):
            self.seen.append((table, column.name, text, participant))
        return text

    def _shown(self, table: str, column: Column, value: object, participant: str, done: Treatment) -> str:
        key = self._asked.key
        match done:
            case "code":
                return self._people[str(value)].code if str(value) in self._people else ""
            case "label":
                return key.label(label_kind(column), str(value))
            case "uid":
                return key.uid(str(value))
            case "words":
                return shown_term(str(value), self._known_to(column)) if value else ""
            case "id":
                return shown_id(_plain(value), label_kind(column), key, self._known)
            case "capped":
                return "90" if isinstance(value, int | float) and value > _OLDEST_SHOWN_YEARS else _plain(value)
            case "day" | "moment":
                return self._moved(value, participant)
            case "keep":
                return _plain(value)
            case "withheld":
                return self._read_text(table, column.name, value)
            case "removed":
                return ""

    def _read_text(self, table: str, column: str, value: object) -> str:
        if not isinstance(value, str):
            return _plain(value)
        term = column == "term" and value.casefold() in ctcae_terms()
        if term or (table, column, value) in self._asked.allowed_texts:
            return value
        self.withheld[table, column, value] += 1
        return ""

    def _moved(self, value: object, participant: str) -> str:
        if not participant or not isinstance(value, date):
            return ""
        if self._asked.relative_days:
            day = value.astimezone(self._trial.zone).date() if isinstance(value, datetime) else value
            first = _first_day(self._trial, participant)
            if first is None:
                return ""
            days = (day - first).days
            return str(days + 1 if days >= 0 else days)
        shown = self._clocks[participant].wall(value) if isinstance(value, datetime) else value
        return (shown + timedelta(days=self._people[participant].shift_days)).isoformat()

    def _known_to(self, column: Column) -> frozenset[str]:
        """Terms that stay as they are; of regions none, so that their names are those in the shared structure sets."""
        return frozenset() if column.name == "region_name" else self._known


@cache
def ctcae_terms() -> frozenset[str]:
    """CTCAE's own terms: they name no one."""
    names = [f"safety/ctcae_{version}_events" for version in ("v5_0", "v6_0")]
    return frozenset(row.text("term").casefold() for name in names for row in reference_table(name))


def _first_day(trial: TrialFolder, participant: str) -> date | None:
    """Day of the first treatment session; of screening for who had none."""
    rows = trial.rows("administrations", participant_id=participant)
    given = [row["injected_at"] for row in rows if row["session"] is not None]
    starts = [at.astimezone(trial.zone).date() for at in given if isinstance(at, datetime)]
    if starts:
        return min(starts)
    screened = next((r["screened_on"] for r in trial.rows("participants", participant_id=participant)), None)
    return screened if isinstance(screened, date) else None


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _leaks(files: Mapping[str, bytes], trial: TrialFolder, people: Mapping[str, Person]) -> Iterable[str]:
    """Original pseudonyms, staff codes, UIDs, dates and withheld texts, looked for in every shared file."""
    own = OwnStrings()
    how, known = treatments(), protocol_texts(trial.protocol)
    for table in TABLES:
        for row in trial.tables[table.name]:
            for column in table.columns:
                value, done = row[column.name], how[table.name, column.name]
                if isinstance(value, str) and done in ("code", "label", "removed"):
                    own.strings.add(value.casefold())
                elif isinstance(value, str) and done == "uid":
                    own.uids.add(value)
                elif isinstance(value, str) and done in ("id", "words") and value not in known and not plain(value):
                    own.strings.add(value.casefold())
    search = own.search()
    days = {one: _dates_of(trial, one) for one in people}
    for name, data in files.items():
        if not name.startswith("tables/"):
            continue
        text = data.decode("utf-8")
        for number, line in enumerate(csv.reader(io.StringIO(text)), start=1):
            for kind in {kind for cell in line if number > 1 for kind in search.in_text(cell)}:
                yield f"{name} line {number}: a {kind} of the trial folder"
        yield from _days_left(name, text, days, people)


def _days_left(name: str, text: str, days: Mapping[str, set[date]], people: Mapping[str, Person]) -> Iterable[str]:
    """Original days of a participant in her own lines, but those that are also moved days of hers."""
    code_of = {person.code: one for one, person in people.items()}
    left = {
        one: {day.isoformat() for day in own - {d + timedelta(days=people[one].shift_days) for d in own}}
        for one, own in days.items()
    }
    for number, line in enumerate(csv.reader(io.StringIO(text)), start=1):
        one = code_of.get(line[0]) if line else None
        if one is not None and any(cell[:10] in left[one] for cell in line):
            yield f"{name} line {number}: a date of the trial folder"
