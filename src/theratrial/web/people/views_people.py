"""People, one person, roles and accounts."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from theratrial.errors import InputError
from theratrial.web.access import may, requires, sites_of
from theratrial.web.people import accounts, roles
from theratrial.web.people.credentials import code_device
from theratrial.web.people.lockout import lock_release, locked_accounts
from theratrial.web.people.models import Assignment, Site, User
from theratrial.web.people.permissions import matrix
from theratrial.web.people.selectors import (
    failures_noted,
    grants_now,
    is_seen,
    of_sites,
    people_with_rights,
    review_states,
    sites_seen,
)


@requires("people.view")
@require_safe
def people(request: HttpRequest) -> HttpResponse:
    """Everybody, with the roles held now."""
    return _people_page(request)


def _people_page(request: HttpRequest, *, refusal: str = "", status: int = 200) -> HttpResponse:
    now = timezone.now()
    locked = {one.username: one for one in locked_accounts()} if may(request.user, "accounts.manage") else {}
    sites = sites_seen(request.user)
    lines = [
        {"user": user, "grants": of_sites(grants_now(user, now), sites), "locked": locked.get(user.username)}
        for user in people_with_rights()
        if is_seen(user, sites)
    ]
    own = Site.objects.filter(pk__in=sites_of(request.user, "people.view")).order_by("code")
    overdue = [state for state in review_states(own, now=now) if state.overdue]
    return render(
        request,
        "people/people.html",
        {"lines": lines, "overdue": overdue, "refusal": refusal, "tab": "people"},
        status=status,
    )


@requires("people.view")
@require_safe
def person(request: HttpRequest, username: str) -> HttpResponse:
    """One person: account, roles from and to, delegation lines."""
    return _person_page(request, get_object_or_404(User, username=username))


def _person_page(
    request: HttpRequest, user: User, *, refusal: str = "", password: str = "", status: int = 200
) -> HttpResponse:
    now = timezone.now()
    sites = sites_seen(request.user)
    if not is_seen(user, sites):
        raise Http404(user.username)
    response = render(
        request,
        "people/person.html",
        {
            "person": user,
            "now": now,
            "today": now.date(),
            "grants": of_sites(user.assignments.select_related("site").order_by("-starts_at", "-pk"), sites),
            "delegations": of_sites(user.delegations.select_related("site").order_by("-starts_on", "-pk"), sites),
            "roles": matrix().roles.values(),
            "sites": Site.objects.order_by("code"),
            "device": code_device(user),
            "locked": next(iter(locked_accounts([user.username])), None),
            "refusal": refusal,
            "password": password,
            "tab": "people",
        },
        status=status,
    )
    if password:
        response.headers["Cache-Control"] = "no-store"
    return response


@requires("people.manage")
@require_POST
def role_grant(request: HttpRequest, username: str) -> HttpResponse:
    """Give a role."""
    user = get_object_or_404(User, username=username)
    where = request.POST.get("site", "")
    site = None if where == "all" else Site.objects.filter(code=where).first()
    if where != "all" and site is None:
        return _person_page(request, user, refusal=_("Choose the site, or all sites."), status=422)
    try:
        roles.role_grant(
            request.user, user, role=request.POST.get("role", ""), site=site, reason=request.POST.get("reason", "")
        )
    except InputError as error:
        return _person_page(request, user, refusal=str(error), status=422)
    messages.success(request, _("The role is granted from now on."))
    return redirect("people:person", username=username)


@requires("people.manage")
@require_POST
def role_end(request: HttpRequest, pk: int) -> HttpResponse:
    """End a role."""
    assignment = get_object_or_404(Assignment.objects.select_related("user", "site"), pk=pk)
    try:
        roles.role_end(request.user, assignment, reason=request.POST.get("reason", ""))
    except InputError as error:
        return _person_page(request, assignment.user, refusal=str(error), status=422)
    messages.success(request, _("The role has ended; the line stays."))
    return redirect("people:person", username=assignment.user.username)


@requires("accounts.manage")
@sensitive_variables("password")
@require_http_methods(["GET", "HEAD", "POST"])
def account_open(request: HttpRequest) -> HttpResponse:
    """A new account."""
    if request.method != "POST":
        return render(request, "people/account_open.html", {"tab": "people"})
    try:
        user, password = accounts.account_open(
            request.user,
            username=request.POST.get("username", "").strip(),
            printed_name=request.POST.get("printed_name", ""),
        )
    except InputError as error:
        return render(request, "people/account_open.html", {"refusal": str(error), "tab": "people"}, status=422)
    return _person_page(request, user, password=password)


@requires("accounts.manage")
@sensitive_variables("password")
@require_POST
def account_state(request: HttpRequest, username: str) -> HttpResponse:
    """Close or reopen an account, reset its password, take its device off."""
    user = get_object_or_404(User, username=username)
    what, reason, password = request.POST.get("do", ""), request.POST.get("reason", ""), ""
    try:
        if what == "close":
            accounts.account_close(request.user, user, reason=reason)
        elif what == "reopen":
            password = accounts.account_reopen(request.user, user, reason=reason)
        elif what == "password":
            password = accounts.password_reset(request.user, user, reason=reason)
        elif what == "device":
            accounts.device_taken_off(request.user, user, reason=reason)
        else:
            raise InputError(_("Choose what to do with the account."))
    except InputError as error:
        return _person_page(request, user, refusal=str(error), status=422)
    if password:
        return _person_page(request, User.objects.get(pk=user.pk), password=password)
    messages.success(request, _("Done; it stands in the ledger."))
    return redirect("people:person", username=username)


@requires("accounts.manage")
@require_safe
def failures(request: HttpRequest) -> HttpResponse:
    """Locked accounts, and the last failures to sign in or to sign."""
    return _failures_page(request)


def _failures_page(request: HttpRequest, *, refusal: str = "", status: int = 200) -> HttpResponse:
    shown: dict[str, Any] = {"locked": locked_accounts(), "failures": failures_noted(), "refusal": refusal}
    return render(request, "people/failures.html", {**shown, "tab": "failures"}, status=status)


@requires("accounts.manage")
@require_POST
def release(request: HttpRequest) -> HttpResponse:
    """Release a locked account."""
    try:
        lock_release(request.user, request.POST.get("username", ""), reason=request.POST.get("reason", ""))
    except InputError as error:
        return _failures_page(request, refusal=str(error), status=422)
    messages.success(request, _("The account is released."))
    return redirect("people:failures")
