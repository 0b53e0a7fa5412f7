"""Pages: the record as the registry's page, and its check."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from theratrial.registry.completeness import completeness
from theratrial.registry.people import public_record
from theratrial.registry.timing import registration_timing
from theratrial.report.registration.page import record_css, record_page_body
from theratrial.web.access import may, requires
from theratrial.web.participants.selectors import trial_now
from theratrial.web.people.permissions import sites_of
from theratrial.web.registration import checking
from theratrial.web.registration.brief import State, findings_now, state_now
from theratrial.web.registration.results import may_see
from theratrial.web.registration.selectors import record_of, rows
from theratrial.web.registration.services import draft_of
from theratrial.web.registration.shown import codes_of, language, severity_words


def sees_evidence(user: Any) -> bool:
    """Whether evidence that names participants is shown: to who edits the record for all sites, or sees everybody."""
    from theratrial.web.people.models import Site

    count = Site.objects.count()
    return any(len(sites_of(user, one)) == count for one in ("registration.edit", "participants.view"))


def hidden_codes(user: Any, state: State) -> frozenset[str]:
    """Participants whom evidence names and the user may not see."""
    return frozenset() if sees_evidence(user) else codes_of(state.facts)


def page_context(request: HttpRequest, state: State | None, tab: str) -> dict[str, Any]:
    """What every page of the record shows above its own: tabs, and the state in one line."""
    context: dict[str, Any] = {"state": state, "tab": tab}
    if state is None:
        return context
    record = state.history.current.record
    draft = None
    if may(request.user, "registration.edit"):
        draft = draft_of(request.user)
    return context | {
        "record_number": record.registration.number,
        "version": state.history.current,
        "update_count": state.history.update_count,
        "timing": timing_shown(state),
        "score": completeness(record, today=state.today),
        "owed": state.owed,
        "overdue": state.overdue,
        "draft": draft,
        "sees_results": may_see(request.user),
    }


def timing_shown(state: State) -> dict[str, Any]:
    """Prospective or not, and the two days that it rests on; the trial's own first enrolment goes before the record."""
    first = state.facts.first_consent
    day = first.value if first is not None else None
    found = registration_timing(state.history.current.record, first_enrolled=day)  # type: ignore[arg-type]
    words = {
        "prospective": _("prospective"),
        "retrospective": _("retrospective"),
        "undetermined": _("undetermined"),
    }[found.timing]
    based = {
        "trial": _("first consent in the trial's data"),
        "actual": _("actual start in the record"),
        "expected": _("expected start in the record"),
        "none": _("no first enrolment known"),
    }[found.based_on]
    tone = {"prospective": "good", "retrospective": "bad", "undetermined": "warn"}[found.timing]
    return {"found": found, "words": words, "based": based, "tone": tone}


@requires("registration.view")
def record(request: HttpRequest, number: int | None = None) -> HttpResponse:
    """A version as the registry's page; the newest where none is named."""
    state = state_now()
    if state is None:
        if number is not None:
            raise Http404(str(number))
        return render(request, "registration/none.html", page_context(request, None, "record"))
    found = rows()
    row = found[-1] if number is None else next((one for one in found if one.number == number), None)
    if row is None:
        raise Http404(str(number))
    context = page_context(request, state, "record")
    with_contacts = may(request.user, "registration.edit") and request.GET.get("contacts") == "1"
    tongue = request.GET.get("language", "")
    chosen = tongue if tongue in ("en", "fa", "both") else language()
    value = record_of(row)
    body = record_page_body(value, language=chosen, contacts=with_contacts, top=2)  # type: ignore[arg-type]
    context |= {
        "row": row, "versions": found, "body": body, "chosen": chosen, "with_contacts": with_contacts,
        "has_contacts": value != public_record(value), "newest": row.pk == found[-1].pk,
        "signature": row.signature,
    }  # fmt: skip
    return render(request, "registration/record.html", context)


@requires("registration.view")
def style(request: HttpRequest) -> HttpResponse:
    """Rules of style of the registry's page, as the exported page has them."""
    return HttpResponse(record_css(), content_type="text/css", headers={"Cache-Control": "private, max-age=3600"})


@requires("registration.view")
def check(request: HttpRequest) -> HttpResponse:
    """What the rules say of the newest version, by what there is to do."""
    state = state_now()
    if state is None:
        return render(request, "registration/none.html", page_context(request, None, "check"))
    findings = findings_now()
    wanted = request.GET.get("severity", "")
    wanted = wanted if wanted in checking.SEVERITIES else ""
    hidden = hidden_codes(request.user, state)
    counts = {one: sum(1 for each in findings if each.severity.value == one) for one in checking.SEVERITIES}
    record, score = state.history.current.record, checking.completeness_of(state)
    context = page_context(request, state, "check") | {
        "tasks": checking.tasks_of(findings, record, severity=wanted, hidden=hidden),
        "wanted": wanted, "total": len(findings),
        "choices": [(one, severity_words(one), counts[one]) for one in checking.SEVERITIES],
        "items": checking.items_of(score, record), "score": score, "today": trial_now().date(),
    }  # fmt: skip
    return render(request, "registration/check.html", context)


__all__ = ["check", "page_context", "record", "sees_evidence", "style", "timing_shown"]
