"""A folder without images and participants made by hand, for what the analysis makes of records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from theratrial.pipeline.cohort import counted, endpoint_outcome
from theratrial.pipeline.context import Context
from theratrial.pipeline.intercurrent import analysis_plan, assessed_on, happened
from theratrial.pipeline.trial_analysis import trial_analysis
from theratrial.protocol.plans.analysis import AnalysisPlan
from theratrial.protocol.reader import shipped_protocol, shipped_protocol_bytes
from theratrial.protocol.schema import Endpoint, Protocol
from theratrial.results.analysis import TrialAnalysis
from theratrial.results.criteria import ParticipantCriteria
from theratrial.results.toxicity import ParticipantToxicity
from theratrial.results.values import (
    EndpointOutcome,
    ParticipantResult,
    ResponseOutcome,
    ScanResult,
    SessionResult,
)
from theratrial.trace import Quantity, Trace
from theratrial.trialfolder import read_folder
from theratrial.trialfolder.records import TrialFolder

SEED = "IRCT20210612051548N3"
STARTED = datetime(2022, 3, 1, 6, tzinfo=UTC)
TRACE = Trace("test", "1")


def blank(kind: type, **values: Any) -> Any:
    return kind(**{item.name: None for item in fields(kind)} | values)


@dataclass(frozen=True)
class Case:
    """One treated participant: sessions 50 days apart from 2022-03-01 on, and the response read on a day."""

    category: str | None = "SD"
    assessed: date | None = date(2022, 9, 1)
    sessions: int = 3
    activity_MBq: float | None = None
    pending: bool = False
    sets: tuple[str, ...] = ("enrolled", "safety", "full", "response_evaluable", "per_protocol", "dosimetry")
    criteria: ParticipantCriteria = field(default_factory=ParticipantCriteria)
    toxicity: ParticipantToxicity = field(default_factory=ParticipantToxicity)


def protocol_with(**changes: Any) -> Protocol:
    """The shipped protocol with parts of its analysis plan replaced."""
    protocol = shipped_protocol(SEED)
    assert protocol.analysis is not None
    assert protocol.analysis.reading is not None
    plan = protocol.analysis.reading.model_copy(update=changes)
    return protocol.model_copy(update={"analysis": protocol.analysis.model_copy(update={"reading": plan})})


def result_of(who: str, case: Case, protocol: Protocol) -> ParticipantResult:
    rule = protocol.response.reading
    planned = protocol.sessions.reading
    assert rule is not None
    assert planned is not None
    given = case.activity_MBq or planned.administered_activity_MBq
    sessions = tuple(
        blank(
            SessionResult,
            session=number,
            injected_at=STARTED + timedelta(days=50 * (number - 1)),
            administered_activity_MBq=Quantity(given, "MBq", TRACE),
            deviation_percent=Quantity((given / planned.administered_activity_MBq - 1) * 100, "percent", TRACE),
        )
        for number in range(1, case.sessions + 1)
    )
    response = None
    if case.category is not None:
        response = blank(ResponseOutcome, category=case.category, arithmetic="by hand", rule_name="the rule")
    scans = ()
    if case.assessed is not None:
        at = datetime(case.assessed.year, case.assessed.month, case.assessed.day, 8, tzinfo=UTC)
        scans = (blank(ScanResult, imaging_id=rule.imaging_response, acquired_at=at),)
    return blank(  # type: ignore[no-any-return]
        ParticipantResult,
        participant_id=who,
        treated=True,
        sessions=sessions,
        pet_scans=scans,
        response=response,
        analysis_sets=case.sets,
        laboratory=(),
        adverse_events=(),
        criteria=case.criteria,
        toxicity=case.toxicity,
        protection=(),
    )


HEADS = {
    "dispositions": "participant_id,occurred_on,event,reason",
    "follow_up": "participant_id,seen_on,status,disease,reported_by",
    "later_therapy": "participant_id,agent,started_on,category",
    "withdrawals": "participant_id,withdrawn_at,withdrawal_kind,reason",
    "pregnancies": "participant_id,became_aware_at,whose,conceived_on,sent_at,recipient,outcome,reported_by",
}


def folder_of(place: Path, cases: Mapping[str, Case], records: Mapping[str, str]) -> TrialFolder:
    """Written and read back: `records` has the lines of further tables without their heads."""
    (place / "records").mkdir(parents=True, exist_ok=True)
    (place / "protocol.yaml").write_bytes(shipped_protocol_bytes(SEED))
    participants = ["participant_id,site_id,screened_on,sex"]
    consents = ["participant_id,form_version,language,signed_at,obtained_by"]
    batches = ["batch_id,product_id,activity_MBq,reference_at,expires_at,released"]
    given = ["participant_id,product_id,session,timepoint,batch_id,measured_activity_MBq,measured_at,injected_at,route"]
    for who, case in cases.items():
        participants.append(f"{who},site_01,2022-02-01,female")
        consents.append(f"{who},1.0,fa,2022-02-01T09:00,NU-01")
        for number in range(1, case.sessions + 1):
            at = (STARTED + timedelta(days=50 * (number - 1))).isoformat()
            batch = f"B{who}{number}"
            batches.append(f"{batch},lu177_trastuzumab,5000,{at},{at},yes")
            given.append(f"{who},lu177_trastuzumab,{number},,{batch},1500,{at},{at},intravenous")
    tables = {"participants": participants, "consents": consents, "batches": batches, "administrations": given}
    texts = {name: "\n".join(lines) + "\n" for name, lines in tables.items()}
    texts |= {name: f"{HEADS[name]}\n{lines}" for name, lines in records.items()}
    for old in (place / "records").glob("*.csv"):
        old.unlink()
    for name, text in texts.items():
        (place / f"records/{name}.csv").write_text(text, encoding="utf-8")
    return read_folder(place)


@dataclass(frozen=True)
class Analysed:
    folder: TrialFolder
    participants: tuple[ParticipantResult, ...]
    endpoint: EndpointOutcome
    analysis: TrialAnalysis

    def person(self, who: str) -> ParticipantResult:
        return next(one for one in self.participants if one.participant_id == who)


def analysed(
    place: Path,
    cases: Mapping[str, Case],
    records: Mapping[str, str] | None = None,
    *,
    protocol: Protocol | None = None,
    endpoint: Mapping[str, Any] | None = None,
) -> Analysed:
    """The steps of the run from participants on."""
    folder = folder_of(place, cases, records or {})
    using = protocol or folder.protocol
    if endpoint is not None:
        clause = using.endpoint
        assert clause.reading is not None
        reading = clause.reading.model_copy(update=dict(endpoint))
        using = using.model_copy(update={"endpoint": clause.model_copy(update={"reading": reading})})
    object.__setattr__(folder, "protocol", using)
    rule: Endpoint | None = using.endpoint.reading
    assert rule is not None
    plan: AnalysisPlan | None = analysis_plan(using)
    people, events = [], {}
    for who, case in cases.items():
        one = result_of(who, case, using)
        events[who] = happened(folder, one, pending=case.pending)
        people.append(
            counted(one, rule, pending=case.pending, plan=plan, events=events[who], assessed=assessed_on(folder, one))
        )
    outcome = endpoint_outcome(people, rule, demonstration=(), events=events if plan is not None else None)
    context = Context({}, STARTED + timedelta(days=900), ())
    return Analysed(folder, tuple(people), outcome, trial_analysis(folder, people, outcome, context))
