"""Pages of consent: what she signed, a new signature, withdrawal, and the version in use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.forms.moments import typed_date
from theratrial.trialfolder.moments import CellProblem
from theratrial.web.access import may, participant_or_404, requires
from theratrial.web.participants import consent
from theratrial.web.participants.models import Participant
from theratrial.web.participants.selectors import participants_of, trial_now
from theratrial.web.participants.standing import standing, standings
from theratrial.web.participants.states import reconsent_needed, withdrawal_words
from theratrial.web.trials.selectors import protocol_in_force, the_trial


@dataclass(frozen=True, slots=True)
class Flagged:
    """A visit held after a new version came into use and before it was signed (D9)."""

    visit: str
    session: int | None
    on: Any


def flagged_visits(participant: Participant) -> list[Flagged]:
    """Visits of hers that the version in use does not cover."""
    trial, one = the_trial(), standing(participant)
    if not trial.consent_version or trial.consent_version_since is None:
        return []
    signed = [line.signed_at.date() for line in one.consents if line.form_version == trial.consent_version]
    return [
        Flagged(visit.id, visit.session, visit.on_day)
        for visit in one.planned
        if visit.fixed == "done"
        and visit.on_day is not None
        and visit.on_day >= trial.consent_version_since
        and not any(day <= visit.on_day for day in signed)
    ]


def _page(request: HttpRequest, participant: Participant, extra: dict[str, Any], status: int = 200) -> HttpResponse:
    trial, one = the_trial(), standing(participant)
    identity = protocol_in_force().identity.reading
    context = {
        "participant": participant,
        "records": list(consent.consent_records(participant)),
        "withdrawn": [(withdrawal_words(kind), at, consent.what_stops(kind)) for kind, at in one.withdrawals.items()],
        "taken_back": [(withdrawal_words(line.kind), line) for line in one.withdrawn if line.taken_back_at is not None],
        "to_answer": [
            (kind, withdrawal_words(kind), at, f"withdrawal_{kind}", extra.get("values", {}).get(f"withdrawal_{kind}"))
            for kind, at in one.withdrawals.items()
        ],
        "reconsent": reconsent_needed(one, trial),
        "flagged": flagged_visits(participant),
        "may_record": may(request.user, "consent.record", site=participant.site) and participant.data_state == "open",
        "takers": consent.consent_takers(participant.site, trial_now()),
        "languages": identity.languages if identity else ("en",),
        "kinds": [(kind, withdrawal_words(kind), consent.what_stops(kind)) for kind in consent.KINDS],
        "values": {"form_version": trial.consent_version, "obtained_by": request.user.get_username()},
        "errors": {},
        "day_help": _("Gregorian or Jalali: 2022-03-05 or 1400/12/14."),
        **extra,
    }
    return render(request, "participants/consent.html", context, status=status)


@requires("participants.view")
def consent_page(request: HttpRequest, code: str) -> HttpResponse:
    """What she signed and withdrew."""
    return _page(request, participant_or_404(request, code, "participants.view"), {})


@requires("consent.record")
def consent_record(request: HttpRequest, code: str) -> HttpResponse:
    """Record a signed consent form."""
    participant = participant_or_404(request, code, "consent.record")
    if request.method != "POST":
        return redirect("participants:consent", code=code)
    values = request.POST.dict()
    entry, errors = consent.consent_read(values, participant)
    if entry is None:
        return _page(request, participant, {"values": values, "errors": errors}, 422)
    try:
        consent.consent_recorded(request.user, participant, entry)
    except InputError as error:
        return _page(request, participant, {"values": values, "errors": {"form_version": str(error)}}, 409)
    messages.success(request, _("Consent to version %(version)s is recorded.") % {"version": entry.form_version})
    return redirect("participants:consent", code=code)


@requires("consent.record")
def consent_withdraw(request: HttpRequest, code: str) -> HttpResponse:
    """Withdrawal: first what it stops is said, then it is confirmed."""
    participant = participant_or_404(request, code, "consent.record")
    if request.method != "POST" or request.POST.get("kind") not in consent.KINDS:
        return redirect("participants:consent", code=code)
    values = request.POST.dict()
    errors: dict[str, str] = {}
    kind = values["kind"]
    at = consent.instant_read(f"{values.get('at_on', '')} {values.get('at_time', '')}".strip(), "at_on", errors)
    if not values.get("reason", "").strip():
        errors["reason"] = _("Write what she said; 'no reason given' is an answer.")
    if not errors and at is not None and values.get("confirmed") == "yes":
        try:
            consent.consent_withdrawn(request.user, participant, kind=kind, at=at, reason=values["reason"])
        except InputError as error:
            errors["at_on"] = str(error)
        else:
            messages.success(request, _("The withdrawal of %(kind)s is recorded.") % {"kind": withdrawal_words(kind)})
            return redirect("participants:consent", code=code)
    context = {
        "participant": participant, "kind": kind, "words": withdrawal_words(kind), "stops": consent.what_stops(kind),
        "values": values, "errors": errors if values.get("confirmed") or values.get("at_on") else {},
        "day_help": _("Gregorian or Jalali: 2022-03-05 or 1400/12/14."),
    }  # fmt: skip
    return render(request, "participants/withdraw.html", context, status=422 if context["errors"] else 200)


@requires("protocol.release")
def consent_version(request: HttpRequest) -> HttpResponse:
    """The version of the consent form in use, and who has still to sign it."""
    errors: dict[str, str] = {}
    values = request.POST.dict()
    if request.method == "POST":
        try:
            since = typed_date(values.get("since", "")).value
            consent.consent_version_set(
                request.user, version=values.get("version", ""), since=since, reason=values.get("reason", "")
            )
        except CellProblem as problem:
            errors["since"] = problem.said
        except InputError as error:
            errors["version"] = str(error)
        else:
            messages.success(request, _("Version %(version)s is in use.") % {"version": values["version"]})
            return redirect("participants:consent-version")
    trial = the_trial()
    people = list(participants_of(request.user))
    waiting = [code for code, one in standings(people).items() if reconsent_needed(one, trial)]
    context = {"errors": errors, "values": values, "waiting": waiting, "the_trial": trial}
    return render(request, "participants/consent_version.html", context, status=422 if errors else 200)
