"""Dosimetry of one participant: reviewed and signed by the physicist."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from theratrial.errors import InputError
from theratrial.results.plain import plain
from theratrial.results.values import ParticipantResult, RegionDoseResult
from theratrial.web.access import may, participant_or_404, requires
from theratrial.web.capture.models import Record
from theratrial.web.capture.selectors import live_records
from theratrial.web.ledger.models import Event, Signature
from theratrial.web.ledger.signing import NotConfirmed, sign
from theratrial.web.participants.models import Participant
from theratrial.web.results import selectors
from theratrial.web.results.dosimetry import KIND, STATES, SessionShown, session_shown
from theratrial.web.results.models import ParticipantResultRow
from theratrial.web.results.services import computation_requested
from theratrial.web.results.tracing import record_links, trace_lines
from theratrial.web.studies.models import Series


@requires("participants.view")
def dosimetry(request: HttpRequest, code: str) -> HttpResponse:
    """Doses per session; who may not see doses is led to what she may see."""
    participant = participant_or_404(request, code, "participants.view")
    if not may(request.user, "doses.view", site=participant.site):
        return redirect("results:safety", code=code)
    return _page(request, participant)


def _page(
    request: HttpRequest, participant: Participant, *, refusal: str = "", session: int = 0, status: int = 200
) -> HttpResponse:
    row = selectors.latest_result(participant)
    context: dict[str, Any] = {
        "participant": participant,
        "row": row,
        "age": selectors.age_of(row, participant),
        "under_way": [one for one in selectors.under_way() if one.participant_id in (None, participant.pk)],
        "states": STATES,
        "refusal": refusal,
        "refused_session": session,
        "part": "dosimetry",
        "may_sign": may(request.user, "doses.sign", site=participant.site),
    }
    if row is not None:
        one = selectors.participant_result(row)
        context |= {
            "one": one,
            "sessions": _sessions(one, row),
            "notes": row.content.get("notes", []),
            "report": selectors.computation_folder(row.computation) is not None,
            "limits": [dose for dose in one.cumulative_doses if dose.limit_Gy],
        }
    return render(request, "results/dosimetry.html", context, status=status)


def _sessions(one: ParticipantResult, row: ParticipantResultRow) -> list[SessionShown]:
    signatures = list(Signature.objects.filter(kind=KIND, participant=one.participant_id).order_by("signed_at", "pk"))
    return [session_shown(one, session, row.for_gate, signatures) for session in one.sessions]


@require_POST
@requires("computations.start")
def start(request: HttpRequest, code: str) -> HttpResponse:
    """Compute this participant alone, for a quick answer."""
    participant = participant_or_404(request, code, "computations.start")
    computation_requested(request.user, "participant", participant=participant)
    messages.success(request, _("The computation of this participant waits for a worker."))
    return redirect("results:participant", code=code)


@require_POST
@requires("doses.sign")
def sign_session(request: HttpRequest, code: str, session: int) -> HttpResponse:
    """Sign the doses of a session."""
    participant = participant_or_404(request, code, "doses.sign")
    row = selectors.latest_result(participant)
    found = None
    if row is not None:
        one = selectors.participant_result(row)
        found = next((shown for shown in _sessions(one, row) if shown.session.session == session), None)
    if found is None:
        raise Http404(session)
    rests_on = session_rows(participant, session)
    try:
        _current_or_refused(row, rests_on)
        sign(
            request,
            kind=KIND,
            key=found.key,
            content=found.content,
            meaning=Signature.Meaning.APPROVED,
            rows=rests_on,
            participant=participant,
            site=participant.site,
            permission="doses.sign",
        )
    except (NotConfirmed, InputError) as error:
        return _page(request, participant, refusal=str(error), session=session, status=422)
    messages.success(request, _("The doses of session %(session)s are signed.") % {"session": session})
    return redirect("results:participant", code=code)


def session_rows(participant: Participant, session: int) -> list[Record | Series]:
    """What the doses of a session rest on: its injections and its images; a change of one voids the signature."""
    records = live_records().filter(participant=participant, table="administrations", cells__session=str(session))
    series = Series.objects.filter(participant=participant, session=session, state="matched")
    return [*records, *series]


def _current_or_refused(row: ParticipantResultRow | None, rests_on: list[Record | Series]) -> None:
    """Doses of injections or images that were changed after the computation are not signed.

    Raises
    ------
    InputError
        One of them was.
    """
    keys = [str(one.pk) for one in rests_on]
    later = Event.objects.filter(entity__in=("capture_record", "studies_series"), entity_id__in=keys)
    if row is not None and later.filter(seq__gt=row.computation.ledger_seq).exists():
        raise InputError(
            _("the injection or an image of this session was changed after the computation; compute again, then sign")
        )


@requires("doses.view")
def trace(request: HttpRequest, code: str, session: int, region: str) -> HttpResponse:
    """Where a region's numbers come from: method, version and inputs of each, down to records and images."""
    participant = participant_or_404(request, code, "doses.view")
    row = selectors.latest_result(participant)
    if row is None:
        raise Http404(code)
    one = selectors.participant_result(row)
    dose = next((d for s in one.sessions if s.session == session for d in s.doses if d.region_name == region), None)
    if dose is None:
        raise Http404(region)
    quantities = _quantities(dose)
    links = record_links(row.computation)
    lines = [(name, quantity, trace_lines(quantity.trace, links)) for name, quantity in quantities]
    context = {"participant": participant, "session": session, "dose": dose, "lines": lines, "row": row}
    return render(request, "results/trace.html", {**context, "plain": plain(dose.absorbed_dose_Gy)})


def _quantities(dose: RegionDoseResult) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = [
        (_("Absorbed dose"), dose.absorbed_dose_Gy),
        (_("Time-integrated activity"), dose.time_integrated_activity_MBq_h),
        (_("Effective half-life"), dose.effective_half_life_h),
        (_("Share after the last scan"), dose.extrapolated_fraction),
    ]
    for point in dose.points:
        hours = f"{point.hours_after:.1f} h"
        found += [
            (_("Activity at %(hours)s") % {"hours": hours}, point.activity_MBq),
            (_("Volume at %(hours)s") % {"hours": hours}, point.volume_mL),
        ]
    return found
