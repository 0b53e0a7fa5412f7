"""Pages of eligibility and of the selection read."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.web.access import may, participant_or_404, requires
from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import participant_rows
from theratrial.web.ledger.signing import NotConfirmed, content_digest
from theratrial.web.participants import eligible, selection
from theratrial.web.participants.models import Participant
from theratrial.web.participants.states import read_words


def _signing(participant: Participant, folder: Any, result: Any, outcome: str, override: str) -> dict[str, Any]:
    content = eligible.content_of(participant, folder, result, outcome=outcome, override=override)
    return {
        "outcome": outcome,
        "override": override,
        "digest": content_digest(eligible.KIND, participant.code, content),
        "statement": eligible.statement(outcome, override),
        "meaning": "overruled" if override else "approved",
        "label": _("Sign: %(outcome)s") % {"outcome": eligible.verdict_words(outcome)},
    }


def _page(request: HttpRequest, participant: Participant, *, refusal: str = "", status: int = 200) -> HttpResponse:
    rows = participant_rows(participant)
    folder, unreadable = rows.folder, eligible.unreadable_shown(participant, rows)
    try:
        result = eligible.judged(participant, folder, eligible.moment_shown(participant, folder))
    except InputError as error:
        context = {"participant": participant, "why": str(error), "unreadable": unreadable, "refusal": refusal}
        return render(request, "participants/eligibility_unjudged.html", context, status=status)
    content = eligible.content_of(participant, folder, result)
    asked = request.POST if request.method == "POST" else request.GET
    override, wanted = asked.get("override", "").strip()[:1000], asked.get("outcome", "")
    verdict = result.verdict.value
    to_sign = None
    may_sign = may(request.user, "eligibility.sign", site=participant.site)
    if may_sign and override and wanted in ("eligible", "not_eligible") and wanted != verdict:
        to_sign = _signing(participant, folder, result, wanted, override)
    elif may_sign and verdict != "not_known":
        to_sign = _signing(participant, folder, result, verdict, "")
    context = {
        "participant": participant, "content": content, "at": content["at"], "verdict": verdict,
        "verdict_words": eligible.verdict_words(verdict), "criteria": eligible.criteria_shown(content, participant),
        "signatures": eligible.signatures_shown(participant, folder), "to_sign": to_sign, "refusal": refusal,
        "may_sign": may_sign, "unreadable": unreadable, "reads": _reads(participant), "rule": selection.rule(),
        "may_read": may(request.user, "selection.read", site=participant.site),
    }  # fmt: skip
    return render(request, "participants/eligibility.html", context, status=status)


def _reads(participant: Participant) -> list[dict[str, Any]]:
    return [
        {**one, "result": read_words(one["record"].cells.get("result", ""))} for one in selection.reads_of(participant)
    ]


@requires("participants.view")
def eligibility_page(request: HttpRequest, code: str) -> HttpResponse:
    """Each criterion with its sentence, value, age and source."""
    return _page(request, participant_or_404(request, code, "participants.view"))


@requires("eligibility.sign")
def eligibility_sign(request: HttpRequest, code: str) -> HttpResponse:
    """Sign what the page shows."""
    participant = participant_or_404(request, code, "eligibility.sign")
    if request.method != "POST":
        return redirect("participants:eligibility", code=code)
    given = request.POST
    try:
        eligible.eligibility_signed(
            request,
            participant,
            outcome=given.get("outcome", ""),
            override=given.get("override", "")[:1000],
            asked_at=given.get("at", ""),
        )
    except (NotConfirmed, InputError) as error:
        return _page(request, participant, refusal=str(error), status=422)
    messages.success(request, _("Eligibility is signed."))
    return redirect("participants:eligibility", code=code)


@requires("selection.read")
def selection_page(request: HttpRequest, code: str) -> HttpResponse:
    """The form of a selection read."""
    participant = participant_or_404(request, code, "selection.read")
    values, errors = request.POST.dict(), {}
    refusal = ""
    if request.method == "POST":
        errors = selection.read_checked(values)
        if not errors:
            try:
                made = selection.selection_read_recorded(request.user, participant, values)
                return redirect("participants:selection-sign", code=code, record=made.pk)
            except InputError as error:
                refusal = str(error)
    context = {
        "participant": participant, "values": values, "errors": errors, "refusal": refusal, "rule": selection.rule(),
        "role": selection.reader_role(request.user, participant),
        "results": [(one, read_words(one)) for one in selection.RESULTS],
        "pictures": selection.pictures_of(participant),
        "may_see_images": may(request.user, "images.view", site=participant.site),
    }  # fmt: skip
    return render(request, "participants/selection.html", context, status=422 if errors or refusal else 200)


@requires("selection.read")
def selection_sign(request: HttpRequest, code: str, record: Any) -> HttpResponse:
    """Sign the read that was saved."""
    participant = participant_or_404(request, code, "selection.read")
    found = Record.objects.filter(
        pk=record, participant=participant, table="selection_reads", entered_in_error=False
    ).first()
    if found is None:
        raise Http404(str(record))
    refusal = ""
    if request.method == "POST":
        try:
            selection.selection_read_signed(request, participant, found)
        except (NotConfirmed, InputError) as error:
            refusal = str(error)
        else:
            messages.success(request, _("The read is signed."))
            return redirect("participants:eligibility", code=code)
    context = {
        "participant": participant, "record": found, "refusal": refusal, "rule": selection.rule(),
        "result": read_words(found.cells.get("result", "")), "statement": selection.statement(),
        "digest": content_digest("record", str(found.pk), selection.content_of(found)),
        "pictures": selection.pictures_of(participant),
        "may_see_images": may(request.user, "images.view", site=participant.site),
    }  # fmt: skip
    return render(request, "participants/selection_sign.html", context, status=422 if refusal else 200)
