"""Safety over the participants: the stopping rule replayed, the other CTCAE version."""

from __future__ import annotations

from collections.abc import Sequence

from theratrial.pipeline.context import Context
from theratrial.results.toxicity import TrialToxicity
from theratrial.results.values import ParticipantResult
from theratrial.trialfolder.records import TrialFolder


def trial_toxicity(folder: TrialFolder, participants: Sequence[ParticipantResult], context: Context) -> TrialToxicity:
    """The stopping rule on the actual order of events, and what another version of CTCAE would change."""
    return TrialToxicity()
