"""EC, EX and AG: what was measured in the syringe, what reached the participant, and the tracer of each PET.

EC holds what was prescribed and collected, EX what follows from it: the net activity at the start of the injection.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from theratrial.errors import InputError
from theratrial.exchange.datasets.values import ASSIGNED, COLLECTED, DERIVED, Dataset, Method, Value
from theratrial.exchange.sdtm.context import SdtmContext, Subject, dtc
from theratrial.exchange.sdtm.observations import SUBJECT, VISIT, Record, Supplement, observations
from theratrial.exchange.sdtm.planned import TREATMENT, product_name
from theratrial.nuclides import nuclide
from theratrial.trialfolder.net_activity import net_administered_activity
from theratrial.trialfolder.records import Row

NET_ACTIVITY: Final = Method(
    "NETACT",
    "Net administered activity",
    "Calibrator reading of the syringe less the reading of the residual, each corrected for physical decay to the "
    "start of the injection. Where the residual was not measured: the syringe alone, an upper bound.",
)
_ONCE: Final = Method("ONEPOINT", "End of an injection", "The records hold one moment, the start: the end is the same.")
_FORM: Final = "INJECTION, SOLUTION"
_RESIDUAL: Final = Supplement("RESIDACT", "Residual Activity [MBq]", COLLECTED)
_RESIDUAL_AT: Final = Supplement("RESIDDTC", "Date/Time of Residual Reading", COLLECTED)
_MEASURED_AT: Final = Supplement("MEASDTC", "Date/Time of Calibrator Reading", COLLECTED)
_MASS: Final = Supplement("ANTIBMG", "Antibody Mass Given [mg]", COLLECTED)
_INSTANT: Final = Supplement("STARTUTC", "Start of Injection in UTC", DERIVED)
_LEAK: Final = Supplement("EXTRAVAS", "Extravasation Seen", COLLECTED)


def ec(context: SdtmContext) -> tuple[Dataset, ...]:
    """Exposure as collected: the activity prescribed and that in the syringe, as the calibrator read it."""
    return observations(
        context,
        "EC",
        "Exposure as Collected",
        "ECLNKID ECMOOD ECPRESP ECOCCUR ECDOSE ECDOSU ECDOSFRM ECDOSFRQ ECROUTE ECLOT VISITNUM VISIT EPOCH ECSTDTC "
        "ECENDTC ECSTDY ECENDY",
        (record for one in context.subjects for row in one.sessions for record in _collected(context, one, row)),
        keys="ECSTDTC ECTRT ECMOOD",
        structure="One record per protocol-specified study treatment, collected-dosing interval, mood and subject",
        changes={"ECENDTC": {"origin": DERIVED, "method": _ONCE}, "ECDOSU": {"origin": ASSIGNED}},
        supplements=(_MEASURED_AT, _RESIDUAL, _RESIDUAL_AT),
    )


def _collected(context: SdtmContext, subject: Subject, row: Row) -> Iterator[Record]:
    common = _common(context, subject, row, "EC")
    prescribed = row["prescribed_activity_MBq"]
    if prescribed is not None:
        yield common | {"ECMOOD": "SCHEDULED", "ECDOSE": prescribed, "ECDOSU": "MBq"}
    yield common | {
        "ECMOOD": "PERFORMED",
        "ECPRESP": "Y",
        "ECOCCUR": "Y",
        "ECDOSE": row["measured_activity_MBq"],
        "ECDOSU": "MBq",
        "ECLOT": row["batch_id"],
        "MEASDTC": dtc(row["measured_at"]),
        "RESIDACT": _number(row["residual_activity_MBq"]),
        "RESIDDTC": dtc(row["residual_measured_at"]),
    }


def ex(context: SdtmContext) -> tuple[Dataset, ...]:
    """Exposure: the net activity of each session."""
    return observations(
        context,
        "EX",
        "Exposure",
        "EXLNKID EXTRT EXDOSE EXDOSU EXDOSFRM EXDOSFRQ EXROUTE EXLOT VISITNUM VISIT EPOCH EXSTDTC EXENDTC EXSTDY "
        "EXENDY",
        (_given(context, one, row) for one in context.subjects for row in one.sessions),
        keys="EXSTDTC EXTRT",
        structure="One record per protocol-specified study treatment, constant-dosing interval and subject",
        changes={
            "EXDOSE": {"origin": DERIVED, "method": NET_ACTIVITY},
            "EXDOSU": {"origin": ASSIGNED},
            "EXENDTC": {"origin": DERIVED, "method": _ONCE},
        },
        supplements=(_INSTANT, _MASS, _LEAK),
    )


def _given(context: SdtmContext, subject: Subject, row: Row) -> Record:
    activity = _session_activity(subject, row)
    return _common(context, subject, row, "EX") | {
        "EXDOSE": activity,
        "EXDOSU": "MBq" if activity is not None else None,
        "EXLOT": row["batch_id"],
        "STARTUTC": _utc(row["injected_at"]),
        "ANTIBMG": _number(row["antibody_mass_mg"]),
        "EXTRAVAS": _yes_no(row["extravasation"]),
    }


def _session_activity(subject: Subject, row: Row) -> float | None:
    """What the results say of the session, so that the export and the report hold one number."""
    sessions = subject.result.sessions if subject.result is not None else ()
    for one in sessions:
        if one.session == row["session"] and one.injected_at == row["injected_at"]:
            return one.administered_activity_MBq.value
    raise InputError(
        f"the result knows no session {row['session']} of {subject.participant_id} at {dtc(row['injected_at'])} "
        "-> it was computed from other records; run the trial again"
    )


def ag(context: SdtmContext) -> tuple[Dataset, ...]:
    """Procedure agents: the tracer injected for each PET/CT."""
    records = [
        _tracer(context, subject, row)
        for subject, row in context.rows("administrations")
        if row["product_id"] != context.therapy
    ]
    return observations(
        context,
        "AG",
        "Procedure Agents",
        "AGLNKID AGTRT AGPRESP AGOCCUR AGDOSE AGDOSU AGDOSFRM AGDOSFRQ AGROUTE AGLOT VISITNUM VISIT EPOCH AGSTDTC "
        "AGENDTC AGSTDY AGENDY",
        records,
        keys="AGSTDTC AGTRT",
        structure="One record per recorded intervention occurrence per subject",
        changes={
            "AGDOSE": {"origin": DERIVED, "method": NET_ACTIVITY},
            "AGDOSU": {"origin": ASSIGNED},
            "AGENDTC": {"origin": DERIVED, "method": _ONCE},
        },
        supplements=(_INSTANT, _MASS, _LEAK),
    )


def _tracer(context: SdtmContext, subject: Subject, row: Row) -> Record:
    reading = context.protocol.products[row["product_id"]].reading
    net = net_administered_activity(row, nuclide(reading.nuclide)).value if reading is not None else None
    made = _common(context, subject, row, "AG") | {
        "AGPRESP": "Y",
        "AGOCCUR": "Y",
        "AGDOSE": net,
        "AGDOSU": "MBq" if net is not None else None,
        "AGLOT": row["batch_id"],
        "STARTUTC": _utc(row["injected_at"]),
        "ANTIBMG": _number(row["antibody_mass_mg"]),
        "EXTRAVAS": _yes_no(row["extravasation"]),
    }
    images = [
        clause.reading.id
        for clause in context.protocol.imaging.values()
        if clause.reading is not None and clause.reading.timepoint == row["timepoint"]
    ]
    return made | ({VISIT: (images[0], None)} if images else {})


def _common(context: SdtmContext, subject: Subject, row: Row, domain: str) -> dict[str, object]:
    at: datetime = row["injected_at"]
    link = f"SESSION-{row['session']}" if row["session"] is not None else f"TRACER-{row['timepoint'] or 'UNNAMED'}"
    return {
        SUBJECT: subject,
        VISIT: (TREATMENT, row["session"]),
        f"{domain}LNKID": link.upper(),
        f"{domain}TRT": product_name(context.protocol, row["product_id"]),
        f"{domain}DOSFRM": _FORM,
        f"{domain}DOSFRQ": "ONCE",
        f"{domain}ROUTE": str(row["route"]).upper(),
        f"{domain}STDTC": at,
        f"{domain}ENDTC": at,
    }


def _number(value: float | None) -> Value:
    """A collected number as the text of a supplemental qualifier."""
    return None if value is None else f"{value:.15g}"


def _utc(at: datetime) -> str:
    """The instant itself: wall-clock times alone do not tell how much later another one was when clocks changed."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _yes_no(value: bool | None) -> Value:
    return None if value is None else "Y" if value else "N"
