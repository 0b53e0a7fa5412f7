"""Who must not see whose lesion readings: the one rule that every page, listing and export asks.

A reader (``response.read``) sees what another reader wrote of a participant's lesions on the same images only once his
own reading of those images is signed and the signature stands. The rule is kept for each table by itself: the PET
reading and the visual classes of the tracer by time point, diameters on CT or MRI by the day of the image. Who has read
the PET alone may still measure the CT, so it stays hidden from him. Readings imported with a trial folder are hidden
from nobody. Who reads nothing (monitor, data manager, investigator) sees all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.db.models.fields.json import KT

from theratrial.web.capture.models import Query, QueryMessage, Record, Verification
from theratrial.web.ledger.models import Signature, SignedRow
from theratrial.web.participants.models import Participant
from theratrial.web.people.permissions import sites_of
from theratrial.web.results.reading import ADJUDICATED, PLACES, READING, readings_among


@dataclass(frozen=True, slots=True)
class Hidden:
    """What is hidden from a user now; false where nothing is."""

    records: frozenset[UUID] = frozenset()
    participants: frozenset[str] = frozenset()
    """Codes of those of whom something is hidden, and with it what was computed from all readings."""

    def __bool__(self) -> bool:
        return bool(self.records)


def hidden_records(user: Any, participant: Participant | None = None) -> Hidden:
    """Lesion readings by others that `user` must not see yet, of one participant or of all. Three queries at most.

    Those entered in error are hidden too.
    """
    sites = sites_of(user, "response.read")
    if not sites or (participant is not None and participant.site_id not in sites):
        return Hidden()
    name: str = user.get_username()
    # Readings that came with an imported folder are those of a trial already read: nobody here is blind to them.
    lines = Record.objects.filter(table__in=PLACES, participant__site__in=sites, source="form")
    if participant is not None:
        lines = lines.filter(participant=participant)
    cells = lines.order_by().annotate(
        reader=KT("cells__reader"), timepoint=KT("cells__timepoint"), day=KT("cells__measured_on")
    )
    # Few columns of possibly many rows; the reader's own are fetched whole, to be held against her signatures.
    rows = list(cells.values_list("pk", "participant__code", "reader", "table", "timepoint", "day"))
    others = [
        (pk, code, (table, (day if PLACES[table] == "measured_on" else timepoint) or ""))
        for pk, code, reader, table, timepoint, day in rows
        if reader != name
    ]
    if not others:
        return Hidden()
    own = list(lines.filter(entered_in_error=False, cells__reader=name).select_related("participant"))
    signed = _signed_places(name, own)
    hidden = [(pk, code) for pk, code, place in others if place not in signed[code]]
    return Hidden(frozenset(pk for pk, _code in hidden), frozenset(code for _pk, code in hidden))


def _signed_places(reader: str, records: Iterable[Record]) -> dict[str, frozenset[tuple[str, str]]]:
    """Participant -> tables and images of the reader's own reading, where her signature stands on it."""
    own: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if record.participant is not None:
            own[record.participant.code].append(record)
    found: dict[str, frozenset[tuple[str, str]]] = defaultdict(frozenset)
    signatures = list(Signature.objects.filter(kind=READING, signer=reader, voided_at=None)) if own else []
    for code, mine in own.items():
        (reading,) = readings_among(code, mine, signatures)
        if reading.signed:
            found[code] = frozenset((one.table, one.cells.get(PLACES[one.table], "")) for one in mine)
    return found


def hidden_events(hidden: Hidden, reader: str) -> Q:
    """Events of the ledger about what is hidden: the rows, their verification, queries and signatures."""
    signatures = Signature.objects.filter(
        kind__in=(READING, *ADJUDICATED.values()), participant__in=hidden.participants
    )
    signatures = signatures.exclude(signer=reader)
    queries = Query.objects.filter(record__in=hidden.records)
    about: dict[str, Any] = {
        Record._meta.db_table: hidden.records,
        Verification._meta.db_table: _keys(Verification.objects.filter(record__in=hidden.records)),
        Query._meta.db_table: _keys(queries),
        QueryMessage._meta.db_table: _keys(QueryMessage.objects.filter(query__in=queries)),
        Signature._meta.db_table: _keys(signatures),
        SignedRow._meta.db_table: _keys(SignedRow.objects.filter(signature__in=signatures)),
    }
    found = Q(pk__in=[])
    for entity, keys in about.items():
        if keys:
            found |= Q(entity=entity, entity_id__in=[str(key) for key in keys])
    return found


def _keys(rows: Any) -> list[Any]:
    return list(rows.values_list("pk", flat=True))
