"""The chain of the ledger: digests and their verification. Pure functions; an exported ledger is verified with these.

An event's hash covers the hash before it, every field of the event, and a digest of its payload. The payload (old and
new row) lies apart: each half has its own salt, so that one half can be taken out by two people (`redacted:<digest>`
stays in its place) while the chain still verifies and what was taken out cannot be guessed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

GENESIS: Final = "0" * 64
"""What stands before the first event."""
REDACTED: Final = "redacted:"
META: Final = (
    "seq",
    "at",
    "effective_at",
    "actor",
    "actor_kind",
    "action",
    "reason",
    "op",
    "entity",
    "entity_id",
    "participant",
    "site",
    "request_id",
    "software",
)
"""Fields of an event that its hash covers, in this order."""
NOT_SHOWN: Final = "(not shown)"
CHANGED: Final = "(changed, not shown)"
SECRETS: Final = (NOT_SHOWN, CHANGED)
"""What stands in the ledger for a password or a key."""
_INSTANT: Final = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(?:\+00:00)?")
HALF_SALT: Final = 32
"""Hexadecimal digits of the salt of one half; the payload's salt holds the old row's, then the new row's."""


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def half_digest(salt: str, text: str | None) -> str:
    """Digest of the old or of the new row: of its stored text; of a row that was not there; of a redacted one.

    >>> half_digest("00", None) != half_digest("00", "")
    True
    >>> half_digest("", "redacted:" + half_digest("00", "{}")) == half_digest("00", "{}")
    True
    """
    if text is None:
        return _sha256(f"{salt}-")
    if text.startswith(REDACTED):
        return text.removeprefix(REDACTED)
    return _sha256(f"{salt}+{text}")


def payload_digest(salt: str, old: str | None, new: str | None) -> str:
    """Digest of both rows; what the chain holds of them."""
    return _sha256(half_digest(salt[:HALF_SALT], old) + half_digest(salt[HALF_SALT:], new))


def event_hash(previous_hash: str, meta: Mapping[str, Any], digest: str) -> str:
    """Hash of an event: each field goes in as ``<bytes>:<text>``, so that no two events read alike."""
    fields = "".join(f"{len(text.encode('utf-8'))}:{text}" for text in (str(meta[name]) for name in META))
    return _sha256(f"{previous_hash}{fields}{digest}")


def json_digest(content: Any) -> str:
    """SHA-256 of JSON values; the same whatever database kept them.

    Numbers go in as floats: PostgreSQL gives ``1e+20`` back as an integer and knows no negative zero.

    >>> json_digest({"b": 1e20, "a": -0.0}) == json_digest({"a": 0, "b": 10**20})
    True
    """
    text = json.dumps(_floats(content), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return _sha256(text)


def _floats(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {str(name): _floats(value) for name, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_floats(value) for value in content]
    if isinstance(content, (int, float)) and not isinstance(content, bool):
        return float(content) + 0.0
    return content


def columns_that_differ(one: str | None, other: str | None) -> list[str]:
    """Columns in which two states of a row differ; secrets, redacted rows and columns that one lacks do not count.

    >>> columns_that_differ('{"a": 1, "b": 2}', '{"a": 1, "b": 3, "c": 4}')
    ['b']
    >>> columns_that_differ('{"at": "2026-01-01 08:00:00.120000"}', '{"at": "2026-01-01T08:00:00.12+00:00"}')
    []
    """
    if one == other or any(text is not None and text.startswith(REDACTED) for text in (one, other)):
        return []
    if one is None or other is None:
        return ["the whole row"]
    left, right = json.loads(one), json.loads(other)
    return [
        name
        for name in left
        if name in right
        and left[name] != right[name]
        and left[name] not in SECRETS
        and right[name] not in SECRETS
        and not _same_instant(left[name], right[name])
    ]


def _same_instant(one: Any, other: Any) -> bool:
    """Whether both are one instant: SQLite's triggers write it otherwise than PostgreSQL's, and a trial may move."""
    if not (isinstance(one, str) and isinstance(other, str)):
        return False
    known = [_INSTANT.fullmatch(text) for text in (one, other)]
    parts = [(found[1], found[2], (found[3] or "").rstrip("0")) for found in known if found]
    return len(parts) == 2 and parts[0] == parts[1]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the ledger, and at which event."""

    seq: int
    message: str


@dataclass(frozen=True, slots=True)
class Anchor:
    """A head that was written down elsewhere: the daily file, a signature, an export."""

    seq: int
    hash: str
    where: str


@dataclass(slots=True)
class ChainCheck:
    """Walks the events in order; `faults` holds what is wrong, the first altered event first."""

    anchors: dict[int, list[Anchor]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seq: int = 0
    hash: str = GENESIS
    effective_at: str = ""
    redacted: int = 0
    images: dict[tuple[str, str], str | None] = field(default_factory=dict)
    """Table and row -> the row as the ledger knows it last; None: deleted."""

    def take(self, event: Mapping[str, Any]) -> None:
        """Check the next event (fields of `META`, ``payload_digest``, ``previous_hash``, ``hash``, ``payload``)."""
        seq = int(event["seq"])
        if message := self._wrong_place(seq) or self._wrong_hash(event) or self._wrong_payload(event):
            self.faults.append(Fault(seq, message))
        if event["effective_at"] < self.effective_at:
            self.faults.append(Fault(seq, "its instant lies before that of the event before it"))
        if event["at"] < event["effective_at"]:
            self.notes.append(
                f"event {seq}: the clock said {event['at']}, before the event ahead of it; it was set back"
            )
        for anchor in self.anchors.get(seq, ()):
            if anchor.hash != event["hash"]:
                self.faults.append(Fault(seq, f"it is not the event that {anchor.where} wrote down"))
        if event["payload"] is not None and (message := self._wrong_row(event)):
            self.faults.append(Fault(seq, message))
        # The walk goes on from what is stored, so that one altered event is not reported for all after it.
        self.seq, self.hash, self.effective_at = seq, str(event["hash"]), str(event["effective_at"])

    def _wrong_place(self, seq: int) -> str:
        if seq == self.seq + 1:
            return ""
        if seq <= self.seq:
            return f"it stands after event {self.seq}: the order was changed, or an event was put in twice"
        missing = f"event {self.seq + 1} is" if seq == self.seq + 2 else f"events {self.seq + 1} to {seq - 1} are"
        return f"{missing} missing before it"

    def _wrong_hash(self, event: Mapping[str, Any]) -> str:
        if event["previous_hash"] != self.hash:
            return "it does not continue the event before it: that one was altered, exchanged or removed"
        if event_hash(str(event["previous_hash"]), event, str(event["payload_digest"])) != event["hash"]:
            return "its fields do not give its hash: it was altered"
        return ""

    def _wrong_payload(self, event: Mapping[str, Any]) -> str:
        payload = event["payload"]
        if payload is None:
            return "its payload (old and new row) is missing"
        halves = [payload["old"], payload["new"]]
        redacted = any(half is not None and half.startswith(REDACTED) for half in halves)
        if payload_digest(payload["salt"], *halves) != event["payload_digest"]:
            return "its payload (old and new row) does not give its digest: it was altered or emptied"
        if redacted and payload["redacted_by"] is None:
            return "its payload was taken out without a redaction by two people"
        self.redacted += redacted
        return ""

    def _wrong_row(self, event: Mapping[str, Any]) -> str:
        """A row edited while the triggers were away shows in the next event: its old row is not the last new one."""
        row = (event["entity"], event["entity_id"])
        old, new = event["payload"]["old"], event["payload"]["new"]
        known, before = row in self.images, self.images.get(row)
        self.images[row] = new
        if event["op"] in ("insert", "note"):
            return (
                f"row {row[1]} of {row[0]} is inserted although it is there already"
                if known and before is not None
                else ""
            )
        if not known:
            return f"row {row[1]} of {row[0]} was never inserted"
        if columns := columns_that_differ(before, old):
            return f"row {row[1]} of {row[0]} was changed past the ledger before it: {', '.join(columns)}"
        return ""

    def finish(self, head: Anchor | None) -> None:
        """Compare the end with the head and with anchors beyond it: a cut-off tail shows here."""
        ends = [anchor for anchors in self.anchors.values() for anchor in anchors] + ([head] if head else [])
        beyond = max((one for one in ends if one.seq > self.seq), key=lambda one: one.seq, default=None)
        if beyond is not None:
            self.faults.append(
                Fault(
                    self.seq + 1,
                    f"the ledger ends before it, but {beyond.where} knows event {beyond.seq}: its tail is cut off",
                )
            )
        elif head is not None and (head.seq, head.hash) != (self.seq, self.hash):
            self.faults.append(Fault(self.seq, f"{head.where} says that event {head.seq} is the last: it was altered"))


def verify_chain(
    events: Iterable[Mapping[str, Any]], *, head: Anchor | None = None, anchors: Iterable[Anchor] = ()
) -> ChainCheck:
    """Recompute the whole chain.

    Parameters
    ----------
    events
        In the order of the file or of ``seq``; see `ChainCheck.take`.
    head, anchors
        Where the ledger must end, and events that it must hold.

    Returns
    -------
    The finished check; the ledger is whole when `ChainCheck.faults` is empty.
    """
    check = ChainCheck()
    for anchor in anchors:
        check.anchors.setdefault(anchor.seq, []).append(anchor)
    for event in events:
        check.take(event)
    check.finish(head)
    return check
