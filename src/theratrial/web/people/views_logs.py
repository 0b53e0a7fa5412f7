"""Delegation log and ethics approvals of the sites."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from theratrial.errors import InputError
from theratrial.web.access import requires, sites_of
from theratrial.web.people import site_logs
from theratrial.web.people.models import Delegation, EthicsApproval, Site, User
from theratrial.web.people.permissions import matrix
from theratrial.web.people.selectors import site_is_active
from theratrial.web.people.typed import day_typed, day_typed_or_none
from theratrial.web.trials.models import ProtocolVersion


@requires("people.view")
@require_safe
def delegation(request: HttpRequest) -> HttpResponse:
    """The delegation log, as it is printed."""
    return _delegation_page(request)


def _delegation_page(request: HttpRequest, *, refusal: str = "", status: int = 200) -> HttpResponse:
    lines = Delegation.objects.select_related("user", "site").order_by("site__code", "starts_on", "pk")
    sites = Site.objects.filter(pk__in=sites_of(request.user, "people.view")).order_by("code")
    labels: dict[str, list[str]] = {}
    for one in matrix().permissions.values():
        if one.task:
            labels.setdefault(one.task, []).append(one.label)
    return render(
        request,
        "people/delegation.html",
        {
            "lines": lines.filter(site__in=sites),
            "sites": sites,
            "people": User.objects.filter(is_active=True).order_by("username"),
            "tasks": labels.items(),
            "chosen": request.POST.getlist("tasks"),
            "today": timezone.now().date(),
            "refusal": refusal,
            "tab": "delegation",
        },
        status=status,
    )


@requires("delegation.authorise")
@require_POST
def delegation_authorise(request: HttpRequest) -> HttpResponse:
    """A new line."""
    user = get_object_or_404(User, username=request.POST.get("username", ""))
    site = get_object_or_404(Site, code=request.POST.get("site", ""))
    try:
        site_logs.delegation_authorise(
            request.user,
            user,
            site=site,
            wanted=request.POST.getlist("tasks"),
            trained_on=day_typed(request.POST.get("trained_on", ""), _("Trained on")),
            starts_on=day_typed(request.POST.get("starts_on", ""), _("From")),
            ends_on=day_typed_or_none(request.POST.get("ends_on", ""), _("To")),
        )
    except InputError as error:
        return _delegation_page(request, refusal=str(error), status=422)
    messages.success(request, _("The line is authorised."))
    return redirect("people:delegation")


@requires("delegation.authorise")
@require_POST
def delegation_end(request: HttpRequest, pk: int) -> HttpResponse:
    """End a line."""
    line = get_object_or_404(Delegation.objects.select_related("site"), pk=pk)
    try:
        site_logs.delegation_end(
            request.user,
            line,
            ends_on=day_typed(request.POST.get("ends_on", ""), _("Last day")),
            reason=request.POST.get("reason", ""),
        )
    except InputError as error:
        return _delegation_page(request, refusal=str(error), status=422)
    messages.success(request, _("The line is ended."))
    return redirect("people:delegation")


@requires("people.view")
@require_safe
def ethics(request: HttpRequest) -> HttpResponse:
    """Approvals, and which sites are active for the protocol in force."""
    return _ethics_page(request)


def _ethics_page(request: HttpRequest, *, refusal: str = "", status: int = 200) -> HttpResponse:
    sites = list(Site.objects.filter(pk__in=sites_of(request.user, "people.view")).order_by("code"))
    approvals = EthicsApproval.objects.filter(site__in=sites).select_related("site", "protocol_version")
    return render(
        request,
        "people/ethics.html",
        {
            "standing": [(site, site_is_active(site)) for site in sites],
            "approvals": approvals.order_by("site__code", "-approved_on", "-pk"),
            "sites": sites,
            "versions": ProtocolVersion.objects.order_by("-number"),
            "refusal": refusal,
            "tab": "ethics",
        },
        status=status,
    )


@requires("ethics.record")
@require_POST
def ethics_record(request: HttpRequest) -> HttpResponse:
    """Record an approval."""
    site = get_object_or_404(Site, code=request.POST.get("site", ""))
    number = request.POST.get("version", "")
    version = get_object_or_404(ProtocolVersion, number=int(number) if number.isascii() and number.isdigit() else 0)
    try:
        site_logs.ethics_record(
            request.user,
            site=site,
            version=version,
            committee=request.POST.get("committee", ""),
            reference=request.POST.get("reference", ""),
            approved_on=day_typed(request.POST.get("approved_on", ""), _("Approved on")),
        )
    except InputError as error:
        return _ethics_page(request, refusal=str(error), status=422)
    messages.success(request, _("The approval is recorded."))
    return redirect("people:ethics")


@requires("ethics.record")
@require_POST
def ethics_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Record a withdrawal."""
    approval = get_object_or_404(EthicsApproval.objects.select_related("site"), pk=pk)
    try:
        site_logs.ethics_withdraw(
            request.user,
            approval,
            withdrawn_on=day_typed(request.POST.get("withdrawn_on", ""), _("Withdrawn on")),
            reason=request.POST.get("reason", ""),
        )
    except InputError as error:
        return _ethics_page(request, refusal=str(error), status=422)
    messages.success(request, _("The withdrawal is recorded; the site is not active for that version any more."))
    return redirect("people:ethics")
