"""A participant's state in words: consent, eligibility, treatment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.db.models.fields.json import KT
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from theratrial.web.ledger.models import Signature
from theratrial.web.participants.models import Participant
from theratrial.web.participants.renewal import Renewal, renewals
from theratrial.web.participants.standing import Standing, standings
from theratrial.web.trials.models import Trial
from theratrial.web.trials.selectors import the_trial, trial_zone


@dataclass(frozen=True, slots=True)
class State:
    """A word for a state and the colour that helps it (`tag` classes of the stylesheet)."""

    key: str
    words: str
    tone: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A participant as lists and headers show her."""

    participant: Participant
    standing: Standing
    consent: State
    eligibility: State
    treatment: State
    renewal: Renewal | None = None
    """What differs from what was signed, of one who is not treated yet."""


_EVENTS: Final = {
    "screen_failure": gettext_noop("screening failure"),
    "completed": gettext_noop("completed"),
    "gate_stop": gettext_noop("treatment stopped by the gate"),
    "withdrawal": gettext_noop("withdrawn"),
    "progression": gettext_noop("progression"),
    "death": gettext_noop("died"),
    "lost_to_follow_up": gettext_noop("lost to follow-up"),
}


def withdrawal_words(kind: str) -> str:
    """What was withdrawn."""
    return {
        "treatment": _("treatment"),
        "follow_up": _("follow-up"),
        "data_use": _("use of data"),
        "all": _("everything"),
    }.get(kind, kind)


def event_words(event: str) -> str:
    """A disposition."""
    return _(_EVENTS[event]) if event in _EVENTS else event.replace("_", " ")


def sex_words(sex: str) -> str:
    """Sex as recorded."""
    return {"female": _("female"), "male": _("male"), "other": _("other")}.get(sex, "–")


def read_words(result: str) -> str:
    """Result of a selection read."""
    found = {"positive": _("positive"), "negative": _("negative"), "equivocal": _("equivocal")}
    return found.get(result, _("not read"))


def reconsent_needed(standing: Standing, trial: Trial) -> bool:
    """Whether a newer version of the consent form is in use than the one she signed, and she is still taking part."""
    if not trial.consent_version or standing.consent is None or standing.ended is not None:
        return False
    if {"all", "data_use"} & standing.withdrawals.keys():
        return False
    return all(one.form_version != trial.consent_version for one in standing.consents)


def consent_state(standing: Standing, trial: Trial) -> State:
    """What she has consented to, in words."""
    if standing.withdrawals:
        kinds = ", ".join(withdrawal_words(kind) for kind in standing.withdrawals)
        return State("withdrawn", _("withdrawn: %(kinds)s") % {"kinds": kinds}, "bad")
    if standing.consent is None:
        return State("none", _("no consent"), "warn")
    if reconsent_needed(standing, trial):
        return State("reconsent", _("re-consent needed"), "warn")
    return State("given", _("consent %(version)s") % {"version": standing.consent.form_version}, "good")


def eligibility_states(codes: Iterable[str]) -> dict[str, State]:
    """Code -> whether eligibility is signed, by the signatures that hold. One query."""
    found: dict[str, State] = {}
    wanted = set(codes)
    query = Signature.objects.filter(kind="eligibility").order_by("signed_at", "pk")
    if len(wanted) <= 500:
        query = query.filter(key__in=wanted)
    told = query.annotate(outcome=KT("content__outcome"), override=KT("content__override"))
    for key, voided, outcome, override in told.values_list("key", "voided_at", "outcome", "override"):
        if voided is not None:
            found[key] = State("void", _("signature void"), "warn")
        else:
            found[key] = signed_state({"outcome": outcome, "override": override})
    return found


def signed_state(content: dict[str, Any]) -> State:
    """State that a signed content says."""
    if content.get("outcome") == "eligible":
        if content.get("override"):
            return State("overruled", _("eligible by override"), "warn")
        return State("eligible", _("eligible, signed"), "good")
    return State("not_eligible", _("not eligible, signed"), "bad")


def treatment_state(standing: Standing) -> State:
    """How far treatment is."""
    if standing.unreadable:
        return State("unreadable", _("record cannot be read"), "bad")
    if standing.ended is not None:
        event = standing.ended[0]
        tone = "good" if event == "completed" else "neutral"
        return State(event, event_words(event), tone)
    if {"treatment", "follow_up", "all"} & standing.withdrawals.keys():
        return State("withdrawal", event_words("withdrawal"), "neutral")
    if standing.sessions:
        number = standing.sessions[-1][0]
        return State("treated", _("session %(number)s given") % {"number": number}, "good")
    return State("screening", _("in screening"), "neutral")


def shown(participants: Iterable[Participant]) -> list[Shown]:
    """Participants with their states; a bounded number of queries."""
    listed = list(participants)
    known, trial = standings(listed), the_trial()
    signed = eligibility_states(known)
    unsigned = State("unsigned", _("not signed"), "neutral")
    # Once she is treated or gone, signing anew would mend nothing.
    waiting = [
        one for one in listed if one.code in signed and not known[one.code].sessions and known[one.code].ended is None
    ]
    older = renewals(waiting, timezone.now().astimezone(trial_zone())) if waiting else {}
    return [
        Shown(
            one,
            known[one.code],
            consent_state(known[one.code], trial),
            renewal_state(signed.get(one.code, unsigned), older.get(one.code)),
            treatment_state(known[one.code]),
            older.get(one.code),
        )
        for one in listed
    ]


def renewal_state(state: State, renewal: Renewal | None) -> State:
    """The state of a signature that rests on older values than are recorded by now."""
    if renewal is None:
        return state
    if renewal.needed:
        return State("renew", _("to be renewed"), "bad")
    return State(state.key, _("%(state)s, newer values") % {"state": state.words}, "warn")


def last_day(standing: Standing) -> date:
    """The latest day on which something happened."""
    days = [standing.screened_on, *(at.date() for _, at in standing.sessions), *(end[1] for end in standing.ends)]
    days += [one.on_day for one in standing.planned if one.on_day is not None]
    return max(days)
