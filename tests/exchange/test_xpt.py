"""Transport files of version 5: read back by pyreadstat, which is ReadStat's reader and not ours."""

from __future__ import annotations

import struct
from datetime import date, datetime
from pathlib import Path

import pyreadstat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.exchange.dataset_examples import MADE_AT, NUMBERS, any_dataset, laboratory

from theratrial.errors import InputError, Problems
from theratrial.exchange.datasets.values import Dataset, Variable, dataset
from theratrial.exchange.datasets.xpt import ibm_float, ieee_float, read_xpt, xpt


def _read(content: bytes, folder: Path, **options: object) -> tuple[dict[str, list[object]], object]:
    place = folder / "one.xpt"
    place.write_bytes(content)
    return pyreadstat.read_xport(str(place), output_format="dict", **options)  # type: ignore[arg-type, return-value]


def _one(variables: tuple[Variable, ...], record: dict[str, object]) -> Dataset:
    keys = (variables[0].name,)
    return dataset("XX", "Label", variables, [record], keys=keys, structure="s", class_name="c")  # type: ignore[list-item]


def test_pyreadstat_reads_names_labels_and_values(tmp_path: Path) -> None:
    one = laboratory()
    values, meta = _read(xpt(one, MADE_AT), tmp_path)
    assert meta.table_name == "LB"  # type: ignore[attr-defined]
    assert meta.file_label == "Laboratory Test Results"  # type: ignore[attr-defined]
    assert meta.column_names == [v.name for v in one.variables]  # type: ignore[attr-defined]
    assert meta.column_labels == [v.label for v in one.variables]  # type: ignore[attr-defined]
    assert list(values["LBSTRESN"]) == [150.25, None], "missing is missing, not zero"
    assert list(values["LBDTC"]) == ["2022-02-05T10:19"] * 2


@given(any_dataset())
def test_whatever_is_written_pyreadstat_and_the_own_reader_read(one: Dataset) -> None:
    import tempfile

    content = xpt(one, MADE_AT)
    with tempfile.TemporaryDirectory() as folder:
        values, _ = _read(content, Path(folder))
    for at, variable in enumerate(one.variables):
        for row, theirs in zip(one.rows, values[variable.name], strict=True):
            if row[at] is None:
                assert theirs == "" or theirs is None or theirs != theirs
            else:
                assert theirs == row[at]
    assert read_xpt(content).rows == one.rows


@given(NUMBERS)
def test_every_number_keeps_its_bits(number: float) -> None:
    assert ieee_float(ibm_float(float(number))) == float(number)


@pytest.mark.parametrize(
    ("number", "bits"),
    [(1.0, "4110000000000000"), (-1.0, "c110000000000000"), (0.0, "0000000000000000"), (-118.625, "c276a00000000000"),
     (0.15625, "4028000000000000"), (100.0, "4264000000000000")],
)  # fmt: skip
def test_numbers_are_ibms_hexadecimal_floating_point(number: float, bits: str) -> None:
    """1, 0 and 100 as in SAS TS-140 and IBM's principles of operation; -118.625 is the textbook example."""
    assert ibm_float(number).hex() == bits


@pytest.mark.parametrize("marker", [b".", b"_", b"A", b"Z"])
def test_every_missing_value_of_sas_is_missing(marker: bytes) -> None:
    assert ieee_float(marker + bytes(7)) is None


def test_numeric_dates_count_from_1960(tmp_path: Path) -> None:
    day = Variable("TRTSDT", "Date", "date", numeric_date=True, display_format="DATE9.")
    at = Variable("TRTSDTM", "Moment", "datetime", numeric_date=True, display_format="DATETIME20.")
    one = _one((day, at), {"TRTSDT": "2022-02-05", "TRTSDTM": "2022-02-05T10:19"})
    values, meta = _read(xpt(one, MADE_AT), tmp_path, disable_datetime_conversion=True)
    assert list(values["TRTSDT"]) == [(date(2022, 2, 5) - date(1960, 1, 1)).days]
    assert list(values["TRTSDTM"]) == [(datetime(2022, 2, 5, 10, 19) - datetime(1960, 1, 1)).total_seconds()]
    assert meta.original_variable_types["TRTSDT"] == "DATE9"  # type: ignore[attr-defined]


def test_the_same_data_give_the_same_bytes_and_records_of_80() -> None:
    content = xpt(laboratory(), MADE_AT)
    assert content == xpt(laboratory(), MADE_AT)
    assert len(content) % 80 == 0
    assert b"05MAR26:09:30:00" in content


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        (Variable("TOOLONGNAM", "L"), "x", "at most 8"),
        (Variable("lower", "L"), "x", "at most 8"),
        (Variable("A", "L" * 41), "x", "longer than 40"),
        (Variable("A", "≥"), "x", "not ASCII"),
        (Variable("A", "L"), "x" * 201, "201 bytes; at most 200"),
        (Variable("A", "L"), "µ", "not ASCII"),
        (Variable("A", "L"), "bell\x07", "control"),
        (Variable("A", "L", "float"), 1e300, "beyond the range"),
        (Variable("A", "L", "float"), 1e-300, "beyond the range"),
    ],
)
def test_what_does_not_fit_is_refused_and_never_cut(variable: Variable, value: object, said: str) -> None:
    with pytest.raises(Problems, match=said):
        xpt(_one((variable,), {variable.name: value}), MADE_AT)


def test_text_of_200_bytes_fits_whole(tmp_path: Path) -> None:
    text = "x" * 200
    values, _ = _read(xpt(_one((Variable("A", "L"),), {"A": text}), MADE_AT), tmp_path)
    assert list(values["A"]) == [text]


@pytest.mark.parametrize("cut", [0, 79, 80, 400, 1200])
def test_a_cut_or_foreign_file_is_refused(cut: int) -> None:
    content = xpt(laboratory(), MADE_AT)
    assert cut < len(content)
    with pytest.raises(InputError):
        read_xpt(content[:cut])


@given(st.binary(max_size=400).map(lambda more: b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!" + more))
def test_noise_behind_the_right_beginning_is_refused(content: bytes) -> None:
    with pytest.raises(InputError):
        read_xpt(content + b" " * (-len(content) % 80))


def test_the_header_has_the_length_of_a_variable_of_140() -> None:
    """TS-140: the member header says how long a NAMESTR is; another length and SAS reads nonsense."""
    content = xpt(laboratory(), MADE_AT)
    assert content[240:320].endswith(b"000000000000000001600000000140  ")
    assert struct.calcsize(">hhhh8s40s8shhh2s8shhl52s") == 140
