"""Every withdrawal of a participant, and when it stands: one rule for the schedule, deviations, gate, exports and site.

A withdrawal stands from its moment on, until she signs a consent form after it (`docs/methods/withdrawal.md`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from theratrial.trialfolder.records import TrialFolder

ENDS_SESSIONS: Final = frozenset({"treatment", "follow_up", "all"})
"""Kinds after which no session is given: of follow-up too, for nobody could watch over what the session does."""
ENDS_VISITS: Final = frozenset({"follow_up", "all"})
"""Kinds after which no visit and no image is expected; withdrawal from treatment leaves the follow-up due."""

ENDS_DATA_USE: Final = frozenset({"data_use", "all"})
"""Kinds after which a person's data go into no new export and nothing new is collected."""


@dataclass(frozen=True, slots=True)
class WithdrawalLine:
    """A withdrawal as recorded; `kind` ``all`` where the records do not say of what."""

    kind: str
    withdrawn_at: datetime
    source: str
    said: str
    """The kind as the line has it; empty where it does not say."""
    taken_back_at: datetime | None = None
    """When she consented again: the first consent signed after it."""
    taken_back_by: str = ""
    """Version of the form that she signed then."""

    def stands(self, at: datetime) -> bool:
        """Whether it holds at an instant: at its moment, not any more at that of the consent that takes it back."""
        return self.withdrawn_at <= at and (self.taken_back_at is None or at < self.taken_back_at)


def withdrawals(folder: TrialFolder, participant_id: str) -> tuple[WithdrawalLine, ...]:
    """Her withdrawals of every kind, in the order of time, those that a later consent took back too."""
    consents = folder.rows("consents", participant_id=participant_id)
    signed = sorted((row["signed_at"], row["form_version"] or "") for row in consents if row["signed_at"] is not None)
    found = []
    for row in (*consents, *folder.rows("withdrawals", participant_id=participant_id)):
        at, said = row["withdrawn_at"], row["withdrawal_kind"] or ""
        if at is not None:
            again = next((one for one in signed if one[0] > at), (None, ""))
            found.append(WithdrawalLine(said or "all", at, row.source, said, *again))
    return tuple(sorted(found, key=lambda one: one.withdrawn_at))


def standing_withdrawals(folder: TrialFolder, participant_id: str) -> tuple[WithdrawalLine, ...]:
    """Her withdrawals that no consent took back, in the order of time."""
    return tuple(one for one in withdrawals(folder, participant_id) if one.taken_back_at is None)


def data_use_withdrawn(folder: TrialFolder, participant_id: str) -> bool:
    """Whether the use of her data stands withdrawn; a withdrawal without its moment counts, for none must slip by."""
    if any(one.kind in ENDS_DATA_USE for one in standing_withdrawals(folder, participant_id)):
        return True
    consents = folder.rows("consents", participant_id=participant_id)
    without_moment = [
        row["withdrawal_kind"] or ("all" if "withdrawn_at" in row.unreadable else "")
        for row in consents
        if row["withdrawn_at"] is None
    ]
    further = folder.rows("withdrawals", participant_id=participant_id)
    without_moment += [row["withdrawal_kind"] or "all" for row in further if row["withdrawn_at"] is None]
    return any(kind in ENDS_DATA_USE for kind in without_moment)
