"""The overview, and the pages of errors."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from theratrial.web.access import requires


@requires("trial.view")
def overview(request: HttpRequest) -> HttpResponse:
    """Where the trial stands."""
    return render(request, "trials/overview.html")


def refused(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403."""
    return render(request, "theratrial/refused.html", status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404."""
    return render(request, "theratrial/not_found.html", status=404)


def failed(request: HttpRequest) -> HttpResponse:
    """500."""
    return render(request, "theratrial/failed.html", status=500)
