"""Pages of the peers: who may send, who is asked."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from theratrial.errors import InputError
from theratrial.web.access import requires, sites_of
from theratrial.web.dicom_node import peers as services
from theratrial.web.dicom_node.asking import echoed
from theratrial.web.dicom_node.config import node_settings
from theratrial.web.dicom_node.models import Peer
from theratrial.web.ledger.act import act, note
from theratrial.web.people.models import Site

_FLAGS = ("may_send", "may_be_asked", "any_address", "tls")


@requires("peers.manage")
@require_safe
def peers(request: HttpRequest) -> HttpResponse:
    """Every peer of the user's sites, and a form for another."""
    return _page(request)


def _page(request: HttpRequest, *, refusal: str = "", status: int = 200) -> HttpResponse:
    found = services.peers_of(request.user, "peers.manage")
    sites = Site.objects.filter(pk__in=sites_of(request.user, "peers.manage")).order_by("code")
    # A refusal may be of another form of the page than the one that enters a peer.
    typed = request.POST if "ae_title" in request.POST else {"may_send": "on"}
    context = {
        "peers": found.filter(is_active=True),
        "closed": found.filter(is_active=False),
        "sites": sites,
        "typed": typed,
        "refusal": refusal,
        "node": node_settings(),
        "tab": "peers",
    }
    return render(request, "dicom_node/peers.html", context, status=status)


def _typed(request: HttpRequest) -> dict[str, Any]:
    """The form's fields; the site must be one where the user may."""
    allowed = sites_of(request.user, "peers.manage")
    given = request.POST.get("site", "")
    site = Site.objects.filter(pk__in=allowed, pk=int(given) if given.isdecimal() else 0).first()
    if site is None:
        raise InputError(_("Choose the site whose images the peer sends."))
    texts = {name: request.POST.get(name, "") for name in ("name", "ae_title", "host", "port")}
    return {**texts, **{name: name in request.POST for name in _FLAGS}, "site": site}


@requires("peers.manage")
@require_POST
def enter(request: HttpRequest) -> HttpResponse:
    """Enter a peer."""
    try:
        row = services.peer_recorded(request.user, **_typed(request))
    except InputError as error:
        return _page(request, refusal=str(error), status=422)
    messages.success(request, _("%(peer)s is entered; it is known from now on.") % {"peer": row})
    return redirect("dicom_node:peers")


@requires("peers.manage")
def peer(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a peer."""
    row = _own(request, pk)
    refusal = ""
    if request.method == "POST":
        try:
            reason = request.POST.get("reason", "")
            services.peer_recorded(request.user, **_typed(request), reason=reason, peer=Peer.objects.get(pk=row.pk))
            messages.success(request, _("The peer is changed."))
            return redirect("dicom_node:peers")
        except InputError as error:
            refusal = str(error)
    sites = Site.objects.filter(pk__in=sites_of(request.user, "peers.manage")).order_by("code")
    typed: Any = request.POST if refusal else {**row.__dict__, "port": row.port or "", "site": str(row.site_id)}
    context = {"peer": row, "sites": sites, "typed": typed, "refusal": refusal, "tab": "peers"}
    return render(request, "dicom_node/peer.html", context, status=422 if refusal else 200)


@requires("peers.manage")
@require_POST
def close(request: HttpRequest, pk: int) -> HttpResponse:
    """Close a peer."""
    try:
        services.peer_closed(request.user, _own(request, pk), reason=request.POST.get("reason", ""))
    except InputError as error:
        return _page(request, refusal=str(error), status=422)
    messages.success(request, _("The peer is closed; it is refused from now on."))
    return redirect("dicom_node:peers")


@requires("peers.manage")
@require_POST
def echo(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask a peer for its echo."""
    row = _own(request, pk)
    try:
        if not (row.host and row.port):
            raise InputError(_("Enter host and port of the peer first."))
        with act(request.user, "dicom-peer.echo"):
            note("dicom-peer.echo", site=row.site.code, peer=row.ae_title)
        echoed(row)
    except InputError as error:
        return _page(request, refusal=str(error), status=422)
    messages.success(request, _("%(peer)s answers.") % {"peer": row})
    return redirect("dicom_node:peers")


def _own(request: HttpRequest, pk: int) -> Peer:
    found = services.peers_of(request.user, "peers.manage").filter(pk=pk, is_active=True).first()
    if found is None:
        raise Http404(pk)
    return found
