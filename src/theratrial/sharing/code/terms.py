"""Names of adverse events that may leave: terms of CTCAE name nobody; what a person typed is numbered instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from theratrial.results.values import TrialResult
from theratrial.safety.adverse.terms import as_written
from theratrial.trace import bytes_hash

WITHHELD: Final = "Withheld term"


def withheld_terms(result: TrialResult) -> Mapping[str, str]:
    """Typed term, as written in one way, -> what stands for it in tables and data alike; none for terms of CTCAE."""
    typed = {
        as_written(event.term) for one in result.participants for event in one.adverse_events if not event.ctcae_term
    }
    # By hash, so that the numbers do not follow the alphabet.
    ordered = sorted(typed, key=lambda term: bytes_hash(term.encode()))
    return {term: f"{WITHHELD} {number}" for number, term in enumerate(ordered, 1)}
