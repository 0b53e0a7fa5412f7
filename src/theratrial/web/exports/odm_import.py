"""An ODM file of ours into an empty site: all of it or nothing, and only if the site then exports the same file.

The ledger of the new site is its own. It says who imported which file when; what the file tells of the past stands in
notes of that act, word for word, and every later export tells it again as it was.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.management.color import no_style
from django.db import DatabaseError, connection

from theratrial.errors import InputError
from theratrial.exchange.odm.layout import Layout
from theratrial.exchange.odm.read import Head, OdmFile, first_difference
from theratrial.exchange.odm.rows import RecordRow
from theratrial.exchange.odm.state import State
from theratrial.exchange.odm.told import Told, plain
from theratrial.web.capture.models import Query, QueryMessage, Record, Verification
from theratrial.web.exports.odm import HISTORY, in_force_oid, layouts, site_transactional_written
from theratrial.web.exports.odm_snapshot import SNAPSHOT, site_snapshot_written
from theratrial.web.ledger.act import act, note, software_text
from theratrial.web.participants.models import Participant
from theratrial.web.people.models import Site
from theratrial.web.setup_site import SETUP
from theratrial.web.trials.models import ProtocolVersion, Trial
from theratrial.web.trials.selectors import the_trial, trial_zone

IMPORT: Final = "odm.import"
_IN_A_NOTE: Final = 200
_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Imported:
    """What came in."""

    transactional: bool
    changes: int
    participants: int
    records: int
    queries: int


def odm_imported(file: Path) -> Imported:
    """Take an ODM 1.3.2 file of this software, transactional or snapshot, into a site without participants.

    Raises
    ------
    InputError
        The site has data, the file is none of ours or of a newer version, or the site would not export the same.
    Problems
        What of the file cannot be read, all of it.
    """
    if Participant.objects.exists() or Record.objects.exists():
        raise InputError("this site has participants or records already; a file is taken into an empty site only")
    source, known = OdmFile(lambda: file.open("rb")), layouts()
    head = source.head()
    _fitting(head)
    # Everything is read before anything is written: whatever is wrong is named at once.
    state, changes = State(), 0
    for told in source.told(known, known[in_force_oid()].study_oid):
        state.take(told)
        changes += 1
    try:
        records = list(state.records(known))
    except ValueError as error:
        raise InputError(f"a row of the file holds what no export writes: {error}; it was altered") from None
    with act(SETUP, IMPORT, reason=f"{file.name} sha256:{_sha256(file)}"):
        note(IMPORT, file=file.name, changes=changes, records=len(records), software=head.software)
        if head.simulated:
            # Said on every page from now on: virtual participants must not pass for real ones.
            Trial.objects.filter(simulated=False).update(simulated=True)
        if head.transactional:
            _history_noted(source.told(known, head.study_oid))
        else:
            note(SNAPSHOT, last_at=head.at)
        try:
            _rows_made(state, records, known)
        except (ValueError, KeyError, ValidationError, DatabaseError) as error:
            said = f"{type(error).__name__}: {error}"[:300]
            raise InputError(f"the file holds what no export writes ({said}); nothing was taken in") from None
        _same_or_refused(file, head)
    return Imported(head.transactional, changes, len(state.subjects), len(records), len(state.queries))


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _fitting(head: Head) -> None:
    """The protocol in force must be the file's: metadata are not taken from a file but from the protocol itself."""
    told = [one.oid for one in head.versions if one.in_force]
    mine = in_force_oid()
    if told != [mine]:
        got = ", ".join(told) or "none"
        raise InputError(
            f"in force in the file is protocol version {got}, in this site {mine}; set the site up with that protocol"
        )
    if the_trial().simulated and not head.simulated:
        raise InputError("the participants of the file are real, those of this site virtual; nothing was taken in")


def _history_noted(changes: Iterable[Told]) -> None:
    """Notes with everything that was told; one subject's changes beside one another share a note."""
    kept: list[dict[str, Any]] = []
    whose, site, last_at = "", "", ""
    sites: dict[str, str] = {}
    for told in changes:
        subject = told.place.subject
        if told.site:
            sites[subject] = told.site
        if kept and (subject != whose or len(kept) >= _IN_A_NOTE):
            note(HISTORY, participant=whose, site=site, told=kept, last_at=last_at)
            kept, last_at = [], ""
        whose, site = subject, sites.get(subject, "")
        kept.append(plain(told))
        last_at = max(last_at, told.audit.at)
    if kept:
        note(HISTORY, participant=whose, site=site, told=kept, last_at=last_at)


def _rows_made(state: State, records: list[RecordRow], known: dict[str, Layout]) -> None:
    sites = _sites({*state.sites.values(), *(row.site for row in records if row.site)})
    versions = {f"MDV.{one.sha256[:16]}": one for one in ProtocolVersion.objects.all()}
    people: dict[str, Participant] = {}
    for code, fields in state.subjects.items():
        if code not in state.sites or not fields.get("screened_on"):
            raise InputError(f"the file does not say site and day of screening of {code}; it was altered")
        screened = date.fromisoformat(fields["screened_on"])
        people[code] = Participant(code=code, site=sites[state.sites[code]], screened_on=screened)
    Participant.objects.bulk_create(people.values())
    if missing := {row.participant for row in records} - people.keys() - {""}:
        raise InputError(f"the file has rows of {', '.join(sorted(missing))}, but not the participants; it was altered")
    Record.objects.bulk_create(
        (_record(row, versions, people, sites) for row in records), batch_size=_BATCH
    )  # fmt: skip
    _said(state, people, sites)
    _closed(state, records, people)


def _sites(codes: set[str]) -> dict[str, Site]:
    found = {one.code: one for one in Site.objects.all()}
    for code in sorted(codes - found.keys()):
        found[code] = Site.objects.create(code=code, name=code, timezone=str(trial_zone()))
    return found


def _record(
    row: RecordRow, versions: dict[str, ProtocolVersion], people: dict[str, Participant], sites: dict[str, Site]
) -> Record:
    return Record(
        id=row.id, table=row.table, form=row.form, group=row.group, protocol_version=versions[row.version_oid],
        participant=people.get(row.participant), site=sites.get(row.site), visit=row.visit, session=row.session,
        cells=dict(row.cells), entered=dict(row.entered), version=row.version, incomplete=row.incomplete,
        entered_in_error=row.entered_in_error, entered_late=row.entered_late, source=row.source,
        sequence=row.sequence,
    )  # fmt: skip


def _said(state: State, people: dict[str, Participant], sites: dict[str, Site]) -> None:
    """Queries with their threads, and verifications; under the numbers that they had."""
    Query.objects.bulk_create(
        Query(
            id=int(one["id"]), participant=people.get(one["participant"]), site=sites.get(one.get("site", "")),
            record_id=one.get("record") or None, column=one.get("column", ""), subject=one.get("subject", ""),
            state=one["state"], kind=one["query_kind"], rule=one.get("rule", ""), text=one["text"],
            opened_by=one["opened_by"], opened_at=_instant(one["opened_at"]),
            closed_at=_instant(one["closed_at"]) if one.get("closed_at") else None,
        )
        for one in state.queries.values()
    )  # fmt: skip
    QueryMessage.objects.bulk_create(
        QueryMessage(
            id=int(one["id"]), query_id=int(one["query"]), author=one["author"], at=_instant(one["at"]),
            step=one["step"], text=one["text"],
        )
        for one in state.messages.values()
    )  # fmt: skip
    Verification.objects.bulk_create(
        Verification(
            id=int(one["id"]), record_id=one["record"], column=one["column"],
            record_version=int(one["record_version"]), verified_by=one["verified_by"],
            verified_at=_instant(one["verified_at"]),
        )
        for one in state.verifications.values()
    )  # fmt: skip
    with connection.cursor() as cursor:
        # Numbers were given here; PostgreSQL must go on behind them.
        for statement in connection.ops.sequence_reset_sql(no_style(), [Query, QueryMessage, Verification]):
            cursor.execute(statement)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _closed(state: State, records: list[RecordRow], people: dict[str, Participant]) -> None:
    """Freeze and lock what was frozen and locked, last: before, the database would take no rows."""
    for wanted, action in (("frozen", "data.freeze"), ("locked", "data.lock")):
        with act(SETUP, action):
            for row in (one for one in records if one.data_state == wanted):
                Record.objects.filter(pk=row.id).update(data_state=wanted)
            for code, fields in state.subjects.items():
                if fields.get("data_state") == wanted:
                    Participant.objects.filter(pk=people[code].pk).update(data_state=wanted)


def _same_or_refused(file: Path, head: Head) -> None:
    """What this site exports now must be the file: then nothing of it was passed over or read otherwise."""
    with tempfile.NamedTemporaryFile(prefix="theratrial-odm-") as again:
        if head.transactional:
            site_transactional_written(again)  # type: ignore[arg-type]  # the wrapper is a file in all but its type
        else:
            site_snapshot_written(again, "1.3.2")  # type: ignore[arg-type]
        again.flush()
        place = Path(again.name)
        same_software = head.software == software_text().removeprefix("theratrial ")
        different = first_difference(lambda: file.open("rb"), lambda: place.open("rb"), words=same_software)
    if different:
        raise InputError(
            f"this site would not export the same file: {different}; the file was altered, or is of a version that "
            "tells rows otherwise. Nothing was taken in"
        )
