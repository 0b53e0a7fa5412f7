"""Redaction: two people take wrongly entered identifiers out of old states of rows; the chain and the reason stay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.web.ledger.act import act
from theratrial.web.ledger.chain import HALF_SALT, REDACTED, half_digest
from theratrial.web.ledger.models import Event, Payload, Redaction

MOST_EVENTS = 500


def redaction_requested(actor: Any, seqs: Sequence[int], *, justification: str) -> Redaction:
    """Ask that the old and new rows of events be taken out.

    The row as it stands now is not touched: correct it first by an ordinary change, which is an event itself.

    Raises
    ------
    InputError
        No justification, no such event, or an event that holds nothing but the row as it stands now.
    """
    if not justification.strip():
        raise InputError(_("say why these events are redacted; the justification stays in the ledger"))
    wanted = sorted(set(seqs))
    if not wanted or len(wanted) > MOST_EVENTS:
        raise InputError(_("name 1 to %(most)s events") % {"most": MOST_EVENTS})
    _emptiable_or_refused(wanted)
    with act(actor, "redaction.request", reason=justification.strip()):
        return Redaction.objects.create(
            requested_by=actor.get_username(),
            requested_at=timezone.now(),
            justification=justification.strip(),
            seqs=wanted,
        )


def redaction_approved(actor: Any, redaction: Redaction) -> Redaction:
    """Approve another person's request; the payloads are emptied in the same transaction.

    Raises
    ------
    InputError
        It is the person who asked, or the request is decided already.
    """
    with act(actor, "redaction.approve", reason=redaction.justification):
        current = _decided(actor, redaction, "done")
        latest = _latest_events(current.seqs)
        for payload in Payload.objects.filter(seq__in=current.seqs).order_by("seq"):
            _empty(payload, current, keep_new=payload.seq in latest)
    return current


def redaction_refused(actor: Any, redaction: Redaction, *, reason: str) -> Redaction:
    """Refuse another person's request; nothing is taken out.

    Raises
    ------
    InputError
        No reason, the same person, or decided already.
    """
    if not reason.strip():
        raise InputError(_("say why the redaction is refused"))
    with act(actor, "redaction.refuse", reason=reason.strip()):
        return _decided(actor, redaction, "refused")


def _decided(actor: Any, redaction: Redaction, state: str) -> Redaction:
    current = Redaction.objects.select_for_update().get(pk=redaction.pk)
    if current.state != "requested":
        raise InputError(_("this request is decided already"))
    if current.requested_by == actor.get_username():
        raise InputError(_("you asked for this redaction; another person has to decide"))
    current.state = state
    current.approved_by = actor.get_username()
    current.approved_at = timezone.now()
    current.save()
    return current


def _latest_events(seqs: Sequence[int]) -> set[int]:
    """Those of `seqs` whose new row is the row as it stands now."""
    found: set[int] = set()
    rows = set(Event.objects.filter(seq__in=seqs).values_list("entity", "entity_id"))
    for entity in {one for one, _id in rows}:
        of_entity = Event.objects.filter(entity=entity, entity_id__in=[i for one, i in rows if one == entity])
        found |= set(of_entity.values("entity_id").annotate(last=Max("seq")).values_list("last", flat=True))
    return found & set(seqs)


def _emptiable_or_refused(seqs: list[int]) -> None:
    events = {event.seq: event for event in Event.objects.filter(seq__in=seqs)}
    if missing := [str(seq) for seq in seqs if seq not in events]:
        raise InputError(_("there is no event %(seqs)s") % {"seqs": ", ".join(missing)})
    for seq in sorted(_latest_events(seqs)):
        if events[seq].op in ("insert", "note"):
            raise InputError(
                _("event %(seq)s is the row as it stands now; change the row first, then ask for the redaction")
                % {"seq": seq}
            )


def _empty(payload: Payload, redaction: Redaction, *, keep_new: bool) -> None:
    old_salt, new_salt = payload.salt[:HALF_SALT], payload.salt[HALF_SALT:]
    if payload.old is not None and not payload.old.startswith(REDACTED):
        payload.old, old_salt = REDACTED + half_digest(old_salt, payload.old), "-" * HALF_SALT
    if payload.new is not None and not payload.new.startswith(REDACTED) and not keep_new:
        payload.new, new_salt = REDACTED + half_digest(new_salt, payload.new), "-" * HALF_SALT
    if payload.salt != old_salt + new_salt:
        payload.salt, payload.redacted_by = old_salt + new_salt, redaction
        payload.save()
