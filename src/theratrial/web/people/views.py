"""Signing in and out."""

from __future__ import annotations

from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from theratrial.web.access import open_to_all, signed_in
from theratrial.web.ledger.act import act, note


@open_to_all
def sign_in(request: HttpRequest) -> HttpResponse:
    """The sign-in page."""
    failed = False
    if request.method == "POST":
        user = authenticate(
            request, username=request.POST.get("username", ""), password=request.POST.get("password", "")
        )
        if user is not None:
            with act(user, "sign-in"):
                login(request, user)
                note("sign-in")
            target = request.POST.get("next") or "/"
            return redirect(target if url_has_allowed_host_and_scheme(target, {request.get_host()}) else "/")
        failed = True
    return render(request, "people/sign_in.html", {"failed": failed, "next": request.GET.get("next", "/")})


@signed_in
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    with act(request.user, "sign-out"):
        note("sign-out")
    logout(request)
    return redirect("people:sign-in")
