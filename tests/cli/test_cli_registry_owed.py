"""`theratrial registry owed`, and `--trial` of check and timing: a simulated folder of records in, the update out."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from theratrial.cli.registry import app
from theratrial.cli.registry_owed import print_owed
from theratrial.protocol.reader import shipped_protocol, shipped_protocol_bytes
from theratrial.registry.conscience import Owed
from theratrial.registry.found import Sentence
from theratrial.registry.history import Version
from theratrial.registry.history_files import version_file_name, version_yaml
from theratrial.registry.reader import read_registration, shipped_registration_bytes
from theratrial.registry.words import Text
from theratrial.simulation.cohort import SEED_PROTOCOL, cohort_records
from theratrial.trialfolder.tables import FOLDER_SCHEMA_VERSION, TABLES
from theratrial.trialfolder.writer import write_table

RUNNER = CliRunner()


def run(*arguments: str | Path) -> Any:
    return RUNNER.invoke(app, [str(one) for one in arguments])


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trial folder of three treated participants: its records, and no image."""
    folder = tmp_path_factory.mktemp("owed") / "trial"
    (folder / "records").mkdir(parents=True)
    tables = cohort_records(shipped_protocol(SEED_PROTOCOL), participants=3, seed=1)
    for table in TABLES:
        write_table(folder / "records" / f"{table.name}.csv", table, tables[table.name])
    (folder / "protocol.yaml").write_bytes(shipped_protocol_bytes(SEED_PROTOCOL))
    (folder / "registration.yaml").write_bytes(shipped_registration_bytes(SEED_PROTOCOL))
    (folder / "folder.yaml").write_text(f'schema_version: "{FOLDER_SCHEMA_VERSION}"\nsimulated: true\n')
    return folder


def test_what_is_owed_is_told_field_by_field_with_cause_and_time(trial: Path) -> None:
    found = run("owed", trial, "--today", "2022-07-10")
    assert found.exit_code == 1
    for said in (
        "The participants are virtual",
        "To change: 2",
        "now: Recruitment complete",
        "proposed: Recruiting",
        "proposed: 2022-01-22, 1400/11/02",
        "because: first consent of an enrolled participant (consents: P01, 2022-01-22)",
        "untrue since 2022-01-22; due 2022-02-21, 139 days overdue",
        "due 2022-10-18, in 100 days",
        "For a person to say: 4",
    ):
        assert said in found.stdout, said


def test_it_speaks_persian_with_its_half_spaces_whole(trial: Path) -> None:
    found = run("owed", trial, "--today", "2022-07-10", "--language", "fa").stdout
    assert "پیشنهاد: در حال بیمارگیری" in found
    assert "شرکت‌کنندگان مجازی‌اند" in found
    assert "\\u200c" not in found
    checked = run("check", trial, "--trial", trial, "--today", "2022-07-10", "--language", "fa").stdout
    assert "خطا  status-against-data" in checked
    assert "\\u200c" not in checked


def test_json_holds_proposals_duties_and_what_is_open(trial: Path) -> None:
    said = json.loads(run("owed", trial, "--today", "2022-07-10", "--json").stdout)
    assert {one["path"]: one["new"] for one in said["proposals"]} == {
        "recruitment.status": "Recruiting",
        "recruitment.actual_start": "2022-01-22, 1400/11/02",
    }
    assert said["proposals"][1]["overdue_days"] == 139
    assert [one["rule"] for one in said["duties"]] == ["update-12-months"]
    assert (said["simulated"], said["last_true"], said["days_since_true"]) == (True, None, None)
    assert len(said["undetermined"]) == 4


def test_the_written_update_is_true_and_says_why(trial: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.yaml"
    found = run(
        "owed", trial, "--today", "2022-07-10", "--write", new, "--reason", "The first participant was enrolled"
    )
    assert found.exit_code == 0
    record = read_registration(new)
    assert record.registration.reason_for_update.en == "The first participant was enrolled"
    assert record.recruitment.status.code == "recruiting"
    again = run("owed", new, "--trial", trial, "--today", "2022-07-10")
    assert again.exit_code == 0
    assert "Nothing that the data alone could change" in again.stdout
    assert "the record is true today" in again.stdout
    refused = run("owed", new, "--trial", trial, "--today", "2022-07-10", "--write", tmp_path / "other.yaml")
    assert "propose no change" in str(refused.exception)
    assert not (tmp_path / "other.yaml").exists()
    over = run("owed", trial, "--today", "2022-07-10", "--write", new)
    assert "exists already" in str(over.exception)


def test_without_a_reason_the_draft_is_written_in_both_languages(trial: Path, tmp_path: Path) -> None:
    run("owed", trial, "--today", "2022-07-10", "--write", tmp_path / "new.yaml")
    reason = yaml.safe_load((tmp_path / "new.yaml").read_text(encoding="utf-8"))["registration"]["reason_for_update"]
    assert "(was Recruitment complete)" in reason["en"]
    assert "«بیمارگیری تمام شده»" in reason["fa"]


def test_the_versions_beside_the_record_tell_when_it_was_last_said(trial: Path, tmp_path: Path) -> None:
    """A version of 1 July 2022 says again that recruitment is complete: nobody was enrolled after it."""
    folder = tmp_path / "trial"
    shutil.copytree(trial, folder)
    versions = folder / "registration_versions"
    versions.mkdir()
    record = read_registration(folder / "registration.yaml")
    made = [datetime(2021, 10, 18, 9, tzinfo=UTC), datetime(2022, 7, 1, 9, tzinfo=UTC)]
    for number, at in enumerate(made):
        one = Version(number, record, at, "coordinator1", Text(en="confirmed"))
        (versions / version_file_name(number)).write_text(version_yaml(one), encoding="utf-8")
    said = json.loads(run("owed", folder, "--today", "2022-07-10", "--json").stdout)
    assert {one["path"] for one in said["proposals"]} == {
        "recruitment.actual_start",
        "recruitment.actual_end",
        "recruitment.actual_sample_size",
    }
    assert said["duties"][0]["due"] == "2023-07-01"
    rules = json.loads(run("check", folder, "--trial", folder, "--today", "2022-07-10", "--json").stdout)["findings"]
    assert "status-against-data" not in {one["rule"] for one in rules}
    assert "record-stale" not in {one["rule"] for one in rules}


def test_a_record_without_its_trial_is_asked_for_it(trial: Path) -> None:
    assert "--trial FOLDER" in str(run("owed", SEED_PROTOCOL).exception)
    assert "does not exist" in str(run("owed", SEED_PROTOCOL, "--trial", trial / "nowhere").exception)


def test_check_and_timing_take_the_trials_own_data(trial: Path) -> None:
    said = json.loads(run("check", SEED_PROTOCOL, "--trial", trial, "--today", "2022-07-10", "--json").stdout)
    rules = {one["rule"] for one in said["findings"]}
    assert {"status-against-data", "actual-date-missing", "protocol-outcome-differs", "data-are-simulated"} <= rules
    assert "timing-provisional" not in rules
    alone = json.loads(run("check", SEED_PROTOCOL, "--today", "2022-07-10", "--json").stdout)
    assert "timing-provisional" in {one["rule"] for one in alone["findings"]}
    timing = run("timing", SEED_PROTOCOL, "--trial", trial, "--today", "2022-07-10").stdout
    assert timing == "prospective: registered 2021-10-18, first enrolment by the trial's data 2022-01-22\n"
    before = run("timing", SEED_PROTOCOL, "--trial", trial, "--today", "2022-01-30").stdout
    assert before.startswith("prospective (provisional): registered 2021-10-18, expected start only")


@pytest.mark.parametrize(("language", "words"), [("en", "It is the status"), ("fa", "داده‌ها با وضعیت نمی‌خوانند")])
@pytest.mark.parametrize("last_true", [None, date(2022, 7, 1), date(2022, 7, 10)])
def test_a_record_without_a_change_that_is_untrue_is_told_why(language, words, last_true, capsys) -> None:
    """Nothing to change and yet not true: only a status for which the data know no right one does that."""
    today = date(2022, 7, 10)
    days = None if last_true is None else (today - last_true).days
    found = Owed(today, (), (), (Sentence("Whether it is over", "پایان"),), Sentence("", ""), last_true, days)
    print_owed(found, "IRCT", today, language, simulated=True)
    assert (words in capsys.readouterr().out) == (last_true != today)
