"""The ledger as ODM: every change of records, participants, queries, verifications and signatures, in its order."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Final

from django.db.models import Q, QuerySet

from theratrial.exchange.odm.layout import Layout, version_oid
from theratrial.exchange.odm.rows import RecordRow
from theratrial.exchange.odm.teller import Teller
from theratrial.exchange.odm.told import Audit, Kind, Signed, Told, from_plain
from theratrial.exchange.odm.transactional import transactional_odm, transactional_written
from theratrial.web.exports.packages import ledger_events
from theratrial.web.ledger.act import SystemActor, act, note, software_text, utc_text
from theratrial.web.ledger.chain import REDACTED
from theratrial.web.ledger.models import Event
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import Site
from theratrial.web.trials.models import ProtocolVersion
from theratrial.web.trials.selectors import parsed, the_trial

ODM_FILE: Final = "odm.xml"
"""Name of the transactional file in a certified copy."""
HISTORY: Final = "odm.history"
"""Notes that hold what an imported file told."""
_ENTITIES: Final = (
    *("capture_record", "participants_participant", "capture_query", "capture_querymessage", "capture_verification"),
    *("ledger_signature", "ledger_signedrow"),
)
REDACTED_WORDS: Final = "The content of this change was taken out by two people; the ledger keeps its digest."
_OPEN_FIELDS: Final = {
    "capture_query": ("rule", "column", "subject", "opened_by"),
    "capture_verification": ("column", "verified_by"),
    "ledger_signature": (
        "signer", "printed_name", "role", "meaning", "kind", "key", "digest", "ledger_hash", "software",
        "voided_because",
    ),
}  # fmt: skip


def told_events(subject: str = "") -> QuerySet[Event]:
    """Events of the ledger that ODM tells; for one subject hers, and the notes, in which she may be."""
    notes = Event.objects.filter(entity="ledger_note", action=HISTORY)
    # The rows that an import made are told by the history it brought, not by the import itself.
    made = set(notes.order_by().values_list("request_id", flat=True))
    mine = Q(entity__in=_ENTITIES) & ~Q(request_id__in=made)
    if subject:
        mine &= Q(participant=subject)
    return Event.objects.filter(mine | Q(entity="ledger_note", action=HISTORY))


def layouts() -> dict[str, Layout]:
    """OID -> version of the protocol, in the order of their numbers."""
    found = {}
    for version in ProtocolVersion.objects.order_by("number"):
        layout = Layout(parsed(version.yaml.encode()), version.sha256, version.label)
        found[layout.oid] = layout
    return found


def in_force_oid() -> str:
    """OID of the version in force."""
    trial = the_trial()
    assert trial.in_force is not None, "a trial has a protocol from its set-up on"
    return version_oid(trial.in_force.sha256)


@dataclass(slots=True)
class LedgerTeller:
    """Tells the events of this ledger; knows accounts, sites and versions by what the database calls them."""

    teller: Teller
    versions: dict[int, str]
    sites: dict[int, str]
    participants: dict[int, str]
    signed: dict[str, Signed] = field(default_factory=dict)

    def told(self, event: dict[str, Any]) -> Iterator[Told]:
        """What an event says; the notes of an imported history say many things."""
        payload = event["payload"] or {}
        old, new = row_image(payload.get("old")), row_image(payload.get("new"))
        audit = _audit(event)
        if event["entity"] == "ledger_note" and new is not None:
            yield from self._history(new["detail"])
            return
        if event["entity"] == "capture_record":
            yield from self._record(event, old, new, audit)
        elif new is None:
            yield self.teller.redacted("", event["participant"], audit, REDACTED_WORDS)
        else:
            yield self.beside(event, new, audit)

    def _history(self, detail: Any) -> Iterator[Told]:
        content = json.loads(detail) if isinstance(detail, str) else detail
        for one in content.get("told", ()):
            told = self.teller.history(from_plain(one))
            if told.signed is not None and told.remark is not None:
                flags = dict(told.remark.flags)
                if flags.get("entity") == "signature":
                    self.signed[flags["id"]] = told.signed
            yield told

    def _record(
        self, event: dict[str, Any], old: dict[str, Any] | None, new: dict[str, Any] | None, audit: Audit
    ) -> Iterator[Told]:
        if new is None:
            yield self.teller.redacted(event["entity_id"], event["participant"], audit, REDACTED_WORDS)
            return
        first = event["op"] == "insert"
        before = self.row(old) if old is not None else None
        yield from self.teller.record(before, self.row(new), audit, replaces=not first and old is None)

    def row(self, image: Mapping[str, Any]) -> RecordRow:
        """A record, from its columns."""
        return RecordRow(
            id=str(image["id"]),
            table=image["table"],
            version_oid=self.versions[image["protocol_version_id"]],
            participant=self.participants.get(image["participant_id"], ""),
            site=self.sites.get(image["site_id"], ""),
            form=image["form"],
            group=str(image["group"]),
            visit=image["visit"],
            session=image["session"],
            cells=_mapping(image["cells"]),
            entered=_mapping(image["entered"]),
            **{name: image[name] for name in _PLAIN},
        )

    def beside(self, event: Mapping[str, Any], row: Mapping[str, Any], audit: Audit) -> Told:
        """What is said of a row that is no record; the event says which table it is of, and whether it is new."""
        kind: Kind = "Insert" if event["op"] == "insert" else "Update"
        participant = self.participants.get(row.get("participant_id") or 0, "") or event["participant"]
        fields = {"id": str(row["id"])} | {
            name: str(row[name]) for name in _OPEN_FIELDS.get(event["entity"], ()) if row[name]
        }
        match event["entity"]:
            case "participants_participant":
                code, site = row["code"], self.sites[row["site_id"]]
                told = {"screened_on": str(row["screened_on"]), "data_state": row["data_state"]}
                return self.teller.subject(code, site, told, kind, audit)
            case "capture_query":
                fields |= {"state": row["state"], "query_kind": row["kind"], "opened_at": moment(row["opened_at"])}
                fields |= {"record": str(row["record_id"] or ""), "closed_at": moment(row["closed_at"])}
                fields |= {"site": self.sites.get(row["site_id"], "")}
                return self.teller.query(kind, fields, row["text"], participant, audit)
            case "capture_querymessage":
                fields |= {"query": str(row["query_id"]), "author": row["author"], "step": row["step"]}
                return self.teller.message(kind, fields | {"at": moment(row["at"])}, row["text"], participant, audit)
            case "capture_verification":
                fields |= {"record": str(row["record_id"]), "record_version": str(row["record_version"])}
                fields |= {"verified_at": moment(row["verified_at"])}
                return self.teller.verification(kind, fields, participant, audit)
            case "ledger_signature":
                return self._signature(kind, fields, row, audit)
        entity = str(row["entity"])
        of_record = {"record": str(row["entity_id"])} if entity == "capture_record" else {"key": str(row["entity_id"])}
        fields |= {"signature": str(row["signature_id"]), "table": entity, **of_record}
        return self.teller.signed_row(fields, event["participant"], self.signed.get(str(row["signature_id"])), audit)

    def _signature(self, kind: Kind, fields: dict[str, str], row: Mapping[str, Any], audit: Audit) -> Told:
        at = moment(row["signed_at"])
        fields |= {"signed_at": at, "ledger_seq": str(row["ledger_seq"]), "voided_at": moment(row["voided_at"])}
        signed = None
        if kind == "Insert":
            signed = Signed(row["signer"], row["meaning"], at, row["digest"], row["site"])
            self.signed[fields["id"]] = signed
        return self.teller.signature(kind, fields, row["statement"], row["participant"], signed, audit)


_PLAIN: Final = (
    "version", "incomplete", "entered_in_error", "data_state", "entered_late", "source", "sequence",
)  # fmt: skip


def row_image(text: str | None) -> dict[str, Any] | None:
    """A row as an event has it; None where there is none, or where it was taken out."""
    if text is None or text.startswith(REDACTED):
        return None
    found = json.loads(text)
    return found if isinstance(found, dict) else None


def _mapping(value: Any) -> dict[str, Any]:
    return dict(json.loads(value) if isinstance(value, str) else value or {})


def moment(value: Any) -> str:
    """An instant as the row of an event has it, on either database, in UTC as the ledger writes it."""
    if not value:
        return ""
    found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return utc_text(found if found.tzinfo else found.replace(tzinfo=UTC))


def _audit(event: dict[str, Any]) -> Audit:
    return Audit(
        user=event["actor"],
        at=event["at"],
        location=event["site"],
        system=event["actor_kind"] == "system",
        reason=event["reason"],
        source=f"ledger {event['seq']} {event['action']} {event['hash'][:16]}",
    )


def ledger_teller(known: dict[str, Layout]) -> LedgerTeller:
    """Who tells the rows of this site."""
    return LedgerTeller(
        Teller(known, in_force_oid()),
        {pk: version_oid(sha256) for pk, sha256 in ProtocolVersion.objects.values_list("pk", "sha256")},
        dict(Site.objects.values_list("pk", "code")),
        dict(Participant.objects.values_list("pk", "code")),
    )


def ledger_told(known: dict[str, Layout], subject: str = "") -> Iterator[Told]:
    """Everything that the ledger tells, oldest first; of one subject only, where one is named."""
    told = ledger_teller(known)
    for event in ledger_events(told_events(subject)):
        for one in told.told(event):
            if not subject or one.place.subject == subject:
                yield one


def site_transactional(subject: str = "") -> bytes:
    """The transactional file of the site, or of one subject, in memory."""
    known = layouts()
    return transactional_odm(ledger_told(known, subject), known, in_force_oid(), subject=subject, **_about())


def site_transactional_written(out: BinaryIO, subject: str = "") -> int:
    """The same to a file, with little memory; says how many changes it holds."""
    known = layouts()
    told = ledger_told(known, subject)
    return transactional_written(
        out, told, known, in_force_oid(), subject=subject, scratch=tempfile.TemporaryFile, **_about()
    ).count


def _about() -> dict[str, Any]:
    trial = the_trial()
    assert trial.in_force is not None, "a trial has a protocol from its set-up on"
    return {
        "software": software_text().removeprefix("theratrial "),
        "simulated": trial.simulated,
        "empty_since": moment(trial.in_force.loaded_at),
    }


def export_noted(file: Path, kind: str, version: str) -> None:
    """Note an export from the command line in the ledger, with the digest of what left the site."""
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    with act(SystemActor("command-line"), "export.odm"):
        note("export.odm", sha256=digest, bytes=file.stat().st_size, kind=kind, odm=version)
