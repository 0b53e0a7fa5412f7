"""Pages of redaction: one person asks, another approves."""

from __future__ import annotations

import re

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from theratrial.errors import InputError
from theratrial.web.access import requires
from theratrial.web.ledger.models import Redaction
from theratrial.web.ledger.redaction import redaction_approved, redaction_refused, redaction_requested
from theratrial.web.ledger.selectors import shown_events, visible_events


@requires("redaction.request")
@require_GET
def redactions(request: HttpRequest) -> HttpResponse:
    """Every redaction that was asked for, the undecided first."""
    visible = visible_events(request.user)
    found = list(Redaction.objects.order_by("-pk")[:200])
    seqs = {seq for one in found for seq in one.seqs}
    seen = set(visible.filter(seq__in=seqs).values_list("seq", flat=True))
    shown = [one for one in found if seen.issuperset(one.seqs)]
    shown.sort(key=lambda one: one.state != "requested")
    return render(request, "ledger/redactions.html", {"redactions": shown})


@requires("redaction.request")
@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """Ask for a redaction: the events, and why."""
    typed = (request.POST if request.method == "POST" else request.GET).get("seqs", "")
    seqs = [int(found) for found in re.findall(r"\d{1,15}", typed)][:501]
    events = list(visible_events(request.user).filter(seq__in=seqs).order_by("seq"))
    justification, problem = request.POST.get("justification", ""), ""
    if request.method == "POST":
        try:
            if missing := sorted(set(seqs) - {event.seq for event in events}):
                raise InputError(_("there is no event %(seqs)s") % {"seqs": ", ".join(map(str, missing))})
            redaction_requested(request.user, seqs, justification=justification)
        except InputError as error:
            problem = str(error)
        else:
            messages.success(request, _("Asked for. Another person has to approve before anything is taken out."))
            return redirect("ledger:redactions")
    context = {
        "typed": ", ".join(map(str, seqs)),
        "justification": justification,
        "problem": problem,
        "rows": shown_events(request.user, events),
    }
    return render(request, "ledger/redaction_ask.html", context, status=422 if problem else 200)


@requires("redaction.request")
@require_POST
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """The second person's answer."""
    found = Redaction.objects.filter(pk=pk).first()
    visible = visible_events(request.user)
    if found is None or visible.filter(seq__in=found.seqs).count() != len(found.seqs):
        raise Http404(pk)
    try:
        if request.POST.get("answer") == "approve":
            redaction_approved(request.user, found)
            messages.success(request, _("The content of the events was taken out; the events and the reason stay."))
        else:
            redaction_refused(request.user, found, reason=request.POST.get("reason", ""))
            messages.success(request, _("Refused; nothing was taken out."))
    except InputError as error:
        messages.error(request, str(error))
    return redirect("ledger:redactions")
