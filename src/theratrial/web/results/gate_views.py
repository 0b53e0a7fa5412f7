"""The retreatment gate: shown, signed, listed, printed."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from theratrial.errors import InputError
from theratrial.web.access import may, participant_or_404, requires, sites_of
from theratrial.web.ledger.models import Head
from theratrial.web.ledger.signing import NotConfirmed, signatures_of
from theratrial.web.participants.models import Participant
from theratrial.web.participants.selectors import trial_now
from theratrial.web.people.permissions import roles_held
from theratrial.web.results import gate_list, selectors
from theratrial.web.results.gate import Gate, NoGate
from theratrial.web.results.gate_signing import (
    APPROVED,
    KIND,
    OVERRULED,
    REVIEWED,
    GateStatus,
    gate_key,
    gate_signed,
    moment_asked,
)
from theratrial.web.results.gates_now import GateOfSession, GateSource, gate_source
from theratrial.web.results.tracing import record_address, record_of
from theratrial.web.trials.selectors import the_trial

PER_PAGE = 25


def _found(participant: Participant, session: int) -> tuple[GateSource, GateOfSession]:
    source = gate_source(participant)
    return source, source.of_session(session, signatures_of(KIND, gate_key(participant.code, session)))


@requires("gate.view")
def gate(request: HttpRequest, code: str, session: int) -> HttpResponse:
    """The gate after a session, line by line, and its signatures."""
    participant = participant_or_404(request, code, "gate.view")
    return _page(request, participant, session)


def _page(
    request: HttpRequest,
    participant: Participant,
    session: int,
    *,
    refusal: str = "",
    meaning: str = "",
    reason: str = "",
    status: int = 200,
) -> HttpResponse:
    source, found = _found(participant, session)
    row = selectors.latest_result(participant)
    context: dict[str, Any] = {
        "participant": participant,
        "session": session,
        "next_session": session + 1,
        "found": found,
        "age": selectors.age_of(row, participant),
        "row": row,
        "refusal": refusal,
        "refused_meaning": meaning,
        "typed_reason": reason,
        "part": "gate",
    }
    if isinstance(found.gate, NoGate):
        return render(request, "results/no_gate.html", context, status=status)
    assert found.status is not None
    shown = found.status.shown
    head = Head.objects.order_by("-seq").first()
    protocol = the_trial().in_force
    context |= {
        "status": found.status,
        "gate": shown,
        "groups": _groups(shown.content["lines"]),
        "action": f"{reverse('results:sign-gate', args=(participant.code, session))}?"
        + urlencode({"at": shown.content["judged_at"]}),
        "key": gate_key(participant.code, session),
        "judged_at": shown.content["judged_at"],
        "forms": _forms(request, participant, found.status),
        "roles_asked": found.status.missing_roles,
        "head": head,
        "protocol": protocol,
        "digest": found.status.digest,
        "stands_still": bool(source.folder.simulated),
    }
    return render(request, "results/gate.html", context, status=status)


def _groups(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lines that rest on the same sentences of the protocol, together under them."""
    groups: list[dict[str, Any]] = []
    for line in lines:
        if not groups or groups[-1]["verbatim"] != line["verbatim"]:
            groups.append({"verbatim": line["verbatim"], "assumptions": line["assumptions"], "lines": []})
        groups[-1]["lines"].append(_line(line))
    return groups


def _line(line: dict[str, Any]) -> dict[str, Any]:
    records = []
    for place in line["records"]:
        if (known := record_of(place)) is not None:
            records.append(
                {"table": known[0].replace("_", " "), "version": known[2], "address": record_address(known[1])}
            )
    return {**line, "record_links": records}


def _forms(request: HttpRequest, participant: Participant, status: GateStatus) -> list[dict[str, Any]]:
    """The signatures that the user may give now: each with what it would mean."""
    if not may(request.user, "gate.sign", site=participant.site):
        return []
    held = set(roles_held(request.user, site=participant.site)) & set(status.roles)
    if not held or (status.complete and status.roles):
        return []
    mine = [one for one in status.given if one.stands and one.signature.signer == request.user.get_username()]
    verdict = status.shown.verdict
    offered = [APPROVED, OVERRULED] if verdict == "proceed" else [REVIEWED, OVERRULED]
    if mine:
        offered = [one for one in offered if one != mine[-1].signature.meaning] if status.state == "differ" else []
    next_session = {"session": status.shown.decision.session + 1}
    words = {
        APPROVED: (_("Session %(session)s may be given."), _("Sign: give it")),
        REVIEWED: (_("Session %(session)s is not given, as the gate says."), _("Sign: do not give it")),
        OVERRULED: (
            _("Against the gate: session %(session)s is not given.")
            if verdict == "proceed"
            else _("Against the gate: session %(session)s is given. This is a deviation from the protocol."),
            _("Sign against the gate"),
        ),
    }
    return [
        {
            "meaning": one,
            "statement": words[one][0] % next_session,
            "label": words[one][1],
            "extra": "results/reason_field.html" if one == OVERRULED else "",
        }
        for one in offered
    ]


@require_POST
@requires("gate.sign")
def sign_gate(request: HttpRequest, code: str, session: int) -> HttpResponse:
    """Sign what the page showed."""
    participant = participant_or_404(request, code, "gate.sign")
    meaning, reason = request.POST.get("meaning", ""), request.POST.get("reason", "")
    source, found = _found(participant, session)
    if found.status is None:
        return _page(request, participant, session, status=422)
    try:
        at = moment_asked(request.GET.get("at", ""), found.status)
        shown = source.judged(session, at)
        if not isinstance(shown, Gate):
            raise InputError(shown.because)
        if shown.verdict != found.status.now_verdict:
            raise InputError(_("Time has passed and the gate says something else by now; look at it again."))
        gate_signed(request, participant, shown, found.status, meaning=meaning, reason=reason)
    except (NotConfirmed, InputError) as error:
        return _page(request, participant, session, refusal=str(error), meaning=meaning, reason=reason, status=422)
    messages.success(request, _("Signed."))
    return redirect("results:gate", code=code, session=session)


@requires("gate.view")
def gates(request: HttpRequest) -> HttpResponse:
    """Every gate of the user's sites: waiting, signed, stopped."""
    people = Participant.objects.filter(site__in=sites_of(request.user, "gate.view"))
    places = gate_list.gate_places(people, trial_now())
    waiting = sum(one.waits for one in places)
    page = Paginator(places, PER_PAGE).get_page(request.GET.get("page"))
    found = gate_list.gate_lines(list(page.object_list))
    return render(request, "results/gates.html", {"page": page, "gates": found, "waiting": waiting})


@requires("gate.view")
def deviations(request: HttpRequest) -> HttpResponse:
    """Decisions against the gate."""
    codes = Participant.objects.filter(site__in=sites_of(request.user, "gate.view")).values_list("code", flat=True)
    found = gate_list.gate_deviations(set(codes))
    return render(request, "results/deviations.html", {"found": found})
