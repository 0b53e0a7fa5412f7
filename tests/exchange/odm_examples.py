"""Changes of a small trial for the tests of ODM: every kind of change that a ledger knows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from theratrial.exchange.odm.layout import Layout
from theratrial.exchange.odm.rows import RecordRow
from theratrial.exchange.odm.teller import Teller
from theratrial.exchange.odm.told import Audit, Signed, Told
from theratrial.exchange.odm.transactional import transactional_odm
from theratrial.protocol.reader import parse_protocol, shipped_protocol_bytes
from theratrial.simulation.cohort import SEED_PROTOCOL

SITE = "CENTRE-01"


@cache
def layout() -> Layout:
    """The shipped protocol as ODM."""
    content = shipped_protocol_bytes(SEED_PROTOCOL)
    return Layout(parse_protocol(content, "protocol.yaml"), hashlib.sha256(content).hexdigest(), "version 1")


def layouts() -> dict[str, Layout]:
    return {layout().oid: layout()}


def audit(number: int, reason: str = "", *, user: str = "coordinator1", system: bool = False) -> Audit:
    at = f"2026-11-23T06:{number // 60:02d}:{number % 60:02d}.000001Z"
    return Audit(user, at, SITE, system, reason, f"ledger {number} record.change 0123456789abcdef")


def platelets(**more: object) -> RecordRow:
    cells = {"participant_id": "P01", "collected_at": "2022-03-05T09:30+03:30", "test": "platelets", "value": "90"}
    row = RecordRow(
        id="00000000-0000-0000-0000-000000000001", table="laboratory", version_oid=layout().oid, participant="P01",
        site=SITE, form="laboratory", group="10000000-0000-0000-0000-000000000001", visit="follow_up", session=1,
        cells={**cells, "unit": "10^9/L"},
    )  # fmt: skip
    return replace(row, **more)  # type: ignore[arg-type]


def batch() -> RecordRow:
    return RecordRow(
        id="00000000-0000-0000-0000-000000000002", table="batches", version_oid=layout().oid, form="batch",
        group="10000000-0000-0000-0000-000000000002", cells={"batch_id": "B1", "product_id": "lu177_trastuzumab"},
    )  # fmt: skip


def changes() -> Iterator[Told]:
    """A participant, a value entered, changed, blanked, filled, taken out; a query, a signature that is voided."""
    teller = Teller(layouts(), layout().oid)
    yield teller.subject("P01", SITE, {"screened_on": "2022-03-01", "data_state": "open"}, "Insert", audit(1))
    first = platelets()
    yield from teller.record(None, first, audit(2))
    second = replace(first, cells={**first.cells, "value": "9"}, version=2)
    yield from teller.record(first, second, audit(3, "misread: <9> & not 90"))
    blank = replace(second, cells={k: v for k, v in second.cells.items() if k != "value"}, version=3)
    yield from teller.record(second, blank, audit(4, "not measured"))
    third = replace(blank, cells={**blank.cells, "value": "95"}, version=4)
    yield from teller.record(blank, third, audit(5, "measured again"))
    asked = {"id": "1", "record": first.id, "column": "value", "state": "open", "query_kind": "manual"}
    asked |= {"opened_by": "monitor1", "opened_at": audit(6).at, "site": SITE}
    yield teller.query("Insert", asked, "Which of the two?\nThe first?", "P01", audit(6, user="monitor1"))
    step = {"id": "1", "query": "1", "author": "monitor1", "at": audit(6).at, "step": "open"}
    yield teller.message("Insert", step, "Which of the two?", "P01", audit(6, user="monitor1"))
    yield teller.query("Update", {**asked, "state": "answered"}, "Which of the two?\nThe first?", "P01", audit(7))
    seen = {"id": "1", "record": first.id, "column": "value", "record_version": "4", "verified_by": "monitor1"}
    yield teller.verification("Insert", {**seen, "verified_at": audit(8).at}, "P01", audit(8, user="monitor1"))
    signed = Signed("investigator1", "approved", audit(9).at, "ab" * 32, SITE)
    fields = {"id": "1", "signer": "investigator1", "printed_name": "Investigator One", "role": "investigator"}
    fields |= {"meaning": "approved", "kind": "gate", "key": "P01/1", "digest": "ab" * 32, "ledger_seq": "8"}
    yield teller.signature("Insert", fields, "I approve.", "P01", signed, audit(9, user="investigator1"))
    rests = {"id": "1", "signature": "1", "table": "capture_record", "record": first.id}
    yield teller.signed_row(rests, "P01", signed, audit(9, user="investigator1"))
    wrong = replace(third, entered_in_error=True, version=5)
    yield from teller.record(third, wrong, audit(10, "another woman's sample"))
    voided = {**fields, "voided_at": audit(10).at, "voided_because": "capture_record was changed"}
    yield teller.signature("Update", voided, "I approve.", "P01", None, audit(10))
    yield from teller.record(None, batch(), audit(11, user="edit-checks 1", system=True))
    release = {"id": "2", "signer": "investigator1", "printed_name": "Investigator One", "meaning": "approved"}
    release |= {"kind": "protocol", "key": "1", "digest": "cd" * 32}
    of_trial = Signed("investigator1", "approved", audit(12).at, "cd" * 32)
    yield teller.signature("Insert", release, "I release it.", "", of_trial, audit(12, user="investigator1"))
    moved = replace(wrong, visit="", session=None, version=6)
    yield from teller.record(wrong, moved, audit(13, "no visit"))
    yield teller.redacted(first.id, "P01", audit(14), "taken out")
    yield from teller.record(None, replace(moved, version=8), audit(15, "put right"), replaces=True)


def file(told: list[Told] | None = None) -> bytes:
    """The transactional file of these changes."""
    listed = list(changes()) if told is None else told
    return transactional_odm(listed, layouts(), layout().oid, software="0.7", simulated=True, empty_since=audit(0).at)
