"""Safety of one participant beyond grades."""

from __future__ import annotations

from theratrial.pipeline.context import Context
from theratrial.results.toxicity import ParticipantToxicity
from theratrial.results.values import Note, ParticipantResult
from theratrial.trialfolder.records import TrialFolder


def participant_toxicity(
    folder: TrialFolder, result: ParticipantResult, context: Context, notes: list[Note]
) -> ParticipantToxicity:
    """Nadirs, dose-limiting toxicity, the other CTCAE version, serious events and their clocks."""
    return ParticipantToxicity()
