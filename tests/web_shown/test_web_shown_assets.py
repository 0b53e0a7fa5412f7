"""The files of others that are shipped to the browser, and the words of our own."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from pathlib import Path

from theratrial.web.studies.shown import WORDS

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "src/theratrial/web/static/theratrial"
VENDOR = STATIC / "vendor"
RECORD = json.loads((VENDOR / "vendor.json").read_text(encoding="utf-8"))


def test_every_vendored_file_is_the_one_recorded() -> None:
    stated = {name: value for asset in RECORD["assets"] for name, value in asset["sha256"].items()}
    present = {
        path.relative_to(VENDOR).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "vendor.json"
    }
    assert present == stated


def test_every_vendored_file_has_its_licence_beside_it() -> None:
    for asset in RECORD["assets"]:
        folder = (VENDOR / asset["file"]).parent
        assert len((folder / "LICENSE.txt").read_text(encoding="utf-8")) > 300
        inside = (folder / "LICENSES-INSIDE.txt").read_text(encoding="utf-8") if asset["inside"] else ""
        for one in asset["inside"]:
            assert f"{one['package']} {one['version']}: {one['licence']}" in inside


def test_the_third_party_notices_list_what_is_vendored() -> None:
    notices = (ROOT / "THIRD_PARTY.md").read_text(encoding="utf-8")
    for asset in RECORD["assets"]:
        assert f"| {asset['package']} | {asset['version']} | {asset['licence']} |" in notices
        for one in asset["inside"]:
            assert one["package"] in notices


def test_what_the_browser_needs_is_part_of_the_package() -> None:
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shipped = patterns["tool"]["setuptools"]["package-data"]["theratrial"]
    needed = {path.suffix for path in STATIC.rglob("*") if path.is_file()}
    assert {f"**/*{suffix}" for suffix in needed} <= set(shipped)


def test_no_vendored_script_evaluates_text_as_code() -> None:
    for path in VENDOR.rglob("niivue*.js"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\bnew Function\(|[^.\w]eval\(", text)


def test_our_viewers_load_nothing_from_outside_and_write_no_markup() -> None:
    for path in (STATIC / "viewer").glob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"https?://|innerHTML|insertAdjacentHTML|document\.write|\beval\b", text), path.name


def test_every_word_of_the_viewers_can_be_translated() -> None:
    used: set[str] = set()
    for path in (STATIC / "viewer").glob("*.js"):
        used |= set(re.findall(r'\bt\(\s*"((?:[^"\\]|\\.)*)"', path.read_text(encoding="utf-8")))
    assert len(used) > 30
    assert used <= set(WORDS)
    named_by_data = {"Transverse", "Coronal", "Sagittal", "Soft tissue", "Lung", "Bone", "Liver", "Half", "Maximum"}
    assert set(WORDS) - used <= named_by_data
