"""RS: response by every set of criteria, and ECOG performance status (SDTMIG 3.4, 6.3.10)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from theratrial.exchange.datasets.values import ASSIGNED, COLLECTED, DERIVED, Dataset, Method, Value
from theratrial.exchange.sdtm.context import SdtmContext, Subject
from theratrial.exchange.sdtm.findings import (
    not_done,
    result_levels,
    spread,
    text_result,
    with_last_before_exposure,
)
from theratrial.exchange.sdtm.laboratory import LAST_BEFORE
from theratrial.exchange.sdtm.lesions import evaluator, pet_group, pet_place, recist_group
from theratrial.exchange.sdtm.observations import SUBJECT, VISIT, Supplement, observations
from theratrial.exchange.sdtm.subject_status import told_by
from theratrial.exchange.sdtm.terminology import term_list
from theratrial.results.criteria import CriteriaAssessment, CriteriaResult
from theratrial.results.places import participant_place

_CATEGORIES: Final = {
    "protocol": "PROTOCOL DEFINED RESPONSE CRITERIA",
    "percist_1_0": "PERCIST",
    "eortc_1999": "EORTC 1999",
    "recist_1_1": "RECIST 1.1",
}
_ECOG_ITEM: Final = "ecog"
_ECOG_WORDS: Final = {
    "0": "Fully active",
    "1": "Restricted in physically",
    "2": "Ambulatory and capable",
    "3": "Capable of only limited",
    "4": "Completely disabled",
    "5": "Dead",
}
"""Grade -> how CDISC's sentence of it begins."""
AT_CONTACT: Final = "FOLLOW-UP CONTACT"
"""RSCAT of the disease as a contact after treatment told of it, under no criteria of images."""
_DISEASE: Final = {"progressed": "PD", "not_progressed": "NON-PD"}
_RESPONSE: Final = Method(
    "RSRESP",
    "Response",
    "Computed from a reader's lesions under the criteria of RSCAT; the arithmetic is in RSBASIS. RSACPTFL is Y where "
    "this reader's answer is the participant's.",
)
_SUPPLEMENTS: Final = (
    Supplement("RSBASIS", "Arithmetic or Reason", DERIVED),
    Supplement("RSEXPLOR", "Exploratory", ASSIGNED),
    Supplement("RSEXPWHY", "Why Exploratory", ASSIGNED),
    Supplement("RSPLACE", "Place in the Results", ASSIGNED),
    Supplement("EXAMROLE", "Role of the Examiner", COLLECTED),
)


def rs(context: SdtmContext) -> tuple[Dataset, ...]:
    """Disease response and clinical classification."""
    responses = [one for subject in context.subjects for one in _of(context, subject)]
    status = with_last_before_exposure("RS", list(_ecog(context)), "RSTESTCD")
    records, supplements = spread([*responses, *_at_contacts(context), *status], _SUPPLEMENTS)
    return observations(
        context,
        "RS",
        "Disease Response and Clin Classification",
        "RSLNKGRP RSSTRESN RSSTAT RSREASND RSLOBXFL RSDRVFL RSEVAL RSEVALID RSACPTFL VISIT EPOCH RSDY",
        records,
        keys="RSCAT RSTESTCD RSDTC RSEVALID",
        structure="One record per response assessment or clinical classification assessment per visit per subject per "
        "assessor",
        changes={
            **result_levels("RS", records, {"OVRLRESP": _RESPONSE, "BESTRESP": _RESPONSE}),
            "RSEVAL": {"origin": ASSIGNED},
            "RSDRVFL": {"origin": ASSIGNED},
            "RSACPTFL": {"origin": DERIVED, "method": _RESPONSE},
            "RSLOBXFL": {"origin": DERIVED, "method": LAST_BEFORE},
        },
        supplements=supplements,
    )


def _of(context: SdtmContext, subject: Subject) -> Iterator[dict[str, Any]]:
    for criteria in subject.result.criteria.criteria if subject.result is not None else ():
        place = f"{participant_place(subject.participant_id)}.criteria.criteria[{criteria.criteria}]"
        common: dict[str, Any] = {
            SUBJECT: subject,
            "RSCAT": _CATEGORIES[criteria.criteria],
            "RSDRVFL": "Y",
            "RSPLACE": place,
            "RSEXPLOR": "Y" if criteria.exploratory else "N",
            "RSEXPWHY": criteria.exploratory_because or None,
        }
        answers = _recist if criteria.criteria == "recist_1_1" else _metabolic
        found = answers(context, subject, criteria)
        yield from (common | one for one in found)


def _recist(context: SdtmContext, subject: Subject, criteria: CriteriaResult) -> Iterator[dict[str, Any]]:
    for one in criteria.assessments:
        if one.category and one.on is not None:
            yield {
                **_test("OVRLRESP"),
                "RSLNKGRP": recist_group(one.on, one.reader),
                "RSDTC": one.on,
                "RSBASIS": one.because,
                **_accepted(criteria, one.reader),
                **text_result("RS", one.category),
            }
    judged = any(one.category for one in criteria.assessments)
    last: dict[str, Any] = {}
    for row in context.folder.rows("tumour_measurements", participant_id=subject.participant_id):
        last[row["reader"]] = max(last.get(row["reader"], row["measured_on"]), row["measured_on"])
    for answer in _by_reader(criteria, "BESTRESP", judged=judged, place={}):
        # A best response is dated by the last image that it rests on.
        on = last.get(answer.get("RSEVALID", ""), max(last.values(), default=None)) if judged else None
        yield answer | {"RSDTC": on}


def _metabolic(context: SdtmContext, subject: Subject, criteria: CriteriaResult) -> Iterator[dict[str, Any]]:
    after = [one for one in criteria.assessments if one.category]
    place = pet_place(context, subject, after[-1].visit, "RS") if after else {}
    kept = {key: value for key, value in place.items() if key in ("RSDTC", VISIT)}
    yield from _by_reader(criteria, "OVRLRESP", judged=bool(after), place=kept, assessments=after)


def _by_reader(
    criteria: CriteriaResult,
    code: str,
    *,
    judged: bool,
    place: dict[str, Any],
    assessments: list[CriteriaAssessment] | None = None,
) -> Iterator[dict[str, Any]]:
    """Every reader's answer; the participant's own beside it where it is none of theirs."""
    if not judged:
        # Planned after treatment; the common flag of derived results does not fit what was not judged.
        yield _test(code) | not_done("RS", criteria.because) | {"RSDRVFL": None, "EPOCH": "FOLLOW-UP"}
        return
    for reader in criteria.readers:
        link = {"RSLNKGRP": pet_group(assessments[-1].visit, reader.reader)} if assessments else {}
        yield {
            **_test(code),
            **place,
            **link,
            "RSBASIS": reader.because,
            **_accepted(criteria, reader.reader),
            **text_result("RS", reader.category),
        }
    if standing_reader(criteria) not in {one.reader for one in criteria.readers}:
        yield {**_test(code), **place, "RSBASIS": criteria.because, **text_result("RS", criteria.category)}


def standing_reader(criteria: CriteriaResult) -> str:
    """Whose answer is the participant's: the reader named, or the only one; empty where readers differ."""
    if criteria.reader:
        return criteria.reader
    return criteria.readers[0].reader if len(criteria.readers) == 1 else ""


def _accepted(criteria: CriteriaResult, reader: str) -> dict[str, Value]:
    if not reader:
        return {}
    flag: dict[str, Value] = {"RSACPTFL": "Y"} if reader == standing_reader(criteria) else {}
    return {**evaluator("RS", reader), **flag}


def _test(code: str) -> dict[str, Value]:
    return {"RSTESTCD": code, "RSTEST": term_list("ONCRTSCD").terms[code].decode}


def _at_contacts(context: SdtmContext) -> Iterator[dict[str, Any]]:
    """The disease as judged on the day of a contact; where the contact says nothing of it, there is no record."""
    for subject, row in context.rows("follow_up"):
        if not row["disease"]:
            continue
        said = _DISEASE.get(row["disease"])
        words = row["disease"].replace("_", " ").upper()
        told = (
            text_result("RS", words, said) if said else not_done("RS", "The disease was not assessed at this contact")
        )
        yield {
            SUBJECT: subject,
            **_test("CLINRESP"),
            "RSCAT": AT_CONTACT,
            "RSDTC": row["seen_on"],
            **told,
            **told_by("RS", row["reported_by"]),
        }


def _ecog(context: SdtmContext) -> Iterator[dict[str, Any]]:
    for subject, row in context.rows("eligibility"):
        if row["item"] == _ECOG_ITEM:
            evaluated = evaluator("RS", row["assessed_by"]) if row["assessed_by"] else {}
            evaluated = evaluated and evaluated | {"RSEVAL": "INVESTIGATOR"}
            yield {
                SUBJECT: subject,
                **_grade(row["value"], "Not recorded at screening"),
                "RSDTC": row["assessed_on"],
                **evaluated,
            }
    for subject, row in context.rows("examinations"):
        yield {
            SUBJECT: subject,
            VISIT: (row["visit_id"], row["session"]),
            **_grade(row["ecog"], "Not recorded at this examination"),
            "RSDTC": row["examined_on"],
            "RSEVAL": row["examiner_role"].replace("_", " ").upper(),
            "RSEVALID": row["examiner"],
        }


def _grade(value: object, missing: str) -> dict[str, Value]:
    made: dict[str, Value] = {"RSTESTCD": "ECOG101", "RSTEST": "ECOG1-Performance Status", "RSCAT": "ECOG"}
    said = "" if value is None else str(value).strip()
    begins = _ECOG_WORDS.get(said)
    if begins is None:
        return made | not_done("RS", f"No grade of ECOG: {said}" if said else missing)
    words = next(one for one in term_list("ECOG101OR").terms if one.startswith(begins))
    return made | {"RSORRES": words, "RSSTRESC": said, "RSSTRESN": float(said)}
