"""Inputs of traces as links: from a line of a computation's folder back to the record it was written from."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

from django.urls import NoReverseMatch, reverse

from theratrial.trace import Trace
from theratrial.web.capture.models import Record
from theratrial.web.exports.folder import ORIGINS_FILE
from theratrial.web.results.models import Computation
from theratrial.web.results.selectors import computation_folder

_LINE: Final = re.compile(r"record:(records/\w+\.csv)#(\d+)")
_OWN: Final = re.compile(r"record:(\w+)/([0-9a-f-]{36})@(\d+)")


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a value."""

    name: str
    place: str
    address: str = ""


def record_links(computation: Computation) -> dict[tuple[str, str], str]:
    """(file, line) of a computation's folder -> ``<record id>@<version>``."""
    folder = computation_folder(computation)
    try:
        tree = json.loads((folder / "trial" / ORIGINS_FILE).read_text(encoding="utf-8")) if folder else {}
    except (OSError, ValueError):
        return {}
    return {(file, line): record for file, lines in tree.items() for line, record in lines.items()}


def trace_lines(trace: Trace, links: dict[tuple[str, str], str]) -> list[Input]:
    """The inputs of a trace, with an address where a record is meant."""
    found = []
    for name, place in sorted(trace.inputs.items()):
        record = ""
        if match := _LINE.match(place):
            record = links.get((match[1], match[2]), "").partition("@")[0]
        elif match := _OWN.match(place):
            record = match[2]
        found.append(Input(name, place, record_address(record) if record else ""))
    return found


def record_of(place: str) -> tuple[str, str, str] | None:
    """(table, id, version) of a record that a trace of live data names."""
    match = _OWN.match(place)
    return (match[1], match[2], match[3]) if match else None


def record_address(record_id: str) -> str:
    """The page of a record's history; empty where there is none."""
    try:
        return reverse("ledger:row", args=(Record._meta.db_table, record_id))
    except NoReverseMatch:
        return ""
