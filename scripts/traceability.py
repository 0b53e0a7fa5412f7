"""Requirement -> test -> result (`make traceability`): writes docs/validation/traceability.md.

A test proves a requirement of docs/validation/requirements.csv when its name begins with the id:
``test_A3_queryset_update_is_audited``. Results are those of the last run with ``--junitxml build/traceability.xml``
(``--run`` makes one); without them the page says that none is known.
"""

from __future__ import annotations

import argparse
import ast
import csv
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "docs" / "validation" / "requirements.csv"
PAGE = ROOT / "docs" / "validation" / "traceability.md"
RESULTS = ROOT / "build" / "traceability.xml"
NAMED = re.compile(r"test_([A-Z]\d{1,2})_(.+)")

NOT_PROVED: dict[str, str] = {}
"""Requirements left open on purpose, and why; `tests/web/test_web_traceability.py` demands a test of all others."""


@dataclass(frozen=True, slots=True)
class Test:
    """A test that names a requirement."""

    requirement: str
    file: str
    name: str

    @property
    def said(self) -> str:
        """Its name as a sentence."""
        match = NAMED.fullmatch(self.name)
        return match[2].replace("_", " ") if match else self.name


def tests() -> list[Test]:
    """Every test below tests/ whose name begins with a requirement's id."""
    return sorted(_tests(), key=lambda one: (one.requirement, one.file, one.name))


def _tests() -> Iterator[Test]:
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and (match := NAMED.fullmatch(node.name)):
                yield Test(match[1], str(file.relative_to(ROOT)), node.name)


def requirements() -> list[dict[str, str]]:
    """The requirements in their order."""
    with REQUIREMENTS.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def results() -> dict[str, str]:
    """Name of a test -> passed, failed or skipped, of the last recorded run; parametrised cases are joined."""
    if not RESULTS.is_file():
        return {}
    found: dict[str, str] = {}
    for case in ElementTree.parse(RESULTS).iter("testcase"):
        name = (case.get("name") or "").split("[")[0]
        bad = case.find("failure") is not None or case.find("error") is not None
        state = "failed" if bad else "skipped" if case.find("skipped") is not None else "passed"
        worst = ("failed", "skipped", "passed")
        found[name] = min(found.get(name, "passed"), state, key=worst.index)
    return found


def page(states: dict[str, str]) -> str:
    """The page."""
    by_requirement: dict[str, list[Test]] = {}
    for test in tests():
        by_requirement.setdefault(test.requirement, []).append(test)
    lines = [
        "# Traceability: requirement, test, result",
        "",
        "Made by `scripts/traceability.py` from `requirements.csv` beside it and the names of the tests; do not edit.",
        "The requirements are our wording of the sources named; consult those before relying on it.",
        "",
    ]
    open_ones = [one["id"] for one in requirements() if one["id"] not in by_requirement]
    lines += [f"**Open: {', '.join(open_ones) or 'none'}.**", ""]
    group = ""
    for one in requirements():
        if one["group"] != group:
            group = one["group"]
            lines += [""] if lines[-1].startswith("|") else []
            lines += [f"## {group}", "", "| id | requirement | source | test | result |", "|---|---|---|---|---|"]
        proofs = by_requirement.get(one["id"], [])
        if not proofs:
            why = NOT_PROVED.get(one["id"], "no test yet")
            lines.append(f"| {one['id']} | {one['requirement']} | {one['source']} | **open**: {why} | |")
        for number, proof in enumerate(proofs):
            cells = [one["id"], one["requirement"], one["source"]] if number == 0 else ["", "", ""]
            cells += [f"{proof.said} (`{proof.file}`)", states.get(proof.name, "not run")]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines).rstrip() + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", action="store_true", help="run the tests that name requirements first")
    options = parser.parse_args()
    if options.run:
        RESULTS.parent.mkdir(exist_ok=True)
        files = sorted({test.file for test in tests()})
        names = " or ".join(sorted({f"test_{test.requirement}_" for test in tests()}))
        command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", f"--junitxml={RESULTS}", "-k", names, *files]
        subprocess.run(command, cwd=ROOT, check=False)
    PAGE.write_text(page(results()), encoding="utf-8", newline="\n")
    print(
        f"traceability: {len(requirements())} requirements, {len(tests())} tests, written to {PAGE.relative_to(ROOT)}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
