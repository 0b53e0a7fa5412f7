"""A trial folder to values: everything wrong with it is named at once, and nothing is half-read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from theratrial.errors import InputError, Problem, Problems
from theratrial.protocol.check import Severity, protocol_findings
from theratrial.protocol.documents import parse_document
from theratrial.protocol.findings import Surroundings
from theratrial.protocol.reader import located, parse_protocol
from theratrial.protocol.schema import Protocol
from theratrial.registry.history import History
from theratrial.registry.history_files import VERSIONS_FOLDER, history_of_files
from theratrial.registry.reader import parse_registration
from theratrial.registry.record import RegistrationRecord
from theratrial.trace import bytes_hash
from theratrial.trialfolder import checks
from theratrial.trialfolder.cells import did_you_mean, read_cell
from theratrial.trialfolder.checks import KnownIds, known_ids
from theratrial.trialfolder.csvfile import LARGEST_FILE_BYTES, read_csv
from theratrial.trialfolder.laboratory import LABORATORY_TESTS
from theratrial.trialfolder.moments import CellProblem
from theratrial.trialfolder.records import Row, TrialFolder, Value
from theratrial.trialfolder.tables import FOLDER_SCHEMA_VERSION, TABLES, Table, column_types

PROTOCOL_FILE: Final = "protocol.yaml"
REGISTRATION_FILE: Final = "registration.yaml"
FOLDER_FILE: Final = "folder.yaml"
RECORDS: Final = "records"
IMAGES: Final = "images"

_FOLDER_KEYS: Final = frozenset({"schema_version", "simulated", "locked"})

_MOST_PER_COLUMN = 50
"""A column typed wrong in ten thousand lines is one mistake; beyond this many its lines are only counted."""

_Cells = Mapping[str, str]


@dataclass(slots=True)
class _Collector:
    """Problems of one file, at most `_MOST_PER_COLUMN` of each column."""

    file: str
    problems: list[tuple[int, Problem]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, line: int, column: str, message: str, remedy: str = "") -> None:
        count = self.counts[column] = self.counts.get(column, 0) + 1
        if count <= _MOST_PER_COLUMN:
            self.problems.append((line, Problem(_place(self.file, line, column), message, remedy)))

    def row(self, row: Row, column: str, message: str, remedy: str = "") -> None:
        self.add(row.line, column, message, remedy)

    def sorted(self) -> list[Problem]:
        more = [
            Problem(_place(self.file, 0, column), f"{count - _MOST_PER_COLUMN} more problems like these")
            for column, count in self.counts.items()
            if count > _MOST_PER_COLUMN
        ]
        return [problem for _, problem in sorted(self.problems, key=lambda entry: entry[0])] + more


def _place(file: str, line: int, column: str) -> str:
    place = f"{file} line {line}" if line else file
    return f"{place}, column {column}" if column else place


def read_folder(path: Path) -> TrialFolder:
    """The trial folder at `path`.

    Reads ``protocol.yaml``, ``registration.yaml`` and ``registration_versions/*.yaml`` (may be absent), ``folder.yaml``
    (may be absent: schema version 1.0, participants not simulated) and ``records/*.csv``, and lists the files below
    ``images/``. Hidden files are passed over.

    Raises
    ------
    Problems
        Anything in it cannot be used: every problem, with file, line and column.
    InputError
        `path` is no folder, or holds a newer version of the format.
    """
    path = Path(path)
    if not path.is_dir():
        found = "is a file" if path.exists() else "does not exist"
        raise InputError(f"{path} {found}; a trial folder is a folder with {PROTOCOL_FILE} and {RECORDS}/*.csv")
    problems: list[Problem] = []
    manifest: dict[str, str] = {}
    version, simulated, locked = _folder_file(path, manifest, problems)
    protocol = _protocol(path, manifest, problems)
    zone = _zone(protocol, problems)
    notes: list[str] = []
    registration = _registration(path, manifest, problems, notes)
    history = _registration_versions(path, registration, manifest, problems)
    contents = _record_files(path, manifest, problems)
    tables = _tables(contents, zone, known_ids(protocol) if protocol else None, problems)
    images = _image_files(path, problems, notes)
    if problems or protocol is None:
        raise Problems(f"trial folder {path}", problems)
    return TrialFolder(
        path, protocol, registration, tables, images, manifest, zone, version, tuple(notes), simulated, history, locked
    )


def read_table(
    content: bytes, table: Table, zone: ZoneInfo, known: KnownIds | None = None
) -> tuple[tuple[Row, ...], tuple[Problem, ...]]:
    """Lines of one record table, and every problem it has in itself (other tables are not looked at).

    The lines are to be used only when there is no problem.
    """
    collector = _Collector(f"{RECORDS}/{table.name}.csv")
    rows = _checked(table, _rows(content, table, zone, collector), known, collector)
    return tuple(rows), tuple(collector.sorted())


def rows_of_cells(
    lines: Mapping[str, Iterable[tuple[str, _Cells]]], protocol: Protocol, zone: ZoneInfo
) -> tuple[dict[str, tuple[Row, ...]], tuple[Problem, ...]]:
    """Record tables from cells that are kept elsewhere than in files, read and checked as those of a folder are.

    Parameters
    ----------
    lines
        Table -> its lines as (origin, column -> text), the cells written as in the table's CSV. Tables that are not
        given are empty.

    Returns
    -------
    Every table of `TABLES`, and every problem; a cell that cannot be read is None in its row, and `Row.unreadable`
    says why.
    """
    problems: list[Problem] = []
    collectors = {table.name: _Collector(f"{RECORDS}/{table.name}.csv") for table in TABLES}
    rows: dict[str, list[tuple[Row, _Cells]]] = {}
    for table in TABLES:
        found = rows[table.name] = []
        for number, (origin, cells) in enumerate(lines.get(table.name, ()), start=2):
            values: dict[str, Value] = {}
            unreadable: dict[str, str] = {}
            for column in table.columns:
                values[column.name] = None
                try:
                    values[column.name] = read_cell(cells.get(column.name, ""), column, zone)
                except CellProblem as problem:
                    collectors[table.name].add(number, column.name, problem.message, problem.remedy)
                    unreadable[column.name] = problem.said
            found.append((Row(table.name, number, values, origin=origin, unreadable=unreadable), cells))
    known = _with_table_ids(known_ids(protocol), {"participants": b""}, rows)
    tables = {}
    for table in TABLES:
        complete = [
            (row, {column.name: cells.get(column.name, "") for column in table.columns})
            for row, cells in rows[table.name]
        ]
        tables[table.name] = tuple(_checked(table, complete, known, collectors[table.name]))
        problems.extend(collectors[table.name].sorted())
    return tables, tuple(problems)


def _bytes(file: Path, name: str, problems: list[Problem]) -> bytes | None:
    try:
        if file.stat().st_size > LARGEST_FILE_BYTES:
            problems.append(Problem(name, f"is larger than {LARGEST_FILE_BYTES} bytes", "check the file"))
            return None
        return file.read_bytes()
    except OSError as error:
        problems.append(Problem(name, f"cannot be read: {error.strerror}", "check the file and who may read it"))
        return None


def _yaml_mapping(path: Path, name: str, manifest: dict[str, str], problems: list[Problem]) -> dict[str, Any] | None:
    content = _bytes(path / name, name, problems)
    if content is None:
        return None
    manifest[name] = bytes_hash(content)
    try:
        value = parse_document(content, name).value
    except Problems as error:
        problems.extend(error.problems)
        return None
    if not isinstance(value, dict):
        problems.append(Problem(name, f"holds a {type(value).__name__}, not keys with values", "write key: value"))
        return None
    return value


def says_simulated(path: Path) -> bool:
    """Whether the folder file of `path` can be read and says that the participants are virtual."""
    problems: list[Problem] = []
    try:
        _, simulated, _ = _folder_file(path, {}, problems)
    except InputError:
        return False
    return simulated and not problems


def _folder_file(path: Path, manifest: dict[str, str], problems: list[Problem]) -> tuple[str, bool, bool]:
    """The version of the format, whether the participants are virtual, and whether the data were locked."""
    if not (path / FOLDER_FILE).exists():
        return "1.0", False, False
    content = _yaml_mapping(path, FOLDER_FILE, manifest, problems)
    if content is None:
        return FOLDER_SCHEMA_VERSION, False, False
    for key in sorted(content.keys() - _FOLDER_KEYS, key=str):
        problems.append(
            Problem(FOLDER_FILE, f"has the unknown key {key!r}", f"known: {', '.join(sorted(_FOLDER_KEYS))}")
        )
    simulated = content.get("simulated", False)
    if not isinstance(simulated, bool):
        # Neither guess may stand: virtual participants taken for patients, or patients for virtual ones.
        problems.append(
            Problem(
                FOLDER_FILE,
                f"simulated is {simulated!r}; allowed are true and false",
                "write true where the participants are virtual, else false, or leave the line out",
            )
        )
    locked = content.get("locked", False)
    if not isinstance(locked, bool):
        remedy = "write true where the data were locked when the folder was written, or leave the line out"
        problems.append(Problem(FOLDER_FILE, f"locked is {locked!r}; allowed are true and false", remedy))
    version = content.get("schema_version", "1.0")
    parts = str(version).split(".")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() and len(part) < 6 for part in parts):
        problems.append(Problem(FOLDER_FILE, f"schema_version {version!r} is not a version", 'write it as "1.0"'))
    elif tuple(map(int, parts)) > tuple(map(int, FOLDER_SCHEMA_VERSION.split("."))):
        # The rest of a newer folder would only yield misleading problems.
        raise InputError(
            f"{path / FOLDER_FILE}: schema_version {version} is newer than {FOLDER_SCHEMA_VERSION}, which this "
            "theratrial reads; install a newer theratrial"
        )
    return str(version), simulated is True, locked is True


def _protocol(path: Path, manifest: dict[str, str], problems: list[Problem]) -> Protocol | None:
    file = path / PROTOCOL_FILE
    if not file.exists():
        remedy = "copy the trial's protocol here; `theratrial init` makes a folder with a template"
        problems.append(Problem(PROTOCOL_FILE, "is missing", remedy))
        return None
    content = _bytes(file, PROTOCOL_FILE, problems)
    if content is None:
        return None
    manifest[PROTOCOL_FILE] = bytes_hash(content)
    try:
        protocol = parse_protocol(content, PROTOCOL_FILE)
        findings = protocol_findings(protocol, Surroundings(columns=column_types()))
    except Problems as error:
        problems.extend(error.problems)
        return None
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    if errors:
        document = parse_document(content, PROTOCOL_FILE)
        problems.extend(located(finding, document) for finding in errors)
    return protocol


def _zone(protocol: Protocol | None, problems: list[Problem]) -> ZoneInfo:
    identity = protocol.identity.reading if protocol else None
    if identity is None:
        if protocol is not None:
            problems.append(Problem(PROTOCOL_FILE, "identity has no reading, so times have no time zone", "fill it in"))
        return ZoneInfo("UTC")
    try:
        return ZoneInfo(identity.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"identity.timezone {identity.timezone!r} is not a time zone"
        problems.append(Problem(PROTOCOL_FILE, message, "write an IANA name, as Asia/Tehran"))
        return ZoneInfo("UTC")


def _registration(
    path: Path, manifest: dict[str, str], problems: list[Problem], notes: list[str]
) -> RegistrationRecord | None:
    if not (path / REGISTRATION_FILE).exists():
        notes.append(f"{REGISTRATION_FILE} is absent: the registration record is not compared with the protocol")
        return None
    content = _bytes(path / REGISTRATION_FILE, REGISTRATION_FILE, problems)
    if content is None:
        return None
    manifest[REGISTRATION_FILE] = bytes_hash(content)
    try:
        return parse_registration(content, REGISTRATION_FILE)
    except Problems as error:
        problems.extend(error.problems)
        return None


def _registration_versions(
    path: Path, registration: RegistrationRecord | None, manifest: dict[str, str], problems: list[Problem]
) -> History | None:
    """The versions of the record, where the folder has them: they must lead to ``registration.yaml``."""
    folder = path / VERSIONS_FOLDER
    if not folder.is_dir() or registration is None:
        if folder.is_dir() and not (path / REGISTRATION_FILE).exists():
            remedy = f"copy the record of the newest version to {REGISTRATION_FILE}"
            problems.append(Problem(REGISTRATION_FILE, f"is missing, though {VERSIONS_FOLDER} has versions", remedy))
        return None
    contents: dict[str, bytes] = {}
    for file in sorted(folder.iterdir()):
        if file.name.startswith((".", "~")):
            continue
        name = f"{VERSIONS_FOLDER}/{_printable(file.name)}"
        if not file.is_file() or file.suffix != ".yaml":
            problems.append(Problem(name, "is no version of the record", "versions are files 0000.yaml, 0001.yaml ..."))
        elif (content := _bytes(file, name, problems)) is not None:
            manifest[name] = bytes_hash(content)
            contents[file.name] = content
    if not contents:
        return None
    try:
        return history_of_files(contents, newest=registration)
    except Problems as error:
        problems.extend(error.problems)
        return None


def _record_files(path: Path, manifest: dict[str, str], problems: list[Problem]) -> dict[str, bytes]:
    """Table -> content of its file; other files in ``records/`` are problems, lest a misspelt table be overlooked."""
    folder = path / RECORDS
    names = tuple(f"{table.name}.csv" for table in TABLES)
    if not folder.is_dir():
        message = "is a file" if folder.exists() else "is missing"
        problems.append(Problem(RECORDS, message, f"make a folder {RECORDS} with the tables as CSV"))
        return {}
    contents: dict[str, bytes] = {}
    for file in sorted(folder.iterdir()):
        name = f"{RECORDS}/{_printable(file.name)}"
        if file.name.startswith((".", "~")) or file.name.upper().startswith("README"):
            continue
        if file.is_dir() or not file.is_file():
            problems.append(Problem(name, "is not a file", "records lie side by side as CSV files"))
        elif file.name not in names:
            remedy = did_you_mean(file.name, names)
            if file.suffix.lower() in (".xlsx", ".xls", ".ods", ".tsv", ".txt"):
                remedy = f"save it as CSV UTF-8 (comma delimited); {remedy}"
            problems.append(Problem(name, "is not a record table", remedy))
        elif (content := _bytes(file, name, problems)) is not None:
            manifest[name] = bytes_hash(content)
            contents[file.stem] = content
    for table in TABLES:
        if table.required and f"{table.name}.csv" not in {file.name for file in folder.iterdir()}:
            header = ",".join(column.name for column in table.columns)
            problems.append(Problem(f"{RECORDS}/{table.name}.csv", "is missing", f"its header: {header}"))
    return contents


def _printable(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _tables(
    contents: Mapping[str, bytes], zone: ZoneInfo, known: KnownIds | None, problems: list[Problem]
) -> dict[str, tuple[Row, ...]]:
    collectors = {table.name: _Collector(f"{RECORDS}/{table.name}.csv") for table in TABLES}
    rows = {
        table.name: _rows(contents[table.name], table, zone, collectors[table.name]) if table.name in contents else []
        for table in TABLES
    }
    known = _with_table_ids(known, contents, rows)
    tables = {}
    for table in TABLES:
        collector = collectors[table.name]
        tables[table.name] = tuple(_checked(table, rows[table.name], known, collector))
        problems.extend(collector.sorted())
    return tables


def _with_table_ids(
    known: KnownIds | None, contents: Mapping[str, bytes], rows: Mapping[str, list[tuple[Row, _Cells]]]
) -> KnownIds:
    """`known`, with the ids that the tables themselves introduce."""
    known = known or KnownIds({"test": tuple(LABORATORY_TESTS)}, {}, {})
    ids = dict(known.ids)
    if "participants" in contents:
        ids["participants"] = _ids(rows["participants"], "participant_id")
    ids["batches"] = _ids(rows["batches"], "batch_id")
    return KnownIds(ids, known.items, known.product_roles)


def _ids(rows: Iterable[tuple[Row, _Cells]], column: str) -> tuple[str, ...]:
    # A cell that was refused still names its participant: one mistake, one problem.
    return tuple(dict.fromkeys(cells[column].strip() for _, cells in rows if cells.get(column, "").strip()))


def _rows(content: bytes, table: Table, zone: ZoneInfo, collector: _Collector) -> list[tuple[Row, _Cells]]:
    """Every line, with the columns that could be read, and the cells as written."""
    csv_lines = read_csv(content, tuple(column.name for column in table.columns), collector.add)
    if csv_lines is None:
        return []
    _check_header(csv_lines.header, table, collector)
    places = {name: index for index, name in reversed(list(enumerate(csv_lines.header)))}
    found: list[tuple[Row, _Cells]] = []
    for line, line_cells in csv_lines.lines:
        cells = {name: line_cells[index] for name, index in places.items() if name}
        values: dict[str, Value] = {}
        for column in table.columns:
            if column.name not in cells:
                if not column.required:
                    values[column.name] = None
                continue
            try:
                values[column.name] = read_cell(cells[column.name], column, zone)
            except CellProblem as problem:
                collector.add(line, column.name, problem.message, problem.remedy)
        found.append((Row(table.name, line, values), cells))
    return found


def _check_header(header: tuple[str, ...], table: Table, collector: _Collector) -> None:
    names = tuple(column.name for column in table.columns)
    absent = tuple(name for name in names if name not in header)
    for index, name in enumerate(header):
        if name in header[:index] and name:
            collector.add(1, name, "stands twice in the header", "remove or rename one of them")
        elif name and name not in names:
            collector.add(1, name, "is not a column of this table", did_you_mean(name, absent or names))
    for column in table.columns:
        if column.required and column.name in absent:
            collector.add(1, column.name, "is missing from the header", f"add it: {column.doc}")


def _checked(
    table: Table, found: Iterable[tuple[Row, _Cells]], known: KnownIds | None, collector: _Collector
) -> list[Row]:
    pairs = list(found)
    rows = [row for row, _ in pairs]
    known = known or KnownIds({}, {}, {})
    checks.check_references(table, rows, known, collector.row)
    checks.check_keys(table, rows, collector.row)
    checks.check_within_lines(table, rows, known, collector.row)
    if table.name == "laboratory":
        return [checks.laboratory_in_core_units(row, cells, collector.row) for row, cells in pairs]
    if table.name == "eligibility":
        return [checks.typed_eligibility(row, known, collector.row) for row in rows]
    return rows


def _image_files(path: Path, problems: list[Problem], notes: list[str]) -> tuple[Path, ...]:
    root = path / IMAGES
    if not root.exists():
        notes.append(f"{IMAGES}/ is absent: there is no image to measure")
        return ()
    if not root.is_dir():
        problems.append(Problem(IMAGES, "is a file", "make it a folder with the DICOM files in it"))
        return ()
    found = []
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(names):
            file = Path(folder) / name
            if name.startswith(".") or name.upper().startswith("README"):
                continue
            if not file.is_file():
                place = _printable(str(file.relative_to(path)))
                problems.append(Problem(place, "is not a file", "is it a broken link?"))
                continue
            found.append(file)
    return tuple(sorted(found))
