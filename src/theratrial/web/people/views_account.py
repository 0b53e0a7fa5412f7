"""One's own account: language, calendar, digits, password, device for one-time codes, sessions."""

from __future__ import annotations

import io
from typing import Any

import segno
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_otp.plugins.otp_totp.models import TOTPDevice

from theratrial.errors import InputError
from theratrial.web.access import signed_in
from theratrial.web.language import language_kept
from theratrial.web.people import accounts
from theratrial.web.people.credentials import code_device
from theratrial.web.people.sessions import password_is_due


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Who am I here, and how are pages shown to me."""
    user: Any = request.user
    if request.method == "POST":
        language = request.POST.get("language", "")
        try:
            accounts.display_change(
                user,
                language=language,
                calendar=request.POST.get("calendar", ""),
                persian_digits="persian_digits" in request.POST,
            )
        except InputError as error:
            return render(request, "people/account.html", {"refusal": str(error)}, status=422)
        messages.success(request, _("Kept."))
        return language_kept(redirect("people:account"), language)
    now = timezone.now()
    return render(
        request,
        "people/account.html",
        {
            "roles": [a for a in user.assignments.select_related("site") if a.ends_at is None or a.ends_at > now],
            "lines": user.delegations.select_related("site").order_by("site__code", "starts_on"),
            "device": code_device(user),
            "code_required": settings.TOTP_REQUIRED_FOR_SIGNING,
            "today": now.date(),
        },
    )


@signed_in
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    """Change one's own password."""
    user: Any = request.user
    shown: dict[str, Any] = {"due": password_is_due(user)}
    if request.method == "POST":
        try:
            accounts.password_change(
                user,
                old=request.POST.get("old_password", ""),
                new=request.POST.get("new_password", ""),
                again=request.POST.get("again_password", ""),
            )
        except InputError as error:
            return render(request, "people/password.html", {**shown, "refusal": str(error)}, status=422)
        update_session_auth_hash(request, user)
        messages.success(request, _("Your password is changed. Other sessions of your account have ended."))
        return redirect("people:account")
    return render(request, "people/password.html", shown)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def device(request: HttpRequest) -> HttpResponse:
    """Add a device for one-time codes: show its secret, take a code of it."""
    user: Any = request.user
    status, shown = 200, {}
    if request.method == "POST":
        try:
            if "begin" in request.POST:
                accounts.device_begun(user)
                return redirect("people:device")
            accounts.device_confirmed(user, request.POST.get("code", ""))
        except InputError as error:
            status, shown = 422, {"refusal": str(error)}
        else:
            messages.success(request, _("The device is in use: signing in and signing ask for its code from now on."))
            return redirect("people:account")
    return render(
        request,
        "people/device.html",
        {**shown, "device": code_device(user), "secret": _secret_text(_begun(user))},
        status=status,
    )


def _begun(user: Any) -> TOTPDevice | None:
    found: TOTPDevice | None = TOTPDevice.objects.filter(user=user, confirmed=False).first()
    return found


def _secret_text(begun: TOTPDevice | None) -> str:
    """The secret in the letters that authenticator programs take, in fours."""
    if begun is None:
        return ""
    import base64

    text = base64.b32encode(begun.bin_key).decode("ascii").rstrip("=")
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


@signed_in
@require_safe
def device_qr(request: HttpRequest) -> HttpResponse:
    """The secret of the device not yet confirmed, as a picture to photograph. A confirmed one is never shown again."""
    begun = _begun(request.user)
    if begun is None:
        raise Http404("no device is being added")
    picture = io.BytesIO()
    segno.make(begun.config_url, error="m").save(picture, kind="svg", scale=5, border=4, xmldecl=False, light="#ffffff")
    return HttpResponse(picture.getvalue(), content_type="image/svg+xml", headers={"Cache-Control": "no-store"})


@signed_in
@require_POST
def everywhere(request: HttpRequest) -> HttpResponse:
    """End every session of one's own account."""
    user: Any = request.user
    accounts.sessions_end(user)
    logout(request)
    return redirect("people:sign-in")
