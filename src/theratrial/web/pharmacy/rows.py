"""Batches and syringes as the core reads them. A cell that cannot be read is missing, and the page says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from theratrial.errors import InputError
from theratrial.nuclides import Nuclide, nuclide
from theratrial.pipeline.activity_ledger import Batch, Draw
from theratrial.protocol.schema import Product, Protocol
from theratrial.trialfolder.cells import read_cell
from theratrial.trialfolder.moments import CellProblem
from theratrial.trialfolder.records import Row
from theratrial.trialfolder.tables import table
from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import live_records
from theratrial.web.ledger.models import Signature
from theratrial.web.people.permissions import sites_of
from theratrial.web.pharmacy.release import KIND, ReleaseState, release_state


@dataclass(frozen=True, slots=True)
class Syringe:
    """A syringe of a batch: the administration it was drawn for."""

    record: Record
    row: Row

    @property
    def label(self) -> str:
        """Its name in the book."""
        return str(self.record.pk)


@dataclass(frozen=True, slots=True)
class BatchEntry:
    """A batch with its syringes, its book and how its release stands."""

    record: Record
    row: Row
    product: Product | None
    syringes: tuple[Syringe, ...]
    book: Batch | None
    problem: str
    """Why there is no book, in words."""
    release: ReleaseState

    @property
    def batch_id(self) -> str:
        """Its number."""
        return str(self.record.cells.get("batch_id", ""))


def typed_row(name: str, cells: Any, zone: ZoneInfo, origin: str = "") -> Row:
    """Cells as typed values; unreadable ones are missing."""
    values: dict[str, Any] = {}
    for column in table(name).columns:
        try:
            values[column.name] = read_cell(cells.get(column.name, ""), column, zone)
        except CellProblem:
            values[column.name] = None
    return Row(name, 0, values, origin=origin)


def record_row(record: Record, zone: ZoneInfo) -> Row:
    """A record as a typed row that names where it is kept."""
    return typed_row(record.table, record.cells, zone, f"record:{record.table}/{record.pk}@{record.version}")


def product_of(protocol: Protocol, product_id: str) -> Product | None:
    """The product's reading; None where the protocol has none."""
    clause = protocol.products.get(product_id)
    return clause.reading if clause is not None else None


def nuclide_of(product: Product) -> Nuclide:
    """Its nuclide."""
    return nuclide(product.nuclide)


def draw_of(row: Row, label: str) -> Draw | None:
    """The syringe of an administration; None while reading or times are missing."""
    if row["measured_activity_MBq"] is None or row["measured_at"] is None or row["injected_at"] is None:
        return None
    return Draw(
        label,
        row["measured_activity_MBq"],
        row["measured_at"],
        row["injected_at"],
        row["residual_activity_MBq"],
        row["residual_measured_at"],
    )


def book_of(row: Row, product: Product | None, syringes: Iterable[tuple[str, Row]]) -> Batch:
    """The book of a batch.

    Raises
    ------
    InputError
        The batch or a syringe lacks what a book needs, or its dates cannot be.
    """
    return book_of_nuclide(row, nuclide_of(product) if product is not None else None, syringes)


def book_of_nuclide(row: Row, made_of: Nuclide | None, syringes: Iterable[tuple[str, Row]]) -> Batch:
    """As `book_of`; without a nuclide the product is none of the protocol."""
    if made_of is None:
        raise InputError(f"{row['product_id'] or 'no product'} is no product of the protocol; correct the batch")
    if row["activity_MBq"] is None or row["reference_at"] is None:
        raise InputError("the batch has no activity or no reference time; correct the batch")
    draws = []
    for label, syringe in syringes:
        draw = draw_of(syringe, label)
        if draw is None:
            raise InputError("a syringe has no reading or no time, so nothing says what is left; correct it")
        draws.append(draw)
    return Batch(row["batch_id"], made_of, row["activity_MBq"], row["reference_at"], tuple(draws))


def visible_batches(user: Any) -> QuerySet[Record]:
    """Batches of the user's sites, and those that belong to no site (imported)."""
    return live_records().filter(
        Q(site=None) | Q(site__in=sites_of(user, "trial.view")), table="batches", participant=None
    )


def batch_entries(records: Iterable[Record], protocol: Protocol, zone: ZoneInfo) -> list[BatchEntry]:
    """Batches with everything drawn from them, by anybody. Two queries whatever their number."""
    batches = list(records)
    if not batches:
        return []
    wanted = {record.cells.get("batch_id", "") for record in batches}
    drawn: dict[str, list[Syringe]] = {}
    given = live_records().filter(table="administrations")
    if len(wanted) <= 500:
        given = given.filter(cells__batch_id__in=sorted(wanted))
    for record in given.select_related("participant__site"):
        if (batch_id := record.cells.get("batch_id", "")) in wanted:
            drawn.setdefault(batch_id, []).append(Syringe(record, record_row(record, zone)))
    signatures: dict[str, list[Signature]] = {}
    told = Signature.objects.filter(kind=KIND, key__in=[str(record.pk) for record in batches])
    for one in told.order_by("signed_at", "pk"):
        signatures.setdefault(one.key, []).append(one)
    found = []
    for record in batches:
        row = record_row(record, zone)
        product = product_of(protocol, record.cells.get("product_id", ""))
        syringes = tuple(drawn.get(record.cells.get("batch_id", ""), ()))
        try:
            book, problem = book_of(row, product, [(one.label, one.row) for one in syringes]), ""
        except InputError as error:
            book, problem = None, str(error)
        state = release_state(record, signatures.get(str(record.pk), []))
        found.append(BatchEntry(record, row, product, syringes, book, problem, state))
    return found
