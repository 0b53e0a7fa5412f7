"""What one person asks for and another decides: unlocking, redaction, hard lock.

The app whose data it concerns gives the effect of the approval, which runs in the act that approves: all or nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.utils import timezone
from django.utils.translation import gettext as _

from theratrial.errors import InputError
from theratrial.web.ledger.act import act
from theratrial.web.ledger.models import TwoPersonRequest
from theratrial.web.people.permissions import may

PERMISSIONS: Final = {"unlock": "data.unlock", "redact": "redaction.request", "hard_lock": "data.unlock"}
"""Kind -> the right that both people need."""


def request_two(actor: Any, *, kind: str, target: str, reason: str, site: Any = None) -> TwoPersonRequest:
    """Ask for something that a second person must approve.

    Raises
    ------
    InputError
        The kind is unknown, no reason is given, or the same is asked for already.
    PermissionError
        The person may not ask for it.
    """
    _permitted(actor, kind, site)
    if not reason.strip():
        raise InputError(_("Say why; the second person decides on it, and it goes into the ledger."))
    with act(actor, f"{_action(kind)}.request", reason=reason.strip()):
        if TwoPersonRequest.objects.filter(kind=kind, target=target, state="requested").exists():
            raise InputError(_("This is asked for already and waits for a second person."))
        return TwoPersonRequest.objects.create(
            kind=kind,
            target=target,
            reason=reason.strip(),
            requested_by=actor.get_username(),
            requested_at=timezone.now(),
        )


def decide_two(
    actor: Any,
    request: TwoPersonRequest,
    *,
    approve: bool,
    reason: str = "",
    site: Any = None,
    effect: Callable[[TwoPersonRequest], None] | None = None,
) -> TwoPersonRequest:
    """Approve or refuse what another person asked for; the effect of an approval runs in the same act.

    Raises
    ------
    InputError
        It is one's own request, it was decided already, or a refusal gives no reason.
    PermissionError
        The person may not decide it.
    """
    _permitted(actor, request.kind, site)
    if not approve and not reason.strip():
        raise InputError(_("Say why it is refused; the one who asked reads it."))
    verb = "approve" if approve else "refuse"
    with act(actor, f"{_action(request.kind)}.{verb}", reason=reason.strip() or request.reason):
        current = TwoPersonRequest.objects.select_for_update().get(pk=request.pk)
        if current.state != "requested":
            raise InputError(_("%(name)s has decided this already.") % {"name": current.decided_by})
        if current.requested_by == actor.get_username():
            raise InputError(_("Who asks cannot approve; another person has to decide."))
        current.decided_by, current.decided_at = actor.get_username(), timezone.now()
        current.state = "approved" if approve else "refused"
        current.save()
        if approve and effect is not None:
            effect(current)
    return current


def _permitted(actor: Any, kind: str, site: Any) -> None:
    if kind not in PERMISSIONS:
        raise InputError(f"two people decide on {', '.join(PERMISSIONS)}; got {kind!r}")
    if not may(actor, PERMISSIONS[kind], site=site):
        raise PermissionError(PERMISSIONS[kind])


def _action(kind: str) -> str:
    return "two-person." + kind.replace("_", "-")
