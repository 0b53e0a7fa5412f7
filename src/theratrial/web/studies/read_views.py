"""The whole-body pair of a session and the form of its read, side by side."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from theratrial.errors import InputError
from theratrial.web.access import may, participant_or_404, requires
from theratrial.web.ledger.signing import NotConfirmed, content_digest, sign, signatures_of, valid_signatures
from theratrial.web.participants.models import Participant
from theratrial.web.studies import reads
from theratrial.web.studies.content_views import whole_body_rows
from theratrial.web.studies.reads import KIND, Answer
from theratrial.web.studies.series_views import plan_titles, short_titles, viewer_words
from theratrial.web.trials.selectors import protocol_in_force


@require_safe
@requires("images.view")
def pair(request: HttpRequest, code: str, session: int) -> HttpResponse:
    """The scans of a session on one scale, what was read, and the reader's own form."""
    return _page(request, participant_or_404(request, code, "images.view"), session)


def _page(
    request: HttpRequest,
    participant: Participant,
    session: int,
    *,
    refusal: str = "",
    sign_refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    rows, _labels = whole_body_rows(participant, session)
    there = reads.scans(participant, session)
    records = reads.reads(participant, session)
    if not rows and not records:
        raise Http404(session)
    username = request.user.get_username()
    mine = reads.own_reads(records, username)
    titles, short, answers = plan_titles(), short_titles(), answer_words()
    content = reads.signed_content(participant, session, list(mine.values())) if mine else {}
    key = f"{participant.code}/{session}/{username}"
    context = {
        "participant": participant,
        "session": session,
        "rows": [(titles.get(row.imaging, row.imaging), row) for row in rows],
        "reads": [
            {
                "title": short.get(one.cells.get("imaging_id", ""), one.cells.get("imaging_id", "")),
                "result": answers.get(one.cells.get("result", ""), one.cells.get("result", "")),
                "lesions": one.entered.get("lesions_seen", {}).get("text", ""),
                "record": one,
            }
            for one in records
        ],
        "may_read": may(request.user, "biodistribution.read", site=participant.site) and bool(there),
        "form": [_scan_form(request, name, titles, mine.get(name)) for name in there],
        "answers": list(answers.items()),
        "lesions": reads.lesions(participant, request.user),
        "changes": bool(mine),
        "words_json": json.dumps(viewer_words(), ensure_ascii=False),
        "refusal": refusal,
        "sign_refusal": sign_refusal,
        "kind": KIND,
        "key": key,
        "digest": content_digest(KIND, key, content) if mine else "",
        "signatures": _signatures(participant, session, records),
        "to_sign": bool(mine) and not valid_signatures(KIND, key, content),
        "statement": _statement(session),
    }
    return render(request, "studies/pair.html", context, status=status)


def _scan_form(request: HttpRequest, name: str, titles: dict[str, str], record: Any) -> dict[str, Any]:
    """What stands in the form: what was just typed, else what is kept."""
    made: dict[str, Any] = {"name": name, "title": titles.get(name, name), "version": record.version if record else 0}
    if request.method == "POST" and "reason" in request.POST:
        typed = request.POST
        return made | {
            "result": typed.get(f"{name}-result", ""),
            "comment": typed.get(f"{name}-comment", ""),
            "lesions": typed.getlist(f"{name}-lesions"),
        }
    cells = record.cells if record else {}
    named = record.entered.get("lesions_seen", {}).get("text", "") if record else ""
    return made | {
        "result": cells.get("result", ""),
        "comment": cells.get("comment", ""),
        "lesions": [one for one in named.split(", ") if one],
    }


def _signatures(participant: Participant, session: int, records: list[Any]) -> list[Any]:
    readers = sorted({one.cells.get("reader", "") for one in records})
    return [found for reader in readers for found in signatures_of(KIND, f"{participant.code}/{session}/{reader}")]


def _statement(session: int) -> str:
    return _("I have read the whole-body scans of session %(session)s as shown here.") % {"session": session}


def answer_words() -> dict[str, str]:
    """The protocol's answers in the user's language, where the protocol says them."""
    language = (get_language() or "en")[:2]
    known = {one: one for one in reads.plan().answers}
    clause = protocol_in_force().forms.get(KIND)
    for item in clause.reading.items if clause and clause.reading else ():
        if item.id == "result":
            known |= {key: text for key, text in item.choice_labels.get(language, {}).items() if key in known}
    return known


@require_POST
@requires("biodistribution.read")
def record(request: HttpRequest, code: str, session: int) -> HttpResponse:
    """Keep the reader's answers."""
    participant = participant_or_404(request, code, "biodistribution.read")
    given = request.POST
    try:
        answers = [
            Answer(
                name,
                given.get(f"{name}-result", ""),
                tuple(given.getlist(f"{name}-lesions")),
                given.get(f"{name}-comment", "")[:2000],
                _version(given.get(f"{name}-version", "")),
            )
            for name in reads.scans(participant, session)
            if given.get(f"{name}-result")
        ]
        reads.read_recorded(request.user, participant, session, answers, reason=given.get("reason", ""))
    except InputError as error:
        return _page(request, participant, session, refusal=str(error), status=422)
    messages.success(request, _("The read is kept. Sign it to make it yours."))
    return redirect("studies:pair", code=code, session=session)


def _version(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else 0


@require_POST
@requires("biodistribution.read")
def sign_read(request: HttpRequest, code: str, session: int) -> HttpResponse:
    """Sign one's own read as it stands."""
    participant = participant_or_404(request, code, "biodistribution.read")
    mine = reads.own_reads(reads.reads(participant, session), request.user.get_username())
    if not mine:
        return _page(request, participant, session, refusal=_("Keep your read first, then sign it."), status=422)
    rows = list(mine.values())
    try:
        sign(
            request,
            kind=KIND,
            key=f"{participant.code}/{session}/{request.user.get_username()}",
            content=reads.signed_content(participant, session, rows),
            meaning="entered",
            statement=_statement(session),
            rows=rows,
            participant=participant,
            permission="biodistribution.read",
        )
    except NotConfirmed as refusal:
        return _page(request, participant, session, sign_refusal=str(refusal), status=422)
    messages.success(request, _("The read is signed."))
    return redirect("studies:pair", code=code, session=session)
