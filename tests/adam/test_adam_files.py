"""The files of the package, read by others: pyreadstat, CDISC's Define-XML schema, the conformance tool."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from adam_example import Made
from typer.testing import CliRunner

from theratrial.exchange.datasets.dataset_json import read_dataset_json
from theratrial.pipeline.adam_package import AdamPackage, adam_package

ROOT = Path(__file__).resolve().parents[2]
TOOL = Path(os.environ.get("CONFORMANCE_DIR") or ROOT.parent / "shared" / "tools" / "conformance")
VENV = Path(os.environ.get("CONFORMANCE_VENV") or ROOT / ".cache" / "conformance")
NAMES = ("adsl", "adrs", "adtr", "adlb", "adae", "adtte", "addos")


@pytest.fixture(scope="session")
def package(made: Made) -> AdamPackage:
    return adam_package(made.folder, made.result)


@pytest.fixture(scope="session")
def written(package: AdamPackage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("package")
    for name, content in package.files.items():
        place = out / name
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(content)
    return out


def test_each_format_is_complete_in_a_folder_of_its_own(package: AdamPackage) -> None:
    expected = {f"dataset-json/{name}.json" for name in NAMES} | {f"xpt/{name}.xpt" for name in NAMES}
    expected |= {f"{form}/{page}" for form in ("dataset-json", "xpt") for page in ("define.xml", "define.html")}
    assert set(package.files) == expected


def test_the_same_trial_gives_the_same_bytes(made: Made, package: AdamPackage) -> None:
    again = adam_package(made.folder, made.result)
    assert again.files == package.files


@pytest.mark.parametrize("name", NAMES)
def test_pyreadstat_reads_from_the_transport_file_what_dataset_json_holds(written: Path, name: str) -> None:
    import pyreadstat

    columns, meta = pyreadstat.read_xport(str(written / "xpt" / f"{name}.xpt"), output_format="dict")
    other = read_dataset_json((written / "dataset-json" / f"{name}.json").read_bytes())
    assert list(columns) == [one.name for one in other.variables]
    assert meta.column_labels == [one.label for one in other.variables]
    for one in other.variables:
        for theirs, ours in zip(columns[one.name], other.values(one.name), strict=True):
            assert _plain(theirs) == _expected(ours), f"{name}.{one.name}"
    dates = [one.name for one in other.variables if one.numeric_date and one.data_type == "date"]
    assert all(meta.original_variable_types[one].startswith("DATE9") for one in dates)
    assert dates


def _plain(value: Any) -> Any:
    if value is None or value == "" or value != value:
        return None
    if hasattr(value, "isoformat"):  # pyreadstat turns DATE9 into dates and DATETIME into datetimes
        return value.isoformat()
    return value


def _expected(value: Any) -> Any:
    return float(value) if isinstance(value, int) else value


def test_dates_are_numbers_in_the_transport_file_and_text_in_dataset_json(written: Path) -> None:
    import pyreadstat

    raw, _ = pyreadstat.read_xport(
        str(written / "xpt" / "adsl.xpt"), output_format="dict", disable_datetime_conversion=True
    )
    tree = json.loads((written / "dataset-json" / "adsl.json").read_text(encoding="utf-8"))
    at = [one["name"] for one in tree["columns"]].index("TRTSDT")
    column = tree["columns"][at]
    assert (column["dataType"], column["targetDataType"], column["displayFormat"]) == ("date", "integer", "DATE9.")
    for number, row in zip(raw["TRTSDT"], tree["rows"], strict=True):
        if row[at]:
            assert date(1960, 1, 1) + timedelta(days=int(number)) == date.fromisoformat(row[at])


@pytest.mark.parametrize("form", ["dataset-json", "xpt"])
def test_define_is_valid_by_cdiscs_schema_and_names_every_file(written: Path, form: str) -> None:
    import odmlib
    from lxml import etree

    found = sorted(Path(odmlib.__file__).parent.rglob("define2-1-0.xsd"))
    assert found, "odmlib ships the schema of Define-XML 2.1"
    schema = etree.XMLSchema(etree.parse(str(found[0])))
    tree = etree.parse(str(written / form / "define.xml"))
    schema.assertValid(tree)
    space = {"o": "http://www.cdisc.org/ns/odm/v1.3", "d": "http://www.cdisc.org/ns/def/v2.1"}
    files = tree.xpath("//o:ItemGroupDef/d:leaf/@x:href", namespaces=space | {"x": "http://www.w3.org/1999/xlink"})
    assert sorted(files) == sorted(path.name for path in (written / form).glob("ad*.*"))
    assert set(tree.xpath("//o:ItemGroupDef/@Purpose", namespaces=space)) == {"Analysis"}
    start = tree.xpath("//o:ItemDef[@OID='IT.ADSL.TRTSDT']", namespaces=space)[0]
    assert start.get("DataType") == "integer"
    methods = tree.xpath("//o:MethodDef/o:Description/o:TranslatedText/text()", namespaces=space)
    assert len(methods) > 30
    assert all(len(text) > 20 for text in methods)


@pytest.mark.parametrize("kind", ["define", "dataset-json"])
def test_the_conformance_tool_finds_nothing(written: Path, kind: str) -> None:
    if not (TOOL / "check.py").is_file() or not (VENV / "bin" / "python").exists():
        pytest.skip(f"no conformance tool in {TOOL} or no environment in {VENV}: it was NOT run")
    folder = written / "dataset-json"
    paths = [folder / "define.xml"] if kind == "define" else sorted(folder.glob("*.json"))
    call = [sys.executable, str(TOOL / "check.py"), kind, *map(str, paths)]
    done = subprocess.run(
        call, capture_output=True, text=True, env=os.environ | {"CONFORMANCE_VENV": str(VENV)}, timeout=280
    )
    if done.returncode == 2:
        pytest.skip(f"the conformance tool was NOT run: {done.stderr.strip()[-300:]}")
    assert done.returncode == 0, done.stdout[:4000]


def test_the_command_refuses_what_it_does_not_know_and_writes_nothing(tmp_path: Path) -> None:
    from theratrial.cli.export import app

    done = CliRunner().invoke(app, ["adam", str(tmp_path / "none"), str(tmp_path / "out"), "--format", "sas"])
    assert done.exit_code != 0
    assert "sas" in str(done.exception)
    assert not (tmp_path / "out").exists()
