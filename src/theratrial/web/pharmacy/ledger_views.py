"""The activity ledger: every batch's book at an instant, what the site holds per nuclide, as a page and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from theratrial.forms.answers import instant_cell
from theratrial.forms.moments import typed_instant
from theratrial.forms.stored import written_instant
from theratrial.pipeline.activity_ledger import METHOD, VERSION, Balance, balance
from theratrial.protocol.schema import Protocol
from theratrial.trialfolder.moments import CellProblem
from theratrial.web.access import requires
from theratrial.web.capture.models import Record
from theratrial.web.ledger.act import act, note
from theratrial.web.pharmacy.books import BatchBook, batch_books, held_MBq
from theratrial.web.pharmacy.rows import BatchEntry, batch_entries
from theratrial.web.pharmacy.shown import syringe_lines, told
from theratrial.web.trials.selectors import protocol_in_force, trial_zone

PER_PAGE: Final = 20


@requires("trial.view")
@require_http_methods(["GET", "POST"])
def ledger(request: HttpRequest) -> HttpResponse:
    """Every batch at the instant ``at``; a post sends the same as CSV and is noted as an export."""
    zone, problem = trial_zone(), ""
    asked = request.POST.get("at", "") if request.method == "POST" else request.GET.get("at", "")
    at: datetime = timezone.now()
    if asked.strip():
        try:
            at = typed_instant(asked, zone).value
        except CellProblem as error:
            problem = error.said
    protocol = protocol_in_force()
    known = batch_books(request.user, protocol, zone)
    opened = [one for one in known if one.opened(at)]
    if request.method == "POST" and not problem:
        return _csv(request, _booked(opened, protocol, at), at)
    page = Paginator(opened, PER_PAGE).get_page(request.GET.get("page"))
    latest = max((one.made.injected_at for one in known if one.made.injected_at is not None), default=None)
    context = {
        "at": at,
        "text": asked or written_instant(at.replace(second=0, microsecond=0), zone),
        "problem": problem,
        "zone": zone.key,
        "page": page,
        "lines": [_line(entry, book, request.user) for entry, book in _booked(page, protocol, at)],
        "held": held_MBq(opened, at),
        "not_yet": sum(one.made.batch is not None for one in known) - len(opened),
        "without": [one for one in known if one.made.batch is None],
        "open": [one.batch_id for one in opened if not one.closes(at)],
        "count": len(opened),
        "latest": written_instant(latest, zone) if latest else "",
        "method": f"{METHOD} {VERSION}",
    }
    return render(request, "pharmacy/ledger.html", context, status=422 if problem else 200)


def _booked(books: Iterable[BatchBook], protocol: Protocol, at: datetime) -> list[tuple[BatchEntry, Balance]]:
    """Batches in that order, each with everything drawn from it and its balance."""
    wanted = [one.pk for one in books]
    records = Record.objects.in_bulk(wanted)
    entries = batch_entries([records[pk] for pk in wanted], protocol, trial_zone())
    booked = [(one, balance(one.book, at)) for one in entries if one.book is not None]
    return [(one, book) for one, book in booked if book is not None]


def _line(entry: BatchEntry, book: Balance, user: Any) -> dict[str, Any]:
    return {
        "entry": entry,
        "book": book,
        "syringe_MBq": sum(one.syringe_MBq for one in book.draws),
        "injected_MBq": sum(one.injected_MBq for one in book.draws),
        "residual_MBq": sum(one.residual_MBq for one in book.draws),
        "syringes": syringe_lines(entry, book, user),
        "told": told(entry, book),
    }


_COLUMNS: Final = (
    "at", "batch_id", "product_id", "nuclide", "line", "syringe", "participant_id", "made_MBq", "left_MBq",
    "syringe_MBq", "injected_MBq", "residual_MBq", "decayed_MBq", "difference_MBq", "told",
)  # fmt: skip


def _csv(request: HttpRequest, books: list[tuple[BatchEntry, Balance]], at: datetime) -> HttpResponse:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, _COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    moment = instant_cell(at, trial_zone())
    for entry, book in books:
        head = {
            "at": moment,
            "batch_id": _cell(entry.batch_id),
            "product_id": entry.row["product_id"],
            "nuclide": book.batch.nuclide.name,
        }
        writer.writerow(
            head
            | {"line": "batch", "made_MBq": repr(book.made_MBq), "left_MBq": repr(book.left_MBq)}
            | {"decayed_MBq": repr(book.decayed_MBq), "difference_MBq": repr(book.difference_MBq)}
            | {"told": _cell("; ".join(told(entry, book)))}
        )
        for one in syringe_lines(entry, book, request.user):
            where = one["balance"]
            if where is not None and where.draw.drawn_at <= at:
                writer.writerow(
                    head
                    | {"line": "syringe", "syringe": one["number"], "participant_id": _cell(one["code"])}
                    | {"syringe_MBq": repr(where.syringe_MBq), "injected_MBq": repr(where.injected_MBq)}
                    | {"residual_MBq": repr(where.residual_MBq)}
                )
    with act(request.user, "export.activity-ledger"):
        note("export.activity-ledger", at=moment, batches=len(books))
    answer = HttpResponse(stream.getvalue(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="activity-ledger-{at:%Y%m%dT%H%MZ}.csv"'
    return answer


def _cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
