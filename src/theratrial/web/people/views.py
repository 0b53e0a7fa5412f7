"""Signing in and out, the language before that, and what was typed too late."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST
from django_otp import login as device_login

from theratrial.web.access import open_to_all, signed_in
from theratrial.web.language import language_kept
from theratrial.web.ledger.act import act, note
from theratrial.web.people.credentials import (
    SIGN_IN,
    code_device,
    code_is_right,
    confirmed_account,
    failure_counted,
    is_locked,
)
from theratrial.web.people.lockout import locked_accounts
from theratrial.web.people.models import User
from theratrial.web.people.permissions import home_of
from theratrial.web.people.sessions import KEPT, SEEN, STARTED

_BACKEND: Final = "theratrial.web.people.backend.AccountBackend"
_PENDING: Final = "theratrial_code_awaited"
_PENDING_SECONDS: Final = 300


def _target(request: HttpRequest, given: str | None) -> str:
    """Where to go next: an address of this site, never another's."""
    if given and url_has_allowed_host_and_scheme(given, {request.get_host()}, require_https=request.is_secure()):
        return given
    return "/"


def _failure_noted(request: HttpRequest, username: str, what: str) -> None:
    with act(SIGN_IN, "sign-in.failed"):
        note("sign-in.failed", account=username[:64], what=what, locked=is_locked(request))


@open_to_all
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """The sign-in page."""
    shown = {"next": _target(request, request.GET.get("next")), "limit": settings.AXES_FAILURE_LIMIT}
    if request.method != "POST":
        return render(request, "people/sign_in.html", shown)
    username, target = request.POST.get("username", "").strip(), _target(request, request.POST.get("next"))
    user = confirmed_account(request, username, request.POST.get("password", ""))
    if user is None:
        _failure_noted(request, username, "locked" if is_locked(request) else "name or password")
        return render(request, "people/sign_in.html", {**shown, "failed": True, "next": target, "username": username})
    if code_device(user) is not None:
        request.session.cycle_key()
        request.session[_PENDING] = {"user": user.pk, "next": target, "at": timezone.now().timestamp()}
        return redirect("people:code")
    return _signed_in(request, user, target)


@open_to_all
@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """The second step of signing in, where the account has a device."""
    pending = request.session.get(_PENDING)
    if not pending or abs(timezone.now().timestamp() - pending["at"]) > _PENDING_SECONDS:
        return redirect("people:sign-in")
    user = User.objects.filter(pk=pending["user"], is_active=True).first()
    if user is None:
        return redirect("people:sign-in")
    if request.method != "POST":
        return render(request, "people/code.html")
    if locked_accounts([user.username]) or not code_is_right(user, request.POST.get("code", "")):
        failure_counted(request, user.username)
        _failure_noted(request, user.username, "code")
        if is_locked(request):
            del request.session[_PENDING]
        return render(request, "people/code.html", {"failed": True}, status=422)
    del request.session[_PENDING]
    return _signed_in(request, user, pending["next"])


def _signed_in(request: HttpRequest, user: User, target: str) -> HttpResponse:
    kept = request.session.get(KEPT)
    with act(user, "sign-in"):
        login(request, user, _BACKEND)
        if device := code_device(user):
            device_login(request, device)
        note("sign-in", account=user.username, code=device is not None)
    now = int(timezone.now().timestamp())
    request.session[STARTED] = request.session[SEEN] = now
    request.session.set_expiry(None)
    if kept and kept["account"] != user.username:
        del request.session[KEPT]
        target = "/" if target == reverse("people:resume") else target
    return language_kept(HttpResponseRedirect(home_of(user) if target == "/" else target), user.language)


@signed_in
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    with act(request.user, "sign-out"):
        note("sign-out")
    logout(request)
    return redirect("people:sign-in")


@open_to_all
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """The language before signing in."""
    return language_kept(
        HttpResponseRedirect(_target(request, request.POST.get("next"))), request.POST.get("language", "")
    )


@signed_in
@require_POST
def prolong(request: HttpRequest) -> HttpResponse:
    """Somebody is there: the session goes on."""
    return HttpResponse(status=204)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def resume(request: HttpRequest) -> HttpResponse:
    """What was typed into a form and arrived after the time-out; a POST discards it."""
    kept = request.session.get(KEPT)
    if kept and kept["account"] != request.user.get_username():
        kept = None
    if request.method == "POST":
        request.session.pop(KEPT, None)
        return redirect("/")
    return render(request, "people/resume.html", {"kept": kept})
