"""The header and the tabs of a participant's pages."""

from __future__ import annotations

from typing import Any, Final

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from theratrial.web.access import may
from theratrial.web.participants.models import Participant
from theratrial.web.participants.states import shown

register = template.Library()

TABS: Final = (
    ("participants:detail", "participants.view"),
    ("participants:consent", "participants.view"),
    ("participants:eligibility", "participants.view"),
    ("participants:schedule", "participants.view"),
    ("capture:forms", "participants.view"),
    ("pharmacy:participant", "participants.view"),
    ("studies:participant", "images.view"),
    ("results:participant", "participants.view"),
    ("results:gate", "gate.view"),
    ("capture:queries-participant", "queries.view"),
    ("ledger:participant", "ledger.view"),
)


_TAB_OF: Final = {
    **dict.fromkeys(("results:safety", "results:response", "results:trace"), "results:participant"),
    **dict.fromkeys(("results:event-new", "results:event-edit"), "results:participant"),
    **dict.fromkeys(("results:reading-new", "results:reading-edit"), "results:participant"),
}
"""Pages that stand under a tab of another name."""


def _label(name: str) -> str:
    return {
        "participants:detail": _("Summary"),
        "participants:consent": _("Consent"),
        "participants:eligibility": _("Eligibility"),
        "participants:schedule": _("Schedule"),
        "capture:forms": _("Forms"),
        "pharmacy:participant": _("Administrations"),
        "studies:participant": _("Images"),
        "results:participant": _("Results"),
        "results:gate": _("Gate"),
        "capture:queries-participant": _("Queries"),
        "ledger:participant": _("Ledger"),
    }[name]


@register.inclusion_tag("participants/tabs.html", takes_context=True)
def participant_header(context: Any, participant: Participant) -> dict[str, Any]:
    """Code, site, states, and the tabs that exist and the user may open."""
    request = context["request"]
    one = shown([participant])[0]
    here = request.resolver_match.view_name if request.resolver_match else ""
    tabs = []
    for name, permission in TABS:
        if not may(request.user, permission, site=participant.site):
            continue
        arguments: list[Any] = [participant.code]
        if name == "results:gate":
            if not one.standing.sessions:
                continue
            arguments.append(one.standing.sessions[-1][0])
        try:
            address = reverse(name, args=arguments)
        except NoReverseMatch:
            continue
        tabs.append({"label": _label(name), "address": address, "here": name == _TAB_OF.get(here, here)})
    return {"one": one, "participant": participant, "tabs": tabs, "request": request, "user": request.user}
