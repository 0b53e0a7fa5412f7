"""Gates of many participants in a bounded number of queries: those that wait first, a page judged at a time."""

from __future__ import annotations

import json
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from threading import Lock
from typing import Any, Final

from django.db.models import Count, Max
from django.db.models.fields.json import KT

from theratrial.errors import Problem
from theratrial.trialfolder.records import Row, TrialFolder
from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import Rows, live_records, records_about, rows_of
from theratrial.web.ledger.models import Event, Signature
from theratrial.web.participants.models import Participant
from theratrial.web.participants.standing import standings
from theratrial.web.results.gate import Gate
from theratrial.web.results.gate_signing import KIND, gate_key, overruled_against_gate, signer_roles
from theratrial.web.results.gates_now import GateOfSession, GateSource, cohort_end, source_of
from theratrial.web.results.gates_waiting import gate_states
from theratrial.web.results.selectors import latest_for_gate
from theratrial.web.trials.models import Trial
from theratrial.web.trials.selectors import protocol_in_force, the_trial

_WAITS, _OPEN, _GIVEN = range(3)
_MOST_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Place:
    """A gate that there is, not judged."""

    order: int
    code: str
    session: int
    participant: Participant

    @property
    def waits(self) -> bool:
        """Whether its signatures are due."""
        return self.order == _WAITS


@dataclass(frozen=True, slots=True)
class GateLine:
    """A gate as the list shows it."""

    code: str
    session: int
    verdict: str
    """Empty where it cannot be judged."""
    because: str
    state: str
    gives: bool
    next_given: bool
    waits: bool = False
    """Whether its signatures are due: that depends on the day, and is never remembered."""


def gate_places(people: Iterable[Participant], now: datetime) -> list[Place]:
    """The gate after every session of these participants: first those that wait, last those whose decision is past."""
    by_pk = {one.pk: one for one in people}
    given = _sessions_given(by_pk)
    known = standings(by_pk[pk] for pk in given)
    states = gate_states(known.values(), protocol_in_force(), now)
    found = []
    for pk, sessions in given.items():
        one = by_pk[pk]
        for session in sessions:
            past = session + 1 in sessions
            waits = states.get(gate_key(one.code, session)) == "waiting" or known[one.code].unreadable
            order = _GIVEN if past else _WAITS if waits else _OPEN
            found.append(Place(order, one.code, session, one))
    return sorted(found, key=lambda place: (place.order, place.code, place.session))


def _sessions_given(people: Mapping[int, Participant]) -> dict[int, set[int]]:
    therapy = protocol_in_force().sessions.reading
    lines = live_records().filter(table="administrations", session__isnull=False).order_by()
    found: dict[int, set[int]] = defaultdict(set)
    for pk, session, product in lines.values_list("participant_id", "session", KT("cells__product_id")):
        if pk in people and therapy is not None and product == therapy.product and session:
            found[pk].add(session)
    return dict(found)


class _Remembered:
    """Lines of gates, each under everything that it was judged from; the oldest are forgotten."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._lines: OrderedDict[tuple[str, int, str], GateLine] = OrderedDict()

    def get(self, key: tuple[str, int, str]) -> GateLine | None:
        with self._lock:
            if key in self._lines:
                self._lines.move_to_end(key)
            return self._lines.get(key)

    def keep(self, key: tuple[str, int, str], line: GateLine) -> None:
        with self._lock:
            self._lines[key] = line
            while len(self._lines) > _MOST_REMEMBERED:
                self._lines.popitem(last=False)


_REMEMBERED: Final = _Remembered()


def gate_lines(places: Sequence[Place]) -> list[GateLine]:
    """These gates, judged."""
    people = {one.participant.pk: one.participant for one in places}
    # Before anything that a gate is judged from is read: what is written meanwhile has another basis.
    positions = _positions(people.values())
    computed, end = latest_for_gate(people.values()), cohort_end()
    trial = the_trial()
    bases = {pk: _basis(trial, positions.get(pk, ""), computed.get(pk), end) for pk in people}
    found = {
        place: line
        for place in places
        if (basis := bases[place.participant.pk])
        and (line := _REMEMBERED.get((place.code, place.session, basis))) is not None
    }
    judged = _judged([one for one in places if one not in found], computed, end)
    for place, line in judged.items():
        basis = bases[place.participant.pk]
        # Of real participants the gate of a session not yet followed looks to now, and is judged anew each time.
        if basis and (line.next_given or trial.simulated):
            _REMEMBERED.keep((place.code, place.session, basis), line)
    return [replace(found.get(place) or judged[place], waits=place.waits) for place in places]


def _positions(people: Iterable[Participant]) -> dict[int, str]:
    """Participant -> the ledger's position of everything recorded, signed and computed of her; absent: none.

    An event's hash covers the whole ledger before it, so the hash of her last event, and that of the last event of the
    records that nobody owns (batches, calibrations), say which rows there are. Were a row taken over by another
    participant, the event would be the other's alone: therefore her rows are counted too.
    """
    by_code = {one.code: one.pk for one in people}
    events = Event.objects.filter(participant__in=by_code).order_by().values("participant")
    last = dict(events.annotate(last=Max("seq")).values_list("participant", "last"))
    hashes = dict(Event.objects.filter(seq__in=last.values()).values_list("seq", "hash"))
    shared = Event.objects.filter(participant="", entity=Record._meta.db_table).order_by("-seq")
    of_all = shared.values_list("hash", flat=True).first() or ""
    lines = Record.objects.filter(participant__in=by_code.values()).order_by().values("participant_id")
    counts = dict(lines.annotate(count=Count("pk")).values_list("participant_id", "count"))
    return {pk: f"{hashes[last[code]]}/{of_all}/{counts.get(pk, 0)}" for code, pk in by_code.items() if code in last}


def _basis(trial: Trial, position: str, computed: Mapping[str, Any] | None, end: datetime | None) -> str:
    """Digest of everything that a gate whose moment does not move is judged from; empty where it is not known.

    The ledger's position of her records and signatures, the protocol, the computed doses with the images that changed
    since, and up to when virtual participants' records speak.
    """
    if not position or trial.in_force is None:
        return ""
    told = [position, trial.in_force.sha256, trial.simulated, computed, end]
    return sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


def _judged(
    places: Sequence[Place], computed: Mapping[int, dict[str, Any]], end: datetime | None
) -> dict[Place, GateLine]:
    if not places:
        return {}
    people = {one.code: one.participant for one in places}
    rows = rows_of(records_about(people.values()).values_list("table", "pk", "version", "cells", named=True))
    folders, problems = _by_participant(rows.folder, people), _problems_of(rows)
    signatures: dict[str, list[Signature]] = defaultdict(list)
    for signature in Signature.objects.filter(kind=KIND, participant__in=people).order_by("signed_at", "pk"):
        signatures[signature.key].append(signature)
    sources: dict[str, GateSource] = {
        code: source_of(one, folders[code], tuple(problems[code]), computed.get(one.pk), end)
        for code, one in people.items()
    }
    return {
        place: _line(sources[place.code].of_session(place.session, signatures[gate_key(place.code, place.session)]))
        for place in places
    }


def _line(found: GateOfSession) -> GateLine:
    gate, status, code = found.gate, found.status, found.participant.code
    if not isinstance(gate, Gate) or status is None:
        because = "" if isinstance(gate, Gate) else gate.because
        return GateLine(code, found.session, "", because, "", False, found.next_given)
    because = gate.content["because"]
    return GateLine(code, found.session, gate.verdict, because, status.state, status.gives, found.next_given)


def _by_participant(folder: TrialFolder, codes: Iterable[str]) -> dict[str, TrialFolder]:
    """Code -> the folder with only what belongs to her, and what all share."""
    shared: dict[str, tuple[Row, ...]] = {}
    hers: dict[str, dict[str, list[Row]]] = {code: defaultdict(list) for code in codes}
    for name, rows in folder.tables.items():
        shared[name] = tuple(row for row in rows if "participant_id" not in row.values)
        for row in rows:
            if (mine := hers.get(str(row.values.get("participant_id", "")))) is not None:
                mine[name].append(row)
    return {
        code: replace(folder, tables={**shared, **{name: tuple(rows) for name, rows in mine.items()}})
        for code, mine in hers.items()
    }


def _problems_of(rows: Rows) -> dict[str, list[Problem]]:
    """Code -> the problems of her lines."""
    found: dict[str, list[Problem]] = defaultdict(list)
    if not rows.problems:
        return found
    whose = {
        f"{row.file} line {row.line}": str(row.values.get("participant_id", ""))
        for lines in rows.folder.tables.values()
        for row in lines
    }
    for one in rows.problems:
        found[whose.get(one.place.partition(", column")[0], "")].append(one)
    return found


@dataclass(frozen=True, slots=True)
class GateDeviation:
    """A decision of all roles to give a session against the gate's verdict."""

    participant: str
    session: int
    verdict: str
    because: str
    signatures: tuple[Signature, ...]


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
