"""Read the shared tables: Dataset-JSON 1.1 (``adsl.json``) or CSV (``adsl.csv``), one file for each data set."""

import csv
import json
from pathlib import Path
from typing import Any

Plan = dict[str, Any]


class Unreadable(Exception):
    """A shared table is missing, damaged, or lacks a variable."""


def read(folder: Path, wanted: Plan) -> dict[str, list[dict[str, Any]]]:
    """Data set -> list of records (dictionaries). Empty cells are None, numbers are floats, dates stay text.

    `wanted`: data set -> the variables that the analysis uses, with the type each has (``text`` or ``number``). A data
    set without a record in the trial is not shared and counts as empty.
    """
    return {name: _data_set(folder, name, columns) for name, columns in wanted.items()}


def _data_set(folder: Path, name: str, columns: Any) -> list[dict[str, Any]]:
    as_json, as_csv = folder / f"{name.lower()}.json", folder / f"{name.lower()}.csv"
    if as_json.is_file():
        names, rows = _dataset_json(as_json)
    elif as_csv.is_file():
        names, rows = _csv(as_csv)
    elif columns["may_be_absent"]:
        return []
    else:
        raise Unreadable(f"{folder} has neither {as_json.name} nor {as_csv.name}")
    missing = [one for one in columns["variables"] if one not in names]
    if missing:
        raise Unreadable(f"{name} does not have {', '.join(missing)}")
    records = []
    for number, row in enumerate(rows, 1):
        if len(row) != len(names):
            raise Unreadable(f"{name}: record {number} has {len(row)} values for {len(names)} variables")
        cells = dict(zip(names, row, strict=True))
        records.append({one: _cell(name, number, one, cells[one], kind) for one, kind in columns["variables"].items()})
    return records


def _dataset_json(path: Path) -> tuple[list[str], list[Any]]:
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
        rows, said = tree["rows"], tree["records"]
        names = [one["name"] for one in tree["columns"]]
    except (ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"{path.name} is no Dataset-JSON file ({type(error).__name__}: {error})") from None
    if len(rows) != said:
        raise Unreadable(f"{path.name} says {said} records and holds {len(rows)}")
    return names, rows


def _csv(path: Path) -> tuple[list[str], list[Any]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        lines = list(csv.reader(stream))
    if not lines:
        raise Unreadable(f"{path.name} is empty")
    return lines[0], lines[1:]


def _cell(name: str, number: int, variable: str, value: Any, kind: str) -> Any:
    if value is None or value == "":
        return None
    if kind == "text":
        return str(value)
    try:
        return float(value)
    except (TypeError, ValueError):
        raise Unreadable(f"{name}: record {number}, {variable} is no number: {value!r}") from None


def write_csv(path: Path, columns: Any, rows: Any) -> None:
    """A table as CSV (UTF-8)."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
