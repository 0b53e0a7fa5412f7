"""Pages of forms: the list of a participant's forms, entering and correcting one, drafts while typing."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from theratrial.errors import InputError
from theratrial.forms import Answer, FormDefinition, Submission, form_ids
from theratrial.web.access import participant_or_404, requires
from theratrial.web.capture import forms
from theratrial.web.capture.form_drawing import both_calendars, drawn
from theratrial.web.capture.form_lists import forms_of_participant, shared_forms
from theratrial.web.capture.form_rights import entry_permission, filled_in, may_enter
from theratrial.web.capture.forms import Filling, Place
from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import live_records
from theratrial.web.capture.services import ConflictError, LockedError
from theratrial.web.ledger.models import Event
from theratrial.web.people.models import Site, User
from theratrial.web.people.permissions import may, sites_of
from theratrial.web.pharmacy.guards import Findings, administration_findings
from theratrial.web.results.blinding import Hidden, hidden_records
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


def _user(request: HttpRequest) -> User:
    """The signed-in person; views with a permission are reached by nobody else."""
    user: Any = request.user
    signed_in: User = user
    return signed_in


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


def _answers(request: HttpRequest, definition: FormDefinition) -> dict[str, Answer]:
    return {
        field.id: Answer(request.POST.get(f"i-{field.id}", ""), request.POST.get(f"u-{field.id}", ""))
        for field in definition.fields
        if field.calculated is None and f"i-{field.id}" in request.POST
    }


def _new_answers(request: HttpRequest, place: Place, definition: FormDefinition) -> dict[str, Answer]:
    """What a new form starts with: the person's own code and role, the session and visit it was opened from."""
    answers = {}
    columns = {"session": str(place.session or ""), "visit_id": place.visit, "ctcae_version": ""}
    for field in definition.fields:
        choices = tuple(choice.value for choice in field.choices)
        text = filled_in(request.user, definition.table.name, field.column, choices, place.site)
        text = text or columns.get(field.column, "") or request.GET.get(f"i-{field.id}", "")
        if field.type == "choice" and len(choices) == 1 and field.required:
            text = choices[0]
        if text:
            answers[field.id] = Answer(text)
    return answers


def _options(place: Place) -> dict[str, tuple[str, ...]]:
    batches = live_records().filter(table="batches")
    released = tuple(record.cells.get("batch_id", "") for record in batches if record.cells.get("released") == "yes")
    return {"batch_id": released} if place.participant else {}


def _versions(request: HttpRequest) -> dict[str, int]:
    try:
        found = json.loads(request.POST.get("versions", "{}"))
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(key): value for key, value in found.items() if isinstance(value, int)}


@requires("participants.view")
def participant_form(request: HttpRequest, code: str, form: str, group: uuid.UUID | None = None) -> HttpResponse:
    """Enter a participant's form, or correct one."""
    return _form(request, _place(request, form, code), group)


@requires("trial.view")
def shared_form(request: HttpRequest, form: str, group: uuid.UUID | None = None) -> HttpResponse:
    """Enter a form that belongs to no participant (batches), or correct one."""
    return _form(request, _place(request, form, None), group)


def _form(request: HttpRequest, place: Place, group: uuid.UUID | None) -> HttpResponse:
    filling = _filling(request, place, group) if group else None
    definition = forms.definition_of(place.form)
    if filling is not None and forms.form_of(filling) != place.form:
        raise Http404(str(group))
    if request.method == "POST":
        return _posted(request, place, definition, filling)
    if not may_enter(request.user, definition.table.name, place.site):
        if filling is None:
            return render(request, "theratrial/refused.html", status=403)
        return redirect(entry_address(place, filling.group))
    draft = forms.draft_of(request.user, place, group)
    if draft is not None and "fresh" not in request.GET:
        answers = forms.draft_answers(draft, definition)
    elif filling is not None:
        answers = forms.stored_answers(definition, filling, _user(request).calendar)
    else:
        draft = None
        answers = _new_answers(request, place, definition)
    found = forms.judged(place, definition, answers, group=group, now=timezone.now())
    touched = filling is not None or draft is not None
    return _page(request, place, definition, filling, answers, found, with_problems=touched, draft=draft)


def _filling(request: HttpRequest, place: Place, group: uuid.UUID) -> Filling:
    found = forms.filling_of(group, place.participant)
    if found is None or _is_hidden(request, found.records):
        raise Http404(str(group))
    return found


def _is_hidden(request: HttpRequest, records: Sequence[Record]) -> bool:
    """Whether it is a reading that the user must not see before his own is signed."""
    hidden = hidden_records(request.user, records[0].participant) if records else Hidden()
    return any(one.pk in hidden.records for one in records)


def _posted(request: HttpRequest, place: Place, definition: FormDefinition, filling: Filling | None) -> HttpResponse:
    answers = _answers(request, definition)
    group = filling.group if filling else None
    status, error, found, against = 422, "", None, None
    if "discard" in request.POST:
        forms.Draft.objects.filter(user=_user(request), key=forms.draft_key(place, group)).delete()
        return redirect(entry_address(place, group) if group else back_address(place))
    try:
        found, saved = forms.form_saved(
            request.user,
            place,
            definition,
            answers,
            group=group,
            versions=_versions(request),
            reason=request.POST.get("reason", ""),
            incomplete_allowed="incomplete" in request.POST,
            entered_late="entered_late" in request.POST,
            deviation=request.POST.get("deviation_reason", "") if "deviation" in request.POST else "",
        )
    except PermissionError:
        return render(request, "theratrial/refused.html", status=403)
    except ConflictError as conflict:
        status, error = 409, str(conflict)
        return _page(request, place, definition, forms.filling_of(group, place.participant) if group else None, answers,
                     forms.judged(place, definition, answers, group=group, now=timezone.now()), with_problems=True,
                     error=error, status=status, conflict=conflict)  # fmt: skip
    except (LockedError, InputError) as refused:
        error, saved = str(refused), None
        against = getattr(refused, "findings", None)
    if saved is not None:
        if found is not None and found.queries:
            messages.warning(request, _("Saved. Queries were raised; look at them."))
        else:
            messages.success(request, _("Saved."))
        target = request.POST.get("next", "")
        again = "another" in request.POST
        inside = target.startswith("/") and url_has_allowed_host_and_scheme(target, None)
        return HttpResponseRedirect(request.path if again else target if inside else back_address(place))
    found = found or forms.judged(place, definition, answers, group=group, now=timezone.now())
    if not found.rows and not error and not found.problems:
        error = _("nothing was typed; fill in at least one item")
    return _page(request, place, definition, filling, answers, found, with_problems=True, error=error, status=status,
                 against=against)  # fmt: skip


def entry_address(place: Place, group: uuid.UUID) -> str:
    """Address of the page that shows a stored filling."""
    if place.participant:
        return reverse("capture:entry", args=[place.participant.code, group])
    return reverse("capture:shared-entry", args=[group])


def preview_address(place: Place, group: uuid.UUID | None) -> str:
    """Where the page sends what is typed so far."""
    who = [place.participant.code] if place.participant else []
    name = "capture:preview" if place.participant else "capture:shared-preview"
    return reverse(f"{name}-stored" if group else name, args=[*who, place.form, *([group] if group else [])])


def back_address(place: Place) -> str:
    """Where a saved form leads back to."""
    if place.participant:
        return reverse("capture:forms", args=[place.participant.code])
    return reverse("pharmacy:batches") if place.form == "batch" else reverse("capture:cameras")


def _page(
    request: HttpRequest,
    place: Place,
    definition: FormDefinition,
    filling: Filling | None,
    answers: Mapping[str, Answer],
    found: Submission,
    *,
    with_problems: bool,
    draft: Any = None,
    error: str = "",
    status: int = 200,
    conflict: ConflictError | None = None,
    against: Findings | None = None,
) -> HttpResponse:
    context = {
        "participant": place.participant,
        "place": place,
        "definition": definition,
        "filling": filling,
        "rows": drawn(
            definition, answers, found, user=request.user, with_problems=with_problems, options=_options(place)
        ),
        "found": found,
        "draft": draft,
        "error": error,
        "against": against or _against(place, definition, filling, found, with_problems),
        "deviation_reason": request.POST.get("deviation_reason", ""),
        "reason": request.POST.get("reason", "") or (draft.answers.get("reason", "") if draft else ""),
        "versions": json.dumps(filling.versions if filling else {}),
        "next": request.POST.get("next", request.GET.get("next", "")),
        "back": back_address(place),
        "others": _others_changes(conflict.record, request) if conflict else (),
        "incomplete_offered": with_problems and bool(found.incomplete) and not found.problems,
        "checks_open": found.undetermined,
        "entry": entry_address(place, filling.group) if filling else "",
        "preview": preview_address(place, filling.group if filling else None),
    }
    template = "capture/form.html" if place.participant else "capture/shared_form.html"
    return render(request, template, context, status=status)


def _against(
    place: Place, definition: FormDefinition, filling: Filling | None, found: Submission, asked: bool
) -> Findings | None:
    """What speaks against an administration as far as it is typed."""
    if not asked or definition.table.name != "administrations" or place.participant is None or not found.rows:
        return None
    return administration_findings(
        place.participant, found.rows[0].cells, record=filling.records[0] if filling else None
    )


def _others_changes(record: Record, request: HttpRequest) -> list[Event]:
    """Who changed the record meanwhile."""
    return list(Event.objects.filter(entity="capture_record", entity_id=str(record.pk)).order_by("-seq")[:3])


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
        _filling(request, place, group)
    answers = _answers(request, definition)
    found = forms.judged(place, definition, answers, group=group, now=timezone.now())
    draft = forms.draft_kept(request.user, place, group, answers, request.POST.get("reason", ""))
    problems = {one.item: f"{one.message}; {one.remedy}".rstrip("; ") for one in found.problems}
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
                        field, answers[field.id].text if field.id in answers else "", _user(request).persian_digits
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
    if not records or _is_hidden(request, records):
        raise Http404(str(group))
    live = tuple(record for record in records if not record.entered_in_error)
    filling = Filling(group, live or tuple(records))
    form = forms.form_of(filling)
    definition = forms.definition_of(form, records[0])
    place = Place(form, participant, records[0].site)
    context = {
        "participant": participant,
        "definition": definition,
        "filling": filling,
        "records": records,
        "lines": entry_lines(definition, filling, request.user),
        "in_error": not live,
        "may_edit": bool(live) and may_enter(request.user, definition.table.name, place.site),
        "edit": reverse("capture:form-edit", args=[participant.code, form, group])
        if participant
        else reverse("capture:shared-form-edit", args=[form, group]),
        "error_address": reverse("capture:in-error", args=[group]),
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
    allowed = all(may_enter(request.user, record.table, record.site) for record in records)
    if not records or not allowed or _is_hidden(request, records):
        raise Http404(str(group))
    participant = records[0].participant
    versions = _versions(request)
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
