"""Write docs/validation.md from what the tests compared (build/validation/*.jsonl, made by the fixture `validation`).

``validation_page.py``          run the comparing tests and write the page
``validation_page.py --check``  do the same and fail if the page in the checkout says anything else
``validation_page.py --no-run`` only write the page from the last test run
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECORDS = ROOT / "build" / "validation"
PAGE = ROOT / "docs" / "validation.md"

HEAD = """# Validation

Every row compares a number of theratrial with one that theratrial did not make: a published value, another program,
an independent derivation. The page is written by `scripts/validation_page.py` from the tests named in the last column;
a comparison outside its tolerance fails the tests. Rows marked **not matched** have a wide tolerance on
purpose,
and the reason stands below their table.
"""


def rows() -> list[dict[str, object]]:
    found = [json.loads(line) for file in sorted(RECORDS.glob("*.jsonl")) for line in file.read_text().splitlines()]
    unique = {(row["test"], row["what"]): row for row in found}
    return [unique[key] for key in sorted(unique)]


def number(value: object) -> str:
    return f"{float(value):.5g}"  # type: ignore[arg-type]


def page(records: list[dict[str, object]]) -> str:
    lines = [HEAD, f"{len(records)} comparisons.\n"]
    for module, group in groupby(records, key=lambda row: str(row["test"]).split("::")[0]):
        title = Path(module).stem.removeprefix("test_").replace("_", " ")
        lines += [f"\n## {title[0].upper()}{title[1:]}\n"]
        lines += [
            "| value | expected | got | difference | tolerance | source | test |",
            "|---|---|---|---|---|---|---|",
        ]
        remarks = []
        for row in group:
            expected, got = float(row["expected"]), float(row["got"])  # type: ignore[arg-type]
            difference = f"{(got / expected - 1) * 100:+.2g} %" if expected else f"{got - expected:+.2g}"
            mark = " **not matched**" if row["not_matched_because"] else ""
            if row["not_matched_because"]:
                remarks.append(f"- {row['what']}: {row['not_matched_because']}")
            test = str(row["test"]).split("::", 1)[1]
            lines.append(
                f"| {row['what']} [{row['unit']}] | {number(expected)} | {number(got)} | {difference}{mark} "
                f"| {row['tolerance']} | {row['source']} | `{test}` |"
            )
        lines += ["", *dict.fromkeys(remarks)] if remarks else []
    return "\n".join(lines).rstrip() + "\n"


def main() -> int:
    if "--no-run" not in sys.argv:
        shutil.rmtree(RECORDS, ignore_errors=True)
        files = sorted(
            str(path) for path in (ROOT / "tests").rglob("test_*.py") if "validation(" in path.read_text("utf-8")
        )
        code = subprocess.call([sys.executable, "-m", "pytest", "-q", "-n", "auto", *files], cwd=ROOT)
        if code:
            return code
    text = page(rows())
    if "--check" in sys.argv:
        if PAGE.read_text("utf-8") != text:
            print("docs/validation.md is not what the tests say: run scripts/validation_page.py")
            return 1
        return 0
    PAGE.write_text(text, encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {len(rows())} comparisons")
    return 0


if __name__ == "__main__":
    sys.exit(main())
