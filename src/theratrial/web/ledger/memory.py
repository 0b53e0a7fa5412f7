"""What a process remembers of participants, never older than the ledger.

The memory knows the last event it has seen (number and hash). Whoever has an event after that is forgotten before
anything is answered; events are written by the database itself, so no write escapes. A ledger that does not hold the
remembered event (restored, or an act that was rolled back) empties the memory, and so does another protocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Generic, TypeVar

from theratrial.web.ledger.models import Event, Head

Kept = TypeVar("Kept")


class ParticipantMemory(Generic[Kept]):
    """Code -> what was computed from the participant's records. One query, two more after something was written."""

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
                since = Event.objects.filter(seq__gt=self._seq, seq__lte=head.seq).order_by()
                for code in since.values_list("participant", flat=True).distinct():
                    self._known.pop(code, None)
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


__all__ = ["ParticipantMemory"]
