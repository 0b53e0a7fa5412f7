"""ADAE: adverse events with what counting asks: treatment emergent, grade, relation, worst by subject, class, term.

What SDTM says keeps SDTM's name (OCCDS): AESEQ, AEDECOD, AEBODSYS, AETOXGR, AEREL, AEOUT are those of AE.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from theratrial.errors import InputError
from theratrial.exchange.adam.context import AdamContext, day_text
from theratrial.exchange.adam.variables import (
    DATE,
    RELATIVE_DAY,
    YES,
    YES_NO,
    analysis_dataset,
    copied,
    made,
    source_variables,
    subject_variables,
)
from theratrial.exchange.datasets.values import Dataset, Method, Value
from theratrial.exchange.sdtm.context import Subject
from theratrial.exchange.sdtm.observations import pieces
from theratrial.exchange.sdtm.planned import ascii_text
from theratrial.results.values import AdverseEvent, ParticipantResult
from theratrial.safety.adverse.counts import ends_treatment

SETS: Final = ("safety",)
_CLASS: Final = Method(
    "ADAE.AEBODSYS",
    "Class that is counted",
    "AE.AEBODSYS where the event was coded with a dictionary; else the class of CTCAE (SUPPAE.AECTCSOC), which SDTM "
    "keeps apart because it has no code; empty where the term is none of CTCAE's.",
)
_EMERGENT: Final = Method(
    "ADAE.TRTEMFL",
    "Treatment emergent",
    "Y where the subject was treated and the event began on the day of the first session or later.",
)
_GRADE: Final = Method("ADAE.AETOXGRN", "Toxicity grade", "AE.AETOXGR as a number.")
_CRITERIA: Final = {
    "AESDTH": "Results in Death",
    "AESLIFE": "Is Life Threatening",
    "AESHOSP": "Requires or Prolongs Hospitalization",
    "AESDISAB": "Persist or Signif Disability/Incapacity",
    "AESCONG": "Congenital Anomaly or Birth Defect",
    "AESMIE": "Other Medically Important Serious Event",
}
"""Criteria of seriousness as AE has them, with SDTM's labels."""
_DAYS: Final = Method("ADAE.ASTDT", "First and last day", "AE.AESTDTC and AE.AEENDTC; empty where the event goes on.")
_WORST: Final = Method(
    "ADAE.AOCC",
    "Worst of its kind",
    "Y at the first of the worst-graded treatment-emergent events of the subject: of all (AOCCIFL), of the class "
    "(AOCCSIFL), of the term (AOCCPIFL).",
)
_RELATED: Final = Method("ADAE.ARELFL", "Related", "Y where AE.AEREL is RELATED.")
_ENDED: Final = Method(
    "ADAE.DISCFL", "Ended treatment", "Y where the action taken, in the protocol's words, ended treatment for good."
)
_DIED: Final = Method("ADAE.FATALFL", "Fatal", "Y where the grade is 5 or the outcome fatal.")


def adae(context: AdamContext) -> tuple[Dataset, ...]:
    """Adverse-event analysis data set."""
    variables = (
        *subject_variables(*context.set_variables(*SETS)),
        copied("AESEQ", "Sequence Number", "AE.AESEQ", core="Req", data_type="integer"),
        copied("AETERM", "Reported Term for the Adverse Event", "AE.AETERM", core="Req"),
        copied("AEDECOD", "Dictionary-Derived Term", "AE.AEDECOD", core="Req"),
        made("AEBODSYS", "Body System or Organ Class", _CLASS, core="Exp"),
        made("CTCAEVER", "CTCAE Version of the Grade"),
        copied("AETOXGR", "Standard Toxicity Grade", "AE.AETOXGR", core="Exp"),
        made("AETOXGRN", "Standard Toxicity Grade (N)", _GRADE, data_type="integer", core="Exp"),
        made("ASTDT", "Analysis Start Date", _DAYS, core="Exp", **DATE),
        made("ASTDY", "Analysis Start Relative Day", RELATIVE_DAY, core="Exp", data_type="integer"),
        made("AENDT", "Analysis End Date", _DAYS, core="Exp", **DATE),
        made("AENDY", "Analysis End Relative Day", RELATIVE_DAY, data_type="integer"),
        made("TRTEMFL", "Treatment Emergent Analysis Flag", _EMERGENT, core="Exp", codelist=YES),
        copied("AESER", "Serious Event", "AE.AESER", core="Req", codelist=YES_NO),
        *(
            copied(name, label, f"AE.{name}", codelist=YES_NO)
            for name, label in _CRITERIA.items()
            if context.has("AE", name)
        ),
        copied("AEREL", "Causality", "AE.AEREL", core="Exp"),
        made("ARELFL", "Related Analysis Flag", _RELATED, core="Exp", codelist=YES),
        copied("AEACN", "Action Taken with Study Treatment", "AE.AEACN", core="Exp"),
        made("DISCFL", "Led to End of Treatment Flag", _ENDED, core="Exp", codelist=YES),
        copied("AEOUT", "Outcome of Adverse Event", "AE.AEOUT", core="Exp"),
        made("FATALFL", "Fatal Event Flag", _DIED, core="Exp", codelist=YES),
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
        keys="ASTDT AEDECOD AETERM",
        structure="One record per subject per adverse event",
        class_name="OCCURRENCE DATA STRUCTURE",
        sub_class="ADVERSE EVENT",
    )


def _hers(context: AdamContext, subject: Subject, result: ParticipantResult) -> Iterator[dict[str, Value]]:
    tabulated = list(context.records_of("AE", subject))
    records = [_event(context, subject, result, index, tabulated) for index in range(len(result.adverse_events))]
    emergent = [one for one in records if one.get("TRTEMFL") == "Y"]
    for flag, names in (("AOCCIFL", ()), ("AOCCSIFL", ("AEBODSYS",)), ("AOCCPIFL", ("AEBODSYS", "AEDECOD"))):
        _flag_worst(emergent, flag, names)
    yield from records


def _flag_worst(events: list[dict[str, Value]], flag: str, names: tuple[str, ...]) -> None:
    kinds: dict[tuple[Value, ...], list[dict[str, Value]]] = {}
    for one in events:
        kinds.setdefault(tuple(one.get(name) for name in names), []).append(one)
    for held in kinds.values():
        first = min(held, key=lambda one: (-int(str(one["AETOXGRN"])), str(one["ASTDT"])))
        first[flag] = "Y"


def _event(
    context: AdamContext, subject: Subject, result: ParticipantResult, index: int, tabulated: list[Mapping[str, Value]]
) -> dict[str, Value]:
    event = result.adverse_events[index]
    source = _taken(tabulated, event)
    return {
        **context.head(subject, *SETS),
        **{name: source.get(name) for name in _COPIED if name not in _CRITERIA or context.has("AE", name)},
        "AEBODSYS": source.get("AEBODSYS") or ascii_text(event.system_organ_class) or None,
        "CTCAEVER": event.ctcae_version or None,
        "AETOXGRN": event.grade,
        "ASTDT": day_text(event.started_on),
        "ASTDY": context.day(subject, event.started_on),
        "AENDT": day_text(event.ended_on),
        "AENDY": context.day(subject, event.ended_on),
        "TRTEMFL": "Y" if _emergent(result, event) else None,
        "ARELFL": "Y" if event.related == "related" else None,
        "DISCFL": "Y" if ends_treatment(event.action_taken) else None,
        "FATALFL": "Y" if event.grade == 5 or event.outcome == "fatal" else None,
        "SRCREF": f"adverse_events[{index}]",
        "SRCDOM": "AE",
        "SRCVAR": "AETERM",
        "SRCSEQ": source["AESEQ"],
    }


_COPIED: Final = ("AESEQ", "AETERM", "AEDECOD", "AETOXGR", "AESER", *_CRITERIA, "AEREL", "AEACN", "AEOUT")


def _taken(tabulated: list[Mapping[str, Value]], event: AdverseEvent) -> Mapping[str, Value]:
    """The event's record of AE, which no other event may have after it: twins take one record each.

    Raises
    ------
    InputError
        AE has no such record left: the data sets are of other records.
    """
    what = {
        "AESTDTC": day_text(event.started_on),
        "AEENDTC": day_text(event.ended_on),
        "AETOXGR": str(event.grade),
    }
    # Where terms were withheld before sharing, records and results may say so in different words.
    for wanted in ({**what, "AETERM": pieces(ascii_text(event.term))[0]}, what):
        for place, record in enumerate(tabulated):
            if all(record.get(name) == value for name, value in wanted.items()):
                return tabulated.pop(place)
    raise InputError("AE has no record of an adverse event of the results -> make ADaM from the SDTM of the same trial")


def _emergent(result: ParticipantResult, event: AdverseEvent) -> bool:
    return result.treated and bool(result.sessions) and event.started_on >= result.sessions[0].injected_at.date()
