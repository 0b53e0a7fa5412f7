"""Pages: every version, and two of them side by side."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from theratrial.errors import InputError
from theratrial.registry.dates import DateProblem, read_date
from theratrial.web.access import may, requires
from theratrial.web.participants.selectors import trial_now
from theratrial.web.registration import services
from theratrial.web.registration.brief import state_now
from theratrial.web.registration.comparing import drawn_changes
from theratrial.web.registration.form import date_words
from theratrial.web.registration.models import RegistrationVersion
from theratrial.web.registration.selectors import record_of, rows
from theratrial.web.registration.shown import dates_held
from theratrial.web.registration.views import page_context
from theratrial.web.trials.selectors import trial_zone


@requires("registration.view")
def history(request: HttpRequest) -> HttpResponse:
    """Every version, the newest first."""
    return _history(request)


def _history(request: HttpRequest, refusal: str = "", status: int = 200, number: int | None = None) -> HttpResponse:
    state = state_now()
    if state is None:
        return render(request, "registration/none.html", page_context(request, None, "history"))
    if {"old", "new"} <= request.GET.keys() and not refusal:
        old, new = (request.GET[name] for name in ("old", "new"))
        if all(one.isascii() and one.isdecimal() and len(one) < 7 for one in (old, new)):
            return redirect("registration:difference", old=int(old), new=int(new))
    found = rows()
    counts = [0, *(len(services.changed(record_of(a), record_of(b))) for a, b in pairwise(found))]
    context = page_context(request, state, "history") | {
        "lines": [
            {"row": row, "changes": count, "before": row.number - 1} for row, count in zip(found, counts, strict=True)
        ][::-1],
        "may_send": may(request.user, "registration.send"), "refusal": dates_held(refusal),
        "typed": request.POST.get("sent_on", ""),
        "last": found[-1].number, "refused": number,
    }  # fmt: skip
    return render(request, "registration/history.html", context, status=status)


@requires("registration.view")
def difference(request: HttpRequest, old: int, new: int) -> HttpResponse:
    """Two versions, field by field."""
    state = state_now()
    found = {one.number: one for one in rows()}
    if state is None or old not in found or new not in found:
        raise Http404(f"{old} {new}")
    changes = services.changed(record_of(found[old]), record_of(found[new]))
    context = page_context(request, state, "history") | {
        "old": found[old], "new": found[new], "versions": list(found.values()),
        "changes": drawn_changes(changes, contacts=may(request.user, "registration.edit")),
        "old_day": _day(found[old]), "new_day": _day(found[new]),
        "before": _("Version %(n)s") % {"n": old}, "after": _("Version %(n)s") % {"n": new},
    }  # fmt: skip
    return render(request, "registration/difference.html", context)


def _day(row: RegistrationVersion) -> date:
    """Day on which a version was made, in the trial's zone."""
    return row.made_at.astimezone(trial_zone()).date()


@requires("registration.send")
@require_POST
def sent(request: HttpRequest, number: int) -> HttpResponse:
    """Record, once, on which day the registry received a version."""
    row = get_object_or_404(RegistrationVersion.objects.defer("record"), number=number)
    try:
        day = read_date(request.POST.get("sent_on", ""), today=trial_now().date())
        if day.precision != "day":
            raise InputError(_("Give the day, not only month or year."))
        services.version_sent(request.user, row, day.gregorian)
    except DateProblem as problem:
        return _history(request, date_words(problem), 422, number)
    except InputError as refusal:
        return _history(request, str(refusal), 422, number)
    messages.success(request, _("It is recorded that version %(number)s was sent.") % {"number": number})
    return redirect("registration:history")
