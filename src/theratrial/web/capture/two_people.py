"""The one place where this app asks for a second person."""

from __future__ import annotations

from theratrial.web.ledger.models import TwoPersonRequest
from theratrial.web.ledger.two_person import decide_two, request_two

__all__ = ["decide_two", "pending_request", "request_two"]


def pending_request(kind: str, target: str) -> TwoPersonRequest | None:
    """The request that waits for an answer."""
    return TwoPersonRequest.objects.filter(kind=kind, target=target, state="requested").first()
