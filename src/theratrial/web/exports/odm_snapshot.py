"""The rows of the site as they stand, told for a snapshot in ODM."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final, Literal

from theratrial.exchange.odm.layout import Layout
from theratrial.exchange.odm.snapshot import About, snapshot_written
from theratrial.exchange.odm.told import Audit, Told
from theratrial.web.capture.models import Query, QueryMessage, Verification
from theratrial.web.exports.odm import (
    HISTORY,
    LedgerTeller,
    in_force_oid,
    layouts,
    ledger_teller,
    moment,
    row_image,
    told_events,
)
from theratrial.web.exports.scope import Scope
from theratrial.web.ledger.act import software_text
from theratrial.web.ledger.models import Event, Payload
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import Assignment, Site
from theratrial.web.trials.selectors import the_trial

SNAPSHOT: Final = "odm.snapshot"
"""The note of an imported snapshot: its rows are as old as the file says, not as the import."""
Version = Literal["1.3.2", "2.0"]


def state_moment() -> str:
    """Instant of the last change that ODM tells; of what was imported as the file said."""
    notes = Event.objects.filter(entity="ledger_note", action__in=(HISTORY, SNAPSHOT))
    imported = list(notes.values_list("seq", "request_id"))
    later = told_events().exclude(request_id__in={request for _seq, request in imported})
    found = [one for one in (later.order_by("-at").values_list("at", flat=True).first(),) if one]
    for text in Payload.objects.filter(seq__in=[seq for seq, _request in imported]).values_list("new", flat=True):
        detail = (row_image(text) or {}).get("detail") or {}
        content = json.loads(detail) if isinstance(detail, str) else detail
        found.append(content.get("last_at", ""))
    trial = the_trial()
    assert trial.in_force is not None, "a trial has a protocol from its set-up on"
    return max(found, default="") or moment(trial.in_force.loaded_at)


def snapshot_told(scope: Scope, known: dict[str, Layout], at: str, *, queries: bool) -> Iterator[list[Told]]:
    """What belongs to nobody, then each participant of the scope by code: her rows, and what is said about them."""
    told, audit = ledger_teller(known), Audit("", at)
    kept = scope.records()
    yield list(_rows_told(told, kept.filter(participant=None), {"participant": None}, audit, queries=queries))
    for person in sorted(scope.participants, key=lambda one: one.code):
        told.teller.version_oid = in_force_oid()
        of_her = {"screened_on": str(person.screened_on), "data_state": person.data_state}
        listed = [told.teller.subject(person.code, person.site.code, of_her, "Insert", audit)]
        listed += _rows_told(told, kept.filter(participant=person), {"participant": person}, audit, queries=queries)
        yield listed


def _rows_told(
    told: LedgerTeller, records: Any, whose: Mapping[str, Any], audit: Audit, *, queries: bool
) -> Iterator[Told]:
    told.teller.places.clear()
    for row in records.order_by("table", "sequence", "id").values():
        yield from told.teller.record(None, told.row(row), audit)
    told.teller.version_oid = in_force_oid()
    if not queries:
        return
    there = set(told.teller.places)
    questions = [
        row
        for row in Query.objects.filter(**whose).order_by("pk").values()
        # What is asked about a row that is not shown (entered in error) is not shown either.
        if row["record_id"] is None or str(row["record_id"]) in there
    ]
    steps = QueryMessage.objects.filter(query__in=[row["id"] for row in questions]).order_by("pk").values()
    verified = Verification.objects.filter(record__participant=whose["participant"]).order_by("pk").values()
    shown = [row for row in verified if str(row["record_id"]) in there]
    code = whose["participant"].code if whose["participant"] else ""
    for entity, rows in (
        ("capture_query", questions),
        ("capture_querymessage", steps),
        ("capture_verification", shown),
    ):
        for row in rows:
            yield told.beside({"op": "insert", "entity": entity, "participant": code}, row, audit)


def whole_site() -> Scope:
    """Everybody but who withdrew the use of her data."""
    from theratrial.web.exports.scope import batches_of_nobody_else, data_use_withdrawn

    withdrawn = data_use_withdrawn()
    everybody = list(Participant.objects.select_related("site"))
    kept = tuple(one for one in everybody if one.code not in withdrawn)
    codes = tuple(Site.objects.order_by("code").values_list("code", flat=True))
    return Scope(kept, len(everybody) - len(kept), codes, batches_of_nobody_else(withdrawn))


def site_snapshot_written(out: BinaryIO, version: Version, scope: Scope | None = None, *, queries: bool = True) -> None:
    """Write the state of the site, or of a scope of it, as ODM 1.3.2 or 2.0; `queries`: with what is asked of them."""
    known, trial, at = layouts(), the_trial(), state_moment()
    whole = scope is None or (len(scope.sites) == Site.objects.count() and queries and not scope.hidden)
    about = About(in_force_oid(), at, software_text().removeprefix("theratrial "), trial.simulated, whole)
    told = snapshot_told(scope or whole_site(), known, at, queries=queries)
    if version == "1.3.2":
        snapshot_written(out, told, known, about, scratch=tempfile.TemporaryFile)
        return
    from theratrial.exchange.odm.snapshot_20 import snapshot_20_written

    monitors = Assignment.objects.filter(role="monitor").values_list("user__username", flat=True)
    snapshot_20_written(out, told, known, about, monitors=frozenset(monitors), scratch=tempfile.TemporaryFile)
