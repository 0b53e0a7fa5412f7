"""What a trial's own data say that a registry asks for: counted elsewhere, compared with the record here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Fact:
    """A day or number from the trial's data, and what shows it."""

    value: date | int
    evidence: str
    """Record and line or participant code that show it: ``consents: P01, signed 2022-02-03``."""


@dataclass(frozen=True, slots=True)
class TrialFacts:
    """The state of a trial as of `as_of`. None means that it has not happened, or that the data do not say."""

    as_of: date
    first_consent: Fact | None
    """First enrolment as registries count it: the first consent of a person who was then enrolled."""
    last_enrolment: Fact | None
    first_administration: Fact | None
    last_administration: Fact | None
    last_visit: Fact | None
    last_primary_outcome: Fact | None
    """Last assessment of the primary outcome."""
    screened: int
    enrolled: int
    treated: int
    assessed: int
    """Participants whose primary outcome is assessed."""
    in_treatment_or_follow_up: int
    """Enrolled participants whose participation has not ended."""
    target_sample_size: int | None
    """By the protocol."""
    stopped_early: bool
    data_locked: bool
    sites: tuple[str, ...]
    """Names of the sites with an enrolled participant."""
    simulated: bool
