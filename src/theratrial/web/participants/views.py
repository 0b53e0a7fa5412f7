"""Pages: everybody, one participant, registration, the screening log."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.web.access import participant_or_404, requires, sites_of
from theratrial.web.participants import screening
from theratrial.web.participants.deviations import deviations_of
from theratrial.web.participants.plan import plan_of
from theratrial.web.participants.selectors import participant_lines, trial_now
from theratrial.web.participants.states import event_words, read_words, sex_words, shown
from theratrial.web.people.models import Site

PER_PAGE = 50
LOG_PER_PAGE = 100


def _filters() -> list[tuple[str, str]]:
    return [
        ("", _("everybody")),
        ("overdue", _("with something overdue")),
        ("screening", _("in screening")),
        ("treated", _("under treatment")),
        ("none", _("without consent")),
        ("reconsent", _("re-consent needed")),
        ("withdrawn", _("consent withdrawn")),
        ("unsigned", _("eligibility not signed")),
        ("screen_failure", event_words("screen_failure")),
        ("completed", event_words("completed")),
        ("gate_stop", event_words("gate_stop")),
    ]


@requires("participants.view")
def participant_list(request: HttpRequest) -> HttpResponse:
    """Everybody screened at the user's sites."""
    text, state = request.GET.get("q", "").strip()[:64], request.GET.get("state", "")
    sort = request.GET.get("sort", "code")
    lines = participant_lines(request.user, text=text, state=state, sort=sort)
    page = Paginator(lines, PER_PAGE).get_page(request.GET.get("page"))
    several = len(sites_of(request.user, "participants.view")) > 1
    columns = [
        ("code", _("Participant")), *([("", _("Site"))] if several else []), ("screened", _("Screened")),
        ("", _("Consent")), ("", _("Eligibility")), ("treatment", _("Treatment")), ("overdue", _("Overdue")),
        ("latest", _("Latest entry")),
    ]  # fmt: skip
    context = {
        "page": page, "text": text, "state": state, "sort": sort, "columns": columns, "filters": _filters(),
        "several": several, "query": urlencode({"q": text, "state": state, "sort": sort}),
        "may_register": bool(sites_of(request.user, "participants.register")),
    }  # fmt: skip
    return render(request, "participants/list.html", context)


@requires("participants.view")
def participant_detail(request: HttpRequest, code: str) -> HttpResponse:
    """One participant at a glance."""
    participant = participant_or_404(request, code, "participants.view")
    one, now = shown([participant])[0], trial_now()
    lines, person = plan_of(one.standing, now), screening.screening_record(participant)
    context = {
        "participant": participant,
        "one": one,
        "person": person,
        "now_due": [line for line in lines if line.status in ("due", "overdue")],
        "coming": [line for line in lines if line.status == "not_due" and line.planned.first is not None][:6],
        "sessions": one.standing.sessions,
        "ends": [(event_words(event), day, reason) for event, day, reason in one.standing.ends],
        "sex": sex_words(person.get("sex", "")),
        "selection": read_words(one.standing.selection),
        "deviations": deviations_of(participant, request.user),
    }
    return render(request, "participants/detail.html", context)


@requires("participants.register")
def participant_register(request: HttpRequest) -> HttpResponse:
    """Register a person for screening."""
    sites = list(Site.objects.filter(pk__in=sites_of(request.user, "participants.register")).order_by("code"))
    values = request.POST.dict() if request.method == "POST" else {}
    chosen = next((site for site in sites if str(site.pk) == values.get("site", "")), sites[0] if sites else None)
    values.setdefault("code", screening.proposed_code(chosen) if chosen else "")
    refusal = screening.why_inactive(chosen) if chosen else _("No site is yours to register at.")
    errors: dict[str, str] = {}
    if request.method == "POST" and chosen is not None:
        found, errors = screening.registration_read(values)
        if found is not None:
            try:
                made = screening.participant_registered(request.user, site=chosen, registration=found)
            except InputError as error:
                errors["code"] = str(error)
            else:
                messages.success(request, _("%(code)s is registered. Next: consent.") % {"code": made.code})
                return redirect("participants:consent", code=made.code)
    context = {
        "sites": sites, "chosen": chosen, "values": values, "errors": errors, "refusal": refusal,
        "label_code": _("Pseudonym"), "help_code": _("Proposed: the next free one of the site."),
        "label_day": _("Screened on"), "label_age": _("Age at screening [years]"),
        "help_day": _("Gregorian or Jalali: 2022-03-05 or 1400/12/14."),
    }  # fmt: skip
    status = 422 if errors else 200
    return render(request, "participants/register.html", context, status=status)


@requires("participants.view")
def screening_log(request: HttpRequest) -> HttpResponse:
    """Everybody screened, the outcome, the first reason; ``all`` has it whole, to be printed."""
    people = screening.everybody_screened(request.user)
    whole = "all" in request.GET
    page = Paginator(people, max(people.count(), 1) if whole else LOG_PER_PAGE).get_page(request.GET.get("page"))
    context = {"lines": screening.log_lines(page.object_list), "page": page, "whole": whole, "now": trial_now()}
    return render(request, "participants/screening_log.html", context)
