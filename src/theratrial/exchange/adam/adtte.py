"""ADTTE: times to event as the analysis has them, with origin, end, and why somebody is censored."""

from __future__ import annotations

import re
from typing import Final

from theratrial.errors import InputError
from theratrial.exchange.adam.context import AdamContext, day_text
from theratrial.exchange.adam.ends import end_source
from theratrial.exchange.adam.variables import (
    DATE,
    IMPUTED,
    RELATIVE_DAY,
    YES,
    analysis_dataset,
    made,
    parameter_variables,
    source_variables,
    subject_variables,
)
from theratrial.exchange.datasets.values import Codelist, Dataset, Method, Term, Value
from theratrial.exchange.sdtm.context import Subject
from theratrial.exchange.sdtm.planned import ascii_text
from theratrial.results.analysis import SurvivalPerson, SurvivalResult

SETS: Final = ("safety", "full", "response_evaluable")
_CODES: Final = {
    "overall_survival": "OS",
    "progression_free_survival": "PFS",
    "duration_of_disease_control": "DODC",
}
_DATED: Final = re.compile(r" (?:on|by|of|until) \d{4}-\d{2}-\d{2}")
_TIME: Final = Method(
    "ADTTE.AVAL",
    "Time in months",
    "Days from STARTDT to ADT, in mean months of 365.25 / 12 days. The day of the origin is day 0.",
)
_CENSOR: Final = Method("ADTTE.CNSR", "Censoring", "0 where the time ended with the event, 1 where it was censored.")
_ORIGIN: Final = Method(
    "ADTTE.STARTDT",
    "Origin",
    "Day from which the protocol's plan counts: consent, first administration, or the assessment that found disease "
    "control.",
)
_END: Final = Method(
    "ADTTE.ADT",
    "End of the time",
    "Day of the first event that the plan names, or on which observation ended. On one day the event comes first.",
)
_IMPUTED: Final = Method(
    "ADTTE.ADTF",
    "What of the day is imputed",
    "Of a death whose day nobody recorded ADT is the day on which the subject was first known to have died: D where "
    "month and year are known, M where the year is, Y where nothing is (ADSL.DTHDTF). Else empty.",
)
_WORDS: Final = Method(
    "ADTTE.EVNTDESC", "What ended the time", "The reason as the run gives it, without its date, which is in ADT."
)
_ANALYSED: Final = Method(
    "ADTTE.ANL01FL",
    "Record for analysis",
    "Y: every record is analysed. Who is in the set and has no time, for want of an origin or because dates cannot all "
    "be true, has no record; the results say why.",
)
_CENSORED: Final = Codelist("CNSR", "Censoring", (Term("0", "Event"), Term("1", "Censored")), data_type="integer")


def adtte(context: AdamContext) -> tuple[Dataset, ...]:
    """Time-to-event analysis data set."""
    variables = (
        *subject_variables(*context.set_variables(*SETS)),
        *parameter_variables(),
        made("AVAL", "Analysis Value", _TIME, data_type="float", core="Req"),
        made("CNSR", "Censor", _CENSOR, data_type="integer", core="Req", codelist=_CENSORED),
        made("STARTDT", "Time-to-Event Origin Date for Subject", _ORIGIN, core="Req", **DATE),
        made("ADT", "Analysis Date", _END, core="Req", **DATE),
        made("ADTF", "Analysis Date Imputation Flag", _IMPUTED, codelist=IMPUTED),
        made("ADY", "Analysis Relative Day", RELATIVE_DAY, core="Exp", data_type="integer"),
        made("EVNTDESC", "Event or Censoring Description", _WORDS, core="Req"),
        made("CNSDTDSC", "Censor Date Description", _WORDS),
        made("ANL01FL", "Analysis Flag 01", _ANALYSED, core="Exp", codelist=YES),
        *source_variables(),
    )
    hers = {subject.participant_id: subject for subject in context.subjects}
    records = [
        _record(context, hers[person.participant_id], one, person)
        for one in context.result.analysis.survival
        for person in one.people
        if person.participant_id in hers
    ]
    return analysis_dataset(
        "ADTTE",
        "Time-to-Event Analysis Dataset",
        variables,
        records,
        keys="PARAMCD",
        structure="One record per subject per parameter",
        sub_class="TIME-TO-EVENT",
    )


def parameter_code(survival_id: str) -> str:
    """PARAMCD of a time to event of the plan.

    >>> parameter_code("overall_survival"), parameter_code("time_to_next_treatment")
    ('OS', 'TTNT')
    """
    return _CODES.get(survival_id) or "".join(word[:1] for word in survival_id.split("_")).upper()[:8]


def _record(context: AdamContext, subject: Subject, one: SurvivalResult, person: SurvivalPerson) -> dict[str, Value]:
    if person.origin_on is None or person.ended_on is None:
        raise InputError("these results do not keep the days of times to event -> run `theratrial run` again")
    said = _DATED.sub("", person.because.rsplit("; counted from", 1)[0]).removeprefix("censored: ")
    words = ascii_text(said[:1].upper() + said[1:])[:200]
    ended = one.trace.inputs.get(f"{person.participant_id} end", "")
    return {
        **context.head(subject, *SETS),
        "PARCAT1": "TIME TO EVENT",
        "PARAMCD": parameter_code(one.survival_id),
        "PARAM": f"{ascii_text(one.title)} (months)",
        "AVAL": person.time_months,
        "CNSR": int(not person.event),
        "STARTDT": day_text(person.origin_on),
        "ADT": day_text(person.ended_on),
        "ADTF": _imputed(subject, person),
        "ADY": context.day(subject, person.ended_on),
        "EVNTDESC": words,
        "CNSDTDSC": None if person.event else words,
        "ANL01FL": "Y",
        "SRCREF": f"analysis.survival[{ascii_text(one.survival_id)}].people",
        **end_source(context, subject, person, ended),
    }


def _imputed(subject: Subject, person: SurvivalPerson) -> str | None:
    """What of the day is imputed: of a death of which only the news has a day, as in ADSL."""
    death = subject.death
    if not person.event or death is None or death.on is not None or person.ended_on != death.known_on:
        return None
    return (death.imputed or None) if person.because.startswith("known to have died") else None
