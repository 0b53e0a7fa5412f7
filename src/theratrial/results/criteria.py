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


@dataclass(frozen=True, slots=True)
class LesionClass:
    """Visual class of the tracer's uptake in one lesion."""

    lesion_id: str
    known_from: str
    uptake_class: str
    volume_mL: float | None


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """Lesions without uptake of the tracer among the lesions known from other images."""

    pattern: str
    """ZEPHIR pattern A to D, or empty where not assessable."""
    because: str
    lesions: tuple[LesionClass, ...]
    share_negative: Quantity
    """Of the lesions known from other images and assessable, those without uptake [fraction]."""
    trace: Trace


@dataclass(frozen=True, slots=True)
class UptakeFall:
    """What a fall of uptake means: response, blocking, antigen loss, or undecided."""

    label: Literal["response", "blocking", "antigen_loss", "undecided", "no_fall"]
    because: str
    days_since_antibody: int | None
    trace: Trace


@dataclass(frozen=True, slots=True)
class LesionCourse:
    """One lesion through screening PET, therapy scans and response PET."""

    lesion_id: str
    site: str
    baseline_uptake: Quantity | None
    absorbed_dose_Gy: Quantity | None
    """Over all sessions."""
    sessions_counted: int
    response_uptake: Quantity | None
    change_percent: Quantity | None
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
class Agreement:
    """How two readers, or two criteria, agree over the participants."""

    first: str
    second: str
    compared: int
    agreed: int
    table: tuple[tuple[str, str, int], ...]
    """(category of the first, of the second, participants)."""
    kappa: Quantity
    weighting: str
    trace: Trace


@dataclass(frozen=True, slots=True)
class FlippedCategory:
    """A participant whose category another rule or another calibration would change."""

    participant_id: str
    before: str
    after: str
    because: str


@dataclass(frozen=True, slots=True)
class Replay:
    """The trial's response read again under one change."""

    change: str
    """What was changed, in words and numbers."""
    successes: int
    analysed: int
    flipped: tuple[FlippedCategory, ...]
    trace: Trace


@dataclass(frozen=True, slots=True)
class TrialCriteria:
    """Response over the participants."""

    agreements: tuple[Agreement, ...] = ()
    replays: tuple[Replay, ...] = ()
