"""CTCAE terms while typing, the listing of serious events, their reports to enter and to print."""

from __future__ import annotations

import csv
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.report.pdf import pdf_bytes
from theratrial.safety.adverse import EVENT_TABLES, event_term, likely_terms, term_finding, terms_matching
from theratrial.web.access import may, participant_or_404, requires
from theratrial.web.capture import forms
from theratrial.web.capture.form_page import Setting, form_page
from theratrial.web.capture.forms import Filling, Place
from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import participant_rows
from theratrial.web.participants.selectors import trial_now
from theratrial.web.results.serious import all_listed
from theratrial.web.results.serious_sheet import page_css, sheet_context

_GRADES = range(1, 6)


@requires("participants.view")
def terms(request: HttpRequest) -> HttpResponse:
    """Terms that fit what is typed, or the grades of the term that it is."""
    typed = request.GET.get("term", "").strip()[:300]
    version = request.GET.get("version", "")
    grade = request.GET.get("grade", "")
    chosen = int(grade) if grade.isascii() and grade.isdigit() and len(grade) == 1 else None
    context: dict[str, Any] = {"typed": typed, "version": version, "known": version in EVENT_TABLES}
    if typed and context["known"]:
        found = event_term(typed, version)
        context |= {
            "term": found,
            "grades": [(one, found.grades.get(one, ""), one == chosen) for one in _GRADES] if found else (),
            "problems": term_finding(typed, chosen, version).problems,
            "matches": () if found else terms_matching(typed, version) or likely_terms(typed, version),
        }
    return render(request, "results/ctcae_terms.html", context)


@requires("participants.view")
def serious(request: HttpRequest) -> HttpResponse:
    """The line listing of serious events, and pregnancies, of everybody at the user's sites."""
    events, pregnant = all_listed(request.user)
    return render(request, "results/serious.html", {"events": events, "pregnancies": pregnant, "now": trial_now()})


_COLUMNS = (
    *("participant", "term", "system_organ_class", "ctcae_version", "grade", "started_on", "ended_on", "session"),
    *("days_after_last_session", "seriousness", "related", "expected", "action_taken", "outcome", "report"),
    *("recipient", "became_aware_at", "due_at", "sent_at", "state", "missing", "expedited"),
)


@requires("participants.view")
def serious_csv(request: HttpRequest) -> HttpResponse:
    """The same listing as CSV, one line per report, as of now."""
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="serious_events.csv"'
    answer.write("\ufeff")
    writer = csv.writer(answer)
    writer.writerow(_COLUMNS)
    events, _pregnant = all_listed(request.user)
    for one in events:
        days = one.event.expedited
        for reported in (*one.reports, *one.days) or (None,):
            values = {name: getattr(one.event, name, None) for name in _COLUMNS} | {
                "participant": one.code,
                "missing": "; ".join(one.event.missing),
                "expedited": days.verdict if days is not None else None,
            }
            if reported is not None:
                report = reported.report
                values |= {name: getattr(report, name) for name in ("report", "recipient", "state")}
                values |= {name: getattr(report, name) for name in ("became_aware_at", "due_at", "sent_at")}
            writer.writerow([_cell(values.get(name)) for name in _COLUMNS])
    return answer


def _cell(value: Any) -> str:
    """The value as text that no spreadsheet takes for a formula."""
    text = "" if value is None else value.isoformat() if hasattr(value, "isoformat") else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t")) else text


def _event_or_404(code: str, pk: UUID, participant: Any) -> Record:
    return get_object_or_404(Record, pk=pk, participant=participant, table="adverse_events", entered_in_error=False)


@requires("safety.enter")
def report_new(request: HttpRequest, code: str, pk: UUID) -> HttpResponse:
    """Record a report of a serious event; term and day are those of the event."""
    participant = participant_or_404(request, code, "safety.enter")
    event = _event_or_404(code, pk, participant)
    starts = {"term": event.cells.get("term", ""), "started_on": event.cells.get("started_on", "")}
    return form_page(request, _place("serious_reports", participant), None, _setting(code, starts))


@requires("safety.enter")
def pregnancy_new(request: HttpRequest, code: str) -> HttpResponse:
    """Record that a pregnancy became known."""
    participant = participant_or_404(request, code, "safety.enter")
    return form_page(request, _place("pregnancies", participant), None, _setting(code, {}))


@requires("safety.enter")
def report_edit(request: HttpRequest, code: str, pk: UUID) -> HttpResponse:
    """Change a report or a pregnancy, with the reason."""
    participant = participant_or_404(request, code, "safety.enter")
    record = get_object_or_404(
        Record, pk=pk, participant=participant, table__in=("serious_reports", "pregnancies"), entered_in_error=False
    )
    place = Place(forms.form_of(Filling(record.group, (record,))), participant, participant.site)
    return form_page(request, place, record.group, _setting(code, {}, record))


def _place(table: str, participant: Any) -> Place:
    try:
        return Place(forms.form_over(table), participant, participant.site)
    except InputError as none:
        raise Http404(str(none)) from none


def _setting(code: str, starts: dict[str, str], record: Record | None = None) -> Setting:
    return Setting(
        template="results/report_form.html",
        back=reverse("results:safety", args=[code]) + "#serious",
        context={"record": record, "part": "safety"},
        starts_with=starts,
    )


def _sheet(request: HttpRequest, code: str, pk: UUID, css: str = "") -> tuple[str, str]:
    """The printable report of a serious event, and its language."""
    participant = participant_or_404(request, code, "participants.view")
    _event_or_404(code, pk, participant)
    language = request.GET.get("language") or translation.get_language() or "en"
    if language not in ("en", "fa"):
        raise Http404(language)
    rows = participant_rows(participant)
    with translation.override(language):
        context = sheet_context(rows.folder, participant, str(pk), trial_now())
        context |= {
            "language": language,
            "other": "fa" if language == "en" else "en",
            "css": css,
            "may_enter": may(request.user, "safety.enter", site=participant.site),
        }
        return render_to_string("results/serious_sheet.html", context, request), language


@requires("participants.view")
def sheet(request: HttpRequest, code: str, pk: UUID) -> HttpResponse:
    """The report form of a serious event, filled from the record, to print or to finish by hand."""
    return HttpResponse(_sheet(request, code, pk)[0])


@requires("participants.view")
def sheet_pdf(request: HttpRequest, code: str, pk: UUID) -> HttpResponse:
    """The same as PDF."""
    page, language = _sheet(request, code, pk, page_css())
    try:
        content = pdf_bytes(page)
    except InputError as error:
        return HttpResponse(_("No PDF can be made: %(why)s") % {"why": error}, status=503, content_type="text/plain")
    answer = HttpResponse(content, content_type="application/pdf")
    answer["Content-Disposition"] = f'inline; filename="serious-event-{code}-{str(pk)[:8]}-{language}.pdf"'
    return answer
