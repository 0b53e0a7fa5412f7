"""`theratrial export odm` and `theratrial site import FILE`: from folder to file to site and back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from lxml import etree
from odmlib.odm_parser import ODMSchemaValidator
from typer.testing import CliRunner

from theratrial.cli import app
from theratrial.protocol.reader import shipped_protocol_bytes
from theratrial.simulation.cohort import SEED_PROTOCOL, cohort_records
from theratrial.trialfolder.tables import TABLES
from theratrial.trialfolder.writer import write_table

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The records of a virtual cohort as a trial folder without images."""
    from theratrial.web.trials.selectors import parsed

    place = tmp_path_factory.mktemp("odm") / "trial"
    (place / "records").mkdir(parents=True)
    content = shipped_protocol_bytes(SEED_PROTOCOL)
    (place / "protocol.yaml").write_bytes(content)
    (place / "folder.yaml").write_text('schema_version: "1.2"\nsimulated: true\n', encoding="utf-8")
    lines = cohort_records(parsed(content), participants=1, seed=2)
    for table in TABLES:
        write_table(place / "records" / f"{table.name}.csv", table, lines[table.name])
    return place


@pytest.mark.parametrize("version", ["1.3.2", "2.0"])
def test_a_folder_becomes_a_file_that_conforms_and_is_the_same_each_time(
    folder: Path, tmp_path: Path, version: str
) -> None:
    files = [tmp_path / "one.xml", tmp_path / "two.xml"]
    for file in files:
        done = RUNNER.invoke(app, ["export", "odm", str(folder), str(file), "--odm", version, "--snapshot"])
        assert done.exit_code == 0, done.output
        assert "no history" not in done.output
    assert files[0].read_bytes() == files[1].read_bytes()
    assert list(ODMSchemaValidator(standard="odm", version=version).xsd.iter_errors(str(files[0]))) == []
    assert sorted(one.name for one in tmp_path.iterdir()) == ["one.xml", "two.xml"]


@pytest.mark.parametrize("more", [(), ("--odm", "2.0")])
def test_a_folder_gives_its_state_without_being_asked_for_it_and_says_so(
    folder: Path, tmp_path: Path, more: tuple[str, ...]
) -> None:
    """As the help shows it: FOLDER OUT."""
    done = RUNNER.invoke(app, ["export", "odm", str(folder), str(tmp_path / "plain.xml"), *more])
    assert done.exit_code == 0, done.output
    assert "keeps no history of changes, so this is its state" in done.output
    assert "snapshot" in done.stdout
    asked = RUNNER.invoke(app, ["export", "odm", str(folder), str(tmp_path / "asked.xml"), *more, "--snapshot"])
    assert asked.exit_code == 0, asked.output
    assert (tmp_path / "plain.xml").read_bytes() == (tmp_path / "asked.xml").read_bytes()


def test_who_withdrew_the_use_of_her_data_is_left_out_with_the_batches_of_nobody_else(
    folder: Path, tmp_path: Path
) -> None:
    import shutil

    place = tmp_path / "trial"
    shutil.copytree(folder, place)
    (place / "records" / "withdrawals.csv").write_text(
        "participant_id,withdrawn_at,withdrawal_kind,reason\nP01,2025-01-01T10:00+03:30,data_use,\n", encoding="utf-8"
    )
    done = RUNNER.invoke(app, ["export", "odm", str(place), str(tmp_path / "o.xml"), "--snapshot"])
    assert done.exit_code == 0, done.output
    assert "1 participants withdrew" in done.output
    tree = etree.parse(str(tmp_path / "o.xml"))
    told = {one.get("SubjectKey") for one in tree.iter("{*}SubjectData")}
    assert "P01" not in told
    assert told
    given = {row.split(",")[0] for row in (folder / "records" / "batches.csv").read_text().splitlines()[1:]}
    left = {one.get("Value") for one in tree.iter("{*}ItemData") if one.get("ItemOID") == "I.batches.batch_id"}
    assert left < given


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{folder}"], "give the folder and the file"),
        (["{folder}", "{folder}", "--snapshot"], "is there already"),
        (["{out}", "{out}", "--site", "{out}"], "cannot be exported at the same time"),
        (["{folder}", "{missing}/o.xml", "--snapshot"], "cannot be written"),
    ],
)
def test_what_cannot_be_exported_is_said_and_nothing_is_written(
    folder: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    names = {"{folder}": str(folder), "{out}": str(tmp_path / "o.xml"), "{missing}/o.xml": str(tmp_path / "no/o.xml")}
    done = RUNNER.invoke(app, ["export", "odm", *(names.get(one, one) for one in arguments)])
    assert done.exit_code != 0
    assert said in f"{done.output} {done.exception}"
    assert list(tmp_path.iterdir()) == []


def test_C2_from_folder_to_file_to_an_empty_site_to_the_same_file(folder: Path, tmp_path: Path) -> None:
    """By the commands themselves, in processes of their own."""
    first, second, site = tmp_path / "first.xml", tmp_path / "second.xml", tmp_path / "site"

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if k not in ("DJANGO_SETTINGS_MODULE", "THERATRIAL_SITE")}
        command = [sys.executable, "-m", "theratrial", *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    assert run("export", "odm", str(folder), str(first), "--snapshot").returncode == 0
    made = run("site", "init", "--protocol", str(folder / "protocol.yaml"), "--centre", "C1", "--site", str(site))
    assert made.returncode == 0, made.stderr
    taken = run("site", "import", str(first), "--site", str(site))
    assert taken.returncode == 0, taken.stderr
    assert "exports the same file again" in taken.stdout
    assert run("export", "odm", "--site", str(site), str(second), "--snapshot").returncode == 0
    assert first.read_bytes() == second.read_bytes()
    again = run("site", "import", str(first), "--site", str(site))
    assert again.returncode != 0
    assert "empty site only" in again.stderr
