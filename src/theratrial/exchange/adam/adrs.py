"""ADRS: responses by criteria and reader, the change that is shown, and how each subject counts in every analysis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Final

from theratrial.exchange.adam.context import AdamContext, day_text
from theratrial.exchange.adam.variables import (
    DATE,
    RELATIVE_DAY,
    YES,
    analysis_dataset,
    made,
    parameter_variables,
    source_variables,
    subject_variables,
)
from theratrial.exchange.datasets.values import ASSIGNED, Condition, Dataset, Method, Value, ValueLevel
from theratrial.exchange.sdtm.context import Subject
from theratrial.exchange.sdtm.planned import ascii_text
from theratrial.results.analysis import AnalysedProportion
from theratrial.results.criteria import CriteriaResult
from theratrial.results.shown_change import shown_change_percent
from theratrial.results.values import ParticipantResult

SETS: Final = ("safety", "full", "per_protocol", "response_evaluable")
ORDER: Final[Mapping[str, int]] = {
    **{"CR": 1, "CMR": 1, "PR": 2, "PMR": 2, "SD": 3, "SMD": 3},
    **{"NON-CR/NON-PD": 4, "PD": 5, "PMD": 5, "NE": 6},
}
"""AVAL of a category: from the best to the worst; 6 where it is not evaluable."""
_CODES: Final = {"percist_1_0": "PERC", "eortc_1999": "EORT", "recist_1_1": "RECI"}
_RS: Final = {"percist_1_0": "PERCIST", "eortc_1999": "EORTC 1999", "recist_1_1": "RECIST 1.1"}
RS_PROTOCOL: Final = "PROTOCOL DEFINED RESPONSE CRITERIA"
"""RSCAT of the protocol's rule."""
_RESPONSE: Final = "RESPONSE"
_CONTROL: Final = "DISEASE CONTROL"
_MAXIMUM: Final = 200

_VALUE: Final = Method(
    "ADRS.AVAL",
    "Order of a category",
    "CR, CMR 1; PR, PMR 2; SD, SMD 3; NON-CR/NON-PD 4; PD, PMD 5; NE 6. Of disease control: 1 yes, 0 no.",
)
_CATEGORY: Final = Method(
    "ADRS.AVALC",
    "Response category",
    "In the criteria's own words. RSPPROT without a reader is the response that stands, also after adjudication; with "
    "READER it is that reader's. OV: at one assessment; BO: best overall, or the only one. NE for a treated subject "
    "whose response could not be read. Parameters that begin with DC: Y where the subject counts as a success of the "
    "analysis, N where as a failure, empty where left out of it.",
)
_CHANGE: Final = Method(
    "ADRS.PCHG",
    "Change of uptake",
    "Percent change of the uptake that the protocol's rule judges; where it judged by new or resolved lesions, that of "
    "the hottest target at both times, if every target was measured. Empty where it is not known.",
)
_FLAG: Final = Method(
    "ADRS.ANL01FL",
    "Record for analysis",
    "Y at the record that stands for the subject (and assessment) in a parameter: not at readings of single readers, "
    "and not at a disease control that was left out.",
)
_DAY: Final = Method("ADRS.ADT", "Day of assessment", "Day of the image or examination that was read.")
_LEVELS: Final = (
    ValueLevel(
        (Condition("PARAMCD", ("PCHGHOT",)),), "float", method=_CHANGE, label="Percent change of uptake", origin=None
    ),
    ValueLevel((Condition("PARAMCD", ("PCHGHOT",), "NE"),), "integer", method=_VALUE, label="Order of the category"),
)


def adrs(context: AdamContext) -> tuple[Dataset, ...]:
    """Response analysis data set."""
    variables = (
        *subject_variables(*context.set_variables(*SETS)),
        *parameter_variables(),
        made("AVAL", "Analysis Value", _VALUE, data_type="float", core="Exp", value_levels=_LEVELS),
        made("AVALC", "Analysis Value (C)", _CATEGORY, core="Exp"),
        made("ADT", "Analysis Date", _DAY, core="Exp", **DATE),
        made("ADY", "Analysis Relative Day", RELATIVE_DAY, core="Exp", data_type="integer"),
        made("AVISIT", "Analysis Visit"),
        made("READER", "Reader Identifier", origin=ASSIGNED),
        made("ANL01FL", "Analysis Flag 01", _FLAG, core="Exp", codelist=YES),
        *source_variables(),
    )
    records = [
        {**context.head(subject, *SETS), **record, **_day(context, subject, record)}
        for subject, result in context.with_results()
        for record in _records(context, subject, result)
    ]
    return analysis_dataset(
        "ADRS",
        "Response Analysis Dataset",
        variables,
        records,
        keys="PARAMCD ADT READER",
        structure="One record per subject per parameter per assessment per reader",
    )


def sensitivity_ways(context: AdamContext) -> tuple[tuple[str, AnalysedProportion], ...]:
    """(PARAMCD, analysis) of the analyses that count subjects otherwise than the primary one."""
    ways = [one for one in context.result.analysis.proportions if one.kind not in ("primary", "interval")]
    return tuple((f"DCS{number:02d}", one) for number, one in enumerate(ways, 1))


def _day(context: AdamContext, subject: Subject, record: Mapping[str, Value]) -> dict[str, Value]:
    on = record.get("ADT")
    return {"ADY": context.day(subject, date.fromisoformat(on)) if isinstance(on, str) else None}


def _records(context: AdamContext, subject: Subject, result: ParticipantResult) -> Iterator[dict[str, Value]]:
    yield from _by_rule(context, subject, result)
    for one in result.criteria.criteria:
        if one.criteria in _CODES:
            yield from _by_criteria(context, subject, one)
    yield from _control(context, result)


def _by_rule(context: AdamContext, subject: Subject, result: ParticipantResult) -> Iterator[dict[str, Value]]:
    """The response by the protocol's rule, and the change that is shown of it."""
    response = result.response
    if response is None and not result.treated:
        return
    common: dict[str, Value] = {
        "PARCAT1": _RESPONSE,
        "PARAMCD": "RSPPROT",
        "PARAM": "Response by the Rule of the Protocol",
    }
    common |= {"ADT": day_text(_image_day(context, result)), "SRCREF": "response"}
    if response is None:
        yield common | {"ADT": None, **_categorised("NE"), "ANL01FL": "Y"}
        return
    standing = _source(context, subject, RS_PROTOCOL, "", common["ADT"])
    yield common | _categorised(response.category) | {"ANL01FL": "Y"} | standing
    for reader in response.by_reader:
        yield (
            common
            | _categorised(reader.category)
            | {"READER": ascii_text(reader.reader), "SRCREF": "response.by_reader"}
            | _source(context, subject, RS_PROTOCOL, reader.reader, common["ADT"])
        )
    change = shown_change_percent(response)
    judged = response.change_percent is not None and response.change_percent.value is not None
    yield common | {
        "PARAMCD": "PCHGHOT",
        "PARAM": "Percent Change of Uptake, Hottest Target (%)",
        "AVAL": change,
        "ANL01FL": "Y" if change is not None else None,
        "SRCREF": "response.change_percent" if judged else "response.lesions",
    }


def _image_day(context: AdamContext, result: ParticipantResult) -> datetime | None:
    rule = context.protocol.response.reading
    wanted = rule.imaging_response if rule is not None else ""
    return next((one.acquired_at for one in result.pet_scans if one.imaging_id == wanted), None)


def _by_criteria(context: AdamContext, subject: Subject, one: CriteriaResult) -> Iterator[dict[str, Value]]:
    code, title = _CODES[one.criteria], ascii_text(one.title)
    place = f"criteria.criteria[{one.criteria}]"
    for assessment in one.assessments:
        if not assessment.category:
            continue
        accepted = assessment.reader in ("", one.reader)
        record: dict[str, Value] = {
            "PARCAT1": _RESPONSE,
            "PARAMCD": f"OV{code}",
            "PARAM": f"Response at an Assessment by {title}",
            "ADT": day_text(assessment.on),
            "AVISIT": ascii_text(assessment.visit) or None,
            "READER": ascii_text(assessment.reader) or None,
            "ANL01FL": "Y" if accepted else None,
            "SRCREF": f"{place}.assessments",
        }
        source = _source(context, subject, _RS[one.criteria], assessment.reader, record["ADT"])
        yield record | _categorised(assessment.category) | source
    best = {"PARCAT1": _RESPONSE, "PARAMCD": f"BO{code}", "PARAM": f"Best Overall Response by {title}"}
    test = "BESTRESP" if one.criteria == "recist_1_1" else "OVRLRESP"
    category = _RS[one.criteria]
    stands = _source(context, subject, category, one.reader, test=test)
    yield best | _categorised(one.category) | {"ANL01FL": "Y", "SRCREF": f"{place}.category"} | stands
    for reader in one.readers:
        yield (
            best
            | _categorised(reader.category)
            | {"READER": ascii_text(reader.reader), "SRCREF": f"{place}.readers"}
            | _source(context, subject, category, reader.reader, test=test)
        )


def _source(
    context: AdamContext, subject: Subject, category: str, reader: str, on: Value = None, test: str = "OVRLRESP"
) -> dict[str, Value]:
    """The record of RS of this reader, or the accepted one where none is named; of this day, where there is one."""
    where: dict[str, Value] = {"RSCAT": category, "RSTESTCD": test}
    where |= {"RSEVALID": ascii_text(reader)} if reader else {"RSACPTFL": "Y"}
    if on is not None:
        where["RSDTC__day"] = on
    return context.source("RS", "RSSTRESC", subject, **where)


def _categorised(category: str) -> dict[str, Value]:
    said = ascii_text(category).upper() or "NE"
    return {"AVALC": said, "AVAL": ORDER.get(said)}


def _control(context: AdamContext, result: ParticipantResult) -> Iterator[dict[str, Value]]:
    who = result.participant_id
    if result.counted != "not analysed":
        yield _counted("DCPRIM", "Disease Control, Primary Analysis", result.counted, "counted")
    ways = sensitivity_ways(context)
    for code, way in ways:
        counts = dict(way.counts)
        if who in counts:
            said = ascii_text(f"Disease Control, Sensitivity {int(code[3:])}: {way.name}")
            at = context.result.analysis.proportions.index(way)
            yield _counted(code, said[:_MAXIMUM], counts[who], f"analysis.proportions[{at}].counts")


def _counted(code: str, name: str, counted: str, place: str) -> dict[str, Value]:
    answer = {"success": "Y", "failure": "N"}.get(counted)
    return {
        "PARCAT1": _CONTROL,
        "PARAMCD": code,
        "PARAM": name,
        "AVALC": answer,
        "AVAL": None if answer is None else int(answer == "Y"),
        "ANL01FL": None if answer is None else "Y",
        "SRCREF": place,
    }
