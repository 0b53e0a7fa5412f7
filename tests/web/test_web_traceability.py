"""The traceability page is generated, complete, and names what is open."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def traceability() -> ModuleType:
    spec = importlib.util.spec_from_file_location("traceability_script", ROOT / "scripts" / "traceability.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_V1_every_requirement_has_a_test_or_is_named_as_open(traceability: ModuleType) -> None:
    proved = {one.requirement for one in traceability.tests()}
    wanted = {one["id"] for one in traceability.requirements()}
    assert wanted - proved == set(traceability.NOT_PROVED)


def test_V1_no_test_claims_a_requirement_that_does_not_exist(traceability: ModuleType) -> None:
    assert {one.requirement for one in traceability.tests()} <= {one["id"] for one in traceability.requirements()}


def test_V1_the_page_lists_the_tests_there_are(traceability: ModuleType) -> None:
    def without_results(text: str) -> str:
        return re.sub(r"\| (passed|failed|skipped|not run) \|$", "|", text, flags=re.MULTILINE)

    page = (ROOT / "docs" / "validation" / "traceability.md").read_text(encoding="utf-8")
    assert without_results(page) == without_results(traceability.page({})), "run make traceability"
    assert " failed |" not in page
