"""One form on a page, to enter or to correct: every page that fills a form of the protocol calls this."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as with_default
from typing import Any, Final

from django.contrib import messages
from django.db.models.fields.json import KT
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.forms import Answer, FormDefinition, Submission
from theratrial.safety.adverse import event_terms
from theratrial.web.capture import forms
from theratrial.web.capture.conflicts import Merged, merged
from theratrial.web.capture.form_drawing import drawn, issue_text
from theratrial.web.capture.form_rights import OF_THE_SITE, filled_in, may_correct_all, may_enter
from theratrial.web.capture.forms import Filling, Place
from theratrial.web.capture.models import Query, Record
from theratrial.web.capture.selectors import live_records
from theratrial.web.capture.services import ConflictError, LockedError
from theratrial.web.people.models import User
from theratrial.web.people.permissions import may
from theratrial.web.pharmacy.guards import Findings, administration_findings
from theratrial.web.results.blinding import Hidden, hidden_records
from theratrial.web.trials.selectors import protocol_in_force


@dataclass(frozen=True, slots=True)
class Setting:
    """What a page adds to the form that it shows; the form itself is the protocol's.

    Parameters
    ----------
    template
        Page around the form.
    back
        Address that saving and leaving lead to.
    context
        More for the template.
    starts_with
        Column -> text that a new form starts with.
    written
        Column -> text that the page itself writes at saving; such an item is not asked.
    said
        Code of a finding -> the page's own words for it.
    """

    template: str = ""
    back: str = ""
    context: Mapping[str, Any] = with_default(default_factory=dict)
    starts_with: Mapping[str, str] = with_default(default_factory=dict)
    written: Mapping[str, str] = with_default(default_factory=dict)
    said: Mapping[str, str] = with_default(default_factory=dict)


PLAIN: Final = Setting()


def signed_in_user(request: HttpRequest) -> User:
    """The signed-in person; views with a permission are reached by nobody else."""
    user: Any = request.user
    person: User = user
    return person


def posted_answers(request: HttpRequest, definition: FormDefinition) -> dict[str, Answer]:
    """What was typed, item by item."""
    return {
        field.id: Answer(request.POST.get(f"i-{field.id}", ""), request.POST.get(f"u-{field.id}", ""))
        for field in definition.fields
        if field.calculated is None and f"i-{field.id}" in request.POST
    }


def _new_answers(request: HttpRequest, place: Place, definition: FormDefinition, setting: Setting) -> dict[str, Answer]:
    """What a new form starts with: the person's own code and role, the session and visit it was opened from."""
    answers = {}
    columns = {"session": str(place.session or ""), "visit_id": place.visit, **setting.starts_with}
    for field in definition.fields:
        choices = tuple(choice.value for choice in field.choices)
        text = filled_in(request.user, definition.table.name, field.column, choices, place.site)
        text = text or columns.get(field.column, "") or request.GET.get(f"i-{field.id}", "")
        if field.type == "choice" and len(choices) == 1 and field.required:
            text = choices[0]
        if text:
            answers[field.id] = Answer(text)
    return answers


def _written(definition: FormDefinition, setting: Setting) -> dict[str, Answer]:
    """The items that the page answers by itself."""
    return {
        field.id: Answer(setting.written[field.column])
        for field in definition.fields
        if field.column in setting.written
    }


def _of_her_site(place: Place, definition: FormDefinition) -> dict[str, Answer]:
    """The item that names the participant's site: not typed, and shown right where a record has it wrong."""
    table, column = OF_THE_SITE
    if definition.table.name != table or place.participant is None:
        return {}
    return {field.id: Answer(place.participant.site.code) for field in definition.fields if field.column == column}


def _options(place: Place, definition: FormDefinition) -> dict[str, tuple[str, ...]]:
    """Column -> words that may be picked, of those that no protocol lists: released batches, terms, serious events."""
    if definition.table.name == "adverse_events":
        gate = protocol_in_force().safety_gate.reading
        return {"term": tuple(one.term for one in event_terms(gate.ctcae_version if gate else "5.0").values())}
    if definition.table.name == "serious_reports":
        events = live_records().filter(table="adverse_events", participant=place.participant, cells__serious="yes")
        return {"term": tuple(sorted({one or "" for one in events.values_list(KT("cells__term"), flat=True)}))}
    if place.participant is None or not any(field.column == "batch_id" for field in definition.fields):
        return {}
    released = live_records().filter(table="batches", cells__released="yes")
    return {"batch_id": tuple(one or "" for one in released.values_list(KT("cells__batch_id"), flat=True))}


def seen_versions(request: HttpRequest) -> dict[str, int]:
    """Record id -> version that the person had before her eyes."""
    try:
        found = json.loads(request.POST.get("versions", "{}"))
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(key): value for key, value in found.items() if isinstance(value, int)}


def form_page(request: HttpRequest, place: Place, group: uuid.UUID | None, setting: Setting = PLAIN) -> HttpResponse:
    """Show the form, or save what was posted; the draft, the reason of a change and a conflict are seen to here."""
    filling = filling_or_404(request, place, group) if group else None
    definition = forms.definition_of(place.form)
    if filling is not None and forms.form_of(filling) != place.form:
        raise Http404(str(group))
    if request.method == "POST":
        return _posted(request, place, definition, filling, setting)
    if filling is None and not may_enter(request.user, definition.table.name, place.site):
        return render(request, "theratrial/refused.html", status=403)
    if filling is not None and not may_correct_all(request.user, filling.records):
        return redirect(entry_address(place, filling.group))
    draft = forms.draft_of(request.user, place, group) if "fresh" not in request.GET else None
    meanwhile = None
    if draft is not None:
        answers = forms.draft_answers(draft, definition)
        seen = draft.answers.get("versions")
        if filling is not None and seen and seen != filling.versions:
            # Typed on an older state: saved as it is, it would take back what somebody changed since.
            meanwhile = merged(definition, filling, answers, seen, signed_in_user(request).calendar)
            answers = meanwhile.answers
    elif filling is not None:
        answers = forms.stored_answers(definition, filling, signed_in_user(request).calendar)
    else:
        answers = _new_answers(request, place, definition, setting)
    answers |= _written(definition, setting) | _of_her_site(place, definition)
    found = forms.judged(place, definition, answers, group=group, now=timezone.now())
    touched = filling is not None or draft is not None
    return _page(request, place, definition, filling, answers, found, with_problems=touched, draft=draft,
                 conflict=meanwhile, setting=setting)  # fmt: skip


def filling_or_404(request: HttpRequest, place: Place, group: uuid.UUID) -> Filling:
    """A stored filling that the user may see."""
    found = forms.filling_of(group, place.participant)
    if found is None or is_hidden(request, found.records) or not _of_own_sites(request, found.records):
        raise Http404(str(group))
    return found


def _of_own_sites(request: HttpRequest, records: Sequence[Record]) -> bool:
    """Whether rows without a participant are of a site of the user's, or of all sites; of others' there are none."""
    return all(
        one.participant_id is not None or one.site_id is None or may(request.user, "trial.view", site=one.site)
        for one in records
    )


def is_hidden(request: HttpRequest, records: Sequence[Record]) -> bool:
    """Whether it is a reading that the user must not see before his own is signed."""
    hidden = hidden_records(request.user, records[0].participant) if records else Hidden()
    return any(one.pk in hidden.records for one in records)


def _posted(
    request: HttpRequest, place: Place, definition: FormDefinition, filling: Filling | None, setting: Setting
) -> HttpResponse:
    answers = posted_answers(request, definition) | _written(definition, setting)
    group = filling.group if filling else None
    status, error, found, against = 422, "", None, None
    began = timezone.now()
    if "discard" in request.POST:
        forms.Draft.objects.filter(user=signed_in_user(request), key=forms.draft_key(place, group)).delete()
        return redirect(setting.back or (entry_address(place, group) if group else back_address(place)))
    try:
        found, saved = forms.form_saved(
            request.user,
            place,
            definition,
            answers,
            group=group,
            versions=seen_versions(request),
            reason=request.POST.get("reason", ""),
            incomplete_allowed="incomplete" in request.POST,
            entered_late="entered_late" in request.POST,
            deviation=request.POST.get("deviation_reason", "") if "deviation" in request.POST else "",
        )
    except PermissionError:
        return render(request, "theratrial/refused.html", status=403)
    except ConflictError as refused:
        status, error = 409, str(refused)
        current = forms.filling_of(group, place.participant) if group else None
        found_now = Merged(answers)
        if current is not None:
            calendar = signed_in_user(request).calendar
            found_now = merged(definition, current, answers, seen_versions(request), calendar)
        return _page(request, place, definition, current, found_now.answers,
                     forms.judged(place, definition, found_now.answers, group=group, now=timezone.now()),
                     with_problems=True, error=error, status=status, conflict=found_now, setting=setting)  # fmt: skip
    except (LockedError, InputError) as refused:
        error, saved = str(refused), None
        against = getattr(refused, "findings", None)
    if saved is not None:
        if found is None or not found.queries:
            messages.success(request, _("Saved."))
        elif Query.objects.filter(kind="system", opened_at__gte=began, participant=place.participant).exists():
            messages.warning(request, _("Saved. Queries were raised; look at them."))
        else:
            messages.success(request, _("Saved. A query on it is open since before."))
        target = request.POST.get("next", "")
        again = "another" in request.POST
        inside = target.startswith("/") and url_has_allowed_host_and_scheme(target, None)
        return HttpResponseRedirect(
            request.path if again else target if inside else setting.back or back_address(place)
        )
    found = found or forms.judged(place, definition, answers, group=group, now=timezone.now())
    if not found.rows and not error and not found.problems:
        error = _("nothing was typed; fill in at least one item")
    return _page(request, place, definition, filling, answers, found, with_problems=True, error=error, status=status,
                 against=against, setting=setting)  # fmt: skip


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
    conflict: Merged | None = None,
    against: Findings | None = None,
    setting: Setting = PLAIN,
) -> HttpResponse:
    options = _options(place, definition)
    rows = drawn(
        definition, answers, found, user=request.user, with_problems=with_problems, options=options, said=setting.said
    )
    written = _written(definition, setting)
    context = {
        "participant": place.participant,
        "place": place,
        "definition": definition,
        "filling": filling,
        "rows": tuple(row for row in rows if not written.keys() & {one.field.id for one in row.fields}),
        "written": {item: answer.text for item, answer in written.items()},
        "found": found,
        "draft": draft,
        # What is wrong with an item that is not asked has no field to stand at.
        "error": error or "; ".join(issue_text(one, setting.said) for one in found.problems if one.item in written),
        "against": against or _against(place, definition, filling, found, with_problems),
        "deviation_reason": request.POST.get("deviation_reason", ""),
        "reason": request.POST.get("reason", "") or (draft.answers.get("reason", "") if draft else ""),
        "versions": json.dumps(filling.versions if filling else {}),
        "next": request.POST.get("next", request.GET.get("next", "")),
        "back": setting.back or back_address(place),
        "others": conflict.events if conflict else (),
        "changed_meanwhile": conflict.changed if conflict else (),
        "incomplete_offered": with_problems and bool(found.incomplete) and not found.problems,
        "checks_open": found.undetermined,
        "entry": entry_address(place, filling.group) if filling else "",
        "preview": preview_address(place, filling.group if filling else None),
        **setting.context,
    }
    template = setting.template or ("capture/form.html" if place.participant else "capture/shared_form.html")
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
