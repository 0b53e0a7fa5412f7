"""Response of one participant beside the protocol's rule."""

from __future__ import annotations

from theratrial.pipeline.context import Context
from theratrial.pipeline.matching import ParticipantImages
from theratrial.results.criteria import ParticipantCriteria
from theratrial.results.values import Note, ParticipantResult
from theratrial.trialfolder.records import TrialFolder


def participant_criteria(
    folder: TrialFolder, images: ParticipantImages, result: ParticipantResult, context: Context, notes: list[Note]
) -> ParticipantCriteria:
    """Further criteria, heterogeneity, the meaning of a fall of uptake, and each lesion's course."""
    return ParticipantCriteria()
