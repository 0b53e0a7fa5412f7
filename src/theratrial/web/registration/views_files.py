"""Page: the record out into files, each export written down, and files of a registry in as a draft."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from theratrial.errors import InputError, Problems
from theratrial.exchange.registry_files import MAXIMUM_BYTES, read_registry_file
from theratrial.registry.imported import Imported
from theratrial.registry.people import with_contacts_of
from theratrial.registry.words import Text
from theratrial.web.access import may, requires
from theratrial.web.exports.scope import sha256
from theratrial.web.ledger.act import act, note
from theratrial.web.registration import services
from theratrial.web.registration.brief import state_now
from theratrial.web.registration.files import FORMATS
from theratrial.web.registration.form import kept
from theratrial.web.registration.models import RegistrationVersion
from theratrial.web.registration.selectors import record_of, rows
from theratrial.web.registration.shown import language
from theratrial.web.registration.views import page_context

EXPORTED = "export.registration"
_LONGEST_TOLD = 2000


@requires("registration.view")
def files(request: HttpRequest) -> HttpResponse:
    """What the record can be written as, and where a file is taken in."""
    return _files(request)


def _files(request: HttpRequest, refusal: str = "", status: int = 200) -> HttpResponse:
    state = state_now()
    if state is None:
        return render(request, "registration/none.html", page_context(request, None, "files"))
    context = page_context(request, state, "files") | {
        "formats": FORMATS.values(), "versions": rows(), "may_edit": may(request.user, "registration.edit"),
        "refusal": refusal, "largest_MB": MAXIMUM_BYTES // 1_000_000,
    }  # fmt: skip
    return render(request, "registration/files.html", context, status=status)


@requires("registration.view")
@require_POST
def export(request: HttpRequest) -> HttpResponse:
    """A version as a file; with what points at people only for who edits the record, and ticked."""
    chosen = FORMATS.get(request.POST.get("format", ""))
    number = request.POST.get("version", "")
    if chosen is None or not (number.isascii() and number.isdecimal() and len(number) < 7):
        raise Http404("format or version")
    row = RegistrationVersion.objects.defer("record").filter(number=int(number)).first()
    if row is None:
        raise Http404(number)
    contacts = request.POST.get("contacts") == "1"
    if contacts and not may(request.user, "registration.edit"):
        raise PermissionDenied("registration.edit")
    tongue = "fa" if request.POST.get("language", language()) == "fa" else "en"
    record = record_of(row)
    try:
        content = chosen.write(record, tongue, contacts)  # type: ignore[arg-type]
    except InputError as error:
        return _files(request, str(error), 422)
    spoken = f"-{tongue}" if chosen.spoken else ""
    name = f"{record.registration.number or 'registration'}-version-{row.number}-{chosen.id}{spoken}.{chosen.ending}"
    return sent(request, content, name, chosen.content_type, format=chosen.id, version=row.number, contacts=contacts)


def sent(request: HttpRequest, content: bytes, name: str, content_type: str, **detail: Any) -> HttpResponse:
    """A file, written down with its digest."""
    with act(request.user, EXPORTED):
        note(EXPORTED, sha256=sha256(content), bytes=len(content), **detail)
    answer = HttpResponse(content, content_type=content_type)
    safe = "".join(one if one.isalnum() or one in "-_." else "-" for one in name)
    answer.headers["Content-Disposition"] = f'attachment; filename="{safe}"'
    answer.headers["X-Content-SHA256"] = sha256(content)
    return answer


@requires("registration.edit")
@require_POST
def take_in(request: HttpRequest) -> HttpResponse:
    """A file of a registry as the draft; what found no place in the record is listed beside the difference."""
    state = state_now()
    if state is None:
        raise Http404("no registration record")
    file = request.FILES.get("file")
    if file is None:
        return _files(request, _("Choose a file: a saved page of the registry, XML, JSON or YAML."), 422)
    if (file.size or 0) > MAXIMUM_BYTES:
        largest = MAXIMUM_BYTES // 1_000_000
        return _files(request, _("The file is larger than %(n)s MB; a record is not.") % {"n": largest}, 422)
    if services.draft_of(request.user) is not None and request.POST.get("replace") != "1":
        text = _("You have a draft. Tick that the file replaces it, or sign or throw away the draft first.")
        return _files(request, text, 422)
    name = PurePath(file.name or "file").name
    try:
        found = read_registry_file(file.read(), name, today=state.today)
        kept(found.record)
    except Problems as error:
        return _files(request, "\n".join([str(one) for one in error.problems[:20]]), 422)
    except InputError as error:
        return _files(request, str(error), 422)
    ours, theirs = (one.registration.number for one in (state.history.current.record, found.record))
    if ours and theirs and ours != theirs:
        text = _("The file is the record of %(theirs)s; this trial is registered as %(ours)s.")
        return _files(request, text % {"theirs": theirs, "ours": ours}, 422)
    services.draft_discarded(request.user)
    reason = Text(en=f"Taken in from {name} ({found.format})", fa=f"از پروندهٔ {name} ({found.format}) وارد شد")
    record = with_contacts_of(found.record, state.history.current.record)
    if record != found.record:
        messages.info(request, _("The file names nobody: the people of the record stay as they are."))
    services.draft_kept(request.user, record=record, reason=reason, origin="import", told=_told(found))
    messages.success(request, _("The file is read into your draft. Look at the difference; nothing is saved yet."))
    return redirect("registration:preview")


def _told(found: Imported) -> list[dict[str, str]]:
    unplaced = [
        {
            "where": one.where,
            "name": one.name,
            "value": one.value[:_LONGEST_TOLD],
            "why": one.why,
            "suggestion": one.suggestion,
        }
        for one in found.unplaced
    ]
    notes = [
        {"where": "", "name": "", "value": one[:_LONGEST_TOLD], "why": _("repaired on reading")} for one in found.notes
    ]
    return (unplaced + notes)[:500]
