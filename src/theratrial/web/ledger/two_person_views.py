"""The list of what two people decided or have still to decide."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from theratrial.web.access import requires, sites_of
from theratrial.web.ledger.models import TwoPersonRequest

_SHOWN = 500


@requires("ledger.view")
@require_safe
def two_person_requests(request: HttpRequest) -> HttpResponse:
    """Requests, those that wait first; those about other sites' participants and records are left out."""
    found = sorted(TwoPersonRequest.objects.order_by("-pk")[:_SHOWN], key=lambda one: one.state != "requested")
    hidden = _targets_of_other_sites(request, found)
    return render(
        request,
        "ledger/requests.html",
        {"requests": [one for one in found if one.target not in hidden], "tab": "requests"},
    )


def _targets_of_other_sites(request: HttpRequest, found: list[TwoPersonRequest]) -> set[str]:
    from theratrial.web.capture.models import Record
    from theratrial.web.participants.models import Participant

    sites = sites_of(request.user, "ledger.view")
    named = {one.target: one.target.partition(":")[2] for one in found}
    codes = [name for target, name in named.items() if target.startswith("participant:")]
    ids = [name for target, name in named.items() if target.startswith("record:")]
    others = Participant.objects.filter(code__in=codes).exclude(site__in=sites).values_list("code", flat=True)
    records = Record.objects.filter(pk__in=ids).exclude(site__in=sites).exclude(site=None).values_list("pk", flat=True)
    return {f"participant:{code}" for code in others} | {f"record:{pk}" for pk in records}
