"""The analysis beside the primary proportion."""

from __future__ import annotations

from collections.abc import Sequence

from theratrial.pipeline.context import Context
from theratrial.results.analysis import TrialAnalysis
from theratrial.results.values import EndpointOutcome, ParticipantResult
from theratrial.trialfolder.records import TrialFolder


def trial_analysis(
    folder: TrialFolder, participants: Sequence[ParticipantResult], endpoint: EndpointOutcome, context: Context
) -> TrialAnalysis:
    """Estimand, intercurrent events, sensitivity analyses, test, power, times to event."""
    return TrialAnalysis()
