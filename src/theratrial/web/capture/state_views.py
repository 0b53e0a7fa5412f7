"""Pages of freezing and locking."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from theratrial.errors import InputError
from theratrial.web.access import may, participant_or_404, requires, sites_of
from theratrial.web.capture.endorsement import KIND, endorsed_content, endorsement_in_force, endorsements_of
from theratrial.web.capture.locking import (
    MOVES,
    Target,
    hard_lock_requested,
    key_of,
    may_move,
    moved,
    request_decided,
    site_of,
    state_label,
    target_of,
    unlock_requested,
)
from theratrial.web.capture.locks_drawing import TONES, record_tables
from theratrial.web.capture.models import Query, Record
from theratrial.web.capture.preconditions import blockers_of
from theratrial.web.ledger.models import Event, TwoPersonRequest
from theratrial.web.ledger.signing import NotConfirmed, content_digest, sign
from theratrial.web.participants.models import Participant
from theratrial.web.trials.models import Trial
from theratrial.web.trials.selectors import the_trial

PER_PAGE: Final = 50
HISTORY: Final = 50


@requires("participants.view")
def state_list(request: HttpRequest) -> HttpResponse:
    """Where the data of the trial and of each participant stand."""
    sites = sites_of(request.user, "participants.view")
    page = Paginator(Participant.objects.filter(site__in=sites).select_related("site"), PER_PAGE).get_page(
        request.GET.get("page")
    )
    pending = Query.objects.filter(participant__in=[one.pk for one in page], state__in=("open", "answered"))
    queries = dict(pending.order_by().values_list("participant").annotate(n=Count("pk")))
    lines = [(one, state_label(one.data_state), TONES[one.data_state], queries.get(one.pk, 0)) for one in page]
    trial = the_trial()
    context = {
        "lines": lines,
        "page": page,
        "parameters": "",
        "state": state_label(trial.data_state),
        "tone": TONES[trial.data_state],
        "requests": [_request(request, one) for one in _requests(sites)],
    }
    return render(request, "capture/locks.html", context)


@requires("participants.view")
def trial_state(request: HttpRequest) -> HttpResponse:
    """The trial's data as a whole."""
    return _shown(request, the_trial())


@requires("participants.view")
def participant_state(request: HttpRequest, code: str) -> HttpResponse:
    """One participant's data."""
    return _shown(request, participant_or_404(request, code, "participants.view"))


def _target_or_404(request: HttpRequest) -> Target:
    try:
        target = target_of(request.POST.get("target", "").replace("\x00", ""))
    except (InputError, ValueError) as unknown:
        raise Http404(str(unknown)) from None
    except Exception as unknown:  # Django's ValidationError of a malformed id
        if type(unknown).__name__ != "ValidationError":
            raise
        raise Http404("target") from None
    if not may(request.user, "participants.view", site=site_of(target)):
        raise Http404("target")
    return target


@requires("data.freeze")
@require_POST
def state_move(request: HttpRequest) -> HttpResponse:
    """Freeze, thaw or lock."""
    target = _target_or_404(request)
    step, reason = request.POST.get("move", ""), request.POST.get("reason", "")
    override = request.POST.get("override") == "yes"
    try:
        target = moved(request.user, target, step, reason=reason, override=override)
    except InputError as refusal:
        return _shown(request, _page_of(target), refusal=str(refusal), typed=reason, status=422)
    except PermissionError as missing:
        raise PermissionDenied(str(missing)) from None
    messages.success(request, _("The data are %(state)s now.") % {"state": state_label(target.data_state).lower()})
    return _back(_page_of(target))


@requires("data.unlock")
@require_POST
def unlock_request(request: HttpRequest) -> HttpResponse:
    """Ask for unlocking, or for the hard lock of the trial."""
    target, reason = _target_or_404(request), request.POST.get("reason", "")
    try:
        if request.POST.get("kind") == "hard_lock":
            hard_lock_requested(request.user, reason=reason)
        else:
            unlock_requested(request.user, target, reason=reason)
    except InputError as refusal:
        return _shown(request, _page_of(target), refusal=str(refusal), typed=reason, status=422)
    except PermissionError as missing:
        raise PermissionDenied(str(missing)) from None
    messages.success(request, _("Asked for. Another person has to approve it."))
    return _back(_page_of(target))


@requires("data.unlock")
@require_POST
def request_decide(request: HttpRequest, number: int) -> HttpResponse:
    """The second person's answer."""
    found = (
        TwoPersonRequest.objects.filter(pk=number, kind__in=("unlock", "hard_lock")).first() if number < 2**63 else None
    )
    if found is None:
        raise Http404(str(number))
    target, reason = target_of(found.target), request.POST.get("reason", "")
    if not may(request.user, "participants.view", site=site_of(target)):
        raise Http404(str(number))
    try:
        decision = request_decided(request.user, found, approve=request.POST.get("approve") == "yes", reason=reason)
    except InputError as refusal:
        return _shown(request, _page_of(target), refusal=str(refusal), status=422)
    except PermissionError as missing:
        raise PermissionDenied(str(missing)) from None
    done = decision.state == "approved"
    messages.success(request, _("Approved and done.") if done else _("Refused. The data stay as they are."))
    target.refresh_from_db()
    return _back(_page_of(target))


@requires("data.endorse")
@require_POST
def endorse(request: HttpRequest) -> HttpResponse:
    """The investigator's signature on the frozen data."""
    target = _target_or_404(request)
    if isinstance(target, Record) or not may_move(request.user, "data.endorse", target):
        raise PermissionDenied("data.endorse")
    if target.data_state != "frozen":
        return _shown(request, target, refusal=_("Only frozen data are endorsed: freeze them first."), status=422)
    try:
        sign(
            request,
            kind=KIND,
            key=key_of(target),
            content=endorsed_content(key_of(target)),
            meaning="responsible",
            statement=_statement(),
            participant=target if isinstance(target, Participant) else None,
        )
    except NotConfirmed as refusal:
        return _shown(request, target, signing=str(refusal), status=422)
    return _back(target)


def _statement() -> str:
    return _(
        "I have reviewed these data; they are complete and correct to my knowledge, and I take responsibility for them."
    )


def _page_of(target: Target) -> Trial | Participant:
    if isinstance(target, Record):
        return target.participant or the_trial()
    return target


def _back(target: Trial | Participant) -> HttpResponse:
    if isinstance(target, Participant):
        return redirect("capture:locks-participant", target.code)
    return redirect("capture:locks-trial")


def _requests(sites: list[int], key: str = "") -> list[TwoPersonRequest]:
    waiting = TwoPersonRequest.objects.filter(kind__in=("unlock", "hard_lock"), state="requested").order_by("pk")
    if key:
        return list(waiting.filter(target=key))
    codes = set(Participant.objects.filter(site__in=sites).values_list("code", flat=True))
    return [one for one in waiting if not one.target.startswith("participant:") or one.target[12:] in codes]


def _request(request: HttpRequest, one: TwoPersonRequest) -> dict[str, Any]:
    own = one.requested_by == request.user.get_username()
    words = _("Hard lock") if one.kind == "hard_lock" else _("Unlock")
    return {"one": one, "words": words, "own": own, "may_decide": not own and may(request.user, "data.unlock")}


def _shown(
    request: HttpRequest,
    target: Trial | Participant,
    *,
    refusal: str = "",
    signing: str = "",
    typed: str = "",
    status: int = 200,
) -> HttpResponse:
    target.refresh_from_db(fields=["data_state"])
    key = key_of(target)
    # Of a whole trial that is open the digest says nothing yet, and takes seconds.
    digested = isinstance(target, Participant) or target.data_state != "open"
    content = endorsed_content(key) if digested else None
    may_endorse = may_move(request.user, "data.endorse", target) and target.data_state == "frozen"
    mover = may_move(request.user, "data.freeze", target)
    unlocker = may_move(request.user, "data.unlock", target)
    requests, endorsed = _requests([], key), endorsement_in_force(key) is not None
    context = {
        "target": target,
        "key": key,
        "state": state_label(target.data_state),
        "data_state": target.data_state,
        "tone": TONES[target.data_state],
        "blockers": blockers_of(target) if target.data_state in ("open", "frozen") else (),
        "moves": [move for move in MOVES.values() if mover and move.source == target.data_state],
        "may_unlock": unlocker and target.data_state == "locked" and not requests,
        "may_hard_lock": isinstance(target, Trial) and unlocker and target.data_state == "locked" and not requests,
        "requests": [_request(request, one) for one in requests],
        "content": content,
        "digest": content_digest(KIND, key, content) if content else "",
        "kind": KIND,
        "statement": _statement(),
        "signatures": list(endorsements_of(key)),
        "endorsed": endorsed,
        "may_endorse": may_endorse and not endorsed,
        "history": _history(target),
        "refusal": refusal,
        "signing": signing,
        "typed": typed,
        "participant": target if isinstance(target, Participant) else None,
        "groups": record_tables(request, target, mover=mover) if isinstance(target, Participant) else [],
    }
    template = "capture/locks_participant.html" if isinstance(target, Participant) else "capture/locks_trial.html"
    return render(request, template, context, status=status)


def _history(target: Target) -> list[Event]:
    """What was done to the state, from the ledger."""
    from theratrial.web.ledger.signing import row_id

    events = Event.objects.filter(entity=target._meta.db_table, entity_id=row_id(target), action__startswith="data.")
    return list(events.order_by("-seq")[:HISTORY])
