"""A trial of the upload dialect: the 2009 elements, those of the data set 1.3.1, and our values beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any, Final

from theratrial.exchange.ictrp import wording
from theratrial.exchange.ictrp.draft import NO_FIELD, Draft, coded, said
from theratrial.exchange.ictrp.elements import Node
from theratrial.exchange.ictrp.leaves import by_top, clear, put, top_of
from theratrial.registry.imported import Imported

NAMESPACE: Final = "urn:theratrial:registration-values:1"

TEXTS: Final = {
    "reg_name": "registration.registry",
    "public_title": "public_title",
    "acronym": "registration.acronym",
    "scientific_title": "scientific_title",
    "scientific_acronym": "registration.scientific_acronym",
    "results_summary": "results.summary",
    "results_baseline_char": "results.baseline",
    "results_participant_flow": "results.participant_flow",
    "results_adverse_events": "results.adverse_events",
    "results_outcome_measures": "results.outcome_measures",
    "results_ipd_description": "sharing.title_and_details",
    "inclusion_criteria": "eligibility.inclusion",
    "exclusion_criteria": "eligibility.exclusion",
}
STRINGS: Final = {
    "trial_id": "registration.number",
    "utrn": "registration.utn",
    "url": "registration.url",
    "results_url_protocol": "results.protocol_url",
}
CODES: Final = {
    "recruitment_status": ("recruitment.status", "recruitment_status"),
    "study_type": ("design.study_type", "study_type"),
    "results_ipd_plan": ("sharing.individual_participant_data", "sharing"),
}
DATES: Final = {
    "date_registration": "registration.registered_on",
    "results_date_completed": "recruitment.trial_completion",
    "results_date_posted": "results.posted_on",
    "results_date_first_publication": "results.first_published_on",
}
COUNTS: Final = {
    "target_size": "recruitment.target_sample_size",
    "results_actual_enrolment": "recruitment.actual_sample_size",
}
_TEXTS_AND_DATES: Final = TEXTS | DATES
CONTACT: Final = {
    "address": "address",
    "city": "city",
    "country1": "country",
    "zip": "postal_code",
    "telephone": "phone",
    "email": "email",
    "affiliation": "organization",
}
ETHICS: Final = {
    "contact_name": "organization",
    "contact_address": "address",
    "contact_phone": "phone",
    "contact_email": "email",
}
PLAIN: Final = ("postal_code", "phone", "email", "web", "fax")


def read_upload(trial: Node, *, today: date) -> Imported:
    """The record of a ``<trial>``."""
    draft = Draft(today)
    values: list[Node] = []
    is_131 = False
    lists: dict[str, list[Node]] = {}
    for part in trial.children:
        if part.key == "record_values":
            values += part.children
    # What our values give exactly is not read from WHO's elements, and so not complained of there either.
    draft.given = frozenset([top_of(one.attributes.get("path", "")) for one in values])
    for part in trial.children:
        if part.key == "record_values":
            is_131 = True
        elif part.key == "main" or part.key == "criteria":
            is_131 |= any(one.key.startswith("results_") for one in part.children)
            _fields(draft, part)
        elif part.key in _LISTS:
            lists.setdefault(part.key, []).extend(part.children)
        else:
            _all_left(draft, part)
        is_131 |= part.key == "ethics_reviews"
    for key, read in _LISTS.items():
        read(draft, lists.get(key, []))
    _values(draft, values)
    found = draft.imported("ictrp-xml-131" if is_131 else "ictrp-xml")
    if not values:
        return found
    from theratrial.exchange.ictrp.contradicted import tell_contradicted

    tell_contradicted(draft, trial, found.record)
    return replace(found, notes=tuple(draft.notes))


def _all_left(draft: Draft, node: Node) -> None:
    if node.text:
        draft.left(node, NO_FIELD)
    for child in node.children:
        _all_left(draft, child)


def _fields(draft: Draft, part: Node) -> None:
    seen: set[str] = set()
    enrolment = {one.key: one for one in part.children}
    for node in part.children:
        if node.children:
            _all_left(draft, node)
        elif not node.text:
            continue
        elif node.key in seen:
            draft.left(node, "stands twice; the first was taken")
        else:
            seen.add(node.key)
            _field(draft, node, enrolment)


def _field(draft: Draft, node: Node, siblings: dict[str, Node]) -> None:
    key = node.key
    if _TEXTS_AND_DATES.get(key) in draft.given:
        return
    if key in TEXTS:
        titles = ("public_title", "scientific_title", "acronym", "scientific_acronym")
        draft.put(TEXTS[key], said(draft.words(node) if key in titles else node.text))
    elif key in STRINGS:
        draft.put(STRINGS[key], node.text)
    elif key in CODES:
        draft.put(CODES[key][0], coded(CODES[key][1], node.text))
    elif key in DATES:
        if (day := draft.date(node)) is not None:
            draft.put(DATES[key], day.model_dump())
    elif key in COUNTS:
        if (count := draft.count(node)) is not None:
            draft.put(COUNTS[key], count)
    elif key == "date_enrolment":
        kind = siblings["type_enrolment"].text.casefold() if "type_enrolment" in siblings else ""
        path = f"recruitment.{'actual_start' if kind == 'actual' else 'expected_start'}"
        if path not in draft.given and (day := draft.date(node)) is not None:
            draft.put(path, day.model_dump())
    elif key == "type_enrolment":
        if node.text.casefold() not in ("actual", "anticipated", "estimated", "expected"):
            draft.left(node, "is neither actual nor anticipated; the date was taken as the expected one")
    elif key == "phase":
        value, repaired = wording.phase(node.text)
        draft.put("design.phase", value)
        if repaired:
            draft.note(node, repaired)
    elif key == "study_design":
        for name, value in wording.design(node.text).items():
            draft.put(f"design.{name}", value)
    elif key == "primary_sponsor":
        contact = {"organization": said(node.text)}
        draft.put("sponsors", [{"kind": "primary_sponsor", "contact": contact}])
    elif key == "hc_freetext":
        draft.put("conditions", [{"description": said(one)} for one in _split(node.text, ";")])
    elif key == "i_freetext":
        draft.put("interventions", [{"description": said(one)} for one in _split(node.text, "\n\n")])
    elif key == "results_url_link":
        draft.put("results.urls", node.text.split())
    elif key in ("agemin", "agemax"):
        draft.put(f"eligibility.age_{'from' if key == 'agemin' else 'to'}", wording.age(node.text))
    elif key == "gender":
        draft.put("eligibility.sex", wording.sex(node.text))
    else:
        draft.left(node, NO_FIELD)


def _split(words: str, separator: str) -> list[str]:
    return [one.strip() for one in words.split(separator) if one.strip()]


def _contacts(draft: Draft, nodes: list[Node]) -> None:
    for node in nodes:
        parts = {one.key: one for one in node.children}
        kind = parts["type"].text.casefold() if "type" in parts else ""
        role = {"public": "general_inquiries", "scientific": "scientific_inquiries"}.get(kind, "")
        if not role or draft.get(f"people.{role}"):
            for part in node.children:
                if part.text and part.key != "type":
                    draft.left(part, "the contact is neither the first public nor the first scientific one")
            continue
        name = " ".join(parts[one].text for one in ("firstname", "middlename", "lastname") if one in parts)
        if name.strip():
            draft.put(f"people.{role}.name", said(" ".join(name.split())))
        for part in node.children:
            if part.key in CONTACT and part.text:
                target = CONTACT[part.key]
                draft.put(f"people.{role}.{target}", part.text if target in PLAIN else said(part.text))
            elif part.text and part.key not in ("type", "firstname", "middlename", "lastname"):
                draft.left(part, NO_FIELD)


def _countries(draft: Draft, nodes: list[Node]) -> None:
    draft.put("recruitment.countries", [said(one.text) for one in nodes if one.text])


def _aligned(draft: Draft, group: str, nodes: list[Node], set_one: Callable[[dict[str, Any], str], None]) -> None:
    """Codes of as many members as there are belong to them in order; others stand as members of their own."""
    members = draft.tree.setdefault(group, [])
    if any(one.text for one in nodes):
        aligned = len(nodes) == len(members)
        for index, node in enumerate(nodes):
            if node.text:
                if not aligned:
                    members.append({})
                set_one(members[index] if aligned else members[-1], node.text)


def _condition_codes(draft: Draft, nodes: list[Node]) -> None:
    def set_one(member: dict[str, Any], words: str) -> None:
        code, _, description = words.partition(": ")
        member["icd10"] = code
        if description:
            member["icd10_description"] = said(description)

    _aligned(draft, "conditions", nodes, set_one)


def _categories(draft: Draft, nodes: list[Node]) -> None:
    def set_one(member: dict[str, Any], words: str) -> None:
        member["category"] = coded("intervention_category", words)

    _aligned(draft, "interventions", nodes, set_one)


def _keywords(group: str) -> Callable[[Draft, list[Node]], None]:
    def read(draft: Draft, nodes: list[Node]) -> None:
        words = [said(one.text) for one in nodes if one.text]
        if words:
            members = draft.tree.setdefault(group, [])
            members[:] = members or [{}]
            members[0]["keywords"] = words

    return read


def _outcomes(group: str) -> Callable[[Draft, list[Node]], None]:
    def read(draft: Draft, nodes: list[Node]) -> None:
        draft.put(group, [wording.outcome(one.text) for one in nodes if one.text])

    return read


def _sponsors(kind: str) -> Callable[[Draft, list[Node]], None]:
    def read(draft: Draft, nodes: list[Node]) -> None:
        members = draft.tree.setdefault("sponsors", [])
        members += [{"kind": kind, "contact": {"organization": said(one.text)}} for one in nodes if one.text]

    return read


def _secondary_ids(draft: Draft, nodes: list[Node]) -> None:
    found = []
    for node in nodes:
        parts = {one.key: one.text for one in node.children}
        if any(parts.values()):
            found.append({"number": parts.get("sec_id", ""), "authority": said(parts.get("issuing_authority", ""))})
    draft.put("secondary_ids", found)


def _ethics(draft: Draft, nodes: list[Node]) -> None:
    if "ethics" in draft.given:
        return
    found = []
    for node in nodes:
        review: dict[str, Any] = {}
        for part in node.children:
            if part.key in ETHICS and part.text:
                target = ETHICS[part.key]
                words = part.text if target in PLAIN else said(part.text)
                review.setdefault("contact", {})[target] = words
            elif part.key == "status" and part.text:
                review["status"] = coded("ethics_status", part.text)
            elif part.key == "approval_date":
                if (day := draft.date(part)) is not None:
                    review["approved_on"] = day.model_dump()
            elif part.text:
                draft.left(part, NO_FIELD)
        if review:
            found.append(review)
    draft.put("ethics", found)


_LISTS: Final[dict[str, Callable[[Draft, list[Node]], None]]] = {
    "contacts": _contacts,
    "countries": _countries,
    "health_condition_code": _condition_codes,
    "health_condition_keyword": _keywords("conditions"),
    "intervention_code": _categories,
    "intervention_keyword": _keywords("interventions"),
    "primary_outcome": _outcomes("primary_outcomes"),
    "secondary_outcome": _outcomes("secondary_outcomes"),
    "secondary_sponsor": _sponsors("secondary_sponsor"),
    "secondary_ids": _secondary_ids,
    "source_support": _sponsors("funder"),
    "ethics_reviews": _ethics,
}


def _values(draft: Draft, nodes: list[Node]) -> None:
    """Our values stand in the place of WHO's elements, field by field: they say the same, exactly."""
    places = {one.attributes.get("path", ""): one for one in nodes}
    for top, values in by_top({path: one.text for path, one in places.items()}).items():
        if top:
            clear(draft.tree, top)
        for path, value in values.items():
            if value == "" and path == top:
                continue
            if why := (put(draft.tree, path, value) if top else "is no path of a record's field"):
                draft.left(places[path], f"'{path}' {why}")
