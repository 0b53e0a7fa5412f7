"""What a process remembers of participants, never older than the ledger.

The memory knows the last event it has seen (number and hash). Whoever has an event after that is forgotten before
anything is answered; events are written by the database itself, so no write escapes. A ledger that does not hold the
remembered event (restored, or an act that was rolled back) empties the memory, and so does another protocol.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Final, Generic, TypeVar

from theratrial.web.ledger.chain import REDACTED
from theratrial.web.ledger.models import Event, Head, Payload

Kept = TypeVar("Kept")
MOVES: Final = "studies_series"
"""Table whose rows go from one participant to another: an event bears the new one alone."""


def participants_changed(after: int, until: int) -> set[str] | None:
    """Whose data changed by the events after `after` up to `until`, whose an image was before included.

    Returns
    -------
    Codes; None where the ledger cannot tell (redacted): then it may be anybody. At most three queries.
    """
    since = Event.objects.filter(seq__gt=after, seq__lte=until).order_by()
    events = set(since.values_list("participant", "entity", "op").distinct())
    changed = {participant for participant, _, _ in events if participant}
    if all((entity, op) != (MOVES, "update") for _, entity, op in events):
        return changed
    moved = since.filter(entity=MOVES, op="update").values("seq")
    before = _left(Payload.objects.filter(seq__in=moved).values_list("old", "new"))
    if before is None:
        return None
    return changed | _codes(before)


def _left(payloads: Iterable[tuple[str | None, str | None]]) -> set[int] | None:
    """Keys of participants whom a row was taken from."""
    found = set()
    for texts in payloads:
        if any(text is None or text.startswith(REDACTED) for text in texts):
            return None
        old, new = (json.loads(text or "{}").get("participant_id") for text in texts)
        if old is not None and old != new:
            found.add(old)
    return found


def _codes(keys: set[int]) -> set[str]:
    from theratrial.web.participants.models import Participant

    return set(Participant.objects.filter(pk__in=keys).values_list("code", flat=True)) if keys else set()


def without_changed(known: Mapping[str, Kept], after: int, until: int) -> dict[str, Kept]:
    """What is known of those whom no event after `after` up to `until` concerns."""
    changed = participants_changed(after, until)
    return {} if changed is None else {code: one for code, one in known.items() if code not in changed}


class ParticipantMemory(Generic[Kept]):
    """Code -> what was computed from the participant's records.

    One query, two more after something was written, and two after an image was moved.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._basis: object = None
        self._seq, self._hash = 0, ""
        self._known: dict[str, Kept] = {}

    def at(self, head: Head | None, basis: object) -> dict[str, Kept]:
        """What holds at the ledger's head.

        Parameters
        ----------
        basis
            What else it was computed from, compared by identity: the protocol in force.
        """
        with self._lock:
            if head is None or not head.seq or basis is not self._basis or not self._continues(head):
                self._known = {}
            elif self._seq < head.seq:
                self._known = without_changed(self._known, self._seq, head.seq)
            self._basis = basis
            self._seq, self._hash = (head.seq, head.hash) if head is not None else (0, "")
            return dict(self._known)

    def keep(self, head: Head | None, made: Mapping[str, Kept]) -> None:
        """Remember what was computed after `head` was read; somebody else's newer memory is left as it is."""
        if head is None or not head.seq:
            return
        with self._lock:
            if (self._seq, self._hash) == (head.seq, head.hash):
                self._known.update(made)

    def forget(self) -> None:
        """Empty the memory; for tests and measurements."""
        with self._lock:
            self._known, self._seq, self._hash = {}, 0, ""

    def _continues(self, head: Head) -> bool:
        if (self._seq, self._hash) == (head.seq, head.hash):
            return True
        return self._seq < head.seq and Event.objects.filter(seq=self._seq, hash=self._hash).exists()


__all__ = ["ParticipantMemory", "participants_changed", "without_changed"]
