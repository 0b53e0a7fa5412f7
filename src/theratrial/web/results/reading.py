"""Readings of response: one per reader, blind to each other until signed, adjudicated where they differ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from theratrial.trialfolder.tables import table as table_definition
from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import live_records
from theratrial.web.ledger.models import Signature, SignedRow
from theratrial.web.ledger.signing import content_digest, is_valid
from theratrial.web.participants.models import Participant

READING, ADJUDICATION = "response_reading", "response_adjudication"
TABLE: Final = "lesion_readings"
MEASUREMENTS: Final = "tumour_measurements"
ADJUDICATED: Final = {TABLE: ADJUDICATION, MEASUREMENTS: "measurement_adjudication"}
"""Table whose readers may have to be adjudicated -> kind of the signature that does it."""
ADJUDICATIONS: Final = "adjudications"
PLACES: Final = {TABLE: "timepoint", MEASUREMENTS: "measured_on", "lesion_classes": "timepoint"}
"""Table of what a reader saw -> the column that says on which images; one reading, one signature."""
FURTHER: Final = tuple(name for name in PLACES if name != TABLE)
_SEEN: Final = {
    name: tuple(
        column.name
        for column in table_definition(name).columns
        if column.name not in ("participant_id", "reader", "read_at")
    )
    for name in PLACES
}
"""What a signature binds of a line: all that the table holds of what was seen."""
_ADDED: Final = frozenset({"longest_mm"})
"""Bound only where they are filled: what was signed before these columns existed stays signed."""
COMPARED: Final = {TABLE: ("role", "status"), MEASUREMENTS: ("role", "status", "length_mm")}
"""What two readers of a lesion on the same image may differ in."""


@dataclass(frozen=True, slots=True)
class Reading:
    """All lesions of one reader at every time point."""

    reader: str
    records: tuple[Record, ...]
    """Lines of the PET reading, which the readers agree or differ on; none by who only measured or classed."""
    content: dict[str, Any]
    digest: str
    key: str
    signatures: tuple[tuple[Signature, bool], ...] = ()
    further: tuple[Record, ...] = ()
    """Diameters on CT or MRI, and visual classes of the tracer."""

    @property
    def lines(self) -> tuple[Record, ...]:
        """Everything that the signature binds."""
        return (*self.records, *self.further)

    @property
    def signed(self) -> bool:
        """Whether the reader's signature stands on it."""
        return any(stands for _signature, stands in self.signatures)

    def of_table(self, table: str) -> tuple[Record, ...]:
        """The lines of one table."""
        return tuple(one for one in self.lines if one.table == table)

    def answers(self, table: str) -> dict[tuple[str, str], tuple[str, ...]]:
        """(time point or day, lesion) -> what is held against other readers' answers."""
        return {
            (one.cells.get(PLACES[table], ""), one.cells.get("lesion_id", "")): tuple(
                one.cells.get(name, "") for name in COMPARED[table]
            )
            for one in self.of_table(table)
        }


@dataclass(frozen=True, slots=True)
class Compared:
    """What several readers wrote in one table, held against each other."""

    table: str
    readings: tuple[Reading, ...] = ()
    """Those with a line of the table."""
    adjudications: tuple[tuple[Signature, bool], ...] = ()
    differing: tuple[tuple[str, str], ...] = ()
    """(time point or day, lesion) that is not the same by all."""

    @property
    def chosen(self) -> str:
        """The reader whose reading stands by adjudication; empty where there is none that stands."""
        standing = [signature for signature, stands in self.adjudications if stands]
        return str(standing[-1].content["chosen"]) if standing else ""


@dataclass(frozen=True, slots=True)
class Readings:
    """Every reading of a participant and how they agree."""

    readings: tuple[Reading, ...]
    lesions: Compared
    """On the PET."""
    measurements: Compared
    """Diameters on CT or MRI."""

    @property
    def adjudications(self) -> tuple[tuple[Signature, bool], ...]:
        """Of the PET."""
        return self.lesions.adjudications

    @property
    def differing(self) -> tuple[tuple[str, str], ...]:
        """(time point, lesion) of the PET whose role or status is not the same by all."""
        return self.lesions.differing

    @property
    def of_lesions(self) -> tuple[Reading, ...]:
        """Those with a reading of the PET, which are held against each other."""
        return self.lesions.readings

    @property
    def chosen(self) -> str:
        """The reader whose reading of the PET stands by adjudication."""
        return self.lesions.chosen

    def compared(self, table: str) -> Compared:
        """The readings of one table."""
        return {TABLE: self.lesions, MEASUREMENTS: self.measurements}[table]

    def of(self, reader: str) -> Reading | None:
        """One reader's."""
        return next((one for one in self.readings if one.reader == reader), None)


def readings_of(participant: Participant) -> Readings:
    """Every reading with its signatures. Three queries."""
    records = list(live_records().filter(participant=participant, table__in=PLACES))
    signatures = list(
        Signature.objects.filter(kind__in=(READING, *ADJUDICATED.values()), participant=participant.code).order_by(
            "signed_at"
        )
    )
    readings = readings_among(participant.code, records, signatures)
    code = participant.code
    return Readings(
        readings,
        _compared(code, TABLE, readings, signatures),
        _compared(code, MEASUREMENTS, readings, signatures),
    )


def _compared(code: str, table: str, readings: Iterable[Reading], signatures: Iterable[Signature]) -> Compared:
    among = tuple(one for one in readings if one.of_table(table))
    answers = [one.answers(table) for one in among]
    places = dict.fromkeys(place for one in answers for place in one)
    differing = tuple(place for place in places if len({one.get(place) for one in answers}) > 1)
    adjudications = tuple(
        (one, is_valid(one, adjudication_content(code, among, str(one.content.get("chosen")), table)))
        for one in signatures
        if one.kind == ADJUDICATED[table]
    )
    return Compared(table, among, adjudications, differing)


def readings_among(code: str, records: Iterable[Record], signatures: Iterable[Signature]) -> tuple[Reading, ...]:
    """The readings that one participant's live rows of `PLACES` make, by reader."""
    by_reader: dict[str, list[Record]] = {}
    for record in records:
        by_reader.setdefault(record.cells.get("reader", ""), []).append(record)
    listed = list(signatures)
    return tuple(_reading(code, reader, by_reader[reader], listed) for reader in sorted(by_reader))


def reading_key(code: str, reader: str) -> str:
    """Which reading a signature is of."""
    return f"{code}/{reader}"[:120]


def _reading(code: str, reader: str, records: list[Record], signatures: Iterable[Signature]) -> Reading:
    ordered = sorted(records, key=_order)
    by_table: dict[str, list[dict[str, str]]] = {}
    for one in ordered:
        cells = {name: one.cells.get(name, "") for name in _SEEN[one.table]}
        line = {name: cell for name, cell in cells.items() if cell or name not in _ADDED}
        by_table.setdefault(one.table, []).append(line)
    content: dict[str, Any] = {"participant": code, "reader": reader, "lesions": by_table.get(TABLE, [])}
    # Named only where there are any: what was signed before they existed stays signed.
    content |= {name: by_table[name] for name in FURTHER if name in by_table}
    key = reading_key(code, reader)
    mine = tuple((one, is_valid(one, content)) for one in signatures if one.kind == READING and one.key == key)
    lesions = tuple(one for one in ordered if one.table == TABLE)
    further = tuple(one for one in ordered if one.table != TABLE)
    return Reading(reader, lesions, content, content_digest(READING, key, content), key, mine, further)


def _order(one: Record) -> tuple[str, str]:
    return (one.cells.get(PLACES[one.table], ""), one.cells.get("lesion_id", ""))


def adjudication_content(code: str, readings: Iterable[Reading], chosen: str, table: str = TABLE) -> dict[str, Any]:
    """What an adjudicator of one table sees and signs."""
    key = "lesions" if table == TABLE else table
    compared = {one.reader: one.content[key] for one in readings if one.of_table(table)}
    return {"participant": code, "chosen": chosen, "readings": compared}


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
        SignedRow.objects.filter(
            entity=entity, entity_id__in=list(lines), signature__kind__in=ADJUDICATED.values()
        ).values_list("entity_id", "signature_id")
    )
    people = {one.participant_id for one in lines.values() if one.participant_id is not None}
    stands: set[Any] = set()
    for one in Participant.objects.filter(pk__in=people):
        readings = readings_of(one)
        for table in ADJUDICATED:
            stands |= {signature.pk for signature, valid in readings.compared(table).adjudications if valid}
    return {lines[line].pk for line, signature in signed.items() if signature not in stands}
