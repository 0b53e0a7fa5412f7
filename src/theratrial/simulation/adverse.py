"""Adverse events that follow from the blood counts, one line per grade while it lasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from theratrial.simulation.counts import Sample
from theratrial.simulation.plan import Plan, reading

TERMS: Final = {
    "neutrophils": "Neutrophil count decreased",
    "platelets": "Platelet count decreased",
    "haemoglobin": "Anemia",
    "white_cells": "White blood cell decreased",
}
"""CTCAE 5.0 terms."""


@dataclass(frozen=True, slots=True)
class AdverseEvent:
    """One adverse event; `ended_on` None while it lasts."""

    term: str
    grade: int
    started_on: date
    ended_on: date | None
    related: bool
    comment: str = ""


def events_of(samples: Sequence[Sample], plan: Plan, sessions: Sequence[tuple[datetime, float]]) -> list[AdverseEvent]:
    """Events seen in the blood since the first session: each change of grade ends one line and begins another."""
    version = reading(plan.protocol.safety_gate, "safety gate").ctcae_version
    if not sessions:
        return []
    first = sessions[0][0]
    events: list[AdverseEvent] = []
    for test, term in TERMS.items():
        series = sorted((s for s in samples if s.test == test), key=lambda s: s.collected_at)
        before = [s.grade(version) or 0 for s in series if s.collected_at <= first]
        usual = max(before, default=0)
        current, since = 0, first.date()
        for result in (s for s in series if s.collected_at > first):
            grade = result.grade(version) or 0
            grade = grade if grade > usual else 0
            day = result.collected_at.date()
            if grade != current:
                if current:
                    events.append(AdverseEvent(term, current, since, day, True))
                current, since = grade, day
        if current:
            events.append(AdverseEvent(term, current, since, None, True))
    return sorted(events, key=lambda e: (e.started_on, e.term))


def highest_open_grade(events: Sequence[AdverseEvent], day: date) -> int:
    """Highest grade of a related event that lasts on a day; 0 where none does."""
    return max((e.grade for e in events if e.related and (e.ended_on is None or e.ended_on > day)), default=0)
