"""A registration record as a study of ClinicalTrials.gov's v2 interface.

Only what the record holds is written: no flag is set to false because nothing is known of it, and dates that the
registry gives itself (first submission, last update, results) are written for its own trials only. The registry is
English: Persian words stay in the record. What is carried stands in `theratrial.exchange.ctgov.carried`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from theratrial.exchange.ctgov.identity import NCT, identification
from theratrial.exchange.ctgov.prose import DESCRIPTION, SHARING_ACCESS, SHARING_DESCRIPTION, criteria_text
from theratrial.exchange.ctgov.vocabulary import (
    age_words,
    completion_type,
    date_words,
    masked_words,
    phase_words,
    role_of,
    word_of,
)
from theratrial.registry.codes import code_list
from theratrial.registry.record import Contact, Intervention, Outcome, Recruitment, RegistrationRecord, Sponsor
from theratrial.registry.words import RecordDate, is_blank

if TYPE_CHECKING:
    from theratrial.registry.results_reported import ReportedResults

INFO_TYPES: Final = {
    "STUDY_PROTOCOL": "study_protocol",
    "SAP": "statistical_analysis_plan",
    "ICF": "informed_consent_form",
    "CSR": "clinical_study_report",
    "ANALYTIC_CODE": "analytic_code",
}
"""Word of the registry -> field of the sharing plan."""
RESULTS_LINK: Final = "Results"
PROTOCOL_LINK: Final = "Study protocol"


def ctgov_study(
    record: RegistrationRecord,
    results: ReportedResults | None = None,
    *,
    contacts: bool = False,
    draft: bool = False,
) -> dict[str, Any]:
    """The study, its ``protocolSection`` filled as far as the record goes, and its results where there are any.

    Parameters
    ----------
    results
        Of this trial; they make the ``resultsSection``.
    contacts
        Whether names, telephones and addresses of people are written; without, neither officials nor contacts are.
    draft
        Whether results of data that are not locked may be written, marked as a draft.

    Raises
    ------
    InputError
        The results are another trial's, do not add up, or rest on data that are not locked and no draft is wanted.

    Examples
    --------
    >>> from theratrial.registry.reader import shipped_registration
    >>> study = ctgov_study(shipped_registration("IRCT20210612051548N3"))
    >>> study["protocolSection"]["designModule"]["enrollmentInfo"]
    {'count': 15, 'type': 'ESTIMATED'}
    """
    section = {
        "identificationModule": _identification(record),
        "statusModule": _status(record),
        "sponsorCollaboratorsModule": _sponsors(record),
        "descriptionModule": _description(record),
        "conditionsModule": _conditions(record),
        "designModule": _design(record),
        "armsInterventionsModule": _interventions(record),
        "outcomesModule": {
            "primaryOutcomes": [_outcome(one) for one in record.primary_outcomes],
            "secondaryOutcomes": [_outcome(one) for one in record.secondary_outcomes],
        },
        "eligibilityModule": _eligibility(record),
        "contactsLocationsModule": _places(record, contacts=contacts),
        "referencesModule": _links(record),
        "ipdSharingStatementModule": _sharing(record),
    }
    study: dict[str, Any] = {"protocolSection": _filled(section) or {}}
    if results is None:
        return study | {"hasResults": False}
    from theratrial.exchange.ctgov.results import results_section

    told = results_section(results, record, contacts=contacts, draft=draft)
    return study | {"resultsSection": _filled(told), "hasResults": True}


def _filled(value: Any) -> Any:
    """Without what is empty, at every depth."""
    if isinstance(value, dict):
        kept = {key: _filled(member) for key, member in value.items()}
        return {key: member for key, member in kept.items() if not is_blank(member)}
    if isinstance(value, list):
        return [member for member in map(_filled, value) if not is_blank(member)]
    return value


def _identification(record: RegistrationRecord) -> dict[str, Any]:
    return identification(record) | {
        "organization": {"fullName": record.people.registrant.organization.en},
        "briefTitle": record.public_title.en,
        "officialTitle": record.scientific_title.en,
        "acronym": record.registration.acronym.en,
    }


def _status(record: RegistrationRecord) -> dict[str, Any]:
    recruitment = record.recruitment
    dates = {
        "startDateStruct": start_date(recruitment),
        "primaryCompletionDateStruct": _completion(recruitment, recruitment.primary_completion, primary=True),
        "completionDateStruct": _completion(recruitment, recruitment.trial_completion, primary=False),
    }
    found: dict[str, Any] = {"overallStatus": word_of("recruitment_status", recruitment.status), **dates}
    if NCT.fullmatch(record.registration.number):
        found["studyFirstSubmitDate"] = date_words(record.registration.registered_on, day_only=True)
        found["lastUpdateSubmitDate"] = date_words(record.registration.stated.last_update, day_only=True)
        if posted := date_words(record.results.posted_on, day_only=True):
            found["resultsFirstPostDateStruct"] = {"date": posted, "type": "ACTUAL"}
    return found


def start_date(recruitment: Recruitment) -> dict[str, str]:
    """The actual start where it can be written, else the expected one."""
    if actual := date_words(recruitment.actual_start):
        return {"date": actual, "type": "ACTUAL"}
    expected = date_words(recruitment.expected_start)
    return {"date": expected, "type": "ESTIMATED"} if expected else {}


def _completion(recruitment: Recruitment, value: RecordDate | None, *, primary: bool) -> dict[str, str]:
    words = date_words(value)
    return {"date": words, "type": completion_type(recruitment.status, primary=primary)} if words else {}


def lead_and_others(record: RegistrationRecord) -> tuple[Sponsor | None, tuple[Sponsor, ...]]:
    """The lead sponsor and the others, of the sponsors that have a name.

    A sponsor whose role is not given leads where none is called the primary one.
    """
    named = [one for one in record.sponsors if one.contact.organization.en]
    leading = [one for kind in ("primary_sponsor", "") for one in named if one.kind.code == kind]
    lead = leading[0] if leading else None
    return lead, tuple(one for one in named if one is not lead)


def _sponsors(record: RegistrationRecord) -> dict[str, Any]:
    lead, others = lead_and_others(record)
    return {"leadSponsor": _sponsor(lead) if lead else {}, "collaborators": [_sponsor(one) for one in others]}


def _sponsor(sponsor: Sponsor) -> dict[str, str]:
    return {
        "name": sponsor.contact.organization.en,
        "class": word_of("organization_type", sponsor.organization_type),
    }


def _description(record: RegistrationRecord) -> dict[str, str]:
    words = {name: getattr(record.summary, name).en for name in DESCRIPTION.names}
    return {"briefSummary": record.summary.aim.en, "detailedDescription": DESCRIPTION.written(words)}


def _conditions(record: RegistrationRecord) -> dict[str, Any]:
    return {
        "conditions": [one.description.en for one in record.conditions],
        "keywords": [word.en for one in record.conditions for word in one.keywords],
    }


def _design(record: RegistrationRecord) -> dict[str, Any]:
    design, recruitment = record.design, record.recruitment
    reached = recruitment.actual_sample_size
    count = recruitment.target_sample_size if reached is None else reached
    return {
        "studyType": word_of("study_type", design.study_type),
        "phases": phase_words(design.phase),
        "designInfo": {
            "allocation": word_of("randomization", design.randomization),
            "interventionModel": word_of("assignment", design.assignment),
            "interventionModelDescription": design.description.en,
            "primaryPurpose": word_of("purpose", design.purpose),
            "maskingInfo": {
                "masking": word_of("blinding", design.blinding),
                "maskingDescription": design.blinding_description.en,
                "whoMasked": masked_words(design.masked_groups),
            },
        },
        "enrollmentInfo": {}
        if count is None
        else {"count": count, "type": "ESTIMATED" if reached is None else "ACTUAL"},
    }


def group_label(number: int) -> str:
    """Label of a group without a name; numbers begin at 1."""
    return f"Intervention group {number}"


def intervention_type_words(word: str) -> str:
    """A type as it stands before a name in an arm: ``Dietary Supplement``."""
    return word.replace("_", " ").title()


def _interventions(record: RegistrationRecord) -> dict[str, Any]:
    """Each group as an arm with one intervention: the record joins both."""
    arms, interventions = [], []
    for number, one in enumerate(filter(written_intervention, record.interventions), 1):
        label = one.name.en or group_label(number)
        word = word_of("intervention_category", one.category)
        named = f"{intervention_type_words(word)}: {label}" if word else label
        arms.append(
            {
                "label": label,
                "type": "PLACEBO_COMPARATOR" if one.category.code == "placebo" else "",
                "interventionNames": [named],
            }
        )
        interventions.append(
            {
                "type": word,
                "name": label,
                "description": one.description.en,
                "armGroupLabels": [label],
                "otherNames": [keyword.en for keyword in one.keywords],
            }
        )
    return {"armGroups": arms, "interventions": interventions}


def written_intervention(one: Intervention) -> bool:
    """Whether an intervention has anything that the registry takes."""
    category = word_of("intervention_category", one.category) or one.category.code == "placebo"
    return bool(one.name.en or one.description.en or category or any(word.en for word in one.keywords))


def _outcome(one: Outcome) -> dict[str, str]:
    return {"measure": one.description.en, "description": one.method.en, "timeFrame": one.timepoint.en}


def _eligibility(record: RegistrationRecord) -> dict[str, str]:
    eligibility = record.eligibility
    return {
        "eligibilityCriteria": criteria_text(eligibility.inclusion.en, eligibility.exclusion.en),
        "sex": word_of("sex", eligibility.sex),
        "minimumAge": age_words(eligibility.age_from),
        "maximumAge": age_words(eligibility.age_to),
    }


def _places(record: RegistrationRecord, *, contacts: bool) -> dict[str, Any]:
    locations = [_location(one, centre_country(record, one), contacts=contacts) for one in record.centres]
    if not contacts:
        return {"locations": locations}
    official = record.people.scientific_inquiries
    central = record.people.general_inquiries
    return {
        "centralContacts": [_person(central, role="CONTACT")],
        "overallOfficials": [
            {
                "name": official.name.en,
                "affiliation": official.organization.en,
                "role": role_of(official.position),
            }
        ],
        "locations": locations,
    }


def centre_country(record: RegistrationRecord, centre: Contact) -> str:
    """A centre's country; where a trial recruits in one country only, that one."""
    countries = record.recruitment.countries
    return centre.country.en or (countries[0].en if len(countries) == 1 else "")


def _location(centre: Contact, country: str, *, contacts: bool) -> dict[str, Any]:
    return {
        "facility": centre.organization.en,
        "city": centre.city.en,
        "state": centre.province.en,
        "zip": centre.postal_code,
        "country": country,
        "contacts": [_person(centre, role=role_of(centre.position) or "CONTACT")] if contacts else [],
    }


def _person(contact: Contact, *, role: str) -> dict[str, str]:
    known = {"name": contact.name.en, "phone": contact.phone, "email": contact.email}
    return {"name": contact.name.en, "role": role} | known if any(known.values()) else {}


def _links(record: RegistrationRecord) -> dict[str, Any]:
    results = [{"label": RESULTS_LINK, "url": url} for url in record.results.urls if url]
    protocol = record.results.protocol_url
    return {"seeAlsoLinks": results + ([{"label": PROTOCOL_LINK, "url": protocol}] if protocol else [])}


def is_address(words: str) -> bool:
    """Whether the place where data are found is a web address and nothing else."""
    return re.fullmatch(r"https?://\S+", words) is not None


def _sharing(record: RegistrationRecord) -> dict[str, Any]:
    sharing = record.sharing
    where = sharing.where.en
    access = {name: getattr(sharing, name).en for name in SHARING_ACCESS.names}
    details = {name: getattr(sharing, name).en for name in SHARING_DESCRIPTION.names}
    return {
        "ipdSharing": code_word(sharing.individual_participant_data.code),
        "description": SHARING_DESCRIPTION.written(details),
        "infoTypes": [word for word, name in INFO_TYPES.items() if getattr(sharing, name).code == "yes"],
        "timeFrame": sharing.when.en,
        "accessCriteria": SHARING_ACCESS.written(access | ({"where": ""} if is_address(where) else {})),
        "url": where if is_address(where) else "",
    }


def code_word(code: str) -> str:
    """The registry's word for a decision on sharing."""
    return code_list("sharing")[code].ctgov if code else ""
