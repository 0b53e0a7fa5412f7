"""Gates of the site's participants, fetched and judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from theratrial.errors import Problem
from theratrial.gates import Finding, GateDecision, Verdict, combined
from theratrial.trace import Trace
from theratrial.trialfolder.records import Row, TrialFolder
from theratrial.web.capture.as_of import participant_rows_as_of
from theratrial.web.capture.selectors import participant_rows
from theratrial.web.ledger.models import Signature
from theratrial.web.ledger.signing import signatures_of
from theratrial.web.participants.models import Participant
from theratrial.web.results.gate import Gate, NoGate, judged_gate, therapy_rows
from theratrial.web.results.gate_signing import KIND, GateStatus, gate_key, gate_status, signer_roles
from theratrial.web.results.models import TrialResultRow
from theratrial.web.results.selectors import latest_for_gate

_GATE_TABLES = (
    *("participants", "consents", "withdrawals", "laboratory", "adverse_events", "examinations", "visits"),
    *("administrations", "dispositions"),
)
_SET_ASIDE: Final = frozenset(_GATE_TABLES) - {"participants", "administrations"}
"""Without a line of these there still is a gate to judge; it says that the line is missing."""


@dataclass(frozen=True, slots=True)
class GateOfSession:
    """One gate of one participant with everything it is judged from."""

    participant: Participant
    session: int
    gate: Gate | NoGate
    status: GateStatus | None
    sessions_given: tuple[int, ...]

    @property
    def next_given(self) -> bool:
        """Whether the session that the gate decides on was given already."""
        return self.session + 1 in self.sessions_given


@dataclass(frozen=True, slots=True)
class GateSource:
    """What gates of one participant are judged from."""

    participant: Participant
    folder: TrialFolder
    problems: tuple[Problem, ...]
    computed: Mapping[str, Any] | None
    end: datetime | None
    unread: tuple[Row, ...] = ()
    """Records that cannot be read: the gate is not judged by them, and is undetermined."""

    def judged(self, session: int, at: datetime | None = None) -> Gate | NoGate:
        """The gate after a session; a record that cannot be read leaves it undetermined."""
        found = judged_gate(self.folder, self.participant.code, session, self.computed, at=at, end=self.end)
        if isinstance(found, NoGate) or not self.problems:
            return found
        return _with_problems(found, self.problems, self.unread)

    def of_session(self, session: int, signatures: list[Signature]) -> GateOfSession:
        """The gate with its signatures."""
        gate = self.judged(session)
        status = None
        if isinstance(gate, Gate):
            roles = signer_roles(self.folder.protocol)
            status = gate_status(gate, lambda at: self.judged(session, at), signatures, roles)
        given = tuple(sorted(therapy_rows(self.folder, self.participant.code)))
        return GateOfSession(self.participant, session, gate, status, given)


def gate_source(participant: Participant) -> GateSource:
    """Her records and computed doses as they are now."""
    rows = participant_rows(participant)
    computed = latest_for_gate([participant]).get(participant.pk)
    return source_of(participant, rows.folder, rows.problems, computed, cohort_end())


def gate_source_as_of(participant: Participant, at: datetime) -> GateSource:
    """Her records and computed doses as they stood at `at`: what a person could have known then."""
    rows = participant_rows_as_of(participant, at)
    computed = latest_for_gate([participant], until=at).get(participant.pk)
    return source_of(participant, rows.folder, rows.problems, computed, cohort_end())


def source_of(
    participant: Participant,
    folder: TrialFolder,
    problems: tuple[Problem, ...],
    computed: Mapping[str, Any] | None,
    end: datetime | None,
) -> GateSource:
    """`GateSource` with the problems that concern gates alone; what cannot be read is told, never judged by."""
    mine = tuple(one for one in problems if one.place.startswith(tuple(f"records/{name}.csv" for name in _GATE_TABLES)))
    readable = folder
    unread: tuple[Row, ...] = ()
    if mine:
        told = [row for name in _GATE_TABLES for row in folder.rows(name, participant_id=participant.code)]
        unread = tuple(row for row in told if row.unreadable)
        aside = {row.source for row in unread if row.table in _SET_ASIDE}
        tables = {name: tuple(row for row in rows if row.source not in aside) for name, rows in folder.tables.items()}
        readable = replace(folder, tables=tables)
    return GateSource(participant, readable, mine, computed, end, unread)


def cohort_end() -> datetime | None:
    """Up to when the records spoke at the cohort's last computation."""
    found = (
        TrialResultRow.objects.filter(computation__state="done")
        .order_by("-computation__finished_at")
        .values_list("content__cut_off", flat=True)
        .first()
    )
    return datetime.fromisoformat(found) if found else None


def gate_of(participant: Participant, session: int) -> GateOfSession:
    """The gate after a session as it is now, with its signatures."""
    source = gate_source(participant)
    return source.of_session(session, signatures_of(KIND, gate_key(participant.code, session)))


def _with_problems(gate: Gate, problems: tuple[Problem, ...], unread: tuple[Row, ...]) -> Gate:
    """One more line, undetermined: what cannot be used, why, and what to do."""
    said = [
        f"{one.table.replace('_', ' ')}: {column}: {why}" for one in unread for column, why in one.unreadable.items()
    ]
    told = {f"{one.file} line {one.line}" for one in unread}
    said += [str(one) for one in problems if one.place.partition(", column")[0] not in told]
    because = f"a record cannot be used: {'; '.join(said)}. Correct the record, then judge the gate again"
    places = sorted({one.source for one in unread})
    trace = Trace("gates.records", "1", {f"record {number}": place for number, place in enumerate(places, 1)})
    finding = Finding("records", "Records", Verdict.UNDETERMINED, because, {}, trace)
    findings = (*gate.decision.findings, finding)
    decision: GateDecision = replace(gate.decision, findings=findings, verdict=combined(findings))
    line = {
        **{"clause": "records", "title": finding.title, "verdict": "undetermined", "because": finding.because},
        **{"informs_only": False, "inputs": {}, "records": places, "verbatim": [], "assumptions": []},
        "method": "gates.records 1",
    }
    lines = [*gate.content["lines"], line]
    content = {**gate.content, "verdict": decision.verdict.value, "because": decision.because, "lines": lines}
    return Gate(decision, content, gate.moved_on)
