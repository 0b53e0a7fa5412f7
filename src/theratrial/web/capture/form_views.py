"""Pages of forms: the list of a participant's forms, entering and correcting one, drafts while typing."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from theratrial.errors import InputError
from theratrial.forms import form_ids
from theratrial.web.access import participant_or_404, requires
from theratrial.web.capture import forms
from theratrial.web.capture.form_drawing import both_calendars, issue_text
from theratrial.web.capture.form_lists import forms_of_participant, shared_forms
from theratrial.web.capture.form_page import (
    filling_or_404,
    form_page,
    is_hidden,
    posted_answers,
    seen_versions,
    signed_in_user,
)
from theratrial.web.capture.form_rights import (
    entry_permission,
    is_reading_of_another,
    may_correct_all,
    may_enter,
    may_take_out,
)
from theratrial.web.capture.forms import Filling, Place
from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import live_records
from theratrial.web.people.models import Site
from theratrial.web.people.permissions import may, sites_of
from theratrial.web.trials.selectors import protocol_in_force


@requires("participants.view")
@require_GET
def participant_forms(request: HttpRequest, code: str) -> HttpResponse:
    """Every form of a participant, and what was entered."""
    participant = participant_or_404(request, code, "participants.view")
    return render(
        request,
        "capture/forms.html",
        {"participant": participant, "groups": forms_of_participant(participant, request.user)},
    )


@requires("doses.view")
@require_GET
def cameras(request: HttpRequest) -> HttpResponse:
    """Calibrations and recoveries of the cameras, and the forms to enter them."""
    return render(
        request, "capture/cameras.html", {"groups": shared_forms(request.user, sites_of(request.user, "doses.view"))}
    )


def _integer(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 4 else None


def _place(request: HttpRequest, form: str, code: str | None) -> Place:
    """Where the form is filled; 404 for what the user may not even see."""
    if form not in form_ids(protocol_in_force()):
        raise Http404(form)
    context = request.POST if request.method == "POST" else request.GET
    visit = context.get("visit", "") if context.get("visit", "") in protocol_in_force().schedule else ""
    session = _integer(context.get("session"))
    if code is not None:
        participant = participant_or_404(request, code, "participants.view")
        return Place(form, participant, participant.site, visit, session)
    table = forms.definition_of(form).table.name
    if any(column.name == "participant_id" for column in forms.definition_of(form).table.columns):
        raise Http404(form)
    permission = entry_permission(table)
    site = Site.objects.filter(pk__in=sites_of(request.user, permission)).order_by("pk").first()
    if site is None:
        raise Http404(form)
    return Place(form, None, site, visit, session)


@requires("participants.view")
def participant_form(request: HttpRequest, code: str, form: str, group: uuid.UUID | None = None) -> HttpResponse:
    """Enter a participant's form, or correct one."""
    return form_page(request, _place(request, form, code), group)


@requires("trial.view")
def shared_form(request: HttpRequest, form: str, group: uuid.UUID | None = None) -> HttpResponse:
    """Enter a form that belongs to no participant (batches), or correct one."""
    return form_page(request, _place(request, form, None), group)


@requires("participants.view")
@require_POST
def participant_preview(request: HttpRequest, code: str, form: str, group: uuid.UUID | None = None) -> HttpResponse:
    """What the engine says of a form while it is typed; keeps the draft."""
    return _preview(request, _place(request, form, code), group)


@requires("trial.view")
@require_POST
def shared_preview(request: HttpRequest, form: str, group: uuid.UUID | None = None) -> HttpResponse:
    """As `participant_preview`, of a form without participant."""
    return _preview(request, _place(request, form, None), group)


def _preview(request: HttpRequest, place: Place, group: uuid.UUID | None) -> HttpResponse:
    definition = forms.definition_of(place.form)
    if not may_enter(request.user, definition.table.name, place.site):
        return JsonResponse({"error": _("You may not enter this form.")}, status=403)
    if group:
        filling_or_404(request, place, group)
    answers = posted_answers(request, definition)
    found = forms.judged(place, definition, answers, group=group, now=timezone.now())
    draft = forms.draft_kept(
        request.user, place, group, answers, request.POST.get("reason", ""), seen_versions(request)
    )
    problems = {one.item: issue_text(one, definition=definition) for one in found.problems}
    asked: dict[str, str] = {}
    for issue in found.queries:
        asked.setdefault(issue.item, issue.message)
    calculated = {one.item: one.text for one in found.calculated}
    return JsonResponse(
        {
            "saved_at": draft.saved_at.isoformat(timespec="seconds"),
            "fields": {
                field.id: {
                    "problem": problems.get(field.id, ""),
                    "asked": asked.get(field.id, ""),
                    "hidden": field.id in found.hidden,
                    "calculated": calculated.get(field.id, ""),
                    "both": both_calendars(
                        field,
                        answers[field.id].text if field.id in answers else "",
                        signed_in_user(request).persian_digits,
                    ),
                }
                for field in definition.fields
            },
        }
    )


@requires("participants.view")
@require_GET
def participant_entry(request: HttpRequest, code: str, group: uuid.UUID) -> HttpResponse:
    """A stored filling, to read: values, who typed what, queries, history."""
    participant = participant_or_404(request, code, "participants.view")
    return _entry(request, group, participant)


@requires("trial.view")
@require_GET
def shared_entry(request: HttpRequest, group: uuid.UUID) -> HttpResponse:
    """As `participant_entry`, of a form without participant."""
    found = Record.objects.filter(group=group, participant=None).select_related("site").first()
    if found is None or not may(request.user, "trial.view", site=found.site):
        raise Http404(str(group))
    return _entry(request, group, None)


def _entry(request: HttpRequest, group: uuid.UUID, participant: Any) -> HttpResponse:
    from theratrial.web.capture.form_lists import entry_lines

    records = list(
        Record.objects.filter(group=group, participant=participant)
        .select_related("protocol_version", "site", "participant")
        .order_by("sequence")
    )
    if not records or is_hidden(request, records):
        raise Http404(str(group))
    live = tuple(record for record in records if not record.entered_in_error)
    filling = Filling(group, live or tuple(records))
    form = forms.form_of(filling)
    definition = forms.definition_of(form, records[0])
    place = Place(form, participant, records[0].site)
    changeable = bool(live) and all(one.data_state == "open" for one in (*live, *filter(None, (participant,))))
    context = {
        "participant": participant,
        "definition": definition,
        "filling": filling,
        "records": records,
        "lines": entry_lines(definition, filling, request.user),
        "in_error": not live,
        "may_edit": changeable and may_correct_all(request.user, live),
        "shared": bool(live) and place.site is None and may(request.user, entry_permission(definition.table.name)),
        "edit": reverse("capture:form-edit", args=[participant.code, form, group])
        if participant
        else reverse("capture:shared-form-edit", args=[form, group]),
        "error_address": reverse("capture:in-error", args=[group]),
        "may_take_out": changeable and all(may_take_out(request.user, one) for one in live),
        "of_another": any(is_reading_of_another(request.user, one) for one in live),
        "versions": json.dumps(filling.versions),
    }
    return render(request, "capture/entry.html" if participant else "capture/shared_entry.html", context)


@requires("trial.view")
@require_POST
def in_error(request: HttpRequest, group: uuid.UUID) -> HttpResponse:
    """Take a filling out as entered in error; its content stays readable."""
    from theratrial.web.capture.services import record_entered_in_error
    from theratrial.web.ledger.act import act

    records = list(live_records().filter(group=group).select_related("participant__site", "site"))
    taken_out = all(may_take_out(request.user, record) for record in records)
    known = taken_out or all(may_enter(request.user, record.table, record.site) for record in records)
    if not records or not known or is_hidden(request, records):
        raise Http404(str(group))
    if not taken_out:
        raise PermissionDenied(
            "what all sites share is taken out by who may enter it at every site; a reading by its reader, or by who"
            " may take out readings of others"
        )
    participant = records[0].participant
    versions = seen_versions(request)
    try:
        with act(request.user, "record.entered-in-error", reason=request.POST.get("reason", "")):
            for record in records:
                record_entered_in_error(
                    request.user,
                    record,
                    seen_version=versions.get(str(record.pk), 0),
                    reason=request.POST.get("reason", ""),
                )
    except InputError as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("Marked as entered in error. The content stays readable."))
    if participant:
        return redirect("capture:entry", participant.code, group)
    return redirect("capture:shared-entry", group)
