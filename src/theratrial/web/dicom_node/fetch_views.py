"""Pages of fetching: ask a PACS for a participant's studies, have one sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from theratrial.errors import InputError
from theratrial.web.access import requires, sites_of
from theratrial.web.dicom_node import fetching
from theratrial.web.dicom_node.asking import FoundStudy
from theratrial.web.dicom_node.models import Peer
from theratrial.web.dicom_node.peers import peers_of
from theratrial.web.participants.models import Participant
from theratrial.web.people.typed import day_typed_or_none

_SHOWN = 15


def shown_state(state: str) -> str:
    """The state of a fetch in the user's language."""
    return {
        "waiting": _("waiting for its turn"),
        "moving": _("being sent"),
        "done": _("sent"),
        "failed": _("failed"),
    }.get(state, state)


@requires("images.upload")
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Ask for studies; what was fetched lately."""
    if request.headers.get("HX-Target") == "fetches":
        return render(request, "dicom_node/fetches_part.html", _fetches(request))
    return _page(request)


def _fetches(request: HttpRequest) -> dict[str, Any]:
    lines = []
    for row in fetching.visible_fetches(request.user)[:_SHOWN]:
        done, total = fetching.fetch_progress(row)
        lines.append((row, shown_state(row.state), done, total))
    return {"fetches": lines, "under_way": any(row.ended_at is None for row, *_rest in lines)}


def _page(
    request: HttpRequest,
    *,
    studies: Sequence[FoundStudy] | None = None,
    asked: tuple[Peer, Participant] | None = None,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        "peers": peers_of(request.user, "images.upload").filter(is_active=True, may_be_asked=True),
        "participants": Participant.objects.filter(site__in=sites_of(request.user, "images.upload")).order_by("code"),
        "studies": studies,
        "asked": asked,
        "typed": request.POST or request.GET,
        "refusal": refusal,
        **_fetches(request),
    }
    return render(request, "dicom_node/fetch.html", context, status=status)


def _chosen(request: HttpRequest) -> tuple[Peer, Participant]:
    """Peer and participant of the form, both of a site where the user may upload."""
    number = request.POST.get("peer", "")
    peer = peers_of(request.user, "images.upload").filter(pk=int(number[:9]) if number.isdecimal() else 0).first()
    if peer is None:
        raise InputError(_("Choose the peer to ask."))
    allowed = Participant.objects.filter(site__in=sites_of(request.user, "images.upload")).select_related("site")
    participant = allowed.filter(code=request.POST.get("code", "").strip()).first()
    if participant is None:
        raise InputError(_("There is no participant of this code at your site."))
    return peer, participant


@requires("images.upload")
@require_POST
def find(request: HttpRequest) -> HttpResponse:
    """Ask a peer."""
    try:
        peer, participant = _chosen(request)
        first = day_typed_or_none(request.POST.get("first", ""), _("From"))
        last = day_typed_or_none(request.POST.get("last", ""), _("To"))
        studies = fetching.studies_asked(request.user, peer, participant, first=first, last=last)
    except InputError as error:
        return _page(request, refusal=str(error), status=422)
    return _page(request, studies=studies, asked=(peer, participant))


@requires("images.upload")
@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    """Have a study sent."""
    try:
        peer, participant = _chosen(request)
        fetching.fetch_begun(request.user, peer, participant, request.POST.get("study", "").strip())
    except InputError as error:
        return _page(request, refusal=str(error), status=422)
    messages.success(request, _("The study is being fetched. You may leave this page."))
    return redirect("dicom_node:fetch")
