"""A participant's single records on the page of freezing and locking, with the steps that each may take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from theratrial.web.access import may
from theratrial.web.capture.locking import MOVES, state_label
from theratrial.web.capture.models import Record
from theratrial.web.capture.naming import table_label
from theratrial.web.capture.value_words import cell_words, value_words
from theratrial.web.capture.verification import columns_with_source
from theratrial.web.participants.models import Participant
from theratrial.web.results.blinding import hidden_records
from theratrial.web.templatetags.shown import number
from theratrial.web.trials.selectors import protocol_in_force

TONES: Final = {"open": "neutral", "frozen": "simulated", "locked": "locked", "hard_locked": "locked"}
_CELLS: Final = 4
"""The first filled cells that tell a record from others."""
_ANY: Final = UUID(int=0)
"""Stands for a record where the forms of a state are drawn once for all records in it."""
_VERSION: Final = "{version}"


@dataclass(frozen=True, slots=True)
class RecordTable:
    """The records of one table, drawn."""

    title: str
    lines: tuple[SafeString, ...]


def record_tables(request: HttpRequest, participant: Participant, *, mover: bool) -> list[RecordTable]:
    """Her records that `request`'s user may see, table by table. One query and that of the blinding."""
    protocol, hidden = protocol_in_force(), hidden_records(request.user, participant).records
    wanted = Record.objects.filter(participant=participant, entered_in_error=False)
    found: dict[str, list[SafeString]] = {}
    states: dict[str, str] = {}
    words = cell_words({"request": request}, value_words(protocol))
    for pk, table, cells, version, state in wanted.values_list("pk", "table", "cells", "version", "data_state"):
        if pk in hidden:
            continue
        if state not in states:
            states[state] = _of_state(request, participant, state, mover)
        # Filled apart from the cells: what is typed there is never taken for a place to fill.
        beside = states[state].replace(str(_ANY), str(pk)).replace(_VERSION, number({"request": request}, version))
        line = f"<tr><td>{_told(table, cells, words)}</td>{beside}</tr>"
        found.setdefault(table, []).append(mark_safe(line))  # cells are escaped, the rest is a template's
    return [RecordTable(table_label(table, protocol), tuple(lines)) for table, lines in found.items()]


def _told(table: str, cells: dict[str, str], words: Callable[[str, str, str], str]) -> str:
    # In the order of the table: that of the stored cells is another on each database.
    filled = [name for name in columns_with_source(table) if cells.get(name)]
    texts = [words(table, name, cells[name]) for name in filled[:_CELLS]]
    return " · ".join(f"<bdi>{escape(text)}</bdi>" for text in texts)


def _of_state(request: HttpRequest, participant: Participant, state: str, mover: bool) -> str:
    """What stands beside every record of a state: its name, the version's place, the steps from it."""
    moves = [move for move in MOVES.values() if move.source == state] if mover else []
    context: dict[str, Any] = {
        "words": state_label(state),
        "tone": TONES[state],
        "moves": moves if participant.data_state == "open" else [],
        "unlockable": state == "locked" and participant.data_state == "open" and may(request.user, "data.unlock"),
        "record": _ANY,
        "version": _VERSION,
        "csrf_token": get_token(request),
    }
    return render_to_string("capture/locks_record.html", context).strip()
