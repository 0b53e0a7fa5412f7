"""CSV tables with a passport: where the print came from, who checked it, and a hash that the body must match.

A table file starts with lines ``#: `` that together are TOML, then a header line, then the rows. It lives in the room
that uses it: ``nuclides/dicom_codes`` is ``theratrial/nuclides/data/dicom_codes.csv``.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from theratrial.errors import SourceError

_MARK: Final = "#:"
_TEXT_KEYS: Final = ("title", "edition", "source", "licence", "how_entered", "how_checked", "sha256")
_KEYS: Final = frozenset(_TEXT_KEYS) | {"units", "decisions"}
_NAME: Final = re.compile(r"[a-z_]+(/[a-z_]+)*/[a-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Passport:
    """What a table says about itself."""

    title: str
    edition: str
    source: str
    licence: str
    units: Mapping[str, str]
    """Column -> unit, for every column; ``-`` for text and pure numbers."""
    how_entered: str
    how_checked: str
    decisions: tuple[str, ...]
    """Where the print was ambiguous or wrong, what was taken."""
    sha256: str
    """Of the body: header line and rows, UTF-8, line ends as LF."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row, its cells as printed."""

    table: str
    line: int
    cells: Mapping[str, str]

    def text(self, column: str) -> str:
        """The cell as printed."""
        try:
            return self.cells[column]
        except KeyError:
            raise SourceError(f"table {self.table} has no column {column!r}; it has {', '.join(self.cells)}") from None

    def number(self, column: str) -> float:
        """The cell as a finite number, in the unit the passport gives for the column.

        Raises
        ------
        SourceError
            If the cell is empty or not a finite number: an empty cell is not zero.
        """
        printed = self.text(column)
        try:
            value = float(printed)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise SourceError(f"table {self.table} line {self.line}, column {column}: {printed!r} is not a number")
        return value


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose body is what its passport says."""

    name: str
    passport: Passport
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def trace_key(self) -> str:
        """How a `Trace` names this table."""
        return f"table:{self.name}@{self.passport.edition}"

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def by(self, column: str) -> dict[str, Row]:
        """Rows by the value of a key column.

        Raises
        ------
        SourceError
            If a key stands twice: which row holds would be a guess.
        """
        found: dict[str, Row] = {}
        for row in self.rows:
            key = row.text(column)
            if key in found:
                raise SourceError(
                    f"table {self.name}: {column} {key!r} stands on lines {found[key].line} and {row.line}"
                )
            found[key] = row
        return found


def _split(text: str, name: str) -> tuple[str, str]:
    lines = text.replace("\r\n", "\n").removeprefix("\ufeff").splitlines(keepends=True)
    count = next((n for n, line in enumerate(lines) if not line.startswith(_MARK)), len(lines))
    if count == 0:
        raise SourceError(f"table {name} has no passport; its first lines must start with {_MARK!r} and be TOML")
    header = "".join(line[len(_MARK) :].removeprefix(" ") for line in lines[:count])
    return header, "".join(lines[count:])


def _sha256(body: str) -> str:
    return hashlib.sha256(body.encode("utf-8")).hexdigest()


def body_sha256(text: str) -> str:
    """The hash a table file's passport must carry: of everything below the passport lines.

    Examples
    --------
    >>> body_sha256("#: title = 'any'\\na,b\\n1,2\\n")[:12]
    '492d5ea49605'
    """
    return _sha256(_split(text, "given")[1])


def sealed(text: str) -> str:
    """The table file with the ``sha256`` line of its passport set to what its body hashes to."""
    line = f'{_MARK} sha256 = "{body_sha256(text)}"'
    changed, count = re.subn(rf"(?m)^{_MARK} *sha256 *=.*$", line, text, count=1)
    if not count:
        raise SourceError(f"the passport has no line {_MARK} sha256 = '' to fill in")
    return changed


def _passport(header: str, name: str) -> Passport:
    try:
        given: dict[str, Any] = tomllib.loads(header)
    except tomllib.TOMLDecodeError as error:
        raise SourceError(f"table {name}: the passport is not TOML ({error})") from None
    missing, unknown = sorted(_KEYS - given.keys()), sorted(given.keys() - _KEYS)
    if missing or unknown:
        lacks, odd = ", ".join(missing) or "nothing", ", ".join(unknown) or "nothing"
        raise SourceError(f"table {name}: the passport lacks {lacks}; what it has and should not: {odd}")
    empty = [key for key in _TEXT_KEYS if not isinstance(given[key], str) or not given[key].strip()]
    if empty:
        raise SourceError(f"table {name}: the passport leaves {', '.join(empty)} empty")
    if not isinstance(given["units"], dict) or not isinstance(given["decisions"], list):
        raise SourceError(f"table {name}: units is a TOML table (column = unit), decisions a list of sentences")
    return Passport(
        **{key: given[key].strip() for key in _TEXT_KEYS},
        units=MappingProxyType({str(k): str(v) for k, v in given["units"].items()}),
        decisions=tuple(str(d) for d in given["decisions"]),
    )


def _rows(body: str, name: str, first_line: int) -> tuple[tuple[str, ...], tuple[Row, ...]]:
    reader = csv.reader(io.StringIO(body), strict=True)
    try:
        columns = tuple(next(reader, ()))
        if not columns or len(set(columns)) != len(columns) or "" in columns:
            raise SourceError(f"table {name}: the header line must name each column once, got {', '.join(columns)!r}")
        rows = []
        for cells in reader:
            line = first_line + reader.line_num - 1
            if len(cells) != len(columns):
                raise SourceError(f"table {name} line {line}: {len(cells)} cells for {len(columns)} columns")
            rows.append(Row(name, line, MappingProxyType(dict(zip(columns, cells, strict=True)))))
    except csv.Error as error:
        raise SourceError(f"table {name}: not CSV ({error})") from None
    if not rows:
        raise SourceError(f"table {name} has no rows")
    return columns, tuple(rows)


def table_from_text(text: str, name: str) -> Table:
    """The table in the text of a table file.

    Raises
    ------
    SourceError
        If the passport is absent or incomplete, the body does not hash to what it says, or the rows do not fit.
    """
    header, body = _split(text, name)
    passport = _passport(header, name)
    if (actual := _sha256(body)) != passport.sha256.lower():
        raise SourceError(
            f"table {name}: body hashes to {actual}, passport says {passport.sha256}; "
            "restore the table, or check the change against the source and seal it anew"
        )
    columns, rows = _rows(body, name, header.count("\n") + 1)
    if set(columns) != set(passport.units):
        odd = ", ".join(sorted(set(columns) ^ set(passport.units)))
        raise SourceError(f"table {name}: the passport gives one unit per column; columns and units differ in {odd}")
    return Table(name, passport, columns, rows)


@cache
def table(name: str) -> Table:
    """A shipped table, by ``room/name`` (``dosimetry/transport/media`` in a room within one); read and checked once.

    Raises
    ------
    SourceError
        If there is no such table, or it is not what its passport says.

    Examples
    --------
    >>> table("nuclides/dicom_codes").by("value")["447553000"].text("nuclide")
    'Lu-177'
    """
    if not _NAME.fullmatch(name):
        raise SourceError(f"a table is named room/name, got {name!r}")
    room, _, stem = name.rpartition("/")
    try:
        text = files(f"theratrial.{room.replace('/', '.')}").joinpath("data", f"{stem}.csv").read_text(encoding="utf-8")
    except (ModuleNotFoundError, FileNotFoundError, NotADirectoryError):
        raise SourceError(f"no table {name}: theratrial/{room}/data/{stem}.csv is not there") from None
    except UnicodeDecodeError as error:
        raise SourceError(f"table {name} is not UTF-8 ({error})") from None
    return table_from_text(text, name)
