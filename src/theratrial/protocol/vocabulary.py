"""Names that conditions may use besides the protocol's own variables: what a run knows of every participant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

VariableType = Literal["number", "integer", "text", "flag"]


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
    Fact("major_deviations", "integer", "activities outside the tolerance, and treatment in spite of a gate"),
)
"""Facts of a participant that the conditions of analysis sets may speak of."""
