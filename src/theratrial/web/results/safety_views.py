"""Laboratory values with computed grades; adverse events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from theratrial.errors import InputError
from theratrial.forms.moments import typed_date
from theratrial.safety import VERSIONS
from theratrial.safety.intervals import known_terms
from theratrial.trialfolder.moments import CellProblem
from theratrial.web.access import may, participant_or_404, requires
from theratrial.web.capture.models import Record
from theratrial.web.capture.queries import system_query, system_query_resolved
from theratrial.web.capture.selectors import live_records, participant_rows
from theratrial.web.capture.services import record_change, record_create
from theratrial.web.ledger.act import act
from theratrial.web.participants.models import Participant
from theratrial.web.results.laboratory import laboratory_points
from theratrial.web.trials.selectors import protocol_in_force

RELATED: Final = {
    "related": gettext_lazy("related to the treatment"),
    "not_related": gettext_lazy("not related"),
    "not_assessed": gettext_lazy("not assessed"),
}
OUTCOMES: Final = {
    "recovered": gettext_lazy("recovered"),
    "recovering": gettext_lazy("recovering"),
    "not_recovered": gettext_lazy("not recovered"),
    "recovered_with_sequelae": gettext_lazy("recovered with sequelae"),
    "fatal": gettext_lazy("fatal"),
    "not_known": gettext_lazy("not known"),
}
_COLUMNS: Final = (
    *("term", "ctcae_version", "grade", "started_on", "ended_on", "serious", "related", "outcome", "comment"),
)
_NO_END: Final = "recovered_has_ended"
"""As the protocol's edit check is named, so that one question is asked once."""


@requires("participants.view")
def safety(request: HttpRequest, code: str) -> HttpResponse:
    """Counts over the course with computed grades, and the adverse events."""
    participant = participant_or_404(request, code, "participants.view")
    rows = participant_rows(participant)
    points = laboratory_points(rows.folder, code)
    by_test: dict[str, list[Any]] = {}
    for point in points:
        by_test.setdefault(point.test, []).append(point)
    gate = rows.folder.protocol.safety_gate.reading
    judged = [one.test for one in gate.laboratory] if gate else []
    tests = [(test, list(reversed(found))) for test, found in by_test.items()]
    tests.sort(key=lambda one: (judged.index(one[0]) if one[0] in judged else len(judged), one[0]))
    context = {
        "participant": participant,
        "tests": tests,
        "judged": judged,
        "events": _events(participant),
        "may_enter": may(request.user, "safety.enter", site=participant.site),
        "version": gate.ctcae_version if gate else "",
        "related": RELATED,
        "outcomes": OUTCOMES,
        "part": "safety",
    }
    return render(request, "results/safety.html", context)


def _events(participant: Participant) -> list[Record]:
    found = list(live_records().filter(participant=participant, table="adverse_events"))
    return sorted(found, key=lambda one: one.cells.get("started_on", ""), reverse=True)


@requires("safety.enter")
def event_new(request: HttpRequest, code: str) -> HttpResponse:
    """Record an adverse event."""
    participant = participant_or_404(request, code, "safety.enter")
    if request.method != "POST":
        gate = protocol_in_force().safety_gate.reading
        return _form(request, participant, None, {"ctcae_version": gate.ctcae_version if gate else "5.0"})
    cells, errors = _read(request.POST)
    if not errors:
        try:
            with act(request.user, "record.create"):
                _asked(record_create(request.user, "adverse_events", cells, participant=participant))
        except InputError as error:
            errors[""] = str(error)
    if errors:
        return _form(request, participant, None, request.POST, errors)
    messages.success(request, _("The adverse event is recorded."))
    return redirect("results:safety", code=code)


@requires("safety.enter")
def event_edit(request: HttpRequest, code: str, pk: Any) -> HttpResponse:
    """Change an adverse event, with the reason."""
    participant = participant_or_404(request, code, "safety.enter")
    record = get_object_or_404(Record, pk=pk, participant=participant, table="adverse_events", entered_in_error=False)
    if request.method != "POST":
        return _form(request, participant, record, record.cells)
    cells, errors = _read(request.POST)
    if not errors:
        try:
            seen = int(request.POST.get("seen_version", "0") or 0)
            reason = request.POST.get("change_reason", "")
            with act(request.user, "record.change", reason=reason):
                _asked(record_change(request.user, record, cells, seen_version=seen, reason=reason))
        except (InputError, ValueError) as error:
            errors[""] = str(error)
    if errors:
        return _form(request, participant, record, request.POST, errors)
    messages.success(request, _("The adverse event is changed."))
    return redirect("results:safety", code=code)


def _form(
    request: HttpRequest,
    participant: Participant,
    record: Record | None,
    values: Mapping[str, Any],
    errors: Mapping[str, str] | None = None,
) -> HttpResponse:
    context = {
        "participant": participant,
        "record": record,
        "values": {name: values.get(name, "") for name in (*_COLUMNS, "change_reason")},
        "errors": dict(errors or {}),
        "other_error": (errors or {}).get("", ""),
        "versions": VERSIONS,
        "grades": ("1", "2", "3", "4", "5"),
        "related": RELATED,
        "outcomes": OUTCOMES,
        "terms": known_terms(),
        "part": "safety",
    }
    return render(request, "results/event_form.html", context, status=422 if errors else 200)


def _asked(record: Record) -> None:
    """Ask for the last day of an event that is recovered; close the question once it is answered."""
    if record.cells.get("outcome") == "recovered" and not record.cells.get("ended_on"):
        text = _("The event is recovered, but its last day is not given; fill it in or correct the outcome.")
        system_query(_NO_END, text, record=record, column="ended_on")
    else:
        system_query_resolved(_NO_END, record=record, column="ended_on")


def _read(posted: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Cells as the table has them, and column -> what is wrong."""
    cells = {name: posted.get(name, "").strip() for name in _COLUMNS}
    errors: dict[str, str] = {}
    if not cells["term"]:
        errors["term"] = _("Give the CTCAE term.")
    if cells["grade"] not in ("1", "2", "3", "4", "5"):
        errors["grade"] = _("Give a grade from 1 to 5.")
    if cells["ctcae_version"] not in VERSIONS:
        errors["ctcae_version"] = _("Choose the version of CTCAE.")
    if cells["serious"] not in ("yes", "no"):
        errors["serious"] = _("Say whether it is a serious adverse event.")
    if cells["related"] not in RELATED:
        errors["related"] = _("Say whether it is related to the treatment, or that nobody assessed it.")
    if cells["outcome"] and cells["outcome"] not in OUTCOMES:
        errors["outcome"] = _("Choose one of the outcomes, or leave it open.")
    if cells["outcome"] == "fatal" and cells["grade"] != "5" and "grade" not in errors:
        errors["grade"] = _("A fatal event is of grade 5; correct the grade or the outcome.")
    for name in ("started_on", "ended_on"):
        if not cells[name] and name == "ended_on":
            continue
        try:
            cells[name] = typed_date(cells[name]).value.isoformat()
        except CellProblem as problem:
            errors[name] = f"{problem}: {problem.remedy}" if problem.remedy else str(problem)
    if (
        "started_on" not in errors
        and "ended_on" not in errors
        and cells["ended_on"]
        and cells["ended_on"] < cells["started_on"]
    ):
        errors["ended_on"] = _("It ends before it begins; correct one of the days.")
    return {name: text for name, text in cells.items() if text}, errors
