"""Pages: the form of the next version, its draft, the difference it makes, signing it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from theratrial.errors import InputError, Problems
from theratrial.registry.found import Finding
from theratrial.registry.words import Text
from theratrial.web.access import may, requires
from theratrial.web.ledger.signing import NotConfirmed, content_digest
from theratrial.web.registration import services
from theratrial.web.registration.brief import State, findings_now, state_now
from theratrial.web.registration.checking import tasks_of
from theratrial.web.registration.comparing import drawn_changes
from theratrial.web.registration.form import groups, record_read, tokens_of, typed
from theratrial.web.registration.form_drawing import both_calendars, drawn_form, field_id
from theratrial.web.registration.models import RegistrationDraft, RegistrationVersion
from theratrial.web.registration.rebasing import rebased
from theratrial.web.registration.selectors import record_of
from theratrial.web.registration.shown import dates_held, finding_without_codes, label_of
from theratrial.web.registration.views import hidden_codes, page_context


def _state() -> State:
    state = state_now()
    if state is None:
        raise Http404("no registration record")
    return state


@requires("registration.edit")
def edit(request: HttpRequest) -> HttpResponse:
    """The form, filled from the draft or the newest version."""
    state = _state()
    draft = services.draft_of(request.user)
    if request.method == "POST":
        return _sent(request, state)
    if draft is None:
        record = state.history.current.record
        return _form(request, state, None, record, {}, record_read({}, record, today=state.today))
    base, read = services.draft_read(draft)
    return _form(request, state, draft, base, draft.answers, read)


def _sent(request: HttpRequest, state: State) -> HttpResponse:
    """Keep what was typed, whatever it is; then what the button asks for."""
    draft = services.draft_kept(
        request.user, answers=typed(request.POST.dict()), base_number=_base_number(request), reason=_reason(request)
    )
    what, _colon, which = request.POST.get("do", "keep").partition(":")
    base, read = services.draft_read(draft)
    if what in ("add", "remove"):
        return _members(request, draft, what, which)
    if what == "preview":
        if read.errors:
            return _form(request, state, draft, base, draft.answers, read, status=422)
        return redirect("registration:preview")
    messages.success(request, _("Your draft is kept. Nothing is changed in the record yet."))
    return redirect("registration:edit")


def _base_number(request: HttpRequest) -> int | None:
    text = request.POST.get("base", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else None


def _reason(request: HttpRequest) -> Text | None:
    if "reason_en" not in request.POST and "reason_fa" not in request.POST:
        return None
    return Text(en=request.POST.get("reason_en", "")[:5000], fa=request.POST.get("reason_fa", "")[:5000])


def _members(request: HttpRequest, draft: RegistrationDraft, what: str, which: str) -> HttpResponse:
    """One more member of a group, or one fewer."""
    group, _comma, token = which.partition(",")
    if group not in groups():
        raise Http404(group)
    base, _read = services.draft_read(draft)
    tokens = tokens_of(draft.answers, group, base)
    place = f"s-{groups()[group][0].section}"
    if what == "add":
        used = [int(one[1:]) for one in tokens if one.startswith("n")]
        new = f"n{max(used, default=0) + 1}"
        tokens, place = [*tokens, new], f"m-{group}-{new}"
    else:
        tokens = [one for one in tokens if one != token]
    services.draft_kept(request.user, answers={**draft.answers, f"m:{group}": ",".join(tokens)})
    return redirect(f"{reverse('registration:edit')}#{place}")


def _form(
    request: HttpRequest,
    state: State,
    draft: RegistrationDraft | None,
    base: Any,
    answers: Any,
    read: Any,
    status: int = 200,
) -> HttpResponse:
    context = page_context(request, state, "edit") | {
        "sections": drawn_form(base, answers, read, _findings(request, state)),
        "errors": [
            {"label": label_of(_plain_path(path)), "id": field_id(path), "text": dates_held(text)}
            for path, text in read.errors.items()
        ],
        "draft": draft, "base_number": draft.base_number if draft else state.history.current.number,
        "overtaken": draft is not None and draft.base_number != state.history.current.number,
        "may_sign": may(request.user, "registration.sign"),
    }  # fmt: skip
    return render(request, "registration/edit.html", context, status=status)


def _plain_path(path: str) -> str:
    """A path with a new member's token as one that has a number."""
    return path.replace("[n", "[")


@requires("registration.edit")
@require_POST
def draft(request: HttpRequest) -> HttpResponse:
    """Keep the draft while it is typed; say what cannot be read, and dates in both calendars."""
    kept = services.draft_kept(
        request.user, answers=typed(request.POST.dict()), base_number=_base_number(request), reason=_reason(request)
    )
    base, read = services.draft_read(kept)
    dates = {
        field_id(name[2:-2]): both_calendars(value)
        for name in kept.answers
        if name.endswith(":t") and (value := _read_at(read.record, base, kept.answers, name[2:-2])) is not None
    }
    errors = {field_id(path): dates_held(text) for path, text in read.errors.items()}
    return JsonResponse({"saved_at": kept.saved_at.isoformat(), "errors": errors, "dates": dates})


def _read_at(record: Any, base: Any, answers: Any, path: str) -> Any:
    """The value that was read for a path with tokens in it."""
    from theratrial.registry.fields import field_of, value_at

    group, _bracket, rest = path.partition("[")
    if not rest:
        return value_at(record, path) if _kind(field_of, path) == "date" else None
    token, _end, own = rest.partition("]")
    tokens = tokens_of(answers, group, base)
    if token not in tokens or _kind(field_of, f"{group}[0]{own}") != "date":
        return None
    return value_at(record, f"{group}[{tokens.index(token)}]{own}")


def _kind(field_of: Any, path: str) -> str:
    try:
        return str(field_of(path).kind)
    except KeyError:
        return ""


@requires("registration.edit")
@require_POST
def discard(request: HttpRequest) -> HttpResponse:
    """Throw the draft away."""
    services.draft_discarded(request.user)
    messages.info(request, _("Your draft is gone; the record is as it was."))
    return redirect("registration:record")


@requires("registration.edit")
def preview(request: HttpRequest) -> HttpResponse:
    """What the draft changes; and signing it, which makes the new version."""
    state = _state()
    found = services.draft_of(request.user)
    if found is None:
        messages.info(request, _("You have no draft: change something first."))
        return redirect("registration:edit")
    if request.method == "POST" and _reason(request) is not None:
        services.draft_kept(request.user, reason=_reason(request))
        return redirect("registration:preview")
    return _preview(request, state, found)


@requires("registration.sign")
@require_POST
def sign(request: HttpRequest) -> HttpResponse:
    """The new version."""
    found = services.draft_of(request.user)
    if found is None:
        return redirect("registration:edit")
    try:
        made = services.version_made(request, found)
    except services.Overtaken as conflict:
        return _preview(request, _state(), found, str(conflict), 409)
    except Problems as problems:
        return _preview(request, _state(), found, "; ".join(str(one) for one in problems.problems[:5]), 422)
    except (NotConfirmed, InputError) as refusal:
        return _preview(request, _state(), found, str(refusal), 422)
    messages.success(
        request,
        _("Version %(number)s is made and signed. Send it to the registry, then record the day here.")
        % {"number": made.number},
    )
    return redirect("registration:record")


def _preview(
    request: HttpRequest, state: State, found: RegistrationDraft, refusal: str = "", status: int = 200
) -> HttpResponse:
    candidate = services.candidate_of(found)
    content = services.content_of(candidate)
    key = str(candidate.base.number + 1)
    context = page_context(request, state, "edit") | {
        "candidate": candidate, "changes": drawn_changes(candidate.changes, contacts=True), "draft": found,
        "hindered": services.hindered(candidate), "refusal": refusal, "key": key,
        "digest": content_digest(services.KIND, key, content), "statement": services.statement(candidate),
        "may_sign": may(request.user, "registration.sign"), "told": found.told,
        "new_findings": _new_findings(candidate, hidden_codes(request.user, state)),
    }  # fmt: skip
    if candidate.overtaken:
        context |= _theirs(found)
    return render(request, "registration/preview.html", context, status=status)


def _findings(request: HttpRequest, state: State) -> list[Finding]:
    hidden = hidden_codes(request.user, state)
    return [finding_without_codes(one, hidden) for one in findings_now()]


def _new_findings(candidate: services.Candidate, hidden: frozenset[str]) -> list[Any]:
    """What the check says of the draft and does not say of the newest version."""
    known = {(one.rule, one.path, one.message.en) for one in findings_now()}
    found = findings_now(candidate.record)
    new = [one for one in found if (one.rule, one.path, one.message.en) not in known]
    return tasks_of([finding_without_codes(one, hidden) for one in new], candidate.record)


def _theirs(found: RegistrationDraft) -> dict[str, Any]:
    """What was changed by the versions made since the draft was begun."""
    numbers = RegistrationVersion.objects.filter(number__gte=found.base_number).order_by("number")
    rows = list(numbers.defer("record"))
    changes = services.changed(record_of(rows[0]), record_of(rows[-1]))
    return {"theirs": rows[1:], "their_changes": drawn_changes(changes, contacts=True)}


@requires("registration.edit")
@require_POST
def rebase(request: HttpRequest) -> HttpResponse:
    """Put one's own changes onto the newest version."""
    found = services.draft_of(request.user)
    if found is None:
        return redirect("registration:edit")
    base_row = RegistrationVersion.objects.filter(number=found.base_number).defer("record").first()
    candidate = services.candidate_of(found)
    if base_row is None or not candidate.overtaken:
        return redirect("registration:preview")
    if candidate.errors:
        messages.error(request, _("Some fields cannot be read yet: mend them in the form."))
        return redirect("registration:edit")
    made = rebased(record_of(base_row), candidate.record, record_of(candidate.base))
    services.draft_kept(request.user, record=made.record, onto=candidate.base.number)
    if made.both:
        labels = ", ".join(label_of(path) for path in made.both[:10])
        messages.warning(
            request, _("Both of you changed: %(fields)s. Yours stands there now; look at it.") % {"fields": labels}
        )
    messages.success(request, _("Your changes stand on the newest version now. Look at them once more, then sign."))
    return redirect("registration:preview")


__all__ = ["discard", "draft", "edit", "preview", "rebase", "sign"]
