"""ADTR: each lesion through screening PET, therapy scans and response PET: its dose, its uptake, what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from theratrial.exchange.adam.addos import interval
from theratrial.exchange.adam.context import AdamContext
from theratrial.exchange.adam.variables import (
    YES,
    analysis_dataset,
    made,
    parameter_variables,
    source_variables,
    subject_variables,
)
from theratrial.exchange.datasets.values import Condition, Dataset, Method, Value, ValueLevel
from theratrial.exchange.sdtm.context import Subject
from theratrial.exchange.sdtm.findings import number_text
from theratrial.exchange.sdtm.planned import ascii_text
from theratrial.results.criteria import LesionCourse
from theratrial.results.values import ParticipantResult

SETS: Final = ("safety", "full")
_VALUE: Final = Method(
    "ADTR.AVAL",
    "Value of a lesion",
    "As the results have it: absorbed dose over all sessions; uptake in the measure of the protocol's rule; change "
    "from baseline to the response image; change of the diameter on CT. Empty where it is undetermined, never zero.",
)
_INTERVAL: Final = Method(
    "ADTR.AVALLO", "95 % interval", "Limits of the 95 % interval of AVAL. NOUPFL Y: nothing bounds the value above."
)
_STATUS: Final = Method(
    "ADTR.AVALC", "Status of the lesion", "At the response image, as the reader whose reading stands says."
)
_STATE: Final = Method("ADTR.DETERM", "Determinacy", "Least determined curve of the lesion's sessions.")
_PARAMETERS: Final = {
    "LSDOSE": ("DOSE", "Absorbed Dose of the Lesion, all Sessions (Gy)"),
    "LSBASE": ("UPTAKE", "Uptake of the Lesion at Baseline (g/mL)"),
    "LSRESP": ("UPTAKE", "Uptake of the Lesion at Response (g/mL)"),
    "LSPCHG": ("UPTAKE", "Percent Change of Uptake of the Lesion (%)"),
    "LSPDIA": ("DIAMETER", "Percent Change of Diameter of the Lesion (%)"),
    "LSSTAT": ("STATUS", "Status of the Lesion at Response"),
}
_LEVELS: Final = (ValueLevel((Condition("PARAMCD", ("LSSTAT",)),), "text", method=_STATUS, label="Status"),)


def adtr(context: AdamContext) -> tuple[Dataset, ...]:
    """Lesion analysis data set."""
    variables = (
        *subject_variables(*context.set_variables(*SETS)),
        *parameter_variables(),
        made("LESION", "Lesion Identifier", core="Req"),
        made("LESSITE", "Site of the Lesion"),
        made("LESROLE", "Role of the Lesion"),
        made("AVAL", "Analysis Value", _VALUE, data_type="float", core="Exp"),
        made("AVALC", "Analysis Value (C)", _STATUS, core="Exp", value_levels=_LEVELS),
        made("AVALLO", "Lower Limit of the 95% Interval", _INTERVAL, data_type="float", core="Exp"),
        made("AVALHI", "Upper Limit of the 95% Interval", _INTERVAL, data_type="float", core="Exp"),
        made("NOUPFL", "No Upper Bound Flag", _INTERVAL, core="Exp", codelist=YES),
        made("DETERM", "Determinacy of the Curve", _STATE),
        *source_variables(),
    )
    records = [
        {**context.head(subject, *SETS), **record, **_source(context, subject, result, record)}
        for subject, result in context.with_results()
        for record in _records(result)
    ]
    return analysis_dataset(
        "ADTR",
        "Lesion Analysis Dataset",
        variables,
        records,
        keys="PARAMCD LESION",
        structure="One record per subject per parameter per lesion",
    )


def _source(
    context: AdamContext, subject: Subject, result: ParticipantResult, record: Mapping[str, Value]
) -> dict[str, Value]:
    """The record of TR with this uptake, where one record alone has it."""
    if record["PARAMCD"] not in ("LSBASE", "LSRESP") or result.response is None:
        return {}
    value = record.get("AVAL")
    if not isinstance(value, int | float):
        return {}
    metric = result.response.metric.replace("_", "").upper()
    return context.source("TR", "TRSTRESN", subject, TRTESTCD=metric, TRSTRESN=float(number_text(value)))


def _records(result: ParticipantResult) -> Iterator[dict[str, Value]]:
    for lesion in result.criteria.lesions:
        for record in _lesion(lesion):
            yield {
                "LESION": ascii_text(lesion.lesion_id),
                "LESSITE": ascii_text(lesion.site.replace("_", " ")).upper() or None,
                "LESROLE": lesion.role.replace("_", "-").upper() or None,
                **record,
            }


def _lesion(lesion: LesionCourse) -> Iterator[dict[str, Value]]:
    place = f"criteria.lesions[{ascii_text(lesion.lesion_id)}]"
    for code, value, field in (
        ("LSDOSE", lesion.absorbed_dose_Gy, "absorbed_dose_Gy"),
        ("LSBASE", lesion.baseline_uptake, "baseline_uptake"),
        ("LSRESP", lesion.response_uptake, "response_uptake"),
        ("LSPCHG", lesion.change_percent, "change_percent"),
        ("LSPDIA", lesion.length_change_percent, "length_change_percent"),
    ):
        if value is None:
            continue
        category, name = _PARAMETERS[code]
        record = {"PARCAT1": category, "PARAMCD": code, "PARAM": name, "SRCREF": f"{place}.{field}"} | interval(value)
        if code == "LSDOSE":
            record["DETERM"] = lesion.determinacy.upper().replace("_", " ") or None
        yield record
    if lesion.status_response:
        category, name = _PARAMETERS["LSSTAT"]
        said = ascii_text(lesion.status_response.replace("_", " ")).upper()
        yield {
            "PARCAT1": category,
            "PARAMCD": "LSSTAT",
            "PARAM": name,
            "AVALC": said,
            "SRCREF": f"{place}.status_response",
        }
