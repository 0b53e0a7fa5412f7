"""Pages of the trial's documents: ask for one, read it, fetch its PDF."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from theratrial.errors import InputError
from theratrial.web.access import may, requires
from theratrial.web.exports.documents import (
    PERMISSIONS,
    WITH_DATA,
    document_fetched,
    document_file,
    document_requested,
    documents_of,
    ledger_place,
)
from theratrial.web.exports.making import KEPT, kept_since
from theratrial.web.exports.models import StudyDocument
from theratrial.web.people.typed import day_typed_or_none
from theratrial.web.results import selectors
from theratrial.web.results.blinding import hidden_records
from theratrial.web.results.report_views import REPORT_POLICY
from theratrial.web.trials.selectors import the_trial

_HTML: Final = "text/html; charset=utf-8"


@requires("trial.view")
def index(request: HttpRequest) -> HttpResponse:
    """Which documents there are, what they would be made from, and those already asked for."""
    trial = the_trial()
    with_data = may(request.user, PERMISSIONS["csr"])
    blind = with_data and bool(hidden_records(request.user))
    row = selectors.latest_trial_result() if with_data and not blind else None
    context: dict[str, Any] = {
        "with_data": with_data,
        "blind": blind,
        "result": row,
        "age": selectors.trial_age() if row is not None else None,
        "head": ledger_place(row.computation) if row is not None else "",
        "locked": trial.data_state in ("locked", "hard_locked"),
        "left_out": list(row.content.get("left_out", ())) if row is not None else [],
        "chosen": "fa" if (get_language() or "").startswith("fa") else "en",
    }
    return render(request, "exports/documents.html", context | _listed(request))


def _listed(request: HttpRequest) -> dict[str, Any]:
    found = [one for one in documents_of(request.user) if _may_have(request, one.kind)]
    under_way = any(one.state in ("waiting", "making") for one in found)
    return {"documents": found, "under_way": under_way, "kept_days": KEPT.days}


@requires("trial.view")
def listed(request: HttpRequest) -> HttpResponse:
    """The part of the page that shows how far documents are; the whole page anew once none is under way."""
    context = _listed(request)
    answer = render(request, "exports/documents_list.html", context)
    if not context["under_way"]:
        answer["HX-Refresh"] = "true"
    return answer


@requires("trial.view")
@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for a document."""
    kind = request.POST.get("kind", "")
    if kind not in PERMISSIONS:
        raise Http404(kind)
    _allowed(request, kind)
    try:
        day = day_typed_or_none(request.POST.get("cut_off", ""), _("Cut-off day")) if kind == "safety" else None
        document_requested(request.user, kind, request.POST.get("language", ""), day)
    except InputError as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("The document is being made. This page shows when it is ready."))
    return redirect("exports:documents")


@requires("trial.view")
def read(request: HttpRequest, pk: Any) -> HttpResponse:
    """The document in the browser."""
    one = _own(request, pk)
    return _file(one, "html", _HTML)


@requires("trial.view")
@require_POST
def fetched(request: HttpRequest, pk: Any) -> HttpResponse:
    """The PDF; noted in the ledger, for it leaves the site."""
    one = _own(request, pk)
    answer = _file(one, "pdf", "application/pdf")
    document_fetched(request.user, one)
    name = f"{the_trial().trial_id}-{one.kind}-{one.language}.pdf"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["X-Content-SHA256"] = one.pdf_sha256
    return answer


def _own(request: HttpRequest, pk: Any) -> StudyDocument:
    """One's own document that is ready; who may no longer have such a document gets none."""
    mine = StudyDocument.objects.filter(
        pk=pk, requested_by_id=request.user.pk, state="ready", requested_at__gte=kept_since()
    )
    one = mine.first()
    if one is None:
        raise Http404(str(pk))
    _allowed(request, one.kind)
    return one


def _file(one: StudyDocument, ending: str, content_type: str) -> HttpResponse:
    place = document_file(one, ending)
    if not place.is_file():
        raise Http404(str(one.pk))
    answer: HttpResponseBase = FileResponse(place.open("rb"), content_type=content_type)
    answer.headers["Content-Security-Policy"] = REPORT_POLICY
    return answer  # type: ignore[return-value]  # a stream has what a view needs


def _may_have(request: HttpRequest, kind: str) -> bool:
    return may(request.user, PERMISSIONS[kind])


def _allowed(request: HttpRequest, kind: str) -> None:
    if not _may_have(request, kind):
        raise PermissionDenied(PERMISSIONS[kind])
    if kind in WITH_DATA and hidden_records(request.user):
        raise PermissionDenied(_("readers see the report once their own readings are signed"))
