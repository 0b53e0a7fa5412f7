"""The inspector's archive from the browser: asked for here, made in the background, fetched as every package."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from theratrial.web.access import may, requires
from theratrial.web.exports.making import package_requested
from theratrial.web.exports.views import inspector_only, participant_to_copy


@requires("ledger.view")
@require_POST
def archive(request: HttpRequest) -> HttpResponse:
    """Ask for the archive of the trial, or of one participant; it holds results, which not everybody may see."""
    code = request.POST.get("code", "")
    if "\x00" in code:
        raise Http404
    participant = None
    if code:
        participant = participant_to_copy(request, code)
        if not may(request.user, "endpoint.view", site=participant.site):
            raise PermissionDenied("endpoint.view")
    else:
        inspector_only(request, "exports.make", "ledger.view", "endpoint.view")
    package_requested(request.user, participant, "images" if request.POST.get("images") else "archive")
    messages.success(request, _("The archive is being made. This page shows when it can be fetched."))
    return redirect("exports:index")
