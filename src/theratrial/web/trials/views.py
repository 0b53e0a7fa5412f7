"""The overview, and the pages of errors."""

from __future__ import annotations

import sys

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from theratrial.web.access import requires
from theratrial.web.refusals import refusal, words
from theratrial.web.results.models import Computation
from theratrial.web.trials import overview as selected


@requires("trial.view")
def overview(request: HttpRequest) -> HttpResponse:
    """Where the trial stands."""
    asked = request.GET.get("page", "")
    page = int(asked) if asked.isdecimal() and len(asked) < 6 else 1
    context = selected.overview(request.user, page=page, everybody=request.GET.get("all") == "1")
    return render(request, "trials/overview.html", context)


@requires("trial.view")
def progress(request: HttpRequest) -> HttpResponse:
    """Computations that wait or run; a part of the overview, fetched again and again."""
    running = (
        Computation.objects.filter(state__in=("waiting", "running")).select_related("progress").order_by("requested_at")
    )
    return render(request, "trials/progress.html", {"running": running[:3]})


def refused(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403."""
    return render(request, "theratrial/refused.html", status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404."""
    return render(request, "theratrial/not_found.html", status=404)


def failed(request: HttpRequest) -> HttpResponse:
    """500; 503 with words where the disk is full, which keeps the session from being saved too."""
    if found := words(sys.exception()):
        return refusal(request, *found)
    return render(request, "theratrial/failed.html", status=500)
