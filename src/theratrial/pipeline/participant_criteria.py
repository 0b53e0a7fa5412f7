"""Response of one participant beside the protocol's rule."""

from __future__ import annotations

from theratrial.pipeline.context import Context
from theratrial.pipeline.further_criteria import further_criteria
from theratrial.pipeline.lesion_courses import lesion_courses
from theratrial.pipeline.matching import ParticipantImages
from theratrial.pipeline.participant_response import OpenedPets
from theratrial.pipeline.tracer_reading import heterogeneity, uptake_fall
from theratrial.results.criteria import ParticipantCriteria
from theratrial.results.values import Note, ParticipantResult
from theratrial.trialfolder.records import TrialFolder


def participant_criteria(
    folder: TrialFolder,
    images: ParticipantImages,
    result: ParticipantResult,
    context: Context,
    notes: list[Note],
    opened: OpenedPets,
) -> ParticipantCriteria:
    """Further criteria, heterogeneity, the meaning of a fall of uptake, and each lesion's course."""
    clause = folder.protocol.further_criteria
    plan = clause.reading if clause is not None else None
    pattern = None if plan is None or plan.heterogeneity is None else plan.heterogeneity
    fall = None if plan is None or plan.uptake_fall is None else plan.uptake_fall
    return ParticipantCriteria(
        criteria=further_criteria(folder, images, result, context, notes, opened),
        heterogeneity=None if pattern is None else heterogeneity(folder, result, pattern, context),
        uptake_fall=None if fall is None else uptake_fall(folder, images, result, fall, context),
        lesions=lesion_courses(folder, images, result),
    )
