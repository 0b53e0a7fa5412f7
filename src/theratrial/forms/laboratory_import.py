"""A laboratory's CSV file to rows of ``laboratory``: one line a result, or one line a sample with a column a test."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal
from zoneinfo import ZoneInfo

from theratrial.errors import InputError, Problem
from theratrial.forms.answers import instant_cell
from theratrial.forms.moments import TypedInstant, typed_instant
from theratrial.forms.numbers import typed_number
from theratrial.forms.rows import Entered, row_digest, row_key
from theratrial.protocol.schema import Protocol
from theratrial.trace import bytes_hash
from theratrial.trialfolder.cells import did_you_mean
from theratrial.trialfolder.checks import KnownIds, known_ids, laboratory_in_core_units
from theratrial.trialfolder.csvfile import read_csv
from theratrial.trialfolder.laboratory import LABORATORY_TESTS
from theratrial.trialfolder.moments import CellProblem
from theratrial.trialfolder.reader import read_table
from theratrial.trialfolder.records import Row, Value
from theratrial.trialfolder.tables import table
from theratrial.trialfolder.writer import cell_text

Layout = Literal["one_line_a_result", "one_line_a_sample"]

_TABLE: Final = table("laboratory")
_SAMPLE_COLUMNS: Final = ("participant_id", "collected_at", "laboratory")
_WITH_UNIT = re.compile(r"(.+?)\s*[\[(]\s*(.+?)\s*[\])]")


@dataclass(frozen=True, slots=True)
class TestColumn:
    """What a column of a wide file holds."""

    __test__ = False

    test: str
    unit: str


@dataclass(frozen=True, slots=True)
class ImportedRow:
    """A row of ``laboratory`` read from a file.

    Parameters
    ----------
    line
        Line of the file.
    cells
        Column -> text, as the table's CSV has it.
    key
        Participant, test and sampling time: what a row of another import must share to be the same result.
    digest
        Hash of the normalised cells: a row with the same key and digest is stored already, one with the same key and
        another digest is a change.
    """

    line: int
    cells: Mapping[str, str]
    entered: Mapping[str, Entered]
    key: tuple[str, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class LaboratoryImport:
    """What a file holds; rows are to be stored only where there is no problem."""

    layout: Layout
    rows: tuple[ImportedRow, ...]
    problems: tuple[Problem, ...]
    file_hash: str


def laboratory_import(
    content: bytes,
    *,
    protocol: Protocol,
    zone: ZoneInfo,
    participants: Collection[str] | None = None,
    columns: Mapping[str, TestColumn] | None = None,
    file_name: str = "laboratory.csv",
) -> LaboratoryImport:
    """Rows of the table out of a CSV file, and everything that is wrong with it.

    A file whose header has ``test`` and ``value`` is read as the table itself. Any other is wide: ``participant_id``,
    ``collected_at`` (either calendar), perhaps ``laboratory``, and a column for each test, called by the test with its
    unit in brackets (``platelets [10^9/L]``), by an item of a laboratory form (``platelets_e9_per_L``), or as `columns`
    says.

    Parameters
    ----------
    participants
        Pseudonyms that are known; None: not checked.
    columns
        Header of a wide file -> what it holds.

    Raises
    ------
    InputError
        `columns` names a test that theratrial does not know.
    """
    for name, column in (columns or {}).items():
        if column.test not in LABORATORY_TESTS:
            remedy = did_you_mean(column.test, tuple(LABORATORY_TESTS))
            raise InputError(f"column '{name}': {column.test!r} is no laboratory test; {remedy}")
    problems: list[Problem] = []
    seen = read_csv(content, _TABLE_NAMES, lambda *_: None)
    if seen is None or {"test", "value"} <= set(seen.header):
        rows = _long(content, protocol, zone, participants, file_name, problems)
        return LaboratoryImport("one_line_a_result", tuple(rows), tuple(problems), bytes_hash(content))
    wide = _Wide(file_name, zone, participants, _meanings(protocol) | dict(columns or {}), problems)
    return LaboratoryImport("one_line_a_sample", tuple(wide.rows(content)), tuple(problems), bytes_hash(content))


_TABLE_NAMES: Final = tuple(column.name for column in _TABLE.columns)


def _long(
    content: bytes,
    protocol: Protocol,
    zone: ZoneInfo,
    participants: Collection[str] | None,
    file_name: str,
    problems: list[Problem],
) -> list[ImportedRow]:
    known = known_ids(protocol)
    if participants is not None:
        known = KnownIds({**known.ids, "participants": tuple(participants)}, known.items, known.product_roles)
    rows, found = read_table(content, _TABLE, zone, known)
    name = f"records/{_TABLE.name}.csv"
    problems.extend(replace(problem, place=problem.place.replace(name, file_name, 1)) for problem in found)
    if problems:
        return []
    return [_imported(row.line, _cells(row), {}, zone) for row in rows]


def _cells(row: Row) -> dict[str, str]:
    """The cells as they stood in the file: value and limits in the unit of the laboratory."""
    texts = {column: row.original.get(column, "").strip() or cell_text(value) for column, value in row.values.items()}
    return {column: text for column, text in texts.items() if text}


def _imported(line: int, cells: Mapping[str, str], entered: Mapping[str, Entered], zone: ZoneInfo) -> ImportedRow:
    return ImportedRow(line, cells, entered, row_key(_TABLE, cells, zone), row_digest(_TABLE, cells, zone))


def _meanings(protocol: Protocol) -> dict[str, TestColumn]:
    """Items of the protocol's laboratory forms, whose unit the protocol states."""
    return {
        item.id: TestColumn(item.where["test"], item.unit)
        for clause in protocol.forms.values()
        if clause.reading is not None and clause.reading.table == _TABLE.name
        for item in clause.reading.items
        if item.column == "value" and item.where.get("test") in LABORATORY_TESTS
    }


@dataclass(frozen=True, slots=True)
class _Wide:
    """Reads a file of one line a sample."""

    file_name: str
    zone: ZoneInfo
    participants: Collection[str] | None
    known: Mapping[str, TestColumn]
    problems: list[Problem]

    def rows(self, content: bytes) -> list[ImportedRow]:
        """Every result that can be read; a cell that is empty is no result."""
        lines = read_csv(content, (*_SAMPLE_COLUMNS, *self.known, *LABORATORY_TESTS), self._add)
        if lines is None:
            return []
        tests = self._tests(lines.header)
        found: list[ImportedRow] = []
        first: dict[tuple[str, ...], int] = {}
        for number, cells in lines.lines:
            for row in self._line(number, dict(zip(lines.header, cells, strict=True)), tests):
                earlier = first.setdefault(row.key, number)
                if earlier != number:
                    message = f"repeats the {row.cells['test']} of line {earlier} (same participant and time)"
                    self._add(number, "collected_at", message, "keep one of them, or correct the time")
                found.append(row)
        return found

    def _add(self, line: int, column: str, message: str, remedy: str = "") -> None:
        place = f"{self.file_name} line {line}" if line else self.file_name
        self.problems.append(Problem(f"{place}, column {column}" if column else place, message, remedy))

    def _tests(self, header: tuple[str, ...]) -> dict[str, TestColumn]:
        for name in _SAMPLE_COLUMNS[:2]:
            if name not in header:
                self._add(1, name, "is missing from the header", f"call the column with it {name}")
        tests: dict[str, TestColumn] = {}
        for index, name in enumerate(header):
            if name in header[:index]:
                self._add(1, name, "stands twice in the header", "remove or rename one of them")
            elif name and name not in _SAMPLE_COLUMNS and (meaning := self._meaning(name)):
                tests[name] = meaning
        if not tests and not self.problems:
            self._add(1, "", "no column holds a test", "call columns like platelets [10^9/L]")
        return tests

    def _meaning(self, name: str) -> TestColumn | None:
        if name in self.known:
            return self.known[name]
        match = _WITH_UNIT.fullmatch(name)
        test = (match[1] if match else name).strip().lower().replace(" ", "_")
        if test not in LABORATORY_TESTS:
            remedy = did_you_mean(test, tuple(LABORATORY_TESTS))
            self._add(1, name, "is no laboratory test theratrial knows", f"{remedy}; or remove the column")
            return None
        if match is None:
            self._add(1, name, "has no unit", f"write it in brackets, as {name} [{LABORATORY_TESTS[test].core_unit}]")
            return None
        return TestColumn(test, match[2])

    def _line(self, number: int, cells: Mapping[str, str], tests: Mapping[str, TestColumn]) -> Iterator[ImportedRow]:
        instant = self._instant(number, cells)
        participant = self._participant(number, cells)
        if instant is None or not participant:
            return
        sample = {"participant_id": participant, "collected_at": instant_cell(instant.value, self.zone)}
        if laboratory := cells.get("laboratory", "").strip():
            sample["laboratory"] = laboratory
        when = Entered("collected_at", instant.text, calendar=instant.calendar)
        for name, column in tests.items():
            text = cells[name].strip()
            if not text:
                continue
            try:
                value = typed_number(text, column.unit)
            except CellProblem as problem:
                self._add(number, name, problem.message, problem.remedy)
                continue
            row = sample | {"test": column.test, "value": cell_text(value), "unit": column.unit}
            if self._is_plausible(number, name, row, value):
                entered = {"collected_at": when, "value": Entered(column.test, text, column.unit)}
                yield _imported(number, row, entered, self.zone)

    def _participant(self, number: int, cells: Mapping[str, str]) -> str:
        participant = cells.get("participant_id", "").strip()
        if not participant:
            self._add(number, "participant_id", "is empty but must be filled", "write the participant's pseudonym")
        elif self.participants is not None and participant not in self.participants:
            remedy = did_you_mean(participant, tuple(self.participants))
            self._add(number, "participant_id", f"{participant!r} is no participant you may enter for", remedy)
            return ""
        return participant

    def _instant(self, number: int, cells: Mapping[str, str]) -> TypedInstant | None:
        try:
            return typed_instant(cells.get("collected_at", ""), self.zone)
        except CellProblem as problem:
            self._add(number, "collected_at", problem.message, problem.remedy)
            return None

    def _is_plausible(self, number: int, name: str, cells: Mapping[str, str], value: float) -> bool:
        before = len(self.problems)
        if value < 0:
            self._add(number, name, f"{value:g} is below zero", "correct the value")
            return False
        values: dict[str, Value] = {"test": cells["test"], "value": value, "unit": cells["unit"]}
        line = Row(_TABLE.name, number, values | {"lower_limit": None, "upper_limit": None})
        laboratory_in_core_units(line, cells, lambda _, __, message, remedy: self._add(number, name, message, remedy))
        return len(self.problems) == before
