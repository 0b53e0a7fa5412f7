"""What somebody sees who failed to sign in too often."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def locked_out(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """The lock-out page."""
    return render(request, "people/locked_out.html", status=403)
