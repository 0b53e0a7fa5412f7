"""Computations and the cohort's result."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from theratrial.web.access import may, requires, sites_of
from theratrial.web.participants.models import Participant
from theratrial.web.results import selectors
from theratrial.web.results.changes import changes_by_participant
from theratrial.web.results.models import ParticipantResultRow
from theratrial.web.results.services import computation_requested

PER_PAGE = 50


@requires("trial.view")
def index(request: HttpRequest) -> HttpResponse:
    """What was computed, what is under way, and the cohort's answer for those who may see it."""
    row = selectors.latest_trial_result()
    age = selectors.trial_age() if row is not None else selectors.Age(None, 0)
    context: dict[str, Any] = {
        "result": row,
        "age": age,
        "computations": selectors.of_own_sites(request.user, selectors.computations()),
        "under_way": selectors.of_own_sites(request.user, selectors.under_way()),
        "left_out": selectors.left_out(request.user, row) if row else [],
        "report": row is not None and selectors.computation_folder(row.computation) is not None,
    }
    if may(request.user, "doses.view"):
        context["page"], context["lines"] = _participants(request)
    if row is not None and may(request.user, "endpoint.view"):
        context["endpoint"] = row.content["endpoint"]
    return render(request, "results/index.html", context)


def _participants(request: HttpRequest) -> tuple[Any, list[dict[str, Any]]]:
    """The participants of the user's sites with the state of their results; the same few queries for any number."""
    people = Participant.objects.filter(site__in=sites_of(request.user, "doses.view")).order_by("code")
    page = Paginator(people, PER_PAGE).get_page(request.GET.get("page"))
    rows = {
        row.participant_id: row
        for row in ParticipantResultRow.objects.filter(
            computation__state="done", participant__in=list(page.object_list)
        )
        .select_related("computation")
        .defer("content")
        .order_by("computation__finished_at")
    }
    # Of whom nothing was computed, nothing has changed since; the whole ledger is not looked through for them.
    changes = changes_by_participant(
        {one.code: rows[one.pk].computation.ledger_seq for one in page.object_list if one.pk in rows}
    )
    return page, [_line(one, rows.get(one.pk), changes.get(one.code, 0)) for one in page.object_list]


def _line(participant: Participant, row: ParticipantResultRow | None, changes: int) -> dict[str, Any]:
    sessions = sorted(int(one) for one in row.for_gate.get("injections", {})) if row is not None else []
    return {"participant": participant, "row": row, "changes": changes, "sessions": sessions}


@requires("trial.view")
def progress(request: HttpRequest) -> HttpResponse:
    """The part of the page that shows how far computations are; the whole page anew once nothing is under way."""
    under_way = selectors.of_own_sites(request.user, selectors.under_way())
    answer = render(request, "results/progress.html", {"under_way": under_way})
    if not under_way:
        answer["HX-Refresh"] = "true"
    return answer


@require_POST
@requires("computations.start")
def start(request: HttpRequest) -> HttpResponse:
    """Compute the cohort."""
    computation_requested(request.user, "trial")
    messages.success(request, _("The computation waits for a worker. This page shows how far it is."))
    return redirect("results:index")
