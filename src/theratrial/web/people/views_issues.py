"""The issue log."""

from __future__ import annotations

import csv

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from theratrial.errors import InputError
from theratrial.web.access import may, requires, signed_in
from theratrial.web.ledger.act import act, note
from theratrial.web.people import issues as log
from theratrial.web.people.models import Issue


@signed_in
@require_safe
def issues(request: HttpRequest) -> HttpResponse:
    """All issues for those who answer them, one's own for everybody else."""
    return _issues_page(request)


def _issues_page(request: HttpRequest, *, refusal: str = "", status: int = 200) -> HttpResponse:
    manages = may(request.user, "issues.manage")
    found = Issue.objects.all() if manages else Issue.objects.filter(reported_by=request.user.get_username())
    return render(
        request, "people/issues.html", {"issues": found[:500], "manages": manages, "refusal": refusal}, status=status
    )


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest) -> HttpResponse:
    """Report something about the system."""
    if request.method != "POST":
        page = request.GET.get("page", request.headers.get("Referer", ""))
        return render(request, "people/issue_report.html", {"page": page})
    page, text = request.POST.get("page", ""), request.POST.get("text", "")
    try:
        log.issue_report(request.user, page=page, text=text)
    except InputError as error:
        return render(request, "people/issue_report.html", {"page": page, "refusal": str(error)}, status=422)
    messages.success(request, _("Reported. The answer will stand in the issue log."))
    return redirect("people:issues")


@requires("issues.manage")
@require_POST
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer or close an issue."""
    try:
        log.issue_answer(
            request.user,
            get_object_or_404(Issue, pk=pk),
            answer=request.POST.get("answer", ""),
            close="close" in request.POST,
        )
    except InputError as error:
        return _issues_page(request, refusal=str(error), status=422)
    return redirect("people:issues")


@requires("issues.manage")
@require_safe
def issues_csv(request: HttpRequest) -> HttpResponse:
    """The log as a file."""
    with act(request.user, "issues.export"):
        note("issues.export", count=Issue.objects.count())
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="issue-log.csv"'
    names = ["id", "reported_by", "reported_at", "page", "text", "state", "answer", "answered_by", "answered_at"]
    writer = csv.writer(response)
    writer.writerow(names)
    for line in Issue.objects.order_by("pk").values_list(*names):
        writer.writerow([_cell(value) for value in line])
    return response


def _cell(value: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = "" if value is None else value.isoformat() if hasattr(value, "isoformat") else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
