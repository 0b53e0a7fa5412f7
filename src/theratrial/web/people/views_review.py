"""Who may do what: the matrix, the question about a past day, and the signed review of access."""

from __future__ import annotations

import csv
from datetime import datetime, time

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from theratrial.errors import InputError
from theratrial.web.access import may, requires, sites_of
from theratrial.web.ledger.signing import NotConfirmed, content_digest, sign, signatures_of
from theratrial.web.people.matrix_table import matrix_rows
from theratrial.web.people.models import Site
from theratrial.web.people.permissions import matrix
from theratrial.web.people.selectors import (
    ACCESS_REVIEW_DAYS,
    REVIEW_KIND,
    access_review_content,
    review_states,
    sites_seen,
    who_could,
)
from theratrial.web.people.typed import day_typed
from theratrial.web.trials.selectors import trial_zone


@requires("people.view")
@require_safe
def who(request: HttpRequest) -> HttpResponse:
    """Who could do X on day D."""
    permission, text = request.GET.get("permission", ""), request.GET.get("day", "")
    shown: dict[str, object] = {"permissions": matrix().permissions.values(), "permission": permission, "day": text}
    status = 200
    if permission:
        try:
            if permission not in matrix().permissions:
                raise InputError(_("There is no such right; choose one of the list."))
            at = timezone.now()
            if text:
                noon = datetime.combine(day_typed(text, _("Day")), time(12), tzinfo=trial_zone())
                at = noon
            able = who_could(permission, at=at, sites=sites_seen(request.user))
            shown.update(able=able, at=at, asked=matrix().permissions[permission])
        except InputError as error:
            status, shown["refusal"] = 422, str(error)
    return render(request, "people/who.html", {**shown, "tab": "who"}, status=status)


@requires("people.view")
@require_safe
def matrix_page(request: HttpRequest) -> HttpResponse:
    """Roles by permissions, as shipped."""
    head, *rows = matrix_rows()
    conflicts = [(matrix().permissions[a], matrix().permissions[b]) for a, b in matrix().conflicts]
    return render(
        request,
        "people/matrix.html",
        {"roles": [matrix().roles[key] for key in head[3:]], "rows": rows, "conflicts": conflicts, "tab": "matrix"},
    )


@requires("people.view")
@require_safe
def matrix_csv(request: HttpRequest) -> HttpResponse:
    """The same as a file."""
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="roles-and-permissions.csv"'
    csv.writer(response).writerows(matrix_rows())
    return response


@requires("people.view")
@require_safe
def reviews(request: HttpRequest) -> HttpResponse:
    """Which site's access is due for review."""
    sites = Site.objects.filter(pk__in=sites_of(request.user, "people.view")).order_by("code")
    states = review_states(sites, now=timezone.now())
    return render(request, "people/reviews.html", {"states": states, "days": ACCESS_REVIEW_DAYS, "tab": "review"})


def _site_or_404(request: HttpRequest, pk: int, permission: str) -> Site:
    found = Site.objects.filter(pk=pk).first()
    if found is None or not may(request.user, permission, site=found):
        raise Http404(str(pk))
    return found


@requires("people.view")
@require_safe
def review(request: HttpRequest, site: int) -> HttpResponse:
    """The access of one site, to be looked through and signed."""
    return _review_page(request, _site_or_404(request, site, "people.view"))


def _review_page(request: HttpRequest, site: Site, *, refusal: str = "", status: int = 200) -> HttpResponse:
    content = access_review_content(site, now=timezone.now())
    return render(
        request,
        "people/review.html",
        {
            "site": site,
            "content": content,
            "digest": content_digest(REVIEW_KIND, site.code, content),
            "kind": REVIEW_KIND,
            "signatures": signatures_of(REVIEW_KIND, site.code),
            "may_sign": may(request.user, "delegation.authorise", site=site),
            "refusal": refusal,
            "tab": "review",
        },
        status=status,
    )


@requires("delegation.authorise")
@require_POST
def review_sign(request: HttpRequest, site: int) -> HttpResponse:
    """Sign the review."""
    found = _site_or_404(request, site, "delegation.authorise")
    try:
        sign(
            request,
            kind=REVIEW_KIND,
            key=found.code,
            content=access_review_content(found, now=timezone.now()),
            meaning="reviewed",
            statement=_("I have reviewed who has access at this site; it is right, or I have had it put right."),
            site=found,
        )
    except NotConfirmed as refusal:
        return _review_page(request, found, refusal=str(refusal), status=422)
    messages.success(request, _("The review is signed."))
    return redirect("people:review", site=found.pk)
