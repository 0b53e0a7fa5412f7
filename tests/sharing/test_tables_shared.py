"""Tables shared without identity: codes and days of the shared images, no text nobody read, and the risk in numbers."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from theratrial.protocol.reader import shipped_protocol_bytes
from theratrial.sharing.images.keys import ReleaseKey
from theratrial.sharing.images.values import Person
from theratrial.sharing.tables.release import shared_tables
from theratrial.sharing.tables.risk import banded, combination
from theratrial.sharing.tables.treatment import EXPLAINED, treatments
from theratrial.sharing.tables.values import SharedTables, TablesAsked
from theratrial.trialfolder import read_folder
from theratrial.trialfolder.records import TrialFolder
from theratrial.trialfolder.tables import TABLES

KEY = ReleaseKey(b"0123456789abcdef", "first")
SEED = "IRCT20210612051548N3"
RECORDS = {
    "participants": "participant_id,site_id,screened_on,age_years,sex,height_cm,weight_kg,note\n"
    "P01,site_01,2022-01-20,93,female,160,60.5,friend of Quendolin\n"
    "P02,site_01,2022-02-20,44,female,165,70,\n"
    "P03,site_02,2022-03-20,44,female,165,70,\n",
    "consents": "participant_id,form_version,language,signed_at,obtained_by,witness,copy_given,"
    "withdrawn_at,withdrawal_kind\n"
    "P01,1.0,fa,2022-01-20T09:00+03:30,RN-07,,yes,,\n"
    "P02,1.0,fa,2022-02-20T09:00+03:30,RN-07,,yes,,\n"
    "P03,1.0,fa,2022-03-20T09:00+03:30,RN-07,,yes,2022-04-01T09:00+04:30,data_use\n",
    "batches": "batch_id,product_id,activity_MBq,reference_at,expires_at,released\n"
    "B-01,lu177_trastuzumab,5000,2022-03-01T08:00,2022-03-02T08:00,yes\n",
    "administrations": "participant_id,product_id,session,timepoint,batch_id,measured_activity_MBq,measured_at,"
    "residual_activity_MBq,residual_measured_at,injected_at,route\n"
    "P02,lu177_trastuzumab,1,,B-01,1510,2022-03-01T09:00,10,2022-03-01T09:40,2022-03-01T09:30,intravenous\n",
    "adverse_events": "participant_id,term,ctcae_version,grade,started_on,ended_on,serious,related,outcome,comment\n"
    "P01,Fatigue,5.0,1,2022-03-01,2022-03-04,no,related,recovered,after Quendolin's feast\n"
    "P01,Quendolin fever,5.0,2,2022-03-05,,no,not_related,,\n",
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "trial"
    (folder / "records").mkdir(parents=True)
    (folder / "images").mkdir()
    (folder / "protocol.yaml").write_bytes(shipped_protocol_bytes(SEED))
    for name, text in RECORDS.items():
        (folder / "records" / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def trial(place: Path) -> TrialFolder:
    return read_folder(place)


def rows(made: SharedTables, table: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(made.files[f"tables/{table}.csv"].decode("utf-8"))))


def test_every_column_of_every_table_has_a_treatment_that_is_explained() -> None:
    how = treatments()
    assert len(how) == sum(len(table.columns) for table in TABLES)
    assert set(how.values()) <= set(EXPLAINED)


def test_no_date_person_or_free_text_column_is_kept_as_recorded() -> None:
    for table in TABLES:
        for column in table.columns:
            done = treatments()[table.name, column.name]
            if column.type in ("date", "datetime"):
                assert done in ("day", "moment")
            if "never a name" in column.doc:
                assert done in ("label", "removed")
            if column.name in ("comment", "note", "narrative", "reason"):
                assert done == "withheld"


def test_codes_and_days_are_those_of_the_shared_images(trial: TrialFolder) -> None:
    images = {"P01": Person("P-AAAAAAAA", -500, 210)}
    made = shared_tables(trial, TablesAsked(KEY, images))
    assert made.leaks == ()
    one = next(row for row in rows(made, "participants") if row["participant_id"] == "P-AAAAAAAA")
    assert date.fromisoformat(one["screened_on"]) == date(2022, 1, 20) - timedelta(days=500)
    assert one["age_years"] == "90"
    signed = next(row for row in rows(made, "consents") if row["participant_id"] == "P-AAAAAAAA")["signed_at"]
    assert datetime.fromisoformat(signed) == datetime.fromisoformat("2022-01-20T09:00+00:00") - timedelta(days=500)
    assert made.people["P01"] == images["P01"]


def test_those_who_withdrew_the_use_of_their_data_are_in_no_table(trial: TrialFolder) -> None:
    made = shared_tables(trial, TablesAsked(KEY))
    assert made.excluded == ("P03",)
    code = KEY.participant_code("P03")
    assert not any(code.encode() in data or b"P03" in data for data in made.files.values())
    assert len(rows(made, "participants")) == 2


def test_free_text_is_withheld_until_a_person_has_read_it(trial: TrialFolder) -> None:
    made = shared_tables(trial, TablesAsked(KEY))
    assert not any(b"quendolin" in data.lower() for data in made.files.values())
    terms = {row["term"] for row in rows(made, "adverse_events")}
    assert terms == {"Fatigue", ""}, "a term of CTCAE names nobody, another may"
    waiting = {(text.table, text.column) for text in made.withheld_texts}
    assert {("participants", "note"), ("adverse_events", "comment"), ("adverse_events", "term")} <= waiting
    allowed = frozenset([("adverse_events", "term", "Quendolin fever")])
    again = shared_tables(trial, TablesAsked(KEY, allowed_texts=allowed))
    assert {row["term"] for row in rows(again, "adverse_events")} == {"Fatigue", "Quendolin fever"}


def test_staff_and_original_codes_and_dates_stand_nowhere(trial: TrialFolder) -> None:
    made = shared_tables(trial, TablesAsked(KEY))
    data = b"".join(data for name, data in made.files.items() if name.startswith("tables/"))
    assert not [word for word in (b"RN-07", b"P01", b"P02", b"site_01", b"2022-01-20", b"2022-03-01") if word in data]


def test_days_of_the_study_count_from_the_first_administration_or_screening(trial: TrialFolder) -> None:
    made = shared_tables(trial, TablesAsked(KEY, relative_days=True))
    started = sorted(int(row["started_on"]) for row in rows(made, "adverse_events"))
    # 20 January is day 1 (no administration): 1 March is day 41, 5 March day 45
    assert started == [41, 45]
    screened = {row["participant_id"]: row["screened_on"] for row in rows(made, "participants")}
    assert screened[KEY.participant_code("P01")] == "1"
    assert screened[KEY.participant_code("P02")] == "-9", "20 February, treated on 1 March"


@pytest.mark.parametrize("column", ["participant_id", "site_id", "screened_on"])
def test_a_leak_is_found_where_a_treatment_is_wrong(
    column: str, trial: TrialFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from theratrial.sharing.tables import release

    monkeypatch.setattr(release._Work, "_shown", _keeping(release._Work._shown, column))
    made = shared_tables(trial, TablesAsked(KEY))
    assert any("participants.csv" in leak for leak in made.leaks)


def _keeping(whole, name: str):
    def shown(self, table, column, value, participant, done):
        return (
            str(value)
            if (table, column.name) == ("participants", name)
            else whole(self, table, column, value, participant, done)
        )

    return shown


def test_the_risk_is_counted_as_by_hand() -> None:
    people = [
        {"sex": "female", "age_years": 44.0},
        {"sex": "female", "age_years": 44.0},
        {"sex": "female", "age_years": 61.0},
        {"sex": "male", "age_years": 62.0},
    ]
    one = combination(people, ["sex", "age_years"])
    assert (one.groups, one.smallest, one.alone, one.highest_risk, one.mean_risk) == (3, 1, 2, 1.0, 0.75)
    assert combination(banded(people, {"age_years": 10}), ["age_years"]).alone == 0


def test_fifteen_people_are_said_to_be_findable(trial: TrialFolder) -> None:
    made = shared_tables(trial, TablesAsked(KEY))
    assert any("nobody is hidden by numbers" in sentence for sentence in made.risk.sentences)
    assert any(group.column == "site_id" or group.participants < 5 for group in made.risk.small_groups)


def test_the_dictionary_lists_every_column_with_its_meaning(trial: TrialFolder) -> None:
    made = shared_tables(trial, TablesAsked(KEY))
    listed = list(csv.DictReader(io.StringIO(made.files["data_dictionary.csv"].decode("utf-8"))))
    assert len(listed) == len(treatments())
    one = next(row for row in listed if (row["table"], row["column"]) == ("participants", "weight_kg"))
    assert (one["unit"], one["type"], one["shared_as"], one["lines"]) == ("kg", "number", "keep", "2")


def test_the_command_writes_tables_and_keeps_the_texts_at_home(place: Path, tmp_path: Path) -> None:
    from theratrial.cli.share import app

    key, out = tmp_path / "key", tmp_path / "out"
    done = CliRunner().invoke(app, ["tables", str(place), str(out), "--key", str(key)])
    assert done.exit_code == 0, done.output
    assert (out / "tables" / "participants.csv").is_file()
    texts = tmp_path / "key.texts-release.csv"
    assert "Quendolin fever" in texts.read_text()
    read = texts.read_text().replace("Quendolin fever,1,", "Quendolin fever,1,yes")
    (tmp_path / "read.csv").write_text(read)
    again = CliRunner().invoke(
        app, ["tables", str(place), str(tmp_path / "two"), "--key", str(key), "--allow", str(tmp_path / "read.csv")]
    )
    assert again.exit_code == 0, again.output
    assert "Quendolin fever" in (tmp_path / "two" / "tables" / "adverse_events.csv").read_text()
    same = [(folder / "tables" / "participants.csv").read_bytes() for folder in (out, tmp_path / "two")]
    assert same[0] == same[1]
