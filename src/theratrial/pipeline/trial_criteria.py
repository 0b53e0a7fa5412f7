"""Response over the participants: agreement and replay."""

from __future__ import annotations

from collections.abc import Sequence

from theratrial.pipeline.context import Context
from theratrial.results.criteria import TrialCriteria
from theratrial.results.values import ParticipantResult
from theratrial.trialfolder.records import TrialFolder


def trial_criteria(folder: TrialFolder, participants: Sequence[ParticipantResult], context: Context) -> TrialCriteria:
    """Agreement of readers and criteria, and the response replayed under other rules."""
    return TrialCriteria()
