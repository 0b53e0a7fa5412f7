"""Laboratory values with computed grades; adverse events, by the protocol's form."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from theratrial.errors import InputError
from theratrial.web.access import may, participant_or_404, requires
from theratrial.web.capture import forms
from theratrial.web.capture.form_page import Setting, form_page
from theratrial.web.capture.forms import Filling, Place
from theratrial.web.capture.listing import listing
from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import live_records, participant_rows
from theratrial.web.capture.value_words import value_words
from theratrial.web.participants.models import Participant
from theratrial.web.results.laboratory import laboratory_points
from theratrial.web.results.serious import TABLES as SERIOUS_TABLES
from theratrial.web.results.serious import safety_context
from theratrial.web.trials.selectors import protocol_in_force

TABLE = "adverse_events"


@requires("participants.view")
def safety(request: HttpRequest, code: str) -> HttpResponse:
    """Counts over the course with computed grades, and the adverse events."""
    participant = participant_or_404(request, code, "participants.view")
    rows = participant_rows(participant, (*SERIOUS_TABLES, "laboratory"))
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
        **_events(participant),
        "may_enter": may(request.user, "safety.enter", site=participant.site),
        "version": gate.ctcae_version if gate else "",
        "part": "safety",
        **safety_context(rows.folder, code),
    }
    return render(request, "results/safety.html", context)


def _events(participant: Participant) -> dict[str, Any]:
    """The adverse events under the items of the protocol's form, and what it says of serious ones."""
    try:
        definition = forms.definition_of(forms.form_over(TABLE))
    except InputError:
        return {"events": None}
    found = list(live_records().filter(participant=participant, table=TABLE))
    found.sort(key=lambda one: one.cells.get("started_on", ""), reverse=True)
    serious = any(one.cells.get("serious") == "yes" for one in found)
    said = next((field.help for field in definition.fields if field.column == "serious"), "")
    # The version of CTCAE stands beside the grade.
    return {
        "events": listing(definition, found, value_words(protocol_in_force()), without=("ctcae_version",)),
        "serious_notice": said if serious else "",
    }


@requires("safety.enter")
def event_new(request: HttpRequest, code: str) -> HttpResponse:
    """Record an adverse event."""
    participant = participant_or_404(request, code, "safety.enter")
    try:
        form = forms.form_over(TABLE)
    except InputError as none:
        raise Http404(str(none)) from none
    return form_page(request, Place(form, participant, participant.site), None, _setting(participant, None))


@requires("safety.enter")
def event_edit(request: HttpRequest, code: str, pk: Any) -> HttpResponse:
    """Change an adverse event, with the reason."""
    participant = participant_or_404(request, code, "safety.enter")
    record = get_object_or_404(Record, pk=pk, participant=participant, table=TABLE, entered_in_error=False)
    form = forms.form_of(Filling(record.group, (record,)))
    place = Place(form, participant, participant.site)
    return form_page(request, place, record.group, _setting(participant, record))


def _setting(participant: Participant, record: Record | None) -> Setting:
    gate = protocol_in_force().safety_gate.reading
    return Setting(
        template="results/event_form.html",
        back=reverse("results:safety", args=[participant.code]),
        context={"record": record, "part": "safety", "asked": _asked()},
        starts_with={"ctcae_version": gate.ctcae_version} if gate else {},
    )


def _asked() -> dict[str, str]:
    """Ids of the items that the list of CTCAE terms reads while they are typed."""
    definition = forms.definition_of(forms.form_over(TABLE))
    wanted = ("term", "ctcae_version", "grade")
    return {field.column: f"i-{field.id}" for field in definition.fields if field.column in wanted}
