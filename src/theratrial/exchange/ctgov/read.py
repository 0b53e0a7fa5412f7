"""A study of ClinicalTrials.gov's v2 interface as a registration record; every value of it is placed or told."""

from __future__ import annotations

import re
from datetime import date
from typing import Any, Final

from pydantic import ValidationError

from theratrial.errors import InputError
from theratrial.exchange.ctgov.arms import read_interventions
from theratrial.exchange.ctgov.identity import (
    NCT,
    ORGANIZATION_ID,
    REGISTRY_NAME,
    authority_words,
    is_utn,
)
from theratrial.exchange.ctgov.parsed import Book, Node, parsed_json
from theratrial.exchange.ctgov.plan import read_links, read_sharing
from theratrial.exchange.ctgov.prose import DESCRIPTION, criteria_of
from theratrial.exchange.ctgov.vocabulary import (
    MASKED,
    ROLES,
    age_of,
    coded_of,
    completion_type,
    phase_of,
)
from theratrial.registry.imported import Imported, Unplaced
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.words import Coded

_NO_FIELD: Final = "the record has no field for it"
_WHOLE_SECTIONS: Final = ("resultsSection", "annotationSection", "documentSection", "derivedSection")
_REASONS: Final = (
    (r"resultsSection\b", "results are not read into the record of the registration"),
    (r"derivedSection\b", "the registry computed it"),
    (r".*\.stdAges\b", "the registry computed it from the ages"),
    (r".*(CompletionDateStruct|completionDateStruct)\.type", "the record holds the date, not whether it is expected"),
    (r".*statusModule\..*(Post|Qc|Submit|Verified).*", "a date of the registry's own handling"),
    (r".*otherOutcomes\b", "the record has primary and secondary outcomes only"),
    (r".*\.(centralContacts|overallOfficials)\[[1-9]", "the record has one person for each purpose"),
    (r".*locations\[[0-9]+\]\.contacts\[[1-9]", "the record has one person for each centre"),
    (r".*locations\[[0-9]+\]\.status", "the record has one status for all centres"),
)


def read_ctgov(content: bytes, *, today: date) -> Imported:
    """The record of one study as the interface gives it; a list of studies with one member is read too.

    Texts go into the English side. What is null or empty in the file counts as not there.

    Parameters
    ----------
    today
        For judging dates that lie too far ahead.

    Raises
    ------
    InputError
        The file is no JSON, or no study.
    """
    book = Book()
    study = _study(parsed_json(content), book)
    section = study["protocolSection"]
    tree = _tree(section, today)
    if isinstance(study["hasResults"].value, bool) and study["hasResults"].value == bool(study["resultsSection"]):
        study["hasResults"].take()
    try:
        record = RegistrationRecord.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise InputError(f"{place}: {first['msg']}; correct it in the study and read it again") from None
    return Imported(record, "ctgov-json", tuple(_left(study)), tuple(book.notes))


def _study(value: Any, book: Book) -> Node:
    root = Node(value, "", book)
    listed = root["studies"].entries()
    if len(listed) > 1:
        raise InputError(f"the file holds {len(listed)} studies; give one")
    study = listed[0] if listed else root
    if not isinstance(study["protocolSection"].value, dict):
        raise InputError("the file holds no 'protocolSection'; give a study as ClinicalTrials.gov's v2 interface does")
    return _with_rest(root, study)


def _with_rest(root: Node, study: Node) -> Node:
    """What stands beside the one study of a list is told too."""
    if study is not root:
        for leaf in root.leaves():
            if not leaf.path.startswith(f"{study.path}."):
                study.book.reasons[leaf.path] = ("stands beside the study", leaf.shown)
    return study


def _left(study: Node) -> list[Unplaced]:
    book = study.book
    beside = [
        Unplaced(path, path.rpartition(".")[2], shown, why)
        for path, (why, shown) in book.reasons.items()
        if why == "stands beside the study"
    ]
    found = []
    for key in study.value:
        if key in _WHOLE_SECTIONS:
            found += _modules(study[key])
        else:
            found += [_unplaced(leaf) for leaf in study[key].leaves() if leaf.path not in book.taken]
    return beside + found


def _modules(section: Node) -> list[Unplaced]:
    """One line for each module of a section that is not read."""
    if not isinstance(section.value, dict):
        return [_unplaced(leaf) for leaf in section.leaves()]
    found = []
    for key in section.value:
        module = section[key]
        count = sum(1 for _ in module.leaves())
        if count:
            found.append(Unplaced(module.path, key, f"{count} values", _reason(module.path)))
    return found


def _unplaced(leaf: Node) -> Unplaced:
    why, suggestion = leaf.book.reasons.get(leaf.path, (_reason(leaf.path), ""))
    name = re.sub(r"\[[0-9]+\]$", "", leaf.path).rpartition(".")[2]
    return Unplaced(leaf.path, name, leaf.shown, why, suggestion)


def _reason(path: str) -> str:
    return next((why for pattern, why in _REASONS if re.match(pattern, path.removeprefix("studies[0]."))), _NO_FIELD)


def _tree(section: Node, today: date) -> dict[str, Any]:
    status = section["statusModule"]
    design = section["designModule"]
    texts = _description(section["descriptionModule"])
    interventions, arms = read_interventions(section["armsInterventionsModule"])
    if arms:
        texts["intervention_groups"] = "\n\n".join(filter(None, (texts.get("intervention_groups", ""), arms)))
    identification = _identification(section["identificationModule"])
    links = read_links(section["referencesModule"])
    recruitment = _recruitment(status, today) | _enrolment(design["enrollmentInfo"])
    centres = _centres(section["contactsLocationsModule"])
    countries = list(dict.fromkeys(one["country"] for one in centres if one.get("country")))
    return {
        "registration": identification["registration"] | _registry_dates(status, today, identification),
        "secondary_ids": identification["secondary_ids"],
        "public_title": section["identificationModule"]["briefTitle"].text(),
        "scientific_title": section["identificationModule"]["officialTitle"].text(),
        "summary": texts,
        "people": _people(section["contactsLocationsModule"], identification["organization"]),
        "recruitment": recruitment | {"countries": countries},
        "design": _design(design),
        "eligibility": _eligibility(section["eligibilityModule"]),
        "conditions": _conditions(section["conditionsModule"]),
        "primary_outcomes": _outcomes(section["outcomesModule"]["primaryOutcomes"]),
        "secondary_outcomes": _outcomes(section["outcomesModule"]["secondaryOutcomes"]),
        "interventions": interventions,
        "centres": centres,
        "sponsors": _sponsors(section["sponsorCollaboratorsModule"], section["identificationModule"]),
        "sharing": read_sharing(section["ipdSharingStatementModule"]),
        "results": links | {"posted_on": _posted(status["resultsFirstPostDateStruct"], today)},
    }


def _code(node: Node, list_name: str) -> Coded:
    found = coded_of(list_name, node.words) if node.words else None
    if found is None:
        if node:
            node.leave("is none of the registry's words that the record knows")
        return Coded()
    node.take()
    return found


def _identification(module: Node) -> dict[str, Any]:
    nct = module["nctId"]
    number = nct.text() if NCT.fullmatch(nct.words) else ""
    registry = REGISTRY_NAME if number else ""
    own = module["orgStudyIdInfo"]["id"].text()
    listed = module["secondaryIdInfos"].entries()
    ids = [{"number": own, "authority": ORGANIZATION_ID}] if number and own else []
    utn = ""
    for index, one in enumerate(listed):
        words, domain = one["id"].words, one["domain"].words
        if index == 0 and own and not number and words == own and one["type"].words == "REGISTRY" and domain:
            registry = domain
            _take(one["id"], one["type"], one["domain"])
        elif not utn and words and is_utn(domain) and one["type"].words in ("", "OTHER"):
            utn = words
            _take(one["id"], one["type"], one["domain"])
        elif words:
            ids.append(_secondary_id(one))
    return {
        "registration": {
            "number": number or own,
            "registry": registry,
            "utn": utn,
            "acronym": module["acronym"].text(),
        },
        "secondary_ids": ids,
        "organization": module["organization"]["fullName"].text(),
    }


def _secondary_id(one: Node) -> dict[str, str]:
    from theratrial.exchange.ctgov.identity import ID_TYPES

    kind = one["type"].words
    if kind in ID_TYPES:
        one["type"].take()
    known = kind if kind in ID_TYPES else ""
    return {"number": one["id"].text(), "authority": authority_words(known, one["domain"].text())}


def _take(*nodes: Node) -> None:
    for node in nodes:
        if isinstance(node.value, str):
            node.take()


def _recruitment(status: Node, today: date) -> dict[str, Any]:
    coded = _code(status["overallStatus"], "recruitment_status")
    found: dict[str, Any] = {"status": coded}
    start = status["startDateStruct"]
    day = start["date"].date(today=today)
    kind = start["type"].words
    if day is not None:
        found["actual_start" if kind == "ACTUAL" else "expected_start"] = day
        if kind in ("ACTUAL", "ESTIMATED"):
            start["type"].take()
        elif not kind:
            status.book.notes.append("the start date says not whether it is actual; it is taken as expected")
    for name, key in (
        ("primary_completion", "primaryCompletionDateStruct"),
        ("trial_completion", "completionDateStruct"),
    ):
        found[name] = status[key]["date"].date(today=today)
        kind = status[key]["type"].words
        if kind and found[name] and kind == completion_type(coded, primary=name == "primary_completion"):
            status[key]["type"].take()
    return found


def _registry_dates(status: Node, today: date, identification: dict[str, Any]) -> dict[str, Any]:
    """The registry's own dates; they are of a trial registered there."""
    if not NCT.fullmatch(identification["registration"]["number"]):
        return {}
    return {
        "registered_on": status["studyFirstSubmitDate"].date(today=today),
        "stated": {"last_update": status["lastUpdateSubmitDate"].date(today=today)},
    }


def _posted(struct: Node, today: date) -> Any:
    found = struct["date"].date(today=today)
    if found is not None and struct["type"].words == "ACTUAL":
        struct["type"].take()
    return found


def _enrolment(info: Node) -> dict[str, Any]:
    count = info["count"].count()
    kind = info["type"].words
    if count is None:
        return {}
    if kind in ("ACTUAL", "ESTIMATED"):
        info["type"].take()
    return {"actual_sample_size" if kind == "ACTUAL" else "target_sample_size": count}


def _sponsors(module: Node, identification: Node) -> list[dict[str, Any]]:
    lead = module["leadSponsor"]
    organization = identification["organization"]
    if organization["class"].words and (organization["class"].words, organization["fullName"].words) == (
        lead["class"].words,
        lead["name"].words,
    ):
        organization["class"].take()
    found = [_sponsor(lead, "primary_sponsor")] if lead["name"].words else []
    return found + [
        _sponsor(one, "secondary_sponsor") for one in module["collaborators"].entries() if one["name"].words
    ]


def _sponsor(node: Node, kind: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "contact": {"organization": node["name"].text()},
        "organization_type": _code(node["class"], "organization_type"),
    }


def _description(module: Node) -> dict[str, str]:
    found = {"aim": module["briefSummary"].text()}
    detailed = module["detailedDescription"].text()
    if not detailed:
        return found
    parts = DESCRIPTION.read(detailed)
    if list(parts) == [DESCRIPTION.free]:
        module.book.notes.append("detailedDescription stands under 'Settings and conduct': it names no section")
    return found | parts


def _conditions(module: Node) -> list[dict[str, Any]]:
    described: list[dict[str, Any]] = [
        {"description": words} for one in module["conditions"].entries() if (words := one.text())
    ]
    keywords = [words for one in module["keywords"].entries() if (words := one.text())]
    if keywords:
        (described or [{}])[0]["keywords"] = keywords
        described = described or [{"keywords": keywords}]
    if len(described) > 1 and keywords:
        module.book.notes.append("keywords stand with the first condition: the study does not say which they belong to")
    return described


def _design(module: Node) -> dict[str, Any]:
    info, masking = module["designInfo"], module["designInfo"]["maskingInfo"]
    masked = [one for one in masking["whoMasked"].entries() if one.words in MASKED]
    _take(*masked)
    phases = module["phases"].entries()
    phase = phase_of([one.words for one in phases])
    if phase is not None:
        _take(*phases)
    return {
        "study_type": _code(module["studyType"], "study_type"),
        "phase": phase or Coded(),
        "randomization": _code(info["allocation"], "randomization"),
        "assignment": _code(info["interventionModel"], "assignment"),
        "description": info["interventionModelDescription"].text(),
        "purpose": _code(info["primaryPurpose"], "purpose"),
        "blinding": _code(masking["masking"], "blinding"),
        "blinding_description": masking["maskingDescription"].text(),
        "masked_groups": ", ".join(MASKED[one.words] for one in masked),
    }


def _outcomes(listed: Node) -> list[dict[str, str]]:
    found = [
        {
            "description": one["measure"].text(),
            "method": one["description"].text(),
            "timepoint": one["timeFrame"].text(),
        }
        for one in listed.entries()
    ]
    return [one for one in found if any(one.values())]


def _eligibility(module: Node) -> dict[str, Any]:
    text = module["eligibilityCriteria"].text()
    inclusion, exclusion, told = criteria_of(text)
    if text and not told:
        module.book.notes.append("the criteria do not say once which include and which exclude; all stand as inclusion")
    found: dict[str, Any] = {"inclusion": inclusion, "exclusion": exclusion, "sex": _code(module["sex"], "sex")}
    for name, key in (("age_from", "minimumAge"), ("age_to", "maximumAge")):
        age = age_of(module[key].words)
        if age is not None:
            module[key].take()
            found[name] = age
        elif module[key]:
            module[key].leave("is no age as the registry writes it: 18 Years")
    return found


def _people(module: Node, organization: str) -> dict[str, Any]:
    central, official = module["centralContacts"].first(), module["overallOfficials"].first()
    if central["role"].words == "CONTACT":
        central["role"].take()
    return {
        "registrant": {"organization": organization},
        "general_inquiries": _person(central),
        "scientific_inquiries": {
            "name": official["name"].text(),
            "organization": official["affiliation"].text(),
            "position": _position(official["role"]),
        },
    }


def _person(node: Node) -> dict[str, str]:
    return {"name": node["name"].text(), "phone": node["phone"].text(), "email": node["email"].text()}


def _position(role: Node) -> str:
    if role.words not in ROLES:
        return ""
    role.take()
    return ROLES[role.words]


def _centres(module: Node) -> list[dict[str, str]]:
    found = []
    for one in module["locations"].entries():
        person = one["contacts"].first()
        if person["role"].words == "CONTACT":
            person["role"].take()
        centre = {
            "organization": one["facility"].text(),
            "city": one["city"].text(),
            "province": one["state"].text(),
            "postal_code": one["zip"].text(),
            "country": one["country"].text(),
            "position": _position(person["role"]),
        } | _person(person)
        if any(centre.values()):
            found.append(centre)
    return found
