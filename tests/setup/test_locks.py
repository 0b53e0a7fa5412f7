"""The lock files pin everything, for everybody, and the notices follow them."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
RUN = (ROOT / "requirements.lock").read_text(encoding="utf-8")
DEV = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def pins(lock: str) -> dict[str, list[str]]:
    """Versions of each package in a lock file; more than one where Pythons differ."""
    found: dict[str, list[str]] = {}
    for line in re.findall(r"^[a-z0-9][^\\\n]*", lock, flags=re.MULTILINE):
        requirement = Requirement(line.strip())
        (specifier,) = requirement.specifier
        assert specifier.operator == "=="
        found.setdefault(canonicalize_name(requirement.name), []).append(specifier.version)
    return found


@pytest.mark.parametrize("lock", [RUN, DEV], ids=["run", "dev"])
def test_a_lock_names_no_index_no_path_and_no_file_of_the_machine_that_wrote_it(lock: str) -> None:
    options = [line for line in lock.splitlines() if line.startswith("-")]
    assert options == []
    assert not re.search(r"(https?|file)://| @ |/home/|/tmp/", lock)


@pytest.mark.parametrize("lock", [RUN, DEV], ids=["run", "dev"])
def test_every_pin_has_a_hash(lock: str) -> None:
    blocks = re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)[1:]
    assert len(blocks) > 30
    without = [block.splitlines()[0] for block in blocks if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", block)]
    assert without == []


def test_every_declared_dependency_is_locked_within_its_range() -> None:
    run, dev = pins(RUN), pins(DEV)
    declared = PROJECT["project"]["dependencies"] + PROJECT["project"]["optional-dependencies"]["pdf"]
    declared += PROJECT["build-system"]["requires"]
    for locked, wanted in ((run, declared), (dev, declared + PROJECT["dependency-groups"]["dev"])):
        for requirement in map(Requirement, wanted):
            versions = locked.get(canonicalize_name(requirement.name), [])
            assert versions, f"{requirement} is not locked; make lock"
            for version in versions:
                assert requirement.specifier.contains(version), f"{requirement} is locked as {version}; make lock"


def test_a_developer_runs_the_very_versions_that_a_user_runs() -> None:
    run, dev = pins(RUN), pins(DEV)
    assert {name: dev.get(name) for name in run} == run


def test_the_third_party_notices_list_what_is_locked() -> None:
    notices = (ROOT / "THIRD_PARTY.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| ([a-z0-9.-]+) \| ([^ |]+) \| [^|]+ \|$", notices, flags=re.MULTILINE))
    vendor = ROOT / "src" / "theratrial" / "web" / "static" / "theratrial" / "vendor" / "vendor.json"
    assets = json.loads(vendor.read_text(encoding="utf-8"))["assets"]
    of_the_browser = {(one["package"], one["version"]) for one in assets if not one["package"].startswith("@")}
    locked = {(name, version) for name, versions in pins(RUN).items() for version in versions}
    assert len(of_the_browser) >= 2
    assert listed - {("package", "version")} == locked | of_the_browser


def test_the_licence_is_the_one_that_the_project_declares() -> None:
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert PROJECT["project"]["license"] == "Apache-2.0"
    assert "Apache License" in licence
    assert "Version 2.0, January 2004" in licence
