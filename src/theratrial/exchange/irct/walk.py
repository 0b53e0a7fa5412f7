"""From the lines of a page to the words of each field: labels are recognised by their words and their order.

A line is a label only where the page can have it: later in the same section, at the start of a later section, or at the
start of the next entry of a repeating group. So a value that reads like a label ("Design") stays a value unless it
stands exactly where that label may stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache, lru_cache

from theratrial.exchange.irct.labels import (
    AGE_LABELS,
    MORE_THAN_ONE,
    Step,
    first_step,
    plain,
    section_titles,
    steps,
    structure,
)

_LABELLED = re.compile(r"(?P<label>[^:*]{3,60}):\s*(?P<value>\S.*)")
_GLUE = re.compile(r"[a-z)](?:[A-Z]|[0-9]{1,2}[A-Z])")
_LONGEST_RUN = 200


@dataclass(frozen=True, slots=True)
class Piece:
    """The words of a field: full path, words, line on which its label stands."""

    path: str
    words: str
    line: int


@dataclass(frozen=True, slots=True)
class Stray:
    """Words that stand under no label."""

    words: str
    line: int
    after: str
    """Label or heading before them."""


@dataclass(slots=True)
class Walked:
    """What a walk over a page found."""

    pieces: list[Piece] = field(default_factory=list)
    strays: list[Stray] = field(default_factory=list)
    labels_seen: int = 0
    last_section: str = ""
    """Section in which the page ends."""


@dataclass(slots=True)
class _State:
    section: str = ""
    index: int = -1
    """Index of the last field seen."""
    entry: int = -1
    """Number of the entry of a repeating group."""
    path: str = ""
    started: int = 0
    words: list[str] = field(default_factory=list)
    heading: str = ""


def walked(lines: Iterable[tuple[int, str]]) -> Walked:
    """The fields of a page given as numbered lines, blank ones included: they part paragraphs."""
    found, state = Walked(), _State()
    for number, line in lines:
        for part in _parts(line):
            _line(found, state, number, part)
    _close(found, state)
    found.last_section = state.section
    return found


def _parts(line: str) -> list[str]:
    """A line with mark-up that glues labels together, taken apart: ``Fax**Email**`` are two labels."""
    text = line.replace("\u200e", "").replace("\u200f", "").rstrip("\r\n")
    if "**" not in text:
        return list((_glued(text) if _GLUE.search(text) else None) or (text,))
    if ":" in text.split("**")[0] or re.match(r"\s*\S+\s+\*\*[^*]+\*\*\s*\S*\s*$", text):
        # "Update count: **0**" and "From **18 years** old" are a label with its value.
        return [text.replace("**", "")]
    return [part for part in text.split("**") if part.strip()] or [""]


def _glued(text: str) -> tuple[str, ...] | None:
    """Labels without a mark between them, ``Intervention groups1Description``; None where it is no run of them."""
    return _run_of_labels(plain(text)) if len(text) <= _LONGEST_RUN else None


@lru_cache(maxsize=1024)
def _run_of_labels(rest: str) -> tuple[str, ...] | None:
    if not rest:
        return ()
    number = re.match(r"[0-9]{1,2}(?=[a-z])", rest)
    for first in ([number[0]] if number else []) + [one for one in _known_labels() if rest.startswith(one)]:
        others = _run_of_labels(rest[len(first) :])
        if others is not None:
            return (first, *others)
    return None


@cache
def _known_labels() -> tuple[str, ...]:
    """Every label and heading, the longest first."""
    known = {label for step in steps() for label in step.labels} | set(section_titles()) | structure()
    return tuple(sorted((one for one in known if one), key=len, reverse=True))


def _line(found: Walked, state: _State, number: int, line: str) -> None:
    words = plain(line)
    if not words:
        if state.path and state.words and state.words[-1] != "":
            state.words.append("")
        return
    if step := _label(state, words):
        _open(found, state, step, number)
        return
    if inline := _inline(state, line):
        step, value = inline
        _open(found, state, step, number)
        state.words.append(value)
        _close(found, state)
        return
    if words in section_titles() and _may_start(state, section_titles()[words]):
        _close(found, state)
        state.section, state.index, state.entry = section_titles()[words], -1, -1
        state.heading = line.strip()
        found.labels_seen += 1
        return
    if words in structure() or (words in AGE_LABELS and state.section):
        _close(found, state)
        state.heading = line.strip()
        if words in AGE_LABELS:
            state.path = "?age"
            state.started = number
        return
    if MORE_THAN_ONE.fullmatch(words) and _repeats(state.section) and (not state.path or _between_entries(state)):
        _close(found, state)
        state.index = -1
        return
    if state.path:
        state.words.append(line.strip())
    else:
        found.strays.append(Stray(line.strip(), number, state.heading))


def _repeats(section: str) -> bool:
    return any(step.field.group for step in steps() if step.field.section == section)


def _between_entries(state: _State) -> bool:
    """Whether a bare number can open the next entry: the last field of an entry has its value."""
    remaining = [s for s in steps() if s.field.section == state.section and s.index > state.index]
    return not any(step.field.empty != "hidden" for step in remaining)


def _label(state: _State, words: str) -> Step | None:
    """The field that a line is the label of, at this place of the page."""
    here = [step for step in steps() if words in step.labels and step.field.section == state.section]
    later = [step for step in here if step.index > state.index]
    if later:
        return later[0]
    if here and here[0].field.group and here[0].index == min(s.index for s in here) and _entry_done(state, here[0]):
        return here[0]
    if state.section in ("general", "registration", "registrant") or not state.section:
        # These three share a part of the page without headings of their own in between.
        open_ = ("general", "registration", "registrant")
        anywhere = [s for s in steps() if words in s.labels and s.field.section in open_ and s.index > state.index]
        if anywhere and state.section:
            return anywhere[0]
    # The registration date stands twice on the page: once in the box, once below it.
    if state.section == "registration" and here:
        return here[0]
    return None


def _entry_done(state: _State, step: Step) -> bool:
    """Whether the first label of a group that comes again opens the next entry."""
    return step.index == first_step(step.field.section) or step.index <= state.index


def _inline(state: _State, line: str) -> tuple[Step, str] | None:
    """``Update count: 0``: a label and its value on one line."""
    match = _LABELLED.fullmatch(line.strip())
    if match is None:
        return None
    words = plain(match["label"])
    for step in steps():
        near = step.field.section == state.section or {step.field.section, state.section} <= {
            "general",
            "registration",
            "registrant",
        }
        if step.field.style == "line" and words in step.labels and near:
            return step, match["value"].strip()
    return None


def _may_start(state: _State, section: str) -> bool:
    return section != state.section and (not state.section or first_step(section) > _first(state))


def _first(state: _State) -> int:
    return first_step(state.section) if state.section in {s.field.section for s in steps()} else -1


def _open(found: Walked, state: _State, step: Step, number: int) -> None:
    _close(found, state)
    field_ = step.field
    if field_.group:
        if state.entry < 0 or state.index < 0 or step.index <= state.index:
            state.entry += 1
        state.path = field_.path.replace("[]", f"[{state.entry}]", 1)
    else:
        state.path = field_.path
    state.section, state.index, state.started = field_.section, step.index, number
    state.heading = field_.en
    found.labels_seen += 1


def _close(found: Walked, state: _State) -> None:
    if state.path:
        while state.words and state.words[-1] == "":
            state.words.pop()
        found.pieces.append(Piece(state.path, "\n".join(state.words), state.started))
    state.path, state.words = "", []
