"""The time after a session in which toxicity counts, and what a line of the definition finds in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

LimitingVerdict = Literal["yes", "no", "undetermined", "not_yet"]


@dataclass(frozen=True, slots=True)
class LineFinding:
    """One line of the definition after one session, with the records that were looked at."""

    line: str
    session: int
    verdict: LimitingVerdict
    because: str
    records: tuple[str, ...]
    on: date | None = None
    """Day on which a yes was reached, or from which a no can be said."""


@dataclass(frozen=True, slots=True)
class Watch:
    """The time after one session in which toxicity counts, and up to where the records speak.

    Parameters
    ----------
    closes_at
        End of the window.
    next_at
        Next injection; what follows it is also its doing.
    as_of
        Instant up to which the records speak.
    left_at
        When observation ended before (death, loss, withdrawal); None where it did not.
    longest_gap_days
        The longest time without a count with which a no can be said.
    """

    session: int
    injected_at: datetime
    closes_at: datetime
    next_at: datetime | None
    as_of: datetime
    left_at: datetime | None = None
    longest_gap_days: float = 14.0

    def day(self, at: datetime) -> date:
        """The date, where the participant was treated."""
        return at.astimezone(self.injected_at.tzinfo).date()

    def days(self, at: datetime) -> float:
        """Days after the injection."""
        return (at - self.injected_at).total_seconds() / 86400

    def unfinished(self, until: datetime) -> tuple[LimitingVerdict, str] | None:
        """What to say while `until` is not reached; None where it is."""
        if self.left_at is not None and self.left_at < until:
            said = f"observation ended on day {self.days(self.left_at):.0f} of {self.days(until):.0f}"
            return "undetermined", said
        if self.as_of < until:
            return "not_yet", f"day {self.days(self.as_of):.0f} of {self.days(until):.0f}"
        return None
