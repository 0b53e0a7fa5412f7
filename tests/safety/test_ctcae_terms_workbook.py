"""Every row of the term tables against NCI's workbook: the text word by word, and every number by a parser of its own.

The workbook's clean copy prints version 6.0 with the errata of 20 January 2026, its mapping sheet quotes version 5.0.
"""

import re
import zipfile
from xml.etree import ElementTree

import pytest

from theratrial.reference import table
from theratrial.safety.terms import TERM_TABLES

_NS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def _sheet(book, number):
    """Rows of a sheet as column letter -> text, with single spaces."""
    texts = [
        "".join(t.text or "" for t in item.iter(f"{_NS}t"))
        for item in ElementTree.fromstring(book.read("xl/sharedStrings.xml"))
    ]
    for row in ElementTree.fromstring(book.read(f"xl/worksheets/sheet{number}.xml")).iter(f"{_NS}row"):
        cells = {}
        for cell in row.iter(f"{_NS}c"):
            value = cell.find(f"{_NS}v")
            if value is not None:
                text = texts[int(value.text)] if cell.attrib.get("t") == "s" else value.text
                cells[re.match(r"[A-Z]+", cell.attrib["r"]).group()] = " ".join(text.split())
        yield cells


@pytest.fixture(scope="module")
def printed(shared):
    """Version -> term -> grade -> text."""
    book = zipfile.ZipFile(shared / "data" / "spec" / "ctcae-v6.0.xlsx")
    five, six = {}, {}
    for cells in _sheet(book, 4):
        if cells.get("D", "").startswith("Grade ") and cells.get("E"):
            five.setdefault(cells["C"], {})[int(cells["D"].split()[1])] = cells["E"]
    for cells in _sheet(book, 2):
        texts = {grade: cells.get(column, "-") for grade, column in enumerate("DEFGH", 1)}
        six[cells.get("C")] = {grade: text for grade, text in texts.items() if text != "-"}
    return {"5.0": five, "6.0": six}


@pytest.fixture(scope="module")
def errata(shared):
    book = zipfile.ZipFile(shared / "data" / "spec" / "ctcae-v6.0.xlsx")
    return [cells for cells in _sheet(book, 5) if cells.get("D", "").startswith("Grade ")]


def rows_of(version):
    return list(table(TERM_TABLES[version]))


@pytest.mark.parametrize("version", ["5.0", "6.0"])
def test_each_row_quotes_the_printed_text_and_no_printed_grade_is_left_out(printed, version):
    entered = {}
    for row in rows_of(version):
        key = row.text("test"), row.text("unit"), row.text("term")
        grade = int(row.number("grade"))
        assert row.text("printed") == printed[version][row.text("term")].get(grade, "-"), key
        entered.setdefault(key, set()).add(grade)
    for (test, unit, term), grades in entered.items():
        beyond = {4} if term == "Creatinine clearance decreased" else set()
        assert grades - beyond == set(printed[version][term]), (test, unit)


def test_the_errata_of_january_2026_stand_in_the_table(errata):
    quoted = {(row.text("term"), int(row.number("grade"))): row.text("printed") for row in rows_of("6.0")}
    checked = 0
    for cells in errata:
        key = cells["C"], int(cells["D"].split()[1])
        if key in quoted:
            assert quoted[key] == cells["F"] != cells["E"]
            checked += 1
    assert checked == 2


_UNIT = {
    "mmol/L": r"mmol/L",
    "mg/dL": r"mg/dL",
    "10^9/L": r"x 10(?:e|\^)9 ?/L",
    "g/L": r"(?<![a-z])g/L",
    "mL/min/1.73m2": r"ml/min/1\.73 m2",
    "mL/min": r"ml/min",
    "%": r"%",
    "U/L": r"(?:x (?:ULN|baseline))",
    "umol/L": r"(?:x (?:ULN|baseline))",
}


def near_ends(row):
    """What the printed text says about the end nearest to normal, as the criteria of the table would be written."""
    test, unit, up = row.text("test"), row.text("unit"), row.text("direction") == "up"
    found = set()
    for piece in row.text("printed").split(";"):
        piece = piece.strip().replace(",", "")
        ionised = "Ionized" in piece
        if test.startswith("calcium") and ionised != (test == "calcium_ionised"):
            continue
        if "baseline" in piece.lower() and "x baseline" in piece:
            first = re.match(r"(>?) ?(\d+\.\d+)", piece)
            found.add(f"{'>' if first[1] else '>='} {first[2]}*BASELINE")
        elif piece == ">Baseline and ULN":
            found.add("> BASELINE and > ULN")
        elif "ULN" in piece and (first := re.search(r">(ULN|\d+\.\d+)", piece)):
            found.add("> ULN" if first[1] == "ULN" else f"> {first[1]}*ULN" if "x ULN" in piece else f"> {first[1]}")
        elif "<LLN" in piece and (unit not in ("mmol/L", "mg/dL") or re.search(_UNIT[unit], piece)):
            found.add("< LLN")
        elif re.search(_UNIT[unit], piece):
            numbers = [float(n) for n in re.findall(r"\d+(?:\.\d+)?", re.sub(r"10(?:e|\^)9 ?/L", "", piece))]
            if numbers:
                found.add(("> " if up else "< ") + f"{min(numbers) if up else max(numbers):g}")
    return found


SIMPLE = [
    "Hypernatremia", "Hyperkalemia", "Hypercalcemia", "Hypocalcemia", "Hypermagnesemia", "Hypomagnesemia",
    "Hypoglycemia", "Hyperglycemia", "Hypoalbuminemia", "Lymphocyte count decreased",
    "Alanine aminotransferase increased", "Aspartate aminotransferase increased", "Alkaline phosphatase increased",
    "GGT increased", "Blood bilirubin increased", "Creatinine increased",
]  # fmt: skip


def normalised(text):
    return re.sub(r"\d+(?:\.\d+)?", lambda n: f"{float(n[0]):g}", text)


@pytest.mark.parametrize("version", ["5.0", "6.0"])
def test_each_number_of_a_criterion_is_the_printed_one(version):
    checked = 0
    groups = {}
    for row in rows_of(version):
        if row.text("term") in SIMPLE and row.text("criterion"):
            key = row.text("test"), row.text("unit"), row.text("term"), row.text("grade")
            groups.setdefault(key, []).append(row)
    for key, rows in groups.items():
        criteria = {normalised(row.text("criterion")) for row in rows}
        assert criteria == {normalised(end) for end in near_ends(rows[0])}, (key, rows[0].text("printed"))
        checked += len(criteria)
    assert checked >= 80
