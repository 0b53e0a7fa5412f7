"""The results of a trial as registries ask for them: flow, baseline, outcome measures, adverse events, limits.

One value from which every registry's format and the plain-language page are written. It is made from the locked
analysis (`theratrial.pipeline.registry_results`) and holds no text of anybody's record: which registered outcome a
measure answers is said by the outcome's path in the record.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from theratrial.registry.found import Sentence


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a number comes from: method with version, and the place in the results that it was read from."""

    method: str
    version: str
    place: str
    """Path in ``results.json``: ``endpoint.value``."""


@dataclass(frozen=True, slots=True)
class Counted:
    """So many people, and what they have in common."""

    label: Sentence
    count: int


@dataclass(frozen=True, slots=True)
class ParticipantFlow:
    """Everybody who was screened stands in one place at each step.

    ``started = completed + sum(not_completed) + ongoing``; ``screened = started + sum(screen_failures)``.
    """

    screened: int
    screen_failures: tuple[Counted, ...]
    started: int
    """Treated at least once."""
    sessions_given: tuple[tuple[int, int], ...]
    """(session number, participants who got it)."""
    assessed: int
    """With an assessable primary outcome."""
    completed: int
    not_completed: tuple[Counted, ...]
    ongoing: int


@dataclass(frozen=True, slots=True)
class BaselineMeasure:
    """A characteristic at baseline: a mean with its spread, or counts by category; `missing` have no value."""

    title: Sentence
    kind: Literal["mean", "counts"]
    unit: Sentence
    number_known: int
    missing: int
    mean: float | None = None
    standard_deviation: float | None = None
    median: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    counts: tuple[Counted, ...] = ()
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class OutcomeReported:
    """An outcome measure with its analysis."""

    rank: Literal["primary", "secondary", "other"]
    registered: str
    """Path of the registered outcome that it answers, ``primary_outcomes[0]``; empty: none was registered."""
    title: Sentence
    description: Sentence
    time_frame: Sentence
    population: Sentence
    """Who was analysed, and how missing values were counted."""
    kind: Literal["proportion", "counts", "mean", "median", "number"]
    unit: Sentence
    analysed: int
    counts: tuple[Counted, ...] = ()
    """Participants by category; of a proportion also those who reached it, as `numerator`."""
    numerator: int | None = None
    value: float | None = None
    """A proportion as fraction 0-1; None where it cannot be given, and `note` says why."""
    lower: float | None = None
    upper: float | None = None
    confidence_level: float | None = None
    interval_method: str = ""
    standard_deviation: float | None = None
    note: Sentence | None = None
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class AdverseEventRow:
    """One term, serious or other, with how many had it and how often it happened."""

    term: str
    vocabulary: str
    """``CTCAE 5.0``."""
    organ_system: str
    """System organ class; empty where the data do not say."""
    serious: bool
    affected: int
    events: int
    at_risk: int
    systematic: bool = False
    """Found by planned examination (laboratory grades), not only by report."""


@dataclass(frozen=True, slots=True)
class AdverseEventsReported:
    """Adverse events of everybody treated."""

    time_frame: Sentence
    at_risk: int
    deaths: int | None
    """From any cause; None where the data do not say."""
    serious_affected: int
    other_affected: int
    frequency_threshold_percent: float
    """Other events of fewer participants than this are left out of `events`; 0: none is."""
    events: tuple[AdverseEventRow, ...]


@dataclass(frozen=True, slots=True)
class ReportedResults:
    """All of it, with what it rests on."""

    number: str
    """Registration number of the trial."""
    protocol: str
    """Id and version of the protocol file."""
    data_cut: date
    locked: bool
    """Whether the data were locked when it was computed: what is not locked may be shown and never registered."""
    simulated: bool
    arm_title: Sentence
    arm_description: Sentence
    flow: ParticipantFlow
    baseline: tuple[BaselineMeasure, ...]
    outcomes: tuple[OutcomeReported, ...]
    adverse: AdverseEventsReported
    limitations: tuple[Sentence, ...]
    """What a reader must know before believing it: demonstration assumptions, few participants, early stop."""
    made_with: str
    """Program and version."""
