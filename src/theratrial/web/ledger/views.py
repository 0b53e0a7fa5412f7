"""The ledger's pages: the list, the history of a row or field, a table as of an instant, verification."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from theratrial.errors import InputError
from theratrial.trialfolder.tables import TABLES
from theratrial.web.access import may, participant_or_404, requires
from theratrial.web.ledger.act import act, note
from theratrial.web.ledger.filters import Wanted, moment
from theratrial.web.ledger.models import Event, Head, Note
from theratrial.web.ledger.paging import event_page
from theratrial.web.ledger.selectors import (
    Shown,
    now_of_ledger,
    records_as_of,
    row_history,
    shown_events,
    visible_events,
)
from theratrial.web.ledger.tables import audited_tables
from theratrial.web.ledger.verification import ledger_verified
from theratrial.web.trials.selectors import trial_zone

ROWS_SHOWN = 100
"""Of a whole table as of an instant; of one participant five times as many."""
AT_ONCE = 50_000
"""Events up to which a verification is done while the user waits; longer ones are the worker's."""


@requires("ledger.view")
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """The ledger, newest first."""
    return _listing(request, "ledger/list.html", {})


@requires("ledger.view")
@require_GET
def participant(request: HttpRequest, code: str) -> HttpResponse:
    """The ledger of one participant."""
    found = participant_or_404(request, code, "ledger.view")
    if not may(request.user, "participants.view", site=found.site):
        raise Http404(code)  # the page shows her consent and state
    return _listing(request, "ledger/participant.html", {"participant": found}, participant=found.code)


def _listing(request: HttpRequest, template: str, context: dict[str, Any], participant: str = "") -> HttpResponse:
    wanted, problem, status = Wanted.of(request.GET), "", 200
    events = visible_events(request.user)
    if participant:
        events = events.filter(participant=participant)
    try:
        events = wanted.narrowed(events, trial_zone())
    except InputError as error:
        events, problem, status = events.none(), str(error), 422
    page = event_page(events, request.GET.get("before", ""), request.GET.get("after", ""))
    query = request.GET.copy()
    for name in ("before", "after"):
        query.pop(name, None)
    context |= {
        "page": page,
        "rows": shown_events(request.user, page.events),
        "wanted": wanted,
        "problem": problem,
        "query": query.urlencode(),
        "entities": [table.name for table in audited_tables()],
        "of_participant": participant,
    }
    return render(request, template, context, status=status)


@requires("ledger.view")
@require_POST
def export(request: HttpRequest) -> HttpResponse:
    """The events that the filters leave, as CSV: one line per field that changed; the export is an event itself."""
    wanted = Wanted.of(request.POST)
    try:
        events = wanted.narrowed(visible_events(request.user), trial_zone())
    except InputError as error:
        return HttpResponse(str(error), status=422, content_type="text/plain; charset=utf-8")
    with act(request.user, "ledger.export"):
        note(
            "ledger.export",
            participant=wanted.participant,
            format="CSV",
            filters=request.POST.dict() | {"csrfmiddlewaretoken": ""},
        )
    answer = StreamingHttpResponse(_csv_lines(request.user, events), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="ledger.csv"'
    return answer  # type: ignore[return-value]  # a stream has what a view needs


_CSV_COLUMNS = ("seq", "at", "effective_at", "actor", "actor_kind", "action", "reason", "op", "entity", "entity_id",
                "participant", "site", "software", "hash")  # fmt: skip


def _csv_lines(user: Any, events: QuerySet[Event]) -> Iterator[str]:
    buffer = StringIO()
    writer = csv.writer(buffer)

    def written(cells: list[Any]) -> str:
        writer.writerow([_harmless(cell) for cell in cells])
        text = buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
        return text

    yield "\ufeff" + written([*_CSV_COLUMNS, "field", "old", "new", "not_shown_because"])
    last = 0
    while batch := list(events.filter(seq__gt=last).order_by("seq")[:1000]):
        for one in shown_events(user, batch):
            meta = [getattr(one.event, name) for name in _CSV_COLUMNS]
            for change in one.changes or (None,):
                fields = [change.field, change.old, change.new] if change else ["", "", ""]
                yield written([*meta, *fields, one.hidden])
        last = batch[-1].seq


def _harmless(cell: Any) -> Any:
    """A spreadsheet must not take a value for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


@requires("ledger.view")
@require_GET
def row(request: HttpRequest, entity: str, entity_id: str) -> HttpResponse:
    """What happened to one row, or to one field of it."""
    if "\x00" in entity_id or entity not in {table.name for table in audited_tables()}:
        raise Http404(entity)
    field = request.GET.get("field", "").replace("\x00", "")
    every = row_history(request.user, entity, entity_id)
    if not every:
        raise Http404(entity_id)
    shown = row_history(request.user, entity, entity_id, field) if field else every
    fields = sorted({change.field for one in every for change in one.changes})
    context = {
        "rows": shown,
        "entity": entity,
        "entity_id": entity_id,
        "field": field,
        "fields": fields,
        "first": every[0].event,
    }
    return render(request, "ledger/row.html", context)


@requires("ledger.view")
@require_GET
def as_of(request: HttpRequest) -> HttpResponse:
    """Records of a table as they stood at any instant."""
    zone = trial_zone()
    table = next((one for one in TABLES if one.name == request.GET.get("table", TABLES[0].name)), None)
    if table is None:
        raise Http404(request.GET["table"])
    text = request.GET.get("at", "").replace("\x00", "").strip()
    code = request.GET.get("participant", "").replace("\x00", "").strip()
    at, problem = now_of_ledger(), ""
    if text:
        try:
            at = moment(text, zone)
        except InputError as error:
            problem = str(error)
    shown = ROWS_SHOWN * 5 if code else ROWS_SHOWN
    rows = [] if problem else records_as_of(request.user, at, table.name, code, limit=shown + 1)
    more, rows = len(rows) > shown, rows[:shown]
    used = [c.name for c in table.columns if any(r.cells and r.cells.get(c.name) for r in rows)]
    context = {
        "tables": TABLES,
        "table": table,
        "at": at,
        "text": text or at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S"),
        "code": code,
        "zone": zone.key,
        "problem": problem,
        "columns": used,
        "count": len(rows),
        "rows": [(r, [(r.cells or {}).get(name, "") for name in used]) for r in rows],
        "more": more,
    }
    return render(request, "ledger/as_of.html", context, status=422 if problem else 200)


@requires("ledger.view")
@require_GET
def verify(request: HttpRequest) -> HttpResponse:
    """The last verification, and a button that starts one."""
    last = Note.objects.filter(action="ledger.verify").order_by("-pk").first()
    asked = Note.objects.filter(action="ledger.verify-request").order_by("-pk").first()
    context = {
        "last": last.detail if last else None,
        "last_event": Event.objects.filter(entity="ledger_note", entity_id=str(last.pk)).first() if last else None,
        "waiting": asked is not None and (last is None or last.pk < asked.pk),
        "head": Head.objects.first(),
    }
    return render(request, "ledger/verify.html", context)


@requires("ledger.view")
@require_POST
def verify_start(request: HttpRequest) -> HttpResponse:
    """Verify now, or let the worker do it where the ledger is long."""
    head = Head.objects.first()
    if head is not None and head.seq > AT_ONCE:
        from theratrial.web.ledger.tasks import verify_ledger

        with act(request.user, "ledger.verify-request"):
            note("ledger.verify-request")
        verify_ledger.enqueue(request.user.get_username())
    else:
        verified_and_noted(request.user)
    return redirect("ledger:verify")


def verified_and_noted(actor: Any) -> None:
    """Verify the ledger and keep what was found in it."""
    found = ledger_verified(settings.SITE_FOLDER)
    with act(actor, "ledger.verify"):
        note(
            "ledger.verify",
            whole=found.whole,
            events=found.events,
            hash=found.hash,
            redacted=found.chain.redacted,
            faults=found.sentences()[:50],
            fault_count=len(found.sentences()),
            notes=found.chain.notes[:20],
        )


__all__ = ["Shown", "as_of", "export", "index", "participant", "row", "verify", "verify_start"]
