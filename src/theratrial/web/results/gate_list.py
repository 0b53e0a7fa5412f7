"""Gates of many participants in a bounded number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.db.models import Exists, OuterRef, QuerySet

from theratrial.errors import Problem
from theratrial.trialfolder.records import TrialFolder
from theratrial.web.capture.selectors import Rows, live_records, records_about, rows_of
from theratrial.web.ledger.models import Signature
from theratrial.web.participants.models import Participant
from theratrial.web.results.gate import therapy_rows
from theratrial.web.results.gate_signing import KIND, gate_key, overruled_against_gate, signer_roles
from theratrial.web.results.gates_now import GateOfSession, cohort_end, source_of
from theratrial.web.results.selectors import latest_for_gate
from theratrial.web.trials.selectors import protocol_in_force


@dataclass(frozen=True, slots=True)
class GateDeviation:
    """A decision of all roles to give a session against the gate's verdict."""

    participant: str
    session: int
    verdict: str
    because: str
    signatures: tuple[Signature, ...]


def with_sessions(people: QuerySet[Participant]) -> QuerySet[Participant]:
    """Those to whom anything of a session was given."""
    given = live_records().filter(table="administrations", session__isnull=False, participant=OuterRef("pk"))
    return people.filter(Exists(given.order_by()))


def gates_of(people: list[Participant]) -> list[GateOfSession]:
    """The gate after every session of these participants, with its signatures."""
    rows = rows_of(records_about(people))
    signatures: dict[str, list[Signature]] = defaultdict(list)
    codes = [one.code for one in people]
    for signature in Signature.objects.filter(kind=KIND, participant__in=codes).order_by("signed_at", "pk"):
        signatures[signature.key].append(signature)
    computed, end = latest_for_gate(people), cohort_end()
    found = []
    for one in people:
        folder = _of(rows.folder, one.code)
        source = source_of(one, folder, _problems_of(rows, one.code), computed.get(one.pk), end)
        for session in sorted(therapy_rows(folder, one.code)):
            found.append(source.of_session(session, signatures[gate_key(one.code, session)]))
    return found


def _of(folder: TrialFolder, code: str) -> TrialFolder:
    """The folder with only what belongs to one participant, and what all share."""
    tables = {
        name: tuple(row for row in rows if row.values.get("participant_id", code) == code)
        for name, rows in folder.tables.items()
    }
    return replace(folder, tables=tables)


def _problems_of(rows: Rows, code: str) -> tuple[Problem, ...]:
    """Problems of the lines of one participant."""
    hers = {
        f"{row.file} line {row.line}"
        for lines in rows.folder.tables.values()
        for row in lines
        if row.values.get("participant_id") == code
    }
    return tuple(one for one in rows.problems if one.place.partition(", column")[0] in hers)


def gate_deviations(codes: Iterable[str]) -> list[GateDeviation]:
    """Decisions against gates, of these participants."""
    signatures = Signature.objects.filter(kind=KIND, participant__in=list(codes)).order_by("signed_at", "pk")
    found = []
    for group in overruled_against_gate(list(signatures), signer_roles(protocol_in_force())):
        content = group[0].content
        found.append(
            GateDeviation(
                group[0].participant, content["session"], content["verdict"], content["because"], tuple(group)
            )
        )
    return found
