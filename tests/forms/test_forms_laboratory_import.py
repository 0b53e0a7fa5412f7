"""A laboratory's file: its own layout or one column a test, and the same file twice."""

from __future__ import annotations

import pytest
from forms_cast import TEHRAN
from hypothesis import given, settings
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.forms import TestColumn, laboratory_import
from theratrial.protocol.reader import shipped_protocol
from theratrial.trialfolder.laboratory import LABORATORY_TESTS

LONG = (
    "participant_id,collected_at,test,value,unit,lower_limit,upper_limit,laboratory\n"
    "P-001,2022-03-05T09:30,haemoglobin,9.0,g/dL,12,15,LAB-1\n"
    "P-001,2022-03-05T09:30,platelets,250,10^9/L,,,LAB-1\n"
)
WIDE = (
    "participant_id,collected_at,haemoglobin [g/dL],platelets_e9_per_L,Neutrophils (cells/mm3),laboratory\n"
    "P-001,1400/12/14 09:30,9.0,250,۴۲۰۰,LAB-1\n"
    "P-002,2022-03-06 08:00,,300,,LAB-1\n"
)


def imported(text, **options):
    content = text if isinstance(text, bytes) else text.encode()
    protocol = shipped_protocol("IRCT20210612051548N3")
    return laboratory_import(content, protocol=protocol, zone=TEHRAN, **options)


def told(text, **options):
    return "\n".join(map(str, imported(text, **options).problems))


def test_the_layout_of_the_table_is_read_and_keeps_what_the_laboratory_wrote():
    found = imported(LONG, participants=["P-001"])
    assert (found.layout, found.problems) == ("one_line_a_result", ())
    assert [row.line for row in found.rows] == [2, 3]
    cells = found.rows[0].cells
    assert (cells["value"], cells["unit"], cells["lower_limit"], cells["upper_limit"]) == ("9.0", "g/dL", "12", "15")
    assert found.rows[0].key == ("P-001", "haemoglobin", "2022-03-05T09:30:00+03:30")


def test_one_line_a_sample_becomes_one_row_a_result_and_an_empty_cell_none():
    found = imported(WIDE, participants=["P-001", "P-002"])
    assert (found.layout, found.problems) == ("one_line_a_sample", ())
    assert [(row.line, row.cells["test"], row.cells["value"], row.cells["unit"]) for row in found.rows] == [
        (2, "haemoglobin", "9", "g/dL"),
        (2, "platelets", "250", "10^9/L"),
        (2, "neutrophils", "4200", "cells/mm3"),
        (3, "platelets", "300", "10^9/L"),
    ]
    assert found.rows[0].entered["collected_at"].calendar == "jalali"
    assert found.rows[2].entered["value"].text == "۴۲۰۰"


def test_both_layouts_of_the_same_results_have_the_same_keys_and_digests():
    wide = "participant_id,collected_at,haemoglobin [g/dL],laboratory\nP-001,1400/12/14 09:30,9,LAB-1\n"
    long = LONG.splitlines()[0] + "\nP-001,2022-03-05T06:00Z,haemoglobin,9.0,g/dL,,,LAB-1\n"
    first, second = imported(wide).rows[0], imported(long).rows[0]
    assert (first.key, first.digest) == (second.key, second.digest)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 28), st.integers(100, 400)), min_size=1, max_size=10, unique_by=lambda r: r[0])
)
def test_the_same_file_twice_gives_the_same_keys_and_digests_and_no_two_results_share_a_key(results):
    lines = [f"P-001,2022-03-{day:02d} 09:30,{value}" for day, value in results]
    text = "\n".join(["participant_id,collected_at,platelets [10^9/L]", *lines, ""])
    first, again = imported(text), imported(text)
    assert first == again
    assert first.problems == ()
    assert len({row.key for row in first.rows}) == len(results)
    changed = imported(text.replace(f",{results[0][1]}\n", f",{results[0][1] + 1}\n", 1))
    assert changed.rows[0].key == first.rows[0].key
    assert changed.rows[0].digest != first.rows[0].digest
    assert changed.file_hash != first.file_hash


def test_a_mapping_says_what_the_laboratorys_own_headers_mean():
    columns = {"PLT": TestColumn("platelets", "10^3/uL"), "Cr": TestColumn("creatinine", "mg/dL")}
    found = imported("participant_id,collected_at,PLT,Cr\nP-001,2022-03-05 09:30,250,1.1\n", columns=columns)
    assert found.problems == ()
    assert [row.cells["unit"] for row in found.rows] == ["10^3/uL", "mg/dL"]
    with pytest.raises(InputError, match="did you mean platelets"):
        imported(WIDE, columns={"PLT": TestColumn("platelet", "10^9/L")})


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        (WIDE.replace("P-002", "P-009"), "line 3, column participant_id", "no participant you may enter for"),
        (WIDE.replace("P-002", ""), "line 3, column participant_id", "must be filled"),
        (WIDE.replace("2022-03-06 08:00", "06/03/2022 08:00"), "line 3, column collected_at", "could be either"),
        (WIDE.replace("2022-03-06 08:00", "2022-03-06"), "line 3, column collected_at", "no time"),
        (WIDE.replace("9.0", "9,0").replace(",9,0,", ',"9,0",'), "line 2, column haemoglobin [g/dL]", "decimal comma"),
        (WIDE.replace("9.0", "90"), "line 2, column haemoglobin [g/dL]", "probably another unit"),
        (WIDE.replace("9.0", "-9"), "line 2, column haemoglobin [g/dL]", "below zero"),
        (WIDE.replace("[g/dL]", "[GBq]"), "line 2, column haemoglobin [GBq]", "cannot be converted"),
        (WIDE.replace(" [g/dL]", ""), "line 1, column haemoglobin", "has no unit"),
        (WIDE.replace("haemoglobin", "hemoglobine"), "line 1, column hemoglobine [g/dL]", "did you mean haemoglobin"),
        (WIDE.replace("P-002,2022-03-06 08:00", "P-001,2022-03-05 09:30"), "line 3", "repeats the platelets of line 2"),
        (WIDE.replace("participant_id", "patient"), "line 1, column participant_id", "missing from the header"),
        (LONG.replace("250,", "2·5,"), "line 3, column value", ""),
        (LONG.replace("P-001,2022-03-05T09:30,p", "P-007,2022-03-05T09:30,p"), "line 3", "P-007"),
        (LONG.replace("platelets,250", "haemoglobin,12").replace("10^9/L", "g/dL"), "line 3", "repeats line 2"),
        (b"PK\x03\x04rest", "laboratory.csv", "spreadsheet"),
        (b"", "laboratory.csv", "is empty"),
    ],
)
def test_every_fault_is_named_with_its_line_and_column(text, place, says):
    told_of = told(text, participants=["P-001", "P-002"])
    assert place in told_of
    assert says in told_of


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_judged_and_none_becomes_a_row_by_accident(content):
    found = imported(content)
    assert found.problems or not found.rows


@settings(deadline=None)
@given(st.lists(st.lists(st.text(max_size=8), min_size=4, max_size=4), max_size=4))
def test_any_cells_are_judged_and_every_row_names_a_known_test(cells):
    lines = [",".join('"' + cell.replace('"', '""') + '"' for cell in line) for line in cells]
    found = imported("\n".join(["participant_id,collected_at,platelets [10^9/L],albumin [g/L]", *lines]))
    assert all(row.cells["test"] in LABORATORY_TESTS and row.key for row in found.rows)
