"""Both tables of all CTCAE terms against NCI's workbook, read here by a reader of its own."""

import importlib.util
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from theratrial.reference import table
from theratrial.safety.adverse import EVENT_TABLES, event_term, event_terms, system_organ_classes

_NS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def _rows(book, number):
    texts = [
        "".join(t.text or "" for t in item.iter(f"{_NS}t"))
        for item in ElementTree.fromstring(book.read("xl/sharedStrings.xml")).iter(f"{_NS}si")
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
def book(shared):
    with zipfile.ZipFile(shared / "data" / "spec" / "ctcae-v6.0.xlsx") as opened:
        yield opened


def test_every_text_of_version_six_is_that_of_the_clean_copy(book):
    rows = [cells for cells in _rows(book, 2) if cells.get("C")][1:]
    printed = {cells["C"]: cells for cells in rows}
    kept = {row.text("term"): row for row in table(EVENT_TABLES["6.0"])}
    assert printed.keys() == kept.keys()
    for term, cells in printed.items():
        assert kept[term].text("system_organ_class") == cells["B"]
        for grade, column in enumerate("DEFGH", 1):
            text = cells.get(column, "-")
            assert kept[term].text(f"grade_{grade}") == ("" if text == "-" else text), (term, grade)


def test_every_text_of_version_five_is_that_of_the_mapping(book):
    printed, classes = {}, {}
    for cells in _rows(book, 4):
        if re.fullmatch(r"Grade [1-5]", cells.get("D", "")):
            text = cells.get("E", "-")
            printed.setdefault(cells["C"], {})[int(cells["D"][-1])] = "" if text in ("-", "N/A") else text
            classes[cells["C"]] = cells["B"]
    printed.pop("N/A", None)
    kept = {row.text("term"): row for row in table(EVENT_TABLES["5.0"])}
    assert printed.keys() == kept.keys()
    for term, grades in printed.items():
        assert kept[term].text("system_organ_class") == classes[term]
        for grade in range(1, 6):
            assert kept[term].text(f"grade_{grade}") == grades.get(grade, ""), (term, grade)


def test_the_seven_errata_are_in_the_table_of_version_six(book):
    errata = [cells for cells in _rows(book, 5) if cells.get("F")][1:]
    assert len(errata) == 7
    kept = {row.text("term"): row for row in table(EVENT_TABLES["6.0"])}
    for cells in errata:
        place = "definition" if cells["D"] == "Definition" else f"grade_{cells['D'].split()[1]}"
        assert kept[cells["C"]].text(place) == cells["F"]


def test_the_script_that_made_the_tables_makes_them_again(shared):
    path = Path(__file__).parents[2] / "scripts" / "ctcae_terms.py"
    spec = importlib.util.spec_from_file_location("ctcae_terms", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.main([str(shared / "data" / "spec" / "ctcae-v6.0.xlsx"), "--check"]) == 0


def test_the_numbers_of_terms_and_classes_are_those_nci_gives():
    # 837 terms: NCI, CTCAE v5.0 quick reference; 26 system organ classes in both versions.
    assert {version: len(event_terms(version)) for version in EVENT_TABLES} == {"5.0": 837, "6.0": 850}
    assert {version: len(system_organ_classes(version)) for version in EVENT_TABLES} == {"5.0": 26, "6.0": 26}


@pytest.mark.parametrize("version", EVENT_TABLES)
def test_every_class_has_its_other_specify_with_all_five_grades_save_the_eye_that_kills_nobody(version):
    others = [one for one in event_terms(version).values() if one.is_other]
    assert {one.system_organ_class for one in others} == set(system_organ_classes(version))
    assert {one.system_organ_class for one in others if set(one.grades) != {1, 2, 3, 4, 5}} == {"Eye disorders"}


@pytest.mark.parametrize("version", EVENT_TABLES)
def test_every_term_has_a_grade_and_grade_five_says_death_and_nothing_else(version):
    for one in event_terms(version).values():
        assert one.grades
        assert one.grades.get(5, "Death") == "Death", one


def test_no_code_of_the_licensed_dictionary_is_shipped():
    for name in EVENT_TABLES.values():
        for row in table(name):
            assert not any(re.search(r"\b10\d{6}\b", cell) for cell in row.cells.values())


def test_known_terms_have_the_grades_printed_for_them():
    # Read in NCI's published PDFs: nausea ends at 3, alopecia at 2; v6 has no grade 5 for creatinine increased.
    assert set(event_term("Nausea", "5.0").grades) == {1, 2, 3}
    assert set(event_term("Alopecia", "5.0").grades) == {1, 2}
    assert set(event_term("Febrile neutropenia", "5.0").grades) == {3, 4, 5}
    assert set(event_term("Creatinine increased", "6.0").grades) == {1, 2, 3, 4}
