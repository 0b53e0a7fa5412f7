"""Trials of a large ICTRP file one by one: memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import IO

from theratrial.errors import InputError
from theratrial.exchange.ictrp.elements import TRIALS, Found, Node, trial_nodes
from theratrial.exchange.ictrp.upload import read_upload
from theratrial.registry.imported import Imported, Unplaced


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A trial of a file that could not be read; or where the file ends before its end."""

    number: int
    """Which trial of the file, from 1."""
    why: str
    """With the line."""
    and_the_rest: bool = False
    """Whether nothing after it can be read either: the XML is broken, the file is cut off."""


def stream_ictrp(file: IO[bytes], *, today: date) -> Iterator[Imported]:
    """Every trial of a file, of the upload dialect or the portal's export.

    Parameters
    ----------
    today
        For judging dates that lie too far ahead.

    Raises
    ------
    InputError
        The file or a trial of it cannot be read (see `elements.trial_nodes`), or it holds no trial.
    """
    for one in stream_trials(file, today=today):
        if isinstance(one, Unreadable):
            raise InputError(one.why)
        yield one


def stream_trials(file: IO[bytes], *, today: date) -> Iterator[Imported | Unreadable]:
    """Like `stream_ictrp`, and a trial that cannot be read is told in its place; the others are read.

    Raises
    ------
    InputError
        No trial can be read at all, because the file is none of the ICTRP, or holds none.
    """
    number = 0
    waiting: Imported | Unreadable | None = None
    beside: list[Unplaced] = []
    lost = ""
    for found in _until_broken(trial_nodes(file)):
        if isinstance(found, str):
            lost = found
        elif not found.is_trial:
            beside += _beside(found.node)
        else:
            if waiting is not None:
                yield waiting
            number += 1
            waiting = _with(_read_or_refused(found, number, today), beside)
            beside = []
    if waiting is None:
        roots = " or ".join(f"<{one}>" for one in TRIALS[:1])
        raise InputError(lost or f"the file holds no trial; an ICTRP file has {roots}")
    yield waiting if isinstance(waiting, Unreadable) else replace(waiting, unplaced=(*waiting.unplaced, *beside))
    if lost:
        yield Unreadable(number + 1, lost, and_the_rest=True)


def _until_broken(nodes: Iterator[Found]) -> Iterator[Found | str]:
    """What can be read, then why no more can be."""
    try:
        yield from nodes
    except InputError as error:
        yield str(error)


def _read_or_refused(found: Found, number: int, today: date) -> Imported | Unreadable:
    if found.refused:
        return Unreadable(number, found.refused)
    try:
        return _read(found.node, today)
    except InputError as error:
        return Unreadable(number, str(error))


def _with(read: Imported | Unreadable, beside: list[Unplaced]) -> Imported | Unreadable:
    if isinstance(read, Unreadable) or not beside:
        return read
    return replace(read, unplaced=(*beside, *read.unplaced))


def _read(trial: Node, today: date) -> Imported:
    if any(one.key == "main" for one in trial.children):
        return read_upload(trial, today=today)
    if any(one.key == "trialid" for one in trial.children):
        from theratrial.exchange.ictrp.portal import read_portal

        return read_portal(trial, today=today)
    raise InputError(
        f"line {trial.line}: <{trial.name}> has neither <main>, as the upload dialect has, nor <TrialID>, as "
        "the portal's export has"
    )


def _beside(node: Node) -> list[Unplaced]:
    own = [Unplaced(f"line {node.line}", node.name, node.text, "stands beside the trials")] if node.text else []
    return own + [one for child in node.children for one in _beside(child)]
