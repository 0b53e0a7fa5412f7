"""The folder of the analytic code: scripts to read, a locked environment, the plan, and what was published."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any, Final

from theratrial.protocol.schema import Protocol
from theratrial.results.values import TrialResult
from theratrial.sharing.code.plan import USED, plan_of
from theratrial.sharing.code.published import published_tables

SCRIPTS: Final = ("analyse", "compare", "figures", "methods", "page", "printing", "shared_data", "tables")


def code_package(result: TrialResult, protocol: Protocol, *, left_out: int = 0) -> dict[str, bytes]:
    """File name -> content. The code reads the shared analysis tables from the folder ``../analysis``.

    Nothing of a single participant is in it but the changes and categories of the figure of responses, in order of
    size and without a code, as the report prints them.

    Parameters
    ----------
    result
        Without identity, where the package leaves: the same from which the shared analysis tables were made.
    left_out
        Participants of the published analysis who are not in the shared tables, because they withdrew the use of
        their data: the recomputed numbers then cannot agree, and the package says why.
    """
    here = files("theratrial.sharing.code")
    made = {f"{name}.py": (here / "scripts" / f"{name}.py").read_bytes() for name in SCRIPTS}
    made["requirements.txt"] = (here / "data" / "requirements.txt").read_bytes()
    published = {
        "trial": result.trial_id,
        "made_by": f"theratrial {result.product_version}",
        "left_out_of_shared_tables": left_out,
        "tables": published_tables(result, protocol),
    }
    made["plan.json"] = _json(plan_of(result, protocol))
    made["published.json"] = _json(published)
    made["README.md"] = _readme(result, left_out).encode()
    return dict(sorted(made.items()))


def _json(tree: Any) -> bytes:
    return (json.dumps(tree, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode()


def _readme(result: TrialResult, left_out: int) -> str:
    used = "\n".join(f"| {name} | {', '.join(columns)} |" for name, columns in USED.items())
    virtual = "\n**The participants of this trial are virtual: the data are simulated.**\n" if result.simulated else ""
    missing = (
        f"\n**{left_out} of the participants of the published analysis withdrew the use of their data and are not in "
        "the shared tables. The recomputed numbers therefore differ from the published ones, and the program says "
        "where.**\n"
        if left_out
        else ""
    )
    return f"""# Analytic code of {result.trial_id}

{result.scientific_title}
{virtual}{missing}
This folder recomputes the published tables and figures from the shared analysis tables alone, and compares every
printed number with the published one. It does not use the program that ran the trial; every line is in the eight short
files beside this one.

## Run it

With Python 3.11 or later, in a new environment whose packages are fixed by version and hash:

    python -m venv environment
    environment/bin/pip install --require-hashes -r requirements.txt
    environment/bin/python analyse.py

`--data FOLDER` says where the shared tables lie (without it: `../analysis`), `--out FOLDER` where to write (without
it: `recomputed`), `--tables-only` draws no figures. The exit status is 0 if every cell of every published table
agrees to the printed digits, 1 if one differs or could not be recomputed, 2 if the shared tables cannot be read.

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
| `published.json` | the published tables as printed |
| `requirements.txt` | the packages, by version and hash |

## What it reads

| data set | variables |
|---|---|
{used}

`define.xml` beside the shared tables says how each variable was made. What cannot be recomputed from shared tables is
how those variables came about: images were read, regions drawn, doses computed and laboratory values graded before.
"""
