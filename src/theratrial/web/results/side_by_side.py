"""What readers who differ wrote, beside each other: for who decides between them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _

from theratrial.forms import FormDefinition
from theratrial.web.capture.listing import choice_text
from theratrial.web.results.reading import COMPARED, PLACES, Compared


def state_text(definition: FormDefinition | None, column: str, stored: str) -> str:
    """A stored value in the words of its form."""
    if stored == "not read":  # the core's own word: no choice of the form
        return _("not read")
    return choice_text(definition, column, stored) if definition else stored


def side_by_side(compared: Compared, definition: FormDefinition | None) -> dict[str, Any]:
    """Where readers differ, lesion by lesion: what each wrote, and of it only what is not the same by all."""
    answers = [one.answers(compared.table) for one in compared.readings]
    rows = []
    for place in compared.differing:
        given = [one.get(place) for one in answers]
        there = [one for one in given if one is not None]
        apart = [n for n in range(len(there[0])) if len({one[n] for one in there}) > 1] or range(len(there[0]))
        cells = [_answer_words(definition, compared.table, one, apart) for one in given]
        text = state_text(definition, PLACES[compared.table], place[0])
        rows.append({"place": place[0], "place_text": text, "lesion": place[1], "cells": cells})
    return {"readers": [one.reader for one in compared.readings], "rows": rows}


def _answer_words(
    definition: FormDefinition | None, table: str, answer: tuple[str, ...] | None, which: Iterable[int]
) -> str:
    if answer is None:
        return _("not read")
    words = []
    for n in which:
        column = COMPARED[table][n]
        if column.endswith("_mm"):
            words.append(f"{answer[n]} mm" if answer[n] else "–")
        else:
            words.append(state_text(definition, column, answer[n]) or "–")
    return " · ".join(words)
