"""Recompute the published tables and figures from the shared analysis tables, and compare them with what was published.

    python analyse.py [--data FOLDER] [--out FOLDER] [--tables-only]

Exit status: 0 every data set is the one that was shared and all published tables agree to the printed digits;
1 something differs or could not be recomputed; 2 the shared tables cannot be read.
"""

# mypy: disable-error-code=import-not-found
# ruff: noqa: T201, E402
import argparse
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))  # so that the files beside this one are found with `python -I` too

import compare
import page
import shared_data
import tables


def main(words: list[str] | None = None) -> int:
    """Read, recompute, write, compare; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=HERE.parent / "analysis", help="folder of the shared tables")
    parser.add_argument("--out", type=Path, default=HERE / "recomputed", help="folder for what is recomputed")
    parser.add_argument("--tables-only", action="store_true", help="draw no figures")
    asked = parser.parse_args(words)
    plan = json.loads((HERE / "plan.json").read_text(encoding="utf-8"))
    kept = json.loads((HERE / "published.json").read_text(encoding="utf-8"))
    published = kept["tables"]
    try:
        data = shared_data.read(asked.data, plan["data_sets"])
    except shared_data.Unreadable as error:
        print(f"The shared tables cannot be read: {error}", file=sys.stderr)
        return 2
    made, failures = tables.every_table(data, plan)
    asked.out.mkdir(parents=True, exist_ok=True)
    for name, table in made.items():
        shared_data.write_csv(asked.out / f"{name}.csv", table["columns"], table["rows"])
    pictures = [] if asked.tables_only else _figures(data, plan, asked.out)
    others, unknown = compare.altered(asked.data, kept["data_sets"])
    differences = others + compare.differences(published, made, failures)
    page.write(asked.out / "recomputed.html", plan, made, pictures, differences, unknown)
    cells = sum(len(row) for table in published.values() for row in table["rows"])
    for one in differences:
        print(one)
    if unknown:
        print(f"Not compared with what was shared, for CSV has no digest: {', '.join(unknown)}")
    elif not kept["data_sets"]:
        print("Not compared with what was shared: this package names no digest of a data set")
    if differences:
        print(f"NOT AGREED: {len(differences)} differences; {len(published)} tables, {cells} cells compared.")
        return 1
    print(f"AGREED: {len(published)} tables, {cells} cells equal what was published. Written to {asked.out}")
    if kept["data_sets"] and not unknown:
        print(f"Every one of the {len(kept['data_sets'])} data sets is the one that was shared (SHA-256).")
    return 0


def _figures(data: dict[str, list[dict[str, Any]]], plan: dict[str, Any], folder: Path) -> list[tuple[str, str]]:
    import figures  # only here: drawing takes most of the time

    return figures.every_figure(data, plan, folder)


if __name__ == "__main__":
    sys.exit(main())
