"""Writes the tables of all CTCAE terms, both versions, from NCI's workbook of version 6.0.

    python scripts/ctcae_terms.py WORKBOOK [--check]

The workbook's clean copy prints version 6.0 with the errata of 20 January 2026; its mapping sheet quotes every term of
version 5.0 with the text of every grade. Codes of MedDRA are left out: they are licensed.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

from theratrial.reference import sealed

_NS: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_CLEAN_COPY: Final = 2
_MAPPING: Final = 4
_ERRATA: Final = 5
_COLUMNS: Final = ("system_organ_class", "term", *(f"grade_{grade}" for grade in range(1, 6)), "definition", "note")
_FOLDER: Final = Path(__file__).parents[1] / "src" / "theratrial" / "safety" / "data"
_FILES: Final = {"5.0": _FOLDER / "ctcae_v5_0_events.csv", "6.0": _FOLDER / "ctcae_v6_0_events.csv"}

_EDITIONS: Final = {"5.0": "5.0 (27 November 2017)", "6.0": "6.0 with errata of 20 January 2026"}
_SOURCES: Final = {
    "5.0": "National Cancer Institute, Common Terminology Criteria for Adverse Events (CTCAE) version 5.0, 27 November "
    "2017, every term as quoted in the sheet 'CTCAE v5.0 to v6.0 Mapping' of NCI's workbook of version 6.0",
    "6.0": "National Cancer Institute, Common Terminology Criteria for Adverse Events (CTCAE) version 6.0, sheet "
    "'CTCAE v6.0 Clean Copy' of the workbook with errata of 20 January 2026",
}
_CHECKED: Final = {
    "5.0": "837 terms, the number NCI gives for version 5.0. Every system organ class and every grade text equals the "
    "spreadsheet CTCAE_v5.0_2017-11-27.xlsx of NCI (created 17 November 2017), of which a copy saved again in 2023 "
    "stands in the public repository github.com/ehrforce/ctcae-extractor-transformer (sha256 "
    "e0b04ae9e88a47d7ae27f43d3a7e38632830a61dd349521e0627fb91e1b001a3): no difference over 837 terms "
    "(four definitions lack their full stop there). tests/safety/test_adverse_term_tables.py reads the workbook again "
    "and compares every text.",
    "6.0": "850 terms. tests/safety/test_adverse_term_tables.py reads the workbook again, compares every text, and "
    "finds the updated text of each of the seven errata in the table.",
}
_DECISIONS: Final = (
    "Runs of spaces and line breaks are one space.",
    "A grade printed as '-' or left empty does not exist for the term and is an empty cell.",
    "The codes of MedDRA beside the terms are left out. The names of the system organ classes are kept as NCI prints "
    "them, since NCI's list is ordered by them.",
)


def _sheet(book: zipfile.ZipFile, number: int) -> Iterator[dict[str, str]]:
    """Rows of a sheet as column letter -> text, with single spaces."""
    shared = ElementTree.fromstring(book.read("xl/sharedStrings.xml"))
    texts = ["".join(part.text or "" for part in item.iter(f"{_NS}t")) for item in shared]
    sheet = ElementTree.fromstring(book.read(f"xl/worksheets/sheet{number}.xml"))
    for row in sheet.iter(f"{_NS}row"):
        cells = {}
        for cell in row.iter(f"{_NS}c"):
            value = cell.find(f"{_NS}v")
            if value is not None and value.text is not None:
                text = texts[int(value.text)] if cell.attrib.get("t") == "s" else value.text
                column = re.match(r"[A-Z]+", cell.attrib["r"])
                cells[column.group() if column else ""] = " ".join(text.split())
        yield cells


def _printed(text: str) -> str:
    return "" if text in ("-", "N/A") else text


def terms_of_six(book: zipfile.ZipFile) -> list[list[str]]:
    """System organ class, term, five grades, definition, note."""
    rows = list(_sheet(book, _CLEAN_COPY))[1:]
    return [[_printed(row.get(column, "")) for column in "BCDEFGHIJ"] for row in rows if row.get("C")]


def terms_of_five(book: zipfile.ZipFile) -> list[list[str]]:
    """The same of version 5.0, from the mapping sheet: one line per grade, definition or note."""
    found: dict[str, list[str]] = {}
    places = {**{f"Grade {grade}": 1 + grade for grade in range(1, 6)}, "Definition": 7, "Navigational Note": 8}
    for row in _sheet(book, _MAPPING):
        place, term = places.get(row.get("D", "")), row.get("C", "")
        if place is None or not term or term == "N/A":
            continue
        line = found.setdefault(term, [row.get("B", ""), term, *[""] * 7])
        text = _printed(row.get("E", ""))
        if line[place] not in ("", text):
            raise SystemExit(f"{term}, {row['D']}: the mapping quotes two texts, {line[place]!r} and {text!r}")
        line[place] = text
    return list(found.values())


def file_text(version: str, rows: list[list[str]], workbook_sha256: str) -> str:
    """The table file with its passport."""
    body = io.StringIO()
    writer = csv.writer(body, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(rows)
    decisions = ", ".join(f'"{one}"' for one in _DECISIONS)
    head = (
        f'title = "CTCAE v{version}: every term with its system organ class and the text of each grade"',
        f'edition = "{_EDITIONS[version]}"',
        f'source = "{_SOURCES[version]} (workbook sha256 {workbook_sha256})"',
        'licence = "Public domain: work of the US Government (National Cancer Institute). No MedDRA code is kept."',
        'how_entered = "By program from NCI\'s workbook: scripts/ctcae_terms.py."',
        f'how_checked = "{_CHECKED[version]}"',
        f"decisions = [{decisions}]",
        'sha256 = ""',
        "[units]",
        *(f'{column} = "-"' for column in _COLUMNS),
    )
    return sealed("".join(f"#: {line}\n" for line in head) + body.getvalue())


def main(arguments: list[str]) -> int:
    """Write the tables, or with ``--check`` tell whether they are what the workbook gives."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workbook", type=Path)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args(arguments)
    content = given.workbook.read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        texts = {"5.0": terms_of_five(book), "6.0": terms_of_six(book)}
    odd = 0
    for version, rows in texts.items():
        text = file_text(version, rows, hashlib.sha256(content).hexdigest())
        if not given.check:
            _FILES[version].write_text(text, encoding="utf-8")
        elif _FILES[version].read_text(encoding="utf-8") != text:
            odd = 1
        sys.stdout.write(f"{_FILES[version].name}: {len(rows)} terms{', differs' if odd else ''}\n")
    return odd


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
