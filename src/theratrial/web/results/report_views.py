"""The report and the dosimetry pages as the computation wrote them: self-contained documents with styles inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from theratrial.web.access import participant_or_404, requires
from theratrial.web.results.blinding import hidden_records
from theratrial.web.results.models import Computation
from theratrial.web.results.selectors import computation_folder

REPORT_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
"""No script at all; the styles that stand inside the document are allowed."""


@requires("endpoint.view")
def report(request: HttpRequest, pk: Any) -> HttpResponse:
    """The report of a computation; it holds the endpoint, and the lesions of every reading."""
    if hidden_records(request.user):
        raise PermissionDenied(_("readers see the report once their own readings are signed"))
    return _document(pk, "report.html")


@requires("doses.view")
def dosimetry_page(request: HttpRequest, pk: Any, code: str) -> HttpResponse:
    """The dosimetry page of one participant."""
    participant = participant_or_404(request, code, "doses.view")
    return _document(pk, f"dosimetry/{participant.code}.html")


def _document(pk: Any, name: str) -> HttpResponse:
    computation = get_object_or_404(Computation, pk=pk)
    folder = computation_folder(computation)
    place = Path(folder, "out", name) if folder is not None else None
    if place is None or not place.is_file():
        raise Http404(name)
    answer: HttpResponseBase = FileResponse(place.open("rb"), content_type="text/html; charset=utf-8")
    answer.headers["Content-Security-Policy"] = REPORT_POLICY
    return answer  # type: ignore[return-value]
