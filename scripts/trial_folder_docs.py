"""Write docs/trial_folder.md from the tables' definition; with --check, only say whether it is current."""

from __future__ import annotations

import sys
from pathlib import Path

from theratrial.trialfolder.laboratory import LABORATORY_TESTS
from theratrial.trialfolder.tables import FOLDER_SCHEMA_VERSION, TABLES
from theratrial.trialfolder.template import table_lines, writing_rules

PAGE = Path(__file__).resolve().parent.parent / "docs" / "trial_folder.md"

INTRODUCTION = f"""\
# The trial folder

A trial as files: what `theratrial run` reads, what `theratrial simulate` writes, what `theratrial init` makes empty.
Made by `scripts/trial_folder_docs.py` from the definition that reader and writer use; do not edit.

```text
my-trial/
├── folder.yaml          schema_version (absent: 1.0); simulated, locked: true or false (absent: false)
├── protocol.yaml        the trial as data: verbatim text, reading, decision of each clause
├── registration.yaml    the registration record, checked like the protocol; may be absent, which is noted
├── registration_versions/  0000.yaml, 0001.yaml ...: every version of that record; may be absent
├── records/*.csv        the tables below
└── images/              DICOM in any order and nesting, RTSTRUCT and SEG among them
```

The format described here is version {FOLDER_SCHEMA_VERSION}. A folder of a newer version is refused, not guessed at.

`simulated: true` in `folder.yaml` says that the participants are virtual; results and report then say
so. `theratrial simulate` writes it. `locked: true` says that the data were locked when the folder was written, as the
site writes it; results of a folder that does not say so go to registries as a marked draft only. Only `true` and
`false` are taken, and no other key. As one of the inputs, `folder.yaml` is listed in the results with its hash, so the
line cannot be taken out unseen. `truth.json`, which a simulation writes beside it for comparing, is no input and
decides nothing.

`registration_versions/` holds the history of the registration record: a file for each version, `0000.yaml` the first
registration, with `number`, `made_at` (an instant with its offset), `author` (an account, never a name), `reason` (in
English, Persian or both; every update gives one), `sent_on` (the day on which the registry received it) and `record`.
Numbers have no gap, and `registration.yaml` says what the newest version says, else the folder is refused. A run reads
`registration.yaml` alone; a site takes the versions in and writes them out again.

## How cells are written
"""

AFTER_RULES = """
A byte-order mark, quoted cells, Windows line ends, empty lines and empty trailing columns are taken as
spreadsheets leave them. Refused, each with what was probably meant: other encodings, semicolons or tabs between
cells, decimal commas, thousands separators, units in cells, bounds such as `<0.5`, digits of other scripts, Jalali
dates (with their Gregorian counterpart), ambiguous day and month, day numbers, formulas and `#REF!`, repeated
keys, participants and ids nobody knows, local times that a change of the clocks skipped or repeated. All problems
of a folder are named at once, each with file, line and column, and nothing of a folder with a problem is used.

An id of a product, visit, image, time point or eligibility item must be one of the protocol's. What went wrong in
the trial itself (an image before consent, a missed window, an activity off) is no fault of the file: the run finds
and reports it.

Every value keeps its line: a trace says `record:records/consents.csv#12`, the header being line 1.

## Laboratory values

`value`, `lower_limit` and `upper_limit` of a line are in its `unit` and are converted at reading; what was written
is kept. `10^9/L`, `10^3/uL`, `cells/mm3` and `/uL` are known for counts, `g/L` and `g/dL` for haemoglobin. A unit
that does not fit the test is refused, and so is a value so far off that it is probably in another unit. The bounds
are theratrial's own and wide: they catch a unit mistaken by a factor, not an ill participant; zero is never
doubted.

| test | core unit | doubted below | doubted below, typed per mm3 or uL | doubted above |
|---|---|---|---|---|
"""


def page() -> str:
    """The page's text."""
    parts = [INTRODUCTION, *(line for line in writing_rules()[2:])]
    text = "\n".join(parts) + "\n" + AFTER_RULES
    for test in LABORATORY_TESTS.values():
        low = f"{test.lowest:g}" if test.lowest else ""
        count = f"{test.lowest_per_mm3:g} cells/mm3" if test.lowest_per_mm3 else ""
        text += f"| `{test.id}` | {test.core_unit} | {low} | {count} | {test.highest:g} |\n"
    for table in TABLES:
        text += "\n" + "\n".join(table_lines(table)) + "\n"
    return text


def main() -> int:
    if "--check" in sys.argv[1:]:
        current = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page()
        print(f"{PAGE.name} is {'current' if current else 'stale: run scripts/trial_folder_docs.py'}")
        return 0 if current else 1
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
    print(f"wrote {PAGE.name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
