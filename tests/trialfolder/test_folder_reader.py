"""A sound folder is read to typed rows; every fault of a folder is named with file, line and column."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sound_folder import SOUND

from theratrial.errors import InputError, Problem, Problems
from theratrial.trace import file_hash
from theratrial.trialfolder import read_folder
from theratrial.trialfolder.reader import says_simulated

TEHRAN_WINTER = timezone(timedelta(hours=3, minutes=30))
Make = Callable[..., Path]
ProblemsOf = Callable[..., tuple[Problem, ...]]


def test_rows_are_typed_and_know_their_line(make_folder: Make) -> None:
    folder = read_folder(make_folder())
    (row,) = folder.rows("participants", participant_id="P-002")
    assert (row["age_years"], row["screened_on"], row["height_cm"]) == (51.5, date(2022, 2, 2), None)
    assert row.source == "record:records/participants.csv#3"
    (given,) = folder.rows("administrations", session=1)
    assert given["injected_at"] == datetime(2022, 3, 1, 9, 30, tzinfo=TEHRAN_WINTER)
    assert given["timepoint"] is None
    assert folder.participant_ids == ("P-001", "P-002")
    assert folder.rows("adverse_events") == ()


def test_laboratory_values_are_in_core_units_and_keep_what_was_written(make_folder: Make) -> None:
    rows = {row["test"]: row for row in read_folder(make_folder()).rows("laboratory")}
    # 1000 cells/mm3 = 1.0e9/L and 9 g/dL = 90 g/L, as the seed's own inclusion limits are converted in print.
    assert (rows["neutrophils"]["value"], rows["neutrophils"]["unit"]) == (3.5, "e9_per_L")
    assert (rows["neutrophils"]["lower_limit"], rows["neutrophils"]["upper_limit"]) == (1.5, 8.0)
    assert rows["platelets"]["value"] == 250
    assert (rows["haemoglobin"]["value"], rows["haemoglobin"]["unit"]) == (124.0, "g_per_L")
    assert rows["haemoglobin"].original["value"] == "12.4"
    assert rows["haemoglobin"].original["unit"] == "g/dL"


def test_eligibility_values_have_the_type_of_the_protocols_variable(make_folder: Make) -> None:
    rows = read_folder(make_folder()).rows("eligibility")
    assert [(row["item"], row["value"]) for row in rows] == [("ecog", 1), ("pregnant", False)]
    assert rows[1]["value"] is False


def test_manifest_names_the_hash_of_every_file_read(make_folder: Make) -> None:
    path = make_folder()
    folder = read_folder(path)
    assert set(folder.manifest) == {"protocol.yaml", *(f"records/{name}.csv" for name in SOUND)}
    assert all(value == file_hash(path / name) for name, value in folder.manifest.items())


def test_absent_registration_and_images_are_noted_not_refused(make_folder: Make) -> None:
    path = make_folder()
    (path / "images").rmdir()
    notes = " ".join(read_folder(path).notes)
    assert "registration.yaml is absent" in notes
    assert "images/ is absent" in notes


def test_images_are_listed_at_any_depth_without_hidden_files(make_folder: Make) -> None:
    path = make_folder()
    for name in ("b/deep/er/IM1", "a.dcm", ".DS_Store", ".hidden/x.dcm"):
        (path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (path / "images" / name).write_bytes(b"x")
    found = [file.relative_to(path / "images").as_posix() for file in read_folder(path).image_files]
    assert found == ["a.dcm", "b/deep/er/IM1"]


def test_a_folder_survives_the_way_to_another_process(make_folder: Make) -> None:
    folder = read_folder(make_folder())
    assert pickle.loads(pickle.dumps(folder)) == folder


def test_a_misspelt_column_in_a_query_is_an_error_even_on_an_empty_table(make_folder: Make) -> None:
    folder = read_folder(make_folder())
    with pytest.raises(KeyError):
        folder.rows("adverse_events", participant="P-001")


def test_spreadsheet_habits_are_taken_as_they_come(make_folder: Make) -> None:
    text = (
        '\ufeff"participant_id","site_id","screened_on","sex","age_years",,\r\n'
        '"P-001","site_01","2022-02-01","Female","44",,\r\n'
        "P-002,site_01, 2022-02-02 ,female,+51.5,,\r\n,,,,,,\r\n\r\n"
    )
    rows = read_folder(make_folder(participants=text)).rows("participants")
    assert [(row["sex"], row["age_years"], row.line) for row in rows] == [("female", 44, 2), ("female", 51.5, 3)]


def test_a_line_break_inside_quotes_does_not_shift_the_line_numbers(make_folder: Make) -> None:
    text = SOUND["participants"].replace("60.5,\n", '60.5,"two\nlines"\n')
    rows = read_folder(make_folder(participants=text)).rows("participants")
    assert [row.line for row in rows] == [2, 4]
    assert rows[0]["note"] == "two\nlines"


def test_a_missing_schema_version_is_the_first_and_a_newer_one_is_refused(make_folder: Make) -> None:
    path = make_folder()
    assert read_folder(path).schema_version == "1.0"
    (path / "folder.yaml").write_text('schema_version: "1.3"\n')
    with pytest.raises(InputError, match=r"1\.3 is newer than 1\.2"):
        read_folder(path)


@pytest.mark.parametrize("text", ["schema_version: one\n", "schema: '1.0'\n", "- 1\n", "schema_version: [\n", ""])
def test_a_folder_file_that_says_nothing_sensible_is_named(make_folder: Make, text: str) -> None:
    path = make_folder()
    (path / "folder.yaml").write_text(text)
    with pytest.raises(Problems, match=r"folder\.yaml"):
        read_folder(path)


@pytest.mark.parametrize(
    ("text", "simulated"),
    [(None, False), ('schema_version: "1.0"\n', False), ("simulated: false\n", False), ("simulated: true\n", True)],
)
def test_participants_are_virtual_only_where_the_folder_file_says_so(
    make_folder: Make, text: str | None, simulated: bool
) -> None:
    path = make_folder()
    (path / "truth.json").write_text('{"generator": "theratrial.simulation"}')
    if text is not None:
        (path / "folder.yaml").write_text(text)
    folder = read_folder(path)
    assert folder.simulated is simulated
    assert pickle.loads(pickle.dumps(folder)).simulated is simulated
    assert says_simulated(path) is simulated


@pytest.mark.parametrize("value", ["yes", "1", '"true"', "", "null", "[true]", "True!"])
def test_whether_participants_are_virtual_is_true_or_false_and_nothing_else(make_folder: Make, value: str) -> None:
    path = make_folder()
    (path / "folder.yaml").write_text(f'schema_version: "1.0"\nsimulated: {value}\n')
    with pytest.raises(
        Problems, match=r"folder\.yaml: simulated is .*; allowed are true and false -> write true where"
    ):
        read_folder(path)
    assert not says_simulated(path)


def test_a_key_of_the_folder_file_that_nobody_knows_is_refused_with_those_known(make_folder: Make) -> None:
    path = make_folder()
    (path / "folder.yaml").write_text("simulted: true\n")
    with pytest.raises(Problems, match="unknown key 'simulted' -> known: locked, schema_version, simulated"):
        read_folder(path)


def test_a_path_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_folder(tmp_path / "nothing")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file"):
        read_folder(tmp_path / "file")


def test_an_empty_folder_says_what_belongs_in_it(tmp_path: Path) -> None:
    with pytest.raises(Problems) as caught:
        read_folder(tmp_path)
    places = [problem.place for problem in caught.value.problems]
    assert places == ["protocol.yaml", "records", "records/participants.csv", "records/consents.csv"] or places == [
        "protocol.yaml",
        "records",
    ]


def test_faults_of_the_protocol_and_of_the_tables_are_told_together(make_folder: Make) -> None:
    path = make_folder(consents=SOUND["consents"].replace("2022-02-01T09:00", "yesterday"))
    text = (path / "protocol.yaml").read_text().replace("sample_size: 15", "sample_sise: 15")
    (path / "protocol.yaml").write_text(text)
    with pytest.raises(Problems) as caught:
        read_folder(path)
    said = str(caught.value)
    assert "sample_sise" in said
    assert "records/consents.csv line 2, column signed_at: 'yesterday'" in said


def test_a_table_nobody_knows_is_named_with_the_nearest(make_folder: Make) -> None:
    path = make_folder()
    (path / "records" / "laboratry.csv").write_text("x")
    (path / "records" / "consents.xlsx").write_bytes(b"PK\x03\x04")
    (path / "records" / ".~lock.consents.csv#").write_text("open in a spreadsheet")
    with pytest.raises(Problems) as caught:
        read_folder(path)
    said = [str(problem) for problem in caught.value.problems]
    assert len(said) == 2
    assert "save it as CSV" in said[0]
    assert "did you mean laboratory.csv" in said[1]


def test_an_offset_settles_a_time_that_happened_twice(make_folder: Make) -> None:
    text = SOUND["consents"].replace("2022-02-01T09:00", "2022-09-21T23:30+04:30")
    (row,) = read_folder(make_folder(consents=text)).rows("consents", participant_id="P-001")
    assert row["signed_at"].utcoffset() == timedelta(hours=4, minutes=30)


def test_hours_over_a_clock_change_are_the_hours_that_passed(make_folder: Make) -> None:
    text = (
        SOUND["consents"]
        .replace("2022-02-01T09:00", "2022-03-21T12:00")
        .replace("2022-02-02T09:00", "2022-03-22T12:00")
    )
    one, two = read_folder(make_folder(consents=text)).rows("consents")
    assert two["signed_at"] - one["signed_at"] == timedelta(hours=23)


def test_an_instant_of_another_zone_has_the_trials_date(make_folder: Make) -> None:
    text = SOUND["consents"].replace("2022-02-01T09:00", "2022-01-31T22:00Z")
    (row,) = read_folder(make_folder(consents=text)).rows("consents", participant_id="P-001")
    assert row["signed_at"].date() == date(2022, 2, 1)
