"""All batches at once: sums over the site, what is in date. Single batches are shown from `rows.batch_entries`.

A site's batches are many and hardly one of them changes: each process keeps what it made of a batch, by the very text
of its row and of the rows of its syringes. A row that says anything else is another key, so nothing can be out of date.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from theratrial.errors import InputError
from theratrial.nuclides import nuclide
from theratrial.pipeline.activity_ledger import Balance, Batch, balance
from theratrial.protocol.schema import Protocol
from theratrial.trialfolder.records import Row
from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import live_records
from theratrial.web.pharmacy.rows import book_of_nuclide, typed_row, visible_batches


@dataclass(frozen=True, slots=True)
class _Made:
    """What follows from the text of the rows."""

    batch: Batch | None
    settled: Balance | None
    """The book after its last booking."""
    opened_at: datetime | None
    closes: bool
    """After its last booking; from then on everything only decays, into the book."""
    problem: str
    injected_at: datetime | None
    """Latest injection."""


@dataclass(frozen=True, slots=True)
class BatchBook:
    """A batch and its book, of which everything that a sum needs."""

    key: str
    """Its primary key as text."""
    sequence: int
    batch_id: str
    reference: str
    """Reference time as it is written."""
    made: _Made

    @property
    def pk(self) -> UUID:
        """Its primary key."""
        return UUID(self.key)

    def opened(self, at: datetime) -> bool:
        """Whether it is in the book at an instant."""
        return self.made.opened_at is not None and at >= self.made.opened_at

    def held_MBq(self, at: datetime) -> float:
        """What the site has to keep of it; 0 for a batch that is in no book then."""
        settled, book = self.made.settled, self._while_booked(at)
        if book is not None:
            return book.held_MBq
        return settled.held_later_MBq(at) if settled is not None and self.opened(at) else 0.0

    def closes(self, at: datetime) -> bool:
        """Whether its book closes."""
        book = self._while_booked(at)
        return book.closes if book is not None else self.made.closes

    def _while_booked(self, at: datetime) -> Balance | None:
        """The book at an instant before its last booking; None afterwards."""
        batch, settled = self.made.batch, self.made.settled
        return balance(batch, at) if batch is not None and settled is not None and at < settled.at else None


def batch_books(user: Any, protocol: Protocol, zone: ZoneInfo) -> list[BatchBook]:
    """Of every batch that the user sees, the newest first. Two queries whatever their number."""
    drawn: dict[str, list[tuple[str, str]]] = {}
    for pk, _sequence, text in _texts(live_records().filter(table="administrations").order_by("sequence", "id")):
        drawn.setdefault(_row("administrations", text, zone)["batch_id"] or "", []).append((pk, text))
    products = {key: clause.reading.nuclide for key, clause in protocol.products.items() if clause.reading is not None}
    found = []
    for pk, sequence, text in _texts(visible_batches(user).order_by()):
        row = _row("batches", text, zone)
        syringes = drawn.get(row["batch_id"], ()) if row["batch_id"] else ()
        made = _made(text, tuple(syringes), products.get(row["product_id"] or "", ""), zone)
        found.append(BatchBook(pk, sequence, row["batch_id"] or "", _reference(text), made))
    return sorted(found, key=lambda one: (one.reference, one.sequence), reverse=True)


def in_date(user: Any, product_id: str, at: datetime, zone: ZoneInfo, *, most: int = 40) -> list[UUID]:
    """The newest batches of a product that have not expired, as far as is known. One query."""
    found = []
    for pk, sequence, text in _texts(visible_batches(user).order_by()):
        row = _row("batches", text, zone)
        if row["product_id"] == product_id and (row["expires_at"] is None or row["expires_at"] >= at):
            found.append((_reference(text), sequence, pk))
    return [UUID(pk) for _reference_at, _sequence, pk in sorted(found, reverse=True)[:most]]


def held_MBq(books: Iterable[BatchBook], at: datetime) -> dict[str, float]:
    """Nuclide -> what the site holds of it at an instant [MBq]: vials, full syringes, residuals."""
    found: dict[str, float] = {}
    for one in books:
        if one.made.batch is not None and one.opened(at):
            name = one.made.batch.nuclide.name
            found[name] = found.get(name, 0.0) + one.held_MBq(at)
    return dict(sorted(found.items()))


def _texts(records: QuerySet[Record]) -> Iterable[tuple[str, int, str]]:
    return records.values_list(Cast("pk", TextField()), "sequence", Cast("cells", TextField()))


@lru_cache(maxsize=20_000)
def _row(table: str, text: str, zone: ZoneInfo) -> Row:
    return typed_row(table, json.loads(text), zone)


@lru_cache(maxsize=20_000)
def _reference(text: str) -> str:
    return str(json.loads(text).get("reference_at", ""))


@lru_cache(maxsize=20_000)
def _made(text: str, syringes: tuple[tuple[str, str], ...], of_nuclide: str, zone: ZoneInfo) -> _Made:
    rows = [(pk, _row("administrations", one, zone)) for pk, one in syringes]
    injected = [row["injected_at"] for _pk, row in rows if row["injected_at"] is not None]
    latest = max(injected, default=None)
    try:
        batch = book_of_nuclide(_row("batches", text, zone), nuclide(of_nuclide) if of_nuclide else None, rows)
    except InputError as error:
        return _Made(None, None, None, True, str(error), latest)
    settled = balance(batch, batch.settled_at)
    return _Made(batch, settled, batch.opened_at, settled is None or settled.closes, "", latest)
