"""Gates of many participants in a bounded number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet

from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import live_records, rows_of
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
    records: dict[int | None, list[Record]] = defaultdict(list)
    for record in live_records().filter(Q(participant__in=people) | Q(participant=None)):
        records[record.participant_id].append(record)
    signatures: dict[str, list[Signature]] = defaultdict(list)
    codes = [one.code for one in people]
    for signature in Signature.objects.filter(kind=KIND, participant__in=codes).order_by("signed_at", "pk"):
        signatures[signature.key].append(signature)
    computed, end = latest_for_gate(people), cohort_end()
    found = []
    for one in people:
        rows = rows_of([*records[None], *records[one.pk]])
        source = source_of(one, rows.folder, rows.problems, computed.get(one.pk), end)
        for session in sorted(therapy_rows(rows.folder, one.code)):
            found.append(source.of_session(session, signatures[gate_key(one.code, session)]))
    return found


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
