"""ADDOS: activities, time-integrated activities and absorbed doses by region, session by session and over all of them.

ADaM has no structure for dosimetry: this is a basic data structure with a region, a session, an interval and the
determinacy of the curve as variables of its own (docs/methods/adam.md).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
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
from theratrial.exchange.datasets.values import Dataset, Method, Value
from theratrial.exchange.sdtm.context import Subject
from theratrial.exchange.sdtm.planned import ascii_text
from theratrial.results.places import own_session_place
from theratrial.results.values import CumulativeDose, ParticipantResult, RegionDoseResult
from theratrial.trace import Quantity

SETS: Final = ("safety", "dosimetry")
_VALUE: Final = Method(
    "ADDOS.AVAL",
    "Value of dosimetry",
    "As the results have it: net activity at the injection; integral of the region's activity over time; absorbed dose "
    "by the engine that the protocol reports; sums over sessions. Empty where it is undetermined, never zero.",
)
_INTERVAL: Final = Method(
    "ADDOS.AVALLO",
    "95 % interval",
    "Limits of the 95 % interval of AVAL. NOUPFL Y: nothing bounds the value above; AVALHI is empty then. Both empty "
    "without NOUPFL: no interval is stated.",
)
_STATE: Final = Method(
    "ADDOS.DETERM",
    "Determinacy",
    "What the measured points tell of the curve: determined, bounded, rising, extrapolated, single point, "
    "undetermined; over all sessions the least determined one (docs/methods/time_activity.md).",
)
_LIMIT: Final = Method("ADDOS.DOSLIM", "Limit", "Limit of the organ in the protocol, beside the cumulative dose.")
_COUNT: Final = Method("ADDOS.SESSCNT", "Sessions", "Sessions with a value that the sum holds, and sessions given.")
_FLAG: Final = Method("ADDOS.ANL01FL", "Record for analysis", "Y where the subject was treated.")
PARAMETERS: Final = {
    "ADMACT": ("ACTIVITY", "Administered Activity, net (MBq)"),
    "TIA": ("KINETICS", "Time-Integrated Activity (MBq*h)"),
    "EFFHL": ("KINETICS", "Effective Half-Life (h)"),
    "ABSDOSE": ("DOSE", "Absorbed Dose of the Session (Gy)"),
    "BED": ("DOSE", "Biologically Effective Dose of the Session (Gy)"),
    "CUMDOSE": ("CUMULATIVE DOSE", "Absorbed Dose over all Sessions (Gy)"),
    "CUMUPP": ("CUMULATIVE DOSE", "Upper Bound Held Against the Limit (Gy)"),
    "CUMBED": ("CUMULATIVE DOSE", "Biologically Eff. Dose over all Sessions (Gy)"),
}
"""PARAMCD -> PARCAT1 and PARAM."""


def addos(context: AdamContext) -> tuple[Dataset, ...]:
    """Dosimetry analysis data set."""
    variables = (
        *subject_variables(*context.set_variables(*SETS)),
        *parameter_variables(),
        made("REGION", "Region", core="Exp"),
        made("REGDESC", "Description of the Region"),
        made("REGTYPE", "Type of the Region"),
        made("SESSION", "Session", data_type="integer", core="Exp"),
        made("AVAL", "Analysis Value", _VALUE, data_type="float", core="Exp"),
        made("AVALLO", "Lower Limit of the 95% Interval", _INTERVAL, data_type="float", core="Exp"),
        made("AVALHI", "Upper Limit of the 95% Interval", _INTERVAL, data_type="float", core="Exp"),
        made("NOUPFL", "No Upper Bound Flag", _INTERVAL, core="Exp", codelist=YES),
        made("DETERM", "Determinacy of the Curve", _STATE),
        made("DOSLIM", "Limit of the Organ (Gy)", _LIMIT, data_type="float", core="Exp"),
        made("SESSCNT", "Sessions Counted in the Sum", _COUNT, data_type="integer"),
        made("SESSGIV", "Sessions Given", _COUNT, data_type="integer"),
        made("ADT", "Analysis Date", Method("ADDOS.ADT", "Day", "Day of the injection of the session."), **DATE),
        made("ADY", "Analysis Relative Day", RELATIVE_DAY, data_type="integer"),
        made("ANL01FL", "Analysis Flag 01", _FLAG, core="Exp", codelist=YES),
        *source_variables(),
    )
    records = [
        {**context.head(subject, *SETS), "ANL01FL": "Y", **record, **_source(context, subject, record)}
        for subject, result in context.with_results()
        for record in _records(context, subject, result)
    ]
    return analysis_dataset(
        "ADDOS",
        "Dosimetry Analysis Dataset",
        variables,
        records,
        keys="PARAMCD REGION SESSION",
        structure="One record per subject per parameter per region per session, and per region over all sessions",
    )


def _source(context: AdamContext, subject: Subject, record: Mapping[str, Value]) -> dict[str, Value]:
    """The record of the dosimetry domain, which names the place of the results as its own identifier."""
    place = f"participants[{subject.participant_id}].{record['SRCREF']}"
    return context.source("XD", "XDSTRESN", subject, XDSPID=place)


def _records(context: AdamContext, subject: Subject, result: ParticipantResult) -> Iterator[dict[str, Value]]:
    for session in result.sessions:
        place = own_session_place(session.session)
        head: dict[str, Value] = {
            "SESSION": session.session,
            "ADT": day_text(session.injected_at),
            "ADY": context.day(subject, session.injected_at),
        }
        activity = session.administered_activity_MBq
        yield _parameter("ADMACT", activity) | head | {"SRCREF": f"{place}.administered_activity_MBq"}
        for dose in session.doses:
            for record in _region(dose, f"{place}.doses[{dose.region_name}]"):
                yield record | head
    for index, cumulative in enumerate(result.cumulative_doses):
        yield from _cumulative(cumulative, f"cumulative_doses[{index}]")


def _region(dose: RegionDoseResult, place: str) -> Iterator[dict[str, Value]]:
    head: dict[str, Value] = {
        "REGION": ascii_text(dose.region_name),
        "REGDESC": ascii_text(dose.title),
        "REGTYPE": dose.kind.upper(),
        "DETERM": dose.determinacy.upper().replace("_", " "),
    }
    values = [
        ("TIA", dose.time_integrated_activity_MBq_h, "time_integrated_activity_MBq_h"),
        ("EFFHL", dose.effective_half_life_h, "effective_half_life_h"),
        ("ABSDOSE", dose.absorbed_dose_Gy, "absorbed_dose_Gy"),
    ]
    if dose.details.biological is not None:
        values.append(("BED", dose.details.biological.bed_Gy, "details.biological.bed_Gy"))
    for code, value, field in values:
        yield _parameter(code, value) | head | {"SRCREF": f"{place}.{field}"}


def _cumulative(dose: CumulativeDose, place: str) -> Iterator[dict[str, Value]]:
    head: dict[str, Value] = {
        "REGION": ascii_text(dose.region_id),
        "REGDESC": ascii_text(dose.title),
        "REGTYPE": dose.kind.upper(),
        "DETERM": dose.determinacy.upper().replace("_", " ") or None,
        "DOSLIM": dose.limit_Gy,
        "SESSCNT": dose.sessions_counted,
        "SESSGIV": dose.sessions_given,
    }
    for code, value, field in (
        ("CUMDOSE", dose.absorbed_dose_Gy, "absorbed_dose_Gy"),
        ("CUMUPP", dose.judged_upper_Gy, "judged_upper_Gy"),
        ("CUMBED", dose.bed_Gy, "bed_Gy"),
    ):
        if value is not None:
            yield _parameter(code, value) | head | {"SRCREF": f"{place}.{field}"}


def _parameter(code: str, value: Quantity) -> dict[str, Value]:
    category, name = PARAMETERS[code]
    return {"PARCAT1": category, "PARAMCD": code, "PARAM": name, **interval(value)}


def interval(value: Quantity) -> dict[str, Value]:
    """AVAL with its interval; an upper limit without bound is a flag, for no data set holds infinity."""
    endless = value.upper is not None and math.isinf(value.upper)
    return {
        "AVAL": value.value,
        "AVALLO": value.lower,
        "AVALHI": None if endless else value.upper,
        "NOUPFL": "Y" if endless else None,
    }
