"""The one place where this app asks for a second person."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.web.ledger.models import TwoPersonRequest


def pending_request(kind: str, target: str) -> TwoPersonRequest | None:
    """The request that waits for an answer."""
    return TwoPersonRequest.objects.filter(kind=kind, target=target, state="requested").first()


def requested(actor: Any, *, kind: str, target: str, reason: str) -> TwoPersonRequest:
    """Ask; inside an act."""
    return TwoPersonRequest.objects.create(
        kind=kind, target=target, reason=reason, requested_by=actor.get_username(), requested_at=timezone.now()
    )


def decided(actor: Any, request: TwoPersonRequest, *, approve: bool) -> TwoPersonRequest:
    """Answer; inside an act.

    Raises
    ------
    InputError
        It is the person who asked, or somebody has decided already.
    """
    current = TwoPersonRequest.objects.select_for_update().get(pk=request.pk)
    if current.state != "requested":
        raise InputError(_("%(name)s has decided this already") % {"name": current.decided_by})
    if current.requested_by == actor.get_username():
        raise InputError(_("who asks cannot approve: another person has to decide"))
    current.decided_by = actor.get_username()
    current.decided_at = timezone.now()
    current.state = "approved" if approve else "refused"
    current.save()
    return current
