"""Changes in their order to what a file tells of them; remembers only where each row stands, not what it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from theratrial.exchange.odm.layout import Layout
from theratrial.exchange.odm.rows import RecordRow, record_told
from theratrial.exchange.odm.told import Audit, Kind, Place, Remark, Signed, Told
from theratrial.exchange.odm.vocabulary import FLAGS

_ORDER = {name: number for number, name in enumerate(FLAGS)}


def remark(kind: Kind, entity: str, fields: Mapping[str, str], comment: str = "", item: str = "") -> Remark:
    """An annotation that holds a row of `entity`: its filled fields as flags, in the order of the vocabulary.

    Raises
    ------
    KeyError
        A field that the vocabulary does not have.
    """
    told = {"entity": entity, **{name: text for name, text in fields.items() if text}}
    return Remark(kind, comment, tuple(sorted(told.items(), key=lambda one: _ORDER[one[0]])), item)


@dataclass(slots=True)
class Teller:
    """Tells changes one after the other.

    Parameters
    ----------
    layouts
        OID -> version of the protocol.
    version_oid
        Version under which is told what belongs to no record; moves with the records.
    """

    layouts: Mapping[str, Layout]
    version_oid: str
    places: dict[str, Place] = field(default_factory=dict)
    sites: dict[str, str] = field(default_factory=dict)
    queries: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    """Query -> participant, record, column."""

    def history(self, told: Told) -> Told:
        """What was told in an earlier file is told as it was; later changes go on from it."""
        if told.site:
            self.sites[told.place.subject] = told.site
        if told.place.group_key and told.kind != "Context":
            self.places[told.place.group_key] = told.place
            self.version_oid = told.place.version
        if told.remark is not None:
            flags = dict(told.remark.flags)
            if flags.get("entity") == "query":
                where = (told.place.subject, flags.get("record", ""), flags.get("column", ""))
                self.queries[flags["id"]] = where
        return told

    def record(self, old: RecordRow | None, new: RecordRow, audit: Audit, *, replaces: bool = False) -> Iterator[Told]:
        """A change of a record."""
        self.version_oid = new.version_oid
        site = self.sites.get(new.participant, "")
        for told in record_told(self.layouts, old, new, audit, site, replaces=replaces):
            self.places[new.id] = told.place
            yield told

    def subject(self, code: str, site: str, fields: Mapping[str, str], kind: Kind, audit: Audit) -> Told:
        """A participant who comes in, or whose screening, site or state of data changes."""
        moved = self.sites.get(code) != site
        self.sites[code] = site
        told = remark(kind, "subject", {"id": code, **fields})
        return Told(Place(self.version_oid, code), kind, audit, remark=told, site=site if moved else "")

    def redacted(self, record: str, participant: str, audit: Audit, comment: str) -> Told:
        """A change of a record whose content two people took out."""
        place = self.places.get(record) or Place(self.version_oid, participant)
        return Told(place, "Context", audit, remark=remark("Insert", "redacted", {"id": record}, comment))

    def query(self, kind: Kind, fields: Mapping[str, str], text: str, participant: str, audit: Audit) -> Told:
        """A query, at the item that it is about, else at the row, else at the subject."""
        where = (participant, fields.get("record", ""), fields.get("column", ""))
        self.queries[fields["id"]] = where
        return self._about(kind, "query", fields, text, where, audit)

    def message(self, kind: Kind, fields: Mapping[str, str], text: str, participant: str, audit: Audit) -> Told:
        """A step in the thread of a query, where the query stands."""
        where = self.queries.get(fields["query"], (participant, "", ""))
        return self._about(kind, "message", fields, text, where, audit)

    def verification(self, kind: Kind, fields: Mapping[str, str], participant: str, audit: Audit) -> Told:
        """Source verification, at its item."""
        where = (participant, fields["record"], fields["column"])
        return self._about(kind, "verification", fields, "", where, audit)

    def signature(
        self, kind: Kind, fields: Mapping[str, str], statement: str, participant: str, signed: Signed | None,
        audit: Audit,
    ) -> Told:  # fmt: skip
        """A signature, at the subject or at the record that was signed; voided: without Signature, with the reason."""
        record = fields["key"] if fields.get("kind") == "record" else ""
        told = self._about(kind, "signature", fields, statement, (participant, record, ""), audit)
        return Told(told.place, told.kind, audit, remark=told.remark, signed=signed)

    def signed_row(self, fields: Mapping[str, str], participant: str, signed: Signed | None, audit: Audit) -> Told:
        """A row that a signature rests on; a record carries the Signature itself."""
        told = self._about("Insert", "signed_row", fields, "", (participant, fields.get("record", ""), ""), audit)
        return Told(told.place, told.kind, audit, remark=told.remark, signed=signed if told.place.group else None)

    def _about(
        self, kind: Kind, entity: str, fields: Mapping[str, str], text: str, where: tuple[str, str, str], audit: Audit
    ) -> Told:  # fmt: skip
        participant, record, column = where
        place = self.places.get(record)
        if place is None:
            return Told(
                Place(self.version_oid, participant), "Context", audit, remark=remark(kind, entity, fields, text)
            )
        table = place.group.removeprefix("IG.")
        known = column in self.layouts[place.version].columns.get(table, ())
        item = f"I.{table}.{column}" if known else ""
        return Told(place, "Context", audit, remark=remark(kind, entity, fields, text, item))
