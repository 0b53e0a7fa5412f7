"""Trials of a large ICTRP file one by one: memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import IO

from theratrial.errors import InputError
from theratrial.exchange.ictrp.elements import TRIALS, Node, trial_nodes
from theratrial.exchange.ictrp.upload import read_upload
from theratrial.registry.imported import Imported, Unplaced


def stream_ictrp(file: IO[bytes], *, today: date) -> Iterator[Imported]:
    """Every trial of a file, of the upload dialect or the portal's export.

    Parameters
    ----------
    today
        For judging dates that lie too far ahead.

    Raises
    ------
    InputError
        The file cannot be read (see `elements.trial_nodes`), or holds no trial.
    """
    waiting: Imported | None = None
    beside: list[Unplaced] = []
    for found in trial_nodes(file):
        if not found.is_trial:
            beside += _beside(found.node)
            continue
        if waiting is not None:
            yield waiting
        read = _read(found.node, today)
        waiting, beside = replace(read, unplaced=(*beside, *read.unplaced)), []
    if waiting is None:
        raise InputError(f"the file holds no trial; an ICTRP file has {' or '.join(f'<{one}>' for one in TRIALS[:1])}")
    yield replace(waiting, unplaced=(*waiting.unplaced, *beside))


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
