"""Conditions of the protocol in words, the expression beside them."""

from __future__ import annotations

import re
from typing import Final

from theratrial.protocol.condition_words import condition_words
from theratrial.protocol.schema import Protocol, Variable
from theratrial.protocol.vocabulary import PARTICIPANT_FACTS
from theratrial.report.blocks import Cell
from theratrial.report.study.voice import Voice
from theratrial.report.texts import unit_text

_QUANTITY: Final = re.compile(r"(?<![A-Za-z\d])\d[\d.]*(?: [^\s\u0600-\u06ff]+)?")
"""A number with a unit in Latin letters: among Persian words it runs in its own direction."""


def condition_cell(voice: Voice, protocol: Protocol, condition: str) -> Cell:
    """What the condition demands as people say it, below it the expression that a computer judges.

    The expression alone where it holds more than comparisons of single values.
    """
    known = {one.id: _measured(voice, one) for one in (*_facts(voice), *protocol.variables)}
    told = condition_words(condition, known, voice.language, value=lambda _variable, stored: voice.word(stored))
    if told == condition:
        return Cell(voice.quoted(condition))
    if voice.language == "fa":
        told = _QUANTITY.sub(lambda found: voice.inside(found[0]), told)
    return Cell(told, below=voice.quoted(condition))


def _measured(voice: Voice, variable: Variable) -> Variable:
    """With its unit as the documents write it."""
    unit = voice("years") if variable.unit == "years" else unit_text(variable.unit)
    return variable.model_copy(update={"unit": unit})


def _facts(voice: Voice) -> list[Variable]:
    """What a run knows of everybody, as if the protocol had named it."""
    labels = {
        "consented": voice("Consent signed before anything was done"),
        "eligible": voice("Eligible"),
        "administrations_given": voice("Administrations of the therapy product"),
        "response_evaluable": voice("Response given a category"),
        "dosimetry_sessions": voice("Sessions with a determined or bounded dose"),
        "major_deviations": voice("Major deviations"),
    }
    return [
        Variable(
            id=fact.name,
            label=labels.get(fact.name, fact.meaning),
            type="flag" if fact.type == "flag" else "integer",
            table="participants",
            column=fact.name,
            labels={voice.language: labels.get(fact.name, fact.meaning)},
        )
        for fact in PARTICIPANT_FACTS
    ]
