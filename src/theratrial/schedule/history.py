"""What has happened to a participant so far, as far as the schedule depends on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Literal

EndingKind = Literal[
    "screen_failure",
    "completed",
    "gate_stop",
    "withdrawal",
    "treatment_withdrawal",
    "progression",
    "death",
    "lost_to_follow_up",
]
"""``withdrawal`` ends sessions and visits; ``treatment_withdrawal`` ends the sessions and leaves the follow-up."""


class Status(StrEnum):
    """How a planned thing stands at a moment."""

    DONE = "done"
    MISSED = "missed"
    """Recorded as not done."""
    OVERDUE = "overdue"
    """Its window is over and nothing is recorded."""
    DUE = "due"
    """Its window is open."""
    NOT_DUE = "not_due"
    """Its window has not opened, or is not known yet."""
    NOT_EXPECTED = "not_expected"
    """Participation or treatment ended before."""


@dataclass(frozen=True, slots=True)
class Administration:
    """One injection: of the therapy product in a session, or of an imaging product for a time point."""

    product_id: str
    injected_at: datetime
    session: int | None = None
    timepoint: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class RecordedVisit:
    """A visit, done or missed, as recorded."""

    visit_id: str
    status: Literal["done", "missed"]
    session: int | None = None
    occurred_on: date | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class TakenImage:
    """An image that exists, by the plan's id."""

    imaging_id: str
    taken_at: datetime
    session: int | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """Something after which no session is given."""

    kind: EndingKind
    on: date
    source: str = ""
    until: date | None = None
    """Day on which it was taken back: a withdrawal, by a consent signed later."""


@dataclass(frozen=True, slots=True)
class History:
    """A participant's past. Instants are aware, in the time zone in which the trial counts its days."""

    participant_id: str
    screened_on: date
    administrations: tuple[Administration, ...] = ()
    visits: tuple[RecordedVisit, ...] = ()
    images: tuple[TakenImage, ...] = ()
    endings: tuple[Ending, ...] = ()

    def of_session(self, product_id: str, session: int | None) -> Administration | None:
        """The administration of a product in a session."""
        return next((a for a in self.administrations if (a.product_id, a.session) == (product_id, session)), None)

    def of_timepoint(self, product_id: str, timepoint: str) -> Administration | None:
        """The administration of an imaging product for a time point."""
        return next((a for a in self.administrations if (a.product_id, a.timepoint) == (product_id, timepoint)), None)
