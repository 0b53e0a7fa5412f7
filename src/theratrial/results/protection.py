"""Results of radiation protection after one session."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from theratrial.trace import Quantity, Trace

Kinetics = Literal["measured_dose_rates", "whole_body_counts", "physical_decay"]
ReleaseVerdict = Literal["may_leave", "may_not_leave", "undetermined"]


@dataclass(frozen=True, slots=True)
class DoseRatePoint:
    """A dose rate, measured or predicted, referred to 1 m."""

    hours_after: float
    dose_rate_uSv_per_h: float
    measured: bool
    lower_uSv_per_h: float | None = None
    upper_uSv_per_h: float | None = None
    used: bool = True
    """False for a measurement that is not above the background and therefore says nothing of the fall."""


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
    """What the person would receive without restriction, from the discharge on."""
    dose_with_mSv: Quantity
    """The same with contact only after the upper bound of `until_h`."""
    member_id: str = ""
    """Number in the household; empty for a situation."""
    kind: str = ""
    """``adult``, ``child_under_2`` ...; ``public`` for a situation."""
    pattern_id: str = ""
    until_on: date | None = None
    """First day without this restriction: the upper bound, rounded up to a whole day. None: ask the physicist."""


@dataclass(frozen=True, slots=True)
class SessionProtection:
    """Dose rate at 1 m, whether the participant may go, and what others keep to."""

    session: int
    rates: tuple[DoseRatePoint, ...]
    curve: tuple[DoseRatePoint, ...]
    effective_half_life_h: Quantity
    """Of the slowest phase."""
    dose_rate_at_discharge_uSv_per_h: Quantity
    """At 1 m, at `judged_at_h`."""
    discharged_at: datetime | None
    limit_name: str
    limit_text: str
    verdict: ReleaseVerdict
    because: str
    may_leave_from_h: Quantity | None
    restrictions: tuple[ContactRestriction, ...]
    trace: Trace
    kinetics: Kinetics = "physical_decay"
    """What the curve really rests on; the protocol may have wanted more than was measured."""
    kinetics_text: str = ""
    judged_at_h: float | None = None
    """Hours after the administration to which verdict and restrictions refer."""
    remarks: tuple[str, ...] = ()
    """What a physicist should look at: readings left out, rates that do not fall, an earlier discharge."""
    contraception_until: date | None = None
