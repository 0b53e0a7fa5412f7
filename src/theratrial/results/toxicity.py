"""Results of safety beyond grades: nadirs, dose-limiting toxicity, stopping, other CTCAE version, serious events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from theratrial.trace import Quantity, Trace


@dataclass(frozen=True, slots=True)
class NadirResult:
    """The lowest value of a test after a session, the way down and the way back."""

    test: str
    session: int
    baseline: Quantity | None
    nadir: Quantity
    nadir_at: datetime | None
    days_to_nadir: Quantity
    grade: int | None
    recovered_on: date | None
    days_to_recovery: Quantity
    """From the nadir; without value where it has not recovered, and the note says so."""
    predicted_recovery_on: date | None
    predicted_recovery_days: Quantity | None
    """After the session, with its interval; None where it has recovered or nothing can be said."""
    visit_before_nadir: str
    """Where the visit that judges the next session fell before the nadir, or nobody can know, that sentence; else
    empty."""
    trace: Trace
    visit: Literal["before", "not_before", "cannot_be_known", "none"] = "none"
    visit_on: date | None = None
    recovery: Literal["recovered", "not_recovered", "never_beyond", "cannot_be_known"] = "cannot_be_known"
    recovery_target: str = ""
    """What counts as recovered: the grade that the gate allows, as a count."""
    predicted_earliest_on: date | None = None
    predicted_latest_on: date | None = None
    """None beside a predicted day: the counts set no later end."""
    prediction_because: str = ""
    """By which model, or why there is none."""


@dataclass(frozen=True, slots=True)
class LimitingFinding:
    """One line of the definition of dose-limiting toxicity."""

    line: str
    session: int
    verdict: Literal["yes", "no", "undetermined", "not_yet"]
    because: str
    trace: Trace
    on: date | None = None
    """Day on which a yes was reached, or from which a no can be said."""


@dataclass(frozen=True, slots=True)
class LimitingToxicity:
    """Whether a participant had a dose-limiting toxicity."""

    verdict: Literal["yes", "no", "undetermined", "not_yet"]
    because: str
    on: date | None
    """Day it was reached, or from which none can follow."""
    findings: tuple[LimitingFinding, ...]
    trace: Trace


@dataclass(frozen=True, slots=True)
class GradeChange:
    """A value that another CTCAE version grades differently."""

    test: str
    term: str
    collected_at: datetime | None
    first: int | None
    second: int | None
    because: str


@dataclass(frozen=True, slots=True)
class GateChange:
    """A gate that another CTCAE version would decide differently."""

    after_session: int
    first: str
    second: str
    because: str


ReportState = Literal["in_time", "late", "sent", "owed", "overdue", "not_known"]
"""``sent``: no time is set; ``owed``: not sent, the time is not up; ``not_known``: no verdict, ``because`` says why."""


@dataclass(frozen=True, slots=True)
class SeriousReport:
    """A report to one recipient and its clock, of a serious event or of a pregnancy."""

    report: str
    """``initial`` or ``follow_up``; ``expedited`` or ``expedited_follow_up``; of a pregnancy whose it is:
    ``participant`` or ``partner``."""
    recipient: str
    became_aware_at: datetime | None
    """None where the record has no report at all, so that nobody can say when the clock began."""
    due_at: datetime | None
    """None where it is not known, or where the protocol sets no time (a follow-up report)."""
    sent_at: datetime | None
    state: ReportState
    because: str
    trace: Trace


@dataclass(frozen=True, slots=True)
class Expedited:
    """Whether the event goes to the authority within days as a suspected unexpected reaction, and those reports."""

    verdict: Literal["due", "not_due", "undetermined"]
    """Undetermined counts as due: its reports are owed and overdue as those of a due one."""
    urgent: bool
    """The short time of a fatal or life-threatening event."""
    because: str
    reports: tuple[SeriousReport, ...]
    trace: Trace


@dataclass(frozen=True, slots=True)
class SeriousEvent:
    """A line of the listing of serious adverse events."""

    term: str
    system_organ_class: str
    """By the event's own CTCAE version; empty where the term is none of it."""
    ctcae_version: str
    grade: int | None
    started_on: date | None
    ended_on: date | None
    days_after_last_session: int | None
    """Since the last session on or before the first day; None: before the first session, or none was given."""
    session: int | None
    seriousness: str
    related: str
    expected: str
    action_taken: str
    outcome: str
    narrative: str
    comment: str
    reports: tuple[SeriousReport, ...]
    missing: tuple[str, ...]
    """What the record lacks or contradicts, in words (no report, no reason of seriousness ...)."""
    trace: Trace
    expedited: Expedited | None = None
    """None: the protocol has no clause of serious events."""

    @property
    def all_reports(self) -> tuple[SeriousReport, ...]:
        """Those of the clock of hours, then those of the clock of days."""
        return self.reports + (self.expedited.reports if self.expedited is not None else ())


@dataclass(frozen=True, slots=True)
class Pregnancy:
    """A pregnancy that became known in the trial: its exposure and the clock of its report."""

    whose: str
    conceived_on: date | None
    exposure: str
    """In words: how long before or after which administration it began."""
    outcome: str
    report: SeriousReport
    missing: tuple[str, ...]
    trace: Trace


@dataclass(frozen=True, slots=True)
class Contraception:
    """Until when the participant needs contraception."""

    last_administration_on: date
    months: float
    until: date
    because: str
    trace: Trace


@dataclass(frozen=True, slots=True)
class ParticipantToxicity:
    """Safety of one participant beyond grades."""

    nadirs: tuple[NadirResult, ...] = ()
    limiting: LimitingToxicity | None = None
    grade_changes: tuple[GradeChange, ...] = ()
    gate_changes: tuple[GateChange, ...] = ()
    serious: tuple[SeriousEvent, ...] = ()
    pregnancies: tuple[Pregnancy, ...] = ()
    contraception: Contraception | None = None
    """None where nothing was given, or the protocol names no months."""
    values_compared: int = 0
    """Laboratory values graded under both versions."""
    gates_compared: int = 0


@dataclass(frozen=True, slots=True)
class StoppingStep:
    """The boundary after one more participant, in the order in which they could be judged."""

    participant_id: str
    judged_on: date | None
    limiting: Literal["yes", "no"]
    events: int
    participants: int
    stops_at: int | None
    """Fewest events that stop here; None: it cannot stop."""
    stopped: bool


@dataclass(frozen=True, slots=True)
class StoppingCharacteristics:
    """What the boundary does if the true rate is this: exact."""

    rate_fraction: float
    stop_probability_fraction: float
    expected_participants: float


@dataclass(frozen=True, slots=True)
class StoppingResult:
    """The stopping rule replayed on what happened."""

    rule: str
    boundary: tuple[int | None, ...]
    characteristics: tuple[StoppingCharacteristics, ...]
    warnings: tuple[str, ...]
    steps: tuple[StoppingStep, ...]
    undetermined: tuple[str, ...]
    """Participants whose toxicity cannot be judged, or not yet; they are in no step."""
    worst_case_stops: bool
    """Whether the trial would be stopped if all of those had one."""
    sentence: str
    trace: Trace
    not_yet: tuple[str, ...] = ()
    """Of `undetermined`, those whose window is still open."""
    acceptable_rate_fraction: float = 0.0
    participants: int = 0
    """For how many the rule was made."""
    plain_words: str = ""
    """The boundary and where the trial stands, in words for anybody."""


@dataclass(frozen=True, slots=True)
class GradeMove:
    """How many values the other version grades so instead."""

    test: str
    first: int | None
    second: int | None
    values: int


@dataclass(frozen=True, slots=True)
class CohortRecovery:
    """Recovery still to come, foretold by the participants who recovered."""

    participant_id: str
    session: int
    test: str
    predicted_on: date | None
    earliest_on: date | None
    latest_on: date | None
    courses: int
    """Recovered courses of others it rests on."""
    because: str
    trace: Trace


@dataclass(frozen=True, slots=True)
class TrialToxicity:
    """Safety over the participants."""

    stopping: StoppingResult | None = None
    versions: tuple[str, str] = ("", "")
    """CTCAE versions compared: the protocol's, the other."""
    impact_sentence: str = ""
    values_compared: int = 0
    moves: tuple[GradeMove, ...] = ()
    participants_affected: tuple[str, ...] = ()
    """With any value or gate that the other version takes otherwise."""
    gates_compared: int = 0
    gates_changed: int = 0
    recoveries: tuple[CohortRecovery, ...] = ()
