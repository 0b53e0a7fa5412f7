"""Administrations of a participant, and the bedside page of the next one."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from theratrial.pipeline.activity_ledger import activity_table
from theratrial.web.access import may, participant_or_404, requires
from theratrial.web.capture.form_rights import may_enter
from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import live_records
from theratrial.web.participants.guards import may_inject
from theratrial.web.participants.models import Participant
from theratrial.web.pharmacy.books import in_date
from theratrial.web.pharmacy.guards import deviations_of, therapy_times
from theratrial.web.pharmacy.rows import BatchEntry, batch_entries, nuclide_of, product_of
from theratrial.web.pharmacy.shown import administration_line, batch_line
from theratrial.web.results.guards import gate_allows
from theratrial.web.trials.selectors import protocol_in_force, trial_zone


@requires("participants.view")
@require_GET
def participant(request: HttpRequest, code: str) -> HttpResponse:
    """Every administration, with its net activity and how it was computed."""
    person = participant_or_404(request, code, "participants.view")
    protocol, zone = protocol_in_force(), trial_zone()
    records = list(live_records().filter(table="administrations", participant=person))
    named = sorted({record.cells.get("batch_id", "") for record in records} - {""})
    batches = live_records().filter(table="batches", cells__batch_id__in=named)
    entries = {one.batch_id: one for one in batch_entries(batches, protocol, zone)}
    asked = deviations_of(records)
    lines = [
        administration_line(one, protocol, zone, entries.get(one.cells.get("batch_id", "")), asked.get(one.pk, []))
        for one in records
    ]
    lines.sort(key=lambda line: line["row"]["injected_at"] or timezone.now())
    context = {
        "participant": person,
        "lines": lines,
        "products": _products(protocol),
        "may_enter": may_enter(request.user, "administrations", person.site),
    }
    return render(request, "pharmacy/participant.html", context)


def _products(protocol: Any) -> list[tuple[str, str]]:
    return [(key, clause.reading.name) for key, clause in protocol.products.items() if clause.reading is not None]


@requires("administrations.enter")
@require_GET
def new(request: HttpRequest, code: str) -> HttpResponse:
    """Before an injection: session, prescribed activity, released batches, what forbids it now, and a worksheet."""
    person = participant_or_404(request, code, "administrations.enter")
    protocol, zone, now = protocol_in_force(), trial_zone(), timezone.now()
    therapy = protocol.sessions.reading
    wanted = request.GET.get("product", "")
    if wanted not in protocol.products:
        wanted = therapy.product if therapy is not None else next(iter(protocol.products))
    product = product_of(protocol, wanted)
    session = None
    if therapy is not None and therapy.product == wanted:
        session = len(therapy_times(therapy, person, None, zone)) + 1
    usable, others = _batches(request, wanted, now)
    chosen = next((one for one in usable if one.batch_id == request.GET.get("batch")), usable[0] if usable else None)
    against = may_inject(person, wanted, now)
    if session is not None and therapy is not None:
        against += gate_allows(person, session)
        if session > therapy.maximum_sessions:
            against.append(
                _("The protocol allows %(most)s sessions; this would be session %(got)s.")
                % {"most": therapy.maximum_sessions, "got": session}
            )
    if not usable:
        against.append(_("No released batch of this product has activity left and is not expired."))
    of_therapy = therapy if session is not None else None
    context = {
        "participant": person,
        "product": product,
        "product_id": wanted,
        "products": _products(protocol),
        "nuclide": nuclide_of(product) if product else None,
        "session": session,
        "therapy": of_therapy,
        "limits": _limits(of_therapy),
        "now": now,
        "against": list(dict.fromkeys(against)),
        "usable": [batch_line(one, now) | {"address": _address(person, one, of_therapy, session)} for one in usable],
        "others": [batch_line(one, now) for one in others],
        "chosen": chosen,
        "table": _left(chosen, now) if chosen is not None else (),
        "blank": _address(person, None, of_therapy, session, wanted),
        "may_batches": may(request.user, "trial.view"),
    }
    return render(request, "pharmacy/new.html", context)


def _left(batch: BatchEntry, now: datetime) -> list[tuple[datetime, float, bool]]:
    """Instant, what is left of the batch then [MBq], and whether it has expired by then."""
    if batch.book is None:
        return []
    expiry = batch.row["expires_at"]
    table = activity_table(batch.book, start=now.replace(second=0, microsecond=0))
    return [(at, activity_MBq, expiry is not None and at > expiry) for at, activity_MBq in table]


def _limits(therapy: Any) -> tuple[float, float] | None:
    if therapy is None:
        return None
    part = therapy.activity_tolerance_percent / 100
    return therapy.administered_activity_MBq * (1 - part), therapy.administered_activity_MBq * (1 + part)


def _batches(request: HttpRequest, product_id: str, now: Any) -> tuple[list[BatchEntry], list[BatchEntry]]:
    """Batches that may be injected now; and those not expired that may not (yet)."""
    zone = trial_zone()
    wanted = in_date(request.user, product_id, now, zone)
    current = batch_entries(Record.objects.filter(pk__in=wanted), protocol_in_force(), zone) if wanted else []
    current.sort(key=lambda one: wanted.index(one.record.pk))
    usable = [
        one
        for one in current
        if one.release.counts and one.row["expires_at"] and one.book is not None and one.book.drawn_share < 1
    ]
    return usable, [one for one in current if one not in usable]


def _address(
    person: Participant, batch: BatchEntry | None, therapy: Any, session: int | None, product_id: str = ""
) -> str:
    product = batch.row["product_id"] if batch else product_id
    reading = product_of(protocol_in_force(), product)
    given: dict[str, Any] = {"i-product_id": product, "next": reverse("pharmacy:participant", args=[person.code])}
    if batch is not None:
        given["i-batch_id"] = batch.batch_id
    if session is not None:
        given |= {"session": session, "i-session": session}
    if therapy is not None:
        given["i-prescribed_activity_MBq"] = f"{therapy.administered_activity_MBq:g}"
    if reading is not None:
        given["i-route"] = reading.route
    return f"{reverse('capture:form-new', args=[person.code, 'administration'])}?{urlencode(given)}"
