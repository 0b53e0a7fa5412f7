"""A trial folder told for a snapshot: it has no ledger, so no history, no queries and no signatures."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Final

from theratrial.exchange.odm.layout import Layout
from theratrial.exchange.odm.rows import RecordRow
from theratrial.exchange.odm.teller import Teller
from theratrial.exchange.odm.told import Audit, Told
from theratrial.trialfolder.records import Row, TrialFolder
from theratrial.trialfolder.tables import TABLES, Table
from theratrial.trialfolder.withdrawals import data_use_withdrawn
from theratrial.trialfolder.writer import table_cells

SOURCE: Final = "folder"
_NAMESPACE: Final = uuid.UUID("c1a2f1d6-44b5-5e0b-9d3a-6f2a54d2a7b0")


def folder_moment(folder: TrialFolder) -> str:
    """The last instant that a line of the folder is of; the folder itself says no other."""
    last = datetime(1970, 1, 1, tzinfo=UTC)
    for rows in folder.tables.values():
        for row in rows:
            at = row.moment
            if isinstance(at, datetime):
                last = max(last, at.astimezone(UTC))
            elif isinstance(at, date):
                last = max(last, datetime.combine(at, time(), UTC))
    return last.strftime("%Y-%m-%dT%H:%M:%SZ")


def withdrawn(folder: TrialFolder) -> tuple[str, ...]:
    """Participants who withdrew the use of their data: they are left out."""
    return tuple(one for one in folder.participant_ids if data_use_withdrawn(folder, one))


def folder_told(folder: TrialFolder, layout: Layout) -> Iterator[list[Told]]:
    """What belongs to nobody, then each participant by code, but for who withdrew the use of her data."""
    left_out = set(withdrawn(folder))
    rows = {table.name: list(_rows(folder, table, layout)) for table in TABLES}
    sites = {row.participant: row.cells.get("site_id", "") for row in rows["participants"]}
    screened = {row.participant: row.cells.get("screened_on", "") for row in rows["participants"]}
    batches = _batches_of_others(rows["administrations"], left_out)
    teller, audit = Teller({layout.oid: layout}, layout.oid), Audit("", folder_moment(folder))
    shared = (
        row
        for listed in rows.values()
        for row in listed
        if not row.participant and (row.table != "batches" or row.cells["batch_id"] not in batches)
    )
    yield [told for row in shared for told in teller.record(None, row, audit)]
    for code in sorted(set(sites) - left_out):
        fields = {"screened_on": screened[code], "data_state": "open"}
        listed = [teller.subject(code, sites[code], fields, "Insert", audit)]
        for table in sorted(rows):
            for row in (one for one in rows[table] if one.participant == code):
                listed += teller.record(None, replace(row, site=sites[code]), audit)
        yield listed


def _rows(folder: TrialFolder, table: Table, layout: Layout) -> Iterator[RecordRow]:
    lines: tuple[Row, ...] = folder.tables[table.name]
    for number, cells in enumerate(table_cells(table, lines), start=1):
        key = "\x1f".join([layout.study_oid, table.name, *(cells.get(column, "") for column in table.key)])
        identifier = str(uuid.uuid5(_NAMESPACE, key))
        session = cells.get("session", "")
        yield RecordRow(
            id=identifier,
            table=table.name,
            version_oid=layout.oid,
            participant=cells.get("participant_id", ""),
            group=identifier,
            visit=cells.get("visit_id", ""),
            session=int(session) if session.isdigit() else None,
            cells=cells,
            source=SOURCE,
            sequence=number,
        )


def _batches_of_others(administrations: list[RecordRow], left_out: set[str]) -> set[str]:
    """Batches that only those left out were given: they would tell of them."""
    users: dict[str, set[str]] = {}
    for row in administrations:
        users.setdefault(row.cells.get("batch_id", ""), set()).add(row.participant)
    return {batch for batch, some in users.items() if some <= left_out}


def layout_of(folder: TrialFolder) -> Layout:
    """The folder's protocol as ODM."""
    identity = folder.protocol.identity.reading
    label = identity.protocol_version if identity else ""
    return Layout(folder.protocol, folder.manifest["protocol.yaml"].removeprefix("sha256:"), label)
