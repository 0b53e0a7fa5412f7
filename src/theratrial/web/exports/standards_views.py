"""Pages of the data sets for regulators: ask for a package, see how far it is, fetch it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from theratrial.web.access import requires
from theratrial.web.exports.documents import ledger_place
from theratrial.web.exports.making import (
    KEPT,
    kept_since,
    package_fetched,
    package_file,
    package_requested,
    packages_of,
)
from theratrial.web.exports.models import Package
from theratrial.web.exports.scope import data_use_withdrawn, everywhere
from theratrial.web.exports.standards import PERMISSIONS, STANDARDS
from theratrial.web.results import selectors
from theratrial.web.results.blinding import hidden_records
from theratrial.web.trials.selectors import the_trial


@requires("exports.make")
def index(request: HttpRequest) -> HttpResponse:
    """Which packages there are, what they would be made from, and those already asked for."""
    trial, allowed = the_trial(), everywhere(request.user, *PERMISSIONS)
    blind = allowed and bool(hidden_records(request.user))
    row = selectors.latest_trial_result() if allowed and not blind else None
    context: dict[str, Any] = {
        "allowed": allowed,
        "blind": blind,
        "result": row,
        "age": selectors.trial_age() if row is not None else None,
        "head": ledger_place(row.computation) if row is not None else "",
        "locked": trial.data_state in ("locked", "hard_locked"),
        "simulated": trial.simulated,
        "left_out": len(data_use_withdrawn()) if row is not None else 0,
    }
    return render(request, "exports/standards.html", context | _listed(request))


def _listed(request: HttpRequest) -> dict[str, Any]:
    allowed = everywhere(request.user, *PERMISSIONS)
    found = packages_of(request.user, standards=True) if allowed else []
    under_way = any(one.state in ("waiting", "making") for one in found)
    return {"packages": found, "under_way": under_way, "kept_days": KEPT.days}


@requires("exports.make")
def listed(request: HttpRequest) -> HttpResponse:
    """The part of the page that shows how far packages are; the whole page anew once none is under way."""
    context = _listed(request)
    answer = render(request, "exports/standards_list.html", context)
    if not context["under_way"]:
        answer["HX-Refresh"] = "true"
    return answer


@requires("exports.make")
@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for a package."""
    kind = request.POST.get("kind", "")
    if kind not in STANDARDS:
        raise Http404(kind)
    _allowed(request)
    if selectors.latest_trial_result() is None:
        messages.error(request, _("Nothing is computed yet. Compute the trial under Results."))
    else:
        package_requested(request.user, None, kind)
        messages.success(request, _("The data sets are being made. This page shows when they can be fetched."))
    return redirect("exports:standards")


@requires("exports.make")
@require_POST
def fetched(request: HttpRequest, pk: Any) -> HttpResponse:
    """Fetch one's own package; noted in the ledger, for it leaves the site."""
    mine = Package.objects.filter(
        pk=pk, requested_by_id=request.user.pk, state="ready", requested_at__gte=kept_since(), kind__in=STANDARDS
    )
    found = mine.first()
    if found is None or not package_file(found).is_file():
        raise Http404(str(pk))
    _allowed(request)
    package_fetched(request.user, found)
    answer: HttpResponseBase = FileResponse(package_file(found).open("rb"), content_type="application/zip")
    answer.headers["Content-Disposition"] = f'attachment; filename="{the_trial().trial_id}-{found.kind}.zip"'
    answer.headers["X-Content-SHA256"] = found.sha256
    return answer  # type: ignore[return-value]  # a stream has what a view needs


def _allowed(request: HttpRequest) -> None:
    if not everywhere(request.user, *PERMISSIONS):
        raise PermissionDenied(_("what covers the whole trial needs the permission at every site"))
    if hidden_records(request.user):
        raise PermissionDenied(_("readers see the report once their own readings are signed"))
