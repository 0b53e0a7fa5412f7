"""The register of traces for paper: each trace in few words, broken into lines and pages of known size.

Laying out hundreds of dense lines as HTML takes longer than they are worth; of one width for every letter they are laid
out by counting. What is folded here stands in full in the HTML of the same state.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from theratrial.trace import Trace

LETTERS: Final = 71
"""Letters of a column's line."""
LINES: Final = 105
COLUMNS: Final = 2
_HANG: Final = 5
_HASH: Final = 12
_PIECE: Final = re.compile(r"\s*(?:[^\s./\[\]]+[./\[\]]*|[./\[\]]+)")
_INSIDE: Final = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the register where it stands."""

    page: int
    column: int
    row: int
    text: str
    anchor: str = ""
    """Fragment of the trace that begins here."""


@dataclass(frozen=True, slots=True)
class Register:
    """Every line with its place."""

    lines: tuple[Line, ...]
    pages: int


def register(traces: Iterable[tuple[str, Trace]]) -> Register:
    """The register of (fragment, trace) in their order, then what stands for lists of demonstration clauses."""
    legend: dict[tuple[str, ...], str] = {}
    lines: list[tuple[str, str]] = []
    for number, (anchor, trace) in enumerate(traces, 1):
        said = short(trace, legend)
        first, *more = broken(f"{number:>{_HANG - 1}} {said}")
        lines += [(first, anchor), *((line, "") for line in more)]
    for clauses, name in legend.items():
        lines += [(line, "") for line in broken(f"{name:>{_HANG - 1}} {', '.join(clauses)}")]
    each = COLUMNS * LINES
    placed = (Line(at // each, at % each // LINES, at % LINES, text, anchor) for at, (text, anchor) in enumerate(lines))
    return Register(tuple(placed), -(-len(lines) // each))


def short(trace: Trace, legend: dict[tuple[str, ...], str]) -> str:
    """A trace in few words; equal lists of demonstration clauses share a name, entered in `legend`.

    Examples
    --------
    >>> rows = {"1": "record:records/laboratory.csv#7", "2": "record:records/laboratory.csv#8"}
    >>> short(Trace("safety.nadir", "1", rows), {})
    'safety.nadir v1: records/laboratory.csv#7, 8'
    """
    by = "" if trace.author == "theratrial" else f" by {trace.author}"
    inputs = "; ".join(folded(trace.inputs)) or "no inputs"
    rests = ""
    if trace.demonstration:
        rests = f" [{legend.setdefault(trace.demonstration, f'D{len(legend) + 1}')}]"
    return f"{trace.method} v{trace.version}{by}: {inputs}{rests}"


def folded(inputs: Mapping[str, str]) -> list[str]:
    """The inputs, those that differ in one place only in one piece: ``participants[P01, P02].response``."""
    places = list(dict.fromkeys(inputs[name] for name in sorted(inputs)))
    ways = [_grouped(places, which) for which in (0, -1)]
    groups = min(ways, key=len)
    names: dict[str, list[str]] = {}
    for name, place in inputs.items():
        names.setdefault(place, []).append(name)
    found = []
    for (before, after), members in groups.items():
        if len(members) == 1 and (place := members[0][1]) in names and _speaks(name := names[place][0], place):
            found.append(f"{name} = {before}{members[0][0]}{after}")
        else:
            found.append(f"{before}{', '.join(part for part, _ in members)}{after}")
    return found


def _speaks(name: str, place: str) -> bool:
    """Whether the name of an input says what its place does not."""
    return name not in place and name not in ("line", "value", "record", "result")


def _grouped(places: Sequence[str], which: int) -> dict[tuple[str, str], list[tuple[str, str]]]:
    groups: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for place in places:
        before, part, after = _parted(place, which)
        groups.setdefault((before, after), []).append((part, place))
    return groups


def _parted(place: str, which: int) -> tuple[str, str, str]:
    """What stands before the part that may differ, the part, and what follows it."""
    kind, _, rest = place.partition(":")
    if kind == "sha256":
        digest, mark, name = rest.partition("#")
        return f"sha256:{digest[:_HASH]}{mark}", name, ""
    if kind == "record":
        file, mark, line = rest.rpartition("#")
        return f"{file}{mark}", line, ""
    if kind == "value" and (found := list(_INSIDE.finditer(rest))):
        one = found[which]
        return rest[: one.start(1)], one[1], rest[one.end(1) :]
    return "", rest if kind == "value" else place, ""


def broken(text: str) -> list[str]:
    """A text in lines of `LETTERS`, all but the first indented; places break after a point, a stroke or a bracket."""
    lines, now = [], ""
    for piece in _PIECE.findall(text):
        rest = piece
        while len(now) + len(rest.rstrip()) > LETTERS:
            if len(rest.strip()) > LETTERS - _HANG and len(now) < LETTERS:
                cut = LETTERS - len(now)
                now, rest = now + rest[:cut], rest[cut:]
            lines.append(now.rstrip())
            now, rest = " " * _HANG, rest.lstrip()
        now += rest
    return [*lines, now.rstrip()]
