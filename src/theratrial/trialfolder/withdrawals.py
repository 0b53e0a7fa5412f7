"""Every withdrawal of a participant: that in the line of her consent, and the further ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from theratrial.trialfolder.records import TrialFolder

ENDS_SESSIONS: Final = frozenset({"treatment", "follow_up", "all"})
"""Kinds after which no session is given: of follow-up too, for nobody could watch over what the session does."""
ENDS_VISITS: Final = frozenset({"follow_up", "all"})
"""Kinds after which no visit and no image is expected; withdrawal from treatment leaves the follow-up due."""


@dataclass(frozen=True, slots=True)
class WithdrawalLine:
    """A withdrawal as recorded; `kind` ``all`` where the records do not say of what."""

    kind: str
    withdrawn_at: datetime
    source: str
    said: str
    """The kind as the line has it; empty where it does not say."""


def withdrawals(folder: TrialFolder, participant_id: str) -> tuple[WithdrawalLine, ...]:
    """Her withdrawals of every kind, in the order of time."""
    rows = [*folder.rows("consents", participant_id=participant_id)]
    rows += folder.rows("withdrawals", participant_id=participant_id)
    found = [
        WithdrawalLine(row["withdrawal_kind"] or "all", row["withdrawn_at"], row.source, row["withdrawal_kind"] or "")
        for row in rows
        if row["withdrawn_at"] is not None
    ]
    return tuple(sorted(found, key=lambda one: one.withdrawn_at))
