"""What is written is read back as it was; whatever bytes come, only problems are raised."""

from __future__ import annotations

import string
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from theratrial.errors import InputError
from theratrial.trialfolder.cells import MISSING_WORDS
from theratrial.trialfolder.reader import read_table
from theratrial.trialfolder.tables import TABLES, Column, Table, table
from theratrial.trialfolder.writer import table_bytes, write_table

TEHRAN = ZoneInfo("Asia/Tehran")
CASES = [one for one in TABLES if one.name not in ("laboratory", "eligibility")]

_PAIRED = {
    "withdrawn_at", "withdrawal_kind", "residual_activity_MBq", "residual_measured_at", "last_given_on", "ended_on",
    "lesions_positive", "sent_at",
}  # fmt: skip
"""Columns bound to another column of their line; left empty here."""

_TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Cf", "Zs", "Zl", "Zp", "Cn", "Co")), min_size=1).map(
    lambda text: f'x {text} , "q" {text}'
)


def _value(column: Column) -> st.SearchStrategy[Any]:
    low, high = column.minimum, column.maximum
    if column.choices:
        return st.sampled_from(column.choices)
    match column.type:
        case "number":
            return st.floats(low, high, allow_nan=False, allow_infinity=False)
        case "integer":
            return st.integers(int(low or 0), int(high if high is not None else 10**6))
        case "flag":
            return st.booleans()
        case "date":
            return st.dates(date(1900, 1, 1), date(2100, 12, 31))
        case "datetime":
            zones = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
            return st.datetimes(datetime(1901, 1, 1), datetime(2100, 12, 30), timezones=zones)
        case "id":
            plain = st.text(string.ascii_letters + string.digits + "._-", max_size=20)
            return plain.map(lambda text: f"i{text}")
        case _:
            return _TEXT


@st.composite
def _rows(draw: st.DrawFn, of: Table) -> list[dict[str, Any]]:
    rows = []
    for number in range(draw(st.integers(0, 4))):
        row = {}
        for column in of.columns:
            filled = column.required or (column.name not in _PAIRED and draw(st.booleans()))
            row[column.name] = draw(_value(column)) if filled else None
        # Keys are told apart by the first column, as a person numbers lines.
        row[of.columns[0].name] = f"n{number}"
        if of.name == "batches":
            row["expires_at"] = row["reference_at"] + timedelta(days=1)
        if of.name == "administrations":
            row["measured_at"], row["residual_measured_at"] = row["injected_at"], None
        if of.name == "visits":
            row["occurred_on"] = row["occurred_on"] or date(2022, 1, 1) if row["status"] == "done" else None
        if of.name == "tumour_measurements":
            lengths = {"measured": row["length_mm"] or 10.0, "absent": None, "merged": None, "not_evaluated": None}
            row["length_mm"] = lengths.get(row["status"], row["length_mm"])
            row["merged_into"] = "i-other" if row["status"] == "merged" else None
        rows.append(row)
    return rows


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.parametrize("name", [one.name for one in CASES])
def test_reading_what_was_written_gives_the_same_values(data: st.DataObject, name: str) -> None:
    rows = data.draw(_rows(table(name)))
    content = table_bytes(table(name), rows)
    read, problems = read_table(content, table(name), TEHRAN)
    assert not problems
    assert [dict(row.values) for row in read] == rows
    assert table_bytes(table(name), read) == table_bytes(table(name), rows) or any(
        isinstance(value, datetime) for row in rows for value in row.values()
    )


def test_rows_that_were_converted_are_written_as_they_stood(tmp_path: Path) -> None:
    text = "participant_id,collected_at,test,value,unit\nP-1,2022-02-20T08:00+03:30,neutrophils,3500,cells/mm3\n"
    read, problems = read_table(text.encode(), table("laboratory"), TEHRAN)
    assert not problems
    write_table(tmp_path / "laboratory.csv", table("laboratory"), read)
    again, problems = read_table((tmp_path / "laboratory.csv").read_bytes(), table("laboratory"), TEHRAN)
    assert not problems
    assert (again[0].values, again[0].original["value"]) == (read[0].values, "3500")
    assert list(tmp_path.iterdir()) == [tmp_path / "laboratory.csv"]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("note", " spaces "),
        ("note", "=1+1"),
        ("note", "N/A"),
        ("note", "a\rb"),
        ("note", "a\x00b"),
        ("note", "\ud800"),
        ("age_years", float("nan")),
        ("age_years", float("inf")),
        ("age_years", "44"),
        ("age_years", True),
        ("screened_on", datetime(2022, 1, 1, tzinfo=TEHRAN)),
        ("sex", "unknown"),
        ("site_id", None),
        ("nonsense", 1),
    ],
)
def test_what_could_not_be_read_back_is_not_written(tmp_path: Path, column: str, value: Any) -> None:
    row = {"participant_id": "P-1", "site_id": "s", "screened_on": date(2022, 1, 1), "sex": "female", column: value}
    with pytest.raises(InputError, match=column):
        write_table(tmp_path / "participants.csv", table("participants"), [row])
    assert list(tmp_path.iterdir()) == []


def test_an_instant_without_offset_is_not_written() -> None:
    row = {"participant_id": "P", "form_version": "1", "language": "fa", "signed_at": datetime(2022, 1, 1),
           "obtained_by": "N"}  # fmt: skip
    with pytest.raises(InputError, match="no offset"):
        table_bytes(table("consents"), [row])


def test_a_word_for_missing_is_refused_in_every_type() -> None:
    header = "participant_id,site_id,screened_on,age_years,sex,note\n"
    for word in MISSING_WORDS:
        content = f"{header}{word},{word},{word},{word},{word},{word}\n".encode()
        _, problems = read_table(content, table("participants"), TEHRAN)
        assert len(problems) == 6, word
        assert all("leave the cell empty" in problem.remedy for problem in problems), word


@given(content=st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_bytes_give_rows_or_problems_and_nothing_else(content: bytes) -> None:
    rows, problems = read_table(content, table("laboratory"), TEHRAN)
    assert rows or problems or content.strip().count(b"\n") == 0


_PIECES = st.sampled_from(
    [b",", b"\n", b"\r", b'"', b";", b"\x00", b"\xff", b"\xef\xbb\xbf", b"P-1", b"2022-02-20T08:00", b"neutrophils",
     b"-1", b"1,5", b"10^9/L", b"1400/11/01", b"=A1", b"\xd9\xa1", b"9" * 400, b"0001-01-01", b"9999-12-31T23:59",
     b"e", b".", b"<1", b"participants", b"2022-02-20T08:00:60", b"1900-01-01T00:00", "²".encode(), b"5" * 20]
)  # fmt: skip


@given(pieces=st.lists(_PIECES, max_size=40), name=st.sampled_from([one.name for one in TABLES]))
@settings(max_examples=400, deadline=None)
def test_a_good_header_with_any_lines_gives_rows_or_problems_and_nothing_else(pieces: list[bytes], name: str) -> None:
    header = ",".join(column.name for column in table(name).columns).encode()
    read_table(header + b"\n" + b"".join(pieces), table(name), TEHRAN)
