"""Every deviation from the protocol that the site knows of one participant, in one list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from theratrial.web.access import may
from theratrial.web.ledger.models import Event, Note, Signature
from theratrial.web.participants.models import Participant
from theratrial.web.pharmacy.guards import DEVIATION
from theratrial.web.results.gate_list import gate_deviations
from theratrial.web.results.selectors import notes_of_latest_result


@dataclass(frozen=True, slots=True)
class Deviation:
    """One deviation: what, when it was decided or recorded, by whom and why; found by computing: nobody's."""

    kind: str
    what: str
    at: datetime | None = None
    who: str = ""
    why: str = ""
    address: str = ""


def deviations_of(participant: Participant, user: Any) -> list[Deviation]:
    """What people decided against the protocol, oldest first, then what the latest computation found. Six queries."""
    decided = [*_eligibility(participant), *_injections(participant)]
    if may(user, "gate.view", site=participant.site):
        decided += _gates(participant)
    decided.sort(key=lambda one: one.at.timestamp() if one.at else 0.0)
    return [*decided, *_computed(participant)]


def _eligibility(participant: Participant) -> Iterator[Deviation]:
    address = reverse("participants:eligibility", args=[participant.code])
    for one in Signature.objects.filter(kind="eligibility", key=participant.code, meaning="overruled"):
        yield Deviation(_("Eligibility"), one.statement, one.signed_at, one.printed_name, address=address)


def _injections(participant: Participant) -> Iterator[Deviation]:
    notes = {str(one.pk): one for one in Note.objects.filter(action=DEVIATION, participant=participant.code)}
    address = reverse("pharmacy:participant", args=[participant.code])
    events = Event.objects.filter(entity=Note._meta.db_table, entity_id__in=list(notes)) if notes else ()
    for event in events:
        detail = notes[event.entity_id].detail
        what = _("Injected against: %(rules)s") % {"rules": ", ".join(detail.get("against", ()))}
        at = datetime.fromisoformat(event.at.replace("Z", "+00:00"))
        yield Deviation(_("Injection"), what, at, event.actor, str(detail.get("reason", "")), address)


def _gates(participant: Participant) -> Iterator[Deviation]:
    for one in gate_deviations({participant.code}):
        last = max(one.signatures, key=lambda signature: signature.signed_at)
        yield Deviation(
            _("Gate after session %(session)s") % {"session": one.session},
            _("The gate said %(verdict)s: %(because)s") % {"verdict": one.verdict, "because": one.because},
            last.signed_at,
            ", ".join(signature.printed_name for signature in one.signatures),
            last.statement,
            reverse("results:gate", args=[participant.code, one.session]),
        )


def _computed(participant: Participant) -> Iterator[Deviation]:
    for note in notes_of_latest_result(participant):
        if note.get("severity") == "deviation":
            yield Deviation(_("Found in the records"), f"{note.get('place', '')}: {note.get('message', '')}")
