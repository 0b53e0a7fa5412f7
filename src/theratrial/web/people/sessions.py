"""How long somebody stays signed in, what happens to what was typed when that ends, and whose password must change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from theratrial.web.access import OPEN
from theratrial.web.ledger.act import SystemActor, act, note

STARTED: Final = "theratrial_session_started"
SEEN: Final = "theratrial_session_seen"
KEPT: Final = "theratrial_kept_entry"
SESSIONS: Final = SystemActor("sessions")
_KEPT_SECONDS: Final = 3600
_CLOCK_SECONDS: Final = 60
"""A clock that is kept right goes back by less; one set back by more would make every session longer."""
_KEPT_CHARACTERS: Final = 200_000
_NEVER_KEPT: Final = ("password", "sign_code", "csrfmiddlewaretoken")
_WITHOUT_OWN_PASSWORD: Final = ("people:password", "people:sign-out", "people:language", "people:prolong")


class SignedInTimes:
    """Ends a session that was idle too long or lasts too long; sends who must change the password there."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        """Runs after the check against forged requests, before the permission of the view is judged."""
        if not request.user.is_authenticated:
            return None
        now = int(timezone.now().timestamp())
        started = request.session.setdefault(STARTED, now)
        seen = request.session.get(SEEN, now)
        if why := _ended(now, started, seen):
            return _signed_out(request, why)
        # A page that asks by itself (progress of a computation) is no sign of a person.
        if "X-Background" not in request.headers:
            request.session[SEEN] = now
        name = request.resolver_match.view_name if request.resolver_match else ""
        if name in _WITHOUT_OWN_PASSWORD or getattr(view, "theratrial_permission", None) == OPEN:
            return None
        if password_is_due(request.user):
            return redirect("people:password")
        return None


def _ended(now: int, started: int, seen: int) -> str:
    if now < max(started, seen) - _CLOCK_SECONDS:
        return "clock"
    if now - seen > settings.IDLE_MINUTES * 60:
        return "idle"
    if now - started > settings.ABSOLUTE_HOURS * 3600:
        return "absolute"
    return ""


def password_is_due(user: Any) -> bool:
    """Whether the password must be changed before anything else: temporary, or too old."""
    if user.must_change_password or user.password_changed_at is None:
        return True
    age = timezone.now() - user.password_changed_at
    return bool(settings.PASSWORD_MAXIMUM_AGE_DAYS and age.days >= settings.PASSWORD_MAXIMUM_AGE_DAYS)


def _signed_out(request: HttpRequest, why: str) -> HttpResponse:
    account, entry = request.user.get_username(), _entry(request)
    with act(SESSIONS, "session.end"):
        note("session.end", account=account, why=why)
    logout(request)
    signing_in = request.path == reverse("people:sign-in")  # leading there again would show the form once more
    target = request.get_full_path() if request.method == "GET" and not signing_in else "/"
    if entry:
        request.session[KEPT] = {**entry, "account": account}
        request.session.set_expiry(_KEPT_SECONDS)
        target = reverse("people:resume")
    messages.warning(request, _said(why))
    address = f"{reverse('people:sign-in')}?{urlencode({'next': target})}"
    if request.headers.get("HX-Request"):
        return HttpResponse(status=401, headers={"HX-Redirect": address})
    return redirect(address)


def _said(why: str) -> str:
    if why == "idle":
        return _("You were signed out because nothing was done for too long. Sign in to go on where you were.")
    if why == "clock":
        return _(
            "You were signed out because the clock of the site was set back. Sign in to go on; tell the administrator."
        )
    return _("You were signed out because nobody stays signed in longer than a working day. Sign in to go on.")


def _entry(request: HttpRequest) -> dict[str, Any] | None:
    """What was typed into the form that came too late, without passwords and files."""
    if request.method != "POST" or request.path == reverse("people:device"):  # nothing but a one-time code
        return None
    fields = [
        (name, value)
        for name, values in request.POST.lists()
        if not any(word in name.lower() for word in _NEVER_KEPT)
        for value in values
    ]
    if not fields or sum(len(name) + len(value) for name, value in fields) > _KEPT_CHARACTERS:
        return None
    page = request.headers.get("HX-Current-URL") or request.headers.get("Referer") or request.path
    return {"path": request.get_full_path(), "page": page, "fields": fields, "at": timezone.now().isoformat()}
