"""A trial of the ICTRP portal's flat export (``Trials_downloaded_from_ICTRP``), with what spreadsheets did to it."""

from __future__ import annotations

import html
import re
from datetime import date
from typing import Any, Final

from theratrial.exchange.ictrp import wording
from theratrial.exchange.ictrp.draft import NO_FIELD, Draft, coded, said
from theratrial.exchange.ictrp.elements import Node
from theratrial.registry.imported import Imported

_TITLES: Final = {
    "public_title": "public_title",
    "scientific_title": "scientific_title",
    "acronym": "registration.acronym",
    "source_register": "registration.registry",
}
_TEXTS: Final = {
    "inclusion_criteria": "eligibility.inclusion",
    "exclusion_criteria": "eligibility.exclusion",
    "results_summary": "results.summary",
    "results_baseline_char": "results.baseline",
    "results_adverse_events": "results.adverse_events",
    "results_outcome_measures": "results.outcome_measures",
    "results_ipd_description": "sharing.title_and_details",
}
_STRINGS: Final = {
    "trialid": "registration.number",
    "web_address": "registration.url",
    "results_url_protocol": "results.protocol_url",
}
_CODES: Final = {
    "recruitment_status": ("recruitment.status", "recruitment_status"),
    "study_type": ("design.study_type", "study_type"),
    "results_ipd_plan": ("sharing.individual_participant_data", "sharing"),
}
_DATES: Final = {
    "date_registration": "registration.registered_on",
    "date_enrollement": "recruitment.expected_start",
    "results_date_completed": "recruitment.trial_completion",
    "results_date_posted": "results.posted_on",
    "results_date_first_publication": "results.first_published_on",
}
_ICD: Final = re.compile(r"[A-Z][0-9]{2}(?:\.[0-9A-Z]{1,4})?")
_ELSEWHERE: Final = ("date_registration3", "retrospective_flag")


def read_portal(trial: Node, *, today: date) -> Imported:
    """The record of a flat ``<Trial>``; day stands before month, except where the year or a month's name tells."""
    draft = Draft(today)
    seen: dict[str, Node] = {}
    for node in trial.children:
        if not node.text:
            continue
        if node.key in seen:
            draft.left(node, "stands twice; the first was taken")
            continue
        seen[node.key] = node
        if node.key not in _ELSEWHERE and not node.key.startswith("contact_"):
            _field(draft, node)
    _contacts(draft, seen)
    _second_date(draft, seen)
    _flag(draft, seen)
    return draft.imported("ictrp-portal")


def _field(draft: Draft, node: Node) -> None:
    key = node.key
    if key in _TITLES:
        draft.put(_TITLES[key], said(draft.words(node)))
    elif key in _TEXTS:
        draft.put(_TEXTS[key], said(_lines(draft, node)))
    elif key in _STRINGS:
        draft.put(_STRINGS[key], node.text)
    elif key in _CODES:
        draft.put(_CODES[key][0], coded(_CODES[key][1], node.text))
    elif key in _DATES:
        if (day := draft.date(node)) is not None:
            draft.put(_DATES[key], day.model_dump())
    elif key == "export_date":
        if (
            day := draft.date(Node(node.name, node.line, {}, [], [], node.key, node.text.split(" ")[0]), "month_first")
        ) is not None:
            draft.put("registration.printed_on", day.gregorian)
    elif key in ("target_size", "results_actual_enrollment"):
        if (count := draft.count(node)) is not None:
            draft.put(f"recruitment.{'target' if key == 'target_size' else 'actual'}_sample_size", count)
    elif key == "phase":
        value, repaired = wording.phase(node.text)
        draft.put("design.phase", value)
        if repaired:
            draft.note(node, repaired)
    elif key == "study_design":
        for name, value in wording.design(_lines(draft, node)).items():
            draft.put(f"design.{name}", value)
    elif key in ("inclusion_agemin", "inclusion_agemax"):
        draft.put(f"eligibility.age_{'from' if key.endswith('min') else 'to'}", wording.age(node.text))
    elif key == "inclusion_gender":
        draft.put("eligibility.sex", wording.sex(_lines(draft, node)))
    elif key == "results_url_link":
        draft.put("results.urls", node.text.split())
    else:
        _list_field(draft, node)


def _list_field(draft: Draft, node: Node) -> None:
    key = node.key
    if key == "countries":
        draft.put("recruitment.countries", [said(one) for one in _pieces(node.text)])
    elif key == "condition":
        draft.put("conditions", _conditions(draft, node))
    elif key == "intervention":
        pieces = re.split(r"(?=Intervention [0-9]+: )", _lines(draft, node))
        draft.put("interventions", [{"description": said(one.strip(" ;\n"))} for one in pieces if one.strip(" ;\n")])
    elif key in ("primary_outcome", "secondary_outcome"):
        draft.put(f"{key}s", [wording.outcome(one) for one in _outcomes(_lines(draft, node))])
    elif key in ("primary_sponsor", "secondary_sponsor", "source_support"):
        kind = "funder" if key == "source_support" else key
        names = [draft.words(node)] if key == "primary_sponsor" else _pieces(node.text)
        draft.tree.setdefault("sponsors", []).extend(
            {"kind": kind, "contact": {"organization": said(one)}} for one in names
        )
    elif key in ("secondary_id", "secondary_ids"):
        draft.put("secondary_ids", [{"number": one} for one in _pieces(node.text)])
    else:
        draft.left(node, NO_FIELD)


def _pieces(words: str) -> list[str]:
    return [one.strip() for one in words.split(";") if one.strip()]


def _lines(draft: Draft, node: Node) -> str:
    """Words whose line breaks were written as HTML."""
    words = re.sub(r"\s*<br\s*/?>\s*", "\n", node.text, flags=re.IGNORECASE)
    words = html.unescape(words) if re.search("&(?:lt|gt|amp|nbsp|quot|#[0-9]+);", words) else words
    if words != node.text:
        draft.note(node, "line breaks and signs written as HTML were read as such")
    return words.strip()


def _outcomes(words: str) -> list[str]:
    if "Timepoint:" not in words:
        return _pieces(words)
    found: list[str] = []
    for piece in _pieces(words):
        if found and "Timepoint:" not in piece:
            found[-1] += f"; {piece}"
        else:
            found.append(piece)
    return found


def _conditions(draft: Draft, node: Node) -> list[dict[str, Any]]:
    """``COVID-19.<br>Coronavirus as the cause of diseases classified elsewhere;B97.29``."""
    found: list[dict[str, Any]] = []
    for piece in _pieces(_lines(draft, node)):
        if found and _ICD.fullmatch(piece) and "icd10" not in found[-1]:
            member = found[-1]
            member["icd10"] = piece
            description, _, of_code = member["description"].partition("\n")
            member["description"] = description.strip().removesuffix(".")
            member["icd10_description"] = of_code.strip()
            draft.note(node, f"'{piece}' at the end of the text was read as its ICD-10 code")
        else:
            found.append({"description": piece})
    return [{key: value if key == "icd10" else said(value) for key, value in one.items() if value} for one in found]


def _contacts(draft: Draft, seen: dict[str, Node]) -> None:
    """Public contact first, scientific second, each piece separated by a semicolon."""
    targets = {"address": "address", "email": "email", "tel": "phone", "affiliation": "organization"}
    names: dict[int, list[str]] = {}
    for key, node in seen.items():
        part = key.removeprefix("contact_")
        if part == key:
            continue
        if part not in (*targets, "firstname", "lastname"):
            draft.left(node, NO_FIELD)
            continue
        # An address has semicolons of its own.
        pieces = [node.text] if part == "address" else [one.strip() for one in node.text.split(";")]
        for index, piece in enumerate(pieces):
            if piece and index > 1:
                draft.left(
                    Node(node.name, node.line, {}, [], [], node.key, piece.strip()),
                    "the record has two contacts for inquiries",
                )
            elif piece and part in targets:
                role = ("general_inquiries", "scientific_inquiries")[index]
                target = targets[part]
                draft.put(f"people.{role}.{target}", piece if target in ("email", "phone") else said(piece))
            elif piece:
                names.setdefault(index, []).append(piece)
    for index, parts in names.items():
        draft.put(f"people.{('general_inquiries', 'scientific_inquiries')[index]}.name", said(" ".join(parts)))


def _second_date(draft: Draft, seen: dict[str, Node]) -> None:
    """``Date_registration3`` is the portal's own reading of the date, year first."""
    node = seen.get("date_registration3")
    day = draft.date(node) if node else None
    if node is None or day is None:
        return
    first = draft.get("registration.registered_on")
    if first is None:
        draft.put("registration.registered_on", day.model_dump())
        draft.note(node, "the date of registration was taken from here")
    elif first["gregorian"] != day.gregorian:
        draft.left(node, f"is another day than Date_registration, {first['gregorian']}", day.gregorian.isoformat())


def _flag(draft: Draft, seen: dict[str, Node]) -> None:
    """In the export ``Yes`` stands for *prospective*; it is believed where the two dates say the same."""
    node = seen.get("retrospective_flag")
    if node is None:
        return
    said_prospective = {"yes": True, "no": False, "1": True, "0": False}.get(node.text.casefold())
    registered, enrolled = draft.get("registration.registered_on"), draft.get("recruitment.expected_start")
    if said_prospective is None or not registered or not enrolled:
        draft.left(node, "cannot be read without both dates: the export writes Yes where registration came first")
    elif (registered["gregorian"] <= enrolled["gregorian"]) != said_prospective:
        draft.left(
            node, "contradicts the dates, whether Yes is read as prospective, as the export means it; compute it"
        )
    else:
        draft.put("registration.stated.timing", "prospective" if said_prospective else "retrospective")
        draft.note(node, f"'{node.text}' was read as {'prospective' if said_prospective else 'retrospective'}")
