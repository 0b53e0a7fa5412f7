"""Radiation protection of one participant: release, restrictions, the physicist's signature, the sheet for home."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from theratrial.errors import InputError
from theratrial.registry.words import LANGUAGES
from theratrial.report.leaflet.page import leaflet_pdf
from theratrial.web.access import may, participant_or_404, requires
from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import live_records
from theratrial.web.ledger.models import Signature
from theratrial.web.ledger.signing import NotConfirmed, sign
from theratrial.web.participants.models import Participant
from theratrial.web.results import selectors
from theratrial.web.results.models import ParticipantResultRow
from theratrial.web.results.protection import KIND, ProtectionShown, leaflet_facts, protection_shown
from theratrial.web.trials.selectors import protocol_in_force


@requires("participants.view")
def protection(request: HttpRequest, code: str) -> HttpResponse:
    """Release and contact restrictions, session by session."""
    return _page(request, participant_or_404(request, code, "participants.view"))


def _page(
    request: HttpRequest, participant: Participant, *, refusal: str = "", session: int = 0, status: int = 200
) -> HttpResponse:
    row = selectors.latest_result(participant)
    age = selectors.age_of(row, participant)
    context = {
        "participant": participant,
        "row": row,
        "age": age,
        "sessions": _sessions(participant, row),
        "planned": protocol_in_force().radiation_protection is not None,
        "refusal": refusal,
        "refused_session": session,
        "languages": LANGUAGES,
        "part": "protection",
        "may_sign": may(request.user, "doses.sign", site=participant.site),
    }
    return render(request, "results/protection.html", context, status=status)


def _sessions(participant: Participant, row: ParticipantResultRow | None) -> list[ProtectionShown]:
    if row is None:
        return []
    signatures = list(Signature.objects.filter(kind=KIND, participant=participant.code).order_by("signed_at", "pk"))
    return protection_shown(row.content, signatures)


def _of(participant: Participant, session: int) -> ProtectionShown:
    found = next(
        (one for one in _sessions(participant, selectors.latest_result(participant)) if one.session.session == session),
        None,
    )
    if found is None:
        raise Http404(session)
    return found


def _current(participant: Participant) -> None:
    """Nothing is signed or printed of results that are older than the data.

    Raises
    ------
    InputError
        They are.
    """
    if not selectors.age_of(selectors.latest_result(participant), participant).current:
        raise InputError(_("the data were changed after the computation; compute again first"))


@require_POST
@requires("doses.sign")
def sign_session(request: HttpRequest, code: str, session: int) -> HttpResponse:
    """Sign release and restrictions of a session."""
    participant = participant_or_404(request, code, "doses.sign")
    found = _of(participant, session)
    try:
        _current(participant)
        sign(
            request,
            kind=KIND,
            key=found.key,
            content=found.content,
            meaning=Signature.Meaning.APPROVED,
            rows=_rests_on(participant, session),
            participant=participant,
            site=participant.site,
            permission="doses.sign",
        )
    except (NotConfirmed, InputError) as error:
        return _page(request, participant, refusal=str(error), session=session, status=422)
    messages.success(request, _("Radiation protection after session %(session)s is signed.") % {"session": session})
    return redirect("results:protection", code=code)


def _rests_on(participant: Participant, session: int) -> list[Record]:
    """A change of one of these voids the signature."""
    of_session = live_records().filter(
        participant=participant, table__in=("administrations", "dose_rates", "discharges"), cells__session=str(session)
    )
    return [*of_session, *live_records().filter(participant=participant, table="household")]


@require_GET
@requires("participants.view")
def leaflet(request: HttpRequest, code: str, session: int, language: str) -> HttpResponse:
    """The sheet for home as PDF; refused without a verdict, unsigned, or where the data moved on."""
    participant = participant_or_404(request, code, "participants.view")
    if language not in LANGUAGES:
        raise Http404(language)
    found = _of(participant, session)
    try:
        _current(participant)
        if not found.signed and not found.leaflet_refused_because:
            raise InputError(_("no sheet is printed before a medical physicist has signed these restrictions"))
        content = leaflet_pdf(leaflet_facts(code, found), "fa" if language == "fa" else "en")
    except InputError as error:
        return _page(request, participant, refusal=str(error), session=-session, status=409)
    answer = HttpResponse(content, content_type="application/pdf")
    answer.headers["Content-Disposition"] = f'inline; filename="protection_{code}_{session}_{language}.pdf"'
    return answer
