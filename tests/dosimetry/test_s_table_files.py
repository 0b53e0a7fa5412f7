"""A user's own S table as CSV."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from theratrial.dosimetry.organ.names import organ, region_name
from theratrial.dosimetry.organ.table_files import gray_per_MBq_h_of, masses_from_csv, s_table_from_csv
from theratrial.errors import InputError, SourceError, UnitError
from theratrial.trace import bytes_hash

MATRIX = b"""Target,Liver ,Kidneys ,Hrt Wall,HeartCon,Tot Body
Liver,1.76E-05,1.52E-07,7.25E-08,7.24E-08,4.37E-07
Kidneys ,1.51E-07,8.70E-05,2.32E-08,,4.36E-07
Heart Wall,7.33E-08,2.39E-08,9.57E-05,3.32E-05,4.39E-07
"""
WHO = {"nuclide": "Lu-177", "phantom": "adult", "sex": "F"}


def test_a_matrix_as_organ_dose_programs_export_it_is_read() -> None:
    table = s_table_from_csv(MATRIX, unit="mGy/MBq-s", masses_g={"liver": 1400.0}, **WHO)
    assert table.value("kidneys", "kidneys").total_Gy_per_MBq_h == pytest.approx(8.70e-5 * 3.6)
    assert table.value("heart_wall", "heart_contents").total_Gy_per_MBq_h == pytest.approx(3.32e-5 * 3.6)
    assert table.source == bytes_hash(MATRIX)
    assert not table.parts_known
    assert not table.statistics_known


def test_an_empty_cell_is_not_known_and_never_zero() -> None:
    table = s_table_from_csv(MATRIX, unit="mGy/MBq-s", **WHO)
    assert ("kidneys", "heart_contents") not in table.values
    with pytest.raises(InputError, match="no value for kidneys <- heart_contents"):
        table.value("kidneys", "heart_contents")


def test_a_list_with_parts_masses_and_statistics_is_read() -> None:
    content = (
        b"# S values in Gy/(MBq h)\n"
        b"target,source,electron,photon,alpha,photon_relative_sd,mass_g\n"
        b"liver,liver,6.1e-5,2.4e-6,0,0.002,1400\n"
        b"liver,spleen,0,1.4e-7,0,0.03,1400\n"
    )
    table = s_table_from_csv(content, **WHO)
    assert table.parts_known
    assert table.statistics_known
    assert table.masses_g == {"liver": 1400.0}
    assert table.value("liver", "spleen").photon_relative_sd == 0.03
    assert table.value("liver", "liver").total_Gy_per_MBq_h == pytest.approx(6.34e-5)


def test_semicolons_with_decimal_commas_and_a_mass_column_are_read() -> None:
    content = b"\xef\xbb\xbfTarget [Gy/(Bq s)];Mass (kg);Liver\nLiver;1,4;1,76e-11\n".replace(b"e-11", b"E-14")
    table = s_table_from_csv(content, **WHO)
    assert table.masses_g == {"liver": 1400.0}
    assert table.value("liver", "liver").total_Gy_per_MBq_h == pytest.approx(1.76e-14 * 3.6e9)


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("mGy/(MBq s)", 3.6),
        ("mGy/MBq-s", 3.6),
        ("mGy/MBq-sec", 3.6),
        ("Gy/(Bq s)", 3.6e9),
        ("Gy/Bq.s", 3.6e9),
        ("mGy/(MBq h)", 1e-3),
        ("Gy_per_MBq_h", 1.0),
        ("mGy/MBq·s", 3.6),
    ],
)
def test_units_of_s_values_are_told_apart(unit, factor) -> None:
    assert gray_per_MBq_h_of(unit) == pytest.approx(factor)


@pytest.mark.parametrize("unit", ["", "mSv/MBq", "Gy/s", "mGy/mBq s", "rad/uCi-h", "keV"])
def test_another_unit_is_refused(unit) -> None:
    with pytest.raises(UnitError, match="allowed"):
        gray_per_MBq_h_of(unit)


def test_a_table_without_unit_is_refused() -> None:
    with pytest.raises(UnitError, match="states no unit"):
        s_table_from_csv(MATRIX, **WHO)


def test_a_unit_that_contradicts_the_file_is_refused() -> None:
    with pytest.raises(UnitError, match="another unit"):
        s_table_from_csv(b"# mGy/(MBq s)\n" + MATRIX, unit="Gy/(Bq s)", **WHO)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (b"1.52E-07", b"-1.52E-07", "line 2, row 'Liver', column 'Kidneys'.*cannot be"),
        (b"1.52E-07", b"n/a", "'n/a' is not a number"),
        (b"1.52E-07", b"nan", "cannot be"),
        (b"1.52E-07", b"inf", "cannot be"),
        (b"Kidneys ,1.51E-07", b"Liver,1.51E-07", "stands twice"),
        (b"Kidneys ,Hrt", b"Liver,Hrt", "both liver"),
        (b"Kidneys ,1.51E-07,", b"Kidneys ,", "cells for"),
        (b"Kidneys ,1.51E-07", b" ,1.51E-07", "names no region"),
    ],
)
def test_cells_that_cannot_be_are_refused_with_their_place(old, new, says) -> None:
    assert old in MATRIX
    with pytest.raises(InputError, match=says):
        s_table_from_csv(MATRIX.replace(old, new, 1), unit="mGy/MBq-s", **WHO)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no rows"),
        (b"Target,Liver\n", "no rows"),
        (b"Target,Liver\nLiver,\n", "holds no value"),
        (b"PK\x03\x04\x00\x00", "not text|no rows|UTF-8"),
        (b"\xff\xfe\x00T", "UTF-8|not text"),
        (b"target,source,dose\nliver,liver,1\n", "value, or electron and photon"),
        (b"target,source,value,value\nliver,liver,1,1\n", "two columns"),
        (b"target,source,value,mass\nliver,liver,1,1400\n", "states no unit"),
        (b"target,source,value,mass_g\nliver,liver,1,0\n", "must be above 0 g"),
        (b"target,source,value,mass_g\nliver,liver,1,1400\nliver,spleen,1,1500\n", "two masses"),
    ],
)
def test_files_that_are_no_s_table_are_refused(content, says) -> None:
    with pytest.raises(InputError, match=says):
        s_table_from_csv(content, unit="mGy/(MBq s)", **WHO)


def test_a_file_with_another_hash_than_expected_is_refused() -> None:
    good = bytes_hash(MATRIX)
    assert s_table_from_csv(MATRIX, unit="mGy/MBq-s", expected_sha256=good, **WHO).source == good
    assert s_table_from_csv(MATRIX, unit="mGy/MBq-s", expected_sha256=good[7:].upper(), **WHO).source == good
    with pytest.raises(SourceError, match="hashes to"):
        s_table_from_csv(MATRIX + b"\n", unit="mGy/MBq-s", expected_sha256=good, **WHO)


def test_masses_that_contradict_the_file_are_refused() -> None:
    content = b"target,source,value_mGy_per_MBq_s,mass_g\nliver,liver,1.76e-5,1400\n"
    with pytest.raises(InputError, match="says 1400"):
        s_table_from_csv(content, masses_g={"liver": 1500.0}, **WHO)
    with pytest.raises(InputError, match="above 0 g"):
        s_table_from_csv(content, masses_g={"spleen": 0.0}, **WHO)


def test_a_file_of_masses_leaves_out_organs_of_no_mass() -> None:
    content = b"Organ,Female,Male\nLiver,1400,1800\nProstate,0,17\nHeart,250,330\n"
    assert masses_from_csv(content, column="Female") == {"liver": 1400.0, "heart_wall": 250.0}
    with pytest.raises(InputError, match="no column 'Child'"):
        masses_from_csv(content, column="Child")
    with pytest.raises(InputError, match="twice"):
        masses_from_csv(content + b"liver,1,1\n", column="Male")


def test_a_name_given_by_the_user_goes_before_ours() -> None:
    assert region_name(" Hrt Wall ", {"Hrt Wall": "myocardium"}) == "myocardium"
    assert organ("stomach_wall") == organ("stomach_contents") == "stomach"


@given(st.lists(st.floats(1e-12, 1e-2), min_size=4, max_size=4), st.sampled_from(["mGy/(MBq s)", "Gy/(Bq s)"]))
def test_matrix_and_list_of_the_same_values_are_the_same_table(values, unit) -> None:
    a, b, c, d = (repr(value) for value in values)
    matrix = f"t [{unit}],liver,spleen\nliver,{a},{b}\nspleen,{c},{d}\n".encode()
    rows = f"target,source,value\nliver,liver,{a}\nliver,spleen,{b}\nspleen,liver,{c}\nspleen,spleen,{d}\n".encode()
    one = s_table_from_csv(matrix, **WHO)
    other = s_table_from_csv(rows, unit=unit, **WHO)
    assert one.values == other.values
