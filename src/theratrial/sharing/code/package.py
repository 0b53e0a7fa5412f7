"""The folder of the analytic code: scripts to read, a locked environment, the plan, and what was published."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

from theratrial.protocol.schema import Protocol
from theratrial.results.values import TrialResult
from theratrial.sharing.code.plan import RESTS_ON, USED, plan_of
from theratrial.sharing.code.published import published_tables

SCRIPTS: Final = ("analyse", "compare", "figures", "methods", "page", "printing", "shared_data", "tables")


def code_package(
    result: TrialResult, protocol: Protocol, *, data: Mapping[str, bytes] | None = None
) -> dict[str, bytes]:
    """File name -> content. The code reads the shared analysis tables from the folder ``../analysis``.

    Nothing of a single participant is in it but the changes and categories of the figure of responses, in order of
    size and without a code, as the report prints them.

    Parameters
    ----------
    result
        Without identity, where the package leaves: the same from which the shared analysis tables were made, and of
        everybody in them. Where somebody withdrew the use of her data there is none: its numbers would be neither
        the published ones nor those of the tables.
    data
        The shared analysis tables, file name -> content: their digests go with the package, so that it tells whether
        it runs on what was shared.
    """
    here = files("theratrial.sharing.code")
    made = {f"{name}.py": (here / "scripts" / f"{name}.py").read_bytes() for name in SCRIPTS}
    made["requirements.txt"] = (here / "data" / "requirements.txt").read_bytes()
    published = {
        "trial": result.trial_id,
        "made_by": f"theratrial {result.product_version}",
        "data_sets": {
            name: hashlib.sha256(content).hexdigest()
            for name, content in sorted((data or {}).items())
            if name.endswith(".json")
        },
        "tables": published_tables(result, protocol),
    }
    made["plan.json"] = _json(plan_of(result, protocol))
    made["published.json"] = _json(published)
    made["README.md"] = _readme(result).encode()
    return dict(sorted(made.items()))


def _json(tree: Any) -> bytes:
    return (json.dumps(tree, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()


def _readme(result: TrialResult) -> str:
    rests = "\n".join(f"| {table} | {columns} |" for table, columns in RESTS_ON.items())
    used = "\n".join(f"| {name} | {', '.join(columns)} |" for name, columns in USED.items())
    virtual = "\n**The participants of this trial are virtual: the data are simulated.**\n" if result.simulated else ""
    return f"""# Analytic code of {result.trial_id}

{result.scientific_title}
{virtual}
This folder recomputes the published tables and figures from the shared analysis tables alone, and compares every
printed number with the published one. It does not use the program that ran the trial; every line is in the eight short
files beside this one. Before that it compares the SHA-256 of every analysis table with that of the table that was
shared: the printed numbers alone would not show every change.

## Run it

With Python 3.11 or later, in a new environment whose packages are fixed by version and hash:

    python -m venv environment
    environment/bin/pip install --require-hashes -r requirements.txt
    environment/bin/python analyse.py

`--data FOLDER` says where the shared tables lie (without it: `../analysis`), `--out FOLDER` where to write (without
it: `recomputed`), `--tables-only` draws no figures. The exit status is 0 if every cell of every published table
agrees to the printed digits and every data set is the one that was shared, 1 if one differs or could not be
recomputed, 2 if the shared tables cannot be read. Tables given as CSV have no digest: the program says so, and then
finds a change only where it changes a printed number.

It writes each table as CSV, each figure as SVG, and `recomputed.html` with all of them.

## What is in the folder

| file | |
|---|---|
| `analyse.py` | the order of things: read, recompute, write, compare |
| `shared_data.py` | reads the shared tables, Dataset-JSON 1.1 or CSV |
| `tables.py` | every table, each a function of the shared records |
| `methods.py` | the statistics, with their sources |
| `printing.py` | how numbers are printed |
| `figures.py`, `page.py` | the figures and the page |
| `compare.py` | the comparison, cell by cell |
| `plan.json` | which analysis uses which parameter, method and level: what the analysis plan says |
| `published.json` | the published tables as printed, and the SHA-256 of each analysis table |
| `requirements.txt` | the packages, by version and hash |

## On what the tables rest

| table | rests on |
|---|---|
{rests}

A cell outside these may change without changing a table: single readings and doses of lesions, doses of single
sessions, laboratory values that are neither baseline nor worst, `AVAL` of ADRS where `AVALC` says the same. Only the
digests show that.

## What it reads

| data set | variables |
|---|---|
{used}

`define.xml` beside the shared tables says how each variable was made. What cannot be recomputed from shared tables is
how those variables came about: images were read, regions drawn, doses computed and laboratory values graded before.
"""
