"""Dose-limiting toxicity of one participant, from the lines of the folder."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from theratrial.results.toxicity import LimitingFinding, LimitingToxicity
from theratrial.results.values import ParticipantResult
from theratrial.safety import LaboratoryResult
from theratrial.safety.limiting import METHOD, METHOD_VERSION, LimitingEvent, limiting_toxicity
from theratrial.trace import Trace
from theratrial.trialfolder.records import TrialFolder
from theratrial.trialfolder.withdrawals import standing_withdrawals

_ENDS_OBSERVATION = frozenset({"death", "lost_to_follow_up"})
_KINDS_OF_ALL = frozenset({"all", "follow_up", "data_use"})


def limiting(
    folder: TrialFolder,
    result: ParticipantResult,
    laboratory: tuple[LaboratoryResult, ...],
    *,
    as_of: datetime,
    demonstration: tuple[str, ...] = (),
) -> LimitingToxicity | None:
    """Whether she had a dose-limiting toxicity; None without a definition, or where nothing was given."""
    clause = folder.protocol.toxicity
    rule = None if clause is None else clause.reading
    if rule is None:
        return None
    events = [
        LimitingEvent(
            row["term"], row["grade"], row["ctcae_version"] or "", row["started_on"], row["related"] or "", row.source
        )
        for row in folder.rows("adverse_events", participant_id=result.participant_id)
        if row["started_on"] is not None
    ]
    found = limiting_toxicity(
        rule,
        [(one.session, one.injected_at) for one in result.sessions],
        laboratory,
        events,
        as_of=as_of,
        left_at=_left_at(folder, result.participant_id),
    )
    if found is None:
        return None

    def trace(inputs: dict[str, str]) -> Trace:
        return Trace(METHOD, METHOD_VERSION, {**inputs, "clause": "protocol:toxicity"}, demonstration=demonstration)

    findings = tuple(
        LimitingFinding(
            one.line,
            one.session,
            one.verdict,
            one.because,
            trace({f"record {i}": record for i, record in enumerate(one.records, 1)}),
            one.on,
        )
        for one in found.findings
    )
    deciding = [one for one in found.findings if one.verdict == found.verdict]
    records = dict.fromkeys(record for one in deciding for record in one.records)
    inputs = {f"record {i}": record for i, record in enumerate(records, 1)}
    return LimitingToxicity(found.verdict, found.because, found.on, findings, trace(inputs))


def _left_at(folder: TrialFolder, participant_id: str) -> datetime | None:
    """When observation ended: death, loss, or a withdrawal of more than treatment. Of a day its end counts."""
    ends = [
        datetime.combine(row["occurred_on"] + timedelta(days=1), time(), folder.zone)
        for row in folder.rows("dispositions", participant_id=participant_id)
        if row["event"] in _ENDS_OBSERVATION and row["occurred_on"] is not None
    ]
    ends += [
        one.withdrawn_at
        for one in standing_withdrawals(folder, participant_id)
        if one.kind in _KINDS_OF_ALL and one.withdrawn_at is not None
    ]
    return min(ends, default=None)
