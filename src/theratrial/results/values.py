"""The tree of a trial's results. Rooms above (report, exchange, pipeline) speak to each other in these values only.

Every number that a person may act on is a `Quantity` with its trace. Categories and verdicts carry a trace beside them.
Texts are for people; ids are the protocol's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, Literal

from theratrial.results.analysis import TrialAnalysis
from theratrial.results.criteria import ParticipantCriteria, ReaderCategory, ReaderReading, TrialCriteria
from theratrial.results.dosimetry import CurvePoint, DoseDetails, Exceedance, ViewAlignment, WholeBody
from theratrial.results.protection import SessionProtection
from theratrial.results.toxicity import ParticipantToxicity, TrialToxicity
from theratrial.trace import Quantity, Trace

RESULTS_SCHEMA_VERSION: Final = "1.2"

Verdict = Literal["proceed", "stop", "undetermined"]
EligibilityText = Literal["eligible", "not eligible", "not known"]
TruthText = Literal["met", "not met", "not known"]
Category = Literal["CR", "PR", "SD", "PD", "NE"]


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file the results were computed from, relative to the trial folder."""

    path: str
    content_hash: str


@dataclass(frozen=True, slots=True)
class Assumption:
    """A clause whose reading is a demonstration assumption."""

    clause: str
    title: str
    answer: str
    why: str


@dataclass(frozen=True, slots=True)
class Note:
    """Something a person should know that did not stop the run (a scan outside its window, a missing image)."""

    participant_id: str
    severity: Literal["info", "warning", "deviation"]
    place: str
    message: str


@dataclass(frozen=True, slots=True)
class CriterionResult:
    """One eligibility criterion for one participant."""

    criterion_id: str
    title: str
    kind: Literal["inclusion", "exclusion"]
    truth: TruthText
    """Whether the participant passes; an exclusion criterion that is met does not exclude."""
    verbatim: str
    because: str
    trace: Trace


@dataclass(frozen=True, slots=True)
class Eligibility:
    """Whether a participant is eligible, criterion by criterion."""

    verdict: EligibilityText
    criteria: tuple[CriterionResult, ...]
    reasons: tuple[str, ...]
    """Titles of the criteria that exclude or are not known."""
    trace: Trace


@dataclass(frozen=True, slots=True)
class SelectionResult:
    """The selection read (HER2 positivity)."""

    result: Literal["positive", "negative", "equivocal", "not read"]
    because: str
    read_at: datetime | None
    trace: Trace


@dataclass(frozen=True, slots=True)
class ScanResult:
    """A planned image of a session or time point, done or not."""

    imaging_id: str
    title: str
    timepoint: str
    status: Literal["done", "missed", "missing"]
    """``missed`` as recorded by a person; ``missing`` where neither an image nor a reason is there."""
    acquired_at: datetime | None
    hours_after: float | None
    """After the administration it belongs to [h]."""
    in_window: bool | None
    series_instance_uid: str
    reason: str
    trace: Trace


@dataclass(frozen=True, slots=True)
class PlanarCounts:
    """Counts of a whole-body pair in the photopeak window: shown and counted, not quantified."""

    imaging_id: str
    timepoint: str
    hours_after: float
    anterior_counts: Quantity
    posterior_counts: Quantity | None
    geometric_mean_counts: Quantity | None
    view_rule: str
    view_confirmed: bool


@dataclass(frozen=True, slots=True)
class RegionDoseResult:
    """A region in one session: points, curve, time-integrated activity and absorbed dose."""

    region_id: str
    region_name: str
    title: str
    kind: Literal["organ", "lesion"]
    at_risk: bool
    points: tuple[CurvePoint, ...]
    determinacy: str
    """Determinacy state of the curve, as named in docs/methods/time_activity.md."""
    determinacy_reason: str
    effective_half_life_h: Quantity
    time_integrated_activity_MBq_h: Quantity
    extrapolated_fraction: Quantity
    absorbed_dose_Gy: Quantity
    missing_parts: tuple[str, ...]
    """Named contributions that the dose does not contain (photons, cross dose ...)."""
    details: DoseDetails = field(default_factory=DoseDetails)


@dataclass(frozen=True, slots=True)
class GateFinding:
    """One line of the gate."""

    clause: str
    title: str
    verdict: Verdict
    because: str
    informs_only: bool
    trace: Trace


@dataclass(frozen=True, slots=True)
class GateResult:
    """May the next session be given? Computed; two physicians sign."""

    after_session: int
    judged_on: date | None
    verdict: Verdict
    findings: tuple[GateFinding, ...]
    next_session_given: bool
    trace: Trace


@dataclass(frozen=True, slots=True)
class SessionResult:
    """One treatment session."""

    session: int
    injected_at: datetime
    batch_id: str
    administered_activity_MBq: Quantity
    """Net of the residual, decay-corrected to the injection."""
    prescribed_activity_MBq: Quantity
    deviation_percent: Quantity
    antibody_mass_mg: float | None
    scans: tuple[ScanResult, ...]
    planar: tuple[PlanarCounts, ...]
    doses: tuple[RegionDoseResult, ...]
    biodistribution: tuple[tuple[str, str], ...]
    """(imaging id, reader's answer)."""
    gate: GateResult | None
    whole_body: WholeBody | None = None
    """Where the protocol wants the whole-body counts."""
    view_alignments: tuple[ViewAlignment, ...] = ()
    """Of the whole-body views that are quantified."""


@dataclass(frozen=True, slots=True)
class CumulativeDose:
    """Absorbed dose of a region over all sessions, beside its limit."""

    region_id: str
    title: str
    kind: Literal["organ", "lesion"]
    absorbed_dose_Gy: Quantity
    limit_Gy: float | None
    limit_citation: str
    sessions_counted: int
    sessions_given: int
    determinacy: str
    judged_upper_Gy: Quantity | None = None
    """Upper bound with the region's own photons over all sessions given: what the gate holds against the limit, before
    it adds a next session. Without value, and infinite above, where a session has no upper bound."""
    exceedance: Exceedance | None = None
    """Where the organ has a limit and every session a population fit."""
    bed_Gy: Quantity | None = None
    """Sum of the sessions' biologically effective doses, weeks apart and therefore without interaction."""


@dataclass(frozen=True, slots=True)
class LesionResult:
    """A lesion at both time points."""

    lesion_id: str
    site: str
    role: Literal["target", "non_target", "new"]
    baseline_uptake: Quantity | None
    response_uptake: Quantity | None
    change_percent: Quantity | None
    status_baseline: str
    status_response: str


@dataclass(frozen=True, slots=True)
class ResponseOutcome:
    """Image-based response of a participant."""

    category: Category
    arithmetic: str
    """The rule applied, in words and numbers."""
    rule_name: str
    exploratory: bool
    metric: str
    change_percent: Quantity | None
    """Of the quantity the rule judges; what the waterfall shows."""
    lesions: tuple[LesionResult, ...]
    trace: Trace
    partial_decrease_percent: float | None = None
    """Least fall the rule calls partial response; None where it has no such threshold."""
    progression_increase_percent: float | None = None
    """Rise above which the rule calls progression."""
    readings: tuple[ReaderReading, ...] = ()
    """What every reader read, with the uptakes; the lesions above are those of one of them."""
    by_reader: tuple[ReaderCategory, ...] = ()
    """The category by each reader's lesions, before adjudication."""
    adjudicated_to: str = ""
    """Reader whose reading stands by an adjudication that counts; empty where none counts."""


@dataclass(frozen=True, slots=True)
class LabPoint:
    """A laboratory value with its grade."""

    test: str
    collected_at: datetime
    value: Quantity
    lower_limit: float | None
    upper_limit: float | None
    grade: int | None
    grade_reason: str
    trace: Trace
    at_least: int | None = None
    """Of a value without a grade: the grades it can have begin here; None: nothing is known."""
    at_most: int | None = None
    term: str = ""
    """CTCAE term of the grade."""
    clinician: str = ""
    """The grade rests on the value alone; what the printed grades ask of a clinician besides."""


@dataclass(frozen=True, slots=True)
class AdverseEvent:
    """A recorded adverse event."""

    term: str
    grade: int
    started_on: date
    ended_on: date | None
    serious: bool
    related: str
    ctcae_version: str = ""
    system_organ_class: str = ""
    """By the event's own version; empty where the term is none of it."""
    ctcae_term: str = ""
    """The term as NCI prints it; empty where it is none."""
    outcome: str = ""
    seriousness: str = ""
    action_taken: str = ""
    trace: Trace | None = None


@dataclass(frozen=True, slots=True)
class ParticipantResult:
    """Everything the run knows of one participant."""

    participant_id: str
    site_id: str
    screened_on: date
    age_years: float | None
    consented_at: datetime | None
    withdrawn_at: datetime | None
    withdrawal_kind: str
    eligibility: Eligibility
    selection: SelectionResult
    treated: bool
    sessions: tuple[SessionResult, ...]
    pet_scans: tuple[ScanResult, ...]
    cumulative_doses: tuple[CumulativeDose, ...]
    laboratory: tuple[LabPoint, ...]
    adverse_events: tuple[AdverseEvent, ...]
    response: ResponseOutcome | None
    disposition: str
    disposition_on: date | None
    disposition_reason: str
    last_session_because: str
    analysis_sets: tuple[str, ...]
    counted: Literal["success", "failure", "excluded", "not analysed"]
    """How the primary endpoint counts this participant."""
    counted_because: str
    criteria: ParticipantCriteria = field(default_factory=ParticipantCriteria)
    toxicity: ParticipantToxicity = field(default_factory=ParticipantToxicity)
    protection: tuple[SessionProtection, ...] = ()


@dataclass(frozen=True, slots=True)
class Flow:
    """Participant flow."""

    screened: int
    screen_failures: tuple[tuple[str, int], ...]
    """(reason, number)."""
    treated: int
    sessions_given: tuple[tuple[int, int], ...]
    """(session number, participants who received it)."""
    response_assessed: int
    analysed: int
    ended: tuple[tuple[str, int], ...]
    """(disposition, number)."""


@dataclass(frozen=True, slots=True)
class EndpointOutcome:
    """The primary endpoint."""

    endpoint_id: str
    title: str
    successes: int
    analysed: int
    proportion: Quantity
    """As a fraction, with its exact interval in lower and upper."""
    confidence_level: float
    interval_method: str
    categories: tuple[tuple[str, int], ...]
    analysis_set: str
    missing_rule: str
    sentence: str
    """The answer in one sentence."""
    plain_words: str
    """What it means and what it does not."""


@dataclass(frozen=True, slots=True)
class TrialResult:
    """The whole trial after a run."""

    schema_version: str
    product_version: str
    trial_id: str
    scientific_title: str
    public_title: str
    phase: str
    registry: str
    protocol_version: str
    protocol_hash: str
    timezone: str
    sample_size: int
    simulated: bool
    """Whether the folder says its participants are virtual."""
    assumptions: tuple[Assumption, ...]
    open_conflicts: tuple[str, ...]
    inputs: tuple[InputFile, ...]
    notes: tuple[Note, ...]
    participants: tuple[ParticipantResult, ...]
    flow: Flow
    endpoint: EndpointOutcome
    criteria: TrialCriteria = field(default_factory=TrialCriteria)
    toxicity: TrialToxicity = field(default_factory=TrialToxicity)
    analysis: TrialAnalysis = field(default_factory=TrialAnalysis)
