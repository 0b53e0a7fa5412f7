"""A user's own S table: CSV as organ-dose programs export it, read into an `SValueTable` (docs/methods/organ_dose.md).

Published tables are copyrighted: a site that holds a licence loads its own file, and every dose then names its hash.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from theratrial.dosimetry.organ.names import region_name
from theratrial.dosimetry.transport.values import SValue, SValueTable
from theratrial.errors import InputError, SourceError, UnitError
from theratrial.trace import bytes_hash
from theratrial.units import converted

UNITS: Final = ("mGy/(MBq s)", "mGy/(MBq h)", "Gy/(Bq s)", "Gy/(MBq s)", "Gy/(MBq h)")
"""Units as our messages print them; ``mGy/MBq-s`` and ``mGy_per_MBq_s`` are read as well; capitals count."""

_UNIT: Final = re.compile(r"(m?Gy)(?:\s*/\s*\(?\s*|_per_)(M?Bq)\s*[-.*·_ ]?\s*(s|sec|h|hr)\b\)?")
_PARTS: Final = ("electron", "photon", "alpha")
_VALUE_NAMES: Final = ("value", "s", "s_value", "total")


def gray_per_MBq_h_of(unit: str) -> float:
    """One of `unit` in Gy/(MBq h).

    Raises
    ------
    UnitError
        If `unit` is not an absorbed dose per time-integrated activity we know.

    Examples
    --------
    >>> round(gray_per_MBq_h_of("mGy/MBq-s"), 10), round(gray_per_MBq_h_of("Gy/(Bq s)") / 1e9, 10)
    (3.6, 3.6)
    """
    found = _UNIT.fullmatch(unit.strip())
    if not found:
        raise UnitError(f"unit {unit!r} is not that of an S value; allowed: {', '.join(UNITS)}")
    dose, activity, time = found.groups()
    return converted(1, dose, "Gy") / (converted(1, activity, "MBq") * converted(1, time[0], "h"))


@dataclass(frozen=True, slots=True)
class _Sheet:
    """Rows of a CSV file with what its ``#`` lines and header say."""

    comments: tuple[str, ...]
    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    """Line number and cells."""
    decimal_comma: bool


def _sheet(content: bytes) -> _Sheet:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("the S table is not UTF-8 text; export it as CSV (UTF-8)") from None
    if "\0" in text:
        raise InputError("the S table is not text; export it as CSV, not as a spreadsheet file")
    lines = text.splitlines()
    comments = tuple(line.lstrip("#: ").strip() for line in lines if line.startswith("#"))
    # Comment lines become empty ones, so that line numbers in messages are those of the file.
    body = ["" if line.startswith("#") else line for line in lines]
    first = next((line for line in body if line.strip()), "")
    delimiter = max((";", "\t", ","), key=first.count)
    reader = csv.reader(io.StringIO("\n".join(body)), delimiter=delimiter)
    try:
        rows = [
            (reader.line_num, tuple(cell.strip() for cell in cells))
            for cells in reader
            if any(cell.strip() for cell in cells)
        ]
    except csv.Error as error:
        raise InputError(f"the S table is not CSV ({error})") from None
    if len(rows) < 2:
        raise InputError("the S table has no rows; its first line names the columns, each further line is a target")
    return _Sheet(comments, rows[0][1], tuple(rows[1:]), delimiter == ";")


def _number(cell: str, where: str, decimal_comma: bool) -> float:
    try:
        value = float(cell.replace(",", ".") if decimal_comma else cell)
    except ValueError:
        raise InputError(
            f"S table, {where}: {cell!r} is not a number; leave the cell empty if it is not known"
        ) from None
    if not (math.isfinite(value) and value >= 0):
        raise InputError(f"S table, {where}: {cell} cannot be; S values and masses are finite and not negative")
    return value


def _stated_units(sheet: _Sheet) -> set[float]:
    texts = (*sheet.comments, *sheet.header)
    return {gray_per_MBq_h_of(found.group(0)) for text in texts if (found := _UNIT.search(text))}


def _scale(sheet: _Sheet, unit: str | None) -> float:
    stated = _stated_units(sheet)
    if unit is not None:
        given = gray_per_MBq_h_of(unit)
        if any(not math.isclose(given, value) for value in stated):
            raise UnitError(f"the S table states another unit than the {unit!r} asked for; remove one of them")
        return given
    if len(stated) != 1:
        what = "no unit" if not stated else "several units"
        raise UnitError(f"the S table states {what}; give one of {', '.join(UNITS)}")
    return stated.pop()


def _bare(header: str) -> str:
    """Column name without unit and brackets."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"[(\[].*", "", _UNIT.sub("", header)).lower()).strip("_")


def _is_mass(header: str) -> bool:
    return bool(re.fullmatch(r"(target_?)?mass(_g)?", _bare(header)))


def _mass_unit(header: str) -> str:
    found = re.search(r"[(\[_ ](kg|g)[)\]]?$", header.strip(), re.IGNORECASE)
    if not found:
        raise UnitError(f"column {header!r} of the S table states no unit; name it mass_g or 'mass (g)'")
    return found.group(1).lower()


Cells = dict[tuple[str, str], tuple[float, float, float, float]]
"""``(target, source)`` -> electron (or total), photon, alpha as printed, relative standard deviation of the photons."""


class _Reading:
    """Collects cells and masses and refuses what stands twice."""

    def __init__(self) -> None:
        self.cells: Cells = {}
        self.masses_g: dict[str, float] = {}

    def cell(self, pair: tuple[str, str], values: tuple[float, float, float, float], line: int) -> None:
        if pair in self.cells:
            raise InputError(f"S table line {line}: {pair[0]} <- {pair[1]} stands twice; which holds would be a guess")
        self.cells[pair] = values

    def mass(self, region: str, mass_g: float, line: int) -> None:
        if mass_g <= 0:
            raise InputError(f"S table line {line}: the mass of {region} is {mass_g} g; it must be above 0 g")
        if not math.isclose(self.masses_g.setdefault(region, mass_g), mass_g):
            raise InputError(f"S table line {line}: {region} has two masses, {self.masses_g[region]} g and {mass_g} g")


def _require_width(sheet: _Sheet) -> Iterator[tuple[int, tuple[str, ...]]]:
    for line, cells in sheet.rows:
        if len(cells) != len(sheet.header):
            raise InputError(f"S table line {line}: {len(cells)} cells for {len(sheet.header)} columns")
        yield line, cells


def _read_matrix(sheet: _Sheet, names: Mapping[str, str] | None) -> _Reading:
    reading = _Reading()
    columns = {n: region_name(h, names) for n, h in enumerate(sheet.header) if n and not _is_mass(h)}
    seen: dict[str, str] = {}
    for n, source in columns.items():
        if source in seen:
            raise InputError(f"S table: columns {seen[source]!r} and {sheet.header[n]!r} are both {source}")
        seen[source] = sheet.header[n]
    for line, cells in _require_width(sheet):
        target = region_name(cells[0], names)
        for n, cell in enumerate(cells[1:], start=1):
            if not cell:
                continue
            where = f"line {line}, row {cells[0]!r}, column {sheet.header[n]!r}"
            value = _number(cell, where, sheet.decimal_comma)
            if n in columns:
                reading.cell((target, columns[n]), (value, 0.0, 0.0, 0.0), line)
            else:
                reading.mass(target, converted(value, _mass_unit(sheet.header[n]), "g"), line)
    return reading


def _read_long(sheet: _Sheet, names: Mapping[str, str] | None) -> tuple[_Reading, bool]:
    reading = _Reading()
    at = {_bare(h): n for n, h in enumerate(sheet.header)}
    if len(at) != len(sheet.header):
        raise InputError(f"S table: two columns of the same name among {', '.join(sheet.header)}")
    total = next((name for name in _VALUE_NAMES if name in at), None)
    parts_known = total is None
    if parts_known and not {"electron", "photon"} <= at.keys():
        raise InputError("S table: a list has the columns target, source and value, or electron and photon")
    mass = next((n for n, h in enumerate(sheet.header) if _is_mass(h)), None)
    wanted = _PARTS if total is None else (total,)
    for line, cells in _require_width(sheet):
        pair = (region_name(cells[at["target"]], names), region_name(cells[at["source"]], names))
        printed = {name: cells[at[name]] for name in (*wanted, "photon_relative_sd") if name in at}
        if mass is not None and cells[mass]:
            mass_g = _number(cells[mass], f"line {line}, mass", sheet.decimal_comma)
            reading.mass(pair[0], converted(mass_g, _mass_unit(sheet.header[mass]), "g"), line)
        if not any(printed.values()):
            continue
        values = {
            name: _number(cell, f"line {line}, column {name!r}", sheet.decimal_comma) for name, cell in printed.items()
        }
        first = values[total] if total is not None else values["electron"]
        reading.cell(
            pair,
            (first, values.get("photon", 0.0), values.get("alpha", 0.0), values.get("photon_relative_sd", 0.0)),
            line,
        )
    return reading, parts_known


def s_table_from_csv(
    content: bytes,
    *,
    nuclide: str,
    phantom: str,
    sex: str,
    unit: str | None = None,
    masses_g: Mapping[str, float] | None = None,
    names: Mapping[str, str] | None = None,
    expected_sha256: str | None = None,
) -> SValueTable:
    """The S table in a user's CSV file, as a matrix or a list; an empty cell is a pair not known, never zero.

    Assumes rows are targets and columns are sources. A table of totals keeps them in `electron_Gy_per_MBq_h` with
    `parts_known` False.

    Parameters
    ----------
    content
        The file's bytes.
    unit
        Where the file states none, in a ``#`` line or in a heading; one of `UNITS`.
    masses_g
        Reference masses by our region names, where the file has no column ``mass_g`` [g].
    names
        Printed name -> our name, for names that `region_name` does not know.
    expected_sha256
        What the file must hash to, ``sha256:`` in front or not.

    Raises
    ------
    SourceError
        If the hash is not the one expected.
    UnitError
        If the unit is missing, unknown or stated differently in two places.
    InputError
        If a cell is text or negative, a pair, row or column stands twice, or the masses disagree.

    Examples
    --------
    >>> table = s_table_from_csv(b"target [mGy/(MBq s)],Liver,Kidneys\\nLiver,1.76e-5,1.52e-7\\n",
    ...                          nuclide="Lu-177", phantom="adult", sex="F", masses_g={"liver": 1400.0})
    >>> round(table.value("liver", "kidneys").total_Gy_per_MBq_h, 12), table.parts_known
    (5.472e-07, False)
    """
    hashed = bytes_hash(content)
    if (
        expected_sha256 is not None
        and hashed.removeprefix("sha256:") != expected_sha256.removeprefix("sha256:").lower()
    ):
        raise SourceError(
            f"the S table hashes to {hashed}, expected is {expected_sha256}; load the file that was checked, "
            "or check this one and change the expected hash"
        )
    sheet = _sheet(content)
    is_list = {"target", "source"} <= {_bare(h) for h in sheet.header}
    reading, parts_known = _read_long(sheet, names) if is_list else (_read_matrix(sheet, names), False)
    if not reading.cells:
        raise InputError("the S table holds no value")
    scale = _scale(sheet, unit)
    for region, mass_g in (masses_g or {}).items():
        if not (math.isfinite(mass_g) and mass_g > 0):
            raise InputError(f"the mass of {region} is {mass_g} g; it must be above 0 g")
        if region in reading.masses_g and not math.isclose(reading.masses_g[region], mass_g):
            raise InputError(f"{region}: the S table says {reading.masses_g[region]} g, given are {mass_g} g")
    return SValueTable(
        phantom=phantom,
        sex=sex,
        nuclide=nuclide,
        masses_g={**reading.masses_g, **(masses_g or {})},
        values={
            pair: SValue(first * scale, photon * scale, alpha * scale, sd)
            for pair, (first, photon, alpha, sd) in reading.cells.items()
        },
        source=hashed,
        statistics_known=parts_known and any(cell[3] > 0 for cell in reading.cells.values()),
        parts_known=parts_known,
        notes=() if parts_known else ("the S table prints totals only",),
    )


def masses_from_csv(content: bytes, *, column: str, names: Mapping[str, str] | None = None) -> dict[str, float]:
    """Masses [g] by region from a CSV file: first column the region, `column` the mass in gram.

    A mass of zero in such files says that the phantom does not have the organ; it is left out.

    Raises
    ------
    InputError
        If the column is not there, a region stands twice or a cell is no number.
    """
    sheet = _sheet(content)
    if column not in sheet.header[1:]:
        raise InputError(f"the file of masses has no column {column!r}; it has {', '.join(sheet.header[1:])}")
    at = sheet.header.index(column)
    masses: dict[str, float] = {}
    for line, cells in _require_width(sheet):
        region = region_name(cells[0], names)
        if region in masses:
            raise InputError(f"file of masses, line {line}: {region} stands twice")
        if cells[at] and (value := _number(cells[at], f"line {line}, mass of {region}", sheet.decimal_comma)) > 0:
            masses[region] = value
    return masses
