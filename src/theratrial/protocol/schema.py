"""The schema of a protocol file. Another trial of this kind is another file of this schema, and no code."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from theratrial.protocol.clauses import (
    ADDED_LATER,
    Clause,
    Conflict,
    Identifier,
    Language,
    Name,
    NonEmpty,
    Strict,
    ValueType,
    Window,
)
from theratrial.protocol.plans.analysis import AnalysisPlan
from theratrial.protocol.plans.criteria import FurtherCriteria
from theratrial.protocol.plans.protection import ProtectionPlan
from theratrial.protocol.plans.toxicity import SeriousEvents, StoppingPlan, ToxicityRule

SCHEMA_VERSION = "1.0"


class Identity(Strict):
    """What the trial is called and where it is registered."""

    trial_id: NonEmpty
    registry: NonEmpty
    protocol_version: NonEmpty
    scientific_title: NonEmpty
    public_title: NonEmpty
    phase: NonEmpty
    timezone: NonEmpty
    """IANA name; naive times in records and images are read in it."""
    languages: tuple[NonEmpty, ...] = ("en",)


class Population(Strict):
    """Who is studied."""

    condition: NonEmpty
    icd10: NonEmpty
    sex: Literal["female", "male", "all"]
    minimum_age_years: float
    maximum_age_years: float | None = None
    sample_size: PositiveInt
    """Participants to be treated, as registered."""


class Product(Strict):
    """A radiopharmaceutical of the trial."""

    id: Identifier
    name: NonEmpty
    nuclide: NonEmpty
    vector: NonEmpty
    role: Literal["therapy", "imaging"]
    route: NonEmpty
    minimum_radiochemical_purity_percent: float | None = None


class Arm(Strict):
    """A group of the trial."""

    id: Identifier
    title: NonEmpty
    description: NonEmpty
    product: Identifier


class Sessions(Strict):
    """Treatment sessions and what makes one the last."""

    product: Identifier
    administered_activity_MBq: PositiveFloat
    activity_tolerance_percent: PositiveFloat
    antibody_mass_mg: PositiveFloat | None = None
    maximum_sessions: PositiveInt
    interval_days: Window
    ends_when: tuple[Literal["maximum_reached", "gate_stop", "withdrawal", "death", "progression"], ...]


class Visit(Strict):
    """A visit or procedure with its window, relative to an anchor."""

    id: Identifier
    title: NonEmpty
    anchor: NonEmpty
    """``screening``, ``administration`` (of the same session), ``last_administration`` or another visit's id."""
    window_days: Window
    per_session: bool = False
    procedures: tuple[Identifier, ...] = ()
    """Ids of forms and imaging done at the visit."""
    titles: dict[Language, NonEmpty] = Field(default_factory=dict)
    """Title in further languages of the trial."""


class ImagingPlan(Strict):
    """One planned image and what it is for."""

    id: Identifier
    title: NonEmpty
    kind: Literal["pet_ct", "spect", "whole_body_planar"]
    product: Identifier
    purpose: tuple[Literal["selection", "biodistribution", "dosimetry", "response"], ...]
    per_session: bool
    after: Literal["administration", "last_administration", "screening"]
    """What the window counts from. ``administration``: that of the imaged product, for the same session or time point;
    ``last_administration``: the last one of the therapy product."""
    window_h: Window
    timepoint: Identifier
    """``baseline`` and ``response`` pair the PET images; ``h24``, ``h48`` name the therapy scans."""
    required: bool = True
    titles: dict[Language, NonEmpty] = Field(default_factory=dict)
    """Title in further languages of the trial."""


class Item(Strict):
    """One data item of a form, and the record column it is kept in."""

    id: Name
    label: NonEmpty
    column: Name | None = None
    """Column of the form's table that holds the answer; the item's id where it is not given."""
    where: dict[Name, str] = Field(default_factory=dict)
    """Other columns that the form fills in by itself, so that one table can hold many items (``{test: platelets}``)."""
    type: ValueType
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[NonEmpty, ...] = ()
    required: bool = True
    shown_when: str = ""
    """Condition in the expression language; empty means always."""
    calculated: str = ""
    """Arithmetic in the expression language over the form's other items. Such an item is computed, never typed, and has
    no column."""
    units: tuple[NonEmpty, ...] = ()
    """Further units in which the answer may be typed."""
    may_be_future: bool = False
    """Whether a date may lie ahead (an expiry); otherwise it raises a query."""
    suggestions: tuple[NonEmpty, ...] = ()
    """Words of a text that may be picked; another may be typed all the same."""
    help: str = ""
    """One sentence for who fills it in."""
    labels: dict[Language, NonEmpty] = Field(default_factory=dict)
    """Label in further languages of the trial."""
    helps: dict[Language, NonEmpty] = Field(default_factory=dict)
    choice_labels: dict[Language, dict[str, NonEmpty]] = Field(default_factory=dict)
    """Language -> choice -> its text; ``en`` too where the stored word is not what a person should read."""


class Form(Strict):
    """A form: the items asked together."""

    id: Identifier
    title: NonEmpty
    table: Identifier
    """Record table of the trial folder its answers are kept in."""
    repeats: bool = False
    items: tuple[Item, ...] = Field(min_length=1)
    titles: dict[Language, NonEmpty] = Field(default_factory=dict)
    """Title in further languages of the trial."""


class OtherAnswer(Strict):
    """An answer of another form of the same participant, under a name of its own."""

    form: Identifier
    item: Name
    pick: Literal["latest", "earliest"] = "latest"
    """Which line counts where there are several."""


class EditCheck(Strict):
    """What the answers of a form must satisfy, beside the range of each."""

    id: Identifier
    form: Identifier
    items: tuple[Name, ...] = Field(min_length=1)
    """Items that a finding is shown at, the first of them the one to correct."""
    condition: NonEmpty
    """What must hold, over the form's items, `uses`, and the protocol's variables under names that no item has."""
    uses: dict[Name, OtherAnswer] = Field(default_factory=dict)
    severity: Literal["error", "query"]
    """``error``: the form is not saved. ``query``: it is, and a query is raised."""
    when_missing: Literal["wait", "report"] = "wait"
    """Where nothing but the first of `items` is missing: ``wait`` for it, or ``report`` as if the check failed."""
    message: NonEmpty
    """What is wrong and what to do, to the person who typed."""
    messages: dict[Language, NonEmpty] = Field(default_factory=dict)


class Variable(Strict):
    """A named value that conditions may speak of, and where in the records it is found.

    A flag over a column of another type asks whether the column is filled. A value that no line holds is not known.
    """

    id: Name
    label: NonEmpty
    type: Literal["number", "integer", "text", "flag"]
    unit: str = ""
    table: Identifier
    """``participants``, ``laboratory``, ``eligibility``, ``consents``, ``selection_reads`` ..."""
    column: Name
    where: dict[Name, str] = Field(default_factory=dict)
    """Column -> value that the line must have (``{test: neutrophils}``)."""
    pick: Literal["latest", "earliest", "any"] = "latest"
    maximum_age_days: PositiveFloat | None = None
    """An older value counts as not known."""
    labels: dict[Language, NonEmpty] = Field(default_factory=dict)
    """Label in further languages of the trial."""


class Criterion(Strict):
    """One eligibility criterion as a condition; an exclusion criterion holds when the participant is excluded."""

    kind: Literal["inclusion", "exclusion"]
    title: NonEmpty
    condition: NonEmpty
    titles: dict[Language, NonEmpty] = Field(default_factory=dict)
    """Title in further languages of the trial."""


class SelectionRead(Strict):
    """Who decides on the selection image, by which rule."""

    imaging: Identifier
    reader_roles: tuple[NonEmpty, ...] = Field(min_length=1)
    rule: NonEmpty
    condition: NonEmpty
    """Condition over the read's columns that means positive."""


class BiodistributionRead(Strict):
    """Who reads the whole-body scans and what the answers are."""

    imaging: tuple[Identifier, ...] = Field(min_length=1)
    reader_roles: tuple[NonEmpty, ...] = Field(min_length=1)
    answers: tuple[NonEmpty, ...] = Field(min_length=2)


class DoseLimit(Strict):
    """A limit on the absorbed dose of an organ, with the publication it comes from. Never a constant of the code."""

    absorbed_dose_Gy: PositiveFloat
    citation: NonEmpty


class DoseRegion(Strict):
    """A region whose absorbed dose is computed."""

    id: Identifier
    title: NonEmpty
    kind: Literal["organ", "lesion"]
    region_names: tuple[NonEmpty, ...] = Field(min_length=1)
    """Names of the region in RTSTRUCT or SEG, case-insensitive; a lesion entry may end in ``*``."""
    density_g_per_mL: PositiveFloat
    density_source: NonEmpty
    at_risk: bool = False
    reference_regions: tuple[Identifier, ...] = ()
    """Regions of the reference phantom that the drawn region is made of (``heart_wall`` and ``heart_contents`` for a
    heart drawn as a whole). Empty: no S value; a lesion is then a sphere of its mass."""
    drawn: Literal["whole", "sample"] = "whole"
    """``sample``: only a part is drawn (vertebrae for the red marrow); its concentration stands for the whole."""
    prior_region: Identifier | None = None
    """Region of the population prior whose kinetics it follows; the prior's ``other`` where it is not given."""
    biological: BiologicalParameters | None = None
    """For the biologically effective dose; None: none is computed."""


class BiologicalParameters(Strict):
    """Parameters of the linear-quadratic model of a region, with the publication they come from."""

    alpha_beta_Gy: PositiveFloat
    repair_half_life_h: PositiveFloat
    citation: NonEmpty


class OutlinePlan(Strict):
    """The images that regions are drawn on; a volume is the less certain the smaller the region is against them."""

    voxel_mm: tuple[PositiveFloat, PositiveFloat, PositiveFloat]
    """(slice, row, column) spacing."""
    fwhm_mm: PositiveFloat
    """Resolution of those images."""


class PlanarPlan(Strict):
    """How whole-body views become activity, beside the SPECT."""

    imaging: tuple[Identifier, ...] = Field(min_length=1)
    anatomy: Identifier
    """The planned image whose CT gives attenuation and thickness, and whose drawn regions are projected."""
    whole_body: Literal["none", "counts"] = "none"
    """``counts``: the whole-body counts of the views give the body's effective half-life; at injection the body holds
    all that was administered."""


class DosimetryPlan(Strict):
    """How absorbed doses are computed from the planned images."""

    imaging: tuple[Identifier, ...] = Field(min_length=1)
    curve: Literal["two_point_mono_exponential", "best_supported", "population"]
    """``two_point_mono_exponential``: one exponential through all points. ``best_supported``: the sum of exponentials
    that the points support. ``population``: the points weighed with the published kinetics of `population_prior`; the
    gate then still holds the upper end that the points alone give."""
    population_prior: Identifier | None = None
    """Shipped prior that `population` weighs the points with; also shown beside the other curves."""
    cohort_kinetics: bool = False
    """Whether the trial's own participants update the prior, each without themselves, region by region once eight of
    them have three points."""
    absorbed_dose: Literal["local_deposition", "s_values"] = "local_deposition"
    """``local_deposition``: electrons of the region itself. ``s_values``: electrons and photons by the S values of the
    reference phantom, scaled to the drawn mass; lesions as spheres."""
    phantom: Literal["adult_female", "adult_male", "by_sex"] = "by_sex"
    recovery: Literal["none", "spheres", "regions"] = "none"
    """By the spheres of ``records/recoveries.csv``. ``spheres``: each drawn region is divided by the recovery of a
    sphere of its volume. ``regions``: all regions of a scan are recovered together, with the resolution that the
    spheres show."""
    planar: PlanarPlan | None = None
    voxel_doses: bool = False
    """Whether dose maps, dose-volume histograms and the comparison of engines are computed."""
    clearance_significance: float = Field(gt=0.5, lt=1)
    """One-sided confidence at which clearance or uptake is told from physical decay."""
    maximum_extrapolated_fraction: float = Field(gt=0, le=1)
    repeatability_percent: PositiveFloat
    """Scan-to-scan relative standard deviation of a region's activity beyond counting noise."""
    model_relative_sd_percent: float = Field(ge=0)
    """Relative standard deviation for kinetics that the scan times cannot see."""
    mass_relative_sd_percent: float | None = Field(default=None, ge=0, le=100)
    """Relative standard deviation of a region's mass (outline and density). None: not known, and results say so."""
    outline: OutlinePlan | None = None
    """Adds to every region's mass what its outline leaves open at its size (EANM 2018)."""
    slow_phase_probability: float = Field(default=0.0, ge=0, lt=1)
    """Chance that clearance seen between the scans does not go on after the last of them; raises upper ends."""
    minimum_inside_percent: PositiveFloat = 98.0
    """A region with less of its volume inside the field of view has no activity, instead of a smaller one."""


class LimitsPlan(Strict):
    """Which organ doses are judged, against what."""

    limits: dict[Identifier, DoseLimit] = Field(min_length=1)
    judged: Literal["so_far", "with_next_session"]
    """``with_next_session`` adds what the next session is expected to give, by the upper bound per MBq so far."""


class GradeLimit(Strict):
    """A laboratory test whose CTCAE grade must not be exceeded for the next session."""

    test: Identifier
    maximum_grade: int = Field(ge=0, le=4)


class SafetyGate(Strict):
    """May the next session be given? Each line is judged; one stop stops, one undetermined leaves it undetermined."""

    ctcae_version: Literal["5.0", "6.0"]
    laboratory: tuple[GradeLimit, ...]
    laboratory_maximum_age_days: PositiveFloat
    maximum_adverse_event_grade: int = Field(ge=0, le=4)
    """For events attributed to treatment and not resolved."""
    examiner_roles: tuple[NonEmpty, ...] = Field(min_length=1)
    """Each of these roles must have examined the participant at the gate visit and found no toxicity."""
    visit: Identifier
    pregnancy_test_required: bool = True
    pregnancy_test_before: tuple[Literal["therapy", "imaging"], ...] = ("therapy", "imaging")
    """Roles of the products before each injection of which it is required."""


class ResponseRule(Strict):
    """Image-based response of a participant from lesion uptake at two time points."""

    name: NonEmpty
    imaging_baseline: Identifier
    imaging_response: Identifier
    metric: Literal["suv_peak", "suv_max", "suv_mean"]
    maximum_target_lesions: PositiveInt
    partial_decrease_percent: PositiveFloat
    partial_decrease_absolute: float = Field(ge=0)
    progression_increase_percent: PositiveFloat
    progression_increase_absolute: float = Field(ge=0)
    complete_means: Literal["all_lesions_resolved"]
    new_lesion_is_progression: bool
    other_lesion_rise: Literal["progression", "blocks_response"] = "progression"
    """What follows where any lesion of baseline, target or not, rises above both progression thresholds. PERCIST 1.0
    asks for partial response that no other lesion rises by more than 30 %: ``blocks_response`` leaves stable at best.
    """
    exploratory: bool
    """True where no validated criteria exist for the tracer; said wherever the category is shown."""


class Endpoint(Strict):
    """The primary endpoint: a proportion of an analysis set."""

    id: Identifier
    title: NonEmpty
    kind: Literal["proportion"]
    counted_categories: tuple[Literal["CR", "PR", "SD", "PD"], ...] = Field(min_length=1)
    analysis_set: Identifier
    missing: Literal["failure", "excluded"]
    interval_method: Literal["clopper_pearson", "wilson", "wilson_continuity", "jeffreys", "mid_p", "agresti_coull"]
    confidence_level: float = Field(gt=0.5, lt=1)
    visit: Identifier


class AnalysisSet(Strict):
    """Who is analysed: a condition over the facts of `theratrial.protocol.vocabulary.PARTICIPANT_FACTS`."""

    id: Identifier
    title: NonEmpty
    condition: NonEmpty


class EthicsApproval(Strict):
    """An ethics committee's approval."""

    committee: NonEmpty
    reference: NonEmpty
    approved_on: date
    protocol_version: str = ""


SharingAnswer = Literal["yes", "no", "undecided"]
SHARED_ITEMS: Final = (
    "individual_participant_data", "study_protocol", "statistical_analysis_plan", "informed_consent_form",
    "clinical_study_report", "analytic_code", "data_dictionary",
)  # fmt: skip
"""The items of the sharing plan, in the order of the registries."""


class SharingTerms(Strict):
    """When, to whom and under which conditions an item is shared, in the words of whoever decided it."""

    when: str = ""
    to_whom: str = ""
    conditions: str = ""
    where: str = ""


class SharingPlan(Strict):
    """The seven items of the data-sharing plan."""

    individual_participant_data: SharingAnswer
    study_protocol: SharingAnswer
    statistical_analysis_plan: SharingAnswer
    informed_consent_form: SharingAnswer
    clinical_study_report: SharingAnswer
    analytic_code: SharingAnswer
    data_dictionary: SharingAnswer
    conditions: str = ""
    terms: Annotated[dict[Identifier, SharingTerms], ADDED_LATER] = Field(default_factory=dict)
    """Item -> its terms; an item without has the plan's `conditions`."""
    with_images: Annotated[bool, ADDED_LATER] = False
    """Whether the individual data include the images, or the tables alone."""
    dates: Annotated[Literal["moved", "study_days"], ADDED_LATER] = "moved"
    """In shared tables. ``moved``: by each participant's own number of days, as in the images and all documents."""

    @model_validator(mode="after")
    def _terms_of_items(self) -> SharingPlan:
        unknown = sorted(self.terms.keys() - set(SHARED_ITEMS))
        if unknown:
            raise ValueError(f"terms of {', '.join(unknown)}: the items are {', '.join(SHARED_ITEMS)}")
        return self


class Protocol(Strict):
    """A whole trial as data. Clause ids are the paths in this tree (``eligibility.age``, ``sessions``)."""

    schema_version: Literal["1.0"]
    identity: Clause[Identity]
    population: Clause[Population]
    products: dict[Identifier, Clause[Product]] = Field(min_length=1)
    arms: dict[Identifier, Clause[Arm]] = Field(min_length=1)
    sessions: Clause[Sessions]
    schedule: dict[Identifier, Clause[Visit]] = Field(min_length=1)
    imaging: dict[Identifier, Clause[ImagingPlan]] = Field(min_length=1)
    forms: dict[Identifier, Clause[Form]]
    edit_checks: tuple[EditCheck, ...] = ()
    variables: tuple[Variable, ...]
    eligibility: dict[Identifier, Clause[Criterion]] = Field(min_length=1)
    selection_read: Clause[SelectionRead] | None = None
    biodistribution_read: Clause[BiodistributionRead] | None = None
    dosimetry: Clause[DosimetryPlan]
    dose_regions: dict[Identifier, Clause[DoseRegion]] = Field(min_length=1)
    dose_limits: Clause[LimitsPlan]
    safety_gate: Clause[SafetyGate]
    response: Clause[ResponseRule]
    endpoint: Clause[Endpoint]
    analysis_sets: dict[Identifier, Clause[AnalysisSet]] = Field(min_length=1)
    further_criteria: Annotated[Clause[FurtherCriteria] | None, ADDED_LATER] = None
    toxicity: Annotated[Clause[ToxicityRule] | None, ADDED_LATER] = None
    stopping: Annotated[Clause[StoppingPlan] | None, ADDED_LATER] = None
    serious_events: Annotated[Clause[SeriousEvents] | None, ADDED_LATER] = None
    radiation_protection: Annotated[Clause[ProtectionPlan] | None, ADDED_LATER] = None
    analysis: Annotated[Clause[AnalysisPlan] | None, ADDED_LATER] = None
    ethics: tuple[Clause[EthicsApproval], ...]
    sharing: Clause[SharingPlan]
    conflicts: tuple[Conflict, ...] = ()

    @model_validator(mode="after")
    def _ids_agree(self) -> Protocol:
        for name in ("products", "arms", "schedule", "imaging", "forms", "dose_regions", "analysis_sets"):
            for key, clause in getattr(self, name).items():
                if clause.reading is not None and clause.reading.id != key:
                    raise ValueError(f"{name}.{key}: its reading has id {clause.reading.id!r}; both must be the same")
        conflicts = [conflict.id for conflict in self.conflicts]
        if len(set(conflicts)) != len(conflicts):
            raise ValueError("two conflicts have the same id")
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # Parametrised generics (Clause[Identity]) cannot be pickled by name; worker processes get the text instead,
        # with what was stated alone, so that it stays known what was.
        return (Protocol.model_validate_json, (self.model_dump_json(exclude_unset=True),))
