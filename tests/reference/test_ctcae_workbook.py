"""Every shipped interval against the grade texts of the NCI workbook (CTCAE v6.0 with its v5.0 to v6.0 mapping).

The texts are read with a parser of their own here, so a slip in typing the tables shows.
"""

import re
import zipfile
from xml.etree import ElementTree

import pytest

from theratrial.safety import grade_scale

_NS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
TERMS = {
    "neutrophils": ("Neutrophil count decreased", "Neutrophil count decreased"),
    "platelets": ("Platelet count decreased", "Thrombocytopenia"),
    "haemoglobin": ("Anemia", "Anemia"),
    "white_cells": ("White blood cell decreased", "White blood cell decreased"),
}


@pytest.fixture(scope="module")
def mapping_rows(shared):
    """Sheet 4 of the workbook as (v5 term, v5 item, v5 text, v6 term, v6 item, v6 text), by column letter."""
    book = zipfile.ZipFile(shared / "data" / "spec" / "ctcae-v6.0.xlsx")
    texts = [
        "".join(t.text or "" for t in item.iter(f"{_NS}t"))
        for item in ElementTree.fromstring(book.read("xl/sharedStrings.xml"))
    ]
    rows = []
    for row in ElementTree.fromstring(book.read("xl/worksheets/sheet4.xml")).iter(f"{_NS}row"):
        cells = {}
        for cell in row.iter(f"{_NS}c"):
            value = cell.find(f"{_NS}v")
            if value is not None:
                letter = re.match(r"[A-Z]+", cell.attrib["r"]).group()
                cells[letter] = texts[int(value.text)] if cell.attrib.get("t") == "s" else value.text
        rows.append(list(cells.values()))
    return rows


def printed(rows, version, term):
    """Grade -> grade text of a term."""
    found = {}
    for row in rows:
        if len(row) < 10:
            continue
        name, item, text = (row[2], row[3], row[4]) if version == "5.0" else (row[8], row[9], row[10])
        if name == term and item.startswith("Grade"):
            found[int(item.split()[1])] = text
    return found


_UNITS = {"10^9/L": r"x 10\^?e?\^?9 ?/L", "g/L": r"g/L", "mmol/L": r"mmol/L"}


def intervals(text, unit):
    """(below, at_least) of the piece of a grade text that is printed in the unit; None where no number is."""
    for piece in re.split(r";", text):
        if re.search(_UNITS[unit] + r"\s*$", piece):
            found = re.search(r"<\s*(LLN|[\d.]+)(?:\s*-\s*([\d.]+))?", piece)
            return found.group(1), found.group(2)
    return None


def same(bound, text):
    if bound is None or text is None:
        return bound is None and text is None
    return str(bound) == "LLN" if text == "LLN" else float(str(bound)) == float(text)


@pytest.mark.parametrize("version", ["5.0", "6.0"])
def test_each_interval_is_the_printed_one(mapping_rows, version):
    checked = 0
    for (test, unit), scale in grade_scale(version).items():
        term = TERMS[test][version == "6.0"]
        assert scale.term == term
        texts = printed(mapping_rows, version, term)
        assert len(texts) >= 4, f"{term} not found in the workbook"
        for interval in scale.intervals:
            if interval.grade == 0:
                continue
            below, at_least = intervals(texts[interval.grade], unit)
            assert same(interval.below, below), (test, unit, interval, texts)
            assert same(interval.at_least, at_least), (test, unit, interval, texts)
            checked += 1
        worse = [g for g in texts if g > scale.intervals[0].grade and intervals(texts[g], unit)]
        assert not worse, f"{term}: printed grades {worse} are missing from the table"
    assert checked == 4 + 4 + 3 + 3 + 4
