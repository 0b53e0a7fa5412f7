"""What SQLite's triggers call: the open act, and the event that is being written."""

from __future__ import annotations

import secrets
from typing import Any

from theratrial.web.ledger import chain
from theratrial.web.ledger.act import current_act


class _PendingEvent:
    """The event that a trigger of this connection is writing now; nothing else gets into the ledger."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def begin(self, op: str, action: str, entity: str, entity_id: str, participant: str, site: str,
              old: str | None, new: str | None, seq: int, head_hash: str, effective_at: str) -> int:  # fmt: skip
        act = current_act()
        if act is None:
            raise PermissionError("no act is open")
        meta = {
            "seq": seq + 1,
            "at": act.at,
            "effective_at": max(act.at, effective_at),
            "actor": act.actor,
            "actor_kind": act.actor_kind,
            "action": action or act.action,
            "reason": act.reason,
            "op": op,
            "entity": entity,
            "entity_id": entity_id,
            "participant": participant,
            "site": site,
            "request_id": act.request_id,
            "software": act.software,
        }
        salt = secrets.token_hex(chain.HALF_SALT)
        digest = chain.payload_digest(salt, old, new)
        meta |= {"salt": salt, "payload_digest": digest, "previous_hash": head_hash}
        meta["hash"] = chain.event_hash(head_hash, meta, digest)
        self.values = meta
        return seq + 1

    def value(self, name: str) -> Any:
        return self.values.get(name)

    def done(self) -> int:
        self.values = {}
        return 1


def _of_act(name: str) -> str | None:
    act = current_act()
    return None if act is None else str(getattr(act, name))


def _is_redaction(
    salt: str, old: str | None, new: str | None, new_salt: str, new_old: str | None, new_new: str | None
) -> int:
    """Whether only halves of a payload were exchanged for their digests, their salts with them."""
    half = chain.HALF_SALT
    old_side = ((salt[:half], old), (new_salt[:half], new_old))
    new_side = ((salt[half:], new), (new_salt[half:], new_new))
    changed = [side for side in (old_side, new_side) if side[0] != side[1]]
    return int(bool(changed) and all(_emptied(*before, *after) for before, after in changed))


def _emptied(salt: str, text: str | None, salt_after: str, text_after: str | None) -> bool:
    return (
        text is not None
        and salt_after == "-" * chain.HALF_SALT
        and text_after == chain.REDACTED + chain.half_digest(salt, text)
    )


def functions_registered(sender: Any, connection: Any, **kwargs: Any) -> None:
    """Hook of Django: a new connection to SQLite learns the ledger's functions."""
    if connection.vendor != "sqlite":
        return
    raw, pending = connection.connection, _PendingEvent()
    raw.create_function("theratrial_act", 1, _of_act)
    raw.create_function("theratrial_event", 11, pending.begin)
    raw.create_function("theratrial_of_event", 1, pending.value)
    raw.create_function("theratrial_event_done", 0, pending.done)
    raw.create_function("theratrial_is_redaction", 6, _is_redaction)
    raw.execute("PRAGMA trusted_schema=ON")
