"""CDISC's CORE rules for SDTMIG 3.4 on the package of a small virtual trial, run by CDISC's own engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cohorts import shared_cohort, shared_run

from theratrial.exchange.datasets.dataset_json import read_dataset_json
from theratrial.exchange.sdtm.notes import KNOWN_FINDINGS
from theratrial.exchange.sdtm.remaining import remaining
from theratrial.pipeline.sdtm_package import folder_written, sdtm_package
from theratrial.trialfolder import read_folder

HERE = Path(__file__).resolve().parent
pytestmark = pytest.mark.timeout(1200)
"""CDISC's engine takes its time: a minute alone on two cores, many beside other tests."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("conformance") / "package"
    folder = read_folder(shared_cohort(tmp_path_factory, participants=2))
    result = shared_run(tmp_path_factory, participants=2).result
    folder_written(place, sdtm_package(folder, result, pdf=False).files)
    return place


def test_the_core_rules_of_sdtm_pass(written: Path, conformance: Callable[..., dict[str, Any]]) -> None:
    report = conformance("sdtm", written / "dataset-json", options=("--strict",))
    assert report["failures"] == []
    assert report["rules"]["errored"] == 0
    assert report["rules"]["passed"] > 280
    # The guide says how often each known finding should be met: counted apart from the engine, it must be right.
    seen = {(one["rule"], one["dataset"]): one["count"] for one in report["allowed"]}
    datasets = [read_dataset_json(file.read_bytes()) for file in (written / "dataset-json").glob("*.json")]
    assert {key: number for key, number in remaining(datasets).items() if number} == seen
    assert {"DM", "EX", "LB", "TR", "RS", "SS", "AE", "CO", "RELREC"} <= set(report["datasets"])


def test_the_rules_notice_what_is_broken(
    written: Path, tmp_path: Path, conformance: Callable[..., dict[str, Any]]
) -> None:
    """The silence above counts only if the same rules speak: a woman becomes SEX = W, a dose loses its unit."""
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in (written / "dataset-json").iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    for name, column, value in (("dm", "SEX", "W"), ("ex", "EXDOSU", "")):
        tree = json.loads((broken / f"{name}.json").read_text(encoding="utf-8"))
        at = [one["name"] for one in tree["columns"]].index(column)
        tree["rows"][0][at] = value
        (broken / f"{name}.json").write_text(json.dumps(tree), encoding="utf-8")
    report = conformance("sdtm", broken, accept_failures=True, options=("--rules", "CORE-000093"))
    assert {(one["rule"], one["dataset"]) for one in report["failures"]} >= {("CT-VALUE", "DM"), ("CORE-000093", "EX")}


@pytest.mark.parametrize("form", ["dataset-json", "xpt"])
def test_define_xml_of_either_format_conforms(
    form: str, written: Path, conformance: Callable[..., dict[str, Any]]
) -> None:
    report = conformance("define", written / form / "define.xml")
    assert report["failures"] == []
    assert report["define"] == "2.1"


def test_the_guide_tells_of_every_finding_that_is_allowed() -> None:
    allowed = json.loads((HERE / "allow.json").read_text(encoding="utf-8"))["allow"]
    listed = {(one["rule"], one.get("dataset")) for one in allowed if one.get("check") == "sdtm"}
    assert listed == {(one.rule, one.dataset) for one in KNOWN_FINDINGS}
