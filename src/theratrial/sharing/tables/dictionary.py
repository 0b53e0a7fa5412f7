"""The data dictionary of shared tables, made from the definition of the trial folder: what each column is, and was."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

from theratrial.sharing.tables.treatment import EXPLAINED, Treatment, treatments
from theratrial.trialfolder.tables import TABLES

HEADS = (
    "table",
    "about",
    "column",
    "type",
    "unit",
    "meaning",
    "required",
    "allowed",
    "key",
    "lines",
    "shared_as",
    "note",
)


def dictionary_csv(lines: Mapping[str, int], *, relative_days: bool) -> bytes:
    """One line for each column of each table, UTF-8 CSV.

    Parameters
    ----------
    lines
        Table -> lines shared; tables without a line are listed too, with 0.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADS)
    how = treatments()
    for table in TABLES:
        for column in table.columns:
            done = how[table.name, column.name]
            low = "" if column.minimum is None else f"{column.minimum:g}"
            high = "" if column.maximum is None else f"{column.maximum:g}"
            allowed = "; ".join(column.choices) or (f"{low} to {high}" if low or high else "")
            writer.writerow(
                (
                    table.name,
                    table.doc,
                    column.name,
                    "integer" if relative_days and done in ("day", "moment") else column.type,
                    column.unit,
                    column.doc,
                    "yes" if column.required else "no",
                    allowed,
                    "yes" if column.name in table.key else "no",
                    lines.get(table.name, 0),
                    done,
                    _note(done, relative_days=relative_days),
                )
            )
    return out.getvalue().encode("utf-8")


def _note(done: Treatment, *, relative_days: bool) -> str:
    if relative_days and done in ("day", "moment"):
        return "day of the study: 1 is the day of the first treatment session (else of screening), the day before it -1"
    return EXPLAINED[done]
