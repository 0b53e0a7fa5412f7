"""The registration record as data: every field of IRCT's record and of the WHO Trial Registration Data Set 1.3.1.

Everything may be empty: a record is begun before it is complete, and registries leave gaps; what is missing is said by
the check, not by the type. Words are kept letter by letter. Nothing is stated here that follows from something else:
timing, update count and completeness are computed, and what a registry *states* of them stands apart, under `stated`.

References
----------
WHO Trial Registration Data Set, version 1.3.1 (24 items); IRCT's record as in ``docs/methods/registration_check.md``.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import Field, model_serializer

from theratrial.registry.words import Coded, Percent, Piece, RecordDate, Text, coded, is_blank

SCHEMA_VERSION: Final = "2.0"

Count = Annotated[int, Field(ge=0)]


class Stated(Piece):
    """What a registry prints about its own record and we compute: kept to be compared, never used in its place."""

    timing: Annotated[Coded, coded("timing")] = Coded()
    last_update: RecordDate | None = None
    update_count: Count | None = None


class Registration(Piece):
    """Number and dates."""

    registry: Text = Text()
    number: str = ""
    utn: str = ""
    """WHO Universal Trial Number, ``U1111-1234-5678``."""
    registered_on: RecordDate | None = None
    url: str = ""
    stated: Stated = Stated()
    printed_on: date | None = None
    """Day on which the copy at hand was printed or downloaded."""
    reason_for_update: Text = Text()
    acronym: Text = Text()
    scientific_acronym: Text = Text()


class SecondaryId(Piece):
    """Another number of the trial, and who gave it."""

    number: str = ""
    authority: Text = Text()


class Summary(Piece):
    """The protocol summary."""

    aim: Text = Text()
    design: Text = Text()
    settings_and_conduct: Text = Text()
    participants: Text = Text()
    intervention_groups: Text = Text()
    main_outcome_variables: Text = Text()


class Contact(Piece):
    """An organization and, for it, a person. `PERSONAL` fields stay out of every export that does not ask for them."""

    organization: Text = Text()
    name: Text = Text()
    position: Text = Text()
    degree: Text = Text()
    specialty: Text = Text()
    address: Text = Text()
    city: Text = Text()
    province: Text = Text()
    postal_code: str = ""
    country: Text = Text()
    phone: str = ""
    mobile: str = ""
    fax: str = ""
    email: str = ""
    web: str = ""


PERSONAL: Final = ("name", "phone", "mobile", "fax", "email", "web")
"""Fields of a `Contact` that point at a person."""


class Recruitment(Piece):
    """Status, dates and numbers of recruitment."""

    status: Annotated[Coded, coded("recruitment_status")] = Coded()
    funding_source: Text = Text()
    expected_start: RecordDate | None = None
    expected_end: RecordDate | None = None
    actual_start: RecordDate | None = None
    actual_end: RecordDate | None = None
    primary_completion: RecordDate | None = None
    """Last measurement of the primary outcome; ClinicalTrials.gov has it, IRCT has not."""
    trial_completion: RecordDate | None = None
    target_sample_size: Count | None = None
    actual_sample_size: Count | None = None
    countries: tuple[Text, ...] = ()

    @property
    def first_enrolment(self) -> RecordDate | None:
        """Actual start where given, else the expected one."""
        return self.actual_start or self.expected_start


class Design(Piece):
    """Study type and design."""

    study_type: Annotated[Coded, coded("study_type")] = Coded()
    purpose: Annotated[Coded, coded("purpose")] = Coded()
    phase: Annotated[Coded, coded("phase")] = Coded()
    masked_groups: Text = Text()
    randomization: Annotated[Coded, coded("randomization")] = Coded()
    randomization_description: Text = Text()
    blinding: Annotated[Coded, coded("blinding")] = Coded()
    blinding_description: Text = Text()
    placebo: Annotated[Coded, coded("placebo")] = Coded()
    assignment: Annotated[Coded, coded("assignment")] = Coded()
    other_features: Text = Text()
    description: Text = Text()
    """The design in one sentence, where a source gives only that (ICTRP's study_design)."""


class Age(Piece):
    """A limit of age; `text` holds the registered words where they are not ``18 years``."""

    value: Annotated[float, Field(ge=0)] | None = None
    unit: Literal["years", "months", "weeks", "days"] = "years"
    text: Text = Text()

    @model_serializer
    def _short(self) -> Any:
        plain: dict[str, Any] = {"value": self.value} if self.value is not None else {}
        plain |= {"unit": self.unit} if self.unit != "years" else {}
        return plain | ({"text": self.text.model_dump()} if self.text else {})

    def __bool__(self) -> bool:
        return self.value is not None or bool(self.text)

    def __str__(self) -> str:
        if self.text:
            return str(self.text)
        return "" if self.value is None else f"{self.value:g} {self.unit}"


class Eligibility(Piece):
    """Criteria as registered."""

    inclusion: Text = Text()
    exclusion: Text = Text()
    age_from: Age = Age()
    age_to: Age = Age()
    sex: Annotated[Coded, coded("sex")] = Coded()


class EthicsReview(Piece):
    """An ethics committee's review."""

    status: Annotated[Coded, coded("ethics_status")] = Coded()
    contact: Contact = Contact()
    """The committee: name as organization."""
    approved_on: RecordDate | None = None
    reference: str = ""


class HealthCondition(Piece):
    """A health condition studied."""

    description: Text = Text()
    icd10: str = ""
    icd10_description: Text = Text()
    keywords: tuple[Text, ...] = ()


class Outcome(Piece):
    """An outcome as registered."""

    description: Text = Text()
    timepoint: Text = Text()
    method: Text = Text()


class Intervention(Piece):
    """An intervention group as registered."""

    name: Text = Text()
    """Short name of group or intervention, where the registry has one (ClinicalTrials.gov); IRCT has not."""
    description: Text = Text()
    category: Annotated[Coded, coded("intervention_category")] = Coded()
    keywords: tuple[Text, ...] = ()


class Sponsor(Piece):
    """A sponsor or source of support, with the grant."""

    kind: Annotated[Coded, coded("sponsor_kind")] = Coded()
    contact: Contact = Contact()
    grant_name: Text = Text()
    grant_code: str = ""
    same_as_sponsor: Annotated[Coded, coded("yes_no")] = Coded()
    funding_title: Text = Text()
    proportion_percent: Percent | None = None
    sector: Annotated[Coded, coded("sector")] = Coded()
    origin: Annotated[Coded, coded("origin")] = Coded()
    foreign_category: Text = Text()
    foreign_country: Text = Text()
    organization_type: Annotated[Coded, coded("organization_type")] = Coded()


class People(Piece):
    """Who answers for what."""

    registrant: Contact = Contact()
    general_inquiries: Contact = Contact()
    scientific_inquiries: Contact = Contact()
    data_updating: Contact = Contact()


class SharingPlan(Piece):
    """The seven items of the sharing plan, and the details asked for once one is shared."""

    individual_participant_data: Annotated[Coded, coded("sharing")] = Coded()
    study_protocol: Annotated[Coded, coded("sharing")] = Coded()
    statistical_analysis_plan: Annotated[Coded, coded("sharing")] = Coded()
    informed_consent_form: Annotated[Coded, coded("sharing")] = Coded()
    clinical_study_report: Annotated[Coded, coded("sharing")] = Coded()
    analytic_code: Annotated[Coded, coded("sharing")] = Coded()
    data_dictionary: Annotated[Coded, coded("sharing")] = Coded()
    title_and_details: Text = Text()
    when: Text = Text()
    to_whom: Text = Text()
    conditions: Text = Text()
    where: Text = Text()
    how: Text = Text()
    comments: Text = Text()


SHARED_ITEMS: Final = (
    "individual_participant_data",
    "study_protocol",
    "statistical_analysis_plan",
    "informed_consent_form",
    "clinical_study_report",
    "analytic_code",
    "data_dictionary",
)


class SummaryResults(Piece):
    """Summary results (TRDS item 23)."""

    posted_on: RecordDate | None = None
    first_published_on: RecordDate | None = None
    urls: tuple[str, ...] = ()
    summary: Text = Text()
    baseline: Text = Text()
    participant_flow: Text = Text()
    adverse_events: Text = Text()
    outcome_measures: Text = Text()
    protocol_url: str = ""


class RegistrationRecord(Piece):
    """A whole registration record."""

    schema_version: Literal["2.0"] = SCHEMA_VERSION
    registration: Registration = Registration()
    scientific_title: Text = Text()
    public_title: Text = Text()
    summary: Summary = Summary()
    people: People = People()
    recruitment: Recruitment = Recruitment()
    design: Design = Design()
    eligibility: Eligibility = Eligibility()
    secondary_ids: tuple[SecondaryId, ...] = ()
    ethics: tuple[EthicsReview, ...] = ()
    conditions: tuple[HealthCondition, ...] = ()
    primary_outcomes: tuple[Outcome, ...] = ()
    secondary_outcomes: tuple[Outcome, ...] = ()
    interventions: tuple[Intervention, ...] = ()
    centres: tuple[Contact, ...] = ()
    """Recruitment centres: name as organization, the person responsible as name."""
    sponsors: tuple[Sponsor, ...] = ()
    sharing: SharingPlan = SharingPlan()
    results: SummaryResults = SummaryResults()

    @model_serializer(mode="wrap")
    def _with_version(self, handler: Any) -> Any:
        plain = {key: value for key, value in handler(self).items() if not is_blank(value)}
        return {"schema_version": self.schema_version} | plain
