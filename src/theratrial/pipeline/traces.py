"""Traces of the results: each input by its place in the results, its record line, its clause or its stored bytes.

The computing rooms name what they were given. Here, where it is known what that was, the trace is written anew with
the places a reader can go to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from theratrial.errors import InputError, SourceError
from theratrial.protocol.schema import Protocol
from theratrial.reference.tables import table
from theratrial.results.places import value_at
from theratrial.trace import Quantity, Trace
from theratrial.trialfolder.records import TrialFolder


def with_inputs(trace: Trace, inputs: Mapping[str, str], *, only: bool = False) -> Trace:
    """The trace with these inputs; `only` drops the ones it had."""
    return replace(trace, inputs=dict(inputs) if only else {**trace.inputs, **inputs})


def retraced(quantity: Quantity, inputs: Mapping[str, str], *, only: bool = False) -> Quantity:
    """The quantity with these inputs in its trace."""
    return replace(quantity, trace=with_inputs(quantity.trace, inputs, only=only))


def traces_of(tree: Any, place: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every trace of a plain tree of results, with its place."""
    if isinstance(tree, Mapping):
        if {"method", "version", "inputs"} <= tree.keys():
            yield place, tree
            return
        for key, value in tree.items():
            yield from traces_of(value, f"{place}.{key}" if place else str(key))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from traces_of(value, f"{place}[{index}]")


def dead_ends(tree: Mapping[str, Any], folder: TrialFolder, stored: Collection[str]) -> tuple[tuple[str, str], ...]:
    """Inputs of traces that lead nowhere, as (place and name of the input, why); empty where every way can be walked.

    Parameters
    ----------
    tree
        The results as plain values.
    folder
        The trial folder they were computed from.
    stored
        Content hashes of its files and of its series.
    """
    known: dict[str, str] = {}
    found = []
    for place, trace in traces_of(tree):
        for name, where in trace["inputs"].items():
            if where not in known:
                known[where] = _dead_end(where, tree, folder, stored)
            if known[where]:
                found.append((f"{place} input {name!r}", known[where]))
    return tuple(found)


def _dead_end(where: str, tree: Mapping[str, Any], folder: TrialFolder, stored: Collection[str]) -> str:
    """Why an input cannot be found; empty where it can."""
    kind, _, rest = where.partition(":")
    match kind:
        case "sha256":
            return "" if where.split("#")[0] in stored else f"{where}: no file and no series has these bytes"
        case "record":
            return _record(rest, folder)
        case "protocol":
            return _clause(rest, folder.protocol)
        case "value":
            try:
                value_at(tree, rest)
            except InputError as error:
                return str(error)
            return ""
        case "table":
            return _table(rest)
        case "given":
            return "" if rest.strip() else "given, but not what"
    return f"{where!r} names neither bytes, record, clause, value nor table"


def _record(rest: str, folder: TrialFolder) -> str:
    file, _, line = rest.partition("#")
    rows: Iterable[Any] = folder.tables.get(file.removeprefix("records/").removesuffix(".csv"), ())
    if any(row.file == file and str(row.line) == line for row in rows):
        return ""
    return f"the folder has no line {line or '?'} in {file}"


def _clause(path: str, protocol: Protocol) -> str:
    value: Any = protocol
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else getattr(value, step, None)
        if value is None:
            return f"the protocol has no {path!r}"
    return ""


def _table(rest: str) -> str:
    name, _, edition = rest.partition("@")
    edition, _, wanted = edition.partition("#")
    try:
        found = table(name)
    except SourceError as error:
        return str(error)
    if found.passport.edition != edition:
        return f"table {name} is of edition {found.passport.edition!r}, not {edition!r}"
    if wanted and not any(wanted in row.cells.values() for row in found):
        return f"table {name} has no row {wanted!r}"
    return ""
