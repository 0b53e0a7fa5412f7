"""Names that conditions may use besides the protocol's own variables: what a run knows of every participant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

VariableType = Literal["number", "integer", "text", "flag", "date", "datetime"]


@dataclass(frozen=True, slots=True)
class Fact:
    """Something a run knows of a participant, by the name that conditions of analysis sets use."""

    name: str
    type: VariableType
    meaning: str


PARTICIPANT_FACTS: Final[tuple[Fact, ...]] = (
    Fact("consented", "flag", "signed a consent form before anything was done"),
    Fact("eligible", "flag", "every inclusion criterion met and no exclusion criterion"),
    Fact("administrations_given", "integer", "administrations of the therapy product"),
    Fact("response_evaluable", "flag", "the response rule gave a category (CR, PR, SD or PD)"),
    Fact("dosimetry_sessions", "integer", "sessions with a determined or bounded dose of at least one region"),
    Fact("major_deviations", "integer", "activity off tolerance, no negative pregnancy test, session against a gate"),
)
"""Facts of a participant that the conditions of analysis sets may speak of."""

SELECTION_FACTS: Final[tuple[Fact, ...]] = (
    Fact("result", "text", "the reader's result: positive, negative or equivocal"),
    Fact("reader_role", "text", "role of the reader"),
    Fact("lesions_total", "integer", "lesions known from any image"),
    Fact("lesions_positive", "integer", "of these, lesions with uptake above the reference"),
)
"""Columns of a line of ``selection_reads`` that the condition of the selection read may speak of."""

ANCHORS: Final = ("screening", "administration", "last_administration")
"""What a visit's window may count from, besides another visit."""


def fact_types(facts: tuple[Fact, ...]) -> dict[str, VariableType]:
    """Name -> type, as `theratrial.protocol.expressions.condition` wants it."""
    return {fact.name: fact.type for fact in facts}
