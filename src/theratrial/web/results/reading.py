"""Readings of response: one per reader, blind to each other until signed, adjudicated where they differ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from theratrial.trialfolder.tables import table as table_definition
from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import live_records
from theratrial.web.ledger.models import Signature, SignedRow
from theratrial.web.ledger.signing import content_digest, is_valid
from theratrial.web.participants.models import Participant

READING, ADJUDICATION = "response_reading", "response_adjudication"
TABLE: Final = "lesion_readings"
ADJUDICATIONS: Final = "adjudications"
_SEEN: Final = tuple(
    column.name
    for column in table_definition(TABLE).columns
    if column.name not in ("participant_id", "reader", "read_at")
)
"""What a signature binds of a line: all that the table holds of what was seen."""


@dataclass(frozen=True, slots=True)
class Reading:
    """All lesions of one reader at every time point."""

    reader: str
    records: tuple[Record, ...]
    content: dict[str, Any]
    digest: str
    key: str
    signatures: tuple[tuple[Signature, bool], ...] = ()

    @property
    def signed(self) -> bool:
        """Whether the reader's signature stands on it."""
        return any(stands for _signature, stands in self.signatures)

    @property
    def statuses(self) -> dict[tuple[str, str], tuple[str, str]]:
        """(time point, lesion) -> (role, status)."""
        return {
            (r.cells.get("timepoint", ""), r.cells.get("lesion_id", "")): (
                r.cells.get("role", ""),
                r.cells.get("status", ""),
            )
            for r in self.records
        }


@dataclass(frozen=True, slots=True)
class Readings:
    """Every reading of a participant and how they agree."""

    readings: tuple[Reading, ...]
    adjudications: tuple[tuple[Signature, bool], ...] = ()
    differing: tuple[tuple[str, str], ...] = field(default=())
    """(time point, lesion) whose role or status is not the same by all."""

    @property
    def chosen(self) -> str:
        """The reader whose reading stands by adjudication; empty where there is none that stands."""
        standing = [signature for signature, stands in self.adjudications if stands]
        return str(standing[-1].content["chosen"]) if standing else ""

    def of(self, reader: str) -> Reading | None:
        """One reader's."""
        return next((one for one in self.readings if one.reader == reader), None)


def readings_of(participant: Participant) -> Readings:
    """Every reading with its signatures. Three queries."""
    records = list(live_records().filter(participant=participant, table=TABLE))
    signatures = list(
        Signature.objects.filter(kind__in=(READING, ADJUDICATION), participant=participant.code).order_by("signed_at")
    )
    readings = readings_among(participant.code, records, signatures)
    lesions = dict.fromkeys(place for one in readings for place in one.statuses)
    differing = tuple(place for place in lesions if len({one.statuses.get(place) for one in readings}) > 1)
    adjudications = tuple(
        (one, is_valid(one, adjudication_content(participant.code, readings, str(one.content.get("chosen")))))
        for one in signatures
        if one.kind == ADJUDICATION
    )
    return Readings(readings, adjudications, differing)


def readings_among(code: str, records: Iterable[Record], signatures: Iterable[Signature]) -> tuple[Reading, ...]:
    """The readings that one participant's live lesion rows make, by reader."""
    by_reader: dict[str, list[Record]] = {}
    for record in records:
        by_reader.setdefault(record.cells.get("reader", ""), []).append(record)
    listed = list(signatures)
    return tuple(_reading(code, reader, by_reader[reader], listed) for reader in sorted(by_reader))


def reading_key(code: str, reader: str) -> str:
    """Which reading a signature is of."""
    return f"{code}/{reader}"[:120]


def _reading(code: str, reader: str, records: list[Record], signatures: Iterable[Signature]) -> Reading:
    lines = sorted(
        ({name: one.cells.get(name, "") for name in _SEEN} for one in records),
        key=lambda line: (line["timepoint"], line["lesion_id"]),
    )
    content = {"participant": code, "reader": reader, "lesions": lines}
    key = reading_key(code, reader)
    mine = tuple((one, is_valid(one, content)) for one in signatures if one.kind == READING and one.key == key)
    ordered = sorted(records, key=lambda one: (one.cells.get("timepoint", ""), one.cells.get("lesion_id", "")))
    return Reading(reader, tuple(ordered), content, content_digest(READING, key, content), key, mine)


def adjudication_content(code: str, readings: Iterable[Reading], chosen: str) -> dict[str, Any]:
    """What an adjudicator sees and signs."""
    return {"participant": code, "chosen": chosen, "readings": {one.reader: one.content["lesions"] for one in readings}}


def adjudications_not_standing(records: Iterable[Record]) -> set[Any]:
    """Lines of adjudications whose signature is void, or given on readings that are others by now.

    The trial folder carries only those that stand. A line that came with an imported folder has no signature here
    and stands as imported.
    """
    lines = {str(one.pk): one for one in records if one.table == ADJUDICATIONS}
    if not lines:
        return set()
    entity = Record._meta.db_table
    signed = dict(
        SignedRow.objects.filter(entity=entity, entity_id__in=list(lines), signature__kind=ADJUDICATION).values_list(
            "entity_id", "signature_id"
        )
    )
    people = {one.participant_id for one in lines.values() if one.participant_id is not None}
    stands: set[Any] = set()
    for one in Participant.objects.filter(pk__in=people):
        stands |= {signature.pk for signature, valid in readings_of(one).adjudications if valid}
    return {lines[line].pk for line, signature in signed.items() if signature not in stands}
