"""Results of response criteria beside the protocol's rule, of one participant and of the trial."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from theratrial.trace import Quantity, Trace

CriteriaId = Literal["protocol", "percist_1_0", "eortc_1999", "recist_1_1"]


@dataclass(frozen=True, slots=True)
class CriteriaAssessment:
    """One assessment under one set of criteria, with its arithmetic."""

    on: date | None
    category: str
    because: str
    measured: Quantity | None
    """What the criteria judge: the sum of diameters [mm], the hottest SULpeak [g/mL] ..."""
    change_percent: Quantity | None
    visit: str = ""
    """Time point or visit as the protocol or the record names it."""
    reader: str = ""
    """Whose reading it is."""


@dataclass(frozen=True, slots=True)
class ReaderCategory:
    """The response by one reader's lesions."""

    reader: str
    category: str
    because: str


@dataclass(frozen=True, slots=True)
class ReferenceUptake:
    """Uptake of a reference region on one scan: mean and standard deviation over its voxels."""

    timepoint: str
    region: str
    """``liver`` or ``blood_pool``."""
    mean: Quantity
    sd: Quantity
    note: str = ""
    """Where it lies, or why it was not measured."""


@dataclass(frozen=True, slots=True)
class VolumeAbove:
    """What of a drawn lesion lies at or above the protocol's threshold; without value where it cannot be told."""

    threshold: Quantity
    """In the measure of the criteria, as `CriteriaLesion.maximum`."""
    volume_mL: Quantity
    """Metabolic volume."""
    total_g: Quantity
    """Total lesion uptake: metabolic volume times the mean in it [g]."""


@dataclass(frozen=True, slots=True)
class CriteriaLesion:
    """Uptake of one lesion on one scan, by lean body mass where the criteria ask for it."""

    lesion_id: str
    timepoint: str
    peak: Quantity
    maximum: Quantity
    mean: Quantity
    volume_mL: Quantity
    total_g: Quantity
    """Total lesion uptake: volume times mean [g]."""
    above: VolumeAbove | None = None
    """The part of the contour above the protocol's threshold."""


@dataclass(frozen=True, slots=True)
class CriteriaOption:
    """A place that the criteria leave open, how it is read here, and why."""

    name: str
    value: str
    because: str


@dataclass(frozen=True, slots=True)
class CriteriaResult:
    """A participant's category under one set of criteria."""

    criteria: CriteriaId
    title: str
    exploratory: bool
    category: str
    """In the criteria's own words (CMR, PR, NON-CR/NON-PD ...); ``NE`` where not assessable."""
    controlled: bool | None
    """Whether it is disease control (CR, PR, SD or their like); None where not assessable."""
    because: str
    """The arithmetic, or "not assessable because"."""
    reader: str
    assessments: tuple[CriteriaAssessment, ...]
    options: tuple[CriteriaOption, ...]
    trace: Trace
    exploratory_because: str = ""
    readers: tuple[ReaderCategory, ...] = ()
    """Every reader's category; more than one where more than one read."""
    references: tuple[ReferenceUptake, ...] = ()
    lesions: tuple[CriteriaLesion, ...] = ()
    cautions: tuple[str, ...] = ()
    """What does not change the category and should be known when it is read."""


@dataclass(frozen=True, slots=True)
class ReadUptake:
    """One lesion as a reader read it at one time point, with its uptake in every metric a rule may judge."""

    lesion_id: str
    role: Literal["target", "non_target", "new"]
    status: Literal["present", "resolved", "not_assessable"]
    suv_peak: Quantity | None
    suv_max: Quantity | None
    suv_mean: Quantity | None
    record: str
    """``record:<file>#<line>`` of the reading."""


@dataclass(frozen=True, slots=True)
class ReaderReading:
    """Everything one reader read at one time point; what the response is replayed from, without the images."""

    reader: str
    """Empty where the image is there and nobody read it."""
    timepoint: Literal["baseline", "response"]
    uptakes: tuple[ReadUptake, ...]


@dataclass(frozen=True, slots=True)
class LesionClass:
    """Visual class of the tracer's uptake in one lesion, as one reader sees it."""

    lesion_id: str
    site: str
    known_from: str
    uptake_class: str
    volume_mL: float | None
    counts: Literal["positive", "negative", "not_assessable", "tracer_only"]
    """As which it is counted; ``tracer_only``: seen on the tracer alone and counted beside."""
    because: str
    """Why it is not counted; empty where it is."""


@dataclass(frozen=True, slots=True)
class ReaderHeterogeneity:
    """One reader's classes and the pattern they make."""

    reader: str
    pattern: str
    """A to D, or empty where not assessable."""
    because: str
    basis: Literal["volume", "number"]
    """Which of the two shares the pattern is by: the volume, where every counted lesion has one."""
    lesions: tuple[LesionClass, ...]
    discordant: tuple[str, ...]
    """Known from other images and without uptake: what the therapy cannot reach."""
    share_negative: Quantity
    """By number [fraction]."""
    share_negative_volume: Quantity
    """By volume [fraction]."""
    trace: Trace


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """Lesions without uptake of the tracer among the lesions known from other images, by all readers."""

    pattern: str
    """ZEPHIR pattern A to D, or empty where not assessable or the readers differ."""
    because: str
    readers: tuple[ReaderHeterogeneity, ...]
    trace: Trace


@dataclass(frozen=True, slots=True)
class FallEvidence:
    """One thing that was asked about a fall of uptake, and what the records say."""

    question: str
    answer: Literal["yes", "no", "not_known"]
    because: str


@dataclass(frozen=True, slots=True)
class UptakeFall:
    """What a fall of uptake means: response, blocking, antigen loss, or undecided."""

    label: Literal["response", "blocking", "antigen_loss", "undecided", "no_fall"]
    branch: str
    """Which line of the table in docs/methods/heterogeneity.md decided."""
    because: str
    days_since_antibody: int | None
    """From the last cold antibody to the response scan."""
    last_antibody: str
    """What it was and when, in words; empty where none is recorded."""
    evidence: tuple[FallEvidence, ...]
    trace: Trace


@dataclass(frozen=True, slots=True)
class LesionSessionDose:
    """Absorbed dose of a lesion in one session; without value and "no region" where nothing was drawn."""

    session: int
    absorbed_dose_Gy: Quantity
    determinacy: str


@dataclass(frozen=True, slots=True)
class LesionCourse:
    """One lesion through screening PET, therapy scans and response PET."""

    lesion_id: str
    site: str
    role: str
    baseline_uptake: Quantity | None
    absorbed_dose_Gy: Quantity | None
    """Over all sessions; None where no session has a region that is this lesion."""
    determinacy: str
    sessions_counted: int
    dose_region: str
    """Region of the therapy scans that is this lesion; empty where none is."""
    session_doses: tuple[LesionSessionDose, ...]
    matched_by: str
    """How the region of the doses is known to be this lesion, or why none is."""
    response_uptake: Quantity | None
    status_response: str
    change_percent: Quantity | None
    length_baseline_mm: Quantity | None
    length_response_mm: Quantity | None
    length_change_percent: Quantity | None
    """Of its diameter on CT, from baseline to the response assessment."""


@dataclass(frozen=True, slots=True)
class ParticipantCriteria:
    """Everything about response beside the protocol's rule."""

    criteria: tuple[CriteriaResult, ...] = ()
    heterogeneity: Heterogeneity | None = None
    uptake_fall: UptakeFall | None = None
    lesions: tuple[LesionCourse, ...] = ()


@dataclass(frozen=True, slots=True)
class Kappa:
    """Cohen's kappa with its asymptotic 95 % interval."""

    weighting: Literal["unweighted", "linear", "quadratic"]
    kappa: Quantity
    """Without value where it is not defined; the note says why. A note beside a value is a caution."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How two readers, or two criteria, agree over the participants."""

    between: Literal["readers", "criteria"]
    what: str
    """What is compared: the category by the protocol's rule, disease control, the pattern of uptake."""
    first: str
    second: str
    compared: int
    agreed: int
    left_out: int
    """Participants for whom either has no answer."""
    categories: tuple[str, ...]
    """In the order that weights go by."""
    table: tuple[tuple[str, str, int], ...]
    """(category of the first, of the second, participants)."""
    share_agreed: Quantity
    """With its exact interval [fraction]."""
    kappas: tuple[Kappa, ...]
    trace: Trace


@dataclass(frozen=True, slots=True)
class FlippedCategory:
    """A participant whose category another rule or another calibration would change."""

    participant_id: str
    before: str
    after: str
    counted_before: str
    counted_after: str
    because: str


@dataclass(frozen=True, slots=True)
class Replay:
    """The trial's response read again under one change."""

    rule: Literal["protocol", "recist_1_1"]
    """Whose categories were read again; of RECIST 1.1 disease control is counted, never the endpoint."""
    kind: Literal["as_is", "metric", "threshold", "lesions", "confirmation", "missing", "calibration"]
    name: str
    """As `theratrial respond replay --change` takes it."""
    change: str
    """What was changed, in words and numbers."""
    successes: int
    analysed: int
    proportion: Quantity
    """With the endpoint's interval [fraction]."""
    flipped: tuple[FlippedCategory, ...]
    trace: Trace


@dataclass(frozen=True, slots=True)
class DoseResponse:
    """Lesions' absorbed dose against their change of uptake over the trial: exploratory, no test."""

    participants: int
    lesions: int
    """With a dose that has a value and a change that was measured."""
    undetermined: int
    """Whose change was measured and whose dose has no value or no upper bound: shown apart, not counted."""
    resolved: int
    """Resolved at response, so without a percentage; not counted."""
    rank_correlation: Quantity
    """Spearman's rho with its interval; without value where too few lesions are there."""
    trace: Trace


@dataclass(frozen=True, slots=True)
class TrialCriteria:
    """Response over the participants."""

    agreements: tuple[Agreement, ...] = ()
    replays: tuple[Replay, ...] = ()
    dose_response: DoseResponse | None = None
