"""What of a record a study of ClinicalTrials.gov holds: so much survives being written and read, and no more."""

from __future__ import annotations

from typing import Any, Final

from theratrial.exchange.ctgov.identity import (
    NCT,
    ORGANIZATION_ID,
    REGISTRY_NAME,
    authority_parts,
    authority_words,
    numbers,
)
from theratrial.exchange.ctgov.prose import DESCRIPTION, SHARING_ACCESS, SHARING_DESCRIPTION
from theratrial.exchange.ctgov.vocabulary import (
    age_of,
    age_words,
    coded_of,
    date_words,
    masked_words,
    phase_of,
    phase_words,
    role_of,
    word_of,
)
from theratrial.exchange.ctgov.write import (
    INFO_TYPES,
    centre_country,
    code_word,
    group_label,
    lead_and_others,
    start_date,
    written_intervention,
)
from theratrial.registry.record import Age, RegistrationRecord
from theratrial.registry.words import Coded, RecordDate, is_blank

_NCT_ONLY: Final = "of trials registered there"
_CODE_ONLY: Final = "as the registry's word"
_CONTACTS: Final = "where contacts are asked for"

CARRIED: Final[tuple[tuple[str, str], ...]] = (
    ("registration.registry", "beside a number"),
    ("registration.number", ""),
    ("registration.utn", ""),
    ("registration.acronym", ""),
    ("registration.registered_on", _NCT_ONLY),
    ("registration.stated.last_update", _NCT_ONLY),
    ("secondary_ids[].number", ""),
    ("secondary_ids[].authority", "of a number"),
    ("public_title", ""),
    ("scientific_title", ""),
    ("summary.aim", ""),
    *((f"summary.{name}", "") for name in DESCRIPTION.names),
    ("people.registrant.organization", ""),
    ("people.general_inquiries.name", _CONTACTS),
    ("people.general_inquiries.phone", _CONTACTS),
    ("people.general_inquiries.email", _CONTACTS),
    ("people.scientific_inquiries.name", _CONTACTS),
    ("people.scientific_inquiries.organization", _CONTACTS),
    ("people.scientific_inquiries.position", "where it is one of the registry's roles and contacts are asked for"),
    ("recruitment.status", _CODE_ONLY),
    ("recruitment.actual_start", ""),
    ("recruitment.expected_start", "where there is no actual one"),
    ("recruitment.primary_completion", ""),
    ("recruitment.trial_completion", ""),
    ("recruitment.actual_sample_size", ""),
    ("recruitment.target_sample_size", "where there is no actual one"),
    ("recruitment.countries", "those of the centres"),
    ("design.study_type", _CODE_ONLY),
    ("design.phase", _CODE_ONLY),
    ("design.randomization", _CODE_ONLY),
    ("design.assignment", _CODE_ONLY),
    ("design.description", ""),
    ("design.purpose", _CODE_ONLY),
    ("design.blinding", _CODE_ONLY),
    ("design.blinding_description", ""),
    ("design.masked_groups", "in the registry's words"),
    ("eligibility.inclusion", ""),
    ("eligibility.exclusion", ""),
    ("eligibility.age_from", "in whole years, months, weeks or days"),
    ("eligibility.age_to", "in whole years, months, weeks or days"),
    ("eligibility.sex", _CODE_ONLY),
    ("conditions[].description", ""),
    ("conditions[].keywords", "all of them with the first condition"),
    *(
        (f"{group}[].{name}", "")
        for group in ("primary_outcomes", "secondary_outcomes")
        for name in (
            "description",
            "method",
            "timepoint",
        )
    ),
    ("interventions[].name", ""),
    ("interventions[].description", ""),
    ("interventions[].category", _CODE_ONLY),
    ("interventions[].keywords", ""),
    ("centres[].organization", ""),
    ("centres[].city", ""),
    ("centres[].province", ""),
    ("centres[].postal_code", ""),
    ("centres[].country", "or the only country of recruitment"),
    ("centres[].name", _CONTACTS),
    ("centres[].phone", _CONTACTS),
    ("centres[].email", _CONTACTS),
    ("centres[].position", "where it is one of the registry's roles and contacts are asked for"),
    ("sponsors[].kind", "as primary or secondary"),
    ("sponsors[].contact.organization", ""),
    ("sponsors[].organization_type", _CODE_ONLY),
    ("sharing.individual_participant_data", "yes, no or undecided"),
    *((f"sharing.{name}", "where it will be shared") for name in INFO_TYPES.values()),
    *((f"sharing.{name}", "") for name in ("when", *SHARING_DESCRIPTION.names, *SHARING_ACCESS.names)),
    ("results.posted_on", _NCT_ONLY),
    ("results.urls", ""),
    ("results.protocol_url", ""),
)
"""Fields that a study carries, and under which condition; of texts the English side, of dates the Gregorian day or
month."""


def carried(record: RegistrationRecord, *, contacts: bool = False) -> RegistrationRecord:
    """The record as it comes back from ClinicalTrials.gov's JSON: the difference to it is what an export leaves out."""
    return RegistrationRecord.model_validate(
        _registration(record)
        | _recruitment(record)
        | _lists(record)
        | {
            "public_title": record.public_title.en,
            "scientific_title": record.scientific_title.en,
            "summary": {name: getattr(record.summary, name).en for name in ("aim", *DESCRIPTION.names)},
            "people": _people(record, contacts=contacts),
            "design": _design(record),
            "eligibility": _eligibility(record),
            "centres": (centres := _centres(record, contacts=contacts)),
            "recruitment": _recruitment(record)["recruitment"]
            | {"countries": list(dict.fromkeys(one["country"] for one in centres if one["country"]))},
            "sharing": _sharing(record),
            "results": _results(record),
        }
    )


def _date(value: RecordDate | None, *, day_only: bool = False) -> RecordDate | None:
    words = date_words(value, day_only=day_only)
    if not words:
        return None
    return RecordDate.model_validate(words if len(words) == 10 else {"gregorian": f"{words}-01", "precision": "month"})


def _code(list_name: str, value: Coded) -> Coded:
    return coded_of(list_name, word_of(list_name, value)) or Coded()


def _registration(record: RegistrationRecord) -> dict[str, Any]:
    registration = record.registration
    own, utn, others = numbers(record)
    is_nct = NCT.fullmatch(registration.number)
    found: dict[str, Any] = {
        "number": registration.number,
        "registry": REGISTRY_NAME if is_nct else registration.registry.en if own else "",
        "utn": utn,
        "acronym": registration.acronym.en,
    }
    if is_nct:
        found["registered_on"] = _date(registration.registered_on, day_only=True)
        found["stated"] = {"last_update": _date(registration.stated.last_update, day_only=True)}
    first = [{"number": own, "authority": ORGANIZATION_ID}] if is_nct and own else []
    listed = [{"number": one.number, "authority": _authority(one.authority.en)} for one in others]
    return {"registration": found, "secondary_ids": first + listed}


def _authority(words: str) -> str:
    parts = authority_parts(words)
    return authority_words(parts.get("type", ""), parts.get("domain", ""))


def _recruitment(record: RegistrationRecord) -> dict[str, Any]:
    recruitment = record.recruitment
    actual = start_date(recruitment).get("type") == "ACTUAL"
    reached = recruitment.actual_sample_size
    return {
        "recruitment": {
            "status": _code("recruitment_status", recruitment.status),
            "actual_start": _date(recruitment.actual_start),
            "expected_start": None if actual else _date(recruitment.expected_start),
            "primary_completion": _date(recruitment.primary_completion),
            "trial_completion": _date(recruitment.trial_completion),
            "actual_sample_size": reached,
            "target_sample_size": recruitment.target_sample_size if reached is None else None,
        }
    }


def _lists(record: RegistrationRecord) -> dict[str, Any]:
    described: list[dict[str, Any]] = [
        {"description": one.description.en} for one in record.conditions if one.description.en
    ]
    if keywords := [word.en for one in record.conditions for word in one.keywords if word.en]:
        described = described or [{}]
        described[0]["keywords"] = keywords
    lead, others = lead_and_others(record)
    sponsors = [("primary_sponsor", lead)] * (lead is not None) + [("secondary_sponsor", one) for one in others]
    return {
        "conditions": described,
        "primary_outcomes": [_outcome(one) for one in record.primary_outcomes if any(_outcome(one).values())],
        "secondary_outcomes": [_outcome(one) for one in record.secondary_outcomes if any(_outcome(one).values())],
        "interventions": [
            {
                "name": "" if one.name.en == group_label(number) else one.name.en,
                "description": one.description.en,
                "category": Coded(code="placebo")
                if one.category.code == "placebo"
                else _code("intervention_category", one.category),
                "keywords": [word.en for word in one.keywords if word.en],
            }
            for number, one in enumerate(filter(written_intervention, record.interventions), 1)
        ],
        "sponsors": [
            {
                "kind": kind,
                "contact": {"organization": one.contact.organization.en},
                "organization_type": _code("organization_type", one.organization_type),
            }
            for kind, one in sponsors
            if one is not None
        ],
    }


def _outcome(one: Any) -> dict[str, str]:
    return {name: getattr(one, name).en for name in ("description", "method", "timepoint")}


def _people(record: RegistrationRecord, *, contacts: bool) -> dict[str, Any]:
    people = record.people
    found: dict[str, Any] = {"registrant": {"organization": people.registrant.organization.en}}
    if not contacts:
        return found
    central, official = people.general_inquiries, people.scientific_inquiries
    return found | {
        "general_inquiries": {"name": central.name.en, "phone": central.phone, "email": central.email},
        "scientific_inquiries": {
            "name": official.name.en,
            "organization": official.organization.en,
            "position": official.position.en if role_of(official.position) else "",
        },
    }


def _design(record: RegistrationRecord) -> dict[str, Any]:
    design = record.design
    names = {
        "study_type": "study_type",
        "randomization": "randomization",
        "assignment": "assignment",
        "purpose": "purpose",
        "blinding": "blinding",
    }
    return {name: _code(list_name, getattr(design, name)) for name, list_name in names.items()} | {
        "phase": phase_of(phase_words(design.phase)) or Coded(),
        "description": design.description.en,
        "blinding_description": design.blinding_description.en,
        "masked_groups": design.masked_groups.en if masked_words(design.masked_groups) else "",
    }


def _eligibility(record: RegistrationRecord) -> dict[str, Any]:
    eligibility = record.eligibility
    return {
        "inclusion": eligibility.inclusion.en,
        "exclusion": eligibility.exclusion.en,
        "sex": _code("sex", eligibility.sex),
        "age_from": age_of(age_words(eligibility.age_from)) or Age(),
        "age_to": age_of(age_words(eligibility.age_to)) or Age(),
    }


def _centres(record: RegistrationRecord, *, contacts: bool) -> list[dict[str, str]]:
    found = []
    for one in record.centres:
        centre = {
            "organization": one.organization.en,
            "city": one.city.en,
            "province": one.province.en,
            "postal_code": one.postal_code,
            "country": centre_country(record, one),
        }
        if contacts:
            person = {"name": one.name.en, "phone": one.phone, "email": one.email}
            position = one.position.en if any(person.values()) and role_of(one.position) else ""
            centre |= person | {"position": position}
        if not all(is_blank(value) for value in centre.values()):
            found.append(centre)
    return found


def _sharing(record: RegistrationRecord) -> dict[str, Any]:
    sharing = record.sharing
    names = ("when", *SHARING_DESCRIPTION.names, *SHARING_ACCESS.names)
    return (
        {name: getattr(sharing, name).en for name in names}
        | {name: "yes" for name in INFO_TYPES.values() if getattr(sharing, name).code == "yes"}
        | {
            "individual_participant_data": sharing.individual_participant_data.code
            if code_word(sharing.individual_participant_data.code)
            else ""
        }
    )


def _results(record: RegistrationRecord) -> dict[str, Any]:
    results = record.results
    is_nct = NCT.fullmatch(record.registration.number)
    return {
        "posted_on": _date(results.posted_on, day_only=True) if is_nct else None,
        "urls": [url for url in results.urls if url],
        "protocol_url": results.protocol_url,
    }
