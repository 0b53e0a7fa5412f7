"""The analytic code: run as another group would, without theratrial; agreeing, and failing when a cell is altered."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from adam_example import Made

from theratrial.exchange.datasets.dataset_json import read_dataset_json
from theratrial.pipeline.adam_package import adam_package
from theratrial.report.texts import in_percent
from theratrial.results.values import TrialResult
from theratrial.sharing.code.package import SCRIPTS, code_package
from theratrial.sharing.code.plan import RESTS_ON
from theratrial.sharing.code.published import published_tables
from theratrial.sharing.identity import shared_folder, shared_result, trial_cleaner
from theratrial.sharing.images.keys import ReleaseKey
from theratrial.sharing.images.values import Person
from theratrial.sharing.tables.release import shared_tables
from theratrial.sharing.tables.values import TablesAsked
from theratrial.trialfolder.records import TrialFolder

KEY = ReleaseKey(b"a secret of the tests, 32 bytes!")
ROOT = Path(__file__).resolve().parents[2]
# theratrial is in this environment; with None in its place an import of it fails.
ALONE = (
    "import sys, runpy; sys.modules['theratrial'] = None; sys.argv = sys.argv[1:]; "
    "runpy.run_path(sys.argv[0], run_name='__main__')"
)


@dataclass(frozen=True)
class Shared:
    """The trial without identity, and who is who."""

    folder: TrialFolder
    result: TrialResult
    people: dict[str, Person]


@pytest.fixture(scope="session")
def shared(made: Made) -> Shared:
    people = dict(shared_tables(made.folder, TablesAsked(KEY)).people)
    cleaner = trial_cleaner(made.folder, KEY, people, frozenset())
    return Shared(shared_folder(made.folder, cleaner), shared_result(made.result, cleaner), people)


def analysis(shared: Shared, leave_out: frozenset[str] = frozenset()) -> dict[str, bytes]:
    files = adam_package(shared.folder, shared.result, formats=("dataset-json",), leave_out=leave_out).files
    return {name.removeprefix("dataset-json/"): content for name, content in files.items()}


@pytest.fixture(scope="session")
def release(shared: Shared, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release")
    code = code_package(shared.result, shared.folder.protocol, data=analysis(shared))
    for sub, files in (("code", code), ("analysis", analysis(shared))):
        (folder / sub).mkdir()
        for name, content in files.items():
            (folder / sub / name).write_bytes(content)
    return folder


def run(release: Path, out: Path, data: Path | None = None, *options: str) -> subprocess.CompletedProcess[str]:
    words = [
        str(release / "code" / "analyse.py"),
        "--out",
        str(out),
        *(["--data", str(data)] if data else []),
        *options,
    ]
    clean = {"PATH": os.environ["PATH"], "HOME": str(out.parent), "MPLCONFIGDIR": str(out.parent / "mpl")}
    return subprocess.run(
        [sys.executable, "-I", "-c", ALONE, *words], capture_output=True, text=True, env=clean, timeout=200
    )


def test_another_group_gets_every_published_number(release: Path, tmp_path: Path) -> None:
    done = run(release, tmp_path / "out")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("AGREED: 11 tables")
    assert "Every one of the 7 data sets is the one that was shared" in done.stdout
    written = {one.name for one in (tmp_path / "out").iterdir()}
    assert {f"{name}.csv" for name in json.loads((release / "code/published.json").read_text())["tables"]} <= written
    assert {"response.svg", "survival_os.svg", "sensitivity.svg", "organ_doses.svg", "recomputed.html"} <= written
    page = (tmp_path / "out" / "recomputed.html").read_text(encoding="utf-8")
    assert "SIMULATED" in page
    assert "agrees to the printed digits" in page
    assert "SIMULATED" in (tmp_path / "out" / "response.svg").read_text(encoding="utf-8")


def test_what_was_published_is_what_the_results_hold(made: Made) -> None:
    tables = published_tables(made.result, made.folder.protocol)
    endpoint = made.result.endpoint
    primary = dict(tables["primary"]["rows"])
    assert primary["Successes"] == str(endpoint.successes)
    assert primary["Proportion"] == in_percent(endpoint.proportion.value)  # type: ignore[arg-type]
    assert primary["Lower limit"] in endpoint.sentence
    assert primary["Upper limit"] in endpoint.sentence
    assert len(tables["sensitivity"]["rows"]) == len(made.result.analysis.proportions)
    assert len(tables["response"]["rows"]) == sum(one.treated for one in made.result.participants)


def _altered(path: Path, change: Callable[[list[dict[str, Any]]], None]) -> None:
    tree = json.loads(path.read_text(encoding="utf-8"))
    names = [one["name"] for one in tree["columns"]]
    records = [dict(zip(names, row, strict=True)) for row in tree["rows"]]
    before = json.dumps(records)
    change(records)
    assert json.dumps(records) != before
    tree["rows"] = [[record[name] for name in names] for record in records]
    path.write_text(json.dumps(tree), encoding="utf-8")


def _response(records: list[dict[str, Any]]) -> None:
    one = next(r for r in records if r["PARAMCD"] == "DCPRIM" and r["AVALC"] == "Y")
    one["AVALC"] = "N"


def _bar(records: list[dict[str, Any]]) -> None:
    one = next(r for r in records if r["PARAMCD"] == "PCHGHOT" and r["AVAL"] is not None)
    one["AVAL"] = one["AVAL"] + 0.2


def _sensitivity(records: list[dict[str, Any]]) -> None:
    one = next(r for r in records if r["PARAMCD"] == "DCS05" and r["ANL01FL"] == "Y")
    one["ANL01FL"] = ""


def _time(records: list[dict[str, Any]]) -> None:
    one = next(r for r in records if r["PARAMCD"] == "OS")
    one["AVAL"] = one["AVAL"] * 1.01


def _grade(records: list[dict[str, Any]]) -> None:
    one = next(r for r in records if r["WORSTFL"] == "Y")
    one["ATOXGR"] = str((int(one["ATOXGR"]) + 1) % 5)


def _event(records: list[dict[str, Any]]) -> None:
    one = next(r for r in records if r["TRTEMFL"] == "Y")
    one["AETOXGRN"] = one["AETOXGRN"] + 1


def _dose(records: list[dict[str, Any]]) -> None:
    liver = [r for r in records if r["PARAMCD"] == "CUMDOSE" and r["REGION"] == "liver"]
    max(liver, key=lambda r: r["AVAL"])["AVAL"] *= 1.01


def _activity(records: list[dict[str, Any]]) -> None:
    given = [r for r in records if r["PARAMCD"] == "ADMACT"]
    max(given, key=lambda r: r["AVAL"])["AVAL"] += 1


@pytest.mark.parametrize(
    ("data_set", "change", "table"),
    [
        ("adrs", _response, "primary"),
        ("adrs", _bar, "response"),
        ("adrs", _sensitivity, "sensitivity"),
        ("adtte", _time, "survival"),
        ("adlb", _grade, "laboratory_shift"),
        ("adae", _event, "adverse"),
        ("addos", _dose, "organ_doses"),
        ("addos", _activity, "activities"),
    ],
)
def test_one_altered_cell_is_found(
    release: Path, tmp_path: Path, data_set: str, change: Callable[[list[dict[str, Any]]], None], table: str
) -> None:
    data = tmp_path / "analysis"
    shutil.copytree(release / "analysis", data)
    _altered(data / f"{data_set}.json", change)
    done = run(release, tmp_path / "out", data, "--tables-only")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "NOT AGREED" in done.stdout
    assert any(line.startswith(table) for line in done.stdout.splitlines()), done.stdout


def _uptake(records: list[dict[str, Any]]) -> None:
    one = next(r for r in records if r["PARAMCD"] == "LSBASE" and r["AVAL"] is not None)
    one["AVAL"] *= 1.3


def _limit(records: list[dict[str, Any]]) -> None:
    first = next(r for r in records if r["DOSLIM"] is not None)
    first["DOSLIM"] *= 1.3


def _number_beside_its_text(records: list[dict[str, Any]]) -> None:
    one = next(r for r in records if r["PARAMCD"] == "DCPRIM")
    one["AVAL"] = 1 - one["AVAL"]


@pytest.mark.parametrize(
    ("data_set", "change"), [("adtr", _uptake), ("addos", _limit), ("adrs", _number_beside_its_text)]
)
def test_an_altered_cell_that_no_table_prints_is_found_by_the_digest(
    release: Path, tmp_path: Path, data_set: str, change: Callable[[list[dict[str, Any]]], None]
) -> None:
    data = tmp_path / "analysis"
    shutil.copytree(release / "analysis", data)
    _altered(data / f"{data_set}.json", change)
    done = run(release, tmp_path / "out", data, "--tables-only")
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{data_set}.json is not the data set that was shared" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("NOT AGREED: 1 differences")


def test_every_published_table_says_on_which_cells_it_rests(release: Path) -> None:
    named = {one for line in RESTS_ON for one in line.split(", ")}
    assert named == set(json.loads((release / "code/published.json").read_text(encoding="utf-8"))["tables"])
    readme = (release / "code" / "README.md").read_text(encoding="utf-8")
    assert all(f"| {table} | {cells} |" in readme for table, cells in RESTS_ON.items())


def test_tables_as_csv_do_as_well_and_without_any_date(release: Path, tmp_path: Path) -> None:
    data = tmp_path / "analysis"
    data.mkdir()
    left_out = 0
    for path in (release / "analysis").glob("*.json"):
        one = read_dataset_json(path.read_bytes())
        kept = [variable.name for variable in one.variables if not variable.numeric_date]
        left_out += len(one.variables) - len(kept)
        with (data / f"{one.name.lower()}.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(kept)
            writer.writerows([record[name] for name in kept] for record in one.records())
    assert left_out > 20
    done = run(release, tmp_path / "out", data, "--tables-only")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Not compared with what was shared, for CSV has no digest: adae.csv" in done.stdout
    assert "is the one that was shared" not in done.stdout


def _missing(data: Path) -> None:
    (data / "adsl.json").unlink()


def _cut(data: Path) -> None:
    path = data / "adlb.json"
    path.write_bytes(path.read_bytes()[:5000])


def _fewer(data: Path) -> None:
    tree = json.loads((data / "adrs.json").read_text(encoding="utf-8"))
    tree["rows"] = tree["rows"][:-1]
    (data / "adrs.json").write_text(json.dumps(tree), encoding="utf-8")


def _withheld(data: Path) -> None:
    path = data / "addos.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"DOSLIM"', '"OTHER"'), encoding="utf-8")


def _words(data: Path) -> None:
    _altered(data / "adtte.json", lambda records: records[0].update(AVAL="long"))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_missing, "neither adsl.json nor adsl.csv"),
        (_cut, "adlb.json is no Dataset-JSON file"),
        (_fewer, "adrs.json says"),
        (_withheld, "ADDOS does not have DOSLIM"),
        (_words, "is no number: 'long'"),
    ],
)
def test_tables_that_cannot_be_read_are_refused_with_the_reason(
    release: Path, tmp_path: Path, damage: Callable[[Path], None], said: str
) -> None:
    data = tmp_path / "analysis"
    shutil.copytree(release / "analysis", data)
    damage(data)
    done = run(release, tmp_path / "out", data, "--tables-only")
    assert done.returncode == 2, done.stdout
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_the_same_result_gives_the_same_package(shared: Shared, release: Path) -> None:
    for name, content in code_package(shared.result, shared.folder.protocol, data=analysis(shared)).items():
        assert (release / "code" / name).read_bytes() == content
    assert {name: (release / "analysis" / name).read_bytes() for name in analysis(shared)} == analysis(shared)


def test_the_code_itself_says_nothing_of_a_single_participant(made: Made, shared: Shared, release: Path) -> None:
    ids = [re.escape(one.participant_id) for one in made.result.participants]
    codes = [re.escape(one.code) for one in shared.people.values()]
    names = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join([*ids, *codes])}|NM-\d+|RD-\d+)(?![A-Za-z0-9])")
    dates = re.compile(r"\b20\d\d-\d\d-\d\d\b")
    for path in (release / "code").glob("*.*"):
        if path.name != "requirements.txt":
            text = path.read_text(encoding="utf-8")
            assert not names.search(text), path.name
            assert not dates.search(text), path.name


def test_nobody_is_named_in_the_shared_analysis_tables_and_times_are_kept(
    made: Made, shared: Shared, release: Path
) -> None:
    ids = "|".join(re.escape(one.participant_id) for one in made.result.participants)
    names = re.compile(rf"(?<![A-Za-z0-9])(?:{ids}|NM-\d+|RD-\d+|site_\d+)(?![A-Za-z0-9])")
    own = {str(row["USUBJID"])[-3:]: row["TRTSDT"] for row in made.analysis["ADSL"].records()}
    for path in (release / "analysis").glob("*.json"):
        assert not names.search(path.read_text(encoding="utf-8")), path.name
    home = {code.code: one for one, code in shared.people.items()}
    for row in read_dataset_json((release / "analysis" / "adsl.json").read_bytes()).records():
        assert row["TRTSDT"] is None or row["TRTSDT"] != own[home[str(row["SUBJID"])]]
    for row in read_dataset_json((release / "analysis" / "adtte.json").read_bytes()).records():
        start, end = (datetime.fromisoformat(str(row[name])) for name in ("STARTDT", "ADT"))
        assert row["AVAL"] == pytest.approx((end - start).days / (365.25 / 12), abs=1e-12)


def test_who_withdrew_the_use_of_her_data_is_in_no_table_so_that_no_published_number_can_come_out(
    shared: Shared, release: Path, tmp_path: Path
) -> None:
    gone = next(one.participant_id for one in shared.result.participants if one.counted == "success")
    data = tmp_path / "analysis"
    data.mkdir()
    for name, content in analysis(shared, frozenset({gone})).items():
        (data / name).write_bytes(content)
        assert gone not in content.decode()
    assert run(release, tmp_path / "out", data, "--tables-only").returncode == 1


def test_the_scripts_use_nothing_but_the_locked_packages(release: Path) -> None:
    imported = set()
    for name in SCRIPTS:
        text = (release / "code" / f"{name}.py").read_text(encoding="utf-8")
        imported |= set(re.findall(r"^\s*(?:import|from) ([A-Za-z_]+)", text, re.MULTILINE))
        assert len(text.splitlines()) < 330, name
    assert imported - set(sys.stdlib_module_names) == {"matplotlib", "scipy", *SCRIPTS} - {"analyse"}
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    own = (release / "code" / "requirements.txt").read_text(encoding="utf-8")
    for line in own.splitlines():
        if not line.startswith("#"):
            assert line.removesuffix(" \\") in lock, line
    pinned = re.findall(r"^([a-z0-9-]+)==", own, re.MULTILINE)
    assert {"numpy", "scipy", "matplotlib", "pillow"} <= set(pinned)
    assert own.count("==") == len(pinned)
    assert own.count("--hash=sha256:") > 100


def test_the_environment_is_what_the_lock_says_today() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/code_requirements.py", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
