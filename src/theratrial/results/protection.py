"""Results of radiation protection after one session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from theratrial.trace import Quantity, Trace


@dataclass(frozen=True, slots=True)
class DoseRatePoint:
    """A dose rate, measured or predicted, referred to 1 m."""

    hours_after: float
    dose_rate_uSv_per_h: float
    measured: bool


@dataclass(frozen=True, slots=True)
class ContactRestriction:
    """How long a kind of contact is restricted for one person or situation."""

    person: str
    """Household member's number and kind, or a situation (work, public transport)."""
    constraint_mSv: float
    pattern: str
    """Contact without restriction, in words (hours a day at a distance)."""
    until_h: Quantity
    """Hours after the administration; its upper bound is what the leaflet says."""
    dose_without_mSv: Quantity
    """What the person would receive without restriction."""
    dose_with_mSv: Quantity


@dataclass(frozen=True, slots=True)
class SessionProtection:
    """Dose rate at 1 m, whether the participant may go, and what others keep to."""

    session: int
    rates: tuple[DoseRatePoint, ...]
    curve: tuple[DoseRatePoint, ...]
    effective_half_life_h: Quantity
    dose_rate_at_discharge_uSv_per_h: Quantity
    discharged_at: datetime | None
    limit_name: str
    limit_text: str
    verdict: Literal["may_leave", "may_not_leave", "undetermined"]
    because: str
    may_leave_from_h: Quantity | None
    restrictions: tuple[ContactRestriction, ...]
    trace: Trace
