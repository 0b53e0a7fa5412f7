"""What the gate is told. Lines of a trial folder become these values in `gates.records`; the web shell makes them too.

`record` says where a fact stands (``record:records/laboratory.csv#12``). None is not known, never zero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from theratrial.errors import InputError
from theratrial.safety import LaboratoryResult


@dataclass(frozen=True, slots=True)
class AdverseEvent:
    """An adverse event as recorded; `grade` None where nobody graded it."""

    term: str
    grade: int | None
    ctcae_version: str
    started_on: date
    ended_on: date | None
    related: Literal["related", "not_related", "not_assessed"]
    record: str = ""


@dataclass(frozen=True, slots=True)
class Examination:
    """An examination at a visit by one of the physicians."""

    visit_id: str
    session: int
    examined_on: date
    examiner_role: str
    toxicity: Literal["none", "present", "not_assessed"]
    record: str = ""


@dataclass(frozen=True, slots=True)
class GateVisit:
    """The gate visit as recorded."""

    status: Literal["done", "missed"]
    occurred_on: date | None
    record: str = ""


@dataclass(frozen=True, slots=True)
class PregnancyTest:
    """A pregnancy test, or the statement that none applies."""

    result: Literal["negative", "positive", "not_done", "not_applicable"]
    tested_on: date
    record: str = ""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A withdrawal of consent; `kind` empty where it was not recorded what was withdrawn."""

    withdrawn_at: datetime
    kind: Literal["treatment", "follow_up", "data_use", "all", ""]
    record: str = ""
    taken_back_at: datetime | None = None
    """When she consented again after it."""


@dataclass(frozen=True, slots=True)
class Disposition:
    """How participation ended."""

    event: Literal[
        "screen_failure", "completed", "gate_stop", "withdrawal", "progression", "death", "lost_to_follow_up"
    ]
    occurred_on: date
    record: str = ""


@dataclass(frozen=True, slots=True)
class SessionDose:
    """Absorbed dose of a dose region from one session, as an interval.

    Parameters
    ----------
    region_id
        Id of the protocol's dose region (of a lesion: its name).
    lower_Gy, upper_Gy
        Bounds [Gy]. `upper_Gy` None or infinite: nothing bounds the dose, it is undetermined and `why` says so.
    value
        Key of the result this is (``value:participants/P01/...``), for the trace.
    """

    region_id: str
    kind: Literal["organ", "lesion"]
    session: int
    lower_Gy: float | None
    upper_Gy: float | None
    why: str = ""
    value: str = ""

    def __post_init__(self) -> None:
        for bound in (self.lower_Gy, self.upper_Gy):
            if bound is not None and (math.isnan(bound) or bound < 0):
                raise InputError(
                    f"dose of {self.region_id}, session {self.session}: a bound of {bound} Gy is not possible"
                )
        if self.lower_Gy is not None and self.upper_Gy is not None and self.lower_Gy > self.upper_Gy:
            raise InputError(
                f"dose of {self.region_id}, session {self.session}: lower bound {self.lower_Gy} Gy above upper "
                f"{self.upper_Gy} Gy"
            )

    @property
    def bounded(self) -> bool:
        """Whether an upper bound is known."""
        return self.upper_Gy is not None and math.isfinite(self.upper_Gy)


@dataclass(frozen=True, slots=True)
class LimitProbability:
    """Probability that an organ's dose exceeds its limit, by published kinetics and the points; it informs only."""

    region_id: str
    so_far: float
    with_next_session: float | None
    """None where the activity of a next session is not known."""

    def __post_init__(self) -> None:
        for value in (self.so_far, self.with_next_session):
            if value is not None and not 0 <= value <= 1:
                raise InputError(f"dose of {self.region_id}: a probability of {value} is not possible")


@dataclass(frozen=True, slots=True)
class GateFacts:
    """Everything the gate looks at, of one participant after one session.

    Facts later than the moment of judging are passed over, so a whole record may be given.

    Parameters
    ----------
    session
        The session given last, counted from 1.
    injected_at
        Start of its injection.
    administered_activity_MBq
        Session -> activity given [MBq], of every session so far.
    doses
        Doses of organs and lesions, every session so far; what is not listed is not known.
    next_activity_MBq
        Prescribed for the next session [MBq]; None means the protocol's.
    visit_anchor_on
        Day from which the window of the gate visit counts; None where it is not known.
    """

    participant_id: str
    session: int
    injected_at: datetime
    administered_activity_MBq: dict[int, float]
    sex: Literal["female", "male", "other"]
    visit_anchor_on: date | None
    laboratory: tuple[LaboratoryResult, ...] = ()
    adverse_events: tuple[AdverseEvent, ...] = ()
    examinations: tuple[Examination, ...] = ()
    visit: GateVisit | None = None
    doses: tuple[SessionDose, ...] = ()
    pregnancy_tests: tuple[PregnancyTest, ...] = ()
    withdrawals: tuple[Withdrawal, ...] = ()
    dispositions: tuple[Disposition, ...] = ()
    next_activity_MBq: float | None = None
    probabilities: tuple[LimitProbability, ...] = ()
    """Of exceeding a limit; said beside the judgement and never part of it."""

    def __post_init__(self) -> None:
        if self.session < 1:
            raise InputError(f"{self.participant_id}: a gate follows a session counted from 1, got {self.session}")
        if self.injected_at.tzinfo is None:
            raise InputError(f"{self.participant_id}: the time of injection must carry its time zone")
