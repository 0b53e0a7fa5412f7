"""The registration record as data: what a registry shows of a trial. People stand by role, never by name."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field, PositiveInt, model_validator

from theratrial.protocol.clauses import NonEmpty, Strict
from theratrial.protocol.schema import SharingPlan
from theratrial.registry.calendars import disagreement, jalali_text

SCHEMA_VERSION = "1.0"


class RecordDate(Strict):
    """A day of the record, as registered in the Gregorian calendar and, where given, in the Jalali one."""

    gregorian: date
    jalali: str = ""
    """As registered; empty where the record gives only the Gregorian date."""

    @model_validator(mode="after")
    def _same_day(self) -> RecordDate:
        if self.jalali and (fault := disagreement(self.gregorian, self.jalali)):
            raise ValueError(fault)
        return self

    @property
    def jalali_derived(self) -> str:
        """The Jalali date of the Gregorian one, computed."""
        return jalali_text(self.gregorian)


class Registration(Strict):
    """Number, dates and versions of the record."""

    registry: NonEmpty
    number: NonEmpty
    registered_on: RecordDate
    timing: Literal["prospective", "retrospective", "not_stated"]
    last_update: RecordDate
    update_count: int = Field(ge=0)
    reason_for_update: str = ""
    printed_on: date | None = None
    acronym: str = ""
    secondary_ids: tuple[NonEmpty, ...] = ()


class Summary(Strict):
    """The protocol summary."""

    aim: str = ""
    design: str = ""
    settings_and_conduct: str = ""
    participants: str = ""
    intervention_groups: str = ""
    main_outcome_variables: str = ""


class Recruitment(Strict):
    """Status and dates of recruitment; a date that the record leaves empty is None."""

    status: Literal["not_yet_recruiting", "recruiting", "suspended", "complete", "terminated", "withdrawn"]
    expected_start: RecordDate | None = None
    expected_end: RecordDate | None = None
    actual_start: RecordDate | None = None
    actual_end: RecordDate | None = None
    trial_completion: RecordDate | None = None
    target_sample_size: PositiveInt
    actual_sample_size: int | None = Field(default=None, ge=0)
    centres: tuple[NonEmpty, ...] = Field(min_length=1)
    countries: tuple[NonEmpty, ...] = ()

    @model_validator(mode="after")
    def _ordered(self) -> Recruitment:
        for kind in ("expected", "actual"):
            start, end = getattr(self, f"{kind}_start"), getattr(self, f"{kind}_end")
            if start and end and start.gregorian > end.gregorian:
                raise ValueError(f"{kind} recruitment ends on {end.gregorian} before it starts on {start.gregorian}")
        return self


class Design(Strict):
    """Study type and design."""

    purpose: NonEmpty
    phase: NonEmpty
    assignment: NonEmpty
    randomization: str = ""
    randomization_description: str = ""
    blinding: str = ""
    blinding_description: str = ""
    placebo: str = ""
    masked_groups: str = ""
    other_features: str = ""


class Eligibility(Strict):
    """Criteria as registered."""

    inclusion: NonEmpty
    exclusion: NonEmpty
    age_from: str = ""
    age_to: str = ""
    gender: str = ""


class EthicsReview(Strict):
    """An ethics committee's approval."""

    committee: NonEmpty
    city: str = ""
    approved_on: RecordDate
    reference: NonEmpty


class HealthCondition(Strict):
    """A health condition studied."""

    description: NonEmpty
    icd10: str = ""
    icd10_description: str = ""


class Outcome(Strict):
    """An outcome as registered."""

    description: NonEmpty
    timepoint: str = ""
    method: str = ""


class Intervention(Strict):
    """An intervention group as registered."""

    description: NonEmpty
    category: str = ""


class Funding(Strict):
    """A sponsor or source of funding: an organization, never a person."""

    organization: NonEmpty
    same_as_sponsor: bool | None = None
    proportion_percent: float | None = Field(default=None, ge=0, le=100)
    sector: str = ""
    origin: str = ""
    organization_type: str = ""
    grant: str = ""


class RolePerson(Strict):
    """Who answers for something, by role: no name, telephone, e-mail or address."""

    role: Literal["registrant", "general_inquiries", "scientific_inquiries", "data_updating", "centre", "sponsor"]
    organization: str = ""
    position: str = ""
    degree: str = ""
    specialty: str = ""


class RegistrationRecord(Strict):
    """A whole registration record; the text of free fields is that of the record, letter by letter."""

    schema_version: Literal["1.0"]
    registration: Registration
    scientific_title: NonEmpty
    public_title: NonEmpty
    summary: Summary = Summary()
    recruitment: Recruitment
    design: Design
    eligibility: Eligibility
    ethics: tuple[EthicsReview, ...] = ()
    conditions: tuple[HealthCondition, ...] = ()
    primary_outcomes: tuple[Outcome, ...] = ()
    secondary_outcomes: tuple[Outcome, ...] = ()
    interventions: tuple[Intervention, ...] = ()
    funding: tuple[Funding, ...] = ()
    people: tuple[RolePerson, ...] = ()
    sharing: SharingPlan
