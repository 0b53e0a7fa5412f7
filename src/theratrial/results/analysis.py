"""Results of the analysis beside the primary proportion."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from theratrial.trace import Quantity, Trace


@dataclass(frozen=True, slots=True)
class IntercurrentOccurrence:
    """An intercurrent event that happened, and how it was counted."""

    participant_id: str
    event: str
    title: str
    strategy: str
    effect: str
    """What it did to this participant's count, in words."""
    because: str
    """What happened, in words and numbers."""
    on: date | None
    """Day it happened; None where it has none (a response that is missing)."""
    record: str
    """Where it stands, as the input of a trace: a line of a record table, a value of these results."""


@dataclass(frozen=True, slots=True)
class AnalysedProportion:
    """The proportion under one way of counting."""

    name: str
    """What differs from the primary analysis, in words; ``primary`` for that itself."""
    kind: Literal["primary", "interval", "strategy", "missing", "analysis_set", "evaluable"]
    """What was varied."""
    analysis_set: str
    successes: int
    analysed: int
    left_out: tuple[str, ...]
    """Participants left out and why."""
    changed: tuple[str, ...]
    """Participants counted otherwise than in the primary analysis."""
    proportion: Quantity
    interval_method: str
    counts: tuple[tuple[str, str], ...] = ()
    """(participant, ``success``, ``failure`` or ``excluded``) of everybody in the analysis set."""


@dataclass(frozen=True, slots=True)
class TestResult:
    """The exact one-sided test."""

    null_fraction: float
    p_value: Quantity
    significance_fraction: float
    rejected: bool | None
    reject_from: int
    """Fewest successes that reject."""
    true_significance_fraction: float
    sentence: str
    alternative_fraction: float | None = None
    """Proportion that is worth showing, where the plan names one."""


@dataclass(frozen=True, slots=True)
class PowerPoint:
    """Probability that the test rejects if the true proportion is this."""

    true_fraction: float
    power_fraction: float


@dataclass(frozen=True, slots=True)
class FlipResult:
    """The answer if one participant more, or one fewer, were a success."""

    successes: int
    estimate_fraction: float
    lower_fraction: float
    upper_fraction: float
    p_value: float | None
    rejected: bool | None


@dataclass(frozen=True, slots=True)
class SurvivalStep:
    """Kaplan-Meier estimate after one time."""

    time_months: float
    at_risk: int
    events: int
    censored: int
    survival_fraction: float
    lower_fraction: float | None
    upper_fraction: float | None


@dataclass(frozen=True, slots=True)
class SurvivalPerson:
    """One participant's time to event."""

    participant_id: str
    time_months: float
    event: bool
    because: str
    origin_on: date | None = None
    """Day from which the time counts; None in results that were written before it was kept."""
    ended_on: date | None = None
    """Day of the event, or on which observation ended."""


@dataclass(frozen=True, slots=True)
class SurvivalResult:
    """A time to event over the analysis set."""

    survival_id: str
    title: str
    analysed: int
    events: int
    people: tuple[SurvivalPerson, ...]
    """In the order of their times."""
    left_out: tuple[str, ...]
    """Who of the analysis set has no time, and why: no origin, or dates that cannot all be true."""
    steps: tuple[SurvivalStep, ...]
    median_months: Quantity
    """Upper bound ``inf`` where it is not reached."""
    transform: Literal["log_log", "log", "plain"]
    confidence_level: float
    median_follow_up_months: Quantity
    """Reverse Kaplan-Meier."""
    rule: str
    """From what to what, and where people are censored, in words."""
    trace: Trace


@dataclass(frozen=True, slots=True)
class TrialAnalysis:
    """Everything analysed beside the primary proportion."""

    estimand: tuple[tuple[str, str], ...] = ()
    """Attribute of ICH E9(R1) -> its text."""
    intercurrent: tuple[IntercurrentOccurrence, ...] = ()
    proportions: tuple[AnalysedProportion, ...] = ()
    """Primary, further intervals, sensitivity analyses."""
    test: TestResult | None = None
    one_sided_lower: Quantity | None = None
    """Lower bound of the proportion with the one-sided confidence that fits the test."""
    posterior_above_null: Quantity | None = None
    posterior: Quantity | None = None
    """Mean of the posterior with its equal-tailed interval."""
    prior: str = ""
    """Of the posterior, in words."""
    power: tuple[PowerPoint, ...] = ()
    flips: tuple[FlipResult, ...] = ()
    survival: tuple[SurvivalResult, ...] = ()
    plain_words: tuple[str, ...] = ()
    """What this number of participants could and could not show."""
