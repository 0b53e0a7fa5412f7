"""ADAE: adverse events with what counting asks: treatment emergent, grade, relation, worst by subject, class, term."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from theratrial.exchange.adam.context import AdamContext, day_text
from theratrial.exchange.adam.variables import (
    DATE,
    RELATIVE_DAY,
    YES,
    YES_NO,
    analysis_dataset,
    copied,
    listed,
    made,
    source_variables,
    subject_variables,
)
from theratrial.exchange.datasets.values import Dataset, Method, Value
from theratrial.exchange.sdtm.context import Subject
from theratrial.exchange.sdtm.planned import ascii_text
from theratrial.results.values import AdverseEvent, ParticipantResult
from theratrial.safety.adverse.counts import ends_treatment

SETS: Final = ("safety",)
_TERM: Final = Method(
    "ADAE.ADECOD",
    "Term that is counted",
    "The term of CTCAE where the reported term is one, else the term as reported.",
)
_CLASS: Final = Method(
    "ADAE.ASOC",
    "Class that is counted",
    "System organ class of the term in the event's own CTCAE version; empty where the term is none of it.",
)
_EMERGENT: Final = Method(
    "ADAE.TRTEMFL",
    "Treatment emergent",
    "Y where the subject was treated and the event began on the day of the first session or later.",
)
_GRADE: Final = Method("ADAE.ATOXGRN", "Toxicity grade", "AE.AETOXGR as a number.")
_DAYS: Final = Method("ADAE.ASTDT", "First and last day", "AE.AESTDTC and AE.AEENDTC; empty where the event goes on.")
_WORST: Final = Method(
    "ADAE.AOCC",
    "Worst of its kind",
    "Y at the first of the worst-graded treatment-emergent events of the subject: of all (AOCCIFL), of the class "
    "(AOCCSIFL), of the term (AOCCPIFL).",
)
_RELATED: Final = Method("ADAE.ARELFL", "Related", "Y where the relation is recorded as related.")
_ENDED: Final = Method(
    "ADAE.DISCFL", "Ended treatment", "Y where the action taken, in the protocol's words, ended treatment for good."
)
_DIED: Final = Method("ADAE.FATALFL", "Fatal", "Y where the grade is 5 or the outcome fatal.")


def adae(context: AdamContext) -> tuple[Dataset, ...]:
    """Adverse-event analysis data set."""
    grades = listed("ATOXGR", "Toxicity grade", ("0", "1", "2", "3", "4", "5"))
    variables = (
        *subject_variables(*context.set_variables(*SETS)),
        copied("AETERM", "Reported Term for the Adverse Event", "AE.AETERM", core="Req"),
        made("ADECOD", "Analysis Dictionary-Derived Term", _TERM, core="Req"),
        made("ASOC", "Analysis System Organ Class", _CLASS, core="Exp"),
        made("CTCAEVER", "CTCAE Version of the Grade"),
        made("ATOXGR", "Analysis Toxicity Grade", _GRADE, core="Exp", codelist=grades),
        made("ATOXGRN", "Analysis Toxicity Grade (N)", _GRADE, data_type="integer", core="Exp"),
        made("ASTDT", "Analysis Start Date", _DAYS, core="Exp", **DATE),
        made("ASTDY", "Analysis Start Relative Day", RELATIVE_DAY, core="Exp", data_type="integer"),
        made("AENDT", "Analysis End Date", _DAYS, core="Exp", **DATE),
        made("AENDY", "Analysis End Relative Day", RELATIVE_DAY, data_type="integer"),
        made("TRTEMFL", "Treatment Emergent Analysis Flag", _EMERGENT, core="Exp", codelist=YES),
        copied("AESER", "Serious Event", "AE.AESER", core="Req", codelist=YES_NO),
        made("AREL", "Analysis Causality", core="Exp"),
        made("ARELFL", "Related Analysis Flag", _RELATED, core="Exp", codelist=YES),
        made("DISCFL", "Led to End of Treatment Flag", _ENDED, core="Exp", codelist=YES),
        made("FATALFL", "Fatal Event Flag", _DIED, core="Exp", codelist=YES),
        made("AEOUTR", "Outcome as Recorded"),
        made("AOCCIFL", "1st Max Sev./Int. Occurrence Flag", _WORST, codelist=YES),
        made("AOCCSIFL", "1st Max Sev./Int. Occur Within SOC Flag", _WORST, codelist=YES),
        made("AOCCPIFL", "1st Max Sev./Int. Occur Within PT Flag", _WORST, codelist=YES),
        *source_variables(),
    )
    records = [record for subject, result in context.with_results() for record in _hers(context, subject, result)]
    return analysis_dataset(
        "ADAE",
        "Adverse Event Analysis Dataset",
        variables,
        records,
        keys="ASTDT ADECOD AETERM",
        structure="One record per subject per adverse event",
        class_name="OCCURRENCE DATA STRUCTURE",
        sub_class="ADVERSE EVENT",
    )


def _hers(context: AdamContext, subject: Subject, result: ParticipantResult) -> Iterator[dict[str, Value]]:
    records = [_event(context, subject, result, index) for index in range(len(result.adverse_events))]
    emergent = [one for one in records if one.get("TRTEMFL") == "Y"]
    for flag, names in (("AOCCIFL", ()), ("AOCCSIFL", ("ASOC",)), ("AOCCPIFL", ("ASOC", "ADECOD"))):
        _flag_worst(emergent, flag, names)
    yield from records


def _flag_worst(events: list[dict[str, Value]], flag: str, names: tuple[str, ...]) -> None:
    kinds: dict[tuple[Value, ...], list[dict[str, Value]]] = {}
    for one in events:
        kinds.setdefault(tuple(one.get(name) for name in names), []).append(one)
    for held in kinds.values():
        first = min(held, key=lambda one: (-int(str(one["ATOXGRN"])), str(one["ASTDT"])))
        first[flag] = "Y"


def _event(context: AdamContext, subject: Subject, result: ParticipantResult, index: int) -> dict[str, Value]:
    event = result.adverse_events[index]
    term = ascii_text(event.term)
    source = context.source("AE", "AETERM", subject, AETERM=term[:200], AESTDTC=day_text(event.started_on))
    return {
        **context.head(subject, *SETS),
        "AETERM": term[:200],
        "ADECOD": ascii_text(event.ctcae_term or event.term)[:200],
        "ASOC": ascii_text(event.system_organ_class) or None,
        "CTCAEVER": event.ctcae_version or None,
        "ATOXGR": str(event.grade),
        "ATOXGRN": event.grade,
        "ASTDT": day_text(event.started_on),
        "ASTDY": context.day(subject, event.started_on),
        "AENDT": day_text(event.ended_on),
        "AENDY": context.day(subject, event.ended_on),
        "TRTEMFL": "Y" if _emergent(result, event) else None,
        "AESER": "Y" if event.serious else "N",
        "AREL": ascii_text(event.related.replace("_", " ")).upper() or None,
        "ARELFL": "Y" if event.related == "related" else None,
        "DISCFL": "Y" if ends_treatment(event.action_taken) else None,
        "FATALFL": "Y" if event.grade == 5 or event.outcome == "fatal" else None,
        "AEOUTR": ascii_text(event.outcome.replace("_", " ")).upper() or None,
        "SRCREF": f"adverse_events[{index}]",
        **source,
    }


def _emergent(result: ParticipantResult, event: AdverseEvent) -> bool:
    return result.treated and bool(result.sessions) and event.started_on >= result.sessions[0].injected_at.date()
