"""Pages of queries: the list, one participant's, a thread, and the dialog beside a field."""

from __future__ import annotations

import uuid
from collections.abc import Container
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from theratrial.errors import InputError
from theratrial.trialfolder.tables import table as table_definition
from theratrial.web.access import may, participant_or_404, requires
from theratrial.web.capture.models import Query, Record
from theratrial.web.capture.naming import column_label, subject_label, table_label
from theratrial.web.capture.queries import (
    OPENING,
    PENDING,
    STATES,
    STEPS,
    TURN,
    query_raised,
    query_stepped,
    state_label,
    steps_of,
    visible_queries,
)
from theratrial.web.results.blinding import hidden_records
from theratrial.web.trials.selectors import protocol_in_force

PER_PAGE: Final = 50
TONES: Final = {"open": "open", "answered": "warn", "closed": "good", "cancelled": "neutral"}
AGES: Final = (7, 14, 30, 90)


def described(query: Query, protocol: Any = None) -> dict[str, Any]:
    """A query as a line of a list."""
    until = query.closed_at or timezone.now()
    record = query.record
    what = table_label(record.table, protocol) if record else subject_label(query.subject, protocol)
    item = column_label(record.table, query.column, protocol) if record and query.column else ""
    return {
        "query": query,
        "what": what,
        "item": item,
        "value": record.cells.get(query.column, "") if record and query.column else "",
        "value_type": _type(record.table, query.column, record.cells.get(query.column, "")) if record else "",
        "state": state_label(query.state),
        "tone": TONES[query.state],
        "age_days": max(0, (until - query.opened_at).days),  # a clock set back makes nothing younger than new
        "turn": _turn(query.state),
        "kind": _("automatic") if query.kind == "system" else _("manual"),
    }


def _type(table: str, column: str, text: str) -> str:
    """Type of a cell that is to be shown as a day or an instant; empty for others, and where it reads as none."""
    found = next((one.type for one in table_definition(table).columns if one.name == column), "")
    reads = {"date": date.fromisoformat, "datetime": datetime.fromisoformat}
    try:
        reads[found](text)
    except (KeyError, ValueError):
        return ""
    return found


def _turn(state: str) -> str:
    return {"open": _("the site answers"), "answered": _("monitor or data manager closes")}.get(state, "")


@requires("queries.view")
def query_list(request: HttpRequest) -> HttpResponse:
    """All queries the user may see, filtered."""
    return _listed(request, visible_queries(request.user), "capture/queries.html", {})


@requires("queries.view")
def participant_queries(request: HttpRequest, code: str) -> HttpResponse:
    """Queries of one participant."""
    participant = participant_or_404(request, code, "participants.view")
    if not may(request.user, "queries.view", site=participant.site):
        raise Http404(code)
    queries = visible_queries(request.user).filter(participant=participant)
    raises = may(request.user, "queries.raise", site=participant.site)
    return _listed(
        request, queries, "capture/queries_participant.html", {"participant": participant, "may_raise": raises}
    )


def _listed(request: HttpRequest, queries: QuerySet[Query], template: str, more: dict[str, Any]) -> HttpResponse:
    counts = dict.fromkeys(STATES, 0)
    counts.update(queries.order_by().values_list("state").annotate(n=Count("pk")))
    chosen = {name: request.GET.get(name, "").strip() for name in ("state", "kind", "turn", "age", "participant")}
    page = Paginator(_filtered(queries, chosen, request), PER_PAGE).get_page(request.GET.get("page"))
    protocol = protocol_in_force()
    parameters = request.GET.copy()
    parameters.pop("page", None)
    context = {
        "lines": [described(query, protocol) for query in page],
        "page": page,
        "counts": [(state, state_label(state), TONES[state], counts[state]) for state in STATES],
        "chosen": chosen,
        "ages": AGES,
        "parameters": parameters.urlencode(),
        **more,
    }
    return render(request, template, context)


def _filtered(queries: QuerySet[Query], chosen: dict[str, str], request: HttpRequest) -> QuerySet[Query]:
    if chosen["state"] in STATES:
        queries = queries.filter(state=chosen["state"])
    elif chosen["state"] != "all":
        queries = queries.filter(state__in=PENDING)
    if chosen["kind"] in ("manual", "system"):
        queries = queries.filter(kind=chosen["kind"])
    if chosen["turn"] == "mine":
        mine = [state for state, permission in TURN.items() if may(request.user, permission)]
        queries = queries.filter(state__in=mine)
    elif chosen["turn"] in TURN:
        queries = queries.filter(state=chosen["turn"])
    if chosen["age"].isdecimal() and len(chosen["age"]) < 5:
        queries = queries.filter(opened_at__lte=timezone.now() - timedelta(days=int(chosen["age"])))
    if chosen["participant"]:
        queries = queries.filter(participant__code__icontains=chosen["participant"].replace("\x00", ""))
    return queries


def _query_or_404(request: HttpRequest, number: int) -> Query:
    found = visible_queries(request.user).filter(pk=number).first() if number < 2**63 else None
    if found is None:
        raise Http404(str(number))
    return found


@requires("queries.view")
def query_page(request: HttpRequest, number: int) -> HttpResponse:
    """One query with its thread and the steps the user may take."""
    return _thread(request, _query_or_404(request, number))


def _thread(
    request: HttpRequest, query: Query, *, refusal: str = "", typed: str = "", status: int = 200
) -> HttpResponse:
    done = {name: step.done for name, step in STEPS.items()} | {"open": OPENING.done}
    thread = [(message, done[message.step]) for message in query.messages.all()]
    context = {
        **described(query),
        "thread": thread,
        "steps": steps_of(request.user, query),
        "refusal": refusal,
        "typed": typed,
        "asked_at_version": query.subject.rpartition("@")[2] if query.record else "",
    }
    return render(request, "capture/queries_thread.html", context, status=status)


@requires("queries.view")
@require_POST
def query_step(request: HttpRequest, number: int) -> HttpResponse:
    """Take a step."""
    query = _query_or_404(request, number)
    text = request.POST.get("text", "")
    try:
        query_stepped(request.user, query, request.POST.get("step", ""), text)
    except InputError as refusal:
        return _thread(request, _query_or_404(request, number), refusal=str(refusal), typed=text, status=422)
    except PermissionError as missing:
        raise PermissionDenied(str(missing)) from None
    return redirect("capture:query", number)


def _record_or_404(request: HttpRequest, record_id: uuid.UUID) -> Record:
    record = Record.objects.select_related("participant", "site").filter(pk=record_id).first()
    needed = "participants.view" if record is not None and record.participant else "queries.view"
    hidden = hidden_records(request.user, record.participant).records if record is not None else frozenset()
    if record is None or record.pk in hidden or not may(request.user, needed, site=record.site):
        raise Http404(str(record_id))
    return record


@requires("queries.view")
def query_ask(request: HttpRequest, record_id: uuid.UUID, column: str) -> HttpResponse:
    """The dialog beside a field: what was asked about it, and a new question."""
    record = _record_or_404(request, record_id)
    if column not in {one.name for one in table_definition(record.table).columns}:
        raise Http404(column)
    queries = visible_queries(request.user).filter(record=record, column=column)
    title = f"{table_label(record.table)} · {column_label(record.table, column)}"
    about = {"record": record, "column": column, "value": record.cells.get(column, "")}
    return _asked(request, queries, title, record.site, about, {"record": record, "column": column})


@requires("queries.view")
def query_ask_subject(request: HttpRequest, code: str) -> HttpResponse:
    """The same about a visit or image that has no record: ``?subject=visit:follow_up/1``."""
    participant = participant_or_404(request, code, "participants.view")
    subject = request.GET.get("subject", "").replace("\x00", "")[:200]
    protocol = protocol_in_force()
    kind, _sep, rest = subject.partition(":")
    plans: dict[str, Container[str]] = {"visit": protocol.schedule, "image": protocol.imaging, "form": protocol.forms}
    known = plans.get(kind, ())
    if rest.partition("/")[0] not in known:
        raise Http404(subject)
    queries = visible_queries(request.user).filter(participant=participant, record=None, subject=subject)
    title = f"{participant.code} · {subject_label(subject, protocol)}"
    about = {"subject": subject}
    return _asked(request, queries, title, participant.site, about, {"subject": subject, "participant": participant})


def _asked(
    request: HttpRequest, queries: QuerySet[Query], title: str, site: Any, about: dict[str, Any], item: dict[str, Any]
) -> HttpResponse:
    refusal, typed, raised = "", "", None
    if request.method == "POST":
        typed = request.POST.get("text", "")
        try:
            raised = query_raised(request.user, typed, **item)
        except InputError as error:
            refusal = str(error)
        except PermissionError as missing:
            raise PermissionDenied(str(missing)) from None
        if raised and not request.headers.get("HX-Request"):
            messages.success(request, _("The query is open."))
            return redirect("capture:query", raised.pk)
    context = {
        "title": title,
        "lines": [described(query) for query in queries[:PER_PAGE]],
        "may_raise": may(request.user, "queries.raise", site=site),
        "refusal": refusal,
        "typed": "" if raised else typed,
        "raised": raised,
        "address": request.get_full_path(),
        **about,
    }
    partial = bool(request.headers.get("HX-Request"))
    template = "capture/queries_dialog.html" if partial else "capture/queries_ask.html"
    return render(request, template, context, status=422 if refusal else 200)
