"""Deny by default: a view without a declared permission answers nobody.

    @requires("records.enter")
    def form_page(request, participant): ...

`requires` names a permission of ``people/roles.yaml``; `open_to_all` is for sign-in alone and `signed_in` for what
every account may see (its own password). Which site a participant belongs to is judged where she is fetched:
`participant_or_404`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from theratrial.web.people.permissions import may, sites_of

View = TypeVar("View", bound=Callable[..., HttpResponseBase])
OPEN, SIGNED_IN = "open", "signed in"


def requires(permission: str) -> Callable[[View], View]:
    """Declare the permission of a view."""

    def declared(view: View) -> View:
        view.theratrial_permission = permission  # type: ignore[attr-defined]
        return view

    return declared


open_to_all = requires(OPEN)
signed_in = requires(SIGNED_IN)


class DenyByDefault:
    """Judges every view before it runs."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        permission = getattr(view, "theratrial_permission", None)
        if permission is None:
            raise PermissionDenied("this page declares no permission, so nobody may see it")
        if permission == OPEN:
            return None
        if not request.user.is_authenticated:
            if request.headers.get("HX-Request"):
                # A redirect would put the sign-in page into a corner of this one.
                return HttpResponse(status=401, headers={"HX-Refresh": "true"})
            return redirect(f"{reverse('people:sign-in')}?{urlencode({'next': request.get_full_path()})}")
        if permission == SIGNED_IN or may(request.user, permission):
            return None
        raise PermissionDenied(permission)


def participant_or_404(request: HttpRequest, code: str, permission: str) -> Any:
    """The participant, where the user may do `permission` at her site; else 404, which tells nothing.

    Raises
    ------
    Http404
        There is no such participant, or she is another site's.
    """
    from theratrial.web.participants.models import Participant

    found = Participant.objects.select_related("site").filter(code=code).first()
    if found is None or not may(request.user, permission, site=found.site):
        raise Http404(code)
    return found


__all__ = ["DenyByDefault", "may", "open_to_all", "participant_or_404", "requires", "signed_in", "sites_of"]
