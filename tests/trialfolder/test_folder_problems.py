"""Every fault of a trial folder is named with file, line, column, and what was probably meant."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sound_folder import SOUND

from theratrial.errors import Problem, Problems
from theratrial.trialfolder import read_folder
from theratrial.trialfolder.reader import read_table
from theratrial.trialfolder.tables import table as table_definition

Make = Callable[..., Path]
ProblemsOf = Callable[..., tuple[Problem, ...]]


def _only(problems: tuple[Problem, ...]) -> Problem:
    assert len(problems) == 1, "\n".join(map(str, problems))
    return problems[0]


@pytest.mark.parametrize(
    ("table", "old", "new", "place", "words"),
    [
        ("participants", "44,female", '"44,5",female', "line 2, column age_years",
         "decimal comma -> write a decimal point: 44.5"),
        ("participants", "44,female", "4x4,female", "line 2, column age_years",
         "letters after the number|carries a unit|is not a number"),
        ("participants", "44,female", "444,female", "line 2, column age_years", "between 0 and 130"),
        ("participants", "60.5", "60.5 kg", "line 2, column weight_kg",
         "carries a unit; the column is in kg -> write 60.5"),
        ("participants", "60.5", "۶۰", "line 2, column weight_kg", "another script -> write 60"),
        ("participants", "60.5", "#REF!", "line 2, column weight_kg", "spreadsheet's error"),
        ("participants", "60.5", "=A1", "line 2, column weight_kg", "formula"),
        ("participants", "60.5", "NA", "line 2, column weight_kg", "leave the cell empty"),
        ("participants", "60.5", "n/a", "line 2, column weight_kg", "leave the cell empty"),
        ("participants", "60.5", "-", "line 2, column weight_kg", "leave the cell empty"),
        ("participants", "60.5", "1e999", "line 2, column weight_kg", "too large"),
        ("participants", "female,160", "F,160", "line 2, column sex", "did you mean female"),
        ("participants", "female,160", ",160", "line 2, column sex", "is empty but must be filled"),
        ("participants", "site_01", "site 01", "line 2, column site_id", "not an identifier"),
        ("participants", "2022-02-01", "2022-02-30", "line 2, column screened_on", "2022-02 has the days 1 to 28"),
        ("participants", "2022-02-01", "2022-13-01", "line 2, column screened_on", "no month 13"),
        ("participants", "2022-02-01", "2202-02-01", "line 2, column screened_on", "year 2202"),
        # The registration record prints 1400/11/01 beside 2022-01-21.
        ("participants", "2022-02-01", "1400/11/01", "line 2, column screened_on", "Jalali.*write 2022-01-21"),
        ("participants", "2022-02-01", "1400-07-26", "line 2, column screened_on", "Jalali.*write 2021-10-18"),
        ("participants", "2022-02-01", "03/04/2022", "line 2, column screened_on", "2022-03-04 or 2022-04-03"),
        ("participants", "2022-02-01", "21.01.2022", "line 2, column screened_on", "year last -> write 2022-01-21"),
        ("participants", "2022-02-01", "1/2/22", "line 2, column screened_on", "two digits"),
        ("participants", "2022-02-01", "20220201", "line 2, column screened_on", "write 2022-02-01"),
        # 44582 is 2022-01-21 in the 1900 date system of spreadsheets.
        ("participants", "2022-02-01", "44582", "line 2, column screened_on", "day number -> write 2022-01-21"),
        ("participants", "2022-02-01", "2022-02-01T00:00", "line 2, column screened_on", "time in a column of dates"),
        ("consents", "2022-02-01T09:00", "2022-02-01", "line 2, column signed_at", "has no time"),
        ("consents", "2022-02-01T09:00", "2022-02-01T25:00", "line 2, column signed_at", "no time 25:00"),
        ("consents", "2022-02-01T09:00", "2022-02-01T09:00+25:00", "line 2, column signed_at", "no offset"),
        ("consents", "P-002,1.0", "P-02,1.0", "line 3, column participant_id", "did you mean P-002"),
        (
            "consents", "P-002,1.0,fa,2022-02-02", "P-001,1.0,fa,2022-02-01",
            "line 3, column form_version", "repeats line 2",
        ),
        ("administrations", "B-01", "B-99", "line 2, column batch_id", "not a batch of batches.csv"),
        ("administrations", "lu177_trastuzumab", "lu177", "line 2, column product_id",
         "did you mean lu177_trastuzumab"),
        ("administrations", "1510", "1.5 GBq", "line 2, column measured_activity_MBq", "in MBq -> write 1500"),
        ("administrations", "1510", '"1,510.5"', "line 2, column measured_activity_MBq",
         "thousands separator -> write 1510.5"),
        ("administrations", "1510", '"1.510,5"', "line 2, column measured_activity_MBq",
         "thousands separator -> write 1510.5"),
        ("administrations", "1510", "1 510", "line 2, column measured_activity_MBq",
         "thousands separator -> write 1510"),
        ("administrations", "1510", "5", "line 2, column residual_activity_MBq", "more than was measured"),
        ("administrations", ",1,,B", ",,,B", "line 2, column session", "a therapy product has one"),
        ("administrations", ",1,,B", ",1.5,,B", "line 2, column session", "not a whole number"),
        ("administrations", ",10,2022-03-01T09:40", ",10,", "line 2, column residual_measured_at",
         "fill both or neither"),
        ("batches", "yes", "maybe", "line 2, column released", "yes or no"),
        ("batches", "2022-03-02T08:00", "2022-02-02T08:00", "line 2, column expires_at", "before"),
        ("laboratory", "neutrophils", "neutrofils", "line 2, column test", "did you mean neutrophils"),
        ("laboratory", "cells/mm3", "mg/dL", "line 2, column unit", "allowed: 10\\^9/L"),
        ("laboratory", "g/dL", "", "line 4, column unit", "is empty but must be filled"),
        ("laboratory", "3500,cells/mm3", "<0.5,10^9/L", "line 2, column value", "is a bound"),
        ("eligibility", "ecog,1", "ecog,9", "line 2, column value", "out of the protocol's range"),
        ("eligibility", "ecog,1", "ecog,1.5", "line 2, column value", "not a whole number"),
        ("eligibility", "pregnant,no", "pregnant,perhaps", "line 3, column value", "yes or no"),
        ("eligibility", "pregnant,no", "pregnent,no", "line 3, column item", "did you mean pregnant"),
        ("eligibility", "no,,", "no,percent,", "line 3, column unit", "has no unit"),
    ],
)  # fmt: skip
def test_a_bad_cell_is_named_with_its_place_and_remedy(
    problems_of: ProblemsOf, table: str, old: str, new: str, place: str, words: str
) -> None:
    assert old in SOUND[table]
    problem = _only(problems_of(**{table: SOUND[table].replace(old, new, 1)}))
    assert problem.place == f"records/{table}.csv {place}"
    assert re.search(words, str(problem)), str(problem)


@pytest.mark.parametrize(
    ("value", "unit", "doubted"),
    [
        ("1.0", "cells/mm3", True),  # 1.0e9/L typed beside the unit cells/mm3
        ("49.9", "/uL", True),
        ("50", "cells/mm3", False),
        ("0", "cells/mm3", False),
        ("0.02", "10^9/L", False),  # agranulocytosis is real
        ("100.1", "10^9/L", True),
        ("3500", "10^9/L", True),
        ("100", "e9/L", False),
    ],
)
def test_a_neutrophil_count_in_probably_another_unit_is_doubted(
    make_folder: Make, value: str, unit: str, doubted: bool
) -> None:
    table = f"participant_id,collected_at,test,value,unit\nP-001,2022-02-20T08:00,neutrophils,{value},{unit}\n"
    path = make_folder(laboratory=table)
    if doubted:
        with pytest.raises(Problems, match="probably another unit"):
            read_folder(path)
    else:
        read_folder(path)


@pytest.mark.parametrize(("value", "unit"), [("9", "g/L"), ("130", "g/dL")])
def test_haemoglobin_mistaken_by_a_factor_of_ten_is_doubted(problems_of: ProblemsOf, value: str, unit: str) -> None:
    table = f"participant_id,collected_at,test,value,unit\nP-001,2022-02-20T08:00,haemoglobin,{value},{unit}\n"
    assert "probably another unit" in _only(problems_of(laboratory=table)).message


def test_clock_changes_are_named(problems_of: ProblemsOf) -> None:
    # Iran put its clocks from 00:00 to 01:00 on 22 March 2022, and from 24:00 to 23:00 on 21 September
    # 2022 (tz database).
    skipped = SOUND["consents"].replace("2022-02-01T09:00", "2022-03-22T00:30")
    twice = skipped.replace("2022-02-02T09:00", "2022-09-21T23:30")
    first, second = problems_of(consents=twice)
    assert "did not exist in Asia/Tehran" in first.message
    assert "happened twice" in second.message
    assert "2022-09-21T23:30+04:30 or 2022-09-21T23:30+03:30" in second.remedy


@pytest.mark.parametrize(
    ("encoding", "said"),
    [("windows-1252", "looks like windows-1252"), ("utf-16", "is UTF-16, not UTF-8"), ("utf-16-le", "is UTF-16-LE")],
)
def test_another_encoding_is_guessed_and_named(problems_of: ProblemsOf, encoding: str, said: str) -> None:
    text = SOUND["participants"].replace("60.5,", "60.5,à vérifier")
    problem = _only(problems_of(participants=text.encode(encoding)))
    assert said in problem.message
    assert "CSV UTF-8" in problem.remedy


def test_persian_text_in_windows_1256_is_recognised(problems_of: ProblemsOf) -> None:
    text = SOUND["participants"].replace("60.5,", "60.5,بيمار معاينه شد").encode("windows-1256")
    problem = _only(problems_of(participants=text))
    assert problem.place == "records/participants.csv line 2"
    assert "windows-1256" in problem.message


def test_separators_other_than_commas_are_named() -> None:
    for separator, word in ((";", "semicolons"), ("\t", "tabs")):
        content = SOUND["participants"].replace(",", separator).encode()
        _, problems = read_table(content, table_definition("participants"), ZoneInfo("UTC"))
        assert [problem.place for problem in problems] == ["records/participants.csv line 1"]
        assert word in problems[0].message


def test_nul_bytes_ragged_rows_and_open_quotes_are_named(problems_of: ProblemsOf) -> None:
    broken = (
        b"participant_id,site_id,screened_on,sex\n"
        b"P-001,site_01,2022-02-01,fem\x00ale\n"
        b"P-002,site_01,2022-02-01\n"
        b"P-003,site_01,2022-02-01,female,extra\n"
        b'P-004,site_01,2022-02-01,"female\n'
    )
    said = [str(problem) for problem in problems_of(participants=broken, consents=SOUND["consents"])]
    assert any("line 2: contains NUL bytes" in one for one in said)
    assert any("line 3: has 3 cells where the header has 4" in one for one in said)
    assert any("line 4: has 5 cells where the header has 4" in one for one in said)
    assert any("line 5: cannot be read as CSV" in one for one in said)


def test_columns_unknown_missing_or_double_are_named(problems_of: ProblemsOf) -> None:
    text = "participant_id,site_id,screened,sex,sex\nP-001,site_01,2022-02-01,female,female\n"
    said = [str(problem) for problem in problems_of(participants=text, consents="participant_id\n")]
    assert any("column screened: is not a column of this table -> did you mean screened_on" in one for one in said)
    assert any("column screened_on: is missing from the header" in one for one in said)
    assert any("column sex: stands twice in the header" in one for one in said)
    assert any("consents.csv line 1, column signed_at: is missing" in one for one in said)


def test_two_participants_with_one_id_are_named_with_both_lines(problems_of: ProblemsOf) -> None:
    problem = _only(problems_of(participants=SOUND["participants"].replace("P-002", "P-001"),
                                consents=SOUND["consents"].replace("P-002,1.0", "P-001,2.0")))  # fmt: skip
    assert problem.place == "records/participants.csv line 3, column participant_id"
    assert "repeats line 2" in problem.message


def test_leading_zeros_lost_in_a_spreadsheet_are_suspected(problems_of: ProblemsOf) -> None:
    tables = {name: text.replace("P-001", "001").replace("P-002", "002") for name, text in SOUND.items()}
    tables["laboratory"] = tables["laboratory"].replace("001,2022", "1,2022", 1)
    assert "leading zeros" in _only(problems_of(**tables)).remedy


def test_one_refused_participant_line_is_not_repeated_for_all_her_records(problems_of: ProblemsOf) -> None:
    problem = _only(problems_of(participants=SOUND["participants"].replace("44,female", "x,female")))
    assert problem.place.endswith("column age_years")


def test_a_column_wrong_in_every_line_is_counted_not_listed_without_end(problems_of: ProblemsOf) -> None:
    lines = "".join(f"P-{n},site_01,01.02.2022,female\n" for n in range(500))
    problems = problems_of(participants=f"participant_id,site_id,screened_on,sex\n{lines}", consents="participant_id,"
                           "form_version,language,signed_at,obtained_by\n", administrations=None, laboratory=None,
                           eligibility=None)  # fmt: skip
    assert len(problems) == 51
    assert problems[-1].message.startswith("450 more")


def test_consent_after_an_injection_is_left_to_the_run(make_folder: Make) -> None:
    late = SOUND["consents"].replace("2022-02-01T09:00", "2022-06-01T09:00")
    assert read_folder(make_folder(consents=late)).rows("consents")


def test_a_protocol_that_reads_a_column_which_no_table_has_is_refused_with_its_line(make_folder: Make) -> None:
    """The line is counted here in the text of the file, not by the reader."""
    place = make_folder()
    file = place / "protocol.yaml"
    before = "table: participants, column: age_years"
    text = file.read_text(encoding="utf-8")
    assert text.count(before) == 1
    file.write_text(text.replace(before, "table: participants, column: age_yaers"), encoding="utf-8")
    with pytest.raises(Problems) as caught:
        read_folder(place)
    found = _only(caught.value.problems)
    assert f"line {text[: text.index(before)].count(chr(10)) + 1}" in found.place
    assert "age_yaers" in found.message
