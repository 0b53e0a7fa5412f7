"""Pages of batches: the list, one batch with its tests, its release and the withdrawal of it."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from theratrial.errors import InputError
from theratrial.web.access import may, requires
from theratrial.web.capture.form_rights import may_correct
from theratrial.web.capture.services import ConflictError
from theratrial.web.ledger.signing import NotConfirmed
from theratrial.web.pharmacy import release as releasing
from theratrial.web.pharmacy.rows import BatchEntry, batch_entries, visible_batches
from theratrial.web.pharmacy.shown import batch_line, syringe_lines, told
from theratrial.web.trials.selectors import protocol_in_force, trial_zone

PER_PAGE = 30


@requires("trial.view")
@require_GET
def batches(request: HttpRequest) -> HttpResponse:
    """Every batch: what it was, what was drawn, what is left now, whether it may be injected."""
    now, protocol, zone = timezone.now(), protocol_in_force(), trial_zone()
    found = visible_batches(request.user).order_by("-cells__reference_at", "-sequence")
    product = request.GET.get("product", "")
    if product in protocol.products:
        found = found.filter(cells__product_id=product)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    entries = batch_entries(page.object_list, protocol, zone)
    products = [(key, clause.reading.name) for key, clause in protocol.products.items() if clause.reading is not None]
    context = {
        "lines": [batch_line(one, now) for one in entries],
        "page": page,
        "now": now,
        "products": products,
        "product": product,
        "may_enter": may(request.user, "batches.enter"),
    }
    return render(request, "pharmacy/batches.html", context)


def _entry(request: HttpRequest, pk: uuid.UUID) -> BatchEntry:
    record = visible_batches(request.user).filter(pk=pk).select_related("site").first()
    if record is None:
        raise Http404(str(pk))
    return batch_entries([record], protocol_in_force(), trial_zone())[0]


@requires("trial.view")
@require_GET
def batch(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One batch."""
    return _page(request, _entry(request, pk))


def _page(
    request: HttpRequest, entry: BatchEntry, *, refusal: str = "", refused: str = "", status: int = 200
) -> HttpResponse:
    now = timezone.now()
    line = batch_line(entry, now)
    tests = releasing.release_tests(entry.record, entry.row, entry.product)
    hindrances = releasing.release_hindrances(entry.record, entry.row, tests, now)
    may_release = may(request.user, "batches.release", site=entry.record.site)
    context: dict[str, Any] = {
        "line": line,
        "entry": entry,
        "record": entry.record,
        "row": entry.row,
        "now": now,
        "tests": tests,
        "hindrances": hindrances,
        "syringes": syringe_lines(entry, line["book"], request.user),
        "told": told(entry, line["book"]),
        "may_release": may_release,
        "may_enter": may_correct(request.user, "batches", entry.record.site),
        "to_sign": may_release and not hindrances and not entry.release.counts,
        "digest": releasing.release_digest(entry.record, tests),
        "statement": _("Batch %(batch)s meets its specification and is released for injection.")
        % {"batch": entry.batch_id},
        "refusal": refusal,
        "refused": refused,
    }
    return render(request, "pharmacy/batch.html", context, status=status)


@requires("batches.release")
@require_POST
def release(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Release what the page showed."""
    entry = _entry(request, pk)
    try:
        releasing.batch_released(request, entry.record, entry.row, entry.product)
    except PermissionError as error:
        raise PermissionDenied(str(error)) from None
    except (NotConfirmed, InputError) as error:
        return _page(request, entry, refusal=str(error), status=409 if isinstance(error, ConflictError) else 422)
    messages.success(request, _("The batch is released."))
    return redirect("pharmacy:batch", pk=pk)


@requires("batches.release")
@require_POST
def withdraw(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Take the release back, with the reason."""
    entry = _entry(request, pk)
    try:
        releasing.release_withdrawn(request.user, entry.record, reason=request.POST.get("reason", ""))
    except PermissionError as error:
        raise PermissionDenied(str(error)) from None
    except InputError as error:
        return _page(request, entry, refused=str(error), status=409 if isinstance(error, ConflictError) else 422)
    messages.success(request, _("The release is withdrawn. Tell everybody who holds a syringe of this batch."))
    return redirect("pharmacy:batch", pk=pk)
