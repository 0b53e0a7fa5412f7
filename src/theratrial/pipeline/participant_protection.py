"""Radiation protection after each session of one participant."""

from __future__ import annotations

from theratrial.pipeline.context import Context
from theratrial.results.protection import SessionProtection
from theratrial.results.values import Note, ParticipantResult
from theratrial.trialfolder.records import TrialFolder


def participant_protection(
    folder: TrialFolder, result: ParticipantResult, context: Context, notes: list[Note]
) -> tuple[SessionProtection, ...]:
    """Dose rates, release and restrictions, session by session."""
    return ()
