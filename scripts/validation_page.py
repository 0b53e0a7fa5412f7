"""Write docs/validation.md from what the tests compared (build/validation/*.jsonl, made by the fixture `validation`).

``validation_page.py``          run the comparing tests, slow ones too, and write the page
``validation_page.py --check``  run them and fail if they say anything else than the page in the checkout
``validation_page.py --no-run`` only write the page from the last run
"""

from __future__ import annotations

import ast
import json
import math
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECORDS = ROOT / "build" / "validation"
PAGE = ROOT / "docs" / "validation.md"
TABLE = "| value | expected | got | difference | tolerance | source | test |"
NOT_MATCHED = "**not matched**"
_NUMBER = re.compile(r"(\d+(?:\.\d+)?)")
_TITLES = {
    "gear uncertainty": "Uncertainty by the EANM guidance",
    "organ s values": "Organ S values",
    "planar simulated": "Planar views of virtual patients",
    "routes against truth": "Whole trials against the truth",
    "stated against drawn": "Stated uncertainty against drawn errors",
    "trial peers": "Response and statistics beside others",
    "two point schedule": "Scans at 24 h and 48 h",
    "voxel real kernel": "Voxel doses by the shipped kernel",
}

HEAD = """# Validation

Every row compares a number of theratrial with one that theratrial did not make: a published value, another program, an
independent derivation, or the known truth of a simulation. `make validation` runs the tests named in the last column
and writes the page. A comparison outside its tolerance fails its test; a quick test holds that every comparing test has
its rows here and that every row is inside its tolerance. A full-size cohort against its truth, organ by organ:
[validation_cohort](validation_cohort.md). How fast it is: [benchmarks](benchmarks.md).

Rows marked **not matched** have a wide tolerance on purpose: the two numbers are known to differ, and the reason stands
below, and again under their table. Numbers that come from a Monte Carlo, ours or the other one, differ by its noise.
Where a row is about the share of truths inside a stated 95 % interval and got 1, the intervals of that comparison are
wider than they need be, which is not the same as right.
"""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One row of the page."""

    test: str
    what: str
    unit: str
    expected: float
    got: float
    tolerance: str
    source: str
    not_matched_because: str
    at: int = 0
    """When it was made [ns], for which of two counts."""

    @property
    def module(self) -> str:
        return self.test.split("::")[0]

    @property
    def function(self) -> str:
        """The test without its parameters, which `what` tells in words."""
        return self.test.split("::", 1)[1].split("[")[0]


def comparing_tests(root: Path = ROOT) -> dict[str, set[str]]:
    """Test file -> names of its test functions that use the fixture `validation`."""
    found: dict[str, set[str]] = {}
    for path in sorted((root / "tests").rglob("test_*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        names = {
            node.name
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef)
            and node.name.startswith("test_")
            and any(isinstance(part, ast.Name) and part.id == "validation" for part in ast.walk(node))
        }
        if names:
            found[path.relative_to(root).as_posix()] = names
    return found


def comparisons(records: Path = RECORDS) -> list[Comparison]:
    """What the last run compared, in the order of the page; a comparison made twice stands once."""
    found: dict[tuple[str, str], Comparison] = {}
    for file in sorted(records.glob("*.jsonl")):
        for line in file.read_text("utf-8").splitlines():
            row = Comparison(**json.loads(line))
            earlier = found.get((row.test, row.what))
            # Each process of a parallel run writes its own file: the latest comparison counts.
            if earlier is None or row.at >= earlier.at:
                found[row.test, row.what] = row
    return sorted(found.values(), key=lambda row: (row.module, row.function, _natural(row.what), row.test))


def _natural(text: str) -> list[tuple[float, str]]:
    """Sorts 4.31 g before 14.6 g."""
    return [(float(part), "") if at % 2 else (0.0, part) for at, part in enumerate(_NUMBER.split(text))]


def rounded(value: float, digits: int) -> str:
    return f"{value:.{digits}g}"


def got_text(row: Comparison) -> str:
    """The number got, with as many digits as the comparison is about: last bits of machines and threads are not."""
    tolerance = float(row.tolerance.split()[0])
    allowed = abs(row.expected) * tolerance / 100 if row.tolerance.endswith(" %") else tolerance
    size = max(abs(row.got), abs(row.expected))
    if not allowed or not size:
        return rounded(row.got, 5)
    return rounded(row.got, min(6, max(3, 2 + math.ceil(math.log10(size / allowed)))))


def difference(row: Comparison) -> str:
    """In percent of what was expected; in the row's own unit where that is zero or a percentage itself."""
    if row.expected and row.unit != "%":
        percent = (row.got / row.expected - 1) * 100
        return f"{percent:+.2g} %" if abs(percent) > 1e-6 else "0"
    apart = row.got - row.expected
    return f"{apart:+.2g} {row.unit}".rstrip() if abs(apart) > 1e-12 else "0"


def title_of(module: str) -> str:
    words = Path(module).stem.removeprefix("test_").replace("_", " ")
    return _TITLES.get(words, f"{words[0].upper()}{words[1:]}")


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def table_lines(rows: Sequence[Comparison]) -> Iterator[str]:
    yield TABLE
    yield "|---|---|---|---|---|---|---|"
    for row in rows:
        mark = f" {NOT_MATCHED}" if row.not_matched_because else ""
        unit = "" if row.unit in ("", "1") else f" [{row.unit}]"
        yield (
            f"| {cell(row.what)}{unit} | {rounded(row.expected, 6)} | {got_text(row)} | {difference(row)}{mark} "
            f"| {row.tolerance.removesuffix(' 1')} | {cell(row.source)} | `{row.function}` |"
        )


def reasons(rows: Sequence[Comparison]) -> Iterator[str]:
    """A line for each reason, with what it is the reason of."""
    by_reason: dict[str, list[str]] = {}
    for row in rows:
        if row.not_matched_because:
            by_reason.setdefault(row.not_matched_because, []).append(row.what)
    for because, whats in by_reason.items():
        shown = "; ".join(dict.fromkeys(whats)) if len(whats) <= 3 else f"{whats[0]} and {len(whats) - 1} more"
        yield f"- {shown}: {because}"


def page(rows: Sequence[Comparison]) -> str:
    groups = [(module, list(of)) for module, of in groupby(rows, key=lambda row: row.module)]
    apart = sum(bool(row.not_matched_because) for row in rows)
    lines = [HEAD, f"{len(rows)} comparisons, {apart} of them not matched.\n"]
    lines += ["| about | comparisons | not matched | test |", "|---|---|---|---|"]
    for module, of in groups:
        title = title_of(module)
        anchor = title.lower().replace(" ", "-")
        count = Counter(bool(row.not_matched_because) for row in of)
        lines.append(f"| [{title}](#{anchor}) | {len(of)} | {count[True] or ''} | `{module}` |")
    lines += ["\n## What is not matched, and why\n", *reasons(rows)]
    for module, of in groups:
        lines += [f"\n## {title_of(module)}\n", *table_lines(of)]
        lines += ["", *reasons(of)] if any(row.not_matched_because for row in of) else []
    return "\n".join(lines).rstrip() + "\n"


def page_rows(text: str) -> list[tuple[str, ...]]:
    """The cells of all comparisons of a page."""
    rows, inside = [], False
    for line in text.splitlines():
        inside = line == TABLE or (inside and line.startswith("|"))
        if inside and line != TABLE and not line.startswith("|---"):
            rows.append(tuple(part.strip() for part in line.replace("\\|", "\0").strip("|").split(" | ")))
    return rows


def told_apart(old: Sequence[tuple[str, ...]], new: Sequence[tuple[str, ...]]) -> list[str]:
    """What two pages say differently; the last digit of what was got is no difference."""
    named = {(row[0], row[-1]): row for row in old}
    found = [f"no longer compared: {row[0]}" for key, row in named.items() if key not in {(r[0], r[-1]) for r in new}]
    for row in new:
        before = named.get((row[0], row[-1]))
        if before is None:
            found.append(f"not on the page: {row[0]}")
        elif (before[1], *before[4:]) != (row[1], *row[4:]) and not _near(before[1], row[1], 2e-3):
            found.append(f"other expectation, tolerance or source: {row[0]}")
        elif not _near(before[2], row[2], 1e-2):
            found.append(f"{row[0]}: the page says {before[2]}, the test {row[2]}")
    return found


def _near(one: str, other: str, relative: float) -> bool:
    return math.isclose(float(one), float(other), rel_tol=relative, abs_tol=1e-12)


def main() -> int:
    if "--no-run" not in sys.argv:
        shutil.rmtree(RECORDS, ignore_errors=True)
        command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", "--timeout", "900", *comparing_tests()]
        code = subprocess.call(command, cwd=ROOT)
        if code:
            return code
    rows = comparisons()
    if lacking := sorted(set(comparing_tests()) - {row.module for row in rows}):
        print(
            f"no comparison was recorded by {', '.join(lacking)} (skipped?); the page would lose them", file=sys.stderr
        )
        return 1
    text = page(rows)
    if "--check" in sys.argv:
        found = told_apart(page_rows(PAGE.read_text("utf-8")), page_rows(text))
        for line in found:
            print(line)
        if found:
            print("docs/validation.md is not what the tests say: make validation")
        return 1 if found else 0
    PAGE.write_text(text, encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {len(rows)} comparisons")
    return 0


if __name__ == "__main__":
    sys.exit(main())
