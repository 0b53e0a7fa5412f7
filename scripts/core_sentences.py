"""The core's sentences as templates, read from its code: which lack a Persian one (`make translations`).

A template is a text of the code with its values as {1}, {2} ...; an alternative within it (`day{'' if one else 's'}`)
makes two. Only texts with a word count: identifiers, patterns, units and the words of documentation are no sentences.
"""

from __future__ import annotations

import ast
import csv
import itertools
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "src" / "theratrial"
TABLE = CORE / "web" / "sentences" / "fa.csv"
REQUIRED = (
    "gates",
    "eligibility",
    "schedule",
    "safety/adverse/clock.py",
    "safety/adverse/consistency.py",
    "safety/adverse/expedited.py",
    "safety/adverse/lookup.py",
    "safety/adverse/pregnancy.py",
    "safety/criteria.py",
    "safety/grades.py",
    "safety/intervals.py",
    "safety/pregnancy.py",
    "safety/results.py",
    "safety/sample_tables.py",
    "safety/samples.py",
    "safety/term_arrays.py",
    "safety/term_grades.py",
    "safety/terms.py",
    "safety/version_impact.py",
    "response/category.py",
    "response/lesions.py",
    "response/sphere.py",
    "response/uptake.py",
    "forms",
    "registry/calendars.py",
    "registry/codes.py",
    "registry/dates.py",
    "registry/reader.py",
    "registry/record.py",
    "trialfolder/cells.py",
    "trialfolder/checks.py",
    "trialfolder/laboratory.py",
    "trialfolder/moments.py",
    "statistics/wording.py",
    "dosimetry/curve.py",
    "dosimetry/fit_determinacy.py",
    "imaging/series_checks.py",
    "pipeline/activity_ledger.py",
    "pipeline/adverse_events.py",
    "pipeline/cohort.py",
    "pipeline/contradictions.py",
    "pipeline/deviations.py",
    "pipeline/matching.py",
    "pipeline/participant.py",
    "pipeline/participant_response.py",
    "pipeline/serious_events.py",
    "web/studies/arrival_checks.py",
    "web/studies/belonging.py",
    "web/studies/judging.py",
)
"""Rooms and modules of which every sentence has its Persian; what the studies say is stored in English too."""
_WORD = re.compile(r"[A-Za-z]{2,}")
_UNITS = {"Gy", "MBq", "mL", "mm", "dL", "keV", "g", "L"}
_NO_SENTENCE = re.compile(r"[\\`|#]|^value:|^given:|^[A-Z][A-Z ]+$|^(?:[a-z]+/)?[a-z_]+\.(?:csv|yaml)")


def sentences(path: Path) -> Iterator[str]:
    """Templates of one module, in its order."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    passed_over: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            passed_over.add(id(node.value))
        if isinstance(node, ast.JoinedStr):
            passed_over |= {id(part) for part in node.values}
            # A format specification is a joined string of its own.
            passed_over |= {id(p.format_spec) for p in node.values if isinstance(p, ast.FormattedValue)}
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("Column", "re.compile", "strftime")):
            passed_over |= {id(inside) for inside in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) not in passed_over and isinstance(node, ast.Constant | ast.JoinedStr):
            yield from (one for one in _templates(node) if is_sentence(one))


def _templates(node: ast.Constant | ast.JoinedStr) -> Iterator[str]:
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node.value.replace("{", "{{").replace("}", "}}") if "{" in node.value else node.value
        return
    choices = [_choices(part) for part in node.values]
    for chosen in itertools.product(*choices):
        number = itertools.count(1)
        yield "".join(f"{{{next(number)}}}" if one is None else one for one in chosen)


def _choices(part: ast.expr) -> list[str | None]:
    """Texts that a part of a joined string may be; None is a value."""
    if isinstance(part, ast.Constant):
        return [str(part.value)]
    value = part.value if isinstance(part, ast.FormattedValue) else part
    if isinstance(value, ast.IfExp):
        both = (value.body, value.orelse)
        if all(isinstance(one, ast.Constant) and isinstance(one.value, str) for one in both):
            return [str(one.value) for one in both if isinstance(one, ast.Constant)]
    return [None]


def is_sentence(text: str) -> bool:
    """Whether a text of the code is one that people read."""
    words = [word for word in _WORD.findall(re.sub(r"\{\d+\}", "", text)) if word not in _UNITS]
    return bool(words) and (" " in text.strip()) and not _NO_SENTENCE.search(text)


def modules(room: str) -> list[Path]:
    """Python files of a room, or the one named."""
    found = CORE / room
    return [found] if found.suffix == ".py" else sorted(found.rglob("*.py"))


def required_sentences() -> dict[str, str]:
    """Template -> the module it was first seen in."""
    found: dict[str, str] = {}
    for room in REQUIRED:
        for path in modules(room):
            for one in sentences(path):
                found.setdefault(one, str(path.relative_to(CORE)))
    return found


def translated() -> dict[str, str]:
    """English template -> Persian, as the table has it."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {row["english"]: row["persian"] for row in csv.DictReader(file)}


def main() -> int:
    known = translated() if TABLE.exists() else {}
    required = required_sentences()
    lacking = {one: place for one, place in required.items() if not known.get(one)}
    others = {
        one
        for path in sorted(CORE.rglob("*.py"))
        if path.relative_to(CORE).parts[0] not in ("web", "cli", "report", "simulation")
        for one in sentences(path)
    } - set(required)
    print(f"core sentences: {len(required)} required, {len(lacking)} of them without Persian; ", end="")
    print(f"{len(others)} elsewhere, {sum(1 for one in others if not known.get(one))} without")
    for one, place in lacking.items():
        print(f"  {place}: {one!r}")
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
