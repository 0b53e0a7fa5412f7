"""Which gates are signed and which wait, of any number of participants, without judging one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from theratrial.protocol.schema import Protocol
from theratrial.web.ledger.models import Signature
from theratrial.web.participants.standing import Standing
from theratrial.web.results.gate_signing import KIND, signer_roles


def gate_states(people: Iterable[Standing], protocol: Protocol, now: datetime) -> dict[str, str]:
    """``P01/1`` -> ``signed`` by every role, or ``waiting`` once the visit's window is open. One query."""
    gate, sessions = protocol.safety_gate.reading, protocol.sessions.reading
    if gate is None or sessions is None:
        return {}
    roles: dict[str, set[str]] = {}
    for key, role in Signature.objects.filter(kind=KIND, voided_at=None).values_list("key", "role"):
        roles.setdefault(key, set()).add(role)
    needed = set(signer_roles(protocol))
    found: dict[str, str] = {}
    for one in people:
        given = {session for session, _at in one.sessions}
        for session in given:
            key = f"{one.code}/{session}"
            if needed and needed <= roles.get(key, set()):
                found[key] = "signed"
            elif (
                session + 1 not in given
                and session < sessions.maximum_sessions
                and _open(one, gate.visit, session, now)
            ):
                found[key] = "waiting"
    return found


def _open(one: Standing, visit: str, session: int, now: datetime) -> bool:
    if one.ended is not None or {"treatment", "follow_up", "all"} & one.withdrawals.keys():
        return False
    planned = next((v for v in one.planned if (v.kind, v.id, v.session) == ("visit", visit, session)), None)
    return planned is not None and planned.status(now) in ("due", "overdue", "done")
