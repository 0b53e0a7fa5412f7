"""Page: what the record owes to the trial; chosen proposals become a draft, which is then shown and signed."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from theratrial.registry.conscience import DUTIES, updated
from theratrial.registry.shown import shown
from theratrial.registry.words import Text
from theratrial.web.access import may, requires
from theratrial.web.registration import services
from theratrial.web.registration.brief import State, state_now
from theratrial.web.registration.shown import in_words, label_of, language, without_codes
from theratrial.web.registration.views import hidden_codes, page_context


@requires("registration.view")
def owed(request: HttpRequest) -> HttpResponse:
    """Proposals field by field, duties, and what could not be judged."""
    state = state_now()
    if state is None:
        return render(request, "registration/none.html", page_context(request, None, "owed"))
    return _owed(request, state)


def _owed(request: HttpRequest, state: State, refusal: str = "", status: int = 200) -> HttpResponse:
    hidden = hidden_codes(request.user, state)
    proposals = [
        {
            "path": one.path, "label": label_of(one.path), "old": shown(one.field, one.old, language()),
            "new": shown(one.field, one.new, language()), "evidence": without_codes(in_words(one.evidence), hidden),
            "since": one.since,
            "due": one.due, "overdue": one.overdue_days,
            "taken": request.method != "POST" or one.path in request.POST.getlist("take"),
        }
        for one in state.owed.proposals
    ]  # fmt: skip
    duties = [
        {
            "title": in_words(one.title),
            "because": without_codes(in_words(one.because), hidden),
            "source": one.source,
            "due": one.due,
            "overdue": one.overdue_days,
        }
        for one in state.owed.duties
    ]
    context = page_context(request, state, "owed") | {
        "rules": [
            {"title": in_words(DUTIES[one].title), "source": DUTIES[one].source}
            for one in dict.fromkeys(each.rule for each in state.owed.proposals)
        ],
        "proposals": proposals, "duties": duties,
        "undetermined": [without_codes(in_words(one), hidden) for one in state.owed.undetermined],
        "reason": state.owed.reason, "facts": state.facts, "refusal": refusal,
        "may_edit": may(request.user, "registration.edit"),
        "reason_en": request.POST.get("reason_en", state.owed.reason.en),
        "reason_fa": request.POST.get("reason_fa", state.owed.reason.fa),
    }  # fmt: skip
    return render(request, "registration/owed.html", context, status=status)


@requires("registration.edit")
def take(request: HttpRequest) -> HttpResponse:
    """Put the chosen proposals into the draft; what was typed there stays, but for these fields."""
    state = state_now()
    if state is None:
        raise Http404("no registration record")
    if request.method != "POST":
        return redirect("registration:owed")
    chosen = [one for one in state.owed.proposals if one.path in request.POST.getlist("take")]
    if not chosen:
        return _owed(request, state, _("Choose at least one of the proposals."), 422)
    draft = services.draft_of(request.user)
    record = state.history.current.record
    if draft is not None:
        if draft.base_number != state.history.current.number:
            messages.warning(request, _("Put your draft onto the newest version first, then take the proposals."))
            return redirect("registration:preview")
        candidate = services.candidate_of(draft)
        if candidate.errors:
            messages.warning(request, _("Some fields cannot be read yet: mend them in the form."))
            return redirect("registration:edit")
        record = candidate.record
        messages.info(request, _("You had a draft: the proposals are added to it."))
    reason = Text(en=request.POST.get("reason_en", "")[:5000], fa=request.POST.get("reason_fa", "")[:5000])
    services.draft_kept(request.user, record=updated(record, chosen, reason), reason=reason, origin="owed")
    return redirect("registration:preview")
