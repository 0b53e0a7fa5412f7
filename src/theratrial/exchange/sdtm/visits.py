"""SV and SE: the visits and elements that each participant really had (SDTMIG 3.4, 5.3 and 5.4)."""

from __future__ import annotations

from typing import Final

from theratrial.exchange.datasets.values import ASSIGNED, DERIVED, Dataset, Method, Value, dataset
from theratrial.exchange.sdtm.context import ActualElement, ActualVisit, SdtmContext, Subject, dtc
from theratrial.exchange.sdtm.observations import typed, with_terms
from theratrial.exchange.sdtm.planned import ascii_text
from theratrial.exchange.sdtm.variables import SDTMIG, STUDY_DAY, standard_variables

_DONE: Final = Method(
    "SVOCCUR",
    "Visit done",
    "Y where any procedure of the visit is recorded as done, N where all that are recorded were missed. A visit "
    "without any record has no line.",
)
_DAYS: Final = Method("SVDAYS", "Days of a visit", "First and last day on which a procedure of the visit was done.")
_ELEMENT: Final = Method(
    "SEDTC",
    "Start and end of an element",
    "Screening starts with the first consent, a session with its injection, follow-up on the day on which treatment "
    "was recorded as ended. An element ends with the start of the next; the last one, once treatment or screening has "
    "ended, with the last contact.",
)


def sv(context: SdtmContext) -> tuple[Dataset, ...]:
    """Subject visits: those done and those known to be missed."""
    records = [_visit(context, one, visit) for one in context.subjects for visit in one.visits]
    if not records:
        return ()
    variables = standard_variables(
        "SV",
        ("VISIT", "SVREASOC", "SVSTDY", "SVENDY", "SVUPDES"),
        {
            "VISITNUM": {"origin": ASSIGNED, "method": None},
            "VISIT": {"origin": ASSIGNED, "method": None},
            "SVPRESP": {"origin": ASSIGNED},
            "SVOCCUR": {"origin": DERIVED, "method": _DONE},
            "SVSTDTC": {"origin": DERIVED, "method": _DAYS},
            "SVENDTC": {"origin": DERIVED, "method": _DAYS},
            "SVSTDY": {"origin": DERIVED, "method": STUDY_DAY},
            "SVENDY": {"origin": DERIVED, "method": STUDY_DAY},
        },
    )
    return (
        dataset(
            "SV",
            "Subject Visits",
            with_terms("SV", typed(variables, records), records),
            records,
            keys=("STUDYID", "USUBJID", "VISITNUM"),
            structure="One record per actual or planned visit per subject",
            class_name="SPECIAL PURPOSE",
            standard=SDTMIG,
        ),
    )


def _visit(context: SdtmContext, subject: Subject, one: ActualVisit) -> dict[str, Value]:
    return {
        "STUDYID": context.study_id,
        "DOMAIN": "SV",
        "USUBJID": subject.usubjid,
        "VISITNUM": one.visit.number,
        "VISIT": one.visit.name,
        "SVPRESP": "Y" if one.visit.planned else None,
        "SVOCCUR": ("Y" if one.occurred else "N") if one.visit.planned else None,
        "SVREASOC": ascii_text(one.reason) or None,
        "SVSTDTC": dtc(one.first),
        "SVENDTC": dtc(one.last),
        "SVSTDY": context.study_day(subject, one.first),
        "SVENDY": context.study_day(subject, one.last),
        "SVUPDES": None if one.visit.planned else "Session beyond those planned",
    }


def se(context: SdtmContext) -> tuple[Dataset, ...]:
    """Subject elements."""
    records = [
        _element(context, one, element, number)
        for one in context.subjects
        for number, element in enumerate(one.elements, 1)
    ]
    variables = standard_variables(
        "SE",
        ("ELEMENT", "TAETORD", "EPOCH", "SESTDY", "SEENDY", "SEUPDES"),
        {
            **{name: {"origin": ASSIGNED, "method": None} for name in ("ETCD", "ELEMENT", "TAETORD", "EPOCH")},
            **{name: {"origin": DERIVED, "method": _ELEMENT} for name in ("SESTDTC", "SEENDTC")},
        },
    )
    return (
        dataset(
            "SE",
            "Subject Elements",
            with_terms("SE", typed(variables, records), records),
            records,
            keys=("STUDYID", "USUBJID", "SESEQ"),
            structure="One record per actual element per subject",
            class_name="SPECIAL PURPOSE",
            standard=SDTMIG,
        ),
    )


def _element(context: SdtmContext, subject: Subject, one: ActualElement, number: int) -> dict[str, Value]:
    planned = one.element.order > 0
    return {
        "STUDYID": context.study_id,
        "DOMAIN": "SE",
        "USUBJID": subject.usubjid,
        "SESEQ": number,
        "ETCD": one.element.code,
        "ELEMENT": one.element.title if planned else None,
        "TAETORD": one.element.order if planned else None,
        "EPOCH": one.element.epoch,
        "SESTDTC": dtc(one.starts),
        "SEENDTC": dtc(one.ends),
        "SESTDY": context.study_day(subject, one.starts),
        "SEENDY": context.study_day(subject, one.ends),
        "SEUPDES": None if planned else one.element.title,
    }
