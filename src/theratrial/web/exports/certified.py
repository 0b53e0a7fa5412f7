"""The certified copy: all records with their history and signatures, readable without the software, with a verifier."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from django.template.loader import render_to_string
from django.utils.translation import get_language_bidi

from theratrial.errors import InputError
from theratrial.report.pdf import pdf_bytes
from theratrial.sharing.archive import verifier
from theratrial.sharing.archive.packing import listed, manifest_bytes
from theratrial.sharing.archive.verifier import MANIFEST
from theratrial.trialfolder.tables import TABLES
from theratrial.trialfolder.tables import table as table_definition
from theratrial.web.capture.models import Query, Record, Verification
from theratrial.web.capture.naming import column_label, language, subject_label, table_label
from theratrial.web.capture.record_changes import Change, changes_between, ledger_row
from theratrial.web.capture.selectors import live_records
from theratrial.web.exports.folder import ORIGINS_FILE
from theratrial.web.exports.odm import ODM_FILE, site_transactional
from theratrial.web.exports.packages import event_line, folder_files, ledger_events, ledger_lines
from theratrial.web.exports.scope import json_bytes, provenance, sha256
from theratrial.web.ledger.models import Event, Signature
from theratrial.web.participants.models import Participant
from theratrial.web.trials.selectors import protocol_in_force, the_trial

_LARGE: Final = 1e16
"""From here on Python writes a float with an exponent."""
HISTORY_COLUMNS: Final = (
    "seq", "at", "actor", "action", "reason", "participant", "table", "record", "column", "old", "new",
)  # fmt: skip


def participant_copy(user: Any, participant: Participant, now: datetime) -> dict[str, bytes]:
    """The certified copy of one participant; made for inspection, so withdrawal of data use does not matter."""
    about = provenance(user, None, now) | {"participant": participant.code, "site": participant.site.code}
    records = list(Record.objects.filter(participant=participant).select_related("participant"))
    events = list(ledger_events(Event.objects.filter(participant=participant.code)))
    page = _page(participant, records, events, about)
    files = {
        **_readable("copy", page),
        **_data_files(live_records().filter(participant=participant), events),
        "signatures.json": json_bytes(_signatures(Signature.objects.filter(participant=participant.code))),
        "queries.json": json_bytes(_queries(Query.objects.filter(participant=participant))),
        "ledger.jsonl": "".join(event_line(event) + "\n" for event in events).encode(),
        ODM_FILE: site_transactional(participant.code),
    }
    return _finished(files, about, ledger_is_whole=False)


def trial_copy(
    user: Any, now: datetime, advance: Callable[[int, int], None] = lambda _done, _total: None
) -> dict[str, bytes]:
    """The certified copy of the whole trial: a page for each participant, all records, the whole ledger.

    Parameters
    ----------
    advance
        Told how many of the pages are made, and of how many.
    """
    about = provenance(user, None, now) | {"participants": Participant.objects.count()}
    records: dict[int | None, list[Record]] = {}
    for record in Record.objects.select_related("participant"):
        records.setdefault(record.participant_id, []).append(record)
    lines = list(ledger_lines(inspection=True))
    events = [event for line in lines if "head" not in (event := json.loads(line))]
    by_code: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        by_code.setdefault(event["participant"], []).append(event)
    files: dict[str, bytes] = {}
    everybody = list(Participant.objects.select_related("site"))
    for number, one in enumerate(everybody):
        advance(number, len(everybody) + 1)
        page = _page(one, records.get(one.pk, []), by_code.get(one.code, []), about | {"participant": one.code})
        files |= _readable(f"participants/{one.code}", page)
    shared = _page(None, records.get(None, []), by_code.get("", []), about)
    files |= _readable("participants/shared", shared)
    signatures = _signatures(Signature.objects.all())
    index = {"about": about, "people": everybody, "signatures": signatures, **_language()}
    files |= _readable("copy", render_to_string("exports/copy_index.html", index))
    files |= _data_files(live_records(), events)
    files["signatures.json"] = json_bytes(signatures)
    files["queries.json"] = json_bytes(_queries(Query.objects.all()))
    files["ledger.jsonl"] = "".join(line + "\n" for line in lines).encode()
    files[ODM_FILE] = site_transactional()
    return _finished(files, about, ledger_is_whole=True)


def _readable(name: str, page: str) -> dict[str, bytes]:
    """A page to read, as HTML and where it can be made as PDF."""
    return {f"{name}.html": page.encode()} | {f"{name}.pdf": content for content in pdf_of(page).values()}


def pdf_of(page: str) -> dict[str, bytes]:
    """The page as PDF/A where it can be made; nothing else."""
    try:
        return {"copy.pdf": pdf_bytes(page, variant="pdf/a-3u")}
    except InputError:
        return {}


def manifest_digest(files: dict[str, bytes]) -> str:
    """What the ledger keeps of a copy; whoever checks it gives it to the verifier."""
    return sha256(files[MANIFEST])


def _finished(files: dict[str, bytes], about: dict[str, Any], *, ledger_is_whole: bool) -> dict[str, bytes]:
    files["verify.py"] = Path(verifier.__file__).read_bytes()
    files["README.txt"] = render_to_string("exports/copy_readme.txt", {"about": about, "files": sorted(files)}).encode()
    manifest = about | {"ledger_is_whole": ledger_is_whole, "files": listed(files)}
    return {**files, MANIFEST: manifest_bytes(manifest)}


def _data_files(records: Any, events: Sequence[dict[str, Any]]) -> dict[str, bytes]:
    """Protocol, tables, and every change of every cell."""
    files = {name: content for name, content in folder_files(records).items() if name != ORIGINS_FILE}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HISTORY_COLUMNS)
    writer.writerows(_history_rows(events))
    return files | {"history.csv": text.getvalue().encode()}


def changes_of(event: dict[str, Any]) -> list[Change]:
    """What an event about a record changed."""
    payload = event["payload"] or {}
    return changes_between(ledger_row(payload.get("old")), ledger_row(payload.get("new")))


def _history_rows(events: Sequence[dict[str, Any]]) -> Iterator[list[Any]]:
    for event in events:
        if event["entity"] != Record._meta.db_table:
            continue
        payload = event["payload"] or {}
        table = (ledger_row(payload.get("new")) or ledger_row(payload.get("old"))).get("table", "")
        for column, old, new in changes_of(event):
            yield [
                event["seq"], event["at"], event["actor"], event["action"], event["reason"], event["participant"],
                table, event["entity_id"], column, "" if old is None else old, "" if new is None else new,
            ]  # fmt: skip


def _page(
    participant: Participant | None, records: Sequence[Record], events: Sequence[dict[str, Any]], about: dict[str, Any]
) -> str:
    from theratrial.web.ledger.signing import row_id

    protocol = protocol_in_force()
    histories: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        if event["entity"] == Record._meta.db_table:
            histories.setdefault(event["entity_id"], []).append(event)
    tables = []
    for name in (table.name for table in TABLES):
        mine = [record for record in records if record.table == name]
        if not mine:
            continue
        columns = [c.name for c in table_definition(name).columns if any(r.cells.get(c.name) for r in mine)]
        columns = [column for column in columns if column != "participant_id"]
        lines = []
        for record in sorted(mine, key=lambda one: (one.sequence, str(one.pk))):
            past = histories.get(row_id(record), [])
            lines.append(
                {
                    "record": record,
                    "cells": [record.cells.get(column, "") for column in columns],
                    "entered": past[0] if past else None,
                    "changes": [(event, changes_of(event)) for event in past[1:]],
                }
            )
        heads = [column_label(name, column, protocol) for column in columns]
        changed = [line for line in lines if line["changes"]]
        tables.append({"title": table_label(name, protocol), "heads": heads, "lines": lines, "changed": changed})
    code = participant.code if participant else ""
    verified = Verification.objects.filter(record__participant=participant).count()
    context = {
        "about": about,
        "participant": participant,
        "tables": tables,
        "signatures": _signatures(Signature.objects.filter(participant=code)),
        "queries": _queries(Query.objects.filter(participant=participant)),
        "verified": verified,
        "events": len(events),
        "trial_title": the_trial().title,
        **_language(),
    }
    return render_to_string("exports/copy.html", context)


def _language() -> dict[str, str]:
    return {"language": language(), "direction": "rtl" if get_language_bidi() else "ltr"}


def _signatures(signatures: Any) -> list[dict[str, Any]]:
    """Name, time and meaning of every signature, voided ones too, with what was signed."""
    names = (
        "signer", "printed_name", "role", "signed_at", "meaning", "statement", "kind", "key", "participant", "site",
        "content", "digest", "ledger_seq", "ledger_hash", "software", "voided_at", "voided_because",
    )  # fmt: skip
    labels = dict(Signature.Meaning.choices)
    return [
        {name: _as_either_database(getattr(one, name)) for name in names}
        | {"meaning_text": labels.get(one.meaning, one.meaning)}
        for one in signatures.order_by("signed_at", "pk")
    ]


def _as_either_database(value: Any) -> Any:
    """Numbers of stored JSON as both databases give them: PostgreSQL makes 1e20 an integer, and knows no -0.0."""
    if isinstance(value, dict):
        return {name: _as_either_database(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_as_either_database(one) for one in value]
    if isinstance(value, float):
        return int(value) if abs(value) >= _LARGE and value.is_integer() else value + 0.0
    return value


def _queries(queries: Any) -> list[dict[str, Any]]:
    protocol = protocol_in_force()
    found = []
    for one in queries.select_related("record").prefetch_related("messages").order_by("pk"):
        about = table_label(one.record.table, protocol) if one.record else subject_label(one.subject, protocol)
        thread = [{"author": m.author, "at": m.at, "step": m.step, "text": m.text} for m in one.messages.all()]
        found.append(
            {
                "number": one.pk,
                "about": about,
                "column": one.column,
                "subject": one.subject,
                "state": one.state,
                "kind": one.kind,
                "rule": one.rule,
                "thread": thread,
            }
        )
    return found
