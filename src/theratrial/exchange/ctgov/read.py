"""A study of ClinicalTrials.gov's v2 interface as a registration record; every value of it is placed or told."""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import ValidationError

from theratrial.errors import InputError
from theratrial.exchange.ctgov.arms import read_interventions
from theratrial.exchange.ctgov.identity import (
    ID_TYPES,
    NCT,
    ORGANIZATION_ID,
    REGISTRY_NAME,
    authority_words,
    is_utn,
)
from theratrial.exchange.ctgov.leftover import BESIDE, left_over
from theratrial.exchange.ctgov.parsed import Book, Node, parsed_json
from theratrial.exchange.ctgov.places import coded_at, read_centres, read_people, read_sponsors
from theratrial.exchange.ctgov.plan import read_links, read_sharing
from theratrial.exchange.ctgov.prose import DESCRIPTION, criteria_of
from theratrial.exchange.ctgov.vocabulary import (
    MASKED,
    age_of,
    completion_type,
    phase_of,
)
from theratrial.registry.imported import Imported
from theratrial.registry.record import RegistrationRecord
from theratrial.registry.words import Coded


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
    return Imported(record, "ctgov-json", tuple(left_over(study)), tuple(book.notes))


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
                study.book.reasons[leaf.path] = (BESIDE, leaf.shown)
    return study


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
    centres = read_centres(section["contactsLocationsModule"])
    countries = list(dict.fromkeys(one["country"] for one in centres if one.get("country")))
    return {
        "registration": identification["registration"] | _registry_dates(status, today, identification),
        "secondary_ids": identification["secondary_ids"],
        "public_title": section["identificationModule"]["briefTitle"].text(),
        "scientific_title": section["identificationModule"]["officialTitle"].text(),
        "summary": texts,
        "people": read_people(section["contactsLocationsModule"], identification["organization"]),
        "recruitment": recruitment | {"countries": countries},
        "design": _design(design),
        "eligibility": _eligibility(section["eligibilityModule"]),
        "conditions": _conditions(section["conditionsModule"]),
        "primary_outcomes": _outcomes(section["outcomesModule"]["primaryOutcomes"]),
        "secondary_outcomes": _outcomes(section["outcomesModule"]["secondaryOutcomes"]),
        "interventions": interventions,
        "centres": centres,
        "sponsors": read_sponsors(section["sponsorCollaboratorsModule"], section["identificationModule"]),
        "sharing": read_sharing(section["ipdSharingStatementModule"]),
        "results": links | {"posted_on": _posted(status["resultsFirstPostDateStruct"], today)},
    }


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
    coded = coded_at(status["overallStatus"], "recruitment_status")
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
        "study_type": coded_at(module["studyType"], "study_type"),
        "phase": phase or Coded(),
        "randomization": coded_at(info["allocation"], "randomization"),
        "assignment": coded_at(info["interventionModel"], "assignment"),
        "description": info["interventionModelDescription"].text(),
        "purpose": coded_at(info["primaryPurpose"], "purpose"),
        "blinding": coded_at(masking["masking"], "blinding"),
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
    found: dict[str, Any] = {"inclusion": inclusion, "exclusion": exclusion, "sex": coded_at(module["sex"], "sex")}
    for name, key in (("age_from", "minimumAge"), ("age_to", "maximumAge")):
        age = age_of(module[key].words)
        if age is not None:
            module[key].take()
            found[name] = age
        elif module[key]:
            module[key].leave("is no age as the registry writes it: 18 Years")
    return found
